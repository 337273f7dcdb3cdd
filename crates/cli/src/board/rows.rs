//! The rows of a board: tasks, their attempts, what came of them. Data only.

use std::path::PathBuf;

use greenlane_core::health::HealthStatus;
use greenlane_core::ids::{Oid, TaskKey};
use greenlane_core::time::Time;
use greenlane_core::view::UsageView;
use serde::Serialize;

/// A task.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TaskRow {
    /// For requests.
    pub key: TaskKey,
    /// Its plan's place in [`super::RunBoard::plans`].
    pub plan: usize,
    /// To be shown: its id, with the plan's where several plans are there.
    pub name: String,
    /// What it is about.
    pub title: String,
    /// snake_case, as in `status --json`; `interrupted` for one at work in a run that nobody coordinates.
    pub state: String,
    /// The same for people.
    pub words: String,
    /// One column that tells it without colour.
    pub sign: &'static str,
    /// Why it is in this state. Times in it are RFC 3339: `report::local_times` makes them the reader's.
    pub reason: Option<String>,
    /// When it goes on by itself.
    pub until: Option<Time>,
    /// What its attempt was last seen to do.
    pub activity: Option<String>,
    /// How far its attempt says it is, 0 to 100.
    pub progress: Option<u8>,
    /// The attempt under way, or the last, as people count them.
    pub attempt: Option<u32>,
    /// Turns of its conversation, where the agent tells.
    pub iteration: Option<u64>,
    /// Who works on it, or would.
    pub agent: String,
    /// Its attempts' time by the clock at [`super::Board::at`], in seconds.
    pub seconds: f64,
    /// That goes on.
    pub ticks: bool,
    /// Tokens and cost of all its attempts, of one under way as of its last heartbeat.
    pub usage: UsageView,
    /// How its attempt under way is.
    pub health: Option<HealthStatus>,
    /// It is in somebody's hands: `done` and `fail` end it.
    pub by_hand: bool,
    /// It asks something; the number in [`super::RunBoard::questions`].
    pub question: Option<u64>,
    /// The group it was marked with.
    pub group: Option<String>,
    /// Tasks it depends on.
    pub depends: Vec<String>,
    /// Files that it may change.
    pub owns: Vec<String>,
    /// Its checks.
    pub checks: Vec<String>,
    /// Its branch, once it has one.
    pub branch: Option<String>,
    /// Its worktree, while it is there.
    pub worktree: Option<PathBuf>,
    /// The merge commit on the plan's branch.
    pub landed: Option<String>,
    /// Where refs that keep its attempts' work begin.
    pub kept_in: String,
    /// From the first to the newest, without those that never began.
    pub attempts: Vec<AttemptRow>,
}

impl TaskRow {
    /// It has come to its end.
    #[must_use]
    pub fn ended(&self) -> bool {
        matches!(self.state.as_str(), "done" | "failed" | "needs_human" | "skipped" | "cancelled")
    }

    /// It ended without landing.
    #[must_use]
    pub fn went_wrong(&self) -> bool {
        self.ended() && self.state != "done"
    }

    /// Somebody or something works on it.
    #[must_use]
    pub fn is_at_work(&self) -> bool {
        matches!(self.state.as_str(), "running" | "gating" | "landing" | "interrupted")
    }

    /// The attempt of this number for people; the newest for `None`.
    #[must_use]
    pub fn attempt_row(&self, number: Option<u32>) -> Option<&AttemptRow> {
        match number {
            Some(number) => self.attempts.iter().find(|a| a.number == number),
            None => self.attempts.last(),
        }
    }
}

/// An attempt at a task.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AttemptRow {
    /// Its id among the task's.
    pub n: u32,
    /// As which attempt people know it.
    pub number: u32,
    /// Who.
    pub agent: String,
    /// The model that the agent says it used.
    pub model: Option<String>,
    /// Why it is not the agent that the plan names first.
    pub fallback: Option<String>,
    /// How it ended, in words; what it does, while it goes on.
    pub outcome: String,
    /// It goes on.
    pub under_way: bool,
    /// When it was decided on.
    pub started_at: Time,
    /// By the clock, in seconds.
    pub seconds: f64,
    /// What went wrong.
    pub failure: Option<String>,
    /// The kind of failure, in words.
    pub failure_kind: Option<String>,
    /// The end of what tells most about it, in lines.
    pub evidence: Vec<String>,
    /// Tokens and cost.
    pub usage: UsageView,
    /// Where its prompt, logs and records lie.
    pub dir: PathBuf,
    /// Where the gate's logs lie.
    pub gate_dir: PathBuf,
    /// Where the logs of the suite lie that was red with it.
    pub suite_dir: Option<PathBuf>,
    /// What its work is compared with.
    pub base: Option<Oid>,
    /// Its work, once the gate has seen it.
    pub commit: Option<Oid>,
    /// The ref or commit that keeps work which the gate could not make sense of.
    pub kept: Option<String>,
    /// The gate found that it changed nothing.
    pub unchanged: bool,
    /// It began from the base, not from work that was there.
    pub fresh: bool,
    /// When its process was started.
    pub spawned_at: Option<Time>,
    /// What the checks said; `None` where they did not get their turn.
    pub checked: Option<Checked>,
}

