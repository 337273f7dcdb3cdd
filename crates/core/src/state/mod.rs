//! Where a run stands. Changed by [`State::apply`] alone; everything here can be rebuilt from the journal.

mod account;
mod apply;
mod exchange;
mod group;
mod index;
mod landing;
mod lane;
mod numbering;
mod person;
mod reopened;
mod spending;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub use account::{AccountState, account_label};
pub use apply::Illegal;
pub use group::{GroupPhase, GroupState};
pub(crate) use index::ReadyKey;
pub use lane::{Batch, BatchPhase, Lane};

use crate::attempt::{ExitRecord, Suite, Verdict};
use crate::budget::{Measure, Spent};
use crate::event::{HaltCause, LandedBefore, Outcome, Stopping, Submission};
use crate::exchange::{Exchange, Note, Progress};
use crate::failure::Failure;
use crate::health::{Evidence, Health, Look};
use crate::ids::{AttemptId, Oid, PlanId, TaskKey};
use crate::options::RunOptions;
use crate::plan::Task;
use crate::shared::SharedChange;
use crate::time::Time;

/// A run: its plans, their tasks, and what is under way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// `None` before the run began.
    pub options: Option<RunOptions>,
    /// When it began.
    pub started_at: Time,
    /// When it ended or was stopped; cleared by a resume.
    pub ended_at: Option<Time>,
    /// When anything last happened: of a run whose coordinator is gone, the last that is known of it.
    pub last_event_at: Time,
    /// It ended by itself, with nothing left to do.
    pub finished: bool,
    /// Times in which nobody coordinated it: before each resume, and before each retry after its end.
    pub absences: Vec<Absence>,
    /// In the order in which they were handed in.
    pub plans: Vec<PlanState>,
    /// Of all plans, in their order.
    pub tasks: Vec<TaskState>,
    /// No attempts are started.
    pub paused: bool,
    /// The run is being ended.
    pub stopping: Option<Stopping>,
    /// It is being ended by itself, and why.
    pub halted: Option<(HaltCause, String)>,
    /// Too little disk or memory for anything more to start, in words.
    pub short_of: Option<String>,
    /// What all attempts have used that have ended.
    pub spent: Spent,
    /// The run's caps of which somebody was warned.
    pub warned: BTreeSet<Measure>,
    /// The first attempt whose tracker gave no answer: the others are like it.
    pub unanswered: Option<AttemptId>,
    /// The number of the next batch.
    pub next_batch: u64,
    task_index: BTreeMap<TaskKey, usize>,
    plan_index: BTreeMap<PlanId, usize>,
    /// Accounts that a provider has ever limited, or that are short of places.
    pub accounts: BTreeMap<String, AccountState>,
    /// What attempts have said that is more than one task's.
    pub exchange: Exchange,
    /// Agents that turned out to be missing or not signed in, and what is wrong with them.
    pub unavailable: BTreeMap<String, String>,
    /// Something that was withheld may start then: a slot that is kept for a task about to be ready, an account that is limited.
    /// Decided anew by every step, never journalled.
    pub(crate) look_again_at: Option<Time>,
    /// When the run's time is used up. Decided anew by every step, never journalled.
    pub(crate) wall_due: Option<Time>,
    /// When attempts under way are looked at next. Never journalled: a new coordinator counts from its start.
    pub(crate) health_due: Option<Time>,
    /// Tasks that have claimed anything.
    claimants: BTreeSet<usize>,
    ready: BTreeSet<index::ReadyKey>,
    waiting: BTreeSet<(Time, usize)>,
}

/// A time in which nobody coordinated the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Absence {
    /// The last that is known before it.
    pub from: Time,
    /// When the run was taken up again.
    pub to: Time,
}

/// Where a plan stands.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanState {
    /// What was handed in.
    pub submission: Submission,
    /// When it was handed in.
    pub queued_at: Time,
    /// When it ended; cleared when one of its tasks is tried again.
    pub ended_at: Option<Time>,
    /// How far it is.
    pub phase: PlanPhase,
    /// The branch on which it lands, once it is made.
    pub branch: Option<String>,
    /// The branch's head; the base at first.
    pub head: Oid,
    /// The suite's commands, once known.
    pub verify: Vec<String>,
    /// What the suite said of the base.
    pub base_suite: Option<Suite>,
    /// Since when the suite is at work on the base, while it is.
    pub base_suite_since: Option<Time>,
    /// What the suite took on the base, every run of it.
    pub base_suite_took: Duration,
    /// Finished work on its way to the branch.
    pub lane: Lane,
    /// From the end of its processes to the branch: the task that landed last.
    pub last_landing_took: Option<Duration>,
    /// Why it ended early.
    pub reason: Option<String>,
    /// Its tasks, as a range of [`State::tasks`].
    pub tasks: std::ops::Range<usize>,
    /// Its groups, in their order.
    pub groups: Vec<GroupState>,
    /// How often a task of it landed in this run.
    landings: u64,
    /// Number of tasks of each stage that have not ended.
    stage_open: BTreeMap<u32, usize>,
}

