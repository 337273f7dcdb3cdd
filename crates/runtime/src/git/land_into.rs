//! Brings a branch into one of the user's, because the user asked. A checkout of that branch is updated with it when it is
//! clean; otherwise nothing happens at all. Never leaves a merge half done.

use std::fs;
use std::path::{Path, PathBuf};

use greenlane_core::ids::Oid;

use super::branches::Moved;
use super::error::GitError;
use super::merge::Merged;
use super::repo::Repo;

/// Why nothing was landed.
#[derive(Debug, thiserror::Error)]
pub enum LandError {
    /// There is no such branch.
    #[error("there is no branch `{0}`")]
    UnknownBranch(String),
    /// The two cannot be merged without a person.
    #[error("`{from}` conflicts with `{into}` in {}", .files.join(", "))]
    Conflict {
        /// What was to be landed.
        from: String,
        /// Where.
        into: String,
        /// The files.
        files: Vec<String>,
    },
    /// The branch is checked out and that checkout has changes, or a merge or rebase under way.
    #[error("`{branch}` is checked out at {}, which is not clean", .checkout.display())]
    NotClean {
        /// The branch.
        branch: String,
        /// Where it is checked out.
        checkout: PathBuf,
    },
    /// An untracked or ignored file is in the way.
    #[error("files at {} are in the way: {message}", .checkout.display())]
    InTheWay {
        /// Where.
        checkout: PathBuf,
        /// What git said.
        message: String,
    },
    /// The branch moved meanwhile.
    #[error("`{0}` moved meanwhile; try again")]
    Raced(String),
    /// A call failed.
    #[error(transparent)]
    Git(#[from] GitError),
}

impl LandError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Conflict { from, into, .. } => Some(format!("merge it by hand: `git checkout {into} && git merge {from}`")),
            Self::NotClean { .. } => Some(String::from("commit or stash the changes there, then land again")),
            Self::InTheWay { .. } => Some(String::from("move those files away, then land again")),
            Self::UnknownBranch(name) => Some(format!("make it with `git branch {name}`")),
            Self::Raced(_) | Self::Git(_) => None,
        }
    }
}

/// How to land.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LandMode {
    /// Fast-forward where it can be, else a merge commit.
    #[default]
    Merge,
    /// One ordinary commit with the whole difference.
    Squash,
}

/// What was landed, or would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Landed {
    /// It was in already.
    AlreadyIn,
    /// The branch moves here; for a dry run of a merge the commit does not exist, only its tree is known.
    Moved {
        /// The new head; `None` in a dry run that would make a commit.
        commit: Option<Oid>,
        /// No commit of its own was needed.
        fast_forward: bool,
        /// The checkouts that were updated (or would be).
        checkouts: Vec<PathBuf>,
    },
}

impl Repo {
    /// Lands `from` (a branch or a commit) on the branch `into`.
    ///
    /// # Errors
    /// See [`LandError`]; nothing was changed then.
    pub fn land_into(&self, into: &str, from: &str, mode: LandMode, message: &str, dry_run: DryRun) -> Result<Landed, LandError> {
        let at = self.resolve(&format!("refs/heads/{into}"))?.ok_or_else(|| LandError::UnknownBranch(into.to_owned()))?;
        let work = match self.resolve(&format!("refs/heads/{from}"))? {
            Some(work) => work,
            None => self.resolve(from)?.ok_or_else(|| LandError::UnknownBranch(from.to_owned()))?,
        };
        if self.descends(&at, &work)? {
            return Ok(Landed::AlreadyIn);
        }
        let fast_forward = mode == LandMode::Merge && self.descends(&work, &at)?;
        let tree = match self.merge_trees(&at, &work, None)? {
            Merged::Clean(tree) => tree,
            Merged::Conflict { files, .. } => return Err(LandError::Conflict { from: from.to_owned(), into: into.to_owned(), files }),
        };
        if mode == LandMode::Squash && tree == self.tree_of(&at)? {
            return Ok(Landed::AlreadyIn);
        }
        let checkouts = self.clean_checkouts(into)?;
        if dry_run == DryRun::Yes {
            return Ok(Landed::Moved { commit: fast_forward.then_some(work), fast_forward, checkouts });
        }
        let commit = match (fast_forward, mode) {
            (true, _) => work,
            (false, LandMode::Merge) => self.write_commit(&tree, &[at.clone(), work], message)?,
            (false, LandMode::Squash) => self.write_commit(&tree, std::slice::from_ref(&at), message)?,
        };
        self.move_with_checkouts(into, &at, &commit)?;
        Ok(Landed::Moved { commit: Some(commit), fast_forward, checkouts })
    }

