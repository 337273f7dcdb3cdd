//! How long a run's tasks waited for people: in somebody's hands, or for an answer. No agent works then, so it is no part of what an
//! agent's work is measured by. Decides nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use super::clock::gone_at;
use super::figures::attempt_end;
use super::left::Until;
use crate::event::Outcome;
use crate::state::{AttemptState, PlanState, State, TaskState};
use crate::time::Time;

/// The waits of some plans' tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Waited {
    /// Of all tasks, added up.
    pub all: Duration,
    /// By the run's clock, while there was nothing else to be done.
    pub only: Duration,
}

/// How long an attempt waited for a person: all of the time that it was in somebody's hands; of an agent's what its keeper saw of it.
/// `now`: the end of one that is under way.
#[must_use]
pub fn attempt_waited(state: &State, attempt: &AttemptState, now: Time) -> Duration {
    if attempt.never_began() {
        return Duration::ZERO;
    }
    let there = gone_at(state, attempt).unwrap_or(now).since(attempt.started_at);
    if state.is_agents_time(attempt) {
        let seen = attempt.record.as_ref().map_or(0, |r| r.waited_ms);
        Duration::from_millis(seen).min(there)
    } else {
        there
    }
}

pub(super) fn waited(state: &State, wanted: &dyn Fn(&PlanState) -> bool, until: &Until<'_>) -> Waited {
    let mut times = Times::default();
    let mut all = Duration::ZERO;
    for task in state.tasks.iter().filter(|t| wanted(&state.plans[t.plan])) {
        let now = until.attempt(task);
        for attempt in task.attempts.iter().filter(|a| !a.never_began()) {
            let gone = gone_at(state, attempt).unwrap_or(now);
            let end = attempt_end(task, attempt).unwrap_or(now);
            all += attempt_waited(state, attempt, now);
            if state.is_agents_time(attempt) {
                times.busy(attempt.started_at, end);
                if let Some((from, to)) = between_attempts(state, task, attempt, now) {
                    all += to.since(from);
                    times.person(from, to);
                }
                if attempt.record.as_ref().is_some_and(|r| r.waited_ms > 0) {
                    questions(state, task, attempt, gone).for_each(|(from, to)| times.rests(from, to));
                }
            } else {
                times.person(attempt.started_at, gone);
                times.busy(gone, end);
            }
        }
    }
    // What comes before the first attempt is the machinery's.
    for plan in state.plans.iter().filter(|p| wanted(p)) {
        let first = state.tasks[plan.tasks.clone()].iter().filter_map(|t| t.attempts.first()).map(|a| a.started_at).min();
        times.busy(plan.queued_at, first.unwrap_or(plan.queued_at));
    }
    let only = times.only().into_iter().map(|(from, to)| until.clock().between(from, to)).sum();
    Waited { all, only }
}

/// It ended its turn with a question: until that was answered, or the next attempt began.
fn between_attempts(state: &State, task: &TaskState, attempt: &AttemptState, now: Time) -> Option<(Time, Time)> {
    let from = attempt.ended_at.filter(|_| attempt.outcome == Some(Outcome::Asked))?;
    let mine = state.exchange.of_task(&task.key).filter(|(_, q)| q.attempt.n == attempt.n);
    let answered = mine.map(|(_, q)| q.ended.as_ref().map_or(now, |(at, _)| *at)).max().unwrap_or(from);
    let next = task.attempts.iter().find(|a| a.n > attempt.n).map_or(now, |a| a.started_at);
    Some((from, answered.min(next).max(from)))
}

fn questions<'a>(state: &'a State, task: &'a TaskState, attempt: &'a AttemptState, gone: Time) -> impl Iterator<Item = (Time, Time)> + 'a {
    let mine = state.exchange.of_task(&task.key).filter(|(_, q)| q.attempt.n == attempt.n);
    mine.map(move |(_, q)| (q.asked_at, q.ended.as_ref().map_or(gone, |(at, _)| *at).min(gone)))
}

/// How many wait for a person and how many are busy, from moment to moment.
#[derive(Default)]
struct Times {
    changes: BTreeMap<Time, (i64, i64)>,
}

impl Times {
    fn add(&mut self, from: Time, to: Time, person: i64, busy: i64) {
        if from < to {
            for (at, sign) in [(from, 1), (to, -1)] {
                let change = self.changes.entry(at).or_default();
                change.0 += sign * person;
                change.1 += sign * busy;
            }
        }
    }

    fn person(&mut self, from: Time, to: Time) {
        self.add(from, to, 1, 0);
    }

    fn busy(&mut self, from: Time, to: Time) {
        self.add(from, to, 0, 1);
    }

    /// One that was said to be busy waits for a person here.
    fn rests(&mut self, from: Time, to: Time) {
        self.add(from, to, 1, -1);
    }

    /// When somebody waited for a person, and nobody was busy.
    fn only(&self) -> Vec<(Time, Time)> {
        let (mut person, mut busy, mut since, mut found) = (0, 0, None, Vec::new());
        for (at, change) in &self.changes {
            if let Some(from) = since.take() {
                found.push((from, *at));
            }
            person += change.0;
            busy += change.1;
            since = (person > 0 && busy <= 0).then_some(*at);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_else_was_busy_in_counts() {
        let mut times = Times::default();
        times.person(Time(10), Time(100));
        times.busy(Time(0), Time(20));
        times.busy(Time(40), Time(50));
        times.rests(Time(44), Time(48));
        assert_eq!(times.only(), [(Time(20), Time(40)), (Time(44), Time(48)), (Time(50), Time(100))]);
        assert!(Times::default().only().is_empty());
    }
}
