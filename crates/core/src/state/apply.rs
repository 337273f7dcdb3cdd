//! The only way in which a state changes: one event after another. Total: an event that does not fit the state
//! is a typed error. Decides nothing.

use std::time::Duration;

use super::group::GroupState;
use super::lane::Lane;
use super::reopened::starts_afresh;
use super::{AttemptState, Ending, Phase, PlanPhase, PlanState, Spawned, State, TaskState};
use crate::attempt::{Suite, Verdict};
use crate::budget::Spent;
use crate::event::{AttemptRef, Event, Outcome, Stopping, Submission};
use crate::graph::Graph;
use crate::health::Health;
use crate::ids::{AttemptId, PlanId, TaskKey};
use crate::options::RunOptions;
use crate::overlap::Overlaps;
use crate::time::Time;

/// An event that cannot follow on the state: a fault in the coordinator, or a journal that was tampered with.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("illegal event {event}: {why}")]
pub struct Illegal {
    /// The event's kind and subject.
    pub event: String,
    /// What does not fit.
    pub why: String,
}

pub(super) type Applied = Result<(), String>;

impl State {
    /// Takes one event in.
    ///
    /// # Errors
    /// If the event cannot follow on this state; what is in memory then has to be dropped and loaded again.
    pub fn apply(&mut self, at: Time, event: &Event) -> Result<(), Illegal> {
        self.try_apply(at, event).map_err(|why| {
            let mut shown = format!("{event:?}");
            if shown.len() > 300 {
                shown = shown.chars().take(300).chain(['…']).collect();
            }
            Illegal { event: shown, why }
        })
    }

