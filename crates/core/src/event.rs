//! Past facts. The journal holds nothing else, and [`crate::state::State::apply`] is their only reader that changes anything.

mod parts;

use std::collections::BTreeMap;
use std::time::Duration;

pub use parts::{AttemptRef, BatchId, GroupOutcome, HaltCause, LandedAttempt, LandedBefore, MergeResult, Outcome, Stopping, Submission};
use serde::{Deserialize, Serialize};

use crate::attempt::{ExitRecord, Suite, Verdict};
use crate::budget::{Budget, Measure, Spent};
use crate::exchange::LockEnd;
use crate::failure::Failure;
use crate::health::{HealthStatus, Seen};
use crate::ids::{AttemptId, GroupId, Oid, PlanId, TaskId, TaskKey};
use crate::options::RunOptions;
use crate::room::RoomPolicy;
use crate::shared::SharedChange;
use crate::time::{Time, duration_text};
use crate::tracker::Issue;

/// What happened. In JSON the kind stands in `event`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A run began.
    RunStarted {
        /// Its limits and policies.
        options: Box<RunOptions>,
    },
    /// A plan joined the run; it may have to wait for its turn.
    PlanQueued(Box<Submission>),
    /// A plan's turn has come; its branch is being made.
    PlanStarted {
        /// Which.
        plan: PlanId,
    },
    /// A plan's branch exists, and it is known how the plan is verified.
    PlanPrepared {
        /// Which.
        plan: PlanId,
        /// Where it lands.
        branch: String,
        /// The commands of the suite; empty where none was found.
        verify: Vec<String>,
    },
    /// The suite was run on the base before any task.
    BaseJudged {
        /// Of which plan.
        plan: PlanId,
        /// How it went.
        suite: Suite,
    },
    /// Nothing of a plan is left to do, or it cannot go on.
    PlanEnded {
        /// Which.
        plan: PlanId,
        /// Every task is on the branch.
        done: bool,
        /// Why it ended early.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A group's turn has come: all tasks of earlier groups have ended.
    GroupStarted {
        /// Of which plan.
        plan: PlanId,
        /// Which.
        group: GroupId,
        /// The branch's head before it.
        head: Oid,
        /// Its tasks wait until the context is refreshed.
        #[serde(default, skip_serializing_if = "is_false")]
        refresh: bool,
    },
    /// The context was refreshed before a group, or could not be, which only warns.
    GroupRefreshed {
        /// Of which plan.
        plan: PlanId,
        /// Which.
        group: GroupId,
        /// Why it could not be.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        problem: Option<String>,
    },
    /// All tasks of a group have ended.
    GroupEnded {
        /// Of which plan.
        plan: PlanId,
        /// Which.
        group: GroupId,
        /// How.
        outcome: GroupOutcome,
        /// A suite was green on all that landed of it.
        verified: bool,
        /// What landed of it is to be taken off the branch again.
        #[serde(default, skip_serializing_if = "is_false")]
        rollback: bool,
    },
    /// What landed of a failed group could not be taken off: it stays on the branch.
    GroupNotRolledBack {
        /// Of which plan.
        plan: PlanId,
        /// Which.
        group: GroupId,
        /// Why.
        message: String,
    },
    /// An attempt was decided on; its workspace is being prepared.
    AttemptStarted {
        /// Which.
        #[serde(flatten)]
        attempt: AttemptId,
        /// By which agent.
        agent: String,
        /// `true`: from the plan's branch; `false`: from the work that is there.
        fresh: bool,
        /// The commit that a fresh one starts from.
        base: Oid,
        /// Why it is not the agent that the plan names first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fallback: Option<String>,
    },
    /// Its keeper runs.
    AttemptSpawned {
        /// Which.
        #[serde(flatten)]
        attempt: AttemptId,
        /// Where.
        worktree: String,
        /// The task's branch.
        branch: String,
        /// What its work is compared with.
        base: Oid,
        /// The keeper's process id.
        pid: u32,
    },
    /// Its end was asked for; its keeper is to terminate it.
    EndRequested {
        /// Which.
        #[serde(flatten)]
        attempt: AttemptId,
        /// Killed at once, without a grace period.
        now: bool,
        /// The whole run is being stopped.
        with_run: bool,
        /// Its task waits again, for this reason; that uses up no retry.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        requeue: Option<String>,
    },
    /// Its processes are gone.
    AttemptExited {
        /// Which.
        #[serde(flatten)]
        attempt: AttemptId,
        /// The keeper's record.
        record: Box<ExitRecord>,
    },
    /// The gate has judged its work.
    WorkJudged {
        /// Which.
        #[serde(flatten)]
        attempt: AttemptId,
        /// The verdict.
        verdict: Verdict,
    },
    /// What all worktrees share was not the same after it as before.
    SharedStateChanged {
        /// During which.
        #[serde(flatten)]
        attempt: AttemptId,
        /// What changed, what it did first.
        changes: Vec<SharedChange>,
        /// How many more there are than are listed.
        #[serde(default, skip_serializing_if = "is_zero")]
        more: u32,
    },
    /// Another status than at the look before. Readings themselves are not journalled.
    HealthChanged {
        /// Which.
        #[serde(flatten)]
        attempt: AttemptId,
        /// How it was.
        from: HealthStatus,
        /// How it is.
        to: HealthStatus,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// What was seen of it.
        #[serde(default)]
        seen: Box<Seen>,
    },
    /// It ended without work that could land.
    AttemptFailed {
        /// Which.
        #[serde(flatten)]
        attempt: AttemptId,
        /// In which way.
        outcome: Outcome,
        /// Why; `None` for a cancelled one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
        /// What it is known to have used, where its keeper left no record to tell.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        spent: Option<Spent>,
    },
    /// It was decided on but never began: its place is free again, no retry is used up.
    AttemptVoided {
        /// Which.
        #[serde(flatten)]
        attempt: AttemptId,
        /// Why, where it was not just interrupted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Its task's issue is this run's: whoever else looks at the tracker sees that somebody is at work on it.
    IssueClaimed {
        /// Which.
        #[serde(flatten)]
        attempt: AttemptId,
        /// Which issue.
        issue: Issue,
        /// Whose it was before, where it was handed over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
    },
    /// The tracker gave no answer: the attempt goes on without.
    ClaimUnanswered {
        /// Which.
        #[serde(flatten)]
        attempt: AttemptId,
        /// Which issue.
        issue: Issue,
        /// Why.
        reason: String,
    },
    /// Attempts were put together for landing.
    BatchFormed {
        /// Which batch.
        batch: BatchId,
        /// On which plan's branch.
        plan: PlanId,
        /// The branch's head.
        onto: Oid,
        /// In the order of merging.
        attempts: Vec<AttemptRef>,
    },
    /// They were merged in memory, one after another.
    BatchMerged {
        /// Which batch.
        batch: BatchId,
        /// What became of each.
        results: Vec<MergeResult>,
    },
    /// The suite was run on the combined tree.
    BatchVerified {
        /// Which batch.
        batch: BatchId,
        /// How it went.
        suite: Suite,
        /// It is red on one attempt's work alone, which is verified once more before it is blamed: the suite may be flaky.
        #[serde(default, skip_serializing_if = "is_false")]
        again: bool,
    },
    /// The branch moved by itself meanwhile; the batch is formed anew.
    BatchRaced {
        /// Which batch.
        batch: BatchId,
        /// The branch's head now.
        head: Oid,
        /// Where it was thought to be; `None` in journals of older versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<Oid>,
        /// Who moved it, and how, where git's diary of the branch tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// The machinery failed on a batch: its members need a human, the branch stays where it is.
    BatchDropped {
        /// Which batch.
        batch: BatchId,
        /// The branch's head.
        head: Oid,
    },
    /// The branch was moved: everything that was merged has landed.
    BatchLanded {
        /// Which batch.
        batch: BatchId,
        /// The branch's head now.
        head: Oid,
        /// Whether the suite was green on it; `false` where there is no suite.
        verified: bool,
        /// Who landed, with the commit of each.
        landed: Vec<LandedAttempt>,
    },
    /// A red batch, though nobody in it alone is guilty: the same work was red once and green once.
    SuiteFlaky {
        /// Of which plan.
        plan: PlanId,
        /// The first, red batch.
        batch: BatchId,
    },
    /// A failed task will be tried again.
    RetryScheduled {
        /// Which.
        #[serde(flatten)]
        key: TaskKey,
        /// How many retries that makes.
        retry: u32,
        /// Not before then.
        until: Time,
    },
    /// Refused work goes back to its agent at once, with what the gate or the suite said.
    RepairScheduled {
        /// Which.
        #[serde(flatten)]
        key: TaskKey,
        /// How many repairs that makes.
        repair: u32,
    },
    /// A provider refuses an account for a while.
    AccountLimited {
        /// The account.
        account: String,
        /// No attempt of it starts before then.
        until: Time,
        /// Most attempts at once afterwards.
        limit: u32,
        /// In the provider's words.
        reason: String,
    },
    /// Another run met or left a limit, or after a calm time more attempts at once are allowed again.
    AccountChanged {
        /// The account.
        account: String,
        /// No attempt of it starts before then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Time>,
        /// Most attempts at once.
        limit: u32,
        /// In the provider's words.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// Its provider refused: the task waits for its account, which uses up no retry.
    QuotaAwaited {
        /// Which.
        #[serde(flatten)]
        key: TaskKey,
        /// The account.
        account: String,
    },
    /// An agent turned out to be missing or not signed in: tasks with fallbacks use these.
    AgentUnavailable {
        /// Its name.
        agent: String,
        /// What is wrong.
        reason: String,
    },
    /// A coordinator has looked at the agents: whose accounts they use up, and which of them cannot be used.
    AgentsChecked {
        /// The account of each agent that has one.
        accounts: BTreeMap<String, String>,
        /// Agents that cannot be used, and why.
        unavailable: BTreeMap<String, String>,
    },
    /// A task whose agent is unavailable goes to the next of its fallbacks, which uses up no retry.
    FallbackScheduled {
        /// Which.
        #[serde(flatten)]
        key: TaskKey,
    },
    /// The wait before a retry is over.
    RetryDue {
        /// Which.
        #[serde(flatten)]
        key: TaskKey,
    },
    /// A task ended without success.
    TaskFailed {
        /// Which.
        #[serde(flatten)]
        key: TaskKey,
        /// For people.
        reason: String,
    },
    /// A task's work cannot land without a decision.
    TaskNeedsHuman {
        /// Which.
        #[serde(flatten)]
        key: TaskKey,
        /// For people.
        reason: String,
    },
    /// A task will not be tried because of another's end.
    TaskSkipped {
        /// Which.
        #[serde(flatten)]
        key: TaskKey,
        /// For people.
        reason: String,
    },
    /// A task was called off.
    TaskCancelled {
        /// Which.
        #[serde(flatten)]
        key: TaskKey,
        /// For people.
        reason: String,
        /// The whole run was stopped: resuming takes it up again.
        with_run: bool,
    },
    /// A person asked for another attempt; what was skipped because of it waits again.
    TaskReopened {
        /// Which.
        #[serde(flatten)]
        key: TaskKey,
        /// From the base again.
        fresh: bool,
        /// By another agent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agent: Option<String>,
    },
    /// Landings were taken off the plan's branch.
    RolledBack {
        /// Of which plan.
        plan: PlanId,
        /// The branch's head now.
        head: Oid,
        /// Whose work is off the branch.
        tasks: Vec<TaskId>,
        /// The ref that keeps what was taken off.
        kept: String,
    },
    /// No further attempts start.
    RunPaused,
    /// Attempts start again.
    RunUnpaused,
    /// The run is to end; see [`Stopping`].
    StopRequested {
        /// How.
        how: Stopping,
    },
    /// Most of a cap is used up; said once for each.
    BudgetWarned {
        /// Whose cap; `None`: the run's.
        #[serde(flatten)]
        key: Option<TaskKey>,
        /// Which one.
        measure: Measure,
        /// How much of how much.
        message: String,
    },
    /// Somebody set other caps.
    BudgetChanged {
        /// The run's.
        budget: Budget,
        /// Each task's.
        task_budget: Budget,
    },
    /// There is too little disk or memory for anything more to start, or enough again.
    RoomChanged {
        /// What there is too little of; `None`: enough.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        short_of: Option<String>,
    },
    /// A new coordinator found other floors in the configuration.
    FloorsChanged {
        /// Below them nothing starts.
        room: RoomPolicy,
    },
    /// A task whose attempt was ended for want of room waits again, which uses up no retry.
    AttemptRequeued {
        /// Which.
        #[serde(flatten)]
        key: TaskKey,
    },
    /// The run comes to an end before its time: no further attempts start, running ones are ended, and their work is kept.
    RunHalted {
        /// What for.
        cause: HaltCause,
        /// For people.
        message: String,
    },
    /// A new coordinator took the run up.
    RunResumed,
    /// How far an attempt says it is.
    AttemptProgress {
        /// Which.
        #[serde(flatten)]
        attempt: AttemptId,
        /// 0 to 100.
        percent: u8,
        /// What it does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// An attempt told another task something.
    NoteSent {
        /// Who.
        #[serde(flatten)]
        attempt: AttemptId,
        /// Whom.
        to: TaskKey,
        /// The sender's own name for it, by which it is known again.
        token: String,
        /// What.
        text: String,
    },
    /// An attempt asked a person.
    QuestionAsked {
        /// Who.
        #[serde(flatten)]
        attempt: AttemptId,
        /// Its number in the run, from 1.
        question: u64,
        /// The attempt's own name for it, by which it is known again.
        token: String,
        /// What.
        text: String,
    },
    /// A person answered.
    QuestionAnswered {
        /// Who had asked.
        #[serde(flatten)]
        attempt: AttemptId,
        /// Which.
        question: u64,
        /// What.
        text: String,
    },
    /// Nobody waits for the answer any more, or nobody gave one in time.
    QuestionWithdrawn {
        /// Who had asked.
        #[serde(flatten)]
        attempt: AttemptId,
        /// Which.
        question: u64,
        /// Why.
        reason: String,
    },
    /// An attempt ended its turn with an open question: its task goes on when there is an answer, which uses up no retry.
    AnswerAwaited {
        /// Which.
        #[serde(flatten)]
        key: TaskKey,
    },
    /// An attempt may change a file that its task does not own.
    FileClaimed {
        /// Who.
        #[serde(flatten)]
        attempt: AttemptId,
        /// Which, from the repository's root.
        path: String,
    },
    /// An attempt has a lock, or has it for longer.
    LockTaken {
        /// Who.
        #[serde(flatten)]
        attempt: AttemptId,
        /// Its name.
        lock: String,
        /// The lease's end.
        until: Time,
    },
    /// Somebody else has it: the attempt waits in the queue.
    LockAwaited {
        /// Who.
        #[serde(flatten)]
        attempt: AttemptId,
        /// Its name.
        lock: String,
        /// For how long it wants it.
        #[serde(with = "duration_text")]
        lease: Duration,
        /// Its place is kept until then.
        until: Time,
    },
    /// An attempt has a lock, or its place in the queue, no longer.
    LockLeft {
        /// Who.
        #[serde(flatten)]
        attempt: AttemptId,
        /// Its name.
        lock: String,
        /// How.
        how: LockEnd,
    },
    /// A value that all attempts of the run see was set, or taken away.
    ValueSet {
        /// By whom.
        #[serde(flatten)]
        attempt: AttemptId,
        /// Its name.
        name: String,
        /// `None`: taken away.
        value: Option<String>,
        /// Its version from now on.
        version: u64,
    },
    /// Nothing is left to do, or the run was stopped.
    RunEnded {
        /// `false`: it was stopped before its end.
        finished: bool,
    },
}

fn is_false(is: &bool) -> bool {
    !is
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}
