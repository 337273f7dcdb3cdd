//! Numbers, times and states as the pages write them. Knows no page.

use std::time::Duration;

use greenlane_core::time::Time;
use greenlane_core::view::UsageView;

use crate::report::humane;

/// Seconds for people.
#[must_use]
pub fn span(seconds: &f64) -> String {
    humane(Duration::try_from_secs_f64(*seconds).unwrap_or_default())
}

/// `0`, `999`, `12.3k`, `4.5M`.
#[must_use]
pub fn count(n: u64) -> String {
    match n {
        0..1_000 => n.to_string(),
        1_000..10_000 => format!("{:.1}k", n as f64 / 1e3),
        10_000..1_000_000 => format!("{}k", n / 1_000),
        1_000_000..10_000_000 => format!("{:.1}M", n as f64 / 1e6),
        _ => format!("{}M", n / 1_000_000),
    }
}

/// Input and output together; empty where none were told.
#[must_use]
pub fn tokens(usage: &UsageView) -> String {
    match usage.input_tokens.saturating_add(usage.output_tokens) {
        0 => String::new(),
        n => count(n),
    }
}

/// `$1.23`; empty where it is not known.
#[must_use]
pub fn cost(usage: &UsageView) -> String {
    usage.cost_usd.map(dollars).unwrap_or_default()
}

/// `$1.23`, `$123`.
#[must_use]
pub fn dollars(amount: f64) -> String {
    if amount >= 100.0 { format!("${amount:.0}") } else { format!("${amount:.2}") }
}

/// Bytes for people.
#[must_use]
pub fn bytes(n: u64) -> String {
    match n {
        0..1_024 => format!("{n} B"),
        1_024..1_048_576 => format!("{} KiB", n / 1_024),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", n as f64 / 1_048_576.0),
        _ => format!("{:.1} GiB", n as f64 / 1_073_741_824.0),
    }
}

/// RFC 3339, for the `datetime` of an element; the page's script makes it the reader's own.
#[must_use]
pub fn stamp(at: &Time) -> String {
    at.rfc3339()
}

/// `14:05:09 UTC`, what stands there without the script.
#[must_use]
pub fn clock(at: &Time) -> String {
    format!("{} UTC", at.rfc3339().get(11..19).unwrap_or_default())
}

/// `2026-01-02 14:05 UTC`.
#[must_use]
pub fn date(at: &Time) -> String {
    format!("{} UTC", at.rfc3339().get(..16).unwrap_or_default().replace('T', " "))
}

/// A text as HTML in which each time (RFC 3339) is an element that the page's script makes the reader's own.
#[must_use]
pub fn timed(text: &str) -> String {
    let escaped = |text: &str| askama::filters::escape(text, askama::filters::Html).map(|e| e.to_string()).unwrap_or_default();
    let word = |word: &str| {
        let bare = word.trim_end_matches([')', ',', ';', ':', '.']);
        let at = bare.ends_with('Z').then(|| bare.parse::<jiff::Timestamp>().ok()).flatten();
        let at = at.and_then(|at| u64::try_from(at.as_millisecond()).ok()).map(Time);
        at.map_or_else(
            || escaped(word),
            |at| format!("<time datetime=\"{}\">{}</time>{}", at.rfc3339(), clock(&at), escaped(&word[bare.len()..])),
        )
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// How a state is coloured: one of a handful of classes of the style sheet. The word beside it says the same.
#[must_use]
pub fn tone(state: &str) -> &'static str {
    match state {
        "done" | "finished" | "healthy" | "fixed" => "good",
        "failed" | "dead" => "bad",
        "needs_human" | "interrupted" | "stopped" | "cancelled" | "awaiting_retry" | "awaiting_quota" | "awaiting_answer" | "hung"
        | "paused" | "stopping" => "odd",
        "running" | "gating" | "landing" => "live",
        _ => "dim",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_long_as_a_glance() {
        assert_eq!([0, 999, 1_234, 12_345, 999_999, 4_560_000, 45_600_000].map(count), ["0", "999", "1.2k", "12k", "999k", "4.6M", "45M"]);
        assert_eq!([0.0, 1.239, 99.9, 100.4].map(dollars), ["$0.00", "$1.24", "$99.90", "$100"]);
        assert_eq!([5, 2_048, 3 << 20, 3 << 30].map(bytes), ["5 B", "2 KiB", "3.0 MiB", "3.0 GiB"]);
        assert_eq!(clock(&Time(3_661_000)), "01:01:01 UTC");
        assert_eq!(date(&Time(3_661_000)), "1970-01-01 01:01 UTC");
    }

    #[test]
    fn times_in_words_are_the_readers() {
        let text = timed("<i>; tried again at 1970-01-01T01:01:01.5Z; 7Z");
        assert_eq!(text, "&#60;i&#62;; tried again at <time datetime=\"1970-01-01T01:01:01.500Z\">01:01:01 UTC</time>; 7Z");
    }

    #[test]
    fn what_nobody_told_is_not_zero() {
        let none = UsageView::default();
        assert_eq!((tokens(&none), cost(&none)), (String::new(), String::new()));
    }
}
