//! What a run looks like from outside: the document behind `status --json`, the terminal, the report.
//! Derived from a [`State`] and the time; changes nothing, formats nothing.

mod clock;
mod figures;
mod given_up;
mod groups;
mod left;
mod waited;
mod words;

use serde::{Deserialize, Serialize};

pub use clock::RunClock;
pub use figures::{Figures, attempt_end, attempt_time, attempt_working, base_suite_time, task_time};
pub use given_up::given_up;
pub use groups::{GroupResult, GroupView, groups};
pub use left::{Left, LeftBehind, Until};
pub use waited::attempt_waited;
pub use words::{Lands, asks, brief, came_back, landing, landing_words, open_question, places_awaited, quotas_awaited, task_state};

use std::collections::BTreeSet;

use crate::attempt::Suite;
use crate::budget::{Budget, Measure, Spent};
use crate::coordinator::{Choice, choose};
use crate::event::HaltCause;
use crate::health::HealthStatus;
use crate::ids::{PlanId, RunId, TaskKey};
use crate::state::{AttemptState, Phase, PlanPhase, PlanState, State, TaskState};
use crate::time::Time;
use crate::tracker::Untold;

/// The version of every JSON document of this contract.
pub const SCHEMA: u32 = 1;

/// `status --json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Always [`SCHEMA`].
    pub schema: u32,
    /// The run as a whole.
    pub run: RunView,
    /// Its plans, in the order in which they were handed in.
    pub plans: Vec<PlanView>,
    /// Their tasks, in their order.
    pub tasks: Vec<TaskView>,
    /// Counts and times.
    pub summary: Summary,
    /// What trackers could not be told of it so far: filled in by whoever has looked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub untold: Vec<Untold>,
}

/// The run as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunView {
    /// Its id.
    pub id: RunId,
    /// `running`, `finished`, `stopped` or `interrupted`.
    pub state: String,
    /// The plan's branch where there is one plan.
    pub branch: Option<String>,
    /// Most attempts at once.
    pub jobs: u32,
    /// No attempts are started.
    pub paused: bool,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// RFC 3339, UTC; `None` while it goes on.
    pub ended_at: Option<String>,
    /// Why it came to its end by itself before it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halted: Option<Halted>,
    /// Too little disk or memory for anything to start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_of: Option<String>,
    /// Its caps, where it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetView>,
}

/// Why a run came to its end by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Halted {
    /// `budget` or `disk_full`.
    pub cause: HaltCause,
    /// For people.
    pub message: String,
}

/// Caps and what is used of them; of running attempts as of the last look at them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BudgetView {
    /// What may be used.
    pub caps: Budget,
    /// What is used.
    pub spent: Spent,
    /// The caps of which most is used up.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub warned: BTreeSet<Measure>,
}

impl BudgetView {
    fn of(caps: Budget, spent: Spent, warned: &BTreeSet<Measure>) -> Option<Self> {
        (!caps.is_empty()).then(|| Self { caps, spent, warned: warned.clone() })
    }

    /// `849 of 1,000 tokens, $2.00 of $5.00`.
    #[must_use]
    pub fn words(&self) -> String {
        let each = Measure::ALL.map(|m| self.caps.compare(m, &self.spent));
        each.into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join(", ")
    }
}

/// One plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanView {
    /// Its id.
    pub id: String,
    /// Its file as given.
    pub path: String,
    /// `queued`, `running`, `done` or `failed`.
    pub state: String,
    /// Why it ended early.
    pub reason: Option<String>,
    /// The commit that its branch started from.
    pub base: String,
    /// Where it lands; `None` until it is made.
    pub branch: Option<String>,
    /// What the suite said of the base; `None` before it was asked, or where there is none.
    pub base_suite: Option<Suite>,
    /// The branch's head.
    pub head: String,
    /// A suite was green on everything that landed.
    pub verified: bool,
    /// The suite's commands.
    pub verify: Vec<String>,
    /// Done of all.
    pub progress: Progress,
}

/// Done of all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Tasks that are done.
    pub completed: usize,
    /// All tasks.
    pub total: usize,
}

