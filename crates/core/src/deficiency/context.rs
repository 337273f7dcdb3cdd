//! Where and how a deficiency showed: merged from all the times that it did, and bounded. Judges nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::observe::Way;
use crate::failure::{FailureDetail, FailureType};
use crate::time::Time;

/// Most entries of each list; the newest stay.
const LIST_MAX: usize = 8;
/// Most characters of one entry.
const ENTRY_CHARS_MAX: usize = 300;
/// Most pairs that people may add.
const NOTES_MAX: usize = 32;

/// The ancestor's `context`, an object of what is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Context {
    /// What kind of event showed it; `None` for what a person recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub way: Option<Way>,
    /// The failure's type, where an attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_type: Option<FailureType>,
    /// Its detail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_detail: Option<FailureDetail>,
    /// Runs in which it showed, the newest last; so it is with every list here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<String>,
    /// Tasks, as `plan/task`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<String>,
    /// Agents.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<String>,
    /// The commands that judged: checks, or the suite's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<String>,
    /// Files at fault, or the globs that the tasks own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// What was said, as it was said; output of programs, not to be trusted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// Tools that an agent's own settings denied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub denied: Vec<String>,
    /// Exit code of what failed, the last one seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// When the last rate limit ends.
    #[serde(skip_serializing_if = "Option::is_none", with = "super::model::time_text::option")]
    pub reset_at: Option<Time>,
    /// The most memory that an attempt used, in bytes; 0: not known.
    #[serde(skip_serializing_if = "is_zero")]
    pub memory_peak_bytes: u64,
    /// The longest that an attempt took, in seconds; 0: not known.
    #[serde(skip_serializing_if = "is_zero")]
    pub seconds_max: u64,
    /// How often it showed again after it was said to be fixed.
    #[serde(skip_serializing_if = "is_zero_u32")]
    pub returned: u32,
    /// What people added.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub notes: BTreeMap<String, serde_json::Value>,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

fn is_zero_u32(n: &u32) -> bool {
    *n == 0
}

impl Context {
    /// Takes in what was seen another time. Of single values the newest counts, of measures the greatest.
    pub fn merge(&mut self, newer: &Context) {
        self.way = newer.way.or(self.way);
        self.failure_type = newer.failure_type.or(self.failure_type);
        self.failure_detail = newer.failure_detail.or(self.failure_detail);
        for (mine, theirs) in [
            (&mut self.runs, &newer.runs),
            (&mut self.tasks, &newer.tasks),
            (&mut self.agents, &newer.agents),
            (&mut self.checks, &newer.checks),
            (&mut self.files, &newer.files),
            (&mut self.evidence, &newer.evidence),
            (&mut self.denied, &newer.denied),
        ] {
            join(mine, theirs);
        }
        self.exit_code = newer.exit_code.or(self.exit_code);
        self.reset_at = newer.reset_at.max(self.reset_at);
        self.memory_peak_bytes = self.memory_peak_bytes.max(newer.memory_peak_bytes);
        self.seconds_max = self.seconds_max.max(newer.seconds_max);
        self.returned = self.returned.saturating_add(newer.returned);
        for (name, value) in &newer.notes {
            if self.notes.len() < NOTES_MAX || self.notes.contains_key(name) {
                self.notes.insert(name.clone(), value.clone());
            }
        }
    }
}

/// Each once, the newest last, at most [`LIST_MAX`].
fn join(list: &mut Vec<String>, more: &[String]) {
    for entry in more {
        let entry = cut(entry, ENTRY_CHARS_MAX);
        if entry.is_empty() {
            continue;
        }
        list.retain(|e| *e != entry);
        list.push(entry);
    }
    list.drain(..list.len().saturating_sub(LIST_MAX));
}

/// The beginning of a text, in characters.
pub(super) fn cut(text: &str, chars_max: usize) -> String {
    let text = text.trim();
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    text.chars().take(chars_max.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_keep_the_newest_once_and_are_bounded() {
        let mut all = Context::default();
        for n in 0..20 {
            all.merge(&Context { tasks: vec![format!("p/{n}"), "p/again".into()], memory_peak_bytes: 20 - n, ..Context::default() });
        }
        assert_eq!(all.tasks.len(), LIST_MAX);
        assert_eq!(all.tasks.iter().filter(|t| *t == "p/again").count(), 1);
        assert_eq!(all.tasks.last().map(String::as_str), Some("p/again"));
        assert_eq!(all.memory_peak_bytes, 20);
        all.merge(&Context { evidence: vec!["x".repeat(9_000)], ..Context::default() });
        assert_eq!(all.evidence[0].chars().count(), ENTRY_CHARS_MAX);
    }

    #[test]
    fn what_people_add_is_bounded_and_reads_back() {
        let mut all = Context::default();
        for n in 0..100 {
            all.merge(&Context { notes: [(format!("k{n}"), n.into())].into(), ..Context::default() });
        }
        assert_eq!(all.notes.len(), NOTES_MAX);
        let text = serde_json::to_string(&all).unwrap();
        assert_eq!(serde_json::from_str::<Context>(&text).unwrap(), all);
    }
}