/// How far a plan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanPhase {
    /// It waits for its turn.
    Queued,
    /// Its branch is being made.
    Preparing,
    /// The suite runs on its base.
    VerifyingBase,
    /// Its tasks may start.
    Running,
    /// Nothing more happens; `done`: every task is on the branch.
    Ended {
        /// Every task is on the branch.
        done: bool,
    },
}

/// Where a task stands.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskState {
    /// Its full name.
    pub key: TaskKey,
    /// Its place in its plan's list.
    pub position: usize,
    /// Its plan's place in [`State::plans`].
    pub plan: usize,
    /// Where it is on its way.
    pub phase: Phase,
    /// Why it is there, where that needs words.
    pub reason: Option<String>,
    /// From the first to the newest.
    pub attempts: Vec<AttemptState>,
    /// Retries that were used up.
    pub retries: u32,
    /// Repairs that were used up.
    pub repairs: u32,
    /// What its ended attempts have used, since a person asked for it last.
    pub spent: Spent,
    /// Its caps of which somebody was warned.
    pub warned: BTreeSet<Measure>,
    /// The next attempt is made by this agent instead of the plan's.
    pub agent_override: Option<String>,
    /// The next attempt starts from the plan's branch, not from the work that is there.
    pub fresh_next: bool,
    /// Its issue is this run's, as far as its tracker has said.
    pub claimed: bool,
    /// Whose it was before it was handed over to this run, the last time.
    pub claimed_from: Option<String>,
    /// It was called off with the whole run.
    pub cancelled_with_run: bool,
    /// It had landed, and was taken off the branch again.
    pub rolled_back: bool,
    /// The merge commit on the plan's branch, or in an earlier run.
    pub landed: Option<Oid>,
    /// The how-manieth landing of its plan that was in this run.
    pub landing_number: Option<u64>,
    /// It landed in this run, and no suite was green on it.
    pub landed_unverified: bool,
    /// Where it landed in an earlier run.
    pub landed_before: Option<LandedBefore>,
    /// What other tasks told it, the oldest first.
    pub notes: Vec<Note>,
    /// Paths beyond what it owns that it may change; they count while it has not ended.
    pub claims: Vec<String>,
    /// When it last became ready: since then it waited for nothing but a free slot.
    pub ready_at: Option<Time>,
    /// When it reached its end.
    pub ended_at: Option<Time>,
    /// Dependencies that are not done.
    open_dependencies: usize,
    /// Tasks that depend on it.
    pub(crate) dependents: Vec<usize>,
    /// Tasks of the plan whose owned files overlap its own.
    pub(crate) overlaps: Vec<usize>,
    /// The longest estimated way from its start to the plan's end.
    pub(crate) remaining: Duration,
}

/// Where a task is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// A dependency is not done, or an earlier group has not ended.
    Blocked,
    /// Every dependency is done; nothing is said about free slots.
    Ready,
    /// An attempt is being prepared or runs; it holds a slot.
    Running,
    /// Its processes are gone; the gate judges, or will.
    Gating,
    /// Accepted; on its way to the plan's branch.
    Landing,
    /// It failed and will be tried again.
    AwaitingRetry {
        /// Not before then.
        until: Time,
    },
    /// Its work is on the plan's branch.
    Done,
    /// Its work cannot land without a decision.
    NeedsHuman,
    /// It ended without success.
    Failed,
    /// Not tried because of another's end.
    Skipped,
    /// Called off.
    Cancelled,
}

impl Phase {
    /// Nothing more happens by itself.
    #[must_use]
    pub fn ended(self) -> bool {
        matches!(self, Phase::Done | Phase::NeedsHuman | Phase::Failed | Phase::Skipped | Phase::Cancelled)
    }

    /// Its files are being worked on or on their way to the branch.
    #[must_use]
    pub fn active(self) -> bool {
        matches!(self, Phase::Running | Phase::Gating | Phase::Landing)
    }
}

