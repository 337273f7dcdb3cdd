//! Who should do a task: the rules' lists for its type and complexity, limited to who is here, moved by configuration and by what agents
//! have shown. Says why. Knows no machine: who is here is handed in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::history::{MARGIN_MIN, PRIOR_RATE, Record};
use super::scorer::{Classification, rounded};
use super::types::{Complexity, TaskType};

const BUILT_IN: &str = include_str!("assign.toml");

/// The types that a task may be of count by their points, but no more than so many.
const TYPES_MAX: usize = 3;
/// Most agents that are named after the first.
const SECONDARIES_MAX: usize = 3;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    points: Points,
    general: Row,
    types: BTreeMap<TaskType, Row>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Points {
    ranks: Vec<f64>,
    general: f64,
    general_step: f64,
    unknown: f64,
    even: f64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    agents: Vec<String>,
    simple: Option<Vec<String>>,
    medium: Option<Vec<String>>,
    complex: Option<Vec<String>>,
}

impl Row {
    fn of(&self, complexity: Complexity) -> &[String] {
        let own = match complexity {
            Complexity::Simple => &self.simple,
            Complexity::Medium => &self.medium,
            Complexity::Complex => &self.complex,
        };
        own.as_ref().unwrap_or(&self.agents)
    }
}

/// What a user's configuration says about who does what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// The agent of each type that has one.
    pub types: BTreeMap<TaskType, String>,
}

/// What decided on an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// The rules' lists.
    Rules,
    /// The configuration, for this type.
    Configuration,
    /// What agents have shown in this repository.
    History,
}

/// Who does a task, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    /// The agent.
    pub agent: String,
    /// Who comes after it, the best first; at most three.
    pub secondaries: Vec<String>,
    /// What decided.
    pub by: Choice,
    /// From 0.5 (even) to 1: how sure the first is to be ahead of the second, computed from the margin.
    pub confidence: f64,
    /// Points ahead of the second.
    pub margin: f64,
    /// In words.
    pub why: String,
}

/// Assigns agents by rules.
#[derive(Clone, Debug, Default)]
pub struct Assigner {
    table: Table,
}

/// An agent that is here, with its points.
struct Candidate<'a> {
    name: &'a str,
    by_rules: f64,
    with_record: f64,
}

impl Assigner {
    /// By the built-in rules. That they can be read is tested.
    #[must_use]
    pub fn built_in() -> Self {
        Self::parse(BUILT_IN).unwrap_or_default()
    }

