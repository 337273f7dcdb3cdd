//! How much a task asks of whoever does it: the ancestor's points. Knows nothing of agents.

use serde::{Deserialize, Serialize};

use super::rules::ComplexityRules;
use super::types::{Complexity, TaskType};

/// A task's size and what it follows from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sized {
    /// In words.
    pub complexity: Complexity,
    /// In points.
    pub points: f64,
    /// The words that counted, each with its points.
    pub words: Vec<(String, f64)>,
}

/// Points of words: 2 for each complex one, 1 for a medium one, -1 for a simple one, each once; the type's own; a third for each owned
/// file and each criterion; one for every so many words of text.
pub(super) fn size(rules: &ComplexityRules, words: &[String], kind: Option<TaskType>, files: usize, criteria: usize) -> Sized {
    let mut found: Vec<(String, f64)> = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let Some((length, points)) = rules.words.at(words, at) else {
            at += 1;
            continue;
        };
        let text = words[at..at + length].join(" ");
        if !found.iter().any(|(known, _)| *known == text) {
            found.push((text, *points));
        }
        at += length;
    }
    let per = |n: usize, each: f64| if each > 0.0 { (count(n) / each).floor() } else { 0.0 };
    let points = found.iter().map(|(_, points)| points).sum::<f64>()
        + kind.and_then(|k| rules.types.get(&k)).copied().unwrap_or(1.0)
        + per(files, rules.files_per_point)
        + per(criteria, rules.criteria_per_point)
        + per(words.len(), rules.words_per_point);
    let complexity = if points <= rules.simple_max {
        Complexity::Simple
    } else if points <= rules.medium_max {
        Complexity::Medium
    } else {
        Complexity::Complex
    };
    Sized { complexity, points, words: found }
}

fn count(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::Rules;
    use crate::classify::words::split;

    #[test]
    fn points_follow_from_words_type_files_and_criteria() {
        let rules = Rules::built_in().complexity;
        let of = |text: &str, kind, files, criteria| size(&rules, &split(text).words, kind, files, criteria);
        let small = of("Fix a typo in the readme", Some(TaskType::Documentation), 1, 0);
        assert_eq!((small.complexity, small.points), (Complexity::Simple, -2.0));
        let middle = of("Add pagination to the API", Some(TaskType::BackendApi), 2, 3);
        assert_eq!((middle.complexity, middle.points), (Complexity::Medium, 4.0), "{middle:?}");
        let large = of("Migrate to a distributed queue without downtime", Some(TaskType::BackendApi), 9, 6);
        assert_eq!((large.complexity, large.points), (Complexity::Complex, 13.0), "{large:?}");
        assert_eq!(of("api, API and an api", None, 0, 0).words, [(String::from("api"), 1.0)], "a word counts once");
    }
}
