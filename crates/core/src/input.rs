//! What was observed or asked for: everything that the coordinator can learn.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::attempt::{ExitRecord, Suite, Verdict};
use crate::budget::Budget;
use crate::event::{BatchId, MergeResult, Stopping, Submission};
use crate::exchange::Talk;
use crate::failure::FailureDetail;
use crate::health::Reading;
use crate::ids::{AttemptId, GroupId, Oid, PlanId, TaskKey};
use crate::options::RunOptions;
use crate::room::{Room, RoomPolicy};
use crate::shared::SharedChange;
use crate::time::Time;

/// One observation. Results carry the id of what they are a result of; one that is no longer current is ignored.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Begin a run. Only on an empty state.
    Begin(Box<RunOptions>),
    /// Take a plan into the run.
    Submit(Box<Submission>),
    /// Take these plans into the run, all of them or none.
    SubmitAll(Vec<Submission>),
    /// A person or a program asks for something.
    Request(Request),
    /// These, with nothing decided between them: what a new coordinator has to know before anything starts.
    Together(Vec<Input>),
    /// A deadline has come, or may have: early and double ticks are harmless.
    Tick,
    /// The state was replayed from the journal by a new coordinator.
    Resume,
    /// A plan's branch was made.
    PlanPrepared {
        /// Which plan.
        plan: PlanId,
        /// The branch's name, free of conflicts.
        branch: String,
        /// The suite's commands.
        verify: Vec<String>,
    },
    /// A plan's branch could not be made.
    PlanNotPrepared {
        /// Which plan.
        plan: PlanId,
        /// Why.
        message: String,
    },
    /// The suite was run on the base.
    BaseJudged {
        /// Which plan.
        plan: PlanId,
        /// How it went.
        suite: Suite,
    },
    /// An attempt at work says something.
    Said {
        /// Which.
        attempt: AttemptId,
        /// What.
        talk: Talk,
    },
    /// An attempt's keeper runs.
    AttemptSpawned {
        /// Which.
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
    /// Its workspace or its keeper could not be had.
    AttemptNotSpawned {
        /// Which.
        attempt: AttemptId,
        /// Why.
        message: String,
        /// What that says of another attempt.
        detail: Option<FailureDetail>,
    },
    /// Its processes are gone, and its keeper left a record.
    AttemptExited {
        /// Which.
        attempt: AttemptId,
        /// The record.
        record: Box<ExitRecord>,
    },
    /// Its keeper is gone without a record; strays were ended.
    AttemptLost {
        /// Which.
        attempt: AttemptId,
    },
    /// It had never begun, and now never will.
    AttemptVoided {
        /// Which.
        attempt: AttemptId,
    },
    /// Its account has no place left: others on this machine have them all. It never began.
    AttemptDeferred {
        /// Which.
        attempt: AttemptId,
    },
    /// How an account stands on this machine, now that it may have changed.
    AccountRead {
        /// The account.
        account: String,
        /// What is known of it.
        reading: AccountReading,
    },
    /// Attempts under way were looked at, all of them in one go.
    HealthRead {
        /// What was read of each.
        readings: Vec<(AttemptId, Reading)>,
    },
    /// How much room the machine has left; read with every look at attempts.
    RoomRead {
        /// What was found.
        room: Room,
    },
    /// The floors that the configuration sets now: they are the machine's, not the run's.
    FloorsSet {
        /// Below them nothing starts.
        room: RoomPolicy,
    },
    /// There was no room for an attempt to start. It never began.
    AttemptHeldBack {
        /// Which.
        attempt: AttemptId,
        /// What there was too little of.
        short: String,
    },
    /// The disk is full: the journal was written with the last of its reserve.
    DiskFull {
        /// In the system's words.
        message: String,
    },
    /// The agents as a new coordinator finds them: since the run began somebody may have signed in, or changed an account.
    AgentsChecked {
        /// The account of each agent that has one.
        accounts: BTreeMap<String, String>,
        /// Agents that cannot be used, and why.
        unavailable: BTreeMap<String, String>,
    },
    /// What all worktrees share was not the same after it as before.
    SharedStateChanged {
        /// During which.
        attempt: AttemptId,
        /// What changed, what it did first.
        changes: Vec<SharedChange>,
        /// How many more there are than are listed.
        more: u32,
    },
    /// The tracker says that its task's issue is this run's.
    IssueClaimed {
        /// Which.
        attempt: AttemptId,
        /// Whose it was before, where it was handed over.
        from: Option<String>,
    },
    /// The tracker gave no answer; the attempt goes on without.
    ClaimUnanswered {
        /// Which.
        attempt: AttemptId,
        /// Why.
        reason: String,
    },
    /// Somebody else has its task's issue, or it is no longer work to do. It never began.
    IssueTaken {
        /// Which.
        attempt: AttemptId,
        /// What the tracker says, for people.
        reason: String,
    },
    /// The gate has judged its work.
    WorkJudged {
        /// Which.
        attempt: AttemptId,
        /// The verdict.
        verdict: Verdict,
    },
    /// The context was refreshed before a group, or could not be.
    GroupRefreshed {
        /// Of which plan.
        plan: PlanId,
        /// Which.
        group: GroupId,
        /// Why it could not be.
        problem: Option<String>,
    },
    /// The plan's branch is where it was before a group.
    GroupRolledBack {
        /// Of which plan.
        plan: PlanId,
        /// Which.
        group: GroupId,
        /// The branch's head now.
        head: Oid,
        /// The ref that keeps what was taken off.
        kept: String,
    },
    /// It could not be moved there.
    GroupNotRolledBack {
        /// Of which plan.
        plan: PlanId,
        /// Which.
        group: GroupId,
        /// Why.
        message: String,
    },
    /// A batch was merged in memory.
    BatchMerged {
        /// Which.
        batch: BatchId,
        /// What became of each member, in order; or why nothing could be merged.
        results: Result<Vec<MergeResult>, String>,
    },
    /// The suite was run on a batch's combined tree.
    BatchVerified {
        /// Which.
        batch: BatchId,
        /// How it went.
        suite: Suite,
    },
    /// The plan's branch was moved to the batch's head.
    BranchMoved {
        /// For which batch.
        batch: BatchId,
    },
    /// The plan's branch was not where it was thought to be.
    BranchRaced {
        /// For which batch.
        batch: BatchId,
        /// Where it is.
        actual: Oid,
        /// Who moved it, where that is known.
        by: Option<String>,
    },
    /// Git failed to move the branch.
    BranchNotMoved {
        /// For which batch.
        batch: BatchId,
        /// Why.
        message: String,
    },
}

