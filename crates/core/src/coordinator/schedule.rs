//! Which ready task starts next. Knows slots, ownership and order; knows nothing of worktrees or processes.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Turn;
use super::quota::{Choice, choose};
use crate::action::Action;
use crate::event::Event;
use crate::ids::AttemptId;
use crate::state::{GroupPhase, Phase, ReadyKey, State, TaskState};
use crate::time::Time;

/// For so long after a task's processes are gone its slot is kept for a more urgent task that waits for nothing but its landing.
/// Without a suite, or with a quick one, that takes some 60 ms (`docs/benchmarks.md`); a link of the longest chain that
/// came a moment too late would otherwise wait for a whole task to end.
const HOLD: Duration = Duration::from_millis(500);

/// What is in use, counted once per step and kept up to date while tasks start.
#[derive(Default)]
struct Slots {
    run: u32,
    by_agent: BTreeMap<String, u32>,
    by_plan: BTreeMap<usize, u32>,
    /// Tasks of each plan between their agent's end and their landing.
    backlog: BTreeMap<usize, u32>,
    by_account: BTreeMap<String, u32>,
}

impl Slots {
    fn in_use(state: &State) -> Self {
        let mut slots = Self::default();
        for task in &state.tasks {
            match task.phase {
                Phase::Running => slots.take(state, task.plan, task.current().map_or("", |a| a.agent.as_str()), state.takes_a_slot(task)),
                phase if awaits_landing(phase) => *slots.backlog.entry(task.plan).or_default() += 1,
                _ => {}
            }
        }
        slots
    }

    /// `a_slot`: of the run and of its plan; an agent's own limit holds for what waits for a person, too.
    fn take(&mut self, state: &State, plan: usize, agent: &str, a_slot: bool) {
        if let Some(account) = state.account_of(agent) {
            *self.by_account.entry(account.to_owned()).or_default() += 1;
        }
        *self.by_agent.entry(agent.to_owned()).or_default() += 1;
        if a_slot {
            self.run += 1;
            *self.by_plan.entry(plan).or_default() += 1;
        }
    }
}

impl Turn<'_> {
    /// Starts ready tasks, the most urgent first, as far as slots and ownership allow.
    pub(super) fn start_attempts(&mut self) {
        self.state.look_again_at = None;
        if self.state.stopping.is_some() || self.state.paused || self.state.short_of.is_some() {
            return;
        }
        let options = self.state.options();
        let mut slots = Slots::in_use(self.state);
        // A limit of none would wait for ever.
        let (jobs, backlog_max) = (options.jobs.max(1), options.backlog_max());
        // What is handed to a person starts although every slot is taken.
        let any_handed_off = !options.hand_off.is_empty();
        if slots.run >= jobs && !any_handed_off {
            return;
        }
        let candidates: Vec<usize> = self.state.ready_in_order().collect();
        if candidates.is_empty() {
            return;
        }
        let (soon_ready, until) = soon_ready(self.state, self.now);
        for task in candidates {
            if (slots.run >= jobs && !any_handed_off) || self.out.fault.is_some() {
                return;
            }
            let t = &self.state.tasks[task];
            if !group_is_open(self.state, t) || self.state.awaited_answer(t).is_some() {
                continue;
            }
            let (agent, fallback) = match choose(self.state, t, self.now) {
                Choice::Agent(agent, fallback) => (agent, fallback),
                Choice::Wait(_, until) => {
                    self.look_again_at(until);
                    continue;
                }
            };
            let a_slot = !options.hand_off.contains(&agent);
            if a_slot && slots.run >= jobs {
                continue;
            }
            let agent_full =
                options.agent_slots.get(&agent).is_some_and(|max| slots.by_agent.get(&agent).copied().unwrap_or(0) >= (*max).max(1));
            let plan_jobs = self.state.plans[t.plan].submission.plan.jobs.filter(|_| a_slot);
            let plan_full = plan_jobs.is_some_and(|max| slots.by_plan.get(&t.plan).copied().unwrap_or(0) >= max.max(1));
            let backlog_full = slots.backlog.get(&t.plan).is_some_and(|n| *n >= backlog_max);
            if agent_full || plan_full || backlog_full || self.owner_at_work(t).is_some() {
                continue;
            }
            let plan = t.plan;
            let account = self.state.account_of(&agent).map(str::to_owned);
            if let Some(account) = &account
                && self.account_is_full(account, slots.by_account.get(account).copied().unwrap_or(0))
            {
                continue;
            }
            let key = self.state.ready_key(task);
            let more_urgent = soon_ready.partition_point(|soon| *soon < key);
            if a_slot && slots.run as usize + more_urgent >= jobs as usize {
                until.into_iter().for_each(|until| self.look_again_at(until));
                if !any_handed_off {
                    return;
                }
                continue;
            }
            account.iter().for_each(|account| self.take_place(account));
            slots.take(self.state, plan, &agent, a_slot);
            self.start_attempt(task, agent, fallback);
        }
    }

    fn start_attempt(&mut self, task: usize, agent: String, fallback: Option<String>) {
        let t = &self.state.tasks[task];
        let attempt = AttemptId { key: t.key.clone(), n: t.attempts.last().map_or(1, |a| a.n + 1) };
        let fresh = t.fresh_next;
        let refused = t.attempts.iter().rev().find(|a| a.spawned.is_some()).and_then(|a| a.refused.clone()).filter(|_| !fresh);
        let base = refused.as_ref().map_or_else(|| self.state.plans[t.plan].head.clone(), |r| r.onto.clone());
        let claim = self.claim_of(task);
        self.emit(Event::AttemptStarted { attempt: attempt.clone(), agent: agent.clone(), fresh, base: base.clone(), fallback });
        self.act(Action::StartAttempt { attempt, agent, fresh, base, onto: refused.map(|r| r.merged), claim });
    }

    /// A task at work, or on its way to the branch, that owns files which this one owns too.
    fn owner_at_work(&self, task: &TaskState) -> Option<usize> {
        #[cfg(feature = "planted-bugs")]
        if self.state.options.as_ref().and_then(|o| o.planted_bug) == Some(crate::planted::PlantedBug::IgnoreOwnership) {
            return None;
        }
        owner_at_work(self.state, task)
    }
}