/// One try at a task.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptState {
    /// From 1.
    pub n: u32,
    /// Who.
    pub agent: String,
    /// Why it is not the agent that the plan names first.
    pub fallback: Option<String>,
    /// When it was decided on.
    pub started_at: Time,
    /// From the plan's branch, not from work that was there.
    pub fresh: bool,
    /// Where its keeper runs, once it does.
    pub spawned: Option<Spawned>,
    /// How it is. Its last look is not journalled.
    pub health: Health,
    /// How far it says it is.
    pub progress: Option<Progress>,
    /// How much of what it said is in the journal.
    pub said: u32,
    /// When it said the last of that.
    pub said_at: Option<Time>,
    /// The gate was asked (it may have to wait for its turn first).
    pub gate_started: bool,
    /// Its end was asked for.
    pub ending: Option<Ending>,
    /// The keeper's record, once its processes are gone.
    pub record: Option<Box<ExitRecord>>,
    /// When its processes were gone.
    pub exited_at: Option<Time>,
    /// Since when it is the gate's turn, or it waits for that; anew after a resume, as what the gate did before is lost.
    pub gate_since: Option<Time>,
    /// What all worktrees share and was not the same after it as before.
    pub shared: Vec<SharedChange>,
    /// What the gate said.
    pub verdict: Option<Verdict>,
    /// When it said so.
    pub judged_at: Option<Time>,
    /// What its landing took in the last batch that it was in, as if it had been alone there: that batch's suite, and its share of
    /// the merging and of the moving of the branch. Without the waits before, and without red batches that were split.
    pub landing: Duration,
    /// How it ended; `None` while it goes on.
    pub outcome: Option<Outcome>,
    /// Its work is on the plan's branch, or was before it was taken off again.
    pub landed: bool,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// The suite was red on the plan's branch with its work alone.
    pub refused: Option<Refused>,
    /// When it had its outcome.
    pub ended_at: Option<Time>,
}

/// Work that merges, but not without breaking the suite: a next attempt goes on from the combined tree, where that can be seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// The branch's head.
    pub onto: Oid,
    /// The merge commit on which the suite was red.
    pub merged: Oid,
    /// The end of the suite's output.
    pub output: String,
}

/// What for an attempt's end was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its task was called off.
    Alone,
    /// The run is being stopped; a resumed one takes the task up again.
    WithRun,
    /// There is too little room; the task waits again.
    Requeue,
}

/// Where an attempt's keeper runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Spawned {
    /// When.
    pub at: Time,
    /// The worktree's path.
    pub worktree: String,
    /// The task's branch.
    pub branch: String,
    /// What the work is compared with.
    pub base: Oid,
    /// The keeper's process id; its identity is in the attempt's claim.
    pub pid: u32,
}

impl State {
    /// The run's options; those of the default before it began.
    #[must_use]
    pub fn options(&self) -> RunOptions {
        self.options.clone().unwrap_or_default()
    }

    /// What the names of the run's branches begin with.
    #[must_use]
    pub fn branch_prefix(&self) -> &str {
        self.options.as_ref().map_or(crate::branch::PREFIX, |o| &o.branch_prefix)
    }

    /// The task of this name.
    #[must_use]
    pub fn task(&self, key: &TaskKey) -> Option<&TaskState> {
        self.task_index.get(key).map(|i| &self.tasks[*i])
    }

    /// The plan of this name.
    #[must_use]
    pub fn plan(&self, id: &PlanId) -> Option<&PlanState> {
        self.plan_index.get(id).map(|i| &self.plans[*i])
    }

    pub(crate) fn task_at(&self, key: &TaskKey) -> Option<usize> {
        self.task_index.get(key).copied()
    }

    pub(crate) fn plan_at(&self, id: &PlanId) -> Option<usize> {
        self.plan_index.get(id).copied()
    }

    /// What the plan says of a task.
    #[must_use]
    pub fn definition(&self, task: &TaskState) -> &Task {
        &self.plans[task.plan].submission.plan.tasks[task.position]
    }

    /// The attempt, if the task has it.
    #[must_use]
    pub fn attempt(&self, id: &AttemptId) -> Option<&AttemptState> {
        self.task(&id.key)?.attempts.iter().rev().find(|a| a.n == id.n)
    }

    /// The attempt is the newest of its task, and its task is in this phase: a result of it counts.
    #[must_use]
    pub fn is_current(&self, id: &AttemptId, phase: Phase) -> bool {
        self.task(&id.key).is_some_and(|t| t.phase == phase && t.attempts.last().is_some_and(|a| a.n == id.n && a.outcome.is_none()))
    }

    /// The agent that a task's next attempt is made by: `command` for a task with its own command line; empty where nobody is named,
    /// which no plan gets into a run with.
    #[must_use]
    pub fn agent_of(&self, task: &TaskState) -> String {
        let definition = self.definition(task);
        if definition.run.is_some() {
            return String::from(COMMAND_AGENT);
        }
        task.agent_override
            .clone()
            .or_else(|| definition.agent.clone())
            .or_else(|| definition.candidates.first().cloned())
            .or_else(|| self.options.as_ref().and_then(|o| o.agent.clone()))
            .unwrap_or_default()
    }

