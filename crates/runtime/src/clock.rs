//! The one clock. Everything that decides gets its time from here, as an argument.

use std::time::{SystemTime, UNIX_EPOCH};

use greenlane_core::time::Time;

/// The time now.
#[must_use]
pub fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// A new run's id: `yymmdd-hhmmss-xxxx` in UTC, so that ids sort by time.
#[must_use]
pub fn new_run_id() -> greenlane_core::ids::RunId {
    let at = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let salt: String = std::iter::repeat_with(|| fastrand::char('a'..='z')).take(4).collect();
    greenlane_core::ids::RunId::from(format!("{}-{salt}", at.strftime("%y%m%d-%H%M%S")))
}
