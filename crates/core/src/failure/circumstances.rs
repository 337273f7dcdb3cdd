//! What was seen beside a failure: what the machine was like, and the last that was printed. Nobody decides by it; it is
//! for whoever wants to understand the failure later.

use serde::{Deserialize, Serialize};

/// What the machine and an attempt's tree used at one moment; the ancestor's `system_resources`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Resources {
    /// Memory of the process tree, in megabytes; `None` where there was no tree to look at.
    #[serde(default)]
    pub memory_mb: Option<f64>,
    /// CPU time of the process tree over time passed, 100 for one processor that is busy all the time.
    #[serde(default)]
    pub cpu_percent: Option<f64>,
    /// The part of the machine's memory that is in use, 0 to 100.
    #[serde(default)]
    pub system_memory_percent: Option<f64>,
    /// The part of the disk in use on which the attempt worked, 0 to 100.
    #[serde(default)]
    pub disk_usage_percent: Option<f64>,
}

/// What was seen beside one failed attempt, when its failure was journalled.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Circumstances {
    /// The last lines of standard output, at most [`LINES_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub output_lines: Vec<String>,
    /// The same of standard error.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub error_lines: Vec<String>,
    /// The last stack trace in either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_trace: Option<String>,
    /// Where no keeper could look: the machine, as the coordinator saw it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
}

/// Lines of each stream that are kept. Ancestor's constant.
pub const LINES_MAX: usize = 100;
/// Most characters of one line: agents print whole files as one line of JSON.
const LINE_CHARS_MAX: usize = 1_000;
/// Most bytes of all lines of a stream: the journal holds them.
const BYTES_MAX: usize = 32 * 1024;

/// The last lines of a text, each bounded, all of them bounded.
#[must_use]
pub fn last_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut bytes = 0;
    for line in text.lines().rev().take(LINES_MAX) {
        let line: String = match line.char_indices().nth(LINE_CHARS_MAX) {
            Some((cut, _)) => format!("{}…", &line[..cut]),
            None => line.to_owned(),
        };
        bytes += line.len();
        if bytes > BYTES_MAX {
            break;
        }
        lines.push(line);
    }
    lines.reverse();
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_hundred_lines_are_kept_and_none_is_endless() {
        let text: String = (0..250).map(|n| format!("{n}\n")).collect();
        let lines = last_lines(&text);
        assert_eq!((lines.len(), lines[0].as_str(), lines[99].as_str()), (100, "150", "249"));
        let long = last_lines(&format!("a\n{}", "ü".repeat(5_000)));
        assert_eq!((long.len(), long[1].chars().count()), (2, 1_001));
        let all = last_lines(&format!("{}\n", "x".repeat(999)).repeat(100));
        assert!(all.len() < 40 && all.iter().map(String::len).sum::<usize>() <= BYTES_MAX);
    }
}