/// Its group's context is fresh, and nothing is being taken off the branch.
fn group_is_open(state: &State, task: &TaskState) -> bool {
    let rolling_back = state.plans[task.plan].groups.iter().any(|g| g.rolling_back);
    !rolling_back && state.group_of(task).is_none_or(|g| g.phase == GroupPhase::Open)
}

/// The agent has ended, its work is not on the branch yet.
fn awaits_landing(phase: Phase) -> bool {
    matches!(phase, Phase::Gating | Phase::Landing)
}

/// So many tasks of this plan wait to be verified that none of it starts.
#[must_use]
pub(crate) fn backlog_is_full(state: &State, plan: usize) -> Option<usize> {
    let waiting = state.tasks[state.plans[plan].tasks.clone()].iter().filter(|t| awaits_landing(t.phase)).count();
    (waiting >= state.options().backlog_max() as usize).then_some(waiting)
}

/// A task at work, or on its way to the branch, that owns files which this one owns too.
#[must_use]
pub(crate) fn owner_at_work(state: &State, task: &TaskState) -> Option<usize> {
    let owner = task.overlaps.iter().copied().find(|other| state.tasks[*other].phase.active());
    owner.or_else(|| state.claim_at_work(task))
}

/// Tasks that wait only for work that is being judged and landed at this moment, the most urgent first, and when the first of them
/// is waited for no longer. In a plan whose last landing took longer than [`HOLD`] nothing is held: its slots would stand idle.
fn soon_ready(state: &State, now: Time) -> (Vec<ReadyKey>, Option<Time>) {
    let mut landing: BTreeMap<usize, (usize, Time)> = BTreeMap::new();
    for task in state.tasks.iter().filter(|t| awaits_landing(t.phase)) {
        let Some(exited) = task.current().and_then(|a| a.exited_at).filter(|exited| *exited <= now) else { continue };
        let until = exited + HOLD;
        if until <= now || state.plans[task.plan].last_landing_took.is_some_and(|took| took > HOLD) {
            continue;
        }
        for dependent in &task.dependents {
            let (open, first) = landing.entry(*dependent).or_insert((0, until));
            *open += 1;
            *first = until.min(*first);
        }
    }
    landing.retain(|task, (open, _)| state.tasks[*task].waits_only_for(*open));
    let mut keys: Vec<ReadyKey> = landing.keys().map(|task| state.ready_key(*task)).collect();
    keys.sort_unstable();
    (keys, landing.values().map(|(_, until)| *until).min())
}