    /// By these rules.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map(|table| Self { table }).map_err(|e| e.to_string())
    }

    /// Who of those that are here does a task that was found to be this; `None`: nobody is here.
    #[must_use]
    pub fn assign(&self, task: &Classification, here: &[&str], overrides: &Overrides, record: &Record) -> Option<Assignment> {
        let mut candidates: Vec<Candidate<'_>> = here.iter().map(|name| self.candidate(task, name, record)).collect();
        // Names decide even ties, so that the same is always the same.
        candidates.sort_by(|a, b| b.by_rules.total_cmp(&a.by_rules).then(a.name.cmp(b.name)));
        let by_rules = candidates.first()?.name;
        candidates.sort_by(|a, b| b.with_record.total_cmp(&a.with_record).then(a.name.cmp(b.name)));
        let place = |name: &str| candidates.iter().position(|c| c.name == name).unwrap_or(0);
        let configured = task.kind.and_then(|k| overrides.types.get(&k)).filter(|name| here.contains(&name.as_str()));
        let chosen = match configured {
            Some(name) => place(name),
            None => {
                let first = place(by_rules);
                // Nobody is replaced for next to nothing.
                if candidates[0].with_record - candidates[first].with_record < MARGIN_MIN { first } else { 0 }
            }
        };
        let chosen = candidates.remove(chosen);
        let by = match configured {
            Some(_) => Choice::Configuration,
            None if chosen.name == by_rules => Choice::Rules,
            None => Choice::History,
        };
        let second = candidates.first().map_or(self.table.points.unknown, |c| c.with_record);
        let margin = if by == Choice::Configuration { 1.0 } else { (chosen.with_record - second).max(0.0) };
        Some(Assignment {
            agent: chosen.name.to_owned(),
            secondaries: candidates.iter().take(SECONDARIES_MAX).map(|c| c.name.to_owned()).collect(),
            by,
            confidence: rounded(self.sureness(margin)),
            margin: rounded(margin),
            why: match task.kind.and_then(|k| overrides.types.get(&k)).filter(|_| configured.is_none()) {
                Some(absent) => {
                    format!("`assign.types` names {absent}, which is not here; {}", self.words(task, by, &chosen, by_rules, here, record))
                }
                None => self.words(task, by, &chosen, by_rules, here, record),
            },
        })
    }

    /// The logistic function of the lead: 0.5 where two are even.
    fn sureness(&self, margin: f64) -> f64 {
        1.0 / (1.0 + (-margin / self.table.points.even.max(f64::EPSILON)).exp())
    }

    fn candidate<'a>(&self, task: &Classification, name: &'a str, record: &Record) -> Candidate<'a> {
        let types = &task.scores[..task.scores.len().min(TYPES_MAX)];
        // Squares: a type with half of the points is far less than half as likely.
        let all: f64 = types.iter().map(|(_, points)| points * points).sum();
        let by_rules = if all > 0.0 {
            types.iter().map(|(kind, points)| points * points / all * self.points(Some(*kind), task.size.complexity, name)).sum()
        } else {
            self.points(None, task.size.complexity, name)
        };
        let shown = task.kind.map(|k| record.of(k, name)).filter(super::history::Shown::is_evidence);
        Candidate { name, by_rules, with_record: by_rules + shown.map_or(0.0, |s| s.rate() - PRIOR_RATE) }
    }

    fn points(&self, kind: Option<TaskType>, complexity: Complexity, agent: &str) -> f64 {
        let points = &self.table.points;
        let rank = self.list(kind, complexity).iter().position(|a| a == agent);
        if let Some(rank) = rank {
            return points.ranks.get(rank).or(points.ranks.last()).copied().unwrap_or(points.unknown);
        }
        match self.table.general.agents.iter().position(|a| a == agent) {
            Some(rank) => points.general - points.general_step * f64::from(u32::try_from(rank).unwrap_or(u32::MAX)),
            None => points.unknown,
        }
    }

    fn list(&self, kind: Option<TaskType>, complexity: Complexity) -> &[String] {
        kind.and_then(|k| self.table.types.get(&k)).map_or(&[], |row| row.of(complexity))
    }

    fn words(&self, task: &Classification, by: Choice, chosen: &Candidate<'_>, by_rules: &str, here: &[&str], record: &Record) -> String {
        let complexity = task.size.complexity;
        let Some(kind) = task.kind else {
            return format!("nothing says what kind of task it is; {} comes first of {}", chosen.name, here.join(", "));
        };
        if by == Choice::Configuration {
            return format!("`assign.types` gives {kind} to {}", chosen.name);
        }
        let list = self.list(Some(kind), complexity);
        let fits = |name: &&str| self.points(Some(kind), complexity, name);
        let best = here.iter().copied().max_by(|a, b| fits(a).total_cmp(&fits(b)));
        let rules = match list.iter().position(|a| a == by_rules) {
            _ if here.len() == 1 => format!("{complexity} {kind}: {by_rules} is the only agent here"),
            _ if best.is_some_and(|best| fits(&best) > fits(&by_rules)) => {
                let perhaps = task.scores.get(1).map_or(String::new(), |(second, _)| format!(" or {second}"));
                format!("{complexity} {kind}{perhaps}: {by_rules} fits both")
            }
            Some(0) => format!("{complexity} {kind}: the rules' first choice is {by_rules}"),
            Some(n) => format!("{complexity} {kind}: of {}, {by_rules} is the first that is here", list[..=n].join(", ")),
            None => format!("{complexity} {kind}: {} not here; {by_rules} is the best of the others", are(list)),
        };
        let told = |name: &str| {
            let shown = record.of(kind, name);
            match shown.attempts {
                0 => format!("{name} has not tried it here"),
                n => format!("{name} landed {} of {n} here (smoothed {:.2})", shown.landed, shown.rate()),
            }
        };
        match by {
            Choice::History => format!("{rules}; but {}, and {}", told(by_rules), told(chosen.name)),
            _ if record.of(kind, chosen.name).attempts > 0 => format!("{rules}; {}", told(chosen.name)),
            _ => rules,
        }
    }
}