    fn try_apply(&mut self, at: Time, event: &Event) -> Applied {
        let before = self.last_event_at;
        self.last_event_at = before.max(at);
        if let Event::RunStarted { options } = event {
            require(self.options.is_none(), "the run has begun already")?;
            self.options = Some(RunOptions::clone(options));
            self.started_at = at;
            self.next_batch = 1;
            return Ok(());
        }
        require(self.options.is_some(), "the run has not begun")?;
        match event {
            Event::RunStarted { .. } => Ok(()),
            Event::PlanQueued(submission) => self.plan_queued(at, submission),
            Event::PlanStarted { plan } => {
                let plan = self.require_plan(plan)?;
                let p = &mut self.plans[plan];
                require(p.phase == PlanPhase::Queued, "the plan has started already")?;
                p.phase = PlanPhase::Preparing;
                Ok(())
            }
            Event::PlanPrepared { plan, branch, verify } => {
                let plan = self.require_plan(plan)?;
                let p = &mut self.plans[plan];
                require(p.phase == PlanPhase::Preparing, "the plan is not being prepared")?;
                p.branch = Some(branch.clone());
                p.verify.clone_from(verify);
                p.phase = PlanPhase::VerifyingBase;
                p.base_suite_since = Some(at);
                if verify.is_empty() {
                    p.base_suite_since = None;
                    p.phase = PlanPhase::Running;
                    self.refresh_plan(plan, at);
                }
                Ok(())
            }
            Event::BaseJudged { plan, suite } => {
                let plan = self.require_plan(plan)?;
                require(self.plans[plan].phase == PlanPhase::VerifyingBase, "the plan's base is not being verified")?;
                let p = &mut self.plans[plan];
                p.base_suite = Some(suite.clone());
                p.base_suite_took += p.base_suite_since.take().map_or(Duration::ZERO, |since| at.since(since));
                if matches!(suite, Suite::Green { .. }) || self.options().base_red_allowed {
                    self.plans[plan].phase = PlanPhase::Running;
                    self.refresh_plan(plan, at);
                }
                Ok(())
            }
            Event::PlanEnded { plan, done, reason } => {
                let plan = self.require_plan(plan)?;
                let p = &mut self.plans[plan];
                require(!matches!(p.phase, PlanPhase::Ended { .. }), "the plan has ended already")?;
                require(p.lane.is_idle(), "work of the plan is still landing")?;
                p.phase = PlanPhase::Ended { done: *done };
                p.ended_at = Some(at);
                p.reason.clone_from(reason);
                Ok(())
            }
            Event::AttemptStarted { attempt, agent, fresh, base: _, fallback } => {
                self.attempt_started(at, attempt, agent, *fresh, fallback.as_ref())
            }
            Event::AttemptSpawned { attempt, worktree, branch, base, pid } => {
                let a = self.require_attempt(attempt, Phase::Running)?;
                require(a.spawned.is_none(), "it was spawned already")?;
                let (worktree, branch, base) = (worktree.clone(), branch.clone(), base.clone());
                a.spawned = Some(Spawned { at, worktree, branch, base, pid: *pid });
                Ok(())
            }
            Event::EndRequested { attempt, with_run, requeue, now: _ } => {
                let a = self.require_attempt(attempt, Phase::Running)?;
                a.ending = Some(match (with_run, requeue, a.ending) {
                    // Once its task was called off by itself, the end of the whole run does not bring it back.
                    (false, None, _) | (_, _, Some(Ending::Alone)) => Ending::Alone,
                    (true, ..) | (_, _, Some(Ending::WithRun)) => Ending::WithRun,
                    (false, Some(_), _) => Ending::Requeue,
                });
                Ok(())
            }
            Event::AttemptExited { attempt, record } => {
                let a = self.require_attempt(attempt, Phase::Running)?;
                a.record = Some(record.clone());
                a.exited_at = Some(at);
                a.gate_since = Some(at);
                let agent = a.agent.clone();
                let task = self.require_task(&attempt.key)?;
                let mut spent = Spent::of_record(record);
                if self.is_hand_off(&agent) {
                    spent.wall = Duration::ZERO;
                }
                self.spend(task, spent);
                self.set_phase(task, Phase::Gating, at);
                Ok(())
            }
            Event::SharedStateChanged { attempt, changes, more: _ } => {
                let task = self.require_task(&attempt.key)?;
                let phase = self.tasks[task].phase;
                require(matches!(phase, Phase::Running | Phase::Gating), "the attempt is over")?;
                let a = self.require_attempt(attempt, phase)?;
                a.shared.extend(changes.iter().cloned());
                Ok(())
            }
            Event::HealthChanged { attempt, from, to, reason, seen: _ } => {
                let health = &mut self.require_attempt(attempt, Phase::Running)?.health;
                require(health.status == *from, "it had another status")?;
                (health.status, health.since) = (*to, Some(at));
                health.reason.clone_from(reason);
                Ok(())
            }
            Event::IssueClaimed { attempt, issue: _, from } => {
                self.require_attempt(attempt, Phase::Running)?;
                let task = self.require_task(&attempt.key)?;
                self.tasks[task].claimed = true;
                self.tasks[task].claimed_from.clone_from(from);
                Ok(())
            }
            Event::ClaimUnanswered { attempt, .. } => {
                self.require_attempt(attempt, Phase::Running)?;
                self.unanswered.get_or_insert_with(|| attempt.clone());
                Ok(())
            }
            Event::WorkJudged { attempt, verdict } => self.work_judged(at, attempt, verdict),
            Event::AttemptFailed { attempt, outcome, failure, spent } => {
                let task = self.require_task(&attempt.key)?;
                let phase = self.tasks[task].phase;
                require(phase.active(), "the task has no attempt under way")?;
                let a = self.require_attempt(attempt, phase)?;
                a.outcome = Some(outcome.clone());
                a.failure.clone_from(failure);
                a.ended_at = Some(at);
                a.exited_at.get_or_insert(at);
                if let Some(spent) = spent {
                    self.spend(task, *spent);
                }
                let plan = self.tasks[task].plan;
                self.plans[plan].lane.withdraw(attempt);
                Ok(())
            }
            Event::AttemptVoided { attempt, reason: _ } => {
                let task = self.require_task(&attempt.key)?;
                let a = self.require_attempt(attempt, Phase::Running)?;
                a.outcome = Some(Outcome::Cancelled);
                a.ended_at = Some(at);
                let fresh = a.fresh;
                self.tasks[task].fresh_next = fresh;
                self.set_phase(task, Phase::Blocked, at);
                self.unblock(task, at);
                Ok(())
            }
            Event::GroupStarted { plan, group, head, refresh } => self.group_started(at, plan, group, head, *refresh),
            Event::GroupRefreshed { plan, group, problem } => self.group_refreshed(plan, group, problem.as_ref()),
            Event::GroupEnded { plan, group, outcome, verified, rollback } => {
                self.group_ended(at, plan, group, *outcome, (*verified, *rollback))
            }
            Event::GroupNotRolledBack { plan, group, message } => self.group_not_rolled_back(plan, group, message),
            Event::BatchFormed { batch, plan, onto, attempts } => self.batch_formed(at, *batch, plan, onto, attempts),
            Event::BatchMerged { batch, results } => self.batch_merged(at, *batch, results),
            Event::BatchVerified { batch, suite, again } => self.batch_verified(at, *batch, suite, *again),
            Event::BatchRaced { batch, head, .. } => self.batch_raced(*batch, head),
            Event::BatchDropped { batch, head: _ } => {
                let plan = self.require_batch(*batch)?;
                self.plans[plan].lane.active = None;
                Ok(())
            }
            Event::BatchLanded { batch, head, verified, landed } => self.batch_landed(at, *batch, head, *verified, landed),
            Event::SuiteFlaky { plan, batch } => {
                let plan = self.require_plan(plan)?;
                require(self.plans[plan].lane.suspects.remove(batch).is_some(), "no such red batch")
            }
            Event::RetryScheduled { key, retry, until } => {
                let task = self.require_failed_attempt(key)?;
                self.tasks[task].retries = *retry;
                self.tasks[task].fresh_next = starts_afresh(&self.tasks[task]);
                self.set_phase(task, Phase::AwaitingRetry { until: *until }, at);
                Ok(())
            }
            Event::RepairScheduled { key, repair } => {
                let task = self.require_failed_attempt(key)?;
                self.tasks[task].repairs = *repair;
                self.tasks[task].fresh_next = starts_afresh(&self.tasks[task]);
                self.set_phase(task, Phase::Blocked, at);
                self.unblock(task, at);
                Ok(())
            }
            Event::AccountLimited { account, until, limit, reason } => {
                let most = self.options().quota.api_limit;
                let a = self.accounts.entry(account.clone()).or_default();
                if !a.is_paused(at) {
                    a.times += 1;
                }
                a.limited_since.get_or_insert(at);
                a.set_pause(a.paused_until.max(Some(*until)), at);
                a.reason.clone_from(reason);
                a.set_limit(*limit, most, at);
                Ok(())
            }
            Event::AccountChanged { account, until, limit, reason } => {
                let most = self.options().quota.api_limit;
                let a = self.accounts.entry(account.clone()).or_default();
                a.set_pause(*until, at);
                a.reason.clone_from(reason);
                a.set_limit(*limit, most, at);
                Ok(())
            }
            Event::AgentUnavailable { agent, reason } => {
                self.unavailable.insert(agent.clone(), reason.clone());
                Ok(())
            }
            Event::AgentsChecked { accounts, unavailable } => {
                if let Some(options) = &mut self.options {
                    options.accounts.clone_from(accounts);
                    options.unavailable.clone_from(unavailable);
                }
                self.unavailable.clear();
                Ok(())
            }
            Event::QuotaAwaited { key, account: _ } | Event::FallbackScheduled { key } | Event::AttemptRequeued { key } => {
                let task = self.require_failed_attempt(key)?;
                self.tasks[task].fresh_next = starts_afresh(&self.tasks[task]);
                self.set_phase(task, Phase::Blocked, at);
                self.unblock(task, at);
                Ok(())
            }
            Event::RetryDue { key } => {
                let task = self.require_task(key)?;
                require(matches!(self.tasks[task].phase, Phase::AwaitingRetry { .. }), "the task awaits no retry")?;
                self.set_phase(task, Phase::Blocked, at);
                self.unblock(task, at);
                Ok(())
            }
            Event::TaskFailed { key, reason } => self.end_task(at, key, Phase::Failed, reason),
            Event::TaskNeedsHuman { key, reason } => self.end_task(at, key, Phase::NeedsHuman, reason),
            Event::TaskSkipped { key, reason } => self.end_task(at, key, Phase::Skipped, reason),
            Event::TaskCancelled { key, reason, with_run } => {
                let task = self.require_task(key)?;
                self.tasks[task].cancelled_with_run = *with_run;
                self.end_task(at, key, Phase::Cancelled, reason)
            }
            Event::TaskReopened { key, fresh, agent } => self.task_reopened(at, key, *fresh, agent.as_ref()),
            Event::RolledBack { plan, head, tasks, kept } => {
                let index = self.require_plan(plan)?;
                require(self.plans[index].lane.is_idle(), "work of the plan is still landing")?;
                self.plans[index].head = head.clone();
                self.plans[index].groups.iter_mut().for_each(|g| (g.rolling_back, g.rollback_asked) = (false, false));
                for id in tasks {
                    let task = self.require_task(&TaskKey { plan: plan.clone(), task: id.clone() })?;
                    require(self.tasks[task].phase == Phase::Done, "the task has not landed")?;
                    self.tasks[task].landed = None;
                    self.tasks[task].landing_number = None;
                    self.tasks[task].landed_unverified = false;
                    self.tasks[task].landed_before = None;
                    self.tasks[task].rolled_back = true;
                    self.group_taken_off(task);
                    self.tasks[task].reason = Some(format!("rolled back; its work is kept in {kept}"));
                    self.set_phase(task, Phase::Cancelled, at);
                }
                if !tasks.is_empty()
                    && let PlanPhase::Ended { done } = &mut self.plans[index].phase
                {
                    *done = false;
                }
                Ok(())
            }
            Event::RunPaused => {
                self.paused = true;
                Ok(())
            }
            Event::RunUnpaused => {
                self.paused = false;
                Ok(())
            }
            Event::StopRequested { how } => {
                self.stopping = self.stopping.max(Some(*how));
                Ok(())
            }
            Event::BudgetWarned { key, measure, message: _ } => {
                let warned = match key {
                    Some(key) => {
                        let task = self.require_task(key)?;
                        &mut self.tasks[task].warned
                    }
                    None => &mut self.warned,
                };
                require(warned.insert(*measure), "that was said already")
            }
            Event::BudgetChanged { budget, task_budget } => {
                if let Some(options) = &mut self.options {
                    options.budget.clone_from(budget);
                    options.task_budget.clone_from(task_budget);
                }
                self.warned.clear();
                self.tasks.iter_mut().for_each(|t| t.warned.clear());
                Ok(())
            }
            Event::RoomChanged { short_of } => {
                self.short_of.clone_from(short_of);
                Ok(())
            }
            Event::FloorsChanged { room } => {
                if let Some(options) = &mut self.options {
                    options.room.clone_from(room);
                }
                Ok(())
            }
            Event::RunHalted { cause, message } => {
                require(self.halted.is_none(), "the run is being ended already")?;
                self.halted = Some((*cause, message.clone()));
                self.stopping = self.stopping.max(Some(Stopping::Drain));
                Ok(())
            }
            Event::RunResumed => {
                self.run_resumed(before, at);
                Ok(())
            }
            Event::AttemptProgress { .. }
            | Event::NoteSent { .. }
            | Event::QuestionAsked { .. }
            | Event::QuestionAnswered { .. }
            | Event::QuestionWithdrawn { .. }
            | Event::AnswerAwaited { .. }
            | Event::FileClaimed { .. }
            | Event::LockTaken { .. }
            | Event::LockAwaited { .. }
            | Event::LockLeft { .. }
            | Event::ValueSet { .. } => self.apply_said(at, event),
            Event::RunEnded { finished } => {
                require(self.ended_at.is_none(), "the run has ended already")?;
                self.ended_at = Some(at);
                self.finished = *finished;
                Ok(())
            }
        }
    }