    /// There is a suite, and it was green on everything of the plan that has landed in this run and is still on the branch.
    #[must_use]
    pub fn is_verified(&self, plan: &PlanState) -> bool {
        !plan.verify.is_empty() && !self.tasks[plan.tasks.clone()].iter().any(|t| t.landed_unverified)
    }

    /// When the coordinator wants to be called again even if nothing happens.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Time> {
        if self.ended_at.is_some() {
            return None;
        }
        let nothing_starts = self.paused || self.stopping.is_some();
        let start = self.waiting.first().map(|(at, _)| *at).into_iter().chain(self.look_again_at).min();
        let said = self.exchange.next_deadline(self.question_max());
        start.filter(|_| !nothing_starts).into_iter().chain(self.health_due).chain(self.wall_due).chain(said).min()
    }

    /// The account that an agent works on.
    #[must_use]
    pub fn account_of(&self, agent: &str) -> Option<&str> {
        self.options.as_ref()?.accounts.get(agent).map(String::as_str)
    }

    /// Most attempts of this account at once.
    #[must_use]
    pub fn account_limit(&self, account: &str) -> u32 {
        let most = self.options.as_ref().map_or(u32::MAX, |o| o.quota.api_limit).max(1);
        self.accounts.get(account).and_then(|a| a.limit).map_or(most, |limit| limit.clamp(1, most))
    }

    /// The run has begun and has not ended.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.options.is_some() && self.ended_at.is_none()
    }

    /// This state without what is decided anew by every step and by every coordinator: the part that the journal gives back.
    #[must_use]
    pub fn journalled(&self) -> State {
        let mut state = self.clone();
        state.look_again_at = None;
        state.health_due = None;
        state.wall_due = None;
        state.accounts.values_mut().for_each(|a| a.free = None);
        state.accounts.retain(|_, a| *a != AccountState::default());
        state.plans.iter_mut().flat_map(|p| p.groups.iter_mut()).for_each(|g| g.rollback_asked = false);
        for attempt in state.tasks.iter_mut().flat_map(|t| t.attempts.iter_mut()) {
            attempt.gate_started = false;
            attempt.health.look = None;
        }
        state
    }

    /// Notes that the gate was asked. Not an event: who was asked is gone with the coordinator.
    pub(crate) fn mark_gate_started(&mut self, id: &AttemptId) {
        if let Some(a) = self.attempt_mut(id) {
            a.gate_started = true;
        }
    }

    /// Keeps the last look at an attempt. Not an event: only what changes by it is one.
    pub(crate) fn note_look(&mut self, id: &AttemptId, look: Look) {
        if let Some(a) = self.attempt_mut(id) {
            a.health.look = Some(look);
        }
    }

    /// For how long nothing has been heard of an attempt: nothing of its own, and no person that it waited for. `None`: it never said anything.
    #[must_use]
    pub fn silence_of(&self, id: &AttemptId, now: Time) -> Option<(Duration, Evidence)> {
        if self.exchange.open_of(id).next().is_some() {
            return Some((Duration::ZERO, Evidence::Person));
        }
        let said = self.attempt(id)?.said_at.map(|at| (now.since(at), Evidence::Tools));
        let rested = self.exchange.rest_of(id, self.question_max()).rested_at.map(|at| (now.since(at), Evidence::Person));
        said.into_iter().chain(rested).min_by_key(|(ago, _)| *ago)
    }

    fn attempt_mut(&mut self, id: &AttemptId) -> Option<&mut AttemptState> {
        let task = self.task_at(&id.key)?;
        self.tasks[task].attempts.iter_mut().rev().find(|a| a.n == id.n)
    }

    pub(crate) fn ready_in_order(&self) -> impl Iterator<Item = usize> + '_ {
        self.ready.iter().map(index::ReadyKey::task)
    }

    pub(crate) fn retries_due(&self, now: Time) -> impl Iterator<Item = usize> + '_ {
        self.waiting.iter().take_while(move |(at, _)| *at <= now).map(|(_, task)| *task)
    }
}

/// The name of the agent that is just a task's own `run` line.
pub const COMMAND_AGENT: &str = "command";

impl TaskState {
    /// It waits for the landing of so many tasks and for nothing else.
    pub(crate) fn waits_only_for(&self, landings: usize) -> bool {
        self.phase == Phase::Blocked && self.open_dependencies == landings
    }

    /// The newest attempt.
    #[must_use]
    pub fn current(&self) -> Option<&AttemptState> {
        self.attempts.last()
    }

    /// The newest attempt's id; of the first one before there is any.
    #[must_use]
    pub fn attempt_id(&self) -> AttemptId {
        AttemptId { key: self.key.clone(), n: self.attempts.last().map_or(1, |a| a.n) }
    }
}
