//! Branches: made under a free name, moved by compare-and-swap, taken back. Knows nothing of why.

use greenlane_core::ids::{Oid, RunId};

use super::ancestry;
use super::error::GitError;
use super::objects::answer;
use super::refs::{Applied, Expect, RefChange};
use super::repo::Repo;

/// How many suffixes are tried for a taken name.
const SUFFIX_MAX: u32 = 1000;

/// Whether a branch moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moved {
    /// It is where it was wanted.
    Moved,
    /// Somebody else moved it.
    Raced {
        /// Where it is; `None`: it is gone.
        actual: Option<Oid>,
    },
}

/// Why a branch was not taken back.
#[derive(Debug, thiserror::Error)]
pub enum RollbackError {
    /// There is no such branch.
    #[error("there is no branch `{0}`")]
    UnknownBranch(String),
    /// The commit is not a landing on it.
    #[error("{commit} is not among the landings on `{branch}`")]
    NotOnBranch {
        /// The branch.
        branch: String,
        /// The commit that was named.
        commit: Oid,
    },
    /// It moved meanwhile, or is checked out and that checkout cannot be taken along.
    #[error(transparent)]
    Checkout(#[from] super::land_into::LandError),
    /// A call failed.
    #[error(transparent)]
    Git(#[from] GitError),
}

/// What a rollback did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolledBack {
    /// Where the branch was.
    pub from: Oid,
    /// Where it is.
    pub to: Oid,
    /// The ref that keeps what was taken off.
    pub kept: String,
}

impl Repo {
    /// Makes a branch of this name, or, where the name is taken or cannot stand beside another's (`a` and `a/b`), of this
    /// name with `-1`, `-2` …; returns the name.
    ///
    /// # Errors
    /// If git refuses all of them: the name is not a branch's.
    pub fn create_branch(&self, name: &str, at: &Oid) -> Result<String, GitError> {
        for suffix in 0..SUFFIX_MAX {
            let name = if suffix == 0 { name.to_owned() } else { format!("{name}-{suffix}") };
            let full = format!("refs/heads/{name}");
            if self.resolve(&full)?.is_some() {
                continue;
            }
            if self.move_refs(&[RefChange::created(full, at)])? == Applied::Done {
                return Ok(name);
            }
            if suffix == 0 && self.git().run_allowing(&["check-ref-format", "--branch", &name], &[0, 1, 128])?.code != 0 {
                return Err(answer("branch", &format!("`{name}` cannot be a branch's name")));
            }
            // A branch stands where this name needs a directory: only that part of the name can make way.
            for (slash, _) in name.match_indices('/') {
                let (first, rest) = name.split_at(slash);
                if self.resolve(&format!("refs/heads/{first}"))?.is_some() {
                    return self.create_branch(&format!("{first}-1{rest}"), at);
                }
            }
        }
        Err(answer("branch", &format!("no free name like `{name}`")))
    }

    /// The first of `name`, `name-1`, `name-2` … that is no branch, so that branches can be made below it.
    ///
    /// # Errors
    /// If git cannot be asked, or all of many are taken.
    pub fn free_prefix(&self, name: &str) -> Result<String, GitError> {
        for suffix in 0..SUFFIX_MAX {
            let name = if suffix == 0 { name.to_owned() } else { format!("{name}-{suffix}") };
            if self.resolve(&format!("refs/heads/{name}"))?.is_none() {
                return Ok(name);
            }
        }
        Err(answer("branch", &format!("no free name like `{name}`")))
    }

    /// The branch beside which one of this name cannot be made: a part of its name up to a `/`.
    ///
    /// # Errors
    /// If git cannot be asked.
    pub fn in_the_way_of(&self, name: &str) -> Result<Option<String>, GitError> {
        for (slash, _) in name.match_indices('/') {
            let above = &name[..slash];
            if self.resolve(&format!("refs/heads/{above}"))?.is_some() {
                return Ok(Some(above.to_owned()));
            }
        }
        Ok(None)
    }

    /// Moves a branch from one commit to another, if it is still there.
    ///
    /// # Errors
    /// If git cannot be asked.
    pub fn move_branch(&self, branch: &str, from: &Oid, to: &Oid) -> Result<Moved, GitError> {
        let full = format!("refs/heads/{branch}");
        if self.move_refs(&[RefChange::moved(&full, from, to)])? == Applied::Done {
            return Ok(Moved::Moved);
        }
        match self.resolve(&full)? {
            Some(actual) if actual == *to => Ok(Moved::Moved),
            // Still there: a lock was in the way for a moment.
            Some(actual) if actual == *from && self.move_refs(&[RefChange::moved(&full, from, to)])? == Applied::Done => Ok(Moved::Moved),
            // It has not moved, and cannot be: whoever asked would find the same again, for ever.
            Some(actual) if actual == *from => {
                let lock = self.common_dir().join(format!("{full}.lock"));
                let why = if lock.exists() {
                    format!("{} is there: another git works on {branch}, or died at it; if none does, remove that file", lock.display())
                } else {
                    format!("git refuses to move {branch}")
                };
                Err(answer("update-ref", &why))
            }
            actual => Ok(Moved::Raced { actual }),
        }
    }

    /// Takes a branch back to before `landing`, one of the merges on its chain of first parents. What is taken off stays in
    /// `refs/greenlane/<run>/rolled-back/<n>`. A clean checkout of the branch goes along; any other is a reason to refuse.
    ///
    /// # Errors
    /// See [`RollbackError`]; nothing was changed then.
    pub fn rollback(&self, run: &RunId, branch: &str, landing: &Oid) -> Result<RolledBack, RollbackError> {
        let full = format!("refs/heads/{branch}");
        let from = self.resolve(&full)?.ok_or_else(|| RollbackError::UnknownBranch(branch.to_owned()))?;
        let off = || RollbackError::NotOnBranch { branch: branch.to_owned(), commit: landing.clone() };
        if !ancestry::on_first_parents(self.objects(), &from, landing)? {
            return Err(off());
        }
        let to = self.objects().require_commit(landing)?.parents.first().cloned().ok_or_else(off)?;
        let kept = self.keep_in_ref(&format!("refs/greenlane/{run}/rolled-back"), &from)?;
        self.move_with_checkouts(branch, &from, &to)?;
        Ok(RolledBack { from, to, kept })
    }

    /// Sets a ref whatever it was, for refs that nobody else moves.
    ///
    /// # Errors
    /// If git refuses.
    pub fn set_ref(&self, name: &str, to: &Oid) -> Result<(), GitError> {
        let change = RefChange { name: name.to_owned(), new: Some(to.clone()), old: Expect::Any };
        match self.move_refs(&[change])? {
            Applied::Done => Ok(()),
            Applied::Refused => Err(answer("update-ref", &format!("{name} cannot be set"))),
        }
    }
}