/// One task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskView {
    /// Its id in the plan.
    pub id: String,
    /// Its plan.
    pub plan: String,
    /// One line for people.
    pub title: String,
    /// snake_case of the design's words.
    pub state: String,
    /// Why it is there, where that needs words.
    pub reason: Option<String>,
    /// The group it was marked with.
    pub group: Option<String>,
    /// Who works on it, or would.
    pub agent: String,
    /// It is in the hands of a person or of an editor just now, in its worktree.
    #[serde(default)]
    pub by_hand: bool,
    /// Why it was assigned to that agent; `null` where a person named it.
    #[serde(default)]
    pub assigned: Option<String>,
    /// The persona in the prompt.
    pub role: Option<String>,
    /// Tasks it depends on.
    pub depends: Vec<String>,
    /// Its branch, once it has one.
    pub branch: Option<String>,
    /// Its worktree, once it has one.
    pub worktree: Option<String>,
    /// The merge commit on the plan's branch.
    pub landed: Option<String>,
    /// The earlier run in which it landed, where it did not in this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landed_in: Option<RunId>,
    /// It had landed and was taken off the branch again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rolled_back: bool,
    /// Its caps, where it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetView>,
    /// How far its attempt under way says it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<SaidProgress>,
    /// What it waits to be told by a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<QuestionView>,
    /// Paths that it may change beyond what it owns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<String>,
    /// From the first to the newest.
    pub attempts: Vec<AttemptView>,
}

/// How far an attempt says it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SaidProgress {
    /// 0 to 100.
    pub percent: u8,
    /// What it does.
    pub text: Option<String>,
    /// RFC 3339, UTC: when it said so.
    pub at: String,
}

/// A question that waits for a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuestionView {
    /// Its number in the run.
    pub id: u64,
    /// All of it.
    pub text: String,
    /// RFC 3339, UTC.
    pub asked_at: String,
}

impl TaskView {
    /// Its attempts without those that never began.
    pub fn begun(&self) -> impl DoubleEndedIterator<Item = &AttemptView> {
        self.attempts.iter().filter(|a| a.number.is_some())
    }
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttemptView {
    /// `plan/task#n`.
    pub id: String,
    /// Its id among the task's, from 1; never used twice, also not by one that never began.
    pub n: u32,
    /// As which attempt people know it, from 1: those that never began are not counted, and have none.
    #[serde(default)]
    pub number: Option<u32>,
    /// Who.
    pub agent: String,
    /// snake_case of the design's words; `None` while it goes on.
    pub outcome: Option<String>,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// RFC 3339, UTC: when the agent's processes were gone.
    pub ended_at: Option<String>,
    /// By the clock, from its start to its landing or refusal, checks and waiting for the suite included; until now while it goes on.
    #[serde(default)]
    pub seconds: f64,
    /// The agent process's exit code.
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// The keeper's process id while it runs.
    pub pid: Option<u32>,
    /// How it is, while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthView>,
    /// Why it is not the agent that the plan names first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
    /// What went wrong.
    pub failure: Option<crate::failure::Failure>,
    /// What all worktrees share and was not the same after it as before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shared: Vec<crate::shared::SharedChange>,
    /// Tests, scripts of checks and CI that it changed without owning them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suite_files: Vec<String>,
    /// Tokens and cost.
    pub usage: UsageView,
}

/// How an attempt under way is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HealthView {
    /// healthy, hung, dead, unknown.
    pub status: HealthStatus,
    /// Why, or what else is to be said of it.
    pub reason: Option<String>,
    /// RFC 3339, UTC; `None`: from its start.
    pub since: Option<String>,
}

/// Tokens and cost; zero and null where the agent reports none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UsageView {
    /// All input, cached or not.
    pub input_tokens: u64,
    /// All output.
    pub output_tokens: u64,
    /// US dollars.
    pub cost_usd: Option<f64>,
}

