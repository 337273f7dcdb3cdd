//! What speaks against giving a task back as done, seen before it is said: it would only use up a try. Judges no work.

use std::path::Path;

use greenlane_core::ids::Oid;

use crate::git::residue::operation_in_progress;
use crate::git::{Git, GitError};
use crate::workspace::ignoring;

/// What speaks against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unready {
    /// All is as it was.
    NothingChanged,
    /// A git operation is neither finished nor given up, in words: "a merge".
    UnderWay(&'static str),
}

/// Looks into the worktree, as the person who works there sees it. `base`: what the work began from.
///
/// # Errors
/// If git cannot be asked.
pub fn unready(worktree: &Path, git_dir: &Path, base: &Oid) -> Result<Option<Unready>, GitError> {
    if let Some(what) = operation_in_progress(git_dir) {
        return Ok(Some(Unready::UnderWay(what)));
    }
    let git = ignoring(Git::new(git_dir).with_work_tree(worktree), git_dir);
    if git.run_allowing(&["diff", "--quiet", base.as_str()], &[0, 1])?.code != 0 {
        return Ok(None);
    }
    let new = git.run(&["ls-files", "--others", "--exclude-standard", "-z"])?;
    Ok((new.fields().next().is_none()).then_some(Unready::NothingChanged))
}
