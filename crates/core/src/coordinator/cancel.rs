//! Pausing, calling tasks off, ending the run. A decision here; the terminating is the keeper's.

use super::Turn;
use crate::action::Action;
use crate::event::{Event, Stopping};
use crate::ids::{AttemptId, TaskKey};
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
        for key in tasks {
            let task = self.state.task(key).ok_or_else(|| format!("there is no task `{key}`"))?;
            if task.phase.ended() {
                return Err(format!("task `{key}` has ended already"));
            }
        }
        for key in tasks {
            let Some(task) = self.state.task(key) else { continue };
            let attempt = task.attempt_id();
            match task.phase {
                Phase::Running => self.end_attempt(&attempt, now, false),
                // In the batch that is under way it can no longer be taken out without starting over: it lands or it does not.
                Phase::Landing if self.in_active_batch(&attempt) => {
                    return Err(format!(
                        "task `{key}` is landing and cannot be called off any more; `greenlane rollback {}` takes it off again",
                        key.task
                    ));
                }
                Phase::Gating | Phase::Landing => {
                    self.emit(Event::TaskCancelled { key: key.clone(), reason: "called off".into(), with_run: false });
                    self.act(Action::KeepWorkspace { attempt });
                }
                _ => self.emit(Event::TaskCancelled { key: key.clone(), reason: "called off".into(), with_run: false }),
            }
        }
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

    fn end_attempt(&mut self, attempt: &AttemptId, now: bool, with_run: bool) {
        self.emit(Event::EndRequested { attempt: attempt.clone(), now, with_run });
        self.act(Action::EndAttempt { attempt: attempt.clone(), now });
    }

    fn running(&self) -> Vec<AttemptId> {
        self.state.tasks.iter().filter(|t| t.phase == Phase::Running).map(crate::state::TaskState::attempt_id).collect()
    }

    fn in_active_batch(&self, attempt: &AttemptId) -> bool {
        self.state
            .plan(&attempt.key.plan)
            .and_then(|p| p.lane.active.as_ref())
            .is_some_and(|b| b.attempts.iter().any(|a| a.attempt == *attempt))
    }
}
