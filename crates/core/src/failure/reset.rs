//! When a limit ends, from what is said about it: seconds, durations, points in time. Has no clock and no zones: both are handed in.

use std::time::Duration;

use jiff::civil::{Date, Time as Clock};
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan as _};

use crate::time::Time;

/// The offset from UTC, in seconds, of a named zone, or of the place where the text was written; `None`: not known, and times
/// of day in it are not understood.
pub type Offsets<'a> = &'a dyn Fn(Option<&str>) -> Option<i32>;

/// Where nothing is known of zones.
pub const UTC_ONLY: Offsets<'static> = &|zone| (zone?.eq_ignore_ascii_case("utc") || zone?.eq_ignore_ascii_case("gmt")).then_some(0);

/// No limit lasts longer; what says so is something else.
const AHEAD_MAX: Duration = Duration::from_secs(35 * 24 * 3600);
/// A time of day that has just passed is not tomorrow's.
const PASSED_MAX: Duration = Duration::from_secs(600);
/// Only so much of a text is looked at.
const CHARS_MAX: usize = 16_000;

/// The point in time at which a limit is over, if the text says one that lies ahead.
#[must_use]
pub fn reset_at(text: &str, now: Time, offsets: Offsets<'_>) -> Option<Time> {
    let text: String = text.chars().take(CHARS_MAX).map(|c| c.to_ascii_lowercase()).collect();
    let ways = [epoch(&text), seconds(&text, now), relative(&text, now), written(&text, offsets), of_day(&text, now, offsets)];
    ways.into_iter().flatten().find(|at| *at >= now && at.since(now) <= AHEAD_MAX)
}

/// Where each of these words ends in the text, as a word of its own.
fn after<'a>(text: &'a str, words: &'a [&str]) -> impl Iterator<Item = &'a str> {
    words.iter().flat_map(move |word| {
        text.match_indices(word).filter_map(move |(at, _)| {
            let before = text[..at].chars().next_back();
            before.is_none_or(|c| !c.is_ascii_alphanumeric()).then(|| &text[at + word.len()..])
        })
    })
}

/// What may stand between a name and its value: `": "`, `=`, `|`.
fn value(rest: &str) -> &str {
    rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, ':' | '=' | '"' | '\'' | '\\' | '|' | ','))
}

fn number(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let digits = text[..end].trim_end_matches('.');
    Some((digits.parse().ok()?, &text[digits.len()..]))
}

/// `resets_at: 1767323045`, `x-ratelimit-reset: 1767323045`, `limit reached|1767323045`; in seconds or milliseconds since 1970.
fn epoch(text: &str) -> Option<Time> {
    const NAMES: &[&str] = &["resets_at", "resetsat", "reset_at", "resetat", "reset", "reached"];
    after(text, NAMES).find_map(|rest| {
        let rest = value(rest.trim_start_matches(|c: char| c.is_ascii_alphabetic() || c == '-' || c == '_'));
        let digits = rest.chars().take_while(char::is_ascii_digit).count();
        let n: u64 = rest[..digits].parse().ok()?;
        match digits {
            10 => Some(Time(n * 1_000)),
            13 => Some(Time(n)),
            _ => None,
        }
    })
}

/// `retry-after: 30`, `"retryDelay": "34.1s"`, `retry_after_ms=1500`, `x-ratelimit-reset-requests: 6m0s`.
fn seconds(text: &str, now: Time) -> Option<Time> {
    const NAMES: &[&str] = &[
        "retry-after-ms",
        "retry_after_ms",
        "retry-after",
        "retry_after",
        "retryafter",
        "retrydelay",
        "retry after",
        "resets_in_seconds",
        "reset-requests",
        "reset-tokens",
        "reset_seconds",
    ];
    NAMES.iter().find_map(|name| {
        after(text, &[name]).find_map(|rest| {
            let rest = value(rest);
            if let Some(wait) = duration(rest) {
                return Some(now + wait);
            }
            let (n, more) = number(rest)?;
            // An ISO date is none.
            if more.starts_with(['-', ':', '/']) {
                return None;
            }
            let seconds = if name.ends_with("ms") { n / 1_000.0 } else { n };
            Some(now + Duration::try_from_secs_f64(seconds).ok()?)
        })
    })
}

