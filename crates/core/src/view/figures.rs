//! How long a run took, and how that compares with one task at a time. Derived from what the journal knows; waiting is no work.
//!
//! **One at a time** is the same work without anything beside it: the suite once on each plan's base, then of every attempt
//!
//! 1. *working*: from the decision on it until its processes were gone (the keeper's record), its workspace included;
//! 2. *checking*: the gate, without the wait for its turn;
//! 3. *landing*: the suite's time of the last batch that it was in, in full, as though that batch had been verified for it alone, and
//!    its share of the merging and of the moving of the branch.
//!
//! Not in it: waiting for a person, in somebody's hands or for an answer (shown on its own, and speed-up and efficiency leave out the
//! part of the elapsed time in which nothing else was to be done); waits before retries, for slots, for the gate, for the lane; red batches that were split, which only landing together
//! costs; what a coordinator that died had begun. A verdict that was known before counts as what the look-up took.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use super::clock::{RunClock, gone_at};
use super::left::Until;
use super::waited::{attempt_waited, waited};
use crate::ids::PlanId;
use crate::state::{AttemptState, BatchPhase, Phase, PlanState, State, TaskState};
use crate::time::Time;

/// A run's times.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// From its start to its end, or to now, by the [`super::RunClock`].
    pub elapsed: Duration,
    /// The same work one at a time; see the module.
    pub sequential: Duration,
    /// What held the run's slots: the working part of all attempts.
    pub working: Duration,
    /// What tasks waited for people, all together.
    pub waited: Duration,
    /// Of the elapsed time, that in which nothing but people was waited for.
    pub only_waited: Duration,
    /// The longest chain of tasks that had to follow one another, and the suite on its plan's base before it.
    pub critical_path: Duration,
    /// What each task took one at a time, in the order of [`State::tasks`].
    pub of_tasks: Vec<Duration>,
}

impl Figures {
    /// Measures a run.
    #[must_use]
    pub fn of(state: &State, until: &Until<'_>) -> Self {
        Self::of_plans(state, &[], until)
    }

    /// Measures these plans of a run (none: all of them), from the moment at which the first was handed in to the end of the last.
    /// What each task took is there for the others' tasks, too.
    #[must_use]
    pub fn of_plans(state: &State, plans: &[PlanId], until: &Until<'_>) -> Self {
        let wanted = |p: &&PlanState| plans.is_empty() || plans.contains(&p.submission.plan.id);
        let of_them = || state.plans.iter().filter(wanted);
        let mut of_tasks: Vec<Duration> = checking(state, until.machinery());
        let mut working = Duration::ZERO;
        let landing_now = landing_now(state, until.machinery());
        for (task, of) in state.tasks.iter().zip(&mut of_tasks) {
            let end = until.attempt(task);
            let worked: Duration = task.attempts.iter().map(|a| attempt_working(state, a, end)).sum();
            if wanted(&&state.plans[task.plan]) {
                working += worked;
            }
            *of += worked + task.attempts.iter().map(|a| a.landing).sum::<Duration>();
        }
        for (task, so_far) in landing_now {
            of_tasks[task] += so_far;
        }
        let sequential = of_them().map(|p| base_suite_time(p, until) + of_tasks[p.tasks.clone()].iter().sum::<Duration>()).sum();
        let (from, to) = match plans {
            [] => (state.started_at, until.run()),
            _ => (
                of_them().map(|p| p.queued_at).min().unwrap_or(state.started_at),
                of_them().map(|p| p.ended_at.unwrap_or(until.run())).max().unwrap_or(until.run()),
            ),
        };
        let waited = waited(state, &|p| wanted(&p), until);
        Self {
            elapsed: until.clock().between(from, to),
            sequential,
            working,
            waited: waited.all,
            only_waited: waited.only,
            critical_path: of_them().map(|p| critical_path(p, &of_tasks, until)).max().unwrap_or_default(),
            of_tasks,
        }
    }

    /// One-at-a-time over elapsed; 1 where nothing took any time.
    #[must_use]
    pub fn speedup(&self) -> f64 {
        ratio(self.sequential.as_secs_f64(), self.occupied())
    }

    /// The elapsed time without that in which there was nothing to do but to wait for people, in seconds.
    fn occupied(&self) -> f64 {
        self.elapsed.saturating_sub(self.only_waited).as_secs_f64()
    }

    /// The best possible time on so many slots over the elapsed one: the longest chain, or all working shared by the slots, whichever
    /// is longer. Checks and suites hold no slot.
    #[must_use]
    pub fn efficiency(&self, jobs: u32) -> f64 {
        let best = self.critical_path.as_secs_f64().max(self.working.as_secs_f64() / f64::from(jobs.max(1)));
        ratio(best, self.occupied()).min(1.0)
    }
}

fn ratio(a: f64, b: f64) -> f64 {
    if b > 0.0 { a / b } else { 1.0 }
}

/// An attempt's time by the clock, the one that `run`, `status` and `report` show: from the decision on it to its end, which is the
/// landing of accepted work, else the refusal; `now` for one under way. Waiting for the gate and for the suite is in it.
#[must_use]
pub fn attempt_time(clock: &RunClock, task: &TaskState, attempt: &AttemptState, now: Time) -> Duration {
    clock.between(attempt.started_at, attempt_end(task, attempt).unwrap_or(now))
}

