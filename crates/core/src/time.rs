//! Points in time and durations as text. Has no `now()`: the time is always handed in.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point in time: milliseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Time(pub u64);

impl Time {
    /// The time since `earlier`; zero where the clock went backwards.
    #[must_use]
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// RFC 3339 in UTC with milliseconds: `2026-01-02T03:04:05.678Z`.
    #[must_use]
    pub fn rfc3339(self) -> String {
        let ms = i64::try_from(self.0).unwrap_or(i64::MAX);
        match jiff::Timestamp::from_millisecond(ms) {
            Ok(at) => format!("{at:.3}"),
            Err(_) => String::from("9999-12-31T23:59:59.999Z"),
        }
    }
}

impl Add<Duration> for Time {
    type Output = Time;
    fn add(self, d: Duration) -> Time {
        Time(self.0.saturating_add(u64::try_from(d.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl Sub for Time {
    type Output = Duration;
    fn sub(self, earlier: Time) -> Duration {
        self.since(earlier)
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}ms", self.0)
    }
}

/// Reads a duration as the contract writes it: `600ms`, `90s`, `30m`, `1h30m`, `2d`; a bare number is seconds.
///
/// # Errors
/// Says in a few words what is wrong with the text.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` is not a duration: write it as 600ms, 90s, 30m or 1h30m");
    let text_trimmed = text.trim();
    if text_trimmed.is_empty() {
        return Err(bad());
    }
    if let Ok(seconds) = text_trimmed.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).map_err(|_| bad()).and_then(bounded);
    }
    let mut total = Duration::ZERO;
    let mut rest = text_trimmed;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
        let number: u64 = rest[..digits].parse().map_err(|_| bad())?;
        rest = &rest[digits..];
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit_millis = match rest[..end].trim() {
            "ms" => 1,
            "s" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(bad()),
        };
        let millis = number.checked_mul(unit_millis).ok_or_else(bad)?;
        total = total.checked_add(Duration::from_millis(millis)).ok_or_else(bad)?;
        rest = &rest[end..];
    }
    bounded(total)
}

/// The longest duration that is read: a hundred years. So a plan's durations can be added up, and what was written is read again.
const DURATION_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Whole milliseconds, as they are written, and no more than anybody means.
///
/// # Errors
/// If it is longer than a hundred years.
pub fn bounded(d: Duration) -> Result<Duration, String> {
    if d > DURATION_MAX {
        return Err(String::from("it is longer than a hundred years"));
    }
    Ok(Duration::from_millis(u64::try_from(d.as_millis()).unwrap_or(u64::MAX)))
}

/// Writes a duration so that [`parse_duration`] reads it back to the millisecond.
#[must_use]
pub fn format_duration(d: Duration) -> String {
    let millis = d.as_millis();
    if millis == 0 {
        return String::from("0s");
    }
    let (h, m, s, ms) = (millis / 3_600_000, millis / 60_000 % 60, millis / 1000 % 60, millis % 1000);
    let mut out = String::new();
    for (n, unit) in [(h, "h"), (m, "m"), (s, "s"), (ms, "ms")] {
        if n > 0 {
            out.push_str(&format!("{n}{unit}"));
        }
    }
    out
}

/// Serde for a [`Duration`] as the contract's text; a bare number is read as seconds.
pub mod duration_text {
    use super::{bounded, format_duration, parse_duration};
    use serde::Serializer;
    use serde::de::{self, Deserializer, Visitor};
    use std::fmt;
    use std::time::Duration;

    /// Writes `1h30m`.
    ///
    /// # Errors
    /// Only the serializer's own.
    pub fn serialize<S: Serializer>(d: &Duration, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&format_duration(*d))
    }

    /// Reads `1h30m` or a number of seconds.
    ///
    /// # Errors
    /// If the text is not a duration.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Duration;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as 90s, 30m or 1h30m")
            }
            fn visit_str<E: de::Error>(self, v: &str) -> Result<Duration, E> {
                parse_duration(v).map_err(E::custom)
            }
            fn visit_u64<E: de::Error>(self, v: u64) -> Result<Duration, E> {
                bounded(Duration::from_secs(v)).map_err(E::custom)
            }
            fn visit_i64<E: de::Error>(self, v: i64) -> Result<Duration, E> {
                self.visit_u64(u64::try_from(v).map_err(|_| E::custom("a duration cannot be negative"))?)
            }
            fn visit_f64<E: de::Error>(self, v: f64) -> Result<Duration, E> {
                Duration::try_from_secs_f64(v)
                    .map_err(|_| E::custom("a duration cannot be negative"))
                    .and_then(|d| bounded(d).map_err(E::custom))
            }
        }
        d.deserialize_any(Text)
    }

    /// The same for an optional duration; use with `#[serde(default)]`.
    pub mod option {
        use super::{Deserializer, Duration, Serializer};
        use serde::Deserialize;

        #[derive(serde::Deserialize)]
        struct Wrapped(#[serde(with = "super")] Duration);

        /// Writes the text, or nothing.
        ///
        /// # Errors
        /// Only the serializer's own.
        pub fn serialize<S: Serializer>(d: &Option<Duration>, s: S) -> Result<S::Ok, S::Error> {
            match d {
                Some(d) => super::serialize(d, s),
                None => s.serialize_none(),
            }
        }

        /// Reads the text, or nothing.
        ///
        /// # Errors
        /// If the text is not a duration.
        pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Duration>, D::Error> {
            Ok(Option::<Wrapped>::deserialize(d)?.map(|w| w.0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_the_contract_writes_them() {
        for (text, millis) in [("600ms", 600), ("90s", 90_000), ("30m", 1_800_000), ("1h30m", 5_400_000), ("45", 45_000), ("1.5", 1500)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "soon", "-3", "3 weeks", "1h30", "99999999999999999999h"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_written_duration_reads_back() {
        for millis in [0, 1, 999, 60_000, 61_001, 5_400_000, 90_061_007] {
            let d = Duration::from_millis(millis);
            assert_eq!(parse_duration(&format_duration(d)), Ok(d));
        }
    }

    #[test]
    fn whatever_is_read_can_be_written_and_read_again() {
        for text in ["1e-9", "0.0015", ".584542046090", "876000h", "1s999ms"] {
            let read = parse_duration(text);
            assert_eq!(read.clone().and_then(|d| parse_duration(&format_duration(d))), read, "{text}");
        }
        for text in ["9000000000000000000", "1e18", "36501d", "18446744073709551s"] {
            assert_eq!(parse_duration(text), Err(String::from("it is longer than a hundred years")), "{text}");
        }
        assert!(serde_json::from_str::<Timed>("{\"t\": 9000000000000000000}").is_err());
    }

    #[derive(Debug, serde::Deserialize)]
    struct Timed {
        #[serde(rename = "t", with = "duration_text")]
        _t: Duration,
    }

    #[test]
    fn time_is_rfc3339_in_utc() {
        assert_eq!(Time(1_767_323_045_678).rfc3339(), "2026-01-02T03:04:05.678Z");
    }
}
