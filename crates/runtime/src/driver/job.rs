//! What is known of a task when one of its attempts starts, drawn from the run's state. Touches nothing.

use std::collections::BTreeMap;

use greenlane_core::attempt::{ExitRecord, Verdict};
use greenlane_core::branch;
use greenlane_core::budget::Allowance;
use greenlane_core::event::Outcome;
use greenlane_core::ids::{AttemptId, Oid, PlanId};
use greenlane_core::plan::{Plan, Task};
use greenlane_core::prompt::{self, Neighbour, Said};
use greenlane_core::room::RoomPolicy;
use greenlane_core::state::{PlanState, State, TaskState};

use super::attempt::Beginning;
use super::context::Context;
use super::{exchange, shared};
use crate::agent::{self, Shown};

/// What is known of a task when one of its attempts starts.
pub(super) struct Job {
    pub attempt: AttemptId,
    pub agent: String,
    /// Whose quota it uses up.
    pub account: Option<String>,
    pub fresh: bool,
    pub base: Oid,
    pub branch: String,
    /// Go on from this merge commit.
    pub onto: Option<Oid>,
    pub task: Task,
    pub plan: PlanFacts,
    /// Why this agent has it.
    pub why: Option<String>,
    /// The run's other tasks.
    pub others: usize,
    pub neighbours: Vec<Neighbour>,
    /// Greenlane's refs that it has to leave alone.
    pub refs_of_others: Vec<String>,
    pub earlier: Option<Earlier>,
    /// What people and other tasks have said to it.
    pub said: Said,
    /// The ids of the task's attempts that began.
    pub begun: Vec<u32>,
    /// What the task may use, and has used.
    pub allowance: Allowance,
    pub room: RoomPolicy,
}

/// The attempt before this one, for its prompt and its session.
pub(super) struct Earlier {
    /// As it is shown.
    pub n: u32,
    /// `None`: it ended its turn with a question.
    pub failure: Option<String>,
    pub output: String,
    pub session: Option<String>,
}

pub(super) struct PlanFacts {
    pub id: PlanId,
    pub name: String,
    pub source: String,
    pub generated: BTreeMap<String, String>,
    /// The suite.
    pub verify: Vec<String>,
}

impl Job {
    pub fn of(
        context: &Context,
        state: &State,
        (task, plan): (&TaskState, &PlanState),
        attempt: AttemptId,
        agent: &str,
        beginning: &Beginning,
    ) -> Self {
        let Beginning { fresh, base, onto, .. } = beginning;
        let said = exchange::said(state, task, context.gives_tools(agent, &attempt));
        let earlier = task.attempts.iter().rev().find(|a| a.n < attempt.n && (a.failure.is_some() || a.outcome == Some(Outcome::Asked)));
        let earlier = earlier.map(|a| {
            let record = a.record.as_deref();
            let output = match (&a.refused, &a.verdict) {
                (Some(refused), _) => refused.output.clone(),
                (None, Some(Verdict::CheckFailed { output, .. })) => output.clone(),
                // What waits for a person prints where the work is, and whoever reads this is there.
                _ if state.is_hand_off(&a.agent) => String::new(),
                _ => record.map(printed).unwrap_or_default(),
            };
            Earlier {
                n: task.number_of(a.n).unwrap_or(a.n),
                failure: a.failure.as_ref().map(|f| f.message.clone()),
                output,
                session: record.filter(|_| a.agent == agent).and_then(|r| r.report.session_to_resume()).map(str::to_owned),
            }
        });
        Job {
            // What is claimed is as good as owned.
            task: Task { owns: state.owned_by(task), ..state.definition(task).clone() },
            said,
            plan: PlanFacts::of(&plan.submission.plan, &plan.verify),
            agent: agent.to_owned(),
            account: state.account_of(agent).map(str::to_owned),
            why: prompt::why(state.definition(task), state.options().agent.as_deref(), agent),
            others: state.plans.iter().flat_map(|p| &p.submission.plan.tasks).filter(|t| !t.ticked).count().saturating_sub(1),
            neighbours: prompt::neighbours(state.plans.iter().map(|p| &p.submission.plan), &plan.submission.plan, state.definition(task)),
            refs_of_others: shared::refs_of_others(context, state, &attempt),
            branch: branch::of_task(state.branch_prefix(), &context.run, &attempt.key),
            attempt,
            fresh: *fresh,
            base: base.clone(),
            onto: onto.clone(),
            earlier,
            begun: task.begun().map(|a| a.n).collect(),
            allowance: state.allowance_of(task),
            room: state.options().room,
        }
    }
}

impl PlanFacts {
    pub fn of(plan: &Plan, verify: &[String]) -> Self {
        let Plan { id, name, source, generated, .. } = plan;
        Self { id: id.clone(), name: name.clone(), source: source.clone(), generated: generated.clone(), verify: verify.to_vec() }
    }
}

/// The end of what an attempt printed, its events as what they say.
fn printed(record: &ExitRecord) -> String {
    let words: Vec<String> = agent::last_words(record).iter().map(Shown::plain).collect();
    format!("{}\n{}", words.join("\n"), record.stderr_tail).trim().to_owned()
}
