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
use crate::gate::land::{self, Candidate};
use crate::gate::{Generated, Remake, SuiteSpec};
use crate::git::Moved;
use crate::journal::Journal;
use crate::tamper::who_moved;

pub(super) fn merge(context: Arc<Context>, state: &State, batch: BatchId, plan: &PlanId, onto: Oid, attempts: Vec<AttemptRef>) {
    let Some(p) = state.plan(plan) else { return };
    let generated = p.submission.plan.generated.clone();
    let plan = plan.clone();
    let timeout = p.submission.plan.verify_timeout.unwrap_or(context.config.run.verify_timeout);
    let candidates: Vec<Candidate> = attempts
        .into_iter()
        .filter_map(|a| {
            let title = state.task(&a.attempt.key).map(|t| state.definition(t).title.clone())?;
            let base = state.attempt(&a.attempt)?.spawned.as_ref()?.base.clone();
            let message = gate::landing_message(&title, &context.run, &a.attempt.key);
            Some(Candidate { id: a.attempt, commit: a.commit, base, message })
        })
        .collect();
    Context::perform("merge", move || {
        let merged = Generated::new(&generated).map_err(|e| e.to_string()).and_then(|generated| {
            let env = context.command_environment(&BTreeMap::new());
            let remake = Remake {
                pool: &context.pool,
                run: &context.run,
                slug: &slug(plan.as_str()),
                generated: &generated,
                timeout,
                env: &env,
                log_dir: context.layout.suite_dir(&plan, &format!("generated-{batch}")),
            };
            land::merge(&context.repo, &onto, &candidates, Some(&remake)).map_err(|e| e.to_string())
        });
        let results = merged.map(|all| all.into_iter().map(|(attempt, merge)| MergeResult { attempt, merge }).collect());
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
    pub(super) fn of(context: &Context, state: &State, plan: &PlanId, commit: Oid, log_dir: PathBuf) -> Option<Self> {
        let p = state.plan(plan)?;
        Some(Self {
            plan: plan.clone(),
            commit,
            commands: p.verify.clone(),
            timeout: p.submission.plan.verify_timeout.unwrap_or(context.config.run.verify_timeout),
            log_dir,
        })
    }
}

pub(super) fn verify(context: Arc<Context>, state: &State, batch: BatchId, plan: &PlanId, commit: Oid, again: bool) {
    let Some(job) = SuiteJob::of(&context, state, plan, commit, context.layout.batch_dir(plan, batch)) else { return };
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
    let env = context.command_environment(&BTreeMap::new());
    let spec = SuiteSpec {
        run: &context.run,
        slug: &slug(job.plan.as_str()),
        commands: &job.commands,
        timeout: job.timeout,
        env: &env,
        log_dir: &job.log_dir,
    };
    let suite = gate::verify(&context.pool, &job.commit, &spec);
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
    let before = format!("refs/greenlane/{}/landings/{}/{batch}", context.run, slug(plan.as_str()));
    Context::perform("land", move || {
        if let Err(e) = context.repo.set_ref(&before, &from) {
            context.warn(format!("the head of {branch} before landing {batch} is not in a ref: {e}"));
        }
        let input = match land::move_branch(&context.repo, &branch, &from, &to) {
            Ok(Moved::Moved) => Input::BranchMoved { batch },
            // Moved by a coordinator that died before it said so, and gone on from there since: what was to land has landed.
            Ok(Moved::Raced { actual: Some(actual) }) if context.repo.descends(&actual, &to).unwrap_or(false) => {
                Input::BranchMoved { batch }
            }
            Ok(Moved::Raced { actual: Some(actual) }) => {
                let by = who_moved(context.repo.common_dir(), &format!("refs/heads/{branch}"), &actual);
                Input::BranchRaced { batch, actual, by }
            }
            Ok(Moved::Raced { actual: None }) => Input::BranchNotMoved { batch, message: format!("{branch} is gone") },
            Err(e) => Input::BranchNotMoved { batch, message: e.to_string() },
        };
        context.observed(input);
    });
}