    fn plan_queued(&mut self, at: Time, submission: &Submission) -> Applied {
        let plan = &submission.plan;
        require(self.plan(&plan.id).is_none(), "a plan of this id is in the run already")?;
        let graph = Graph::new(plan).map_err(|cycles| format!("the plan has {} cycles", cycles.len()))?;
        let (plan_at, first) = (self.plans.len(), self.tasks.len());
        let mut stage_open = std::collections::BTreeMap::new();
        for (position, task) in plan.tasks.iter().enumerate() {
            let key = TaskKey { plan: plan.id.clone(), task: task.id.clone() };
            if let Some(stage) = task.stage {
                *stage_open.entry(stage).or_insert(0) += 1;
            }
            self.task_index.insert(key.clone(), first + position);
            self.tasks.push(TaskState {
                key,
                position,
                plan: plan_at,
                phase: Phase::Blocked,
                reason: None,
                attempts: Vec::new(),
                retries: 0,
                repairs: 0,
                spent: Spent::default(),
                warned: std::collections::BTreeSet::new(),
                agent_override: None,
                fresh_next: true,
                claimed: false,
                claimed_from: None,
                cancelled_with_run: false,
                rolled_back: false,
                landed: None,
                landing_number: None,
                landed_unverified: false,
                landed_before: None,
                notes: Vec::new(),
                claims: Vec::new(),
                ready_at: None,
                ended_at: None,
                open_dependencies: graph.depends(position).len(),
                dependents: graph.dependents(position).iter().map(|d| first + d).collect(),
                overlaps: Vec::new(),
                remaining: graph.remaining(position),
            });
        }
        let overlaps = Overlaps::new(plan.tasks.iter().map(|t| t.owns.as_slice()));
        for position in 0..plan.tasks.len() {
            self.tasks[first + position].overlaps = overlaps.of(position).into_iter().map(|o| first + o).collect();
        }
        self.plan_index.insert(plan.id.clone(), plan_at);
        self.plans.push(PlanState {
            submission: submission.clone(),
            queued_at: at,
            ended_at: None,
            phase: PlanPhase::Queued,
            branch: None,
            head: submission.base.clone(),
            verify: Vec::new(),
            base_suite: None,
            base_suite_since: None,
            base_suite_took: Duration::ZERO,
            lane: Lane::default(),
            last_landing_took: None,
            reason: None,
            tasks: first..self.tasks.len(),
            stage_open,
            groups: plan.groups.iter().map(GroupState::of).collect(),
            landings: 0,
        });
        for position in 0..plan.tasks.len() {
            let task = first + position;
            if let Some(before) = submission.landed.get(&plan.tasks[position].id) {
                self.tasks[task].reason = Some(format!("landed already in run {}", before.run));
                self.tasks[task].landed = Some(before.commit.clone());
                self.tasks[task].landed_before = Some(before.clone());
                self.set_phase(task, Phase::Done, at);
            } else if plan.tasks[position].ticked {
                self.tasks[task].reason = Some(String::from("marked as done in the plan"));
                self.set_phase(task, Phase::Done, at);
            }
        }
        Ok(())
    }

