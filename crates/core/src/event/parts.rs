//! What events are made of: who is in a batch, what became of it, how things end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::attempt::Merge;
use crate::ids::{AttemptId, Oid, RunId, TaskId};
use crate::plan::Plan;

/// How a group ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupOutcome {
    /// All of its tasks are on the branch.
    Completed,
    /// Some of its tasks are not.
    Failed,
    /// None of its tasks could be tried.
    Blocked,
}

/// A batch of finished attempts that are merged and verified together; numbered from 1 within a run.
pub type BatchId = u64;

/// An attempt as an element of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRef {
    /// Which attempt.
    #[serde(flatten)]
    pub attempt: AttemptId,
    /// The commit that holds its work.
    pub commit: Oid,
}

/// What became of one attempt in a merge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MergeResult {
    /// Which attempt.
    #[serde(flatten)]
    pub attempt: AttemptId,
    /// Merged, or in conflict.
    pub merge: Merge,
}

/// One attempt that landed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LandedAttempt {
    /// Which attempt.
    #[serde(flatten)]
    pub attempt: AttemptId,
    /// The merge commit on the plan's branch.
    pub commit: Oid,
}

/// A plan with what had to be looked up when it was handed in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Submission {
    /// The plan itself; in JSON `definition`, since `plan` is a plan's id in every event.
    #[serde(rename = "definition")]
    pub plan: Plan,
    /// The commit that its branch starts from.
    pub base: Oid,
    /// Tasks whose definition and inputs landed in an earlier run, and are in the base.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub landed: BTreeMap<TaskId, LandedBefore>,
    /// The plan's file, absolute, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Digest of each task's definition and inputs, for later runs to compare.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub digests: BTreeMap<TaskId, String>,
}

/// Where a task landed in an earlier run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LandedBefore {
    /// That run.
    pub run: RunId,
    /// The merge commit.
    pub commit: Oid,
}

/// Why a run is brought to its end by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HaltCause {
    /// A cap of the run's is used up.
    Budget,
    /// The journal could hardly be written any more.
    DiskFull,
}

/// How a run is brought to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stopping {
    /// No new attempts; running ones finish and land.
    Drain,
    /// Running attempts are terminated, and killed after the grace period.
    Terminate,
    /// Running attempts are killed.
    Kill,
}

/// How an attempt ended; in JSON snake_case, codes apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its work was accepted.
    Succeeded,
    /// A code other than 0, or an agent's own word that it failed.
    ExitCode(i32),
    /// A signal that Greenlane did not send.
    Signal(i32),
    /// The wall-clock limit.
    TimedOut,
    /// No evidence of work.
    Stalled,
    /// A cap of its task's.
    OverBudget,
    /// It went round in circles.
    Runaway,
    /// The program or the workspace could not be had.
    FailedToStart,
    /// Nothing was changed.
    NoChange,
    /// Files were changed that the task does not own.
    OutsideOwnership,
    /// A check or the suite is red with it.
    GateFailed,
    /// It was accepted and cannot be merged: others have changed the same since.
    Conflict,
    /// The keeper died.
    Lost,
    /// Called off.
    Cancelled,
    /// It ended its turn with a question to a person, and goes on when that is answered.
    Asked,
}

impl Outcome {
    /// The word of the contract: `exit_code`, `timed_out`, ….
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Outcome::Succeeded => "succeeded",
            Outcome::ExitCode(_) => "exit_code",
            Outcome::Signal(_) => "signal",
            Outcome::TimedOut => "timed_out",
            Outcome::Stalled => "stalled",
            Outcome::OverBudget => "over_budget",
            Outcome::Runaway => "runaway",
            Outcome::FailedToStart => "failed_to_start",
            Outcome::NoChange => "no_change",
            Outcome::OutsideOwnership => "outside_ownership",
            Outcome::GateFailed => "gate_failed",
            Outcome::Conflict => "conflict",
            Outcome::Lost => "lost",
            Outcome::Cancelled => "cancelled",
            Outcome::Asked => "asked",
        }
    }
}