fn are(list: &[String]) -> String {
    match list {
        [] => String::from("nobody is named, or"),
        [one] => format!("{one} is"),
        several => format!("{} are", several.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::history::Shown;
    use crate::classify::{Classifier, RepositoryFiles};
    use crate::plan::Task;

    fn found(title: &str) -> Classification {
        Classifier::built_in().classify(&Task { title: title.into(), ..Task::new("t") }, &RepositoryFiles::default())
    }

    fn assign(title: &str, here: &[&str], record: &Record) -> Assignment {
        Assigner::built_in().assign(&found(title), here, &Overrides::default(), record).unwrap_or_else(|| panic!("nobody"))
    }

    fn shown(of: &[(&str, u32, u32)]) -> Record {
        let mut record = Record::default();
        for (agent, landed, attempts) in of {
            record.add(TaskType::Testing, agent, Shown { attempts: *attempts, landed: *landed, ..Shown::default() });
        }
        record
    }

    const TESTS: &str = "Unit tests for the parser";

    #[test]
    fn the_built_in_table_can_be_read_and_has_every_type() {
        let assigner = Assigner::parse(BUILT_IN).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(assigner.table.types.len(), TaskType::ALL.len());
        assert!(assigner.table.types.values().all(|row| !row.agents.is_empty()));
        assert!(Assigner::parse("[types]\nui = { agents = [] }").is_err());
    }

    #[test]
    fn the_first_of_the_list_that_is_here_does_it() {
        let all = assign(TESTS, &["claude", "cline", "copilot"], &Record::default());
        assert_eq!((all.agent.as_str(), all.by), ("copilot", Choice::Rules));
        assert_eq!(all.secondaries, ["cline", "claude"]);
        assert_eq!(all.why, "simple testing: the rules' first choice is copilot");
        let some = assign(TESTS, &["claude", "cline"], &Record::default());
        assert_eq!(
            (some.agent.as_str(), some.why.as_str()),
            ("cline", "simple testing: of copilot, cline, cline is the first that is here")
        );
        let others = assign(TESTS, &["gemini", "codex"], &Record::default());
        assert_eq!(others.agent, "codex");
        assert_eq!(others.why, "simple testing: copilot, cline are not here; codex is the best of the others");
        assert_eq!(assign(TESTS, &["mine"], &Record::default()).why, "simple testing: mine is the only agent here");
        assert!(Assigner::built_in().assign(&found(TESTS), &[], &Overrides::default(), &Record::default()).is_none());
    }

    #[test]
    fn confidence_is_computed_from_the_margin() {
        let clear = assign(TESTS, &["copilot", "gemini"], &Record::default());
        let close = assign(TESTS, &["codex", "gemini"], &Record::default());
        assert!(clear.confidence > 0.85 && close.confidence < 0.6, "{clear:?} {close:?}");
        assert!(clear.margin > close.margin && close.margin > 0.0);
        let unsure = assign("Do it", &["claude", "codex"], &Record::default());
        assert!(unsure.confidence < 0.6 && unsure.why.starts_with("nothing says"), "{unsure:?}");
    }

    #[test]
    fn whoever_fits_two_likely_types_goes_before_who_fits_one() {
        let of = |second: f64| {
            let scores = vec![(TaskType::McpDevelopment, 6.0), (TaskType::BackendApi, second)];
            let task = Classification { kind: Some(TaskType::McpDevelopment), scores, ..found("Do it") };
            let got = Assigner::built_in().assign(&task, &["claude", "cline"], &Overrides::default(), &Record::default());
            got.map(|a| (a.agent, a.why)).unwrap_or_default()
        };
        assert_eq!(of(1.0), (String::from("cline"), String::from("simple mcp_development: the rules' first choice is cline")));
        assert_eq!(of(5.9), (String::from("claude"), String::from("simple mcp_development or backend_api: claude fits both")));
    }

    #[test]
    fn the_configuration_goes_before_rules_and_record() {
        let overrides = Overrides { types: BTreeMap::from([(TaskType::Testing, String::from("gemini"))]) };
        let of = |here: &[&str]| Assigner::built_in().assign(&found(TESTS), here, &overrides, &shown(&[("copilot", 20, 20)]));
        let there = of(&["copilot", "gemini"]).unwrap_or_else(|| panic!("nobody"));
        assert_eq!(
            (there.agent.as_str(), there.by, there.secondaries.as_slice()),
            ("gemini", Choice::Configuration, &[String::from("copilot")][..])
        );
        assert_eq!(there.why, "`assign.types` gives testing to gemini");
        let absent = of(&["copilot"]).unwrap_or_else(|| panic!("nobody"));
        assert_eq!(absent.agent, "copilot", "who is not here cannot do it");
        assert!(
            absent.why.starts_with("`assign.types` names gemini, which is not here; simple testing: copilot is the only"),
            "{}",
            absent.why
        );
    }

    #[test]
    fn a_record_moves_the_choice_with_enough_evidence_only() {
        let here = &["copilot", "cline"];
        let moved = assign(TESTS, here, &shown(&[("copilot", 1, 8), ("cline", 9, 10)]));
        assert_eq!((moved.agent.as_str(), moved.by), ("cline", Choice::History));
        assert_eq!(
            moved.why,
            "simple testing: the rules' first choice is copilot; but copilot landed 1 of 8 here (smoothed 0.33), and cline landed 9 of 10 here (smoothed 0.86)"
        );
        assert_eq!(assign(TESTS, here, &shown(&[("copilot", 0, 4)])).agent, "copilot", "four attempts are too few");
        assert_eq!(assign(TESTS, here, &shown(&[("cline", 30, 30)])).agent, "copilot", "nothing speaks against the first choice");
        let kept = assign(TESTS, here, &shown(&[("copilot", 7, 8)]));
        assert_eq!(kept.why, "simple testing: the rules' first choice is copilot; copilot landed 7 of 8 here (smoothed 0.83)");
    }
}
