//! What is said of limits of providers, and of agents that took over from others. Drawn from the status document.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use greenlane_core::time::Time;
use greenlane_core::view::Status;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::name_of;
use super::text::{Look, clean, wrapped};

/// So many tasks of one reason are named.
const TASKS_MAX: usize = 8;
const LINES_MAX: usize = 4;

/// What lies less far ahead is told to the second.
const NEAR: Duration = Duration::from_secs(120);

/// `14:05` where the user stands, with the date where that is not today's; `14:05:54, in 40 s` where it is near.
#[must_use]
pub fn local(at: Time, now: Time) -> String {
    let zoned = |t: Time| {
        let stamp = i64::try_from(t.0).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        stamp.map(|stamp| stamp.to_zoned(TimeZone::system()))
    };
    let left = at.since(now);
    match (zoned(at), zoned(now)) {
        (Some(at), _) if !left.is_zero() && left < NEAR => format!("{}, in {} s", at.strftime("%H:%M:%S"), left.as_millis().div_ceil(1000)),
        (Some(at), Some(now)) if at.date() == now.date() => at.strftime("%H:%M").to_string(),
        (Some(at), _) => at.strftime("%Y-%m-%d %H:%M").to_string(),
        (None, _) => at.rfc3339(),
    }
}

/// The same for each time, in RFC 3339, that is a word of this text.
#[must_use]
pub fn local_times(text: &str, now: Time) -> String {
    let word = |word: &str| {
        let bare = word.trim_end_matches([')', ',', ';', ':']);
        let stamp = bare.ends_with('Z').then(|| bare.parse::<Timestamp>().ok()).flatten();
        let at = stamp.and_then(|stamp| u64::try_from(stamp.as_millisecond()).ok());
        at.map_or_else(|| word.to_owned(), |at| format!("{}{}", local(Time(at), now), &word[bare.len()..]))
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// Who took over from whom and why, a line for each reason; empty where everybody did what the plan says first.
#[must_use]
pub fn fallbacks(doc: &Status, look: Look, now: Time) -> String {
    let mut by_reason: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for task in &doc.tasks {
        for a in &task.attempts {
            let Some(why) = &a.fallback else { continue };
            let tasks = by_reason.entry((a.agent.as_str(), why.as_str())).or_default();
            let name = format!("`{}`", clean(&name_of(doc, task)));
            if !tasks.contains(&name) {
                tasks.push(name);
            }
        }
    }
    let mut out = String::new();
    for ((agent, why), tasks) in by_reason {
        let more = tasks.len().saturating_sub(TASKS_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let named = tasks[..tasks.len().min(TASKS_MAX)].join(", ");
        let line = format!("{} took over {named}{more}: {}", clean(agent), clean(&local_times(why, now)));
        for line in wrapped(&line, look.width, LINES_MAX) {
            let _ = writeln!(out, "{line}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;
    use greenlane_core::view::Coordinator;

    #[test]
    fn times_in_a_text_are_the_users_own_and_the_rest_stays() {
        let at = Time(1_767_323_045_000);
        let text = format!("claude is limited until {} (at 5Z: too many)", at.rfc3339());
        let near = Time(at.0 - 39_500);
        assert!(local_times(&text, near).contains(":05, in 40 s (at 5Z: too many)"), "{}", local_times(&text, near));
        assert_eq!(local(at, Time(at.0 - 120_000)), local(at, at));
        assert_eq!(local_times(&text, at), format!("claude is limited until {} (at 5Z: too many)", local(at, at)));
        assert_eq!(local(at, at).len(), 5);
        assert!(local(at, Time(0)).starts_with("2026-01-0"), "another day");
    }

    #[test]
    fn who_took_over_is_said_once_for_each_reason() {
        let run = samples::half_way();
        let mut doc = run.status(Coordinator::Alive);
        let look = Look { width: 100, color: false };
        assert_eq!(fallbacks(&doc, look, run.now), "");
        for task in &mut doc.tasks {
            for a in &mut task.attempts {
                a.fallback = Some(String::from("codex cannot be used: it is not signed in"));
            }
        }
        let expected = "claude took over `bucket`, `header`, `docs`: codex cannot be used: it is not signed in\n";
        assert_eq!(fallbacks(&doc, look, run.now), expected);
    }
}