/// What checks said of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Checks that passed.
    pub passed: usize,
    /// The one that did not, with how it ended; those after it were not run.
    pub failed: Option<String>,
    /// The suite on the branch with its work: green or red; `None` where it was not asked.
    pub suite: Option<bool>,
}

/// A question that waits for a person.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QuestionRow {
    /// Its number in the run, for the answer.
    pub number: u64,
    /// Which task asks.
    pub key: TaskKey,
    /// The same to be shown.
    pub name: String,
    /// Who.
    pub agent: String,
    /// What, in lines.
    pub text: Vec<String>,
    /// When.
    pub asked_at: Time,
}

/// An attempt that failed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FailureRow {
    /// Of which task.
    pub key: TaskKey,
    /// The same to be shown.
    pub name: String,
    /// Which attempt, as people count them.
    pub number: Option<u32>,
    /// Who.
    pub agent: String,
    /// When.
    pub at: Option<Time>,
    /// The kind, in words; `needs a human` for what only a person can judge.
    pub kind: String,
    /// What went wrong.
    pub message: String,
    /// The task landed later.
    pub recovered: bool,
    /// The end of what tells most, in lines.
    pub evidence: Vec<String>,
}

/// What goes wrong again and again.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LessonRow {
    /// For `greenlane deficiencies show`.
    pub id: String,
    /// Which of the eight types, in words.
    pub kind: String,
    /// What goes wrong.
    pub description: String,
    /// How often it showed.
    pub times: u64,
    /// It showed three times or more.
    pub pattern: bool,
    /// 0 to 100.
    pub priority: u32,
    /// `open`, `in progress` or `fixed`.
    pub status: String,
    /// When it showed last.
    pub last_seen: Time,
    /// What is known to help, or what might.
    pub remedy: Option<String>,
}

/// One attempt on the timeline; seconds by the run's clock.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Span {
    /// The task.
    pub key: TaskKey,
    /// The same to be shown.
    pub name: String,
    /// As which attempt people know it.
    pub number: u32,
    /// Who.
    pub agent: String,
    /// When it was decided on.
    pub start: f64,
    /// When its processes were gone, and the gate began.
    pub exited: Option<f64>,
    /// When the gate had judged it, and it waited to land or landed.
    pub judged: Option<f64>,
    /// When it was over; of an open one, at [`super::Board::at`].
    pub end: f64,
    /// It goes on.
    pub open: bool,
    /// Its work is on the branch.
    pub landed: bool,
    /// It belongs to the tasks that no further slot would have made quicker.
    pub critical: bool,
}

/// An attempt under way, as its keeper tells.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HealthRow {
    /// Of which task.
    pub key: TaskKey,
    /// The same to be shown, with the attempt: `id#2`.
    pub name: String,
    /// Who.
    pub agent: String,
    /// How it is.
    pub status: HealthStatus,
    /// Why, or what else is to be said.
    pub reason: Option<String>,
    /// What it says that it does.
    pub step: Option<String>,
    /// When its keeper told of it last.
    pub beat_at: Option<Time>,
    /// Seconds without a sign of work, by then.
    pub quiet: Option<f64>,
    /// What the last sign of work was.
    pub evidence: Option<String>,
    /// Turns of its conversation.
    pub iteration: Option<u64>,
    /// Calls of its model.
    pub model_calls: u64,
    /// Calls of tools.
    pub tool_calls: u64,
    /// Tokens so far, where it tells.
    pub tokens: Option<u64>,
    /// Dollars so far, where it tells.
    pub cost_usd: Option<f64>,
    /// CPU time of its tree, in seconds.
    pub cpu_seconds: f64,
    /// Memory of its tree, in megabytes.
    pub memory_mb: f64,
    /// Processes of its tree.
    pub processes: u32,
    /// Bytes printed.
    pub output_bytes: u64,
    /// The keeper's process.
    pub keeper_pid: Option<u32>,
}

/// An external worker.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkerRow {
    /// Its name.
    pub name: String,
    /// How it is.
    pub status: HealthStatus,
    /// What it does, or what is wrong.
    pub message: Option<String>,
    /// The task that it works on.
    pub task: Option<String>,
    /// When it told of itself last.
    pub at: Time,
}
