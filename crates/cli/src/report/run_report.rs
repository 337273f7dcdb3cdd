//! `report --json`: the status of a run, and what only a look back can tell: the timeline, the longest chain, every failure with
//! its evidence, what each agent used.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use greenlane_core::graph::Graph;
use greenlane_core::ids::AttemptId;
use greenlane_core::state::{AttemptState, State, TaskState};
use greenlane_core::view::{Figures, RunClock, Status, Until, UsageView, attempt_waited, attempt_working, base_suite_time};
use greenlane_runtime::driver::Layout;
use serde::Serialize;

use super::evidence::{RedSuites, evidence};
use super::history::{Flaky, History, TakenOff, Verifications};
use super::kinds::{TypeUse, types};
use super::landed::{Fixed, LandedPlan, fixed};
use super::learned::Learned;
use super::retried::{Retries, waits};
use super::status::seconds;
use super::timeline::{Bar, timeline};

/// The document.
#[derive(Clone, Debug, Serialize)]
pub struct RunReport {
    /// As `status --json` has it.
    #[serde(flatten)]
    pub status: Status,
    /// What is on the plans' branches, as commits, files and lines.
    pub landed: Vec<LandedPlan>,
    /// The issues that tasks stood for, critical ones first.
    pub issues: Vec<Fixed>,
    /// Every attempt, in seconds since the start.
    pub timeline: Vec<Bar>,
    /// The tasks that no further slot would have made quicker, one chain for each plan.
    pub critical_path: Vec<Chain>,
    /// Every attempt that failed.
    pub failures: Vec<FailedAttempt>,
    /// Suites that were red once and green once on the same work.
    pub flaky: Vec<Flaky>,
    /// Landings that were taken off again.
    pub rolled_back: Vec<TakenOff>,
    /// Earlier failures that agents were told of, and whether they came back.
    pub lessons: Vec<Learned>,
    /// How the suites went.
    pub verifications: Verifications,
    /// What each agent did and used.
    pub agents: Vec<AgentUse>,
    /// How tasks of each type went.
    pub types: Vec<TypeUse>,
    /// What was tried again, and why.
    pub retries: Retries,
    /// What tasks waited for beside quotas, by cause; of all tasks together.
    pub waits: BTreeMap<&'static str, super::waits::Waits>,
    /// Waits for providers' quotas, by account.
    pub quota_waits: BTreeMap<String, super::waits::Waits>,
    /// How often another coordinator took the run up.
    pub resumed: u32,
}

/// The longest chain of tasks of a plan, by the times that were measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Chain {
    /// The plan.
    pub plan: String,
    /// Its tasks, the first one first.
    pub tasks: Vec<String>,
    /// The time of all of them, each worked on, checked and verified alone, and of the suite on the base before them.
    pub seconds: f64,
    /// The part of it that the suite took on the base.
    pub base_suite_seconds: f64,
}

/// One attempt that failed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FailedAttempt {
    /// The task.
    pub task: String,
    /// Its plan.
    pub plan: String,
    /// Which attempt: its id.
    pub attempt: u32,
    /// As which attempt people know it; `None`: it never began.
    pub number: Option<u32>,
    /// Who.
    pub agent: String,
    /// The kind, as in the contract; `None` for what only a person can judge.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// What went wrong.
    pub message: String,
    /// A later attempt at the task landed.
    pub recovered: bool,
    /// The last lines of what tells most.
    pub evidence: Vec<String>,
    /// Where its logs lie.
    pub files: PathBuf,
    /// Where the suite's logs lie, where that refused its work.
    pub suite_files: Option<PathBuf>,
}

/// What an agent did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct AgentUse {
    /// Its name.
    pub agent: String,
    /// Attempts by it, without those that never began.
    pub attempts: usize,
    /// Of these, accepted.
    pub succeeded: usize,
    /// What its processes took, one after another; checks and suites are not its.
    pub seconds: f64,
    /// What its attempts waited for a person: all of it, for one who is a person.
    pub waited_seconds: f64,
    /// Tokens and cost, where it tells.
    pub usage: UsageView,
}

