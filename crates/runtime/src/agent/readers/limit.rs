//! When a limit ends, by the clock and the zone of this machine: agents show times of day as their user would read them.

use greenlane_core::failure;
use greenlane_core::time::Time;
use jiff::tz::TimeZone;

use crate::clock;

/// The point in time that a message about a limit states, if it lies ahead.
pub(super) fn reset_at(message: &str) -> Option<Time> {
    failure::reset_at(message, clock::now(), &offset)
}

/// The offset of a zone at this moment, in seconds; of this machine's where none is named.
fn offset(zone: Option<&str>) -> Option<i32> {
    let zone = match zone {
        // Names of zones are told apart by no letter's case.
        Some(name) => TimeZone::get(name).ok()?,
        None => TimeZone::system(),
    };
    Some(zone.to_offset(jiff::Timestamp::now()).seconds())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machines_zone_is_known_and_a_wait_is_counted_from_now() {
        assert!(offset(None).is_some() && offset(Some("no/where")).is_none());
        let before = clock::now();
        let at = reset_at("Rate limit reached, try again in 5m").unwrap();
        assert!((299..=310).contains(&at.since(before).as_secs()), "{at:?}");
        assert_eq!(reset_at("too fast"), None);
    }
}
