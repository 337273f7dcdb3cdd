//! Rules about what attempts say: claims, locks, questions, progress.

use std::collections::BTreeSet;

use super::Found;
use crate::exchange::{CLAIMS_MAX, LOCKS_MAX, NOTES_MAX, QUESTIONS_OPEN_MAX, SAID_MAX, VALUES_MAX};
use crate::overlap::globs_overlap;
use crate::state::{Phase, State};

/// No two unfinished tasks of a plan have claimed the same file, and none at work or landing owns what another one of these has claimed.
pub(super) fn claims_are_apart(state: &State) -> Found {
    let claimants: Vec<_> = state.tasks.iter().filter(|t| !t.claims.is_empty() && !t.phase.ended()).collect();
    for (at, task) in claimants.iter().enumerate() {
        for other in claimants[at + 1..].iter().filter(|o| o.plan == task.plan) {
            if let Some(path) = task.claims.iter().find(|path| other.claims.iter().any(|p| globs_overlap(p, path))) {
                return Err(format!("{} and {} have both claimed {path}", task.key, other.key));
            }
        }
        if task.phase.active()
            && let Some(other) = state.claim_at_work(task)
        {
            return Err(format!("{} has claimed what {} owns, and both are active", task.key, state.tasks[other].key));
        }
    }
    Ok(())
}

/// A lock has one holder, who is at work; who waits for it is at work too, and waits once; one that nobody has or wants is not there.
pub(super) fn locks_are_of_those_at_work(state: &State) -> Found {
    for (name, lock) in &state.exchange.locks {
        let Some(holder) = &lock.holder else { return Err(format!("lock {name} has no holder")) };
        let mut seen = BTreeSet::new();
        for attempt in std::iter::once(&holder.attempt).chain(lock.queue.iter().map(|w| &w.attempt)) {
            if !state.is_current(attempt, Phase::Running) {
                return Err(format!("{attempt} has or wants lock {name} and is not at work"));
            }
            if !seen.insert(attempt) {
                return Err(format!("{attempt} has or wants lock {name} twice"));
            }
        }
    }
    Ok(())
}

/// Every open question has somebody who waits for its answer: its attempt, which is at work, or its task's next one.
pub(super) fn questions_are_waited_for(state: &State) -> Found {
    // In a run that has ended it is seen to when somebody takes the run up.
    let live = state.is_live();
    for (number, question) in state.exchange.questions.iter().filter(|_| live).filter(|(_, q)| q.ended.is_none()) {
        let awaited = state.task(&question.attempt.key).and_then(|t| state.awaited_answer(t)).is_some();
        if !awaited && !state.is_current(&question.attempt, Phase::Running) {
            return Err(format!("question {number} of {} is open, and nobody waits for its answer", question.attempt));
        }
        if state.exchange.open_of(&question.attempt).count() > QUESTIONS_OPEN_MAX {
            return Err(format!("{} has too many open questions", question.attempt));
        }
    }
    Ok(())
}

/// What attempts say has its limits, and progress its range.
pub(super) fn what_is_said_is_bounded(state: &State) -> Found {
    let exchange = &state.exchange;
    if exchange.values.len() > VALUES_MAX || exchange.locks.len() > LOCKS_MAX {
        return Err(format!("{} values and {} locks", exchange.values.len(), exchange.locks.len()));
    }
    if let Some((name, value)) = exchange.values.iter().find(|(_, v)| v.version > exchange.last_version) {
        return Err(format!("value {name} has version {}, and the last is {}", value.version, exchange.last_version));
    }
    for task in &state.tasks {
        if task.notes.len() > NOTES_MAX || task.claims.len() > CLAIMS_MAX {
            return Err(format!("{} has {} notes and {} claims", task.key, task.notes.len(), task.claims.len()));
        }
        for attempt in &task.attempts {
            // A lock that comes to an attempt by itself counts too, and only asking is refused.
            if attempt.said > SAID_MAX.saturating_mul(2) || attempt.progress.as_ref().is_some_and(|p| p.percent > 100) {
                return Err(format!("{}#{} has said {} things; progress {:?}", task.key, attempt.n, attempt.said, attempt.progress));
            }
        }
    }
    Ok(())
}
