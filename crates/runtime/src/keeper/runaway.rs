//! Does an agent go round in circles? Judges calls of tools and amounts of output; has no clock and reads nothing.
//!
//! *Approach*: a call with a result is news the first time that the two come together. Since the last news repetitions are counted, each
//! pair by itself: an agent that edits between two runs of the same test makes news with each edit, one that only runs the test again, or two
//! of them in turn, does not. Output is counted since the last call of a tool.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use greenlane_core::budget::thousands;
use serde::{Deserialize, Serialize};

use crate::agent::ToolCall;

/// Pairs that are remembered; the oldest are forgotten, and are news again.
const KNOWN_MAX: usize = 1_024;

/// How much of what makes no progress is let pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The same call with the same result so often, without news between; `None`: any number.
    #[serde(default)]
    pub same_calls_max: Option<u32>,
    /// So much output in a row without a call of a tool; `None`: any amount.
    #[serde(default)]
    pub idle_bytes_max: Option<u64>,
}

/// What was seen so far.
pub(super) struct Detector {
    limits: Limits,
    known: BTreeSet<(u64, u64)>,
    order: VecDeque<(u64, u64)>,
    repeated: BTreeMap<(u64, u64), u32>,
    /// The agent's output, and its calls of tools, when a call was last seen.
    bytes_at_call: u64,
    calls: u64,
}

impl Detector {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, known: BTreeSet::new(), order: VecDeque::new(), repeated: BTreeMap::new(), bytes_at_call: 0, calls: 0 }
    }

    /// A call of a tool has got its result. `Some`: once too often the same; in words for people.
    pub(super) fn called(&mut self, call: &ToolCall) -> Option<String> {
        let max = self.limits.same_calls_max?;
        let pair = (call.call, call.result);
        if self.known.insert(pair) {
            self.repeated.clear();
            self.order.push_back(pair);
            if self.order.len() > KNOWN_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.known.remove(&oldest);
            }
        }
        let times = self.repeated.entry(pair).or_default();
        *times += 1;
        (*times >= max).then(|| format!("the same call with the same result {times} times, and nothing new between: {}", call.what))
    }

    /// The agent has printed so many bytes and called so many tools. `Some`: too much since its last call; in words for people.
    pub(super) fn printed(&mut self, bytes: u64, calls: u64) -> Option<String> {
        let max = self.limits.idle_bytes_max?;
        if calls != self.calls {
            (self.calls, self.bytes_at_call) = (calls, bytes);
        }
        let idle = bytes - self.bytes_at_call;
        (idle > max).then(|| format!("{} bytes of output without calling a tool (at most {})", thousands(idle), thousands(max)))
    }

    /// What was printed up to now belongs to a call that has ended just now.
    pub(super) fn call_ended(&mut self, bytes: u64) {
        self.bytes_at_call = bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each letter is a call, a digit behind it another result. Gives the number of the call that was one too many.
    fn ends_at(max: u32, calls: &str) -> Option<usize> {
        let mut detector = Detector::new(Limits { same_calls_max: Some(max), idle_bytes_max: None });
        calls.split_whitespace().position(|word| {
            let (name, result) = word.split_at(1);
            let call = ToolCall { what: format!("runs `{name}`"), call: name.as_bytes()[0].into(), result: result.parse().unwrap_or(0) };
            detector.called(&call).is_some()
        })
    }

    #[test]
    fn only_repetition_without_news_is_going_in_circles() {
        for (max, calls, at) in [
            (3, "a a a", Some(2)),
            (3, "a a b a a", None),
            (3, "a a b a a a", Some(5)),
            (3, "a1 a2 a3 a4 a5", None),
            // Edits between runs of the same test.
            (3, "t a t b t c t d t e t f", None),
            // Two calls in turn.
            (3, "a b a b a b", Some(5)),
            (3, "a b c a b c a b c", Some(8)),
            (1, "a", Some(0)),
        ] {
            assert_eq!(ends_at(max, calls), at, "{calls}");
        }
    }

    #[test]
    fn it_says_what_was_repeated() {
        let mut detector = Detector::new(Limits { same_calls_max: Some(2), idle_bytes_max: None });
        let call = ToolCall { what: String::from("runs `ls`"), call: 1, result: 1 };
        assert_eq!(detector.called(&call), None);
        assert_eq!(
            detector.called(&call).as_deref(),
            Some("the same call with the same result 2 times, and nothing new between: runs `ls`")
        );
    }

    #[test]
    fn output_counts_since_the_last_call() {
        let mut detector = Detector::new(Limits { same_calls_max: None, idle_bytes_max: Some(1_000) });
        assert_eq!(detector.printed(1_000, 0), None);
        assert_eq!(detector.printed(1_500, 1), None, "a call");
        assert_eq!(detector.printed(2_500, 1), None);
        detector.call_ended(9_000);
        assert_eq!(detector.printed(10_000, 1), None, "what its tool printed is the tool's");
        assert_eq!(detector.printed(10_001, 1).as_deref(), Some("1,001 bytes of output without calling a tool (at most 1,000)"));
        assert_eq!(Detector::new(Limits::default()).printed(u64::MAX, 0), None);
    }

    #[test]
    fn what_is_remembered_has_a_limit() {
        let mut detector = Detector::new(Limits { same_calls_max: Some(5), idle_bytes_max: None });
        for call in 0..5_000 {
            detector.called(&ToolCall { what: String::new(), call, result: 0 });
        }
        assert_eq!((detector.known.len(), detector.order.len(), detector.repeated.len()), (KNOWN_MAX, KNOWN_MAX, 1));
    }
}
