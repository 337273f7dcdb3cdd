//! What a new coordinator looks at before it begins: worktrees that nobody holds any more, branches that were taken back.

use std::collections::BTreeSet;
use std::path::PathBuf;

use greenlane_core::ids::TaskKey;
use greenlane_core::input::Request;
use greenlane_core::state::{Phase, State};

use super::DriverError;
use super::context::Context;
use crate::journal::Journal;
use crate::workspace::{Holding, Mark};

/// Worktrees that are marked busy, and that no run which can be resumed needs: those of landed tasks are free, all others are kept.
pub(super) fn settle_worktrees(context: &Context, journal: &Journal) -> Result<(), DriverError> {
    let mut busy = context.pool.marks()?;
    busy.retain(|m| m.holding == Holding::Busy);
    let (own, others): (Vec<Mark>, Vec<Mark>) = busy.into_iter().partition(|m| m.run == context.run);
    // Of the run that is taken up, the core asks for each task's again: to free it, to keep it, to go on in it.
    let mut held: Vec<PathBuf> = own.iter().filter(|m| m.holds_work()).map(|m| m.worktree(context.pool.dir())).collect();
    let mut landed = Vec::new();
    for run in others.iter().map(|m| &m.run).collect::<BTreeSet<_>>() {
        let (state, _) = journal.load(run)?;
        let at_work = |phase: Phase| !state.finished && (phase.active() || matches!(phase, Phase::AwaitingRetry { .. }));
        let of_run = others.iter().filter(|m| m.run == *run);
        for mark in of_run {
            match mark.key.as_ref().and_then(|k| state.task(k)).map(|t| t.phase) {
                Some(Phase::Done) => landed.push(mark.worktree(context.pool.dir())),
                Some(phase) if at_work(phase) => held.push(mark.worktree(context.pool.dir())),
                _ => {}
            }
        }
    }
    context.pool.settle_orphans(&held, &landed)?;
    Ok(())
}

/// A rollback moves the branch and then journals it. Where it died in between, the branch is behind the journal: what is off it is made up for.
pub(super) fn rolled_back(context: &Context, state: &State) -> Vec<Request> {
    let mut requests = Vec::new();
    for plan in &state.plans {
        let Some(branch) = &plan.branch else { continue };
        let Ok(Some(head)) = context.repo.resolve(&format!("refs/heads/{branch}")) else { continue };
        let is_behind = head != plan.head && context.repo.descends(&plan.head, &head).unwrap_or(false);
        if !is_behind || !plan.lane.is_idle() {
            continue;
        }
        let landed = state.tasks[plan.tasks.clone()].iter().filter(|t| t.phase == Phase::Done);
        let off: Vec<TaskKey> = landed
            .filter(|t| t.landed.as_ref().is_some_and(|commit| !context.repo.descends(&head, commit).unwrap_or(true)))
            .map(|t| t.key.clone())
            .collect();
        if !off.is_empty() {
            let kept = format!("refs/greenlane/{}/rolled-back", context.run);
            requests.push(Request::RollBack { plan: plan.submission.plan.id.clone(), head, tasks: off, kept });
        }
    }
    requests
}
