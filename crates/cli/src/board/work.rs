//! Where the work of an attempt can still be seen: in the commit that the gate saw, in its worktree, in a ref that keeps it, or nowhere.
//! Asks git; changes nothing.

use std::path::PathBuf;

use greenlane_core::ids::{AttemptId, Oid};
use greenlane_core::time::Time;
use greenlane_runtime::git::Repo;

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
        if let Some((commit, name)) = kept(repo, task, attempt, next)? {
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

/// The ref that keeps the work of this attempt: one that says so, or else the newest that was made while this was the newest at work; so
/// it is when its worktree is given to the next one, or taken away. Refs have seconds: what is made in the very second in which an
/// attempt begins is of the one before.
fn kept(repo: &Repo, task: &TaskRow, attempt: &AttemptRow, next: Option<&AttemptRow>) -> Result<Option<(Oid, String)>, String> {
    let second = |at: Time| at.0 / 1_000;
    let (Some(from), until) = (attempt.spawned_at.map(second), next.map(|n| n.spawned_at.map(second))) else { return Ok(None) };
    let format = "--format=%(committerdate:unix) %(objectname) %(refname) %(contents:subject)";
    let listed = repo.git().run(&["for-each-ref", format, &task.kept_in]).map_err(|e| e.to_string())?;
    let named = |n: u32| format!("Work of {}, kept ", AttemptId { key: task.key.clone(), n });
    let (own, others) = (named(attempt.n), task.attempts.iter().filter(|a| a.n != attempt.n).map(|a| named(a.n)).collect::<Vec<_>>());
    let text = listed.text();
    let mut found: Option<(bool, u64, Oid, String)> = None;
    for line in text.lines() {
        let mut words = line.splitn(4, ' ');
        let (Some(at), Some(commit), Some(name)) = (words.next().and_then(|w| w.parse().ok()), words.next(), words.next()) else {
            continue;
        };
        let subject = words.next().unwrap_or_default();
        let says_so = subject.starts_with(&own);
        // A next one that was never at work has taken nothing over.
        let in_time = at > from && until.is_none_or(|until| until.is_some_and(|until| at <= until));
        let is_others = others.iter().any(|other| subject.starts_with(other));
        let newer = found.as_ref().is_none_or(|(said, then, ..)| (says_so, at) >= (*said, *then));
        if (says_so || in_time && !is_others) && newer {
            found = Some((says_so, at, Oid::from(commit), name.to_owned()));
        }
    }
    Ok(found.map(|(_, _, commit, name)| (commit, name)))
}
