//! What becomes of worktrees after a task's end. Nothing waits for it but the end of the run.

use std::sync::Arc;

use greenlane_core::attempt::Verdict;
use greenlane_core::ids::AttemptId;
use greenlane_core::slug::key_slug;
use greenlane_core::state::State;

use super::context::Context;
use crate::workspace::Release;

/// The task's work has landed: its worktree may be used again.
pub(super) fn free(context: &Arc<Context>, attempt: AttemptId) {
    let key = attempt.key.clone();
    context.perform_for(&key, move |context| release(context, &attempt, Release::Landed));
}

/// The task ended without landing: its worktree is kept as it is, unless there is nothing in it to keep.
pub(super) fn keep(context: &Arc<Context>, state: &State, attempt: AttemptId) {
    let verdict = state.attempt(&attempt).and_then(|a| a.verdict.as_ref());
    let how = if verdict == Some(&Verdict::NoChange) { Release::Landed } else { Release::Kept };
    let key = attempt.key.clone();
    context.perform_for(&key, move |context| release(context, &attempt, how));
}

/// Asked again after a crash, this finds that the task holds no worktree any more, and does nothing.
fn release(context: &Context, attempt: &AttemptId, how: Release) {
    let Ok(workspace) = context.workspace(attempt) else { return };
    context.let_go(&workspace);
    if how == Release::Kept {
        // The worktree stays, but it is the user's to remove; the ref outlives that.
        let name = format!("refs/greenlane/{}/kept/{}/{}", context.run, key_slug(&attempt.key), attempt.n);
        if let Err(e) = context.pool.snapshot(&workspace, &name, &format!("Work of {attempt}, kept when it ended without landing")) {
            context.warn(format!("the work of {attempt} is in its worktree, but not in a ref: {e}"));
        }
    }
    if let Err(e) = context.pool.release(&workspace, how) {
        context.warn(format!("the worktree of {attempt} stays as it is: {e}"));
    }
}
