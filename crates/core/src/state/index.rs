//! The derived parts of the state: who is ready, in which order, and who waits for a retry.
//! Kept up to date by [`super::apply`]; never journalled.

use std::cmp::Reverse;
use std::time::Duration;

use super::{Phase, PlanPhase, State};
use crate::time::Time;

/// Order of starting: priority (0 first), then the longest remaining path, then the plan's own order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ReadyKey {
    priority: u8,
    remaining: Reverse<Duration>,
    task: usize,
}

impl ReadyKey {
    pub(super) fn task(&self) -> usize {
        self.task
    }
}

impl State {
    pub(crate) fn ready_key(&self, task: usize) -> ReadyKey {
        let t = &self.tasks[task];
        ReadyKey { priority: self.definition(t).priority, remaining: Reverse(t.remaining), task }
    }

    /// The one place where a task's phase changes: every derived index follows here.
    pub(super) fn set_phase(&mut self, task: usize, to: Phase, at: Time) {
        let from = self.tasks[task].phase;
        if from == to {
            return;
        }
        let key = self.ready_key(task);
        match from {
            Phase::Ready => {
                self.ready.remove(&key);
            }
            Phase::AwaitingRetry { until } => {
                self.waiting.remove(&(until, task));
            }
            _ => {}
        }
        self.tasks[task].phase = to;
        match to {
            Phase::Ready => {
                self.tasks[task].ready_at = Some(at);
                self.ready.insert(key);
            }
            Phase::AwaitingRetry { until } => {
                self.waiting.insert((until, task));
            }
            _ => {}
        }
        self.tasks[task].ended_at = to.ended().then_some(at);
        self.count_dependency(task, from, to, at);
        self.count_stage(task, from, to, at);
    }

    fn count_dependency(&mut self, task: usize, from: Phase, to: Phase, at: Time) {
        let satisfied = |phase: Phase| phase == Phase::Done || self.satisfied_early(phase);
        let (was, is) = (satisfied(from), satisfied(to));
        if was == is {
            return;
        }
        for dependent in self.tasks[task].dependents.clone() {
            let open = &mut self.tasks[dependent].open_dependencies;
            *open = if is { open.saturating_sub(1) } else { *open + 1 };
            self.unblock(dependent, at);
        }
    }

    #[cfg(feature = "planted-bugs")]
    fn satisfied_early(&self, phase: Phase) -> bool {
        let planted = self.options.as_ref().and_then(|o| o.planted_bug);
        planted == Some(crate::planted::PlantedBug::StartBeforeLanding) && phase == Phase::Landing
    }

    #[cfg(not(feature = "planted-bugs"))]
    #[expect(clippy::unused_self, reason = "the same signature as with the feature")]
    fn satisfied_early(&self, _: Phase) -> bool {
        false
    }

    fn count_stage(&mut self, task: usize, from: Phase, to: Phase, at: Time) {
        if from.ended() == to.ended() {
            return;
        }
        let (plan, Some(stage)) = (self.tasks[task].plan, self.definition(&self.tasks[task]).stage) else { return };
        let before = self.current_stage(plan);
        let open = self.plans[plan].stage_open.entry(stage).or_default();
        *open = if to.ended() { open.saturating_sub(1) } else { *open + 1 };
        if self.current_stage(plan) != before {
            self.refresh_plan(plan, at);
        }
    }

    /// The lowest stage that has tasks left; no task of a higher one may start.
    pub(crate) fn current_stage(&self, plan: usize) -> Option<u32> {
        self.plans[plan].stage_open.iter().find(|(_, open)| **open > 0).map(|(stage, _)| *stage)
    }

    /// Puts every waiting task of the plan where it belongs.
    pub(super) fn refresh_plan(&mut self, plan: usize, at: Time) {
        for task in self.plans[plan].tasks.clone() {
            self.unblock(task, at);
        }
    }

    /// Blocked or ready, as its dependencies and its group's turn have it.
    pub(super) fn unblock(&mut self, task: usize, at: Time) {
        let t = &self.tasks[task];
        if !matches!(t.phase, Phase::Blocked | Phase::Ready) {
            return;
        }
        let stage_open = match self.definition(t).stage {
            Some(stage) => self.current_stage(t.plan).is_none_or(|current| stage <= current),
            None => true,
        };
        let open = self.plans[t.plan].phase == PlanPhase::Running && t.open_dependencies == 0 && stage_open;
        self.set_phase(task, if open { Phase::Ready } else { Phase::Blocked }, at);
    }

    /// Makes every index anew and compares; see [`crate::invariants`].
    pub(crate) fn derived_is_right(&self) -> Result<(), String> {
        let (mut ready, mut waiting) = (0, 0);
        for (at, task) in self.tasks.iter().enumerate() {
            match task.phase {
                Phase::Ready if !self.ready.contains(&self.ready_key(at)) => return Err(format!("{} is ready and not listed", task.key)),
                Phase::Ready => ready += 1,
                Phase::AwaitingRetry { until } if !self.waiting.contains(&(until, at)) => {
                    return Err(format!("{} awaits a retry and is not listed", task.key));
                }
                Phase::AwaitingRetry { .. } => waiting += 1,
                _ => {}
            }
        }
        if (ready, waiting) != (self.ready.len(), self.waiting.len()) {
            return Err(format!("{ready} ready, {waiting} waiting; listed {} and {}", self.ready.len(), self.waiting.len()));
        }
        for (at, plan) in self.plans.iter().enumerate() {
            let mut open = vec![0_usize; plan.tasks.len()];
            let mut stages = std::collections::BTreeMap::new();
            for task in self.tasks[plan.tasks.clone()].iter() {
                if task.phase != Phase::Done && !self.satisfied_early(task.phase) {
                    task.dependents.iter().for_each(|d| open[*d - plan.tasks.start] += 1);
                }
                if let Some(stage) = self.definition(task).stage {
                    *stages.entry(stage).or_insert(0) += usize::from(!task.phase.ended());
                }
            }
            if stages != plan.stage_open {
                return Err(format!(
                    "plan {} counts {:?} open in its stages; they are {stages:?}",
                    plan.submission.plan.id, plan.stage_open
                ));
            }
            let current = self.current_stage(at);
            for (task, open) in self.tasks[plan.tasks.clone()].iter().zip(open) {
                if task.open_dependencies != open {
                    return Err(format!("{} counts {} open dependencies; there are {open}", task.key, task.open_dependencies));
                }
                let turn = self.definition(task).stage.is_none_or(|s| current.is_none_or(|c| s <= c));
                let may_start = plan.phase == PlanPhase::Running && open == 0 && turn;
                if (task.phase == Phase::Ready && !may_start) || (task.phase == Phase::Blocked && may_start) {
                    return Err(format!("{} is {:?}; it may {}start", task.key, task.phase, if may_start { "" } else { "not " }));
                }
            }
        }
        Ok(())
    }
}
