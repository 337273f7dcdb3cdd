//! A state's sign, colour and words. Meaning is never only in colour or sign: the word stands beside them.

use crate::output::Paint;

/// One column that can be told apart without colour.
#[must_use]
pub fn sign(state: &str) -> &'static str {
    match state {
        "done" | "finished" => "✓",
        "failed" => "✗",
        "needs_human" | "interrupted" => "!",
        "skipped" => "-",
        "cancelled" | "stopped" => "×",
        "running" | "gating" | "landing" => "▶",
        "awaiting_retry" | "awaiting_quota" => "↻",
        "awaiting_answer" => "?",
        _ => "·",
    }
}

/// The colour that goes with it.
#[must_use]
pub fn state_paint(state: &str) -> Paint {
    match state {
        "done" | "finished" => Paint::Green,
        "failed" => Paint::Red,
        "needs_human" | "awaiting_retry" | "awaiting_quota" | "awaiting_answer" | "interrupted" | "cancelled" | "stopped" => Paint::Yellow,
        "running" | "gating" | "landing" => Paint::Cyan,
        _ => Paint::Dim,
    }
}

/// The contract's word as people say it.
#[must_use]
pub fn state_words(state: &str) -> String {
    match state {
        "gating" => String::from("checking"),
        other => other.replace('_', " "),
    }
}