/// An account as all runs on the machine know it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountReading {
    /// Its provider refuses until then.
    pub paused_until: Option<Time>,
    /// In its provider's words.
    pub reason: String,
    /// Most attempts of it at once, where that was ever lowered.
    pub limit: Option<u32>,
    /// When that was changed last, by any run.
    pub changed_at: Option<Time>,
    /// When a person last said that it is limited no longer.
    pub lifted_at: Option<Time>,
    /// Places that nobody holds; `None`: not counted.
    pub free: Option<u32>,
}

/// What a person or a program may ask of a running coordinator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Request {
    /// End the whole run.
    StopRun {
        /// How.
        how: Stopping,
    },
    /// Call tasks off.
    StopTasks {
        /// Which.
        tasks: Vec<TaskKey>,
        /// Kill at once, without a grace period.
        now: bool,
    },
    /// Start no further attempts.
    Pause,
    /// Go on.
    Unpause,
    /// Try tasks again that have ended without success.
    Retry {
        /// Which.
        tasks: Vec<TaskKey>,
        /// From the base again.
        fresh: bool,
        /// By another agent.
        agent: Option<String>,
    },
    /// Set other caps. A run that stands still because of the old ones has to be resumed.
    SetBudget {
        /// The run's.
        budget: Budget,
        /// Each task's where its plan has none of the kind.
        task_budget: Budget,
    },
    /// A person answers a question.
    Answer {
        /// Its number in the run.
        question: u64,
        /// What.
        text: String,
    },
    /// Landings were taken off a plan's branch (only while no coordinator runs).
    RollBack {
        /// Of which plan.
        plan: PlanId,
        /// The branch's head now.
        head: Oid,
        /// Whose work is off the branch.
        tasks: Vec<TaskKey>,
        /// The ref that keeps what was taken off.
        kept: String,
    },
}