/// `try again in 5m`, `resets in 2 hours and 5 minutes`, `will reset after 2h30m10s`, `wait 60 seconds`.
fn relative(text: &str, now: Time) -> Option<Time> {
    const WORDS: &[&str] =
        &["again in", "retry in", "again after", "resets in", "reset in", "resets after", "reset after", "available in", "wait"];
    after(text, WORDS).find_map(|rest| duration(rest.trim_start())).map(|wait| now + wait)
}

/// `5m`, `1h30m`, `20 seconds`, `3 days 5 hours and 28 minutes`. A number without a unit is none.
fn duration(text: &str) -> Option<Duration> {
    let (mut total, mut rest, mut any) = (0.0, text.trim_start_matches("about ").trim_start_matches("at least "), false);
    while let Some((n, more)) = number(rest) {
        let more = more.trim_start();
        let end = more.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(more.len());
        let unit = match &more[..end] {
            "ms" | "millisecond" | "milliseconds" => 0.001,
            "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
            "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
            "h" | "hr" | "hrs" | "hour" | "hours" => 3_600.0,
            "d" | "day" | "days" => 86_400.0,
            "w" | "week" | "weeks" => 604_800.0,
            _ => break,
        };
        total += n * unit;
        any = true;
        rest = more[end..].trim_start_matches([' ', ',']);
        rest = rest.strip_prefix("and ").unwrap_or(rest);
    }
    any.then(|| Duration::try_from_secs_f64(total).ok()).flatten()
}

/// `2026-01-02T03:04:05Z`, `2026-01-02 03:04:05 +01:00`: the first one.
fn written(text: &str, offsets: Offsets<'_>) -> Option<Time> {
    let bytes = text.as_bytes();
    let is_date = |at: usize| bytes[at..].iter().zip(b"dddd-dd-dd").all(|(c, p)| if *p == b'd' { c.is_ascii_digit() } else { c == p });
    (0..bytes.len().saturating_sub(15)).filter(|at| is_date(*at) && text.is_char_boundary(*at)).find_map(|at| {
        let rest = &text[at..];
        // What stands between date and time may be any character.
        rest.get(11..)?;
        let end = rest[11..].find(|c: char| !(c.is_ascii_digit() || matches!(c, ':' | '.'))).map_or(rest.len(), |n| 11 + n);
        let civil: jiff::civil::DateTime = format!("{}t{}", &rest[..10], &rest[11..end]).parse().ok()?;
        let zone = rest[end..].trim_start();
        let seconds = if zone.starts_with('z') { Some(0) } else { signed(zone).or_else(|| zone_offset(zone, offsets)) }?;
        timestamp(civil, seconds)
    })
}

/// `+01:00`, `-0500`.
fn signed(zone: &str) -> Option<i32> {
    let sign = match zone.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let digits: String = zone[1..].chars().filter(|c| *c != ':').take_while(char::is_ascii_digit).take(4).collect();
    let (hours, minutes) = (digits.get(..2)?.parse::<i32>().ok()?, digits.get(2..4).and_then(|m| m.parse::<i32>().ok()).unwrap_or(0));
    Some(sign * (hours * 3_600 + minutes * 60))
}

/// The zone that is named next, `(Europe/Berlin)` or `UTC`; else that of the place.
fn zone_offset(rest: &str, offsets: Offsets<'_>) -> Option<i32> {
    let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '+' | '-'))).unwrap_or(rest.len());
    let name = &rest[..end];
    match name {
        "utc" | "gmt" | "z" => Some(0),
        name if name.contains('/') => offsets(Some(name)),
        _ => offsets(None),
    }
}

fn timestamp(civil: jiff::civil::DateTime, offset_seconds: i32) -> Option<Time> {
    let at = Offset::from_seconds(offset_seconds).ok()?.to_timestamp(civil).ok()?;
    u64::try_from(at.as_millisecond()).ok().map(Time)
}

