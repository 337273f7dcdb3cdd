//! Keeps the work in a worktree in a commit, whatever state it is in, without touching the worktree; and brings it back.
//!
//! A snapshot's tree is the files as they are, untracked ones included, ignored ones not. Its first parent is HEAD as it
//! was; further parents are what was staged, and the task's branch where that lay elsewhere.

use std::fs;

use greenlane_core::ids::{AttemptId, Oid, RunId};

use super::error::{WorkspaceError, at};
use super::made;
use super::request::{Workspace, private_index};
use super::submodule;
use crate::git::{Repo, changes, residue};

/// The trailer by which a snapshot is known; its value is the base of the work.
pub(super) const BASE_TRAILER: &str = "Greenlane-Snapshot-Base";

/// The place of a task's snapshots: `refs/greenlane/<run>/kept/<slug>/<n>`.
#[must_use]
pub fn prefix(run: &RunId, slug: &str) -> String {
    format!("refs/greenlane/{run}/kept/{slug}")
}

/// The message of a snapshot of just what an attempt left, by which it is known as that.
#[must_use]
pub fn kept_words(attempt: &AttemptId, when: &str) -> String {
    format!("Work of {attempt}, kept {when}")
}

/// When a snapshot is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// In any case.
    Always,
    /// Where something would be lost otherwise: files that differ from HEAD, or commits that the task's branch has not.
    Needed,
}

/// Writes a snapshot commit; `None` if none is needed. No ref points to it yet.
pub(super) fn take(repo: &Repo, ws: &Workspace, when: When, message: &str) -> Result<Option<Oid>, WorkspaceError> {
    if !ws.is_intact() {
        return Err(WorkspaceError::LostIdentity(ws.path.clone()));
    }
    let index = ws.git_dir.join("greenlane.snapshot.index");
    drop(fs::remove_file(&index));
    let result = write(repo, ws, &index, when, message);
    drop(fs::remove_file(&index));
    result
}

fn write(repo: &Repo, ws: &Workspace, index: &std::path::Path, when: When, message: &str) -> Result<Option<Oid>, WorkspaceError> {
    let branch = if ws.branch.is_empty() { None } else { repo.resolve(&format!("refs/heads/{}", ws.branch))? };
    let head = repo.resolve(&ws.head_name())?;
    let parent = head.clone().or_else(|| branch.clone()).unwrap_or_else(|| ws.base.clone());
    let theirs = ws.git_dir.join("index");
    let mut git = made::ignoring(repo.git_in(&ws.git_dir, &ws.path), &ws.git_dir).with_index(index).with_setting("core.splitIndex=false");
    if residue::is_sparse(&ws.git_dir) && theirs.is_file() {
        // Only the agent's own index knows which files are absent on purpose.
        fs::copy(&theirs, index).map_err(at(index))?;
        git.run(&["add", "-A", "--sparse"])?;
    } else {
        git = git.with_setting("core.sparseCheckout=false");
        let ours = private_index(&ws.git_dir);
        // Begun from the private index, files that did not change need not be read again.
        if ours.is_file() {
            fs::copy(&ours, index).map_err(at(index))?;
        }
        git.run(&["read-tree", "--reset", parent.as_str()]).or_else(|_| {
            drop(fs::remove_file(index));
            git.run(&["read-tree", "--reset", parent.as_str()])
        })?;
        git.run(&["add", "-A"]).map_err(|e| WorkspaceError::NotKeepable { path: ws.path.clone(), why: e.to_string() })?;
    }
    let tree = Oid::from(git.run(&["write-tree"])?.text());
    let parent_tree = repo.tree_of(&parent)?;
    let changed = changes(repo.objects(), &repo.tree_of(&ws.base)?, &tree)?;
    if let Some(why) = submodule::beyond_a_commit(repo, ws, &changed)? {
        return Err(WorkspaceError::NotKeepable { path: ws.path.clone(), why });
    }
    let at_branch = branch.is_none() || head == branch;
    if when == When::Needed && tree == parent_tree && (at_branch || head.as_ref() == Some(&ws.base)) {
        return Ok(None);
    }
    let mut parents = vec![parent.clone()];
    // Unmerged entries have no tree; their files are in the snapshot's.
    if let Ok(staged) = repo.git_in(&ws.git_dir, &ws.path).run(&["write-tree"]) {
        let staged = Oid::from(staged.text());
        if staged != tree && staged != parent_tree {
            parents.push(repo.write_commit(&staged, std::slice::from_ref(&parent), "What was staged")?);
        }
    }
    if let Some(branch) = branch
        && !parents.contains(&branch)
        && !repo.descends(&parent, &branch)?
    {
        parents.push(branch);
    }
    let message = format!("{message}\n\n{BASE_TRAILER}: {}\n", ws.base);
    Ok(Some(repo.write_commit(&tree, &parents, &message)?))
}

/// What a ref of kept work holds.
pub(super) struct Kept {
    /// HEAD as it was.
    pub(super) head: Oid,
    /// A commit whose tree is the files as they were; the same as `head` where a plain commit was kept.
    pub(super) files: Oid,
    /// What the work began from, where that is known.
    pub(super) base: Option<Oid>,
}

/// Reads a ref of kept work.
pub(super) fn read(repo: &Repo, name: &str) -> Result<Kept, WorkspaceError> {
    let files = repo.resolve(name)?.ok_or_else(|| WorkspaceError::NoSnapshot(name.to_owned()))?;
    let commit = repo.objects().require_commit(&files)?;
    let base = commit.message.lines().rev().find_map(|l| l.strip_prefix(BASE_TRAILER)?.strip_prefix(": ")).map(Oid::from);
    match (&base, commit.parents.first()) {
        (Some(_), Some(head)) => Ok(Kept { head: head.clone(), files, base }),
        _ => Ok(Kept { head: files.clone(), files, base: None }),
    }
}

/// The newest ref of a task's kept work.
pub(super) fn newest(repo: &Repo, run: &RunId, slug: &str) -> Result<Option<String>, WorkspaceError> {
    let mut newest = None;
    for n in 1..10_000 {
        let name = format!("{}/{n}", prefix(run, slug));
        if repo.resolve(&name)?.is_none() {
            break;
        }
        newest = Some(name);
    }
    Ok(newest)
}