impl UsageView {
    /// Takes what another used into the sum.
    pub fn add(&mut self, more: &UsageView) {
        self.input_tokens = self.input_tokens.saturating_add(more.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(more.output_tokens);
        if let Some(cost) = more.cost_usd {
            *self.cost_usd.get_or_insert(0.0) += cost;
        }
    }
}

/// Counts and times. The counts add up to `total`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// All tasks.
    pub total: usize,
    /// On their plan's branch.
    pub done: usize,
    /// Ended without success.
    pub failed: usize,
    /// Their work cannot land without a decision.
    pub needs_human: usize,
    /// Not tried because of another's end.
    pub skipped: usize,
    /// Called off.
    pub cancelled: usize,
    /// Running, gating or landing.
    pub running: usize,
    /// Blocked, ready, queued or awaiting something.
    pub waiting: usize,
    /// A suite was green on everything that landed.
    pub verified: bool,
    /// From the run's start to its end, or to now; of an interrupted one to the last that is known of it.
    pub elapsed_seconds: f64,
    /// What the same work would have taken one at a time: the suite on the base, then each attempt worked on, checked and verified
    /// alone, without any waiting. [`Figures`] has the details.
    pub sequential_seconds: f64,
    /// What tasks waited for people, in somebody's hands or for an answer, all together. In nobody's working time.
    #[serde(default)]
    pub waited_for_person_seconds: f64,
    /// Of `elapsed_seconds`, that in which nothing but people was waited for. Speed-up and efficiency do not count it.
    #[serde(default)]
    pub only_waited_seconds: f64,
    /// Sequential over elapsed.
    pub speedup: f64,
    /// The longest chain of tasks that had to follow one another, each as in `sequential_seconds`, after the suite on the base.
    pub critical_path_seconds: f64,
    /// The best possible time, max(critical path, what held slots ÷ jobs), over the elapsed one.
    pub efficiency: f64,
    /// All attempts' tokens and cost.
    pub usage: UsageView,
}

/// Whether a coordinator is at work on the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coordinator {
    /// It holds the repository's lock.
    Alive,
    /// Nobody does.
    Gone,
}

/// Draws the document. Of a run whose coordinator is gone nothing is known after its last event: the clock stops there.
#[must_use]
pub fn status(run: &RunId, state: &State, coordinator: Coordinator, now: Time) -> Status {
    draw(run, state, coordinator, &LeftBehind::default(), now, &[])
}

/// The same of a run whose coordinator is gone, with what its keepers tell of the attempts that it left behind.
#[must_use]
pub fn status_left(run: &RunId, state: &State, left: &LeftBehind, now: Time) -> Status {
    draw(run, state, Coordinator::Gone, left, now, &[])
}

/// The part that concerns these plans only: its tasks, its counts, its times; as of a run of them alone.
#[must_use]
pub fn status_of_plans(run: &RunId, state: &State, plans: &[PlanId], now: Time) -> Status {
    draw(run, state, Coordinator::Alive, &LeftBehind::default(), now, plans)
}

fn draw(run: &RunId, state: &State, coordinator: Coordinator, left: &LeftBehind, now: Time, plans: &[PlanId]) -> Status {
    let wanted = |p: &PlanState| plans.is_empty() || plans.contains(&p.submission.plan.id);
    let of_them = || state.plans.iter().filter(|p| wanted(p));
    let they_ended = !plans.is_empty() && of_them().all(|p| matches!(p.phase, PlanPhase::Ended { .. }));
    let options = state.options();
    let run_state = match (state.ended_at, state.finished, coordinator) {
        (Some(_), true, _) => "finished",
        (Some(_), false, _) => "stopped",
        (None, ..) if they_ended => "finished",
        (None, _, Coordinator::Alive) => "running",
        (None, _, Coordinator::Gone) => "interrupted",
    };
    let branch = match state.plans.as_slice() {
        [only] => only.branch.clone(),
        _ => None,
    };
    let until = if run_state == "running" || (they_ended && state.ended_at.is_none()) {
        Until::now(state, now)
    } else {
        Until::left(state, left, now)
    };
    let tasks: Vec<TaskView> = state.tasks.iter().filter(|t| wanted(&state.plans[t.plan])).map(|t| task(state, t, &until)).collect();
    Status {
        schema: SCHEMA,
        run: RunView {
            id: run.clone(),
            state: run_state.to_owned(),
            branch,
            jobs: options.jobs,
            paused: state.paused,
            started_at: state.started_at.rfc3339(),
            ended_at: state.ended_at.map(Time::rfc3339),
            halted: state.halted.as_ref().map(|(cause, message)| Halted { cause: *cause, message: message.clone() }),
            short_of: state.short_of.clone().filter(|_| run_state == "running"),
            budget: BudgetView::of(options.budget.clone(), state.spent_by_all(until.run()), &state.warned),
        },
        plans: of_them().map(|p| plan(state, p)).collect(),
        summary: summary(state, &tasks, plans, &until),
        tasks,
        untold: Vec::new(),
    }
}

