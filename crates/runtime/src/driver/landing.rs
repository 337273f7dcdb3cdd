//! Performs what brings work to a plan's branch: merge in memory, run the suite, move the branch.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use greenlane_core::attempt::Suite;
use greenlane_core::event::{AttemptRef, BatchId, MergeResult};
use greenlane_core::ids::{Oid, PlanId};
use greenlane_core::input::Input;
use greenlane_core::slug::slug;
use greenlane_core::state::State;
use sha2::{Digest as _, Sha256};

use super::context::Context;
use crate::clock;
use crate::gate;
use crate::git::land::{self, Candidate, Moved};
use crate::journal::Journal;

pub(super) fn merge(context: Arc<Context>, state: &State, batch: BatchId, plan: &PlanId, onto: Oid, attempts: Vec<AttemptRef>) {
    let Some(p) = state.plan(plan) else { return };
    let generated = p.submission.plan.generated.clone();
    let plan = plan.clone();
    let candidates: Vec<Candidate> = attempts
        .into_iter()
        .map(|a| {
            let task = state.task(&a.attempt.key).map(|t| state.definition(t));
            let title = task.map_or_else(|| a.attempt.key.task.to_string(), |t| t.title.clone());
            let base = state.attempt(&a.attempt).and_then(|s| s.spawned.as_ref()).map(|s| s.base.clone());
            let message = format!("Land {title}\n\nGreenlane-Run: {}\nGreenlane-Task: {}\n", context.run, a.attempt.key);
            Candidate { attempt: a.attempt, commit: a.commit, base, message }
        })
        .collect();
    Context::perform("merge", move || {
        let log_dir = context.layout.suite_dir(&plan, &format!("generated-{batch}"));
        let merged = land::merge(&context.repo, &context.pool, &onto, &candidates, &generated, &*context, &slug(plan.as_str()), &log_dir);
        let results =
            merged.map(|all| all.into_iter().map(|(attempt, merge)| MergeResult { attempt, merge }).collect()).map_err(|e| e.to_string());
        context.observed(Input::BatchMerged { batch, results });
    });
}

/// One run of a plan's suite.
pub(super) struct SuiteJob {
    pub plan: PlanId,
    commit: Oid,
    commands: Vec<String>,
    timeout: Duration,
    log_dir: PathBuf,
}

impl SuiteJob {
    pub(super) fn of(context: &Context, state: &State, plan: &PlanId, commit: Oid, what: String) -> Option<Self> {
        let p = state.plan(plan)?;
        Some(Self {
            plan: plan.clone(),
            commit,
            commands: p.verify.clone(),
            timeout: p.submission.plan.verify_timeout.unwrap_or(context.config.run.verify_timeout),
            log_dir: context.layout.suite_dir(plan, &what),
        })
    }
}

pub(super) fn verify(context: Arc<Context>, state: &State, batch: BatchId, plan: &PlanId, commit: Oid, again: bool) {
    let Some(job) = SuiteJob::of(&context, state, plan, commit, format!("batch-{batch}")) else { return };
    Context::perform("verify", move || {
        let suite = run_suite(&context, &job, again);
        context.observed(Input::BatchVerified { batch, suite });
    });
}

/// Runs the suite on a commit, unless it is known to be green on that very tree. Red is never remembered: it may be flaky.
pub(super) fn run_suite(context: &Context, job: &SuiteJob, again: bool) -> Suite {
    let suite_key = suite_key(&job.commands, &context.config.workspace.setup);
    let tree = match context.repo.tree_of(&job.commit) {
        Ok(tree) => tree,
        Err(e) => return Suite::Broken { message: e.to_string() },
    };
    let journal = Journal::read(&context.state_dir);
    if !again && journal.as_ref().is_ok_and(|j| j.is_green(tree.as_str(), &suite_key).unwrap_or(false)) {
        return Suite::Green { cached: true };
    }
    let spec = gate::SuiteSpec {
        plan_slug: slug(job.plan.as_str()),
        commit: job.commit.clone(),
        commands: job.commands.clone(),
        timeout: job.timeout,
        setup: context.config.workspace.setup.clone(),
        setup_timeout: context.config.workspace.setup_timeout,
        env: BTreeMap::new(),
        log_dir: job.log_dir.clone(),
    };
    let suite = gate::verify(&context.pool, &spec, context);
    if matches!(suite, Suite::Green { .. })
        && let Ok(journal) = &journal
        && let Err(e) = journal.remember_green(tree.as_str(), &suite_key, clock::now())
    {
        context.warn(format!("a green suite could not be remembered: {e}"));
    }
    suite
}

/// What a verdict depends on besides the tree: the commands, and what prepares the worktree.
fn suite_key(commands: &[String], setup: &[String]) -> String {
    let mut hash = Sha256::new();
    for line in commands.iter().chain(["\0set-up".to_owned()].iter()).chain(setup) {
        hash.update(line.as_bytes());
        hash.update([0]);
    }
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

pub(super) fn move_branch(context: Arc<Context>, state: &State, batch: BatchId, plan: &PlanId, from: Oid, to: Oid) {
    let Some(branch) = state.plan(plan).and_then(|p| p.branch.clone()) else { return };
    Context::perform("land", move || {
        let input = match land::move_branch(&context.repo, &branch, &from, &to) {
            Ok(Moved::Done) => Input::BranchMoved { batch },
            Ok(Moved::Raced { actual }) => Input::BranchRaced { batch, actual },
            Err(e) => Input::BranchNotMoved { batch, message: e.to_string() },
        };
        context.observed(input);
    });
}
