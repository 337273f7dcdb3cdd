//! The rules as they stand in `rules.toml`, read and made ready for matching. Decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::types::TaskType;
use super::words::phrase;

/// The built-in rules' text.
const BUILT_IN: &str = include_str!("rules.toml");

/// Points by what they are for, keyed by their number as text (a TOML table's keys are text).
type Weighted = BTreeMap<String, Vec<String>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    factors: Factors,
    grammar: Grammar,
    traps: Traps,
    types: BTreeMap<TaskType, TypeText>,
    repository: BTreeMap<TaskType, Vec<String>>,
    sides: Sides,
    complexity: ComplexityText,
    stacks: BTreeMap<String, StackText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TypeText {
    role: String,
    words: Weighted,
    #[serde(default)]
    first: Weighted,
    #[serde(default)]
    files: Weighted,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Grammar {
    prepositions: BTreeSet<String>,
    negations: BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Traps {
    phrases: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StackText {
    words: Vec<String>,
    files: Vec<String>,
    repository: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ComplexityText {
    complex: Vec<String>,
    medium: Vec<String>,
    simple: Vec<String>,
    files_per_point: f64,
    criteria_per_point: f64,
    words_per_point: f64,
    simple_max: f64,
    medium_max: f64,
    types: BTreeMap<TaskType, f64>,
}

/// How much each place counts.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Factors {
    pub title: f64,
    pub tail: f64,
    pub text: f64,
    pub text_max: f64,
    pub files: f64,
    pub repository: f64,
    pub both_sides: f64,
    pub both_files: f64,
    pub hedge: f64,
}

/// Whose meeting makes a full-stack feature.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sides {
    pub front: Vec<TaskType>,
    pub back: Vec<TaskType>,
}

/// A list of phrases, found by their first word, the longest first.
#[derive(Clone, Debug)]
pub(super) struct Phrases<T> {
    by_first: BTreeMap<String, Vec<(Vec<String>, T)>>,
}

impl<T> Default for Phrases<T> {
    fn default() -> Self {
        Self { by_first: BTreeMap::new() }
    }
}

impl<T: Default> Phrases<T> {
    fn entry(&mut self, text: &str) -> Option<&mut T> {
        let words = phrase(text);
        let list = self.by_first.entry(words.first()?.clone()).or_default();
        let at = match list.iter().position(|(w, _)| *w == words) {
            Some(at) => at,
            None => {
                let at = list.partition_point(|(w, _)| w.len() >= words.len());
                list.insert(at, (words, T::default()));
                at
            }
        };
        list.get_mut(at).map(|(_, value)| value)
    }

    /// The longest phrase that begins at `words[at]`: how many words it has, and what it says.
    pub fn at(&self, words: &[String], at: usize) -> Option<(usize, &T)> {
        let rest = words.get(at..)?;
        let list = self.by_first.get(rest.first()?)?;
        list.iter().find(|(phrase, _)| rest.starts_with(phrase)).map(|(phrase, value)| (phrase.len(), value))
    }
}

/// Patterns of files, each with what it says.
#[derive(Clone, Debug)]
pub(super) struct Files<T> {
    folders: BTreeMap<String, Vec<T>>,
    names: BTreeMap<String, Vec<T>>,
    /// By what stands behind the last dot: every such pattern has one, and few share it.
    ends: BTreeMap<String, Vec<(String, T)>>,
}

impl<T> Default for Files<T> {
    fn default() -> Self {
        Self { folders: BTreeMap::new(), names: BTreeMap::new(), ends: BTreeMap::new() }
    }
}

impl<T> Files<T> {
    fn add(&mut self, pattern: &str, value: T) {
        if let Some(folder) = pattern.strip_suffix('/') {
            self.folders.entry(folder.to_owned()).or_default().push(value);
        } else if let Some(end) = pattern.strip_prefix('*') {
            self.ends.entry(extension(end).to_owned()).or_default().push((end.to_owned(), value));
        } else {
            self.names.entry(pattern.to_owned()).or_default().push(value);
        }
    }

    /// What is said about this path; a glob's own `*` is no obstacle.
    pub fn of<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a T> {
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        let inside = folders.split('/').filter_map(|f| self.folders.get(f)).flatten();
        let named = self.names.get(name).into_iter().flatten();
        let same = self.ends.get(extension(name)).into_iter().flatten();
        let ends = same.filter(move |(end, _)| name.ends_with(end.as_str())).map(|(_, value)| value);
        // `tests` without a slash is a folder that is owned as a whole.
        let whole = self.folders.get(name).into_iter().flatten();
        inside.chain(named).chain(ends).chain(whole)
    }
}

fn extension(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// Points for a type.
pub(super) type Vote = (TaskType, f64);

/// What is asked of a task, in points.
#[derive(Clone, Debug, Default)]
pub(super) struct ComplexityRules {
    pub words: Phrases<f64>,
    pub types: BTreeMap<TaskType, f64>,
    pub files_per_point: f64,
    pub criteria_per_point: f64,
    pub words_per_point: f64,
    pub simple_max: f64,
    pub medium_max: f64,
}

/// All rules, ready for matching.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    pub(super) factors: Factors,
    pub(super) prepositions: BTreeSet<String>,
    pub(super) negations: BTreeSet<String>,
    /// What each phrase says wherever it stands; a trap says nothing.
    pub(super) words: Phrases<Vec<Vote>>,
    /// What a phrase says at the title's beginning, besides that.
    pub(super) first: Phrases<Vec<Vote>>,
    pub(super) files: Files<Vote>,
    pub(super) repository: Files<TaskType>,
    pub(super) roles: BTreeMap<TaskType, String>,
    pub(super) sides: Sides,
    pub(super) complexity: ComplexityRules,
    pub(super) stack_words: Phrases<Vec<String>>,
    pub(super) stack_files: Files<String>,
    pub(super) stack_repository: Files<String>,
}

impl Rules {
    /// The built-in ones. That they can be read is tested; without rules every task would be of no type.
    #[must_use]
    pub fn built_in() -> Self {
        Self::parse(BUILT_IN).unwrap_or_default()
    }

    /// Reads rules.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Text { factors, grammar, traps, types, repository, sides, complexity, stacks } =
            toml::from_str(text).map_err(|e| e.to_string())?;
        let mut rules = Self { factors, prepositions: grammar.prepositions, negations: grammar.negations, sides, ..Self::default() };
        for (kind, TypeText { role, words, first, files }) in types {
            rules.roles.insert(kind, role);
            votes(&mut rules.words, kind, &words)?;
            votes(&mut rules.first, kind, &first)?;
            for (points, patterns) in &files {
                let points = number(points)?;
                patterns.iter().for_each(|pattern| rules.files.add(pattern, (kind, points)));
            }
        }
        // After the types: a phrase that counts somewhere is no trap.
        for trap in &traps.phrases {
            rules.words.entry(trap);
        }
        for (kind, patterns) in &repository {
            patterns.iter().for_each(|pattern| rules.repository.add(pattern, *kind));
        }
        for (name, StackText { words, files, repository }) in stacks {
            for word in &words {
                if let Some(list) = rules.stack_words.entry(word) {
                    list.push(name.clone());
                }
            }
            files.iter().for_each(|pattern| rules.stack_files.add(pattern, name.clone()));
            repository.iter().for_each(|pattern| rules.stack_repository.add(pattern, name.clone()));
        }
        rules.complexity = sizes(complexity);
        Ok(rules)
    }
}

fn votes(into: &mut Phrases<Vec<Vote>>, kind: TaskType, weighted: &Weighted) -> Result<(), String> {
    for (points, phrases) in weighted {
        let points = number(points)?;
        for text in phrases {
            let list = into.entry(text).ok_or_else(|| format!("{kind} has a phrase without a word"))?;
            if list.iter().any(|(k, _)| *k == kind) {
                return Err(format!("{kind} has `{text}` twice"));
            }
            list.push((kind, points));
        }
    }
    Ok(())
}

fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| format!("`{text}` is no number of points"))
}