/// Draws the document. `landed`: what the repository says of it.
#[must_use]
pub fn run_report(
    status: Status,
    state: &State,
    history: History,
    lessons: Vec<Learned>,
    landed: Vec<LandedPlan>,
    layout: &Layout,
) -> RunReport {
    // The clock of the status: that of an interrupted run stands.
    let now = RunClock::of(state).when(seconds(status.summary.elapsed_seconds));
    RunReport {
        landed,
        issues: fixed(state),
        types: types(&status, state),
        retries: Retries::of(state),
        waits: waits(state, now),
        timeline: timeline(state, now),
        critical_path: chains(state, &Until::now(state, now)),
        failures: failures(&status, state, &history.suites, layout),
        agents: agents(&status, state),
        lessons,
        flaky: history.flaky,
        quota_waits: history.quota_waits.until(now),
        rolled_back: history.rolled_back,
        verifications: history.verifications,
        resumed: history.resumed,
        status,
    }
}

/// The plan's graph once more, with what tasks took in the place of estimates.
pub(crate) fn chains(state: &State, until: &Until<'_>) -> Vec<Chain> {
    let mut chains = Vec::new();
    let took = Figures::of(state, until).of_tasks;
    for of in &state.plans {
        let mut plan = of.submission.plan.clone();
        for (definition, task) in plan.tasks.iter_mut().zip(&took[of.tasks.clone()]) {
            definition.estimate = Some(*task);
            definition.ticked = false;
        }
        let Ok(graph) = Graph::new(&plan) else { continue };
        let (path, total) = graph.critical_path();
        let tasks = path.iter().map(|i| &plan.tasks[*i]).filter(|t| t.estimate > Some(Duration::ZERO)).map(|t| t.id.to_string()).collect();
        let base = base_suite_time(of, until);
        let (seconds, base_suite_seconds) = ((base + total).as_secs_f64(), base.as_secs_f64());
        chains.push(Chain { plan: plan.id.to_string(), tasks, seconds, base_suite_seconds });
    }
    chains
}

pub(crate) fn failures(status: &Status, state: &State, suites: &RedSuites, layout: &Layout) -> Vec<FailedAttempt> {
    let mut all = Vec::new();
    for task in &state.tasks {
        for attempt in &task.attempts {
            let newest = task.current().is_some_and(|a| a.n == attempt.n);
            // As the document has it: it knows whether the work still lies where it was left.
            let shown = status.tasks.iter().find(|t| t.plan == task.key.plan.as_str() && t.id == task.key.task.as_str());
            let reason = shown.and_then(|t| t.reason.clone());
            if let Some((kind, message)) = what_failed(task, attempt, newest, reason) {
                let id = AttemptId { key: task.key.clone(), n: attempt.n };
                let own = evidence(attempt);
                all.push(FailedAttempt {
                    task: task.key.task.to_string(),
                    plan: task.key.plan.to_string(),
                    attempt: attempt.n,
                    number: task.number_of(attempt.n),
                    agent: attempt.agent.clone(),
                    kind,
                    message,
                    recovered: task.landed.is_some(),
                    evidence: if own.is_empty() { suites.of(&id).to_vec() } else { own },
                    files: layout.attempt_dir(&id),
                    suite_files: suites.files(layout, &id),
                });
            }
        }
    }
    all
}

fn what_failed(task: &TaskState, attempt: &AttemptState, newest: bool, reason: Option<String>) -> Option<(Option<String>, String)> {
    use greenlane_core::state::Phase;
    match &attempt.failure {
        Some(failure) => Some((Some(failure.kind.as_str().to_owned()), failure.message.clone())),
        None if newest && task.phase == Phase::NeedsHuman => Some((None, reason.unwrap_or_else(|| String::from("it needs a decision")))),
        None => None,
    }
}

fn agents(status: &Status, state: &State) -> Vec<AgentUse> {
    let mut by_name: BTreeMap<&str, AgentUse> = BTreeMap::new();
    for attempt in status.tasks.iter().flat_map(|t| t.begun()) {
        let of = by_name.entry(&attempt.agent).or_insert_with(|| AgentUse { agent: attempt.agent.clone(), ..AgentUse::default() });
        of.attempts += 1;
        of.succeeded += usize::from(attempt.outcome.as_deref() == Some("succeeded"));
        of.usage.add(&attempt.usage);
    }
    for attempt in state.tasks.iter().flat_map(|t| &t.attempts) {
        if let (Some(of), Some(ended)) = (by_name.get_mut(attempt.agent.as_str()), attempt.exited_at) {
            of.seconds += attempt_working(state, attempt, ended).as_secs_f64();
            of.waited_seconds += attempt_waited(state, attempt, ended).as_secs_f64();
        }
    }
    by_name.into_values().collect()
}
