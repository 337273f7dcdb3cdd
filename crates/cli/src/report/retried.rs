//! What went wrong and was tried again, by the kind of failure; and what tasks waited for. Derived from a run's state.

use std::collections::BTreeMap;

use greenlane_core::state::{AttemptState, State, TaskState};
use greenlane_core::time::Time;
use greenlane_core::view::RunClock;
use serde::Serialize;

use super::waits::Waits;

/// Attempts after failures.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Retries {
    /// Attempts that followed on a failed one of the same task.
    pub attempts: usize,
    /// Tasks that needed any.
    pub tasks: usize,
    /// Of these, landed in the end.
    pub recovered: usize,
    /// By the kind of failure that each followed on.
    pub by_type: BTreeMap<String, usize>,
}

impl Retries {
    /// Of this run.
    #[must_use]
    pub fn of(state: &State) -> Self {
        let mut all = Self::default();
        for task in &state.tasks {
            let begun: Vec<&AttemptState> = task.attempts.iter().filter(|a| task.number_of(a.n).is_some()).collect();
            let again = begun.windows(2).filter_map(|pair| pair[0].failure.as_ref());
            let before = all.attempts;
            for failure in again {
                all.attempts += 1;
                *all.by_type.entry(failure.kind.as_str().to_owned()).or_default() += 1;
            }
            if all.attempts > before {
                all.tasks += 1;
                all.recovered += usize::from(task.landed.is_some());
            }
        }
        all
    }
}

impl std::ops::AddAssign for Retries {
    fn add_assign(&mut self, more: Self) {
        self.attempts += more.attempts;
        self.tasks += more.tasks;
        self.recovered += more.recovered;
        for (kind, n) in more.by_type {
            *self.by_type.entry(kind).or_default() += n;
        }
    }
}

/// What tasks waited for, by cause, but for quotas, which events tell. Tasks wait beside each other: these are sums, not the clock's.
#[must_use]
pub fn waits(state: &State, now: Time) -> BTreeMap<&'static str, Waits> {
    let clock = RunClock::of(state);
    let mut all: BTreeMap<&'static str, Waits> = BTreeMap::new();
    let mut add = |cause, from: Time, to: Time| {
        let long = clock.between(from, to).as_secs_f64();
        if long > 0.0 {
            let of: &mut Waits = all.entry(cause).or_default();
            of.times += 1;
            of.seconds += long;
        }
    };
    for task in &state.tasks {
        if let Some((from, to)) = for_a_slot(task, now) {
            add("slot", from, to);
        }
        for pair in task.attempts.windows(2) {
            if let (Some(ended), Some(_)) = (pair[0].ended_at, &pair[0].failure) {
                add("retry", ended, pair[1].started_at);
            }
        }
        for attempt in &task.attempts {
            // From the gate's word to the branch, but for what the suite and the merging themselves took.
            if let (Some(judged), Some(ended), true) = (attempt.judged_at, attempt.ended_at, attempt.landed) {
                add("turn_to_land", judged + attempt.landing, ended.max(judged + attempt.landing));
            }
        }
    }
    all
}

/// From the moment in which it could have started to the start.
fn for_a_slot(task: &TaskState, now: Time) -> Option<(Time, Time)> {
    let ready = task.ready_at?;
    let started = task.attempts.iter().map(|a| a.started_at).find(|at| *at >= ready);
    Some((ready, started.or(task.ended_at).unwrap_or(now)))
}

/// The words for a cause.
#[must_use]
pub fn cause_words(cause: &str) -> &'static str {
    match cause {
        "slot" => "a free slot",
        "retry" => "their next attempt",
        "turn_to_land" => "their turn to land",
        _ => "something else",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn a_retry_and_its_wait_are_told_with_their_cause() {
        let run = samples::ended();
        let retries = Retries::of(&run.state);
        assert_eq!((retries.attempts, retries.tasks, retries.recovered), (1, 1, 1));
        assert_eq!(retries.by_type, BTreeMap::from([(String::from("api_error"), 1)]));
        let waits = waits(&run.state, run.now);
        assert_eq!(waits["retry"], Waits { times: 1, seconds: 90.0 });
        assert!(!waits.contains_key("slot"), "there were slots enough: {waits:?}");
    }
}
