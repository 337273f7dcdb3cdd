//! From a task's words and files to its type, with everything that counted. Knows no agents.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::complexity::{Sized, size};
use super::evidence::Evidence;
use super::rules::{Phrases, Rules, Vote};
use super::types::TaskType;
use super::words::split;
use crate::plan::Task;

/// Most entries of what counted that are kept.
const EVIDENCE_MAX: usize = 12;

/// Longest word or path among them, in characters.
const WHAT_CHARS_MAX: usize = 120;

/// What the repository itself is, from the names of some of its files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepositoryFiles {
    types: BTreeMap<TaskType, String>,
    stacks: BTreeSet<String>,
}

/// What was found out about a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Classification {
    /// What kind of work it is; `None`: nothing says.
    #[serde(rename = "type")]
    pub kind: Option<TaskType>,
    /// From 0 to 1, computed from the lead over the runner-up: no lead is 0, and a small one of little evidence is not much more.
    pub confidence: f64,
    /// Points ahead of the runner-up.
    pub margin: f64,
    /// Every type that anything spoke for, the most points first.
    pub scores: Vec<(TaskType, f64)>,
    /// How much it asks.
    #[serde(flatten)]
    pub size: Sized,
    /// Languages and platforms, those of the task's own words and files; where they say nothing, the repository's.
    pub stacks: Vec<String>,
    /// The persona that fits the type.
    pub role: Option<String>,
    /// What counted, the most first; at most twelve.
    pub evidence: Vec<Evidence>,
}

/// Says what tasks are.
#[derive(Clone, Debug, Default)]
pub struct Classifier {
    rules: Rules,
}

