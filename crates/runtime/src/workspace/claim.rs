//! Which worktree a claim gets, and how it is filled. Knows nothing of why it is wanted.
//!
//! Approach: under the pool's lock a claim is a note and nothing more; files are written after the lock is let go, and until they are
//! all there the note says so. Whoever finds such a note after a crash knows that the files are nobody's work.

use std::fs;
use std::path::Path;

use greenlane_core::ids::{Oid, RunId, TaskKey};

use super::error::{WorkspaceError, at};
use super::mark::{Class, Filling, Holding, Mark};
use super::pool::{Pool, now};
use super::prepare::Head;
use super::request::Workspace;
use super::snapshot::{self, When};
use crate::git::residue;

/// The most worktrees of one repository; beyond it something is wrong.
const WORKTREES_MAX: u32 = 10_000;

/// A worktree that is claimed, and not filled yet.
pub(super) struct Place {
    mark: Mark,
    reused: bool,
    clean: bool,
}

impl Mark {
    /// This task of this run has its work in it.
    pub(super) fn is_held_by(&self, run: &RunId, key: &TaskKey) -> bool {
        let held = matches!(self.holding, Holding::Busy | Holding::Kept) && self.filling.is_none();
        held && self.class == Class::Task && self.run == *run && self.key.as_ref() == Some(key)
    }
}

impl Pool {
    /// Takes the worktree that is wanted, which is looked for under the pool's lock, with all that lies in it; `None`: there is none, or it lost its identity.
    pub(super) fn take_as_it_is(
        &self,
        wanted: impl FnOnce() -> Result<Option<Mark>, WorkspaceError>,
    ) -> Result<Option<Workspace>, WorkspaceError> {
        let _guard = self.locked()?;
        let Some(mut mark) = wanted()? else { return Ok(None) };
        let path = mark.worktree(self.dir());
        if !residue::is_intact(&path, &mark.git_dir) {
            return Ok(None);
        }
        mark.holding = Holding::Busy;
        mark.settled = false;
        mark.since = now();
        self.write(&mark)?;
        Ok(Some(Workspace::new(&mark, path, true)))
    }

    /// Claims a number: the task's own, else a free one, else a new one. The claimed worktree's earlier work is safe afterwards.
    pub(super) fn claim(&self, mut mark: Mark) -> Result<Place, WorkspaceError> {
        let guard = self.locked()?;
        let marks = self.marks()?;
        let Some(old) = fitting(&marks, &mark) else {
            mark.number = (1..WORKTREES_MAX)
                .find(|n| {
                    let beside = |name: String| self.dir().join(name).exists();
                    marks.iter().all(|m| m.number != *n) && !beside(n.to_string()) && !beside(format!("{n}.json"))
                })
                .ok_or_else(|| WorkspaceError::NotInPool(self.dir().to_owned()))?;
            (mark.git_dir, mark.filling) = (std::path::PathBuf::new(), None);
            self.write(&mark)?;
            return Ok(Place { mark, reused: false, clean: false });
        };
        if !residue::is_intact(&old.worktree(self.dir()), &old.git_dir) {
            self.forget_or_pin(old)?;
            drop(guard);
            return self.claim(mark);
        }
        let trusted = self.was_trusted(&old);
        let safe = old.class != Class::Task || old.holding == Holding::Free && trusted;
        let clean = !(old.holding == Holding::Free && trusted && old.settled && old.filling.is_none());
        mark.number = old.number;
        mark.git_dir.clone_from(&old.git_dir);
        mark.set_up_for.clone_from(&old.set_up_for);
        let former = match old.filling {
            Some(Filling::Over(former)) => Some(*former),
            Some(Filling::Mixed) => None,
            None => (!safe).then_some(old),
        };
        mark.filling = Some(former.clone().map_or(Filling::Mixed, |former| Filling::Over(Box::new(former))));
        self.write(&mark)?;
        drop(guard);
        if let Some(mut former) = former {
            let when = if former.holding == Holding::Free { When::Needed } else { When::Always };
            if let Err(error) = self.rescue(&mut former, when) {
                self.write(&former)?;
                return Err(error);
            }
            if former.pinned.is_some() {
                // Its work can only stay where it is; another worktree is taken.
                self.write(&former)?;
                return self.claim(mark);
            }
            mark.filling = Some(Filling::Mixed);
            self.write(&mark)?;
        }
        Ok(Place { mark, reused: true, clean })
    }

    /// A worktree that lost its identity: if its directory is gone the note goes too, else it is left to people.
    fn forget_or_pin(&self, mut mark: Mark) -> Result<(), WorkspaceError> {
        if !mark.is_made() {
            return self.unmake(&mark);
        }
        if mark.worktree(self.dir()).exists() {
            mark.holding = Holding::Kept;
            mark.pinned = Some(String::from("it has lost its .git file"));
            return self.write(&mark);
        }
        mark.remove(self.dir()).map_err(at(self.dir()))
    }

