//! All deficiencies of a repository: each once, counted and merged. A fold over the journal's events and over what people said,
//! in their order; the same input gives the same book.

use std::collections::BTreeMap;

use super::fact::Fact;
use super::kind::DeficiencyType;
use super::model::{Deficiency, deficiency_id};
use super::observe::Observation;
use super::remediation::{Remediation, Step};
use super::suggest::suggestions;
use super::watch::Watcher;
use crate::event::Event;
use crate::ids::{AttemptId, RunId, TaskKey};
use crate::plan::closest;
use crate::time::Time;

/// Most deficiencies that are kept; of those seen least often, and longest ago, one goes for each new one.
pub const DEFICIENCIES_MAX: usize = 2_000;
/// Runs that may still go on: the newest so many.
const RUNS_MAX: usize = 16;

/// All deficiencies.
#[derive(Clone, Debug, Default)]
pub struct Book {
    deficiencies: BTreeMap<String, Deficiency>,
    runs: BTreeMap<RunId, Run>,
}

#[derive(Clone, Debug)]
struct Run {
    watcher: Watcher,
    /// By task, the last attempt that showed something, and what.
    last: BTreeMap<TaskKey, (u32, String)>,
}

/// A deficiency that an event showed.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// Which.
    pub id: String,
    /// By whose failure.
    pub attempt: Option<AttemptId>,
    /// It was said to be fixed, and the attempt began after that.
    pub returned: bool,
}

impl Book {
    /// Takes the next event of the journal in; gives what it showed.
    pub fn take(&mut self, run: &RunId, at: Time, event: &Event) -> Vec<Shown> {
        if !self.runs.contains_key(run) {
            while self.runs.len() >= RUNS_MAX {
                self.runs.pop_first();
            }
        }
        let of = self.runs.entry(run.clone()).or_insert_with(|| Run { watcher: Watcher::new(run.clone()), last: BTreeMap::new() });
        let seen = of.watcher.take(at, event);
        let shown: Vec<Shown> = seen.iter().map(|o| self.observe(o)).collect();
        if let Some(of) = self.runs.get_mut(run) {
            for one in &shown {
                if let Some(attempt) = &one.attempt {
                    of.last.insert(attempt.key.clone(), (attempt.n, one.id.clone()));
                }
            }
        }
        shown
    }

    /// Counts what was seen.
    pub fn observe(&mut self, seen: &Observation) -> Shown {
        let id = seen.id();
        let mut returned = false;
        match self.deficiencies.get_mut(&id) {
            Some(known) => {
                known.context.merge(&seen.context);
                known.frequency = known.frequency.saturating_add(1);
                known.last_seen = known.last_seen.max(seen.at);
                known.first_seen = known.first_seen.min(seen.at);
                returned = known.remediation_status == Remediation::Fixed && known.fixed_at.is_some_and(|fixed| seen.began >= fixed);
                if returned {
                    known.context.returned = known.context.returned.saturating_add(1);
                    known.remediation_status = known.remediation_status.step(Step::Return).unwrap_or_default();
                }
            }
            None => {
                let mut new = Deficiency::new(seen.kind, seen.description.clone(), seen.at);
                new.context.merge(&seen.context);
                self.insert(new);
            }
        }
        self.refresh(&id);
        Shown { id, attempt: seen.attempt.clone(), returned }
    }

    fn insert(&mut self, new: Deficiency) {
        if self.deficiencies.len() >= DEFICIENCIES_MAX {
            // What people worked on stays.
            let spare = |d: &&Deficiency| d.remediation_status == Remediation::Open && d.solution.is_none();
            let least = self.deficiencies.values().filter(spare).min_by_key(|d| (d.frequency, d.last_seen, d.id.clone()));
            if let Some(id) = least.or(self.deficiencies.values().min_by_key(|d| d.last_seen)).map(|d| d.id.clone()) {
                self.deficiencies.remove(&id);
            }
        }
        self.deficiencies.insert(new.id.clone(), new);
    }

    fn refresh(&mut self, id: &str) {
        if let Some(known) = self.deficiencies.get_mut(id) {
            known.improvement_suggestions = suggestions(known);
        }
    }

