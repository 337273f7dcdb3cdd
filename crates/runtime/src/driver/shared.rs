//! Compares what all worktrees share, around an attempt and around its checks, and tells the driver what changed. Decides nothing.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::Path;

use greenlane_core::branch;
use greenlane_core::ids::{AttemptId, RunId};
use greenlane_core::input::Input;
use greenlane_core::slug::key_slug;
use greenlane_core::state::State;

use super::context::Context;
use super::layout::Layout;
use crate::git::Repo;
use crate::tamper::{Settled, Subject, Watch};

/// Greenlane's own refs that an attempt has to leave alone: the plans' branches, and those of tasks that are at work.
pub(super) fn refs_of_others(context: &Context, state: &State, attempt: &AttemptId) -> Vec<String> {
    let plans = state.plans.iter().filter_map(|p| p.branch.as_ref()).map(|b| format!("refs/heads/{b}"));
    let active = state.tasks.iter().filter(|t| t.phase.active() && t.key != attempt.key);
    plans.chain(active.map(|t| format!("refs/heads/{}", branch::of_task(state.branch_prefix(), &context.run, &t.key)))).collect()
}

/// Looks before; gives the environment the variables by which git tells what it is made to do. The user's own stay.
pub(super) fn begin(
    context: &Context,
    dir: &Path,
    others: &[String],
    environment: &mut BTreeMap<OsString, OsString>,
) -> Result<(), String> {
    let variables = context.watch.begin(dir, others).map_err(|e| format!("the repository's refs and settings cannot be looked at: {e}"))?;
    if !environment.contains_key(&OsString::from("GIT_TRACE2_EVENT")) {
        environment.extend(variables);
    }
    Ok(())
}

/// What was told of an attempt when it ended.
pub(super) fn settled_before(context: &Context, attempt: &AttemptId) -> Settled {
    context.watch.settled(&context.layout.shared_dir(attempt))
}

/// Looks after, and tells what changed. `phase`: nothing for the attempt itself, else which part of it.
pub(super) fn settle(context: &Context, attempt: &AttemptId, dir: &Path, phase: Option<&str>) -> Settled {
    match settle_with(&context.watch, &context.layout, &context.run, attempt, dir, phase) {
        Ok(settled) => {
            if !settled.changes.is_empty() {
                let (changes, more) = (settled.changes.clone(), settled.more);
                context.observed(Input::SharedStateChanged { attempt: attempt.clone(), changes, more });
            }
            settled
        }
        Err(e) => {
            context.warn(format!("it is not known whether {attempt} changed the repository's refs or settings: {e}"));
            Settled::default()
        }
    }
}

/// The same for an attempt that was ended while nobody coordinates; the input comes before that of its end.
///
/// # Errors
/// If the repository cannot be read, or what was found not be written down.
pub fn settle_leftover(repo: &Repo, pool: &Path, layout: &Layout, run: &RunId, attempt: &AttemptId) -> io::Result<Option<Input>> {
    let watch = Watch::new(repo, pool, &layout.copies_dir());
    let Settled { changes, more } = settle_with(&watch, layout, run, attempt, &layout.shared_dir(attempt), None)?;
    Ok((!changes.is_empty()).then(|| Input::SharedStateChanged { attempt: attempt.clone(), changes, more }))
}

fn settle_with(watch: &Watch, layout: &Layout, run: &RunId, attempt: &AttemptId, dir: &Path, phase: Option<&str>) -> io::Result<Settled> {
    let Some(workspace) = layout.workspace_of(attempt) else { return Ok(Settled::default()) };
    let mut kept = format!("refs/greenlane/{run}/tamper/{}/{}", key_slug(&attempt.key), attempt.n);
    if let Some(phase) = phase {
        kept = format!("{kept}/{phase}");
    }
    watch.settle(dir, &Subject { kept: &kept, worktree: &workspace.path, git_dir: &workspace.git_dir, branch: &workspace.branch })
}