    fn attempt_started(&mut self, at: Time, attempt: &AttemptId, agent: &str, fresh: bool, fallback: Option<&String>) -> Applied {
        let task = self.require_task(&attempt.key)?;
        let t = &mut self.tasks[task];
        require(t.phase == Phase::Ready, "the task is not ready")?;
        require(attempt.n == t.attempts.last().map_or(1, |a| a.n + 1), "not the task's next attempt")?;
        t.reason = None;
        if fresh {
            // What was claimed for is not in the worktree.
            t.claims.clear();
            self.claimants.remove(&task);
        }
        t.attempts.push(AttemptState {
            n: attempt.n,
            agent: agent.to_owned(),
            fallback: fallback.cloned(),
            started_at: at,
            fresh,
            spawned: None,
            health: Health::default(),
            progress: None,
            said: 0,
            said_at: None,
            gate_started: false,
            ending: None,
            record: None,
            exited_at: None,
            gate_since: None,
            shared: Vec::new(),
            verdict: None,
            judged_at: None,
            landing: Duration::ZERO,
            outcome: None,
            landed: false,
            failure: None,
            refused: None,
            ended_at: None,
        });
        self.set_phase(task, Phase::Running, at);
        Ok(())
    }

    fn work_judged(&mut self, at: Time, attempt: &AttemptId, verdict: &Verdict) -> Applied {
        let a = self.require_attempt(attempt, Phase::Gating)?;
        a.verdict = Some(verdict.clone());
        a.judged_at = Some(at);
        let agent = a.agent.clone();
        // It has worked: its provider does not refuse any more.
        if let Some(account) = self.account_of(&agent).map(str::to_owned)
            && let Some(known) = self.accounts.get_mut(&account)
        {
            known.limited_since = None;
            known.times = 0;
        }
        if let Verdict::Accepted { commit, .. } = verdict {
            let entry = AttemptRef { attempt: attempt.clone(), commit: commit.clone() };
            let task = self.require_task(&attempt.key)?;
            let plan = self.tasks[task].plan;
            self.plans[plan].lane.queue.push_back(entry);
            self.set_phase(task, Phase::Landing, at);
        }
        Ok(())
    }

