//! What agents have shown in a repository: attempts at tasks of each type, and what became of them. Reads a run's state; knows no journal.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::scorer::{Classifier, RepositoryFiles};
use super::types::TaskType;
use crate::event::Outcome;
use crate::failure::FailureType;
use crate::state::{AttemptState, COMMAND_AGENT, State, TaskState};

/// So many attempts are assumed before anything is known of an agent …
pub const PRIOR_ATTEMPTS: f64 = 4.0;
/// … of which this share landed: a Beta(3, 1) prior.
pub const PRIOR_RATE: f64 = 0.75;
/// With fewer attempts at a type than this an agent's record does not count.
pub const EVIDENCE_MIN: u32 = 5;
/// Points by which somebody must be ahead, record and rules together, to take the place of the rules' choice.
pub const MARGIN_MIN: f64 = 0.05;

/// What one agent has shown at one type of task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// Attempts that ended by the agent's own doing.
    pub attempts: u32,
    /// Of them landed.
    pub landed: u32,
    /// What they cost, in US dollars, as far as it was told.
    pub cost_usd: f64,
    /// Of how many of them the cost was told.
    pub cost_told: u32,
    /// How long they worked, in seconds, together.
    pub seconds: f64,
}

impl Shown {
    /// The share that landed, smoothed by the prior.
    #[must_use]
    pub fn rate(&self) -> f64 {
        (f64::from(self.landed) + PRIOR_ATTEMPTS * PRIOR_RATE) / (f64::from(self.attempts) + PRIOR_ATTEMPTS)
    }

    /// There are enough attempts for the rate to count.
    #[must_use]
    pub fn is_evidence(&self) -> bool {
        self.attempts >= EVIDENCE_MIN
    }
}

/// What all agents have shown, by type.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    shown: BTreeMap<(TaskType, String), Shown>,
}

impl Record {
    /// What this agent has shown at tasks of this type; nothing: no attempts.
    #[must_use]
    pub fn of(&self, kind: TaskType, agent: &str) -> Shown {
        self.shown.get(&(kind, agent.to_owned())).copied().unwrap_or_default()
    }

    /// All of it, by type and agent.
    pub fn iter(&self) -> impl Iterator<Item = (TaskType, &str, Shown)> {
        self.shown.iter().map(|((kind, agent), shown)| (*kind, agent.as_str(), *shown))
    }

    /// Nothing was ever attempted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// An attempt's end, or its sum with others.
    pub fn add(&mut self, kind: TaskType, agent: &str, more: Shown) {
        let known = self.shown.entry((kind, agent.to_owned())).or_default();
        known.attempts += more.attempts;
        known.landed += more.landed;
        known.cost_usd += more.cost_usd;
        known.cost_told += more.cost_told;
        known.seconds += more.seconds;
    }
}

/// Adds what the attempts of a run have shown. Left out is what says nothing of the agent: commands, attempts that go on or were called
/// off, the provider's refusals, Greenlane's own failures, tasks of no type.
pub fn tally(state: &State, classifier: &Classifier, repository: &RepositoryFiles, record: &mut Record) {
    for task in &state.tasks {
        if !task.attempts.iter().any(|a| a.agent != COMMAND_AGENT && says_something(a, task)) {
            continue;
        }
        let Some(kind) = classifier.classify(state.definition(task), repository).kind else { continue };
        for attempt in task.attempts.iter().filter(|a| a.agent != COMMAND_AGENT && says_something(a, task)) {
            record.add(kind, &attempt.agent, shown(attempt));
        }
    }
}

fn says_something(attempt: &AttemptState, task: &TaskState) -> bool {
    match &attempt.outcome {
        None | Some(Outcome::Cancelled | Outcome::Lost | Outcome::FailedToStart) => false,
        Some(Outcome::Succeeded) => task.landed.is_some(),
        Some(_) => !attempt.failure.as_ref().is_some_and(|f| matches!(f.kind, FailureType::ApiError | FailureType::CoordinatorError)),
    }
}

fn shown(attempt: &AttemptState) -> Shown {
    let cost = attempt.record.as_ref().and_then(|r| r.report.usage.as_ref()).and_then(|u| u.cost_usd);
    let seconds = attempt.record.as_ref().map_or(0, |r| r.ended_at.0.saturating_sub(r.started_at.0)) / 1000;
    Shown {
        attempts: 1,
        landed: u32::from(attempt.outcome == Some(Outcome::Succeeded)),
        cost_usd: cost.unwrap_or(0.0),
        cost_told: u32::from(cost.is_some()),
        seconds: f64::from(u32::try_from(seconds).unwrap_or(u32::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_smoothed_by_the_prior() {
        let of = |landed, attempts| Shown { attempts, landed, ..Shown::default() };
        assert!((Shown::default().rate() - PRIOR_RATE).abs() < 1e-9 && !Shown::default().is_evidence());
        assert!((of(1, 1).rate() - 0.8).abs() < 1e-9, "one success is not a certainty");
        assert!((of(0, 6).rate() - 0.3).abs() < 1e-9 && of(0, 6).is_evidence());
    }

    #[test]
    fn a_record_adds_up() {
        let mut record = Record::default();
        let one = Shown { attempts: 1, landed: 1, cost_usd: 0.5, cost_told: 1, seconds: 10.0 };
        record.add(TaskType::Testing, "a", one);
        record.add(TaskType::Testing, "a", Shown { landed: 0, cost_told: 0, cost_usd: 0.0, ..one });
        let of = record.of(TaskType::Testing, "a");
        assert_eq!((of.attempts, of.landed, of.cost_told), (2, 1, 1));
        assert_eq!(record.of(TaskType::Testing, "b"), Shown::default());
        assert_eq!(record.iter().count(), 1);
    }
}