fn sizes(text: ComplexityText) -> ComplexityRules {
    let mut words = Phrases::default();
    for (points, phrases) in [(2.0, &text.complex), (1.0, &text.medium), (-1.0, &text.simple)] {
        for phrase in phrases {
            if let Some(value) = words.entry(phrase) {
                *value = points;
            }
        }
    }
    let ComplexityText { types, files_per_point, criteria_per_point, words_per_point, simple_max, medium_max, .. } = text;
    ComplexityRules { words, types, files_per_point, criteria_per_point, words_per_point, simple_max, medium_max }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_rules_can_be_read_and_know_every_type() {
        let rules = Rules::parse(BUILT_IN).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(rules.roles.len(), TaskType::ALL.len());
        assert_eq!(rules.complexity.types.len(), TaskType::ALL.len());
        let found = rules.words.at(&phrase("the unit tests pass"), 1);
        assert_eq!(found.map(|(n, votes)| (n, votes[0].0)), Some((2, TaskType::Testing)), "the longest phrase");
        assert!(rules.words.at(&phrase("good"), 0).is_some_and(|(_, votes)| votes.is_empty()), "a trap");
    }

    #[test]
    fn what_is_wrong_with_rules_is_said() {
        let broken = BUILT_IN.replacen("\"4\" = [\"pydantic\"", "\"four\" = [\"pydantic\"", 1);
        assert_eq!(Rules::parse(&broken).err(), Some(String::from("`four` is no number of points")));
        let twice = BUILT_IN.replacen("\"endpoint\",", "\"endpoint\", \"endpoints\",", 1);
        assert_eq!(Rules::parse(&twice).err(), Some(String::from("backend_api has `endpoints` twice")));
        assert!(Rules::parse("factors = 1").is_err());
    }

    #[test]
    fn files_are_matched_by_folder_name_and_end() {
        let mut files = Files::default();
        for pattern in ["tests/", "*.rs", "Makefile"] {
            files.add(pattern, pattern);
        }
        let of = |path: &str| files.of(path).copied().collect::<Vec<_>>();
        assert_eq!(of("a/tests/b.rs"), ["tests/", "*.rs"]);
        assert_eq!((of("tests/**"), of("tests"), of("Makefile")), (vec!["tests/"], vec!["tests/"], vec!["Makefile"]));
        assert!(of("attests/Makefile.txt").is_empty());
    }
}