/// `resets 3pm`, `try again at 3:05 PM`, `resets Dec 5 at 10:30am (UTC)`, `again at Jan 3rd, 2026 3:05 PM`: the next such moment.
fn of_day(text: &str, now: Time, offsets: Offsets<'_>) -> Option<Time> {
    const WORDS: &[&str] = &["resets", "reset at", "reset on", "again at", "again on", "again after", "available at", "until"];
    after(text, WORDS).find_map(|rest| {
        let mut rest = rest.trim_start();
        rest = rest.strip_prefix("at ").or_else(|| rest.strip_prefix("on ")).unwrap_or(rest);
        let (date, rest) = day_of_year(rest);
        let (clock, rest) = clock(rest)?;
        let seconds = signed(rest.trim_start()).or_else(|| zone_offset(rest, offsets))?;
        let here = Offset::from_seconds(seconds).ok()?.to_datetime(Timestamp::from_millisecond(i64::try_from(now.0).ok()?).ok()?);
        match date {
            Some((month, day, year)) => {
                let in_year = |year| Date::new(year, month, day).ok().and_then(|d| timestamp(d.to_datetime(clock), seconds));
                let this = in_year(year.unwrap_or(here.year()))?;
                if this < now && year.is_none() { in_year(here.year() + 1) } else { Some(this) }
            }
            None => {
                let today = timestamp(here.date().to_datetime(clock), seconds)?;
                if today >= now {
                    Some(today)
                } else if now.since(today) <= PASSED_MAX {
                    Some(now)
                } else {
                    timestamp(here.date().checked_add(1.day()).ok()?.to_datetime(clock), seconds)
                }
            }
        }
    })
}

/// Month, day, and the year where it is said.
type MonthDay = (i8, i8, Option<i16>);

/// `dec 5`, `jan 3rd, 2026`, and what follows it.
fn day_of_year(text: &str) -> (Option<MonthDay>, &str) {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let parsed = || {
        let month = MONTHS.iter().position(|m| text.starts_with(m))?;
        let rest = text.trim_start_matches(|c: char| c.is_ascii_alphabetic()).trim_start_matches(['.', ' ']);
        let digits = rest.chars().take_while(char::is_ascii_digit).count();
        let day = rest[..digits].parse().ok()?;
        let rest = rest[digits..].trim_start_matches(|c: char| c.is_ascii_alphabetic()).trim_start_matches([',', ' ']);
        let digits = rest.chars().take_while(char::is_ascii_digit).count();
        let (year, rest) = if digits == 4 { (rest[..4].parse().ok(), &rest[4..]) } else { (None, rest) };
        let rest = rest.trim_start_matches([',', ' ']);
        Some(((i8::try_from(month + 1).ok()?, day, year), rest.strip_prefix("at ").unwrap_or(rest)))
    };
    match parsed() {
        Some((date, rest)) => (Some(date), rest),
        None => (None, text),
    }
}