    /// Takes in what somebody said; gives the deficiency's id.
    ///
    /// # Errors
    /// Says why it makes no sense: no such deficiency, or an issue for one that has one.
    pub fn apply(&mut self, at: Time, fact: &Fact) -> Result<String, String> {
        let id = match fact {
            Fact::Recorded { deficiency_type, description, context, solution } => {
                self.record(at, *deficiency_type, description, context, solution.as_deref())
            }
            Fact::Fixed { id, commit, solution } => {
                let known = self.known(id)?;
                known.remediation_status = known.remediation_status.step(Step::Fix)?;
                known.remediation_commit = Some(commit.clone());
                known.fixed_at = Some(at);
                known.solution = solution.clone().or(known.solution.take());
                id.clone()
            }
            Fact::IssueFiled { id, issue } => {
                let known = self.known(id)?;
                known.remediation_status = known.remediation_status.step(Step::IssueFiled)?;
                known.github_issue = Some(issue.clone());
                id.clone()
            }
        };
        self.refresh(&id);
        Ok(id)
    }

    fn record(&mut self, at: Time, kind: DeficiencyType, text: &str, context: &super::Context, solution: Option<&str>) -> String {
        let id = deficiency_id(kind, text);
        if !self.deficiencies.contains_key(&id) {
            let mut new = Deficiency::new(kind, text.to_owned(), at);
            new.frequency = 0;
            self.insert(new);
        }
        if let Some(known) = self.deficiencies.get_mut(&id) {
            known.frequency = known.frequency.saturating_add(1);
            known.last_seen = known.last_seen.max(at);
            known.context.merge(context);
            if let Some(solution) = solution {
                known.solution = Some(solution.to_owned());
            }
            if known.remediation_status == Remediation::Fixed {
                known.context.returned = known.context.returned.saturating_add(1);
                known.remediation_status = known.remediation_status.step(Step::Return).unwrap_or_default();
            }
        }
        id
    }

    fn known(&mut self, id: &str) -> Result<&mut Deficiency, String> {
        self.deficiencies.get_mut(id).ok_or_else(|| format!("there is no deficiency `{id}`"))
    }

    /// The deficiency of this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Deficiency> {
        self.deficiencies.get(id)
    }

    /// The one of this id, or of this unmistakable beginning of at least four characters.
    ///
    /// # Errors
    /// Where there is none or several; with the nearest id, if one is near.
    pub fn find(&self, name: &str) -> Result<&Deficiency, (String, Option<String>)> {
        if let Some(exact) = self.get(name) {
            return Ok(exact);
        }
        let begins: Vec<&Deficiency> =
            if name.len() < 4 { Vec::new() } else { self.deficiencies.values().filter(|d| d.id.starts_with(name)).collect() };
        match begins.as_slice() {
            [only] => Ok(only),
            [] => {
                let near = closest(name, self.deficiencies.keys().map(String::as_str)).map(str::to_owned);
                let short = if name.len() < 4 { " (of an id at least four characters are needed)" } else { "" };
                Err((format!("there is no deficiency `{name}`{short}"), near))
            }
            many => Err((format!("`{name}` may be {} deficiencies: give more of the id", many.len()), None)),
        }
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Deficiency> {
        self.deficiencies.values()
    }

    /// All of them, what matters most first.
    #[must_use]
    pub fn by_priority(&self, now: Time) -> Vec<&Deficiency> {
        let mut all: Vec<&Deficiency> = self.deficiencies.values().collect();
        all.sort_by(|a, b| b.priority(now).cmp(&a.priority(now)).then_with(|| b.last_seen.cmp(&a.last_seen)).then_with(|| a.id.cmp(&b.id)));
        all
    }

    /// What the last failed attempt at a task showed: the attempt's number and the deficiency's id.
    #[must_use]
    pub fn last_of(&self, run: &RunId, key: &TaskKey) -> Option<(u32, &str)> {
        self.runs.get(run)?.last.get(key).map(|(n, id)| (*n, id.as_str()))
    }
}
