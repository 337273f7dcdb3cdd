//! Which worktree an attempt gets, and what becomes of it. The notes on disk are the truth, so several processes, and the
//! next run, agree. Knows nothing of what attempts do.
//!
//! Approach: a claim is made under the pool's lock and is nothing but a note; files are written after the lock is let go.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use greenlane_core::ids::{Oid, RunId, TaskKey};
use greenlane_core::time::Time;

use super::error::{WorkspaceError, at};
use super::mark::{Class, Filling, Holding, Mark};
use super::prepare::Head;
use super::request::{From, PoolSettings, Prepare, Release, Workspace};
use super::shell::Shell;
use super::snapshot::{self, When};
use crate::git::{Repo, lock, residue};

/// The worktrees of one repository. Used from many threads at once.
pub struct Pool {
    repo: Repo,
    dir: PathBuf,
    settings: PoolSettings,
    shell: Arc<dyn Shell>,
    /// Worktrees that this process itself set free: nobody else can have worked in them unseen.
    trusted: Mutex<BTreeSet<u32>>,
}

impl Pool {
    /// Opens the pool in this directory, which is made where it is missing. It must lie outside every checkout.
    ///
    /// # Errors
    /// If the directory cannot be made.
    pub fn open(repo: &Repo, dir: PathBuf, settings: PoolSettings, shell: Arc<dyn Shell>) -> Result<Self, WorkspaceError> {
        fs::create_dir_all(&dir).map_err(at(&dir))?;
        let dir = dir.canonicalize().map_err(at(&dir))?;
        Ok(Self { repo: repo.clone(), dir, settings, shell, trusted: Mutex::default() })
    }

    /// The repository.
    #[must_use]
    pub fn repo(&self) -> &Repo {
        &self.repo
    }

