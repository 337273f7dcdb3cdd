//! What became of lessons in a run: who was told of which earlier failure, and whether it came back. Reads no files.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use greenlane_core::deficiency::{Book, Shown};
use greenlane_core::ids::{AttemptId, RunId};
use greenlane_core::state::State;
use serde::Serialize;

use super::text::{Look, clean, short, wrapped};
use crate::output::{Paint, paint};

/// So many are told; `--json` has all.
const SHOWN_MAX: usize = 20;
const LINES_MAX: usize = 3;

/// One deficiency that this run has to do with.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Learned {
    /// Its id.
    pub id: String,
    /// What goes wrong.
    pub description: String,
    /// The commit that is said to remedy it.
    pub fixed_by: Option<String>,
    /// Attempts of this run whose prompt had it, as `plan/task#n`.
    pub told: Vec<String>,
    /// Of these, those that are over.
    pub ended: usize,
    /// Attempts of this run that failed of it, told or not, after somebody was told or it was said to be fixed.
    pub came_back: Vec<String>,
    /// The same attempts, as people know them.
    #[serde(skip)]
    pub back: Vec<String>,
}

/// Gathers what the run's events showed, in their order.
#[derive(Clone, Debug)]
pub struct LearnedGatherer {
    run: RunId,
    /// By deficiency: attempts of the run that failed of it, and whether that was after a fix.
    shown: BTreeMap<String, Vec<(Option<AttemptId>, bool)>>,
}

impl LearnedGatherer {
    /// Of this run.
    #[must_use]
    pub fn new(run: RunId) -> Self {
        Self { run, shown: BTreeMap::new() }
    }

    /// Takes in what an entry of the journal showed; of all runs.
    pub fn take(&mut self, run: Option<&RunId>, shown: &[Shown]) {
        if run == Some(&self.run) {
            for one in shown {
                self.shown.entry(one.id.clone()).or_default().push((one.attempt.clone(), one.returned));
            }
        }
    }

    /// What there is to tell; `told`: which attempts were told of which deficiencies.
    #[must_use]
    pub fn done(self, state: &State, book: &Book, told: &[(AttemptId, Vec<String>)]) -> Vec<Learned> {
        // Those that somebody was told of, and those whose fix did not hold.
        let returned = self.shown.iter().filter(|(_, all)| all.iter().any(|(_, returned)| *returned)).map(|(id, _)| id.as_str());
        let ids: BTreeSet<&str> = told.iter().flat_map(|(_, ids)| ids.iter().map(String::as_str)).chain(returned).collect();
        let mut out: Vec<Learned> = ids.into_iter().filter_map(|id| self.of(id, state, book, told)).collect();
        out.sort_by(|a, b| {
            b.came_back.len().cmp(&a.came_back.len()).then_with(|| b.told.len().cmp(&a.told.len())).then_with(|| a.id.cmp(&b.id))
        });
        out
    }

    fn of(&self, id: &str, state: &State, book: &Book, told: &[(AttemptId, Vec<String>)]) -> Option<Learned> {
        let known = book.get(id)?;
        let mine: Vec<&AttemptId> = told.iter().filter(|(_, ids)| ids.iter().any(|i| i == id)).map(|(a, _)| a).collect();
        let over = |a: &&&AttemptId| state.attempt(a).is_some_and(|a| a.outcome.is_some());
        let failed = self.shown.get(id).map(Vec::as_slice).unwrap_or_default();
        let came_back = || {
            let all = failed.iter().filter_map(|(attempt, returned)| Some((attempt.as_ref()?, returned)));
            all.filter(|(attempt, returned)| **returned || mine.contains(attempt)).map(|(attempt, _)| attempt)
        };
        let number = |a: &AttemptId| state.task(&a.key).and_then(|t| t.number_of(a.n)).unwrap_or(a.n);
        Some(Learned {
            id: id.to_owned(),
            description: known.description.clone(),
            fixed_by: known.remediation_commit.clone(),
            ended: mine.iter().filter(over).count(),
            came_back: came_back().map(ToString::to_string).collect(),
            back: came_back().map(|a| format!("{}#{}", a.key, number(a))).collect(),
            told: mine.into_iter().map(ToString::to_string).collect(),
        })
    }
}

/// As text, without a heading; empty where there is nothing to tell.
#[must_use]
pub fn learned(all: &[Learned], look: Look) -> String {
    let mut out = String::new();
    for one in all.iter().take(SHOWN_MAX) {
        let told = match one.told.len() {
            0 => String::from("nobody was told"),
            1 => String::from("1 attempt was told"),
            n => format!("{n} attempts were told"),
        };
        let fixed = one.fixed_by.as_deref().map(|c| format!(", fixed by {}", short(c))).unwrap_or_default();
        let (words, style) = match (one.back.as_slice(), one.ended) {
            ([], 0) => (String::from("it is not known yet whether it comes back"), Paint::Dim),
            ([], _) => (String::from("it has not come back"), Paint::Green),
            (back, _) => (format!("it came back in {}", clean(&back.join(", "))), Paint::Yellow),
        };
        for line in wrapped(&clean(&one.description), look.width, LINES_MAX) {
            let _ = writeln!(out, "{line}");
        }
        let _ = writeln!(out, "    {told}{fixed}: {} ({})", paint(&words, style, look.color), one.id);
    }
    if all.len() > SHOWN_MAX {
        let _ = writeln!(out, "and {} more (`report --json` has all)", all.len() - SHOWN_MAX);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;
    use greenlane_core::deficiency::{DeficiencyType, Fact};
    use greenlane_core::ids::TaskKey;
    use greenlane_core::time::Time;

    fn book() -> (Book, String) {
        let mut book = Book::default();
        let id = book.apply(Time(1), &Fact::recorded(DeficiencyType::LogicError, "no frob", &Default::default(), None)).unwrap();
        (book, id)
    }

    fn attempt(task: &str, n: u32) -> AttemptId {
        AttemptId { key: TaskKey::new("limits", task), n }
    }

    #[test]
    fn a_lesson_that_helped_and_one_that_did_not() {
        let run = samples::ended();
        let (mut book, id) = book();
        let told = vec![(attempt("bucket", 1), vec![id.clone()])];
        let helped = LearnedGatherer::new("r1".into()).done(&run.state, &book, &told);
        let look = Look { width: 100, color: false };
        assert_eq!(learned(&helped, look), format!("no frob\n    1 attempt was told: it has not come back ({id})\n"));

        let mut gatherer = LearnedGatherer::new("r1".into());
        book.apply(Time(2), &Fact::fixed(&id, "abcdef0123456789", None)).unwrap();
        gatherer.take(None, &[Shown { id: id.clone(), attempt: None, returned: false }]);
        gatherer.take(Some(&"r0".into()), &[Shown { id: id.clone(), attempt: Some(attempt("bucket", 1)), returned: true }]);
        gatherer.take(Some(&"r1".into()), &[Shown { id: id.clone(), attempt: Some(attempt("docs", 1)), returned: true }]);
        let back = gatherer.done(&run.state, &book, &[]);
        let text = learned(&back, look);
        assert!(text.contains("nobody was told, fixed by abcdef012345: it came back in limits/docs#1"), "{text}");
        assert_eq!(learned(&LearnedGatherer::new("r1".into()).done(&run.state, &book, &[]), look), "", "it does not concern this run");
    }
}
