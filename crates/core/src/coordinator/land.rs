//! From accepted work to the plan's branch: batches are merged in memory, verified together, and only then land.
//! A red batch is split until the guilty are found; who is alone is blamed when the suite was red twice. Knows nothing of git.

use super::Turn;
use super::attempt::listed;
use crate::action::Action;
use crate::attempt::{Merge, Suite};
use crate::event::{BatchId, Event, LandedAttempt, MergeResult, Outcome, Stopping};
use crate::failure::{Failure, FailureType};
use crate::ids::{AttemptId, Oid, PlanId};
use crate::overlap::Glob;
use crate::state::{Batch, BatchPhase, Phase, TaskState};

impl Turn<'_> {
    pub(super) fn accepted(&mut self, attempt: &AttemptId, commit: &Oid) {
        let Some(task) = self.state.task(&attempt.key) else { return };
        if self.state.options().require_verify && self.state.plans[task.plan].verify.is_empty() {
            let reason = format!(
                "no suite was found that could verify it, and --require-verify is set; the work is {} on the task's branch",
                short(commit)
            );
            self.needs_human(attempt, reason);
        }
    }

    /// Forms the next batch of every plan whose lane is free.
    pub(super) fn form_batches(&mut self) {
        if self.state.stopping > Some(Stopping::Drain) {
            return;
        }
        for plan in 0..self.state.plans.len() {
            let p = &self.state.plans[plan];
            if p.lane.active.is_some() || p.lane.is_idle() {
                continue;
            }
            let (id, onto, attempts) = (p.submission.plan.id.clone(), p.head.clone(), p.lane.next());
            let batch = self.state.next_batch;
            self.emit(Event::BatchFormed { batch, plan: id.clone(), onto: onto.clone(), attempts: attempts.clone() });
            self.act(Action::MergeBatch { batch, plan: id, onto, attempts });
        }
    }

    pub(super) fn batch_merged(&mut self, id: BatchId, results: Result<Vec<MergeResult>, String>) {
        let Some((_, batch)) = self.active(id).filter(|(_, b)| b.phase == BatchPhase::Merging) else { return };
        // What makes files anew was ended with the run; a resumed one asks again.
        let cut_short = |r: &MergeResult| matches!(r.merge, Merge::Conflict { not_remade: Some(_), .. });
        if self.state.stopping > Some(Stopping::Drain) && results.as_ref().map_or(true, |all| all.iter().any(cut_short)) {
            return;
        }
        let results = match results {
            Ok(results) => results,
            Err(message) => {
                self.give_up(&batch, &format!("it could not be merged: {message}"));
                return;
            }
        };
        self.emit(Event::BatchMerged { batch: id, results: results.clone() });
        for result in results {
            if let Merge::Conflict { files, definite: true, not_remade } = result.merge {
                let how = not_remade.map(|n| format!(": `{}`, which is to make it anew, {} (log: {})", n.command, n.why, n.log));
                self.conflicted(&result.attempt, &files, &how.unwrap_or_default());
            }
        }
        self.go_on(id);
    }

    /// Nobody can merge it by machine. Whoever has it in hand can: it goes back there, and uses up no repair, as nothing is wrong with it.
    fn conflicted(&mut self, attempt: &AttemptId, files: &[String], how: &str) {
        let (branch, task) = (self.plan_branch(attempt), &attempt.key.task);
        let what = format!("conflicts with what has landed, in {}{how}{}", listed(files), self.landed_meanwhile(attempt, files));
        let known = self.state.attempt(attempt);
        let by_hand = known.is_some_and(|a| self.state.is_hand_off(&a.agent));
        let worktree = known.and_then(|a| a.spawned.as_ref()).map(|s| s.worktree.clone()).filter(|_| by_hand);
        let Some(worktree) = worktree else {
            let own = self.task_branch(attempt);
            let what_then = format!("look: `git diff {branch}...{own}`, then `greenlane retry {task} --fresh` or merge by hand");
            self.needs_human(attempt, format!("{what}; {what_then}"));
            return;
        };
        let what_then =
            format!("merge that in {worktree}: `git merge {branch}`, put right what conflicts, then `greenlane done {task}` again");
        let failure = Failure::new(FailureType::QualityGateFailure, format!("{what}; {what_then}"));
        self.emit(Event::AttemptFailed { attempt: attempt.clone(), outcome: Outcome::Conflict, failure: Some(failure), spent: None });
        self.emit(Event::AttemptRequeued { key: attempt.key.clone() });
    }

    /// Tasks of its plan that have landed since its work began, and may have changed one of these files, to be read on; or nothing.
    fn landed_meanwhile(&self, attempt: &AttemptId, files: &[String]) -> String {
        const NAMED_MAX: usize = 3;
        let Some(task) = self.state.task(&attempt.key) else { return String::new() };
        let anew = task.attempts.iter().rposition(|a| a.fresh).unwrap_or(0);
        let began = task.attempts.get(anew).map(|a| a.started_at).unwrap_or_default();
        let may_have = |other: &&TaskState| {
            let owns = self.state.owned_by(other);
            owns.is_empty() || files.iter().any(|f| owns.iter().any(|glob| Glob::new(glob).is_ok_and(|g| g.matches(f))))
        };
        let landed = self.state.tasks.iter().filter(|t| t.plan == task.plan && t.phase == Phase::Done && t.ended_at >= Some(began));
        let all: Vec<String> = landed.filter(may_have).map(|t| format!("`{}`", t.key.task)).collect();
        let more = all.len().saturating_sub(NAMED_MAX);
        match all.get(..NAMED_MAX.min(all.len())) {
            None | Some([]) => String::new(),
            Some(named) if more == 0 => format!(" (since then: {})", named.join(", ")),
            Some(named) => format!(" (since then: {} and {more} more)", named.join(", ")),
        }
    }

    /// Asks for what a batch needs next; also after a resume, when whoever was asked before is gone.
    pub(super) fn go_on(&mut self, id: BatchId) {
        let Some((plan, batch)) = self.active(id) else { return };
        let head = batch.merged.last().map(|(_, commit)| commit.clone());
        match (batch.phase, head) {
            // A suite is not started only to be ended with the run.
            (BatchPhase::Verifying, Some(_)) if self.state.stopping > Some(Stopping::Drain) => {}
            (BatchPhase::Verifying, Some(commit)) => {
                let again = self.is_retest(&plan, &batch);
                self.act(Action::VerifyBatch { batch: id, plan, commit, again });
            }
            (BatchPhase::Moving { .. }, Some(to)) => self.act(Action::MoveBranch { batch: id, plan, from: batch.onto, to }),
            (BatchPhase::Merging, _) => {
                self.act(Action::MergeBatch { batch: id, plan, onto: batch.onto, attempts: batch.attempts });
            }
            (BatchPhase::Verifying | BatchPhase::Moving { .. }, None) => {}
        }
    }

    /// The last part of a red batch may have the very tree that was red: it is to be run, not remembered.
    fn is_retest(&self, plan: &PlanId, batch: &Batch) -> bool {
        self.state.plan(plan).is_some_and(|p| batch.merged.iter().any(|(a, _)| p.lane.is_suspect(&a.attempt)))
    }

    /// Nobody is blamed for what the suite said once.
    fn is_to_be_sure_of(&self, plan: &PlanId, batch: &Batch) -> bool {
        let lane = self.state.plan(plan).map(|p| &p.lane);
        matches!(batch.merged.as_slice(), [(only, _)] if lane.is_some_and(|l| !l.was_red_alone(&only.attempt)))
    }

    pub(super) fn batch_verified(&mut self, id: BatchId, suite: Suite) {
        let Some((plan, batch)) = self.active(id).filter(|(_, b)| b.phase == BatchPhase::Verifying) else { return };
        if self.state.stopping > Some(Stopping::Drain) && !matches!(suite, Suite::Green { .. }) {
            return; // The suite was ended with the run; a resumed one runs it again.
        }
        #[cfg(feature = "planted-bugs")]
        let suite = match self.state.options.as_ref().and_then(|o| o.planted_bug) {
            Some(crate::planted::PlantedBug::LandRed) => Suite::Green { cached: false },
            _ => suite,
        };
        let again = matches!(suite, Suite::Red { .. }) && self.is_to_be_sure_of(&plan, &batch);
        self.emit(Event::BatchVerified { batch: id, suite: suite.clone(), again });
        match suite {
            Suite::Green { .. } => self.go_on(id),
            // It is the next batch again.
            Suite::Red { .. } if again => {}
            Suite::Red { command, exit_code, timed_out, set_up_log, .. } => {
                if let [(only, _)] = batch.merged.as_slice() {
                    let how = match (timed_out, exit_code) {
                        (true, _) => String::from("runs into its time limit"),
                        (false, Some(code)) => format!("fails with exit code {code}"),
                        (false, None) => String::from("is killed"),
                    };
                    let message = match set_up_log {
                        Some(log) => format!(
                            "the set-up command `{command}` {how} on the combined tree with it, so the suite could not run; \
                             all that it printed is in {log}"
                        ),
                        None => format!("`{command}` {how} on the combined tree with it; the branch stays green without it"),
                    };
                    let failure = Failure::new(FailureType::QualityGateFailure, message);
                    self.fail_attempt(&only.attempt, Outcome::GateFailed, Some(failure));
                }
            }
            Suite::Broken { message } => self.give_up(&batch, &format!("the suite could not be run: {message}")),
        }
    }

    pub(super) fn branch_moved(&mut self, id: BatchId) {
        let Some((plan, batch)) = self.active(id) else { return };
        let (BatchPhase::Moving { verified }, Some((_, head))) = (batch.phase, batch.merged.last()) else { return };
        let head = head.clone();
        let landed: Vec<LandedAttempt> =
            batch.merged.iter().map(|(a, commit)| LandedAttempt { attempt: a.attempt.clone(), commit: commit.clone() }).collect();
        self.emit(Event::BatchLanded { batch: id, head, verified, landed: landed.clone() });
        for one in landed {
            self.act(Action::FreeWorkspace { attempt: one.attempt });
        }
        for batch in self.state.plan(&plan).map(|p| p.lane.flaky()).unwrap_or_default() {
            self.emit(Event::SuiteFlaky { plan: plan.clone(), batch });
        }
    }

    pub(super) fn branch_raced(&mut self, id: BatchId, actual: Oid, by: Option<String>) {
        if let Some((_, batch)) = self.active(id).filter(|(_, b)| matches!(b.phase, BatchPhase::Moving { .. })) {
            self.emit(Event::BatchRaced { batch: id, head: actual, from: Some(batch.onto), by });
        }
    }

    pub(super) fn branch_not_moved(&mut self, id: BatchId, message: &str) {
        if let Some((_, batch)) = self.active(id).filter(|(_, b)| matches!(b.phase, BatchPhase::Moving { .. })) {
            self.give_up(&batch, &format!("the branch could not be moved: {message}"));
        }
    }

    /// The machinery failed, not the work: nothing is tried again that would cost an agent, a person looks.
    fn give_up(&mut self, batch: &Batch, why: &str) {
        if self.active(batch.id).is_some() {
            let head = self.state.plans.iter().find(|p| p.lane.active.as_ref().is_some_and(|b| b.id == batch.id)).map(|p| p.head.clone());
            if let Some(head) = head {
                self.emit(Event::BatchDropped { batch: batch.id, head });
            }
        }
        let members: Vec<_> = if batch.merged.is_empty() {
            batch.attempts.iter().map(|a| a.attempt.clone()).collect()
        } else {
            batch.merged.iter().map(|(a, _)| a.attempt.clone()).collect()
        };
        for attempt in members {
            let reason = format!("{why}; the work is on {}", self.task_branch(&attempt));
            self.needs_human(&attempt, reason);
        }
    }

    fn active(&self, id: BatchId) -> Option<(PlanId, Batch)> {
        let p = self.state.plans.iter().find(|p| p.lane.active.as_ref().is_some_and(|b| b.id == id))?;
        Some((p.submission.plan.id.clone(), p.lane.active.clone()?))
    }

    fn plan_branch(&self, attempt: &AttemptId) -> String {
        self.state.plan(&attempt.key.plan).and_then(|p| p.branch.clone()).unwrap_or_default()
    }

    fn task_branch(&self, attempt: &AttemptId) -> String {
        self.state.attempt(attempt).and_then(|a| a.spawned.as_ref()).map(|s| s.branch.clone()).unwrap_or_default()
    }
}

fn short(commit: &Oid) -> &str {
    commit.as_str().get(..10).unwrap_or(commit.as_str())
}