impl Classifier {
    /// By these rules.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self { rules }
    }

    /// By the built-in rules.
    #[must_use]
    pub fn built_in() -> Self {
        Self::new(Rules::built_in())
    }

    /// Looks at the paths of files that the repository holds (its manifests, its first levels).
    #[must_use]
    pub fn repository<'a>(&self, paths: impl IntoIterator<Item = &'a str>) -> RepositoryFiles {
        let mut found = RepositoryFiles::default();
        for path in paths {
            for kind in self.rules.repository.of(path) {
                found.types.entry(*kind).or_insert_with(|| path.to_owned());
            }
            found.stacks.extend(self.rules.stack_repository.of(path).cloned());
        }
        found
    }

    /// What this task is.
    #[must_use]
    pub fn classify(&self, task: &Task, repository: &RepositoryFiles) -> Classification {
        let title = split(&task.title);
        let prompt = Some(&task.prompt).filter(|p| p.trim() != task.title.trim());
        // What a plan says of a task under headings of their own is said as well.
        let said = prompt.into_iter().chain(&task.objective).chain(&task.activities).chain(&task.deliverables);
        let text = split(&said.map(String::as_str).collect::<Vec<_>>().join("\n"));
        let files: Vec<&str> = match task.owns.as_slice() {
            [] => title.paths.iter().chain(&text.paths).map(String::as_str).collect(),
            owns => owns.iter().map(String::as_str).collect(),
        };
        let mut scores = Scores::default();
        self.words_of_title(&title.words, &mut scores);
        self.words_of_text(&text.words, &mut scores);
        self.files(&files, &mut scores);
        self.both_sides(&mut scores);
        if let Some((kind, path)) = repository.types.iter().next()
            && repository.types.len() == 1
        {
            scores.add(*kind, self.rules.factors.repository, path, "repository");
        }
        let ranked = scores.ranked();
        let first = ranked.first().copied();
        let (lead, best) = first.map_or((0.0, 0.0), |(_, best)| (best - ranked.get(1).map_or(0.0, |(_, second)| *second), best));
        let all: Vec<String> = title.words.iter().chain(&text.words).cloned().collect();
        let kind = first.map(|(kind, _)| kind);
        Classification {
            kind,
            confidence: rounded(lead / (best + self.rules.factors.hedge)),
            margin: rounded(lead),
            size: size(&self.rules.complexity, &all, kind, task.owns.len(), task.criteria.len()),
            stacks: self.stacks(&all, &files, repository),
            role: kind.and_then(|k| self.rules.roles.get(&k).cloned()),
            evidence: scores.evidence(),
            scores: ranked,
        }
    }

    fn words_of_title(&self, words: &[String], scores: &mut Scores) {
        let factors = &self.rules.factors;
        let tail = words.iter().skip(1).position(|w| self.rules.prepositions.contains(w)).map_or(words.len(), |at| at + 1);
        let begins = self.rules.first.at(words, 0);
        if let Some((length, votes)) = begins {
            scores.vote(votes, factors.title, &words[..length].join(" "), "title");
        }
        self.each(&self.rules.words, words, |at, phrase, votes| {
            let factor = if at >= tail { factors.title * factors.tail } else { factors.title };
            for (kind, points) in votes {
                // What a word says as the title's beginning it does not say again as a word.
                let said = begins.is_some_and(|(length, first)| at < length && first.iter().any(|(k, _)| k == kind));
                if !said {
                    scores.add(*kind, points * factor, phrase, "title");
                }
            }
        });
    }

    /// The text counts for each type up to a limit: a long one would drown the title.
    fn words_of_text(&self, words: &[String], scores: &mut Scores) {
        let factors = &self.rules.factors;
        let mut counted: BTreeMap<TaskType, f64> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        self.each(&self.rules.words, words, |_, phrase, votes| {
            if !seen.insert(phrase.to_owned()) {
                return;
            }
            for (kind, points) in votes {
                let so_far = counted.entry(*kind).or_default();
                let points = (points * factors.text).min(factors.text_max - *so_far).max(0.0);
                *so_far += points;
                scores.add(*kind, points, phrase, "text");
            }
        });
    }

    /// Calls for each phrase of the list that stands in the words, the longest at each place; what is denied does not count.
    fn each<T: Default>(&self, list: &Phrases<T>, words: &[String], mut found: impl FnMut(usize, &str, &T)) {
        let mut at = 0;
        while at < words.len() {
            let Some((length, value)) = list.at(words, at) else {
                at += 1;
                continue;
            };
            if at == 0 || !self.rules.negations.contains(&words[at - 1]) {
                found(at, &words[at..at + length].join(" "), value);
            }
            at += length;
        }
    }

    /// The mean over the files, for each type by the pattern that says most.
    fn files(&self, files: &[&str], scores: &mut Scores) {
        let share = self.rules.factors.files / count(files.len().max(1));
        for path in files {
            let mut most: BTreeMap<TaskType, f64> = BTreeMap::new();
            for (kind, points) in self.rules.files.of(path) {
                let known = most.entry(*kind).or_default();
                *known = known.max(*points);
            }
            let best = |side: &[TaskType]| side.iter().filter_map(|k| most.get(k)).fold(0.0, |a: f64, b| a.max(*b));
            let (front, back) = (best(&self.rules.sides.front), best(&self.rules.sides.back));
            for (kind, points) in &most {
                // One file lies on one side: `frontend/lib/api/client.ts` is no back end, and no front and back.
                let (is_front, is_back) = (self.rules.sides.front.contains(kind), self.rules.sides.back.contains(kind));
                if !(is_front && front < back || is_back && back < front) {
                    scores.add(*kind, points * share, path, "files");
                }
                scores.front_files |= is_front && front > back;
                scores.back_files |= is_back && back > front;
                if (is_front || is_back) && (front - back).abs() < f64::EPSILON {
                    *scores.on_no_side.entry(*kind).or_default() += points * share;
                }
            }
        }
    }

    fn both_sides(&self, scores: &mut Scores) {
        if scores.front_files != scores.back_files {
            return; // Its files say which side it is on.
        }
        let best = |side: &[TaskType]| side.iter().map(|k| scores.of_side(*k)).fold(0.0, f64::max);
        let weaker = best(&self.rules.sides.front).min(best(&self.rules.sides.back));
        let factors = &self.rules.factors;
        scores.add(TaskType::FullStackFeature, weaker * factors.both_sides, "front and back", "both sides");
        if scores.front_files && scores.back_files {
            scores.add(TaskType::FullStackFeature, factors.both_files, "files of both", "both sides");
        }
    }

    fn stacks(&self, words: &[String], files: &[&str], repository: &RepositoryFiles) -> Vec<String> {
        let mut found: BTreeSet<&String> = files.iter().flat_map(|path| self.rules.stack_files.of(path)).collect();
        let mut at = 0;
        while at < words.len() {
            let length = self.rules.stack_words.at(words, at).map_or(1, |(length, stacks)| {
                found.extend(stacks);
                length
            });
            at += length;
        }
        let all = if found.is_empty() { repository.stacks.iter().collect() } else { found };
        all.into_iter().cloned().collect()
    }
}

#[derive(Default)]
struct Scores {
    points: BTreeMap<TaskType, f64>,
    /// Of them, from files that could be of either side.
    on_no_side: BTreeMap<TaskType, f64>,
    /// There is a file of the front, and one of the back.
    front_files: bool,
    back_files: bool,
    evidence: Vec<Evidence>,
}

impl Scores {
    fn vote(&mut self, votes: &[Vote], factor: f64, what: &str, place: &str) {
        for (kind, points) in votes {
            self.add(*kind, points * factor, what, place);
        }
    }

