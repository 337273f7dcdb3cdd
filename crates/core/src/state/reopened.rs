//! What waits again: a task that a person asks for once more, and all that a stopped or interrupted run has left.

use std::collections::BTreeSet;

use super::apply::{Applied, require};
use super::{Absence, Phase, PlanPhase, State, TaskState};
use crate::attempt::Suite;
use crate::budget::Spent;
use crate::event::Outcome;
use crate::ids::TaskKey;
use crate::time::Time;

impl State {
    pub(super) fn task_reopened(&mut self, at: Time, key: &TaskKey, fresh: bool, agent: Option<&String>) -> Applied {
        let task = self.require_task(key)?;
        let t = &mut self.tasks[task];
        require(t.phase.ended() && t.phase != Phase::Done, "the task has not ended, or is done")?;
        t.retries = 0;
        t.repairs = 0;
        if t.phase == Phase::Failed {
            t.spent = Spent::default();
            t.warned.clear();
        }
        t.reason = None;
        t.cancelled_with_run = false;
        t.rolled_back = false;
        t.claimed = false;
        t.fresh_next = fresh || starts_afresh(t);
        if agent.is_some() {
            t.agent_override = agent.cloned();
        }
        let plan = t.plan;
        if let Some(from) = self.ended_at.take() {
            self.absences.push(Absence { from, to: at });
        }
        self.finished = false;
        // A person asks again: somebody may have signed in meanwhile.
        let agent = self.agent_of(&self.tasks[task]);
        self.unavailable.remove(&agent);
        self.options.iter_mut().for_each(|o| drop(o.unavailable.remove(&agent)));
        let red_allowed = self.options().base_red_allowed;
        let p = &mut self.plans[plan];
        if matches!(p.phase, PlanPhase::Ended { .. }) {
            p.phase = match (&p.branch, &p.base_suite) {
                (None, _) => PlanPhase::Preparing,
                (Some(_), Some(Suite::Green { .. })) => PlanPhase::Running,
                (Some(_), _) if p.verify.is_empty() || red_allowed => PlanPhase::Running,
                (Some(_), _) => PlanPhase::VerifyingBase,
            };
            p.base_suite_since = (p.phase == PlanPhase::VerifyingBase).then_some(at);
            p.reason = None;
            p.ended_at = None;
        }
        self.reopen_group(task);
        self.regain_claims(task);
        self.set_phase(task, Phase::Blocked, at);
        self.unblock(task, at);
        Ok(())
    }

    /// What a resume of a finished run does again: tasks that were taken off the branch, and those of their groups that had not landed
    /// (a group that failed is taken off as a whole).
    #[must_use]
    pub fn taken_off(&self) -> Vec<TaskKey> {
        let off = |t: &&TaskState| t.phase == Phase::Cancelled && t.rolled_back;
        let groups: BTreeSet<(usize, u32)> =
            self.tasks.iter().filter(off).filter_map(|t| Some((t.plan, self.definition(t).stage?))).collect();
        let of_group = |t: &TaskState| self.definition(t).stage.is_some_and(|stage| groups.contains(&(t.plan, stage)));
        let again = |t: &&TaskState| off(t) || (of_group(t) && matches!(t.phase, Phase::Failed | Phase::NeedsHuman | Phase::Cancelled));
        self.tasks.iter().filter(again).map(|t| t.key.clone()).collect()
    }

    pub(super) fn run_resumed(&mut self, before: Time, at: Time) {
        if self.ended_at.is_some() {
            // With its end the run gave its issues back.
            self.tasks.iter_mut().for_each(|t| t.claimed = false);
        }
        self.absences.push(Absence { from: self.ended_at.take().unwrap_or(before), to: at });
        self.finished = false;
        self.stopping = None;
        self.halted = None;
        self.short_of = None;
        self.paused = false;
        for task in 0..self.tasks.len() {
            if self.tasks[task].phase == Phase::Cancelled && self.tasks[task].cancelled_with_run {
                self.tasks[task].cancelled_with_run = false;
                self.tasks[task].reason = None;
                self.tasks[task].fresh_next = starts_afresh(&self.tasks[task]);
                self.reopen_group(task);
                self.regain_claims(task);
                self.set_phase(task, Phase::Blocked, at);
                self.unblock(task, at);
            }
        }
        for plan in 0..self.plans.len() {
            // A gate, a suite or a merge that was asked for died with the coordinator that asked.
            for task in self.plans[plan].tasks.clone() {
                if let Some(a) = self.tasks[task].attempts.last_mut() {
                    a.gate_started = false;
                    if a.judged_at.is_none() && a.outcome.is_none() {
                        a.gate_since = a.gate_since.map(|_| at);
                    }
                }
            }
            let p = &mut self.plans[plan];
            p.groups.iter_mut().for_each(|g| g.rollback_asked = false);
            p.base_suite_since = p.base_suite_since.map(|_| at);
            if let Some(batch) = &mut p.lane.active {
                batch.since = at;
            }
        }
    }
}

/// There is no work to go on from, or the attempt that was to start from the base never had a keeper.
pub(super) fn starts_afresh(task: &TaskState) -> bool {
    // One that has succeeded landed and was taken off again: it is done anew, where it would find its own work done.
    task.attempts.last().is_none_or(|a| (a.spawned.is_none() && a.fresh) || a.outcome == Some(Outcome::Succeeded))
}
