//! A board and what concerns the run as a whole. Data only.

use std::path::PathBuf;

use greenlane_core::budget::Measure;
use greenlane_core::health::HealthStatus;
use greenlane_core::ids::{PlanId, RunId};
use greenlane_core::time::Time;
use greenlane_core::view::{Summary, UsageView};
use serde::Serialize;

use super::machine::Machine;
use super::rows::{FailureRow, HealthRow, LessonRow, QuestionRow, Span, TaskRow, WorkerRow};

/// One repository at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Board {
    /// When it was drawn up. Whatever `ticks` has gone on since: add the time that has passed.
    pub at: Time,
    /// Which repository.
    pub repository: Repository,
    /// The run that is shown; `None` where nothing ever ran.
    pub run: Option<RunBoard>,
    /// Why what is shown may be old or missing.
    pub trouble: Option<String>,
}

/// Where all this happens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Repository {
    /// The last part of its path.
    pub name: String,
    /// The top of its main checkout, or its git directory.
    pub path: String,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunBoard {
    /// Its id.
    pub id: RunId,
    /// `running`, `paused`, `stopping`, `finished`, `failed` (it came to its end, and not everything is done), `stopped` or `interrupted`.
    pub state: String,
    /// A coordinator is at work on it: it can be asked for something.
    pub alive: bool,
    /// Another run is the latest.
    pub is_older: bool,
    /// When it began.
    pub started_at: Time,
    /// When it ended.
    pub ended_at: Option<Time>,
    /// Its clock at [`Board::at`], in seconds.
    pub elapsed: f64,
    /// Its clock goes on.
    pub ticks: bool,
    /// Most attempts at once.
    pub jobs: u32,
    /// Attempts that hold one of these places.
    pub slots_used: u32,
    /// Counts, times and what all attempts used that have ended; see [`RunBoard::usage`].
    pub summary: Summary,
    /// Tokens and cost of all attempts, those under way as of their last heartbeat.
    pub usage: UsageView,
    /// Calls of models, of attempts under way.
    pub model_calls: u64,
    /// Its caps in words, such as `849 of 1,000 tokens`.
    pub budget: Option<String>,
    /// Caps of which most is used up.
    pub budget_warned: Vec<Measure>,
    /// Too little disk or memory for anything to start.
    pub short_of: Option<String>,
    /// Why it came to its end by itself before it was done.
    pub halted: Option<String>,
    /// What a person can do next, as `report` says it; lines.
    pub advice: Vec<String>,
    /// Its plans, in the order in which they were handed in.
    pub plans: Vec<PlanRow>,
    /// All tasks: plan by plan, and in a plan what needs somebody or is at work first, what is done last.
    pub tasks: Vec<TaskRow>,
    /// What waits for a person's answer, the oldest first.
    pub questions: Vec<QuestionRow>,
    /// Attempts that failed, the newest first.
    pub failures: Vec<FailureRow>,
    /// What goes wrong in this repository again and again, what matters most first.
    pub lessons: Vec<LessonRow>,
    /// When each attempt ran, in the order of the tasks.
    pub timeline: Vec<Span>,
    /// Attempts under way, as their heartbeats tell.
    pub health: Vec<HealthRow>,
    /// Scripts and people that tell of themselves.
    pub workers: Vec<WorkerRow>,
    /// Agents that have something to do in this run.
    pub agents: Vec<AgentRow>,
    /// Accounts that are shared or limited.
    pub accounts: Vec<AccountRow>,
    /// The machine, and what the agents use of it.
    pub machine: Machine,
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlanRow {
    /// Its id, for requests.
    pub id: PlanId,
    /// Its id, to be shown.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Its branch, once there is one.
    pub branch: Option<String>,
    /// `queued`, `running`, `done` or `failed`.
    pub state: String,
    /// Why it ended early, or what it waits for.
    pub reason: Option<String>,
    /// Tasks on the branch.
    pub done: usize,
    /// All tasks.
    pub total: usize,
    /// Done of all, 0 to 100.
    pub percent: u8,
    /// Tasks that ended without landing.
    pub not_done: usize,
    /// Tasks at work.
    pub running: usize,
    /// The suite is red on what it starts from, or could not be run there: how.
    pub base_red: Option<String>,
    /// The end of what it said then, in lines.
    pub base_said: Vec<String>,
    /// Where the logs of its suite lie.
    pub suites_dir: PathBuf,
    /// The log of the set-up command that fails on its base.
    pub set_up_log: Option<PathBuf>,
    /// A suite was green on everything that landed.
    pub verified: bool,
    /// It has something on its branch, and could be landed.
    pub landable: bool,
    /// Where its tasks begin in [`RunBoard::tasks`].
    pub first: usize,
    /// Tokens and cost of its attempts.
    pub usage: UsageView,
}

/// What an agent did and does.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct AgentRow {
    /// Its name.
    pub name: String,
    /// Attempts under way.
    pub running: u32,
    /// Most at once, where that is limited.
    pub slots: Option<u32>,
    /// Attempts so far.
    pub attempts: u32,
    /// Of these, accepted by the gate.
    pub succeeded: u32,
    /// Of these, failed.
    pub failed: u32,
    /// Tokens and cost.
    pub usage: UsageView,
    /// Its account, for people.
    pub account: Option<String>,
}

/// An account of a provider.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct AccountRow {
    /// Its name, for people.
    pub name: String,
    /// Attempts of this run on it.
    pub at_work: u32,
    /// Most at once, as far as is known now.
    pub limit: u32,
    /// Its provider refuses until then.
    pub free_at: Option<Time>,
    /// In its provider's words.
    pub reason: Option<String>,
}

impl Board {
    /// Something on it goes on by itself: whoever shows it draws it anew each second.
    #[must_use]
    pub fn ticks(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.ticks || run.tasks.iter().any(|t| t.until.is_some()))
    }
}

impl RunBoard {
    /// Nobody coordinates it, and it is not over: it can be taken up again.
    #[must_use]
    pub fn can_be_resumed(&self) -> bool {
        !self.alive && matches!(self.state.as_str(), "interrupted" | "stopped")
    }

    /// Attempts that go on, whether anybody coordinates them or not.
    #[must_use]
    pub fn attempts_alive(&self) -> usize {
        self.health.iter().filter(|h| h.status != HealthStatus::Dead).count()
    }

    /// The plan of a task.
    #[must_use]
    pub fn plan_of(&self, task: &TaskRow) -> Option<&PlanRow> {
        self.plans.get(task.plan)
    }

    /// The task of this name for requests.
    #[must_use]
    pub fn task(&self, key: &greenlane_core::ids::TaskKey) -> Option<&TaskRow> {
        self.tasks.iter().find(|t| t.key == *key)
    }
}
