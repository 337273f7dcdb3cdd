//! A new coordinator takes a run up: everything that somebody was asked for and has not answered is asked for again.

use super::Turn;
use crate::action::Action;
use crate::event::Event;
use crate::state::{Phase, PlanPhase};

impl Turn<'_> {
    pub(super) fn resume(&mut self) {
        if self.state.options.is_none() {
            return;
        }
        self.emit(Event::RunResumed);
        if self.state.plans.is_empty() {
            // Its coordinator died before the first plan was in: nobody will ever ask anything of it.
            self.emit(Event::RunEnded { finished: true });
            return;
        }
        for plan in 0..self.state.plans.len() {
            let id = self.state.plans[plan].submission.plan.id.clone();
            match self.state.plans[plan].phase {
                PlanPhase::Preparing => self.act(Action::PreparePlan { plan: id }),
                PlanPhase::VerifyingBase => self.verify_base(&id),
                PlanPhase::Running => {
                    self.take_up_groups(plan);
                    if let Some(batch) = self.state.plans[plan].lane.active.as_ref().map(|b| b.id) {
                        self.go_on(batch);
                    }
                }
                PlanPhase::Queued | PlanPhase::Ended { .. } => {}
            }
        }
        self.keep_all();
        self.free_all();
        let running: Vec<_> =
            self.state.tasks.iter().filter(|t| t.phase == Phase::Running).map(crate::state::TaskState::attempt_id).collect();
        for attempt in running {
            self.act(Action::ProbeAttempt { attempt: attempt.clone() });
            if self.state.exchange.of_task(&attempt.key).any(|(_, q)| q.attempt == attempt) {
                // The coordinator that knew may have died before its keeper did.
                self.tell_rest(&attempt);
            }
            if self.called_off(&attempt) {
                self.act(Action::EndAttempt { attempt, now: false });
            }
        }
    }
}
