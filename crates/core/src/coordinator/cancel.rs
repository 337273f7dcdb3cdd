//! Pausing, calling tasks off, ending the run. A decision here; the terminating is the keeper's.

use std::collections::BTreeSet;

use super::Turn;
use crate::action::Action;
use crate::event::{Event, Stopping};
use crate::ids::{AttemptId, Oid, PlanId, TaskKey};
use crate::state::Phase;

impl Turn<'_> {
    pub(super) fn pause(&mut self, on: bool) -> Result<(), String> {
        if !self.state.is_live() {
            return Err(String::from("the run has ended"));
        }
        if self.state.paused != on {
            self.emit(if on { Event::RunPaused } else { Event::RunUnpaused });
        }
        Ok(())
    }

    pub(super) fn stop_run(&mut self, how: Stopping) -> Result<(), String> {
        if !self.state.is_live() {
            return Err(String::from("the run has ended"));
        }
        if self.state.stopping >= Some(how) {
            return Ok(());
        }
        self.emit(Event::StopRequested { how });
        if how > Stopping::Drain {
            for attempt in self.running() {
                self.end_attempt(&attempt, how == Stopping::Kill, true);
            }
            self.act(Action::AbortGates);
        }
        Ok(())
    }

    pub(super) fn stop_tasks(&mut self, tasks: &[TaskKey], now: bool) -> Result<(), String> {
        // All or nothing: whoever reads the answer must know what was done. A task named twice is called off once.
        let tasks: BTreeSet<&TaskKey> = tasks.iter().collect();
        for key in &tasks {
            let task = self.state.task(key).ok_or_else(|| format!("there is no task `{key}`"))?;
            if task.phase.ended() {
                return Err(format!("task `{key}` has ended already"));
            }
            // In the batch that is under way it can no longer be taken out without starting over: it lands or it does not.
            if task.phase == Phase::Landing && self.in_active_batch(&task.attempt_id()) {
                return Err(format!(
                    "task `{key}` is landing and cannot be called off any more; `greenlane rollback {}` takes it off again",
                    key.task
                ));
            }
        }
        for key in tasks {
            let Some(task) = self.state.task(key) else { continue };
            if task.phase == Phase::Running {
                let attempt = task.attempt_id();
                self.end_attempt(&attempt, now, false);
            } else {
                self.emit(Event::TaskCancelled { key: key.clone(), reason: "called off".into(), with_run: false });
            }
        }
        Ok(())
    }

    pub(super) fn roll_back(&mut self, plan: PlanId, head: Oid, tasks: &[TaskKey], kept: String) -> Result<(), String> {
        let of = self.state.plan(&plan).ok_or_else(|| format!("there is no plan `{plan}`"))?;
        if !of.lane.is_idle() {
            return Err(format!("work of plan `{plan}` is still landing"));
        }
        let tasks: BTreeSet<&TaskKey> = tasks.iter().collect();
        for key in &tasks {
            let task = self.state.task(key).filter(|t| t.key.plan == plan);
            if task.ok_or_else(|| format!("plan `{plan}` has no task `{key}`"))?.phase != Phase::Done {
                return Err(format!("task `{key}` has not landed"));
            }
        }
        let tasks = tasks.into_iter().map(|k| k.task.clone()).collect();
        self.emit(Event::RolledBack { plan, head, tasks, kept });
        Ok(())
    }

    /// Called when an attempt's keeper is known: its end may have been asked for before there was one.
    pub(super) fn end_if_called_off(&mut self, attempt: &AttemptId) {
        let now = self.state.stopping == Some(Stopping::Kill);
        if self.called_off(attempt) {
            self.act(Action::EndAttempt { attempt: attempt.clone(), now });
        } else if self.state.stopping > Some(Stopping::Drain) {
            self.end_attempt(attempt, now, true);
        }
    }

    pub(super) fn end_attempt(&mut self, attempt: &AttemptId, now: bool, with_run: bool) {
        self.emit(Event::EndRequested { attempt: attempt.clone(), now, with_run, requeue: None });
        self.act(Action::EndAttempt { attempt: attempt.clone(), now });
    }

    pub(super) fn running(&self) -> Vec<AttemptId> {
        self.state.tasks.iter().filter(|t| t.phase == Phase::Running).map(crate::state::TaskState::attempt_id).collect()
    }

    fn in_active_batch(&self, attempt: &AttemptId) -> bool {
        self.state
            .plan(&attempt.key.plan)
            .and_then(|p| p.lane.active.as_ref())
            .is_some_and(|b| b.attempts.iter().any(|a| a.attempt == *attempt))
    }
}
