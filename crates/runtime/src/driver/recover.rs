//! What a new coordinator looks at before it begins: worktrees that nobody holds any more, branches that were taken back.

use greenlane_core::ids::{AttemptId, TaskKey};
use greenlane_core::input::Request;
use greenlane_core::state::{Phase, State};

use super::DriverError;
use super::context::Context;
use super::layout::Layout;
use crate::journal::Journal;
use crate::workspace::Holding;

/// How many of the latest runs may still have agents at work that nobody coordinates.
const RUNS_MAX: u32 = 20;

/// Worktrees that are marked busy, and that no run which can be resumed needs, become kept ones.
pub(super) fn settle_worktrees(context: &Context, journal: &Journal) -> Result<(), DriverError> {
    let marks = context.pool.marks()?;
    if !marks.iter().any(|m| m.holding == Holding::Busy) {
        return Ok(());
    }
    let mut held = Vec::new();
    for entry in journal.runs(RUNS_MAX)? {
        let (state, _) = journal.load(&entry.run)?;
        if state.finished {
            continue;
        }
        // By the file beside the prompt, not by the journal: an attempt may have been spawned without a word in it.
        let layout = Layout::new(&context.state_dir, &entry.run);
        // Of the run that is taken up, the core asks for each task's again: to free it, to keep it, to go on in it.
        let is_resumed = entry.run == context.run;
        let at_work = |phase: Phase| is_resumed || phase.active() || matches!(phase, Phase::AwaitingRetry { .. });
        let at_work = state.tasks.iter().filter(|t| at_work(t.phase));
        let attempts = at_work.flat_map(|t| t.attempts.iter().map(|a| AttemptId { key: t.key.clone(), n: a.n }));
        held.extend(attempts.filter_map(|id| layout.workspace_of(&id)).map(|w| w.path));
    }
    context.pool.settle_orphans(&held)?;
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