impl Status {
    /// Every task is on its branch: exit code 0.
    #[must_use]
    pub fn all_done(&self) -> bool {
        self.summary.done == self.summary.total
    }

    /// The part that concerns these tasks only; the summary stays the whole run's.
    #[must_use]
    pub fn only(mut self, keys: &[TaskKey]) -> Self {
        self.tasks.retain(|t| keys.iter().any(|k| k.plan.as_str() == t.plan && k.task.as_str() == t.id));
        self.untold.retain(|u| keys.iter().any(|k| k.plan == u.letter.item.plan && u.letter.item.tasks.contains(&k.task)));
        self
    }
}

fn plan(state: &State, p: &PlanState) -> PlanView {
    let tasks = &state.tasks[p.tasks.clone()];
    PlanView {
        id: p.submission.plan.id.to_string(),
        path: p.submission.plan.source.clone(),
        state: match p.phase {
            PlanPhase::Queued => "queued",
            PlanPhase::Preparing | PlanPhase::VerifyingBase | PlanPhase::Running => "running",
            PlanPhase::Ended { done: true } => "done",
            PlanPhase::Ended { done: false } => "failed",
        }
        .to_owned(),
        reason: p.reason.clone(),
        base: p.submission.base.to_string(),
        branch: p.branch.clone(),
        base_suite: p.base_suite.clone(),
        head: p.head.to_string(),
        verified: state.is_verified(p),
        verify: p.verify.clone(),
        progress: Progress { completed: tasks.iter().filter(|t| t.phase == Phase::Done).count(), total: tasks.len() },
    }
}

fn task(state: &State, t: &TaskState, until: &Until<'_>) -> TaskView {
    let definition = state.definition(t);
    let (name, reason) = if t.phase.active() && !until.is_live() { until.state_of(state, t) } else { task_state(state, t, until.run()) };
    let spawned = t.attempts.iter().rev().find_map(|a| a.spawned.as_ref());
    TaskView {
        id: t.key.task.to_string(),
        plan: t.key.plan.to_string(),
        title: definition.title.clone(),
        state: name.to_owned(),
        reason,
        group: definition.group.as_ref().map(ToString::to_string),
        agent: agent_of(state, t, until),
        by_hand: name == "running" && state.is_with_a_person(t) && spawned.is_some(),
        assigned: definition.why.clone(),
        role: definition.role.clone(),
        depends: definition.depends.iter().map(ToString::to_string).collect(),
        branch: spawned.map(|s| s.branch.clone()),
        worktree: spawned.map(|s| s.worktree.clone()),
        landed: t.landed.as_ref().map(ToString::to_string),
        landed_in: t.landed_before.as_ref().map(|before| before.run.clone()),
        rolled_back: t.rolled_back && t.phase == Phase::Cancelled,
        budget: BudgetView::of(state.budget_of(t), state.spent_by(t, until.run()), &t.warned),
        progress: t.current().filter(|_| t.phase == Phase::Running).and_then(|a| a.progress.as_ref()).map(|p| SaidProgress {
            percent: p.percent,
            text: p.text.clone(),
            at: p.at.rfc3339(),
        }),
        question: open_question(state, t).map(|(id, q)| QuestionView { id, text: q.text.clone(), asked_at: q.asked_at.rfc3339() }),
        claims: t.claims.clone(),
        attempts: t.attempts.iter().map(|a| attempt(t, a, until)).collect(),
    }
}