    /// Where the worktrees lie.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn settings(&self) -> &PoolSettings {
        &self.settings
    }

    pub(crate) fn shell(&self) -> &dyn Shell {
        &*self.shell
    }

    /// All notes of this repository's worktrees, by number.
    ///
    /// # Errors
    /// If the directory cannot be read.
    pub fn marks(&self) -> Result<Vec<Mark>, WorkspaceError> {
        let mut marks = Mark::all(&self.dir).map_err(at(&self.dir))?;
        marks.retain(|m| m.common_dir == self.repo.common_dir());
        Ok(marks)
    }

    pub(super) fn locked(&self) -> Result<fs::File, WorkspaceError> {
        let path = self.dir.join("lock");
        lock(&path).map_err(at(&path))
    }

    pub(super) fn write(&self, mark: &Mark) -> Result<(), WorkspaceError> {
        mark.write(&self.dir).map_err(at(&self.dir))
    }

    /// Gives an attempt its worktree.
    ///
    /// # Errors
    /// See [`WorkspaceError`]. The worktree is free again then, and what was in it is safe.
    pub fn prepare(&self, wanted: &Prepare) -> Result<Workspace, WorkspaceError> {
        if wanted.from == From::Continue {
            let own = |m: &Mark| m.is_held_by(&wanted.run, &wanted.key);
            if let Some(ws) = self.take_as_it_is(|| Ok(self.marks()?.into_iter().find(own)))? {
                // The processes of the attempt before are gone; a git of its that was killed has left its locks.
                residue::clear_locks(&ws.git_dir).map_err(at(&ws.git_dir))?;
                return Ok(ws);
            }
            if let Some(name) = snapshot::newest(&self.repo, &wanted.run, &wanted.slug)? {
                return self.prepare(&Prepare { from: From::Snapshot(name), ..wanted.clone() });
            }
        }
        let branch_tip = self.repo.resolve(&format!("refs/heads/{}", wanted.branch))?;
        // Before a worktree is taken that would not do either.
        if branch_tip.is_none()
            && let Some(other) = self.repo.in_the_way_of(&wanted.branch)?
        {
            return Err(WorkspaceError::BranchTaken { branch: wanted.branch.clone(), other });
        }
        let kept = match &wanted.from {
            From::Snapshot(name) => Some(snapshot::read(&self.repo, name)?),
            _ => None,
        };
        let (head, base) = match (&kept, &branch_tip) {
            _ if let From::Commit(commit) = &wanted.from => (commit.clone(), wanted.base.clone()),
            (Some(kept), _) => {
                let base = kept.base.clone().map_or_else(|| self.common_base(&kept.head, &wanted.base), Ok)?;
                (kept.head.clone(), base)
            }
            // Commits of an attempt whose worktree is gone.
            (None, Some(tip)) if wanted.from == From::Continue && self.repo.descends(tip, &wanted.base)? => {
                (tip.clone(), wanted.base.clone())
            }
            _ => (wanted.base.clone(), wanted.base.clone()),
        };
        let mark = Mark {
            number: 0,
            common_dir: self.repo.common_dir().to_owned(),
            git_dir: PathBuf::new(),
            class: Class::Task,
            holding: Holding::Busy,
            run: wanted.run.clone(),
            key: Some(wanted.key.clone()),
            slug: wanted.slug.clone(),
            branch: wanted.branch.clone(),
            base,
            since: now(),
            settled: false,
            pinned: None,
            filling: None,
            set_up_for: String::new(),
        };
        let place = self.claim(mark)?;
        // The branch is about to be moved: commits that only it has are kept.
        if let Some(tip) = self.repo.resolve(&format!("refs/heads/{}", wanted.branch))?
            && tip != head
            && !self.repo.descends(&head, &tip)?
        {
            self.repo.keep_in_ref(&snapshot::prefix(&wanted.run, &wanted.slug), &tip)?;
        }
        self.fill_or_another(place, &head, &Head::Branch(&wanted.branch), &wanted.log_dir, kept.as_ref().map(|k| &k.files))
    }

    /// What kept commits begin from that say nothing of it: a branch that was moved off them since was somewhere else then.
    fn common_base(&self, head: &Oid, base: &Oid) -> Result<Oid, WorkspaceError> {
        if self.repo.descends(head, base)? {
            return Ok(base.clone());
        }
        Ok(Oid::from(self.repo.git().run(&["merge-base", head.as_str(), base.as_str()])?.text()))
    }

    /// Gives verification a worktree at this commit, in which no agent ever worked.
    ///
    /// # Errors
    /// As [`Pool::prepare`].
    pub fn prepare_verify(&self, run: &RunId, slug: &str, commit: &Oid, log_dir: &Path) -> Result<Workspace, WorkspaceError> {
        let mark = Mark {
            number: 0,
            common_dir: self.repo.common_dir().to_owned(),
            git_dir: PathBuf::new(),
            class: Class::Verify,
            holding: Holding::Busy,
            run: run.clone(),
            key: None,
            slug: slug.to_owned(),
            branch: String::new(),
            base: commit.clone(),
            since: now(),
            settled: false,
            pinned: None,
            filling: None,
            set_up_for: String::new(),
        };
        let place = self.claim(mark)?;
        self.fill_or_another(place, commit, &Head::Detached, log_dir, None)
    }

    /// Takes a worktree again that an earlier process held.
    ///
    /// # Errors
    /// [`WorkspaceError::NotInPool`], [`WorkspaceError::LostIdentity`].
    pub fn reopen(&self, path: &Path) -> Result<Workspace, WorkspaceError> {
        let known = self.mark_of(path).is_some();
        let lost = || if known { WorkspaceError::LostIdentity(path.to_owned()) } else { WorkspaceError::NotInPool(path.to_owned()) };
        self.take_as_it_is(|| Ok(self.mark_of(path)))?.ok_or_else(lost)
    }

    /// The same, if this task of this run still holds it as busy: not where it was let go, or has gone to another task since.
    ///
    /// # Errors
    /// As [`Pool::reopen`].
    pub fn reopen_own(&self, path: &Path, run: &RunId, key: &TaskKey) -> Result<Workspace, WorkspaceError> {
        let own = || self.mark_of(path).filter(|m| m.holding == Holding::Busy && m.is_held_by(run, key));
        self.take_as_it_is(|| Ok(own()))?.ok_or_else(|| WorkspaceError::NotInPool(path.to_owned()))
    }

    /// Does this task of this run hold the worktree at this path as busy? Costs one small file.
    pub(crate) fn is_busy_for(&self, path: &Path, run: &RunId, key: &TaskKey) -> bool {
        self.mark_of(path).is_some_and(|m| m.holding == Holding::Busy && m.is_held_by(run, key))
    }

    /// The note of the worktree at this path, without a look at all the others.
    fn mark_of(&self, path: &Path) -> Option<Mark> {
        Mark::beside(path).filter(|m| m.worktree(&self.dir) == path && m.common_dir == self.repo.common_dir())
    }

    /// Lets a worktree go. With [`Release::Landed`] it can be recycled at once; should it hold more than was landed, that is
    /// kept in a ref first. With [`Release::Kept`] it stays, and the oldest of too many such becomes a snapshot.
    ///
    /// # Errors
    /// If its state cannot be read or kept; it stays as it is then.
    pub fn release(&self, ws: &Workspace, how: Release) -> Result<(), WorkspaceError> {
        let guard = self.locked()?;
        let mut mark = self.mark_of(&ws.path).ok_or_else(|| WorkspaceError::NotInPool(ws.path.clone()))?;
        mark.since = now();
        mark.settled = ws.is_settled();
        if how == Release::Kept && mark.class == Class::Task {
            mark.holding = Holding::Kept;
            self.write(&mark)?;
            drop(guard);
            return self.recycle_oldest();
        }
        if mark.class == Class::Task && !mark.settled {
            self.rescue(&mut mark, When::Needed)?;
        }
        mark.holding = if mark.pinned.is_some() { Holding::Kept } else { Holding::Free };
        self.write(&mark)?;
        self.trust(&mark);
        Ok(())
    }

    fn trust(&self, mark: &Mark) {
        self.trusted.lock().unwrap_or_else(PoisonError::into_inner).insert(mark.number);
    }

    /// Was it this process that set it free? It is so no longer.
    pub(super) fn was_trusted(&self, mark: &Mark) -> bool {
        self.trusted.lock().unwrap_or_else(PoisonError::into_inner).remove(&mark.number)
    }

    /// Keeps the work in a worktree in the next free ref `<prefix>/<n>`, and leaves the worktree as it is; `None`: there was nothing that a
    /// branch has not. A ref that is there already is never moved: it may be all that holds somebody's work.
    ///
    /// # Errors
    /// If git cannot write, or no commit can hold the work.
    pub fn snapshot(&self, ws: &Workspace, prefix: &str, message: &str) -> Result<Option<String>, WorkspaceError> {
        let commit = snapshot::take(&self.repo, ws, When::Needed, message)?;
        Ok(commit.map(|commit| self.repo.keep_in_ref(prefix, &commit)).transpose()?)
    }

    /// Keeps the work in a worktree in the next free ref `<prefix>/<n>`, whatever state it is in; returns the ref.
    ///
    /// # Errors
    /// As [`Pool::snapshot`].
    pub fn keep(&self, ws: &Workspace, prefix: &str, message: &str) -> Result<String, WorkspaceError> {
        let taken = snapshot::take(&self.repo, ws, When::Always, message)?;
        let commit = taken.ok_or_else(|| WorkspaceError::NoSnapshot(prefix.to_owned()))?;
        Ok(self.repo.keep_in_ref(prefix, &commit)?)
    }

    /// For runs that were interrupted: worktrees that are marked busy and are not `held` become kept (agents') or free (verification's,
    /// and agents' whose work has `landed`: should there be more in it, that is kept in a ref before it is used again).
    ///
    /// # Errors
    /// If the notes cannot be read or written.
    pub fn settle_orphans(&self, held: &[PathBuf], landed: &[PathBuf]) -> Result<(), WorkspaceError> {
        {
            let _guard = self.locked()?;
            for mut mark in self.marks()? {
                let path = mark.worktree(&self.dir);
                if mark.holding == Holding::Busy && !held.contains(&path) {
                    if !mark.is_made() {
                        self.unmake(&mark)?;
                        continue;
                    }
                    match mark.filling.take() {
                        Some(Filling::Over(former)) => mark = *former,
                        Some(Filling::Mixed) => (mark.holding, mark.filling) = (Holding::Free, Some(Filling::Mixed)),
                        None if mark.class == Class::Verify || landed.contains(&path) => mark.holding = Holding::Free,
                        None => {}
                    }
                    if mark.holding == Holding::Busy {
                        mark.holding = Holding::Kept;
                    }
                    mark.settled = false;
                    self.write(&mark)?;
                }
            }
        }
        self.recycle_oldest()
    }

    /// Of the kept worktrees beyond the limit, the oldest become snapshots and are free.
    fn recycle_oldest(&self) -> Result<(), WorkspaceError> {
        let _guard = self.locked()?;
        let mut kept: Vec<Mark> = self.marks()?;
        kept.retain(|m| m.class == Class::Task && m.holding == Holding::Kept && m.pinned.is_none());
        kept.sort_by_key(|m| (m.since, m.number));
        let surplus = kept.len().saturating_sub(self.settings.keep_failed);
        for mut mark in kept.into_iter().take(surplus) {
            self.rescue(&mut mark, When::Always)?;
            if mark.pinned.is_none() {
                mark.holding = Holding::Free;
                mark.settled = false;
                self.trust(&mark);
            }
            self.write(&mark)?;
        }
        Ok(())
    }
}

/// The time for notes.
pub(super) fn now() -> Time {
    Time(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)))
}
