//! Do we try again, and when? Policy by kind of failure; counts are durable because they are in the journal.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Turn;
use super::quota::Whose;
use crate::action::Action;
use crate::attempt::Verdict;
use crate::budget::Spent;
use crate::event::{Event, Outcome};
use crate::failure::{Failure, FailureDetail};
use crate::ids::{AttemptId, TaskKey};
use crate::options::RetryPolicy;
use crate::state::{COMMAND_AGENT, Ending, Phase, PlanPhase};

impl Turn<'_> {
    /// Ends an attempt without success, and decides what that means for its task.
    pub(super) fn fail_attempt(&mut self, attempt: &AttemptId, outcome: Outcome, failure: Option<Failure>) {
        let cancelled = outcome == Outcome::Cancelled;
        // Its keeper left no record of what it used: what was seen of it last counts.
        let spent = self.state.attempt(attempt).filter(|a| a.record.is_none()).map(|a| self.state.spent_so_far(a, self.now));
        let spent = spent.filter(|s| *s != Spent::default());
        self.emit(Event::AttemptFailed { attempt: attempt.clone(), outcome, failure: failure.clone(), spent });
        let Some(task) = self.state.task(&attempt.key) else { return };
        let options = self.state.options();
        let retries_max = self.state.definition(task).retries.unwrap_or(options.retry.max);
        let retry = task.retries + 1;
        let key = attempt.key.clone();
        let whose = failure.as_ref().filter(|_| !cancelled).map_or(Whose::Tasks, |f| self.account_for(attempt, f));
        if whose == Whose::Accounts {
            return;
        }
        let Some(task) = self.state.task(&attempt.key) else { return };
        match failure {
            _ if cancelled => {
                let stopping = self.state.stopping > Some(crate::event::Stopping::Drain) || self.state.halted.is_some();
                let ending = self.state.attempt(attempt).and_then(|a| a.ending);
                if ending == Some(Ending::Requeue) && !stopping {
                    self.emit(Event::AttemptRequeued { key });
                    return;
                }
                let with_run = ending != Some(Ending::Alone) && (stopping || ending == Some(Ending::WithRun));
                let reason = if with_run { "called off when the run was stopped" } else { "called off" };
                self.emit(Event::TaskCancelled { key: key.clone(), reason: reason.into(), with_run });
                if with_run && !stopping {
                    // Its end was asked for by a coordinator that is gone, and the run was resumed meanwhile.
                    self.emit(Event::TaskReopened { key, fresh: false, agent: None });
                }
            }
            Some(failure) if self.used_up(&key).is_some() => {
                let used_up = self.used_up(&key).unwrap_or_default();
                let by_it = failure.detail == Some(FailureDetail::Budget);
                let reason = if by_it { failure.message } else { format!("{}; no further attempt: {used_up}", failure.message) };
                self.emit(Event::TaskFailed { key, reason });
            }
            Some(failure) if self.goes_back(attempt, &failure) => {
                let repair = task.repairs + 1;
                self.emit(Event::RepairScheduled { key, repair });
            }
            Some(failure) if whose == Whose::Tasks && retry <= retries_max && is_retried(&options.retry, &failure) => {
                let by_command = self.state.attempt(attempt).is_some_and(|a| a.agent == COMMAND_AGENT);
                let wait = options.retry.wait_after(by_command, failure.kind, failure.detail, retry);
                let mut until = self.now + varied(wait, &options.retry, options.seed, &key, retry);
                if let Some(reset) = failure.reset_at {
                    until = until.max(reset);
                }
                self.emit(Event::RetryScheduled { key, retry, until });
            }
            failure => {
                let mut reason = failure.map_or_else(|| String::from("failed"), |f| f.message);
                if whose == Whose::Nobodys {
                    reason = self.too_long_to_wait(attempt, &reason);
                }
                let attempts = task.retries + task.repairs + 1;
                if attempts > 1 {
                    reason = format!("{reason} (after {attempts} attempts)");
                }
                self.emit(Event::TaskFailed { key, reason });
            }
        }
    }

    /// Its work was judged and refused, and its agent may put it right: the same session is told what the judge said.
    fn goes_back(&self, attempt: &AttemptId, failure: &Failure) -> bool {
        let Some((task, a)) = self.state.task(&attempt.key).zip(self.state.attempt(attempt)) else { return false };
        let judged = a.refused.is_some()
            || matches!(a.verdict, Some(Verdict::CheckFailed { .. } | Verdict::OutsideOwnership { .. } | Verdict::NoChange));
        let repairs_default = if a.agent == COMMAND_AGENT { 0 } else { self.state.options().retry.repairs };
        judged && !failure.hopeless() && task.repairs < self.state.definition(task).repairs.unwrap_or(repairs_default)
    }

    pub(super) fn release_due_retries(&mut self) {
        if self.state.stopping.is_some() || self.state.paused {
            return;
        }
        let due: Vec<TaskKey> = self.state.retries_due(self.now).map(|t| self.state.tasks[t].key.clone()).collect();
        for key in due {
            self.emit(Event::RetryDue { key });
        }
    }

    /// The verb `retry`: tasks that ended without success, and what was skipped because of them, wait again.
    pub(super) fn reopen(&mut self, tasks: &[TaskKey], fresh: bool, agent: Option<&str>) -> Result<(), String> {
        for key in tasks {
            let task = self.state.task(key).ok_or_else(|| format!("there is no task `{key}`"))?;
            match task.phase {
                Phase::Done => return Err(format!("task `{key}` is done; nothing is tried again that has landed")),
                phase if !phase.ended() => return Err(format!("task `{key}` has not ended; stop it first, or wait")),
                _ => {}
            }
        }
        if !self.state.is_live() && self.state.stopping.is_some() {
            return Err(String::from("the run was stopped; `greenlane resume` goes on with it, and then tasks can be tried again"));
        }
        let agent = agent.map(str::to_owned);
        let plans: BTreeSet<usize> = tasks.iter().filter_map(|k| self.state.task(k)).map(|t| t.plan).collect();
        let ended: Vec<usize> = plans.iter().copied().filter(|p| matches!(self.state.plans[*p].phase, PlanPhase::Ended { .. })).collect();
        for key in tasks {
            if self.state.task(key).is_some_and(|t| t.phase.ended()) {
                self.emit(Event::TaskReopened { key: key.clone(), fresh, agent: agent.clone() });
            }
        }
        // What was skipped because of them may have its turn now; what cannot is skipped again by `settle`.
        let all: Vec<usize> = plans.iter().flat_map(|p| self.state.plans[*p].tasks.clone()).collect();
        for task in all {
            if self.state.tasks[task].phase == Phase::Skipped {
                let key = self.state.tasks[task].key.clone();
                self.emit(Event::TaskReopened { key, fresh: false, agent: None });
            }
        }
        // Only of plans that had ended: of the others the same was asked before.
        for plan in ended {
            let (id, phase) = (self.state.plans[plan].submission.plan.id.clone(), self.state.plans[plan].phase);
            match phase {
                PlanPhase::Preparing => self.act(Action::PreparePlan { plan: id }),
                PlanPhase::VerifyingBase => self.verify_base(&id),
                _ => {}
            }
        }
        Ok(())
    }
}

