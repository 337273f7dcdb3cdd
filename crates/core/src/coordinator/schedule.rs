//! Which ready task starts next. Knows slots, ownership and order; knows nothing of worktrees or processes.

use std::collections::BTreeMap;

use super::Turn;
use crate::action::Action;
use crate::event::Event;
use crate::ids::AttemptId;
use crate::state::{Phase, State, TaskState};

/// What is in use, counted once per step and kept up to date while tasks start.
struct Slots {
    run: u32,
    by_agent: BTreeMap<String, u32>,
    by_plan: BTreeMap<usize, u32>,
}

impl Slots {
    fn in_use(state: &State) -> Self {
        let mut slots = Self { run: 0, by_agent: BTreeMap::new(), by_plan: BTreeMap::new() };
        for task in state.tasks.iter().filter(|t| t.phase == Phase::Running) {
            slots.take(task.plan, task.current().map_or("", |a| a.agent.as_str()));
        }
        slots
    }

    fn take(&mut self, plan: usize, agent: &str) {
        self.run += 1;
        *self.by_agent.entry(agent.to_owned()).or_default() += 1;
        *self.by_plan.entry(plan).or_default() += 1;
    }
}

impl Turn<'_> {
    /// Starts ready tasks, the most urgent first, as far as slots and ownership allow.
    pub(super) fn start_attempts(&mut self) {
        if self.state.stopping.is_some() || self.state.paused {
            return;
        }
        let options = self.state.options();
        let mut slots = Slots::in_use(self.state);
        // A limit of none would wait for ever.
        let jobs = options.jobs.max(1);
        if slots.run >= jobs {
            return;
        }
        let candidates: Vec<usize> = self.state.ready_in_order().collect();
        for task in candidates {
            if slots.run >= jobs || self.out.fault.is_some() {
                return;
            }
            let t = &self.state.tasks[task];
            let agent = self.state.agent_of(t);
            let agent_full =
                options.agent_slots.get(&agent).is_some_and(|max| slots.by_agent.get(&agent).copied().unwrap_or(0) >= (*max).max(1));
            let plan_full = self.state.plans[t.plan]
                .submission
                .plan
                .jobs
                .is_some_and(|max| slots.by_plan.get(&t.plan).copied().unwrap_or(0) >= max.max(1));
            if agent_full || plan_full || self.owner_at_work(t).is_some() {
                continue;
            }
            slots.take(t.plan, &agent);
            self.start_attempt(task, agent);
        }
    }

    fn start_attempt(&mut self, task: usize, agent: String) {
        let t = &self.state.tasks[task];
        let attempt = AttemptId { key: t.key.clone(), n: t.attempts.last().map_or(1, |a| a.n + 1) };
        let fresh = t.fresh_next;
        let base = self.state.plans[t.plan].head.clone();
        self.emit(Event::AttemptStarted { attempt: attempt.clone(), agent: agent.clone(), fresh, base: base.clone() });
        self.act(Action::StartAttempt { attempt, agent, fresh, base });
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

/// A task at work, or on its way to the branch, that owns files which this one owns too.
#[must_use]
pub(crate) fn owner_at_work(state: &State, task: &TaskState) -> Option<usize> {
    task.overlaps.iter().copied().find(|other| state.tasks[*other].phase.active())
}
