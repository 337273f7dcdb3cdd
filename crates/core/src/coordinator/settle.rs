//! What follows from the state alone, at the end of every step: skip what cannot run, land what waits,
//! start what is ready, end what is over.

use super::Turn;
use crate::event::Event;
use crate::event::Stopping;
use crate::state::{Phase, PlanPhase};

impl Turn<'_> {
    pub(super) fn settle(&mut self) {
        self.state.wall_due = None;
        self.heed_budgets();
        self.release_due_retries();
        self.fail_used_up();
        loop {
            let before = self.out.events.len();
            self.give_up_on_accounts();
            self.skip_what_cannot_run();
            if self.out.events.len() == before {
                break;
            }
        }
        self.start_gates();
        self.form_batches();
        self.end_groups();
        self.roll_back_groups();
        self.end_plans();
        self.start_plans();
        self.begin_groups();
        self.settle_exchange();
        self.start_attempts();
        self.end_run();
        self.look_after_attempts();
    }

    /// A task whose dependency ended without landing, or whose earlier group did, is skipped; so are those after it.
    fn skip_what_cannot_run(&mut self) {
        let keep_going = self.state.options().keep_going;
        for plan in 0..self.state.plans.len() {
            if self.state.plans[plan].phase == PlanPhase::Queued || matches!(self.state.plans[plan].phase, PlanPhase::Ended { .. }) {
                continue;
            }
            // What is skipped with its group can be what a task outside of all groups depends on, and the other way round.
            loop {
                let before = self.out.events.len();
                self.skip_dependents(plan);
                if !keep_going {
                    self.skip_later_groups(plan);
                }
                if self.out.events.len() == before {
                    break;
                }
            }
        }
    }

    fn skip_dependents(&mut self, plan: usize) {
        let mut broken: Vec<usize> = self.state.plans[plan]
            .tasks
            .clone()
            .filter(|t| self.broken(*t) && self.state.tasks[*t].dependents.iter().any(|d| !self.state.tasks[*d].phase.ended()))
            .collect();
        while let Some(task) = broken.pop() {
            let because = self.state.tasks[task].key.task.clone();
            for dependent in self.state.tasks[task].dependents.clone() {
                if self.waits(dependent) {
                    let key = self.state.tasks[dependent].key.clone();
                    let reason = format!("depends on `{because}`, which {}", self.ended_how(task));
                    self.emit(Event::TaskSkipped { key, reason });
                    broken.push(dependent);
                }
            }
        }
    }

    fn skip_later_groups(&mut self, plan: usize) {
        let stage = |turn: &Self, task: usize| turn.state.definition(&turn.state.tasks[task]).stage;
        let broken = self.state.plans[plan].tasks.clone().filter(|t| self.broken(*t)).filter_map(|t| stage(self, t).map(|s| (s, t))).min();
        let Some((failed_stage, failed)) = broken else { return };
        let failed_task = &self.state.tasks[failed];
        let group = self.state.definition(failed_task).group.as_ref();
        let reason = match group {
            Some(group) => format!("group `{group}` before it failed: `{}` {}", failed_task.key.task, self.ended_how(failed)),
            None => format!("`{}` before it {}", failed_task.key.task, self.ended_how(failed)),
        };
        for task in self.state.plans[plan].tasks.clone() {
            if self.waits(task) && stage(self, task).is_some_and(|s| s > failed_stage) {
                let key = self.state.tasks[task].key.clone();
                self.emit(Event::TaskSkipped { key, reason: reason.clone() });
            }
        }
    }

    fn broken(&self, task: usize) -> bool {
        let t = &self.state.tasks[task];
        match t.phase {
            Phase::Failed | Phase::NeedsHuman | Phase::Skipped => true,
            // Called off with the run: a resumed run takes it up again, and what depends on it.
            Phase::Cancelled => !t.cancelled_with_run,
            _ => false,
        }
    }

    fn waits(&self, task: usize) -> bool {
        matches!(self.state.tasks[task].phase, Phase::Blocked | Phase::Ready | Phase::AwaitingRetry { .. })
    }

    fn ended_how(&self, task: usize) -> &'static str {
        match self.state.tasks[task].phase {
            Phase::Failed => "failed",
            Phase::NeedsHuman => "needs a human",
            Phase::Skipped => "was skipped",
            _ => "was called off",
        }
    }

    fn end_plans(&mut self) {
        for plan in 0..self.state.plans.len() {
            let p = &self.state.plans[plan];
            let tasks = &self.state.tasks[p.tasks.clone()];
            if p.phase == PlanPhase::Running && p.lane.is_idle() && tasks.iter().all(|t| t.phase.ended()) {
                if p.groups.iter().any(|g| g.rolling_back) {
                    continue;
                }
                if tasks.iter().any(|t| t.cancelled_with_run && t.phase == Phase::Cancelled) {
                    continue; // It ends with the run, and is resumed with it.
                }
                let done = tasks.iter().all(|t| t.phase == Phase::Done);
                let plan = p.submission.plan.id.clone();
                self.emit(Event::PlanEnded { plan, done, reason: None });
            }
        }
    }

    /// The run ends when every plan has, or when it is being stopped and nothing is left to wait for.
    fn end_run(&mut self) {
        let all_ended = self.state.plans.iter().all(|p| matches!(p.phase, PlanPhase::Ended { .. }));
        if all_ended && !self.state.plans.is_empty() {
            self.emit(Event::RunEnded { finished: true });
            return;
        }
        let nothing_left = match self.state.stopping {
            None => false,
            Some(Stopping::Drain) => {
                self.state.tasks.iter().all(|t| !t.phase.active())
                    && self.state.plans.iter().all(|p| p.lane.is_idle())
                    && !self.state.plans.iter().any(|p| matches!(p.phase, PlanPhase::Preparing | PlanPhase::VerifyingBase))
            }
            // What gates and lands at that moment is taken up again by a resumed run.
            Some(Stopping::Terminate | Stopping::Kill) => self.state.tasks.iter().all(|t| t.phase != Phase::Running),
        };
        if nothing_left {
            self.emit(Event::RunEnded { finished: false });
        }
    }
}