    fn end_task(&mut self, at: Time, key: &TaskKey, to: Phase, reason: &str) -> Applied {
        let task = self.require_task(key)?;
        let t = &mut self.tasks[task];
        require(!t.phase.ended(), "the task has ended already")?;
        let under_way = t.phase.active() && t.attempts.last().is_some_and(|a| a.outcome.is_none());
        require(!under_way || t.phase == Phase::Landing || t.phase == Phase::Gating, "an attempt of the task is under way")?;
        if under_way && let Some(a) = t.attempts.last_mut() {
            // The attempt did what it was asked; what ends the task is that its work cannot land, or that nobody wants it any more.
            a.outcome = Some(if to == Phase::Cancelled { Outcome::Cancelled } else { Outcome::Succeeded });
            a.ended_at = Some(at);
        }
        t.reason = Some(reason.to_owned());
        let (id, plan) = (t.attempt_id(), t.plan);
        self.plans[plan].lane.withdraw(&id);
        self.set_phase(task, to, at);
        Ok(())
    }

    pub(super) fn require_plan(&self, id: &PlanId) -> Result<usize, String> {
        self.plan_at(id).ok_or_else(|| format!("there is no plan {id}"))
    }

    pub(super) fn require_task(&self, key: &TaskKey) -> Result<usize, String> {
        self.task_at(key).ok_or_else(|| format!("there is no task {key}"))
    }

    pub(super) fn require_attempt(&mut self, id: &AttemptId, phase: Phase) -> Result<&mut AttemptState, String> {
        require(self.is_current(id, phase), &format!("the attempt is not the current one, or its task is not {phase:?}"))?;
        let task = self.require_task(&id.key)?;
        self.tasks[task].attempts.last_mut().ok_or_else(|| String::from("there is no attempt"))
    }

    pub(super) fn require_failed_attempt(&self, key: &TaskKey) -> Result<usize, String> {
        let task = self.require_task(key)?;
        let t = &self.tasks[task];
        require(t.phase.active() && t.attempts.last().is_some_and(|a| a.outcome.is_some()), "the task has no failed attempt")?;
        Ok(task)
    }
}

pub(super) fn require(holds: bool, why: &str) -> Applied {
    if holds { Ok(()) } else { Err(why.to_owned()) }
}