/// Who works on it or did; of one that waits, who would.
fn agent_of(state: &State, t: &TaskState, until: &Until<'_>) -> String {
    match (t.current(), t.phase) {
        (Some(a), phase) if phase != Phase::Ready => a.agent.clone(),
        (_, Phase::Ready) => match choose(state, t, until.run()) {
            Choice::Agent(agent, _) => agent,
            Choice::Wait(..) => state.agent_of(t),
        },
        _ => state.agent_of(t),
    }
}

fn attempt(t: &TaskState, a: &AttemptState, until: &Until<'_>) -> AttemptView {
    use crate::attempt::Exit;
    let exit = a.record.as_ref().map(|r| &r.exit);
    let usage = a.record.as_ref().and_then(|r| r.report.usage.as_ref());
    let newest = t.current().is_some_and(|current| current.n == a.n);
    let (ended_since, gone) = match until.of(t).filter(|_| newest) {
        Some(Left::Ended { at }) => (Some(at), true),
        Some(Left::Lost | Left::NeverBegan) => (None, true),
        Some(Left::Running { .. }) | None => (None, false),
    };
    AttemptView {
        id: format!("{}#{}", t.key, a.n),
        n: a.n,
        number: t.number_of(a.n),
        agent: a.agent.clone(),
        outcome: a.outcome.as_ref().map(|o| o.as_str().to_owned()),
        started_at: a.started_at.rfc3339(),
        ended_at: a.exited_at.or(a.ended_at).or(ended_since).map(Time::rfc3339),
        seconds: attempt_time(until.clock(), t, a, until.attempt(t)).as_secs_f64(),
        exit_code: match exit {
            Some(Exit::Code { code }) => Some(*code),
            _ => None,
        },
        signal: match exit {
            Some(Exit::Signal { signal }) => Some(*signal),
            _ => None,
        },
        pid: if a.exited_at.or(ended_since).is_none() && !gone { a.spawned.as_ref().map(|s| s.pid) } else { None },
        health: (newest && t.phase == Phase::Running && a.spawned.is_some() && !gone).then(|| HealthView {
            status: a.health.status,
            reason: a.health.reason_now().map(str::to_owned),
            since: a.health.since.map(Time::rfc3339),
        }),
        fallback: a.fallback.clone(),
        failure: a.failure.clone(),
        shared: a.shared.clone(),
        suite_files: match &a.verdict {
            Some(crate::attempt::Verdict::Accepted { suite_files, .. }) => suite_files.clone(),
            _ => Vec::new(),
        },
        usage: usage.map_or_else(UsageView::default, |u| UsageView {
            input_tokens: u.input_tokens,
            output_tokens: u.output_tokens,
            cost_usd: u.cost_usd,
        }),
    }
}

fn count(tasks: &[TaskView]) -> Summary {
    let mut s = Summary { total: tasks.len(), ..Summary::default() };
    for t in tasks {
        let count = match t.state.as_str() {
            "done" => &mut s.done,
            "failed" => &mut s.failed,
            "needs_human" => &mut s.needs_human,
            "skipped" => &mut s.skipped,
            "cancelled" => &mut s.cancelled,
            "running" | "gating" | "landing" => &mut s.running,
            _ => &mut s.waiting,
        };
        *count += 1;
        for a in &t.attempts {
            s.usage.add(&a.usage);
        }
    }
    s
}

fn summary(state: &State, tasks: &[TaskView], plans: &[PlanId], until: &Until<'_>) -> Summary {
    let mut s = count(tasks);
    let mut of_them = state.plans.iter().filter(|p| plans.is_empty() || plans.contains(&p.submission.plan.id)).peekable();
    s.verified = of_them.peek().is_some() && of_them.all(|p| state.is_verified(p));
    let figures = Figures::of_plans(state, plans, until);
    s.elapsed_seconds = figures.elapsed.as_secs_f64();
    s.sequential_seconds = figures.sequential.as_secs_f64();
    s.critical_path_seconds = figures.critical_path.as_secs_f64();
    s.waited_for_person_seconds = figures.waited.as_secs_f64();
    s.only_waited_seconds = figures.only_waited.as_secs_f64();
    s.speedup = figures.speedup();
    s.efficiency = figures.efficiency(state.options().jobs);
    s
}