fn is_retried(policy: &RetryPolicy, failure: &Failure) -> bool {
    policy.is_retried(failure.kind, failure.detail)
}

/// A wait, varied by ± `jitter`, the same for the same seed, task and retry.
fn varied(wait: Duration, policy: &RetryPolicy, seed: u64, key: &TaskKey, retry: u32) -> Duration {
    let wait = wait.as_millis() as f64;
    let unit = spread(seed, &[key.plan.as_str().as_bytes(), key.task.as_str().as_bytes(), &retry.to_le_bytes()]);
    let varied = wait * (1.0 + policy.jitter.clamp(0.0, 1.0) * (2.0 * unit - 1.0));
    Duration::from_millis(varied.max(0.0) as u64)
}

/// A number from 0 to 1, the same for the same seed and parts. FNV-1a: spread, not secrecy.
pub(super) fn spread(seed: u64, parts: &[&[u8]]) -> f64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ seed;
    for byte in parts.iter().copied().flatten() {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_and_varies_by_a_tenth() {
        let policy = RetryPolicy::default();
        let delay = |policy: &RetryPolicy, seed, key: &TaskKey, retry| varied(policy.wait(retry), policy, seed, key, retry);
        for task in 0..200 {
            let key = TaskKey::new("p", format!("t{task}"));
            for (retry, seconds) in [(1, 60.0), (2, 120.0), (3, 240.0)] {
                let got = delay(&policy, 7, &key, retry).as_secs_f64();
                assert!((seconds * 0.9..=seconds * 1.1).contains(&got), "{got} for retry {retry}");
                assert_eq!(delay(&policy, 7, &key, retry), delay(&policy, 7, &key, retry), "the same again");
            }
        }
        let all: std::collections::BTreeSet<_> = (0..200).map(|t| delay(&policy, 7, &TaskKey::new("p", format!("t{t}")), 1)).collect();
        assert!(all.len() > 150, "tasks do not return in step: {}", all.len());
    }

    #[test]
    fn a_commands_plain_failure_does_not_wait_for_minutes() {
        use crate::failure::FailureType as T;
        let policy = RetryPolicy::default();
        let seconds = |by_command, kind, detail, retry| policy.wait_after(by_command, kind, detail, retry).as_secs();
        assert_eq!([1, 2, 3].map(|retry| seconds(true, T::Unknown, None, retry)), [1, 2, 4]);
        assert_eq!(seconds(false, T::Unknown, None, 1), 60, "an agent's may be its provider's");
        assert_eq!(seconds(true, T::ApiError, Some(FailureDetail::Network), 1), 60, "it says itself that this passes");
        assert_eq!(seconds(true, T::Timeout, None, 1), 60);
        let quick = RetryPolicy { base: Duration::from_millis(50), ..policy };
        assert_eq!(quick.wait_after(true, T::Unknown, None, 1), Duration::from_millis(50), "never longer than the policy has it");
    }
}
