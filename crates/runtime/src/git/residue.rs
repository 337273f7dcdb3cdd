//! What an agent, or a git that was killed, leaves in a worktree's own git-dir: operations under way, locks, sparse settings.
//! Knows which files those are; never touches the git-dir that all worktrees share.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Files and directories that exist only while an operation is under way, and what it is called.
const IN_PROGRESS: &[(&str, &str)] = &[
    ("rebase-merge", "a rebase"),
    ("rebase-apply", "a rebase"),
    ("sequencer", "a cherry-pick or revert of several commits"),
    ("BISECT_LOG", "a bisection"),
    ("MERGE_HEAD", "a merge"),
    ("CHERRY_PICK_HEAD", "a cherry-pick"),
    ("REVERT_HEAD", "a revert"),
];

/// What else such operations leave behind.
const LEAVINGS: &[&str] = &[
    "AUTO_MERGE",
    "BISECT_ANCESTORS_OK",
    "BISECT_EXPECTED_REV",
    "BISECT_FIRST_PARENT",
    "BISECT_NAMES",
    "BISECT_RUN",
    "BISECT_START",
    "BISECT_TERMS",
    "MERGE_AUTOSTASH",
    "MERGE_MODE",
    "MERGE_MSG",
    "MERGE_RR",
    "NOTES_MERGE_WORKTREE",
    "REBASE_HEAD",
    "SQUASH_MSG",
    "HEAD.lock",
    "index.lock",
    "info/sparse-checkout",
    "info/sparse-checkout.lock",
    "config.worktree",
    "config.worktree.lock",
];

/// The operation under way in this git-dir, in words: "a merge".
#[must_use]
pub fn operation_in_progress(git_dir: &Path) -> Option<&'static str> {
    IN_PROGRESS.iter().find(|(file, _)| git_dir.join(file).exists()).map(|(_, name)| *name)
}

/// Is the operation one that still holds commits back (a rebase, a sequence, a bisection)? A plain merge or pick does not.
#[must_use]
pub fn holds_commits_back(git_dir: &Path) -> bool {
    IN_PROGRESS[..4].iter().any(|(file, _)| git_dir.join(file).exists())
}

/// Was a sparse checkout set up in this worktree?
#[must_use]
pub fn is_sparse(git_dir: &Path) -> bool {
    git_dir.join("info/sparse-checkout").exists()
}

/// Takes out everything that an earlier user of this worktree left, so that the next begins as in a new one.
///
/// # Errors
/// If a file cannot be removed.
pub fn clear(git_dir: &Path) -> io::Result<()> {
    remove_all(git_dir, IN_PROGRESS.iter().map(|(file, _)| *file).chain(LEAVINGS.iter().copied()))
}

/// Takes out the locks alone: of a git that is provably gone, where the work goes on as it is.
///
/// # Errors
/// If a file cannot be removed.
pub fn clear_locks(git_dir: &Path) -> io::Result<()> {
    remove_all(git_dir, LEAVINGS.iter().copied().filter(|name| name.ends_with(".lock")))
}

fn remove_all<'a>(git_dir: &Path, names: impl Iterator<Item = &'a str>) -> io::Result<()> {
    for name in names {
        let path = git_dir.join(name);
        let gone = match fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_dir() => fs::remove_dir_all(&path),
            Ok(_) => fs::remove_file(&path),
            Err(e) => Err(e),
        };
        match gone {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

/// The git-dir that a linked worktree's `.git` file names.
#[must_use]
pub fn linked_git_dir(work_tree: &Path) -> Option<PathBuf> {
    let file = work_tree.join(".git");
    if !fs::symlink_metadata(&file).ok()?.is_file() {
        return None;
    }
    let text = fs::read_to_string(file).ok()?;
    let path = PathBuf::from(text.strip_prefix("gitdir: ")?.trim_end_matches('\n'));
    Some(if path.is_absolute() { path } else { work_tree.join(path).canonicalize().ok()? })
}

/// Do worktree and git-dir still name each other? Otherwise nothing may be written through them.
#[must_use]
pub fn is_intact(work_tree: &Path, git_dir: &Path) -> bool {
    let same = |a: &Path, b: &Path| a == b || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b);
    let back = fs::read_to_string(git_dir.join("gitdir")).unwrap_or_default();
    let back = PathBuf::from(back.trim_end_matches('\n'));
    let back = if back.is_absolute() { back } else { git_dir.join(back) };
    linked_git_dir(work_tree).is_some_and(|named| same(&named, git_dir)) && same(&back, &work_tree.join(".git"))
}
