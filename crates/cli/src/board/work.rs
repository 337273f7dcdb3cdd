//! Where the work of an attempt can still be seen: in the commit that the gate saw, in its worktree, in a ref that keeps it, or nowhere.
//! Asks git; changes nothing.

use std::path::PathBuf;

use greenlane_core::ids::{AttemptId, Oid};
use greenlane_runtime::git::Repo;
use greenlane_runtime::workspace::kept_words;

use super::rows::{AttemptRow, TaskRow};
use crate::report::short;

/// Where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// In a commit; in words, which.
    Commit(Oid, String),
    /// In a worktree, as it is now, with what git does not know yet.
    Worktree(PathBuf),
    /// The gate found nothing that differs from this base.
    Nothing(Oid),
}

impl Work {
    /// The work of this attempt.
    ///
    /// # Errors
    /// In words, if it has none yet, or it is not kept.
    pub fn of(repo: &Repo, task: &TaskRow, attempt: &AttemptRow) -> Result<Self, String> {
        let Some(base) = &attempt.base else { return Err(String::from("there is nothing to compare yet: it has no worktree")) };
        let next = task.attempts.iter().find(|a| a.n > attempt.n);
        let worktree = task.worktree.as_ref().filter(|w| next.is_none() && w.is_dir());
        if let (Some(worktree), true) = (worktree, attempt.under_way) {
            return Ok(Self::Worktree(worktree.clone()));
        }
        if attempt.unchanged {
            return Ok(Self::Nothing(base.clone()));
        }
        let resolved = |name: &str| repo.resolve(name).map_err(|e| e.to_string());
        if let Some(commit) = &attempt.commit
            && resolved(commit.as_str())?.is_some()
        {
            return Ok(Self::Commit(commit.clone(), format!("as the gate saw it, {}", short(commit.as_str()))));
        }
        if let Some(worktree) = worktree {
            return Ok(Self::Worktree(worktree.clone()));
        }
        if let Some(name) = &attempt.kept
            && let Some(commit) = resolved(name)?
        {
            return Ok(Self::Commit(commit, format!("as it was left, in {name}")));
        }
        if let Some((commit, name)) = kept(repo, task, attempt)? {
            return Ok(Self::Commit(commit, format!("as it was left, in {name}")));
        }
        Err(match next {
            Some(next) if !next.fresh => {
                format!("attempt {} went on with its work; how attempt {} left it is not kept", next.number, attempt.number)
            }
            _ => String::from("its work is not kept any more"),
        })
    }

    /// Its commit, where it is in one.
    #[must_use]
    pub fn commit(&self) -> Option<&Oid> {
        match self {
            Self::Commit(oid, _) | Self::Nothing(oid) => Some(oid),
            Self::Worktree(_) => None,
        }
    }

    /// Where that is, in words.
    #[must_use]
    pub fn told(&self) -> String {
        match self {
            Self::Commit(_, told) => told.clone(),
            Self::Worktree(_) => String::from("in its worktree now"),
            Self::Nothing(_) => String::from("it changed nothing"),
        }
    }
}

/// The newest ref that says that it keeps the work of this attempt. What was kept without such a word may be of any attempt.
fn kept(repo: &Repo, task: &TaskRow, attempt: &AttemptRow) -> Result<Option<(Oid, String)>, String> {
    let format = "--format=%(objectname) %(refname) %(contents:subject)";
    let listed = repo.git().run(&["for-each-ref", "--sort=-committerdate", format, &task.kept_in]).map_err(|e| e.to_string())?;
    let own = kept_words(&AttemptId { key: task.key.clone(), n: attempt.n }, "");
    let text = listed.text();
    let mut found = text.lines().filter_map(|line| {
        let mut words = line.splitn(3, ' ');
        let (commit, name, subject) = (words.next()?, words.next()?, words.next()?);
        subject.starts_with(&own).then(|| (Oid::from(commit), name.to_owned()))
    });
    Ok(found.next())
}