    /// Moves a branch together with its checkouts, which must be clean.
    pub(super) fn move_with_checkouts(&self, branch: &str, from: &Oid, to: &Oid) -> Result<(), LandError> {
        let checkouts = self.clean_checkouts(branch)?;
        let switch = |checkout: &Path, a: &Oid, b: &Oid, dry: bool| -> Result<(), LandError> {
            let git = self.git_at(checkout)?;
            let mut args = vec!["read-tree", "-m", "-u"];
            if dry {
                args.push("-n");
            }
            args.extend([a.as_str(), b.as_str()]);
            git.run(&args).map(drop).map_err(|e| match e {
                GitError::Failed { stderr, .. } => LandError::InTheWay { checkout: checkout.to_owned(), message: stderr.trim().to_owned() },
                other => LandError::Git(other),
            })
        };
        for checkout in &checkouts {
            // The stat data may be stale after a copy or a backup; read-tree would take that for changes.
            drop(self.git_at(checkout)?.run_allowing(&["update-index", "-q", "--refresh"], &[0, 1])?);
            switch(checkout, from, to, true)?;
        }
        if let Moved::Raced { .. } = self.move_branch(branch, from, to)? {
            return Err(LandError::Raced(branch.to_owned()));
        }
        for (done, checkout) in checkouts.iter().enumerate() {
            if let Err(error) = switch(checkout, from, to, false) {
                // Something came in the way since the trial a moment ago: all goes back to where it was.
                for undone in &checkouts[..done] {
                    switch(undone, to, from, false)?;
                }
                self.move_branch(branch, to, from)?;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Moves a plan's branch. Where somebody has it checked out, the checkout goes along if it is clean; moved under a checkout,
    /// it would look as if all of the work had been undone there.
    ///
    /// # Errors
    /// See [`LandError`]; the branch is where it was then.
    pub fn move_plans_branch(&self, branch: &str, from: &Oid, to: &Oid) -> Result<Moved, LandError> {
        if !self.may_be_checked_out(branch) {
            return Ok(self.move_branch(branch, from, to)?);
        }
        match self.move_with_checkouts(branch, from, to) {
            Ok(()) => Ok(Moved::Moved),
            Err(LandError::Raced(_)) => Ok(Moved::Raced { actual: self.resolve(&format!("refs/heads/{branch}"))? }),
            Err(e) => Err(e),
        }
    }

    /// Some HEAD names it, as far as the files tell: a look that costs no process, for every landing.
    fn may_be_checked_out(&self, branch: &str) -> bool {
        let names = |head: PathBuf| fs::read_to_string(head).is_ok_and(|h| h.trim_end() == format!("ref: refs/heads/{branch}"));
        let linked = fs::read_dir(self.common_dir().join("worktrees")).into_iter().flatten().flatten();
        names(self.common_dir().join("HEAD")) || linked.into_iter().any(|w| names(w.path().join("HEAD")))
    }

    /// Where this branch is checked out; every such place must be clean.
    fn clean_checkouts(&self, branch: &str) -> Result<Vec<PathBuf>, LandError> {
        let places = self.checkouts_of(branch)?;
        for checkout in &places {
            let git = self.git_at(checkout)?;
            let status = git.run(&["status", "--porcelain", "-z", "--untracked-files=no", "--ignore-submodules=none"])?;
            if !status.stdout.is_empty() || super::residue::operation_in_progress(git.git_dir()).is_some() {
                return Err(LandError::NotClean { branch: branch.to_owned(), checkout: checkout.clone() });
            }
        }
        Ok(places)
    }

    /// The worktrees that have this branch checked out.
    ///
    /// # Errors
    /// If git cannot be asked.
    pub fn checkouts_of(&self, branch: &str) -> Result<Vec<PathBuf>, GitError> {
        let wanted = format!("branch refs/heads/{branch}");
        let output = self.git().run(&["worktree", "list", "--porcelain", "-z"])?;
        let mut place = None;
        let mut places = Vec::new();
        for field in output.fields() {
            if let Some(path) = field.strip_prefix("worktree ") {
                place = Some(PathBuf::from(path));
            } else if field == wanted
                && let Some(path) = place.take()
                && path.is_dir()
            {
                places.push(path);
            }
        }
        Ok(places)
    }

    /// Git in a worktree that is known by its path only.
    fn git_at(&self, checkout: &Path) -> Result<super::door::Git, GitError> {
        let dir = if Some(checkout) == self.main_top() {
            self.common_dir().to_owned()
        } else {
            super::residue::linked_git_dir(checkout)
                .ok_or_else(|| super::objects::answer("worktree list", &format!("{} has no .git file", checkout.display())))?
        };
        Ok(self.git_in(&dir, checkout))
    }
}

/// Is it only a forecast?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DryRun {
    /// Nothing is changed.
    Yes,
    /// It is done.
    No,
}
