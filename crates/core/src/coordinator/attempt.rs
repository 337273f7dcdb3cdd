//! An attempt's way: spawned, exited, judged. Decides what its end means for its task; landing is elsewhere.

use super::Turn;
use crate::action::Action;
use crate::attempt::{Exit, ExitRecord, Verdict};
use crate::event::{Event, Outcome};
use crate::failure::{self, Failure, FailureDetail, FailureType};
use crate::health::HealthStatus;
use crate::ids::AttemptId;
use crate::shared::SharedChange;
use crate::state::{Ending, Phase};

impl Turn<'_> {
    pub(super) fn attempt_not_spawned(&mut self, attempt: &AttemptId, message: &str, detail: Option<FailureDetail>) {
        if !self.is_current(attempt, Phase::Running) {
            return;
        }
        self.give_place(attempt);
        if self.called_off(attempt) {
            self.fail_attempt(attempt, Outcome::Cancelled, None);
        } else {
            let failure = Failure { detail, ..Failure::new(FailureType::CoordinatorError, message) };
            self.fail_attempt(attempt, Outcome::FailedToStart, Some(failure));
        }
    }

    pub(super) fn attempt_exited(&mut self, attempt: &AttemptId, record: Box<ExitRecord>) {
        if !self.is_current(attempt, Phase::Running) {
            return;
        }
        self.give_place(attempt);
        let failure = failure::of_exit(&record);
        let outcome = outcome_of(&record.exit);
        // An end that was asked for is a cancellation however it came about: an agent that catches the signal exits with a code of
        // its own. Only what ended well while the whole run was being stopped is worth judging: nobody wanted that task gone.
        let ending = self.state.attempt(attempt).and_then(|a| a.ending);
        let cancelled = record.exit == Exit::Cancelled || ending == Some(Ending::Alone) || (ending.is_some() && failure.is_some());
        self.emit(Event::AttemptExited { attempt: attempt.clone(), record });
        self.warn_of_task(&attempt.key);
        if cancelled {
            self.fail_attempt(attempt, Outcome::Cancelled, None);
        } else if let Some(failure) = failure {
            self.fail_attempt(attempt, outcome, Some(failure));
        } else {
            self.waits_for_answer(attempt);
        }
    }

    /// Its place is free again; but a task that was called off meanwhile does not start anew.
    pub(super) fn attempt_voided(&mut self, attempt: &AttemptId) {
        if self.is_current(attempt, Phase::Running) {
            self.give_place(attempt);
            self.void(attempt, None);
        }
    }

    pub(super) fn void(&mut self, attempt: &AttemptId, reason: Option<String>) {
        if self.state.attempt(attempt).is_some_and(|a| a.ending == Some(Ending::Alone)) {
            self.fail_attempt(attempt, Outcome::Cancelled, None);
        } else {
            self.emit(Event::AttemptVoided { attempt: attempt.clone(), reason });
        }
    }

    pub(super) fn attempt_lost(&mut self, attempt: &AttemptId) {
        if !self.is_current(attempt, Phase::Running) {
            return;
        }
        self.give_place(attempt);
        if self.called_off(attempt) {
            self.fail_attempt(attempt, Outcome::Cancelled, None);
            return;
        }
        let known = self.state.attempt(attempt).filter(|a| a.spawned.is_some()).map(|a| a.health.clone()).unwrap_or_default();
        if known.status != HealthStatus::Dead {
            let seen = Box::new(known.look.map(|l| l.reading.seen()).unwrap_or_default());
            let reason = Some(String::from("its keeper was killed or died, and left no record"));
            self.emit(Event::HealthChanged { attempt: attempt.clone(), from: known.status, to: HealthStatus::Dead, reason, seen });
        }
        let failure =
            Failure::new(FailureType::CoordinatorError, "its keeper died before it could record the end; the work is in the worktree")
                .with(FailureDetail::KeeperLost);
        self.fail_attempt(attempt, Outcome::Lost, Some(failure));
    }

    /// A warning, nothing more: the work is judged as any other. It comes with the attempt's end, and again if a coordinator dies there.
    pub(super) fn shared_state_changed(&mut self, attempt: AttemptId, changes: Vec<SharedChange>, more: u32) {
        let current = self.is_current(&attempt, Phase::Running) || self.is_current(&attempt, Phase::Gating);
        let known = |c: &SharedChange| self.state.attempt(&attempt).is_some_and(|a| a.shared.contains(c));
        if current && !changes.iter().all(known) {
            self.emit(Event::SharedStateChanged { attempt, changes, more });
        }
    }

    /// Asks the gate about finished attempts, as many at once as there are places for checks.
    pub(super) fn start_gates(&mut self) {
        if self.state.stopping > Some(crate::event::Stopping::Drain) {
            return;
        }
        let max = self.state.options().check_jobs.max(1) as usize;
        let gating = |t: &&crate::state::TaskState| t.phase == Phase::Gating && t.current().is_some_and(|a| a.outcome.is_none());
        let asked = self.state.tasks.iter().filter(gating).filter(|t| t.current().is_some_and(|a| a.gate_started)).count();
        let mut waiting: Vec<(crate::time::Time, AttemptId)> = self
            .state
            .tasks
            .iter()
            .filter(gating)
            .filter_map(|t| t.current().filter(|a| !a.gate_started).map(|a| (a.exited_at.unwrap_or_default(), t.attempt_id())))
            .collect();
        waiting.sort();
        for (_, attempt) in waiting.into_iter().take(max.saturating_sub(asked)) {
            self.state.mark_gate_started(&attempt);
            self.act(Action::JudgeWork { attempt });
        }
    }

    pub(super) fn work_judged(&mut self, attempt: &AttemptId, verdict: Verdict) {
        if !self.is_current(attempt, Phase::Gating) {
            return;
        }
        if self.state.stopping > Some(crate::event::Stopping::Drain) && !matches!(verdict, Verdict::Accepted { .. }) {
            return; // The gate was ended with the run; a resumed one asks again.
        }
        self.emit(Event::WorkJudged { attempt: attempt.clone(), verdict: verdict.clone() });
        let gate = FailureType::QualityGateFailure;
        match verdict {
            Verdict::Accepted { commit, .. } => self.accepted(attempt, &commit),
            Verdict::NoChange => {
                let record = self.state.attempt(attempt).and_then(|a| a.record.as_deref());
                let denied = record.map(|r| listed(&r.report.denied)).filter(|d| !d.is_empty());
                let denied = denied.map_or(String::new(), |d| format!("; its own settings denied it {d}"));
                let failure = Failure::new(FailureType::LogicError, format!("it ended as if all were well, but changed nothing{denied}"));
                self.fail_attempt(attempt, Outcome::NoChange, Some(failure));
            }
            Verdict::OutsideOwnership { files, .. } => {
                let failure = Failure::new(gate, format!("it changed files that the task does not own: {}", listed(&files)));
                self.fail_attempt(attempt, Outcome::OutsideOwnership, Some(failure));
            }
            Verdict::CheckFailed { command, exit_code, timed_out, .. } => {
                let how = match (timed_out, exit_code) {
                    (true, _) => String::from("ran into its time limit"),
                    (false, Some(code)) => format!("failed with exit code {code}"),
                    (false, None) => String::from("was killed"),
                };
                self.fail_attempt(attempt, Outcome::GateFailed, Some(Failure::new(gate, format!("check `{command}` {how}"))));
            }
            Verdict::NeedsHuman { why, kept } => {
                let reason = match kept {
                    Some(kept) => format!("{why}; the work is kept in {kept}"),
                    None => why,
                };
                self.needs_human(attempt, reason);
            }
            Verdict::Broken { message } => {
                let failure = Failure::new(FailureType::CoordinatorError, format!("the gate could not be run: {message}"));
                self.fail_attempt(attempt, Outcome::GateFailed, Some(failure));
            }
        }
    }

    pub(super) fn needs_human(&mut self, attempt: &AttemptId, reason: String) {
        self.emit(Event::TaskNeedsHuman { key: attempt.key.clone(), reason });
    }

    /// Its end was asked for, by a person or with the run.
    pub(super) fn called_off(&self, attempt: &AttemptId) -> bool {
        self.state.attempt(attempt).is_some_and(|a| a.ending.is_some())
    }
}

fn outcome_of(exit: &Exit) -> Outcome {
    match exit {
        Exit::Code { code } => Outcome::ExitCode(*code),
        Exit::Signal { signal } => Outcome::Signal(*signal),
        Exit::TimedOut => Outcome::TimedOut,
        Exit::Stalled => Outcome::Stalled,
        Exit::OverBudget { .. } => Outcome::OverBudget,
        Exit::Runaway { .. } => Outcome::Runaway,
        Exit::Cancelled => Outcome::Cancelled,
        Exit::FailedToStart { .. } => Outcome::FailedToStart,
    }
}

/// A few files by name, the rest by number. A name may hold a line's end, or what a terminal obeys; a reason is one plain line.
pub(super) fn listed(files: &[String]) -> String {
    const SHOWN_MAX: usize = 5;
    let plain = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    let shown = files.iter().take(SHOWN_MAX).map(|f| f.chars().map(plain).collect::<String>()).collect::<Vec<_>>().join(", ");
    match files.len().saturating_sub(SHOWN_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
