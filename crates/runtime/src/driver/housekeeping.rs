//! What becomes of worktrees after a task's end. Nothing waits for it but the end of the run.

use std::sync::Arc;

use greenlane_core::ids::AttemptId;
use greenlane_core::state::State;

use super::context::Context;
use crate::workspace::Release;

/// The task's work has landed: its worktree may be used again.
pub(super) fn free(context: Arc<Context>, attempt: AttemptId) {
    let job = Arc::clone(&context);
    context.keep_house(move || {
        let Ok(workspace) = job.workspace(&attempt) else { return };
        job.let_go(&workspace);
        if let Err(e) = job.pool.release(&workspace, Release::Landed) {
            job.warn(format!("the worktree of {attempt} could not be freed: {e}"));
        }
    });
}

/// The task ended without landing: its worktree is kept as it is, and its work in a ref as well.
pub(super) fn keep(context: Arc<Context>, _state: &State, attempt: AttemptId) {
    let job = Arc::clone(&context);
    context.keep_house(move || {
        // Where no workspace could be had there is nothing to keep.
        let Ok(workspace) = job.workspace(&attempt) else { return };
        job.let_go(&workspace);
        if let Err(e) = job.pool.release(&workspace, Release::Kept) {
            job.warn(format!("the worktree of {attempt} stays as it is, but its work could not be copied to a ref: {e}"));
        }
    });
}
