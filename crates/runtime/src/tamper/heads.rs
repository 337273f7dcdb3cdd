//! What the checkouts of a repository are at, and whether a folder is one of them. Agents' own worktrees are left out.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::git::Repo;
use crate::git::residue::linked_git_dir;

/// The HEAD of every checkout that is not in the pool: its folder and the text.
pub(super) fn look(repo: &Repo, pool: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut note = |top: &Path, git_dir: &Path| {
        if let Ok(text) = fs::read_to_string(git_dir.join("HEAD")) {
            found.insert(top.display().to_string(), text.trim_end().to_owned());
        }
    };
    if let Some(top) = repo.main_top() {
        note(top, repo.common_dir());
    }
    for entry in fs::read_dir(repo.common_dir().join("worktrees")).into_iter().flatten().flatten() {
        let git_dir = entry.path();
        let Ok(back) = fs::read_to_string(git_dir.join("gitdir")) else { continue };
        let file = PathBuf::from(back.trim_end());
        if let Some(top) = file.parent()
            && !top.starts_with(pool)
        {
            note(top, &git_dir);
        }
    }
    found
}

/// The git-dir of this checkout, if it is one of this repository's.
pub(super) fn git_dir_of(repo: &Repo, top: &Path) -> Option<PathBuf> {
    let dot_git = top.join(".git");
    if dot_git.is_dir() {
        return dot_git.canonicalize().ok().filter(|d| d == repo.common_dir());
    }
    let git_dir = linked_git_dir(top)?.canonicalize().ok()?;
    git_dir.starts_with(repo.common_dir().join("worktrees")).then_some(git_dir)
}

/// The branch that a checkout is on now, as a full ref.
pub(super) fn branch_of(git_dir: &Path) -> Option<String> {
    let text = fs::read_to_string(git_dir.join("HEAD")).ok()?;
    text.trim_end().strip_prefix("ref: ").map(str::to_owned)
}

/// Is any checkout, an agent's too, on this branch?
pub(super) fn is_checked_out(repo: &Repo, full: &str) -> bool {
    let main = repo.main_top().map(|_| repo.common_dir().to_owned());
    let linked = fs::read_dir(repo.common_dir().join("worktrees")).into_iter().flatten().flatten().map(|e| e.path());
    main.into_iter().chain(linked).any(|git_dir| branch_of(&git_dir).as_deref() == Some(full))
}