/// When an attempt was over; `None` for one under way. One that never began was over at once.
#[must_use]
pub fn attempt_end(task: &TaskState, attempt: &AttemptState) -> Option<Time> {
    let newest = task.current().is_some_and(|a| a.n == attempt.n);
    match attempt.ended_at {
        Some(_) if attempt.never_began() => Some(attempt.started_at),
        Some(ended) => Some(ended),
        None if newest && task.phase.active() => None,
        None => attempt.judged_at.or(attempt.exited_at).or(Some(attempt.started_at)),
    }
}

/// A task's time by the clock: that of its attempts, without the waits between them.
#[must_use]
pub fn task_time(state: &State, task: &TaskState, now: Time) -> Duration {
    let clock = RunClock::of(state);
    task.attempts.iter().map(|a| attempt_time(&clock, task, a, now)).sum()
}

/// What a plan's suite took on the base, so far.
#[must_use]
pub fn base_suite_time(plan: &PlanState, until: &Until<'_>) -> Duration {
    plan.base_suite_took + plan.base_suite_since.map_or(Duration::ZERO, |since| until.machinery().since(since))
}

/// How long an attempt's processes were there, or are until `now`, its workspace's preparation included; without what it waited for a
/// person, so nothing of what is in somebody's hands.
#[must_use]
pub fn attempt_working(state: &State, attempt: &AttemptState, now: Time) -> Duration {
    if attempt.never_began() {
        return Duration::ZERO;
    }
    let there = gone_at(state, attempt).unwrap_or(now).since(attempt.started_at);
    there.saturating_sub(attempt_waited(state, attempt, now))
}

/// What the gate took for each task. Who waited for a place in it is not journalled, but follows: they are served in the order of
/// their exits, so many at once.
fn checking(state: &State, now: Time) -> Vec<Duration> {
    let mut queue: Vec<(Time, Time, usize, &AttemptState)> = Vec::new();
    for (i, task) in state.tasks.iter().enumerate() {
        // One that failed by its exit never came to the gate; one that was called off later may have been there.
        let at_gate = |a: &&AttemptState| match a.judged_at.or(a.ended_at) {
            Some(end) => Some(end) > a.exited_at,
            None => task.phase == Phase::Gating,
        };
        let attempts = task.attempts.iter().filter(at_gate);
        queue.extend(attempts.filter_map(|a| Some((a.gate_since?, a.exited_at?, i, a))));
    }
    queue.sort_by(|a, b| (a.0, a.1, &state.tasks[a.2].key).cmp(&(b.0, b.1, &state.tasks[b.2].key)));
    let places = state.options().check_jobs.max(1) as usize;
    let mut free_at: BinaryHeap<Reverse<Time>> = BinaryHeap::new();
    let mut took = vec![Duration::ZERO; state.tasks.len()];
    for (since, _, task, attempt) in queue {
        let place = if free_at.len() < places { None } else { free_at.pop().map(|Reverse(at)| at) };
        let start = place.map_or(since, |at| at.max(since));
        let end = attempt.judged_at.or(attempt.ended_at).unwrap_or(now);
        took[task] += end.since(start);
        // Who was called off while it waited leaves the place to the next.
        free_at.extend(if end > start { Some(Reverse(end)) } else { place.map(Reverse) });
    }
    took
}

/// What the suite has taken so far for the tasks that it is at work for.
fn landing_now(state: &State, now: Time) -> BTreeMap<usize, Duration> {
    let batches = state.plans.iter().filter_map(|p| p.lane.active.as_ref()).filter(|b| b.phase == BatchPhase::Verifying);
    let members = batches.flat_map(|b| b.merged.iter().map(|(a, _)| (a, now.since(b.since))));
    members.filter_map(|(a, so_far)| Some((state.task_at(&a.attempt.key)?, so_far))).collect()
}

/// Longest path over a plan's dependencies and groups, by the times that were measured.
fn critical_path(plan: &PlanState, of_tasks: &[Duration], until: &Until<'_>) -> Duration {
    let base = base_suite_time(plan, until);
    let Ok(graph) = crate::graph::Graph::new(&plan.submission.plan) else { return base };
    let first = plan.tasks.start;
    let mut longest = base;
    let mut end_of = vec![Duration::ZERO; graph.len()];
    let mut stage_end: BTreeMap<u32, Duration> = BTreeMap::new();
    for task in graph.topological_order() {
        let definition = &plan.submission.plan.tasks[task];
        let barrier = definition.stage.and_then(|s| stage_end.range(..s).map(|(_, end)| *end).max()).unwrap_or_default();
        let before = graph.depends(task).iter().map(|d| end_of[*d]).max().unwrap_or_default();
        end_of[task] = base.max(before).max(barrier) + of_tasks.get(first + task).copied().unwrap_or_default();
        if let Some(stage) = definition.stage {
            let end = stage_end.entry(stage).or_default();
            *end = (*end).max(end_of[task]);
        }
        longest = longest.max(end_of[task]);
    }
    longest
}
