//! What is to be done: everything that the coordinator can ask of the driver.
//!
//! Each action is idempotent or probed first, so that a resumed run may ask again.
//!
//! Order: what touches one task's worktree (`StartAttempt`, `JudgeWork`, `KeepWorkspace`, `FreeWorkspace`) is done one after another, in the
//! order in which it was asked: a task can be called off while its gate runs, and be tried again at once. `EndAttempt` waits for nothing.
//! What is told of one attempt is told in order: that it was spawned comes before that it ended, also when both are found by a probe.

use crate::event::{AttemptRef, BatchId};
use crate::exchange::Rest;
use crate::ids::{AttemptId, GroupId, Oid, PlanId};
use crate::time::Time;
use crate::tracker::Issue;

/// One thing to do. The driver answers with the input of the same name.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Make the plan's branch and find its suite.
    PreparePlan {
        /// Which plan.
        plan: PlanId,
    },
    /// Run the suite on the base.
    VerifyBase {
        /// Which plan.
        plan: PlanId,
        /// The commit.
        commit: Oid,
    },
    /// Keep the branch's head in a ref; where there is a command, refresh the context, which is answered.
    BeginGroup {
        /// Of which plan.
        plan: PlanId,
        /// Which.
        group: GroupId,
        /// The branch's head.
        head: Oid,
        /// The command.
        refresh: Option<String>,
    },
    /// Take everything from this landing on off the plan's branch, and keep it in a ref. Where the landing is not on the branch any more, a
    /// coordinator that died before it knew has done that.
    RollBackGroup {
        /// Of which plan.
        plan: PlanId,
        /// Which.
        group: GroupId,
        /// The branch's head.
        head: Oid,
        /// The first that is taken off.
        landing: Oid,
        /// How many landings there are from there on: where a person has committed in between, nothing is taken off.
        landings: usize,
    },
    /// Prepare a workspace and start a keeper in it.
    StartAttempt {
        /// Which.
        attempt: AttemptId,
        /// By which agent.
        agent: String,
        /// From the plan's branch, or from the work that is there.
        fresh: bool,
        /// The plan's branch's head; with `onto` the head that it was merged with.
        base: Oid,
        /// Go on from this merge commit: on it the suite was red, though the work alone passed.
        onto: Option<Oid>,
        /// Claim this first. Who has it already starts no keeper; a tracker that does not answer holds nothing up for long.
        claim: Option<Issue>,
    },
    /// Find out what became of an attempt that an earlier coordinator started; watch it if it runs.
    ProbeAttempt {
        /// Which.
        attempt: AttemptId,
    },
    /// Ask an attempt's keeper to end it.
    EndAttempt {
        /// Which.
        attempt: AttemptId,
        /// Kill at once, without a grace period.
        now: bool,
    },
    /// Tell an attempt's keeper how long it has waited for people, or that it does: its time limits rest.
    TellRest {
        /// Which.
        attempt: AttemptId,
        /// How long.
        rest: Rest,
    },
    /// Judge an attempt's work.
    JudgeWork {
        /// Which.
        attempt: AttemptId,
    },
    /// Merge a batch in memory.
    MergeBatch {
        /// Which.
        batch: BatchId,
        /// Of which plan.
        plan: PlanId,
        /// The branch's head.
        onto: Oid,
        /// In this order.
        attempts: Vec<AttemptRef>,
    },
    /// Run the suite on a combined tree.
    VerifyBatch {
        /// Which.
        batch: BatchId,
        /// Of which plan.
        plan: PlanId,
        /// The merged commit.
        commit: Oid,
        /// Do not believe an earlier verdict on the same tree.
        again: bool,
    },
    /// Move the plan's branch, compare-and-swap. Where `to` is the branch's head already, or an ancestor of it, the branch was moved by a
    /// coordinator that died before it knew: that counts as moved, not as raced, or landed work would be judged a second time. Look first,
    /// then move: a failure is only told of a branch that is known to be elsewhere.
    MoveBranch {
        /// For which batch.
        batch: BatchId,
        /// Of which plan.
        plan: PlanId,
        /// Where it must be.
        from: Oid,
        /// Where it goes.
        to: Oid,
    },
    /// The task's work has landed: its worktree may be used again.
    FreeWorkspace {
        /// Of which attempt.
        attempt: AttemptId,
    },
    /// The task ended without landing: keep its worktree, and its work in a ref. Asked again by every resume, so it must do nothing where
    /// that is done already, or where the worktree has gone to another task since.
    KeepWorkspace {
        /// Of which attempt.
        attempt: AttemptId,
    },
    /// Tell every run on this machine that an account is limited. Of several ends the latest holds.
    LimitAccount {
        /// Which.
        account: String,
        /// Until then.
        until: Time,
        /// Most attempts at once.
        limit: u32,
        /// In the provider's words.
        reason: String,
    },
    /// Allow one more attempt at once, unless another run has changed that meanwhile.
    RaiseAccount {
        /// Which.
        account: String,
        /// What it is known to be.
        from: u32,
        /// What it is to be.
        to: u32,
    },
    /// Look at attempts under way: what their keepers told last, and whether these are there. Answered in one input for all of them; an
    /// answer that takes longer than the next request may be left out. Look, too, how much room the machine has: an input of its own.
    CheckHealth {
        /// Which.
        attempts: Vec<AttemptId>,
    },
    /// The run is being stopped: end checks and suites that run.
    AbortGates,
}
