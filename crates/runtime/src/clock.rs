//! The one clock. Everything that decides gets its time from here, as an argument.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use greenlane_core::time::Time;

/// The time now.
#[must_use]
pub fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Milliseconds since the machine booted, without the time that it slept: the same for all processes, and nobody sets it.
#[must_use]
pub fn uptime_ms() -> u64 {
    let since = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(since.tv_sec).unwrap_or(0) * 1_000 + u64::try_from(since.tv_nsec).unwrap_or(0) / 1_000_000
}

/// The time as a coordinator counts it: never backwards, and on at its usual pace while the machine's clock is behind.
/// Otherwise a clock that is put back an hour would hold up every retry by an hour.
#[derive(Clone, Copy, Debug)]
pub struct Steady {
    at: Time,
    seen: Instant,
}

impl Steady {
    /// From now on.
    #[must_use]
    pub fn new() -> Self {
        Self { at: now(), seen: Instant::now() }
    }

    /// From that time on, where the machine's clock has been put behind it since.
    #[must_use]
    pub fn not_before(self, earliest: Time) -> Self {
        Self { at: self.at.max(earliest), ..self }
    }

    /// The time now.
    pub fn now(&mut self) -> Time {
        self.advance(now(), Instant::now())
    }

    fn advance(&mut self, wall: Time, seen: Instant) -> Time {
        let counted = self.at + seen.saturating_duration_since(self.seen);
        // The next count goes from here only where the machine's clock is ahead: rounding to milliseconds would add up.
        if wall > counted {
            (self.at, self.seen) = (wall, seen);
        }
        counted.max(wall)
    }
}

impl Default for Steady {
    fn default() -> Self {
        Self::new()
    }
}

/// A new run's id: `yymmdd-hhmmss-xxxx` in UTC, so that ids sort by time.
#[must_use]
pub fn new_run_id() -> greenlane_core::ids::RunId {
    let at = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let salt: String = std::iter::repeat_with(|| fastrand::char('a'..='z')).take(4).collect();
    greenlane_core::ids::RunId::from(format!("{}-{salt}", at.strftime("%y%m%d-%H%M%S")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_clock_that_is_put_back_holds_nothing_up_and_one_that_jumps_ahead_is_followed() {
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let mut clock = Steady { at: Time(10_000), seen: start };
        assert_eq!(clock.advance(Time(10_500), after(500)), Time(10_500));
        assert_eq!(clock.advance(Time(1_000), after(700)), Time(10_700), "put back: goes on at its pace");
        assert_eq!(clock.advance(Time(1_300), after(1_000)), Time(11_000));
        assert_eq!(clock.advance(Time(90_000), after(1_001)), Time(90_000), "ahead");
        assert_eq!(clock.advance(Time(20_000), after(2_001)), Time(91_000));
        let mut later = Steady { at: Time(5_000), seen: start }.not_before(Time(91_000));
        assert_eq!(later.advance(Time(5_100), after(100)), Time(91_100), "put back while nobody coordinated");
    }
}