    fn add(&mut self, kind: TaskType, points: f64, what: &str, place: &str) {
        if points > 0.0 {
            *self.points.entry(kind).or_default() += points;
            self.evidence.push(Evidence {
                kind,
                what: what.chars().take(WHAT_CHARS_MAX).collect(),
                place: place.to_owned(),
                points: rounded(points),
            });
        }
    }

    /// What counted for a type and lies on its side alone.
    fn of_side(&self, kind: TaskType) -> f64 {
        let of = |points: &BTreeMap<TaskType, f64>| points.get(&kind).copied().unwrap_or(0.0);
        of(&self.points) - of(&self.on_no_side)
    }

    /// The most points first; a tie in the order of the types, so that the same text is always the same.
    fn ranked(&self) -> Vec<(TaskType, f64)> {
        let mut all: Vec<_> = self.points.iter().map(|(kind, points)| (*kind, rounded(*points))).collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        all
    }

    fn evidence(mut self) -> Vec<Evidence> {
        self.evidence.sort_by(|a, b| b.points.total_cmp(&a.points));
        self.evidence.truncate(EVIDENCE_MAX);
        self.evidence
    }
}

/// Two decimals: more would look as if it were known.
pub(super) fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

fn count(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::Complexity;

    fn of(title: &str, owns: &[&str], prompt: &str) -> Classification {
        let owns = owns.iter().map(|o| (*o).to_owned()).collect();
        let task = Task { title: title.into(), prompt: prompt.into(), owns, ..Task::new("t") };
        Classifier::built_in().classify(&task, &RepositoryFiles::default())
    }

    #[test]
    fn words_inside_other_words_do_not_count() {
        let found = of("A good guide that builds on quarterly figures", &[], "");
        assert!(found.stacks.is_empty(), "`go` in good: {:?}", found.stacks);
        assert!(found.scores.iter().all(|(k, _)| *k != TaskType::UiUxDesign), "`ui` in guide and builds: {:?}", found.evidence);
    }

    #[test]
    fn what_stands_behind_a_preposition_says_what_it_is_for() {
        let found = of("Unit tests for the React login form", &[], "");
        assert_eq!(found.kind, Some(TaskType::Testing), "{:?}", found.scores);
        assert_eq!(found.stacks, ["react"]);
        assert_eq!(found.role.as_deref(), Some("test-automator"));
    }

    #[test]
    fn the_title_counts_more_than_the_text_and_the_text_has_a_limit() {
        let long = "react vue component button modal frontend spinner ".repeat(50);
        let found = of("Terraform module and Helm chart", &[], &long);
        assert_eq!(found.kind, Some(TaskType::DevopsInfrastructure), "{:?}", found.scores);
    }

    #[test]
    fn what_is_denied_does_not_count() {
        assert!(of("Do it", &[], "This needs no migration.").kind.is_none());
        assert!(of("Do it", &[], "This needs a migration.").kind == Some(TaskType::DatabaseSchema));
    }

    #[test]
    fn confidence_follows_from_the_lead() {
        let sure = of("Write unit tests for the parser", &["tests/parser_test.rs"], "");
        let unsure = of("Improve the thing", &[], "The service and the migration.");
        assert!(sure.confidence > 0.7 && unsure.confidence < 0.3, "{} {}", sure.confidence, unsure.confidence);
        let nothing = of("Do it", &[], "");
        assert_eq!((nothing.kind, nothing.confidence, nothing.margin, nothing.role), (None, 0.0, 0.0, None));
        assert_eq!(nothing.size.complexity, Complexity::Simple);
    }

    #[test]
    fn the_repository_decides_between_near_ties_and_lends_its_stacks() {
        let classifier = Classifier::built_in();
        let repository = classifier.repository(["pubspec.yaml", "Dockerfile", "src/main.rs"]);
        let found = classifier.classify(&Task { title: "Do it".into(), ..Task::new("t") }, &repository);
        assert_eq!((found.kind, found.stacks), (Some(TaskType::MobileDevelopment), vec![String::from("docker")]));
        let task = Task { title: "Write the README".into(), ..Task::new("t") };
        assert_eq!(classifier.classify(&task, &repository).kind, Some(TaskType::Documentation));
    }

    #[test]
    fn a_front_and_a_back_are_a_feature_of_both() {
        let found = of("Comments on tasks", &["server/comments/**", "web/src/comments/**", "db/migrations/**"], "Endpoints and a form.");
        assert_eq!(found.kind, Some(TaskType::FullStackFeature), "{:?}", found.scores);
    }
}