/// `3pm`, `3:05 pm`, `15:00`; an hour alone is none.
fn clock(text: &str) -> Option<(Clock, &str)> {
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    let hour: i8 = text[..digits].parse().ok()?;
    let mut rest = &text[digits..];
    let mut minute = None;
    while let Some(more) = rest.strip_prefix(':') {
        let digits = more.chars().take_while(char::is_ascii_digit).count();
        let n: i8 = more[..digits].parse().ok()?;
        minute.get_or_insert(n);
        rest = &more[digits..];
    }
    let trimmed = rest.trim_start();
    let half_day = trimmed.starts_with(['a', 'p']);
    if half_day && !(1..=12).contains(&hour) {
        return None;
    }
    let (hour, rest) = if let Some(rest) = trimmed.strip_prefix("am").or_else(|| trimmed.strip_prefix("a.m.")) {
        (hour % 12, rest)
    } else if let Some(rest) = trimmed.strip_prefix("pm").or_else(|| trimmed.strip_prefix("p.m.")) {
        (hour % 12 + 12, rest)
    } else {
        minute?;
        (hour, rest)
    };
    Some((Clock::new(hour, minute.unwrap_or(0), 0, 0).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_character_may_follow_a_date() {
        for text in ["limit until 2026-01-02€03:04:05 now", "2026-01-02→→→→→→→→", "2026-01-02ää 3:04pm"] {
            let _ = reset_at(text, Time(1_767_323_045_000), UTC_ONLY);
        }
    }

    /// 2026-01-02 12:00:00 UTC; at home it is 13:00.
    const NOW: Time = Time(1_767_355_200_000);

    fn at_home(zone: Option<&str>) -> Option<i32> {
        match zone {
            None | Some("europe/berlin") => Some(3_600),
            Some("america/new_york") => Some(-18_000),
            Some(_) => None,
        }
    }

    fn told(text: &str) -> Option<String> {
        reset_at(text, NOW, &at_home).map(|at| at.rfc3339().replace(".000Z", "Z"))
    }

    #[test]
    fn the_ways_in_which_the_end_of_a_limit_is_said() {
        for (text, expected) in [
            ("Retry-After: 30", "2026-01-02T12:00:30Z"),
            ("{\"retry_after\": 1.5, \"global\": false}", "2026-01-02T12:00:01.500Z"),
            ("retry-after-ms: 2500", "2026-01-02T12:00:02.500Z"),
            ("\"retryDelay\": \"34s\"", "2026-01-02T12:00:34Z"),
            ("\\\"retryDelay\\\":\\\"34.5s\\\"", "2026-01-02T12:00:34.500Z"),
            ("x-ratelimit-reset-requests: 6m0s", "2026-01-02T12:06:00Z"),
            ("anthropic-ratelimit-requests-reset: 2026-01-02T12:34:56Z", "2026-01-02T12:34:56Z"),
            ("x-ratelimit-reset: 1767358800", "2026-01-02T13:00:00Z"),
            ("\"resets_at\":1767358800", "2026-01-02T13:00:00Z"),
            ("\"resetsAt\": 1767358800000", "2026-01-02T13:00:00Z"),
            ("Claude AI usage limit reached|1767358800", "2026-01-02T13:00:00Z"),
            ("\"resets_in_seconds\":90", "2026-01-02T12:01:30Z"),
            ("Rate limit reached for m. Please try again in 20s. Visit", "2026-01-02T12:00:20Z"),
            ("please try again in 1m30.5s", "2026-01-02T12:01:30.500Z"),
            ("try again in 86ms", "2026-01-02T12:00:00.086Z"),
            ("Try again in 3 days 5 hours and 28 minutes.", "2026-01-05T17:28:00Z"),
            ("Your quota will reset after 2h30m10s.", "2026-01-02T14:30:10Z"),
            ("Please retry in 34.1s.", "2026-01-02T12:00:34.100Z"),
            ("Please wait 60 seconds", "2026-01-02T12:01:00Z"),
            ("5-hour limit reached ∙ resets 3pm", "2026-01-02T14:00:00Z"),
            ("You've hit your limit · resets 3:30pm (America/New_York)", "2026-01-02T20:30:00Z"),
            ("resets 11am", "2026-01-03T10:00:00Z"),
            ("Try again at 3:05 PM.", "2026-01-02T14:05:00Z"),
            ("reset at 15:00 UTC", "2026-01-02T15:00:00Z"),
            ("limit resets Jan 5 at 10:30am", "2026-01-05T09:30:00Z"),
            ("Try again at Jan 3rd, 2026 3:05 PM.", "2026-01-03T14:05:00Z"),
            ("limited until 2026-01-02 14:00:00 +02:00", "2026-01-02T12:00:00Z"),
            ("limited until 2026-01-02 14:00:00", "2026-01-02T13:00:00Z"),
            ("resets 12:58", "2026-01-02T12:00:00Z"),
        ] {
            assert_eq!(told(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_says_no_time_has_none() {
        for text in [
            "",
            "429 Too Many Requests",
            "Retrying in 4.0 seconds...",
            "try again later",
            "wait and try again",
            "resets soon",
            "resets 5",
            "reset the password in 5 minutes",
            "until 25:00",
            "resets 13pm 99",
            "x-ratelimit-reset: 1000000000",
            "retry-after: soon",
            "error at 2020-01-02T00:00:00Z",
            "try again in 5 parsecs",
            "resets Feb 31 at 3pm",
            "again in 99999999999999999999 days",
        ] {
            assert_eq!(told(text), None, "{text}");
        }
        assert_eq!(reset_at("resets 3pm", NOW, UTC_ONLY), None, "whose three o'clock is not known");
        assert!(reset_at("resets 3pm (UTC)", NOW, UTC_ONLY).is_some());
    }

    #[test]
    fn no_text_is_too_odd() {
        let odd = "resets ünd 3️⃣pm retry-after: \u{0} again in ∞ reset|9999999999999999999999 2026-99-99T99:99 until ";
        for cut in (0..odd.len()).filter(|at| odd.is_char_boundary(*at)) {
            let found = [&odd[cut..], &odd[..cut]].map(|text| reset_at(text, NOW, &at_home));
            assert!(found.into_iter().flatten().all(|at| at >= NOW));
        }
    }
}