    /// Takes away a worktree whose making was cut off: nobody has worked there. The caller holds the pool's lock.
    pub(super) fn unmake(&self, mark: &Mark) -> Result<(), WorkspaceError> {
        let path = mark.worktree(self.dir());
        if let Some(text) = path.to_str() {
            // Refused where git does not know it yet.
            drop(self.repo().git().run(&["worktree", "remove", "--force", "--force", text]));
        }
        if path.exists() {
            fs::remove_dir_all(&path).map_err(at(&path))?;
        }
        mark.remove(self.dir()).map_err(at(self.dir()))
    }

    /// A worktree that cannot be recycled must not stand in the way of every attempt that comes to it.
    pub(super) fn fill_or_another(
        &self,
        place: Place,
        commit: &Oid,
        head: &Head<'_>,
        log_dir: &Path,
        files: Option<&Oid>,
    ) -> Result<Workspace, WorkspaceError> {
        let (reused, mark) = (place.reused, place.mark.clone());
        match self.fill(place, commit, head, log_dir, files) {
            Err(error) if reused && !matches!(error, WorkspaceError::Setup { .. }) => {
                let another = Mark { set_up_for: String::new(), ..mark };
                self.fill(self.claim(another)?, commit, head, log_dir, files)
            }
            other => other,
        }
    }

    fn fill(&self, place: Place, commit: &Oid, head: &Head<'_>, log_dir: &Path, files: Option<&Oid>) -> Result<Workspace, WorkspaceError> {
        let Place { mut mark, reused, clean } = place;
        let path = mark.worktree(self.dir());
        if !reused {
            match self.add_worktree(&path, commit) {
                Ok(git_dir) => mark.git_dir = git_dir,
                Err(error) => {
                    mark.remove(self.dir()).map_err(at(self.dir()))?;
                    return Err(error);
                }
            }
        }
        let ws = Workspace::new(&mark, path, reused);
        let filled = self.check_out(&ws, commit, head, clean).and_then(|()| {
            mark.set_up_for = self.furnish(&ws, commit, &mark.set_up_for, log_dir, &mark.slug)?;
            match files {
                Some(files) if files != commit => self.lay_out(&ws, commit, files),
                _ => Ok(()),
            }
        });
        if let Err(error) = filled {
            let set_up = matches!(error, WorkspaceError::Setup { .. });
            mark.holding = if reused && !set_up { Holding::Broken } else { Holding::Free };
            mark.set_up_for.clear();
            self.write(&mark)?;
            return Err(error);
        }
        mark.filling = None;
        self.write(&mark)?;
        Ok(ws)
    }

    /// Writes the files of a snapshot over those of its first parent, as uncommitted changes.
    fn lay_out(&self, ws: &Workspace, head: &Oid, files: &Oid) -> Result<(), WorkspaceError> {
        let git = ws.git(self.repo());
        git.run(&["read-tree", "--reset", "-u", files.as_str()])?;
        git.run(&["read-tree", "--reset", head.as_str()])?;
        let theirs = ws.git_dir.join("index");
        fs::copy(ws.private_index(), &theirs).map(drop).map_err(at(&theirs))
    }

    /// Sees to it that what a worktree holds is in a ref or a branch. What no commit can hold pins it.
    pub(super) fn rescue(&self, mark: &mut Mark, when: When) -> Result<Option<String>, WorkspaceError> {
        let path = mark.worktree(self.dir());
        if !residue::is_intact(&path, &mark.git_dir) {
            mark.pinned = Some(String::from("it has lost its .git file"));
            return Ok(None);
        }
        let ws = Workspace::new(mark, path, true);
        let name = mark.key.as_ref().map_or_else(|| mark.slug.clone(), ToString::to_string);
        match snapshot::take(self.repo(), &ws, when, &format!("The work on {name} as it was left")) {
            Ok(Some(commit)) => Ok(Some(self.repo().keep_in_ref(&snapshot::prefix(&mark.run, &mark.slug), &commit)?)),
            Ok(None) => Ok(None),
            Err(WorkspaceError::NotKeepable { why, .. }) => {
                mark.pinned = Some(why);
                mark.holding = Holding::Kept;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// The worktree that this claim takes over, if one fits: the task's own, else a free one.
fn fitting(marks: &[Mark], wanted: &Mark) -> Option<Mark> {
    let of_class = |m: &&Mark| m.class == wanted.class && m.pinned.is_none();
    let own = |m: &&Mark| {
        let held = matches!(m.holding, Holding::Busy | Holding::Kept);
        held && m.key.is_some() && m.key == wanted.key && m.run == wanted.run
    };
    let mut free: Vec<&Mark> = marks.iter().filter(of_class).filter(|m| m.holding == Holding::Free).collect();
    // Verification of the same plan has the fitting build cache.
    free.sort_by_key(|m| (m.slug != wanted.slug, m.number));
    marks.iter().filter(of_class).find(own).or_else(|| free.first().copied()).cloned()
}
