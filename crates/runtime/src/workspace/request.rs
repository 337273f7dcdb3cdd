//! What is asked of the pool, and what it gives. Plain data.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use greenlane_core::ids::{Oid, RunId, TaskKey};

use super::made;
use super::mark::Mark;
use crate::git::{Git, Repo, residue};

/// How the pool behaves.
#[derive(Clone, Debug)]
pub struct PoolSettings {
    /// So many worktrees of failed tasks stay as they are; older ones become snapshots. Default 5.
    pub keep_failed: usize,
    /// `sh -c` lines that make a worktree ready (`npm ci`). They run in a new worktree, and again in a recycled one when they or
    /// the lock files at the top of the tree have changed since. What they change in tracked files is undone; what
    /// they leave otherwise stays, and counts as ignored in that worktree.
    pub setup: Vec<String>,
    /// The limit of each of them. Default 10 m.
    pub setup_timeout: Duration,
    /// Their environment.
    pub env: BTreeMap<OsString, OsString>,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self { keep_failed: 5, setup: Vec::new(), setup_timeout: Duration::from_secs(600), env: BTreeMap::new() }
    }
}

/// Where an attempt begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// At the base, with nothing of earlier attempts.
    Fresh,
    /// With the work that is there: the task's worktree if it still holds one, else its last snapshot, else its branch, else fresh.
    Continue,
    /// With what this ref keeps: its commits and its uncommitted files.
    Snapshot(String),
    /// At this commit, which descends from the base and from all of the task's work.
    Commit(Oid),
}

/// A workspace that is wanted.
#[derive(Clone, Debug)]
pub struct Prepare {
    /// The run.
    pub run: RunId,
    /// The task.
    pub key: TaskKey,
    /// Its name in refs and paths.
    pub slug: String,
    /// Its branch, without `refs/heads/`. Nobody else's.
    pub branch: String,
    /// The commit to begin from.
    pub base: Oid,
    /// Anew, or with what is there.
    pub from: From,
    /// Where `setup.log` goes.
    pub log_dir: PathBuf,
}

/// What becomes of a workspace that is no longer needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// Its work is on the plan's branch, or it never held any: it may be recycled.
    Landed,
    /// Its work is not: it stays as it is, among the last few.
    Kept,
}

/// A worktree, held.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// Its top.
    pub path: PathBuf,
    /// Its own git-dir.
    pub git_dir: PathBuf,
    /// The task's branch, without `refs/heads/`; empty for verification.
    pub branch: String,
    /// What the work in it begins from. With [`From::Continue`] this may be an older commit than the one that was asked for.
    pub base: Oid,
    /// It was not made anew.
    pub reused: bool,
    pub(super) state: Arc<State>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// The commit that the private index stands for; `None`: unknown.
    index_at: Mutex<Option<Oid>>,
    settled: AtomicBool,
}

impl Workspace {
    pub(super) fn new(mark: &Mark, path: PathBuf, reused: bool) -> Self {
        let (git_dir, branch, base) = (mark.git_dir.clone(), mark.branch.clone(), mark.base.clone());
        Self { path, git_dir, branch, base, reused, state: Arc::default() }
    }

    /// Greenlane's own index of this worktree. Agents never see it, so whatever flags they set in theirs, files are judged as they are.
    #[must_use]
    pub fn private_index(&self) -> PathBuf {
        private_index(&self.git_dir)
    }

    /// Git in this worktree, with the private index and without sparseness.
    #[must_use]
    pub fn git(&self, repo: &Repo) -> Git {
        private_git(repo, &self.git_dir, &self.path)
    }

    /// What objects call this worktree's HEAD.
    #[must_use]
    pub fn head_name(&self) -> String {
        head_name(&self.git_dir)
    }

    /// Do worktree and git-dir still name each other?
    #[must_use]
    pub fn is_intact(&self) -> bool {
        residue::is_intact(&self.path, &self.git_dir)
    }

    /// The commit that the private index stands for, if known.
    pub(crate) fn index_at(&self) -> Option<Oid> {
        self.state.index_at.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes what the private index stands for.
    pub(crate) fn set_index_at(&self, commit: Option<Oid>) {
        *self.state.index_at.lock().unwrap_or_else(PoisonError::into_inner) = commit;
    }

    /// Notes whether only ignored files differ from the last commit.
    pub(crate) fn set_settled(&self, settled: bool) {
        self.state.settled.store(settled, Ordering::Release);
    }

    pub(super) fn is_settled(&self) -> bool {
        self.state.settled.load(Ordering::Acquire)
    }
}

pub(super) fn private_index(git_dir: &Path) -> PathBuf {
    git_dir.join("greenlane.index")
}

pub(super) fn private_git(repo: &Repo, git_dir: &Path, path: &Path) -> Git {
    let git = repo.git_in(git_dir, path).with_index(private_index(git_dir));
    let git = made::ignoring(git, git_dir);
    git.with_setting("core.sparseCheckout=false").with_setting("core.splitIndex=false")
}

pub(super) fn head_name(git_dir: &Path) -> String {
    format!("worktrees/{}/HEAD", git_dir.file_name().unwrap_or_default().to_string_lossy())
}
