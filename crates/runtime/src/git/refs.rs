//! Moves refs, by compare-and-swap, many in one transaction, through one long-lived `git update-ref --stdin`.
//! Decides nothing about which may move.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use greenlane_core::ids::Oid;

use super::door::Git;
use super::error::GitError;
use super::objects::Objects;
use super::session::Session;

/// Git dates reflog entries by the time its process began to care; an older process is replaced so that the dates stay true.
const SESSION_AGE_MAX: Duration = Duration::from_secs(60);

/// What a ref must be for a change to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Whatever it is.
    Any,
    /// Not there.
    Missing,
    /// Exactly here.
    At(Oid),
}

/// One ref's change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefChange {
    /// The full name: `refs/heads/main`.
    pub name: String,
    /// Its new value; `None` deletes it.
    pub new: Option<Oid>,
    /// What it must be now.
    pub old: Expect,
}

impl RefChange {
    /// Moves a ref from one commit to another.
    pub fn moved(name: impl Into<String>, from: &Oid, to: &Oid) -> Self {
        Self { name: name.into(), new: Some(to.clone()), old: Expect::At(from.clone()) }
    }

    /// Creates a ref that must not be there yet.
    pub fn created(name: impl Into<String>, at: &Oid) -> Self {
        Self { name: name.into(), new: Some(at.clone()), old: Expect::Missing }
    }

    /// Deletes a ref that must be exactly here.
    pub fn deleted(name: impl Into<String>, at: &Oid) -> Self {
        Self { name: name.into(), new: None, old: Expect::At(at.clone()) }
    }
}

/// Whether a transaction was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// All of it.
    Done,
    /// None of it: a ref was not what was expected, is locked, or its name cannot exist beside another's.
    Refused,
}

/// The refs of a repository.
pub struct Refs {
    git: Git,
    session: Mutex<Option<Session>>,
}

impl Refs {
    pub(super) fn new(git: Git) -> Self {
        Self { git, session: Mutex::new(None) }
    }

    /// Makes all of these changes, or none.
    ///
    /// # Errors
    /// If git cannot be started or asked. A compare-and-swap that fails is not an error but [`Applied::Refused`].
    pub fn apply(&self, objects: &Objects, changes: &[RefChange]) -> Result<Applied, GitError> {
        if changes.is_empty() {
            return Ok(Applied::Done);
        }
        let script = script(changes);
        let mut slot = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.as_ref().is_some_and(|s| s.age() > SESSION_AGE_MAX) {
            *slot = None;
        }
        for _ in 0..2 {
            let fresh = slot.is_none();
            let mut session = match slot.take() {
                Some(session) => session,
                None => Session::start(&self.git, &["update-ref", "-m", "greenlane", "--no-deref", "--stdin", "-z"])?,
            };
            let reached = transact(&mut session, &script);
            if reached == Reached::Committed {
                *slot = Some(session);
                return Ok(Applied::Done);
            }
            drop(session);
            // Git ends with the first transaction that it refuses. One that was prepared may have been made all the same.
            if reached == Reached::Prepared && made(objects, changes)? {
                return Ok(Applied::Done);
            }
            if fresh {
                return Ok(Applied::Refused);
            }
        }
        Ok(Applied::Refused)
    }
}

fn script(changes: &[RefChange]) -> Vec<u8> {
    let mut script = b"start\0".to_vec();
    for RefChange { name, new, old } in changes {
        let width = new.as_ref().map_or(40, |oid| oid.as_str().len());
        let zero = "0".repeat(width);
        let old = match old {
            Expect::Any => "",
            Expect::Missing => &zero,
            Expect::At(oid) => oid.as_str(),
        };
        let line = match new {
            Some(new) => format!("update {name}\0{new}\0{old}\0"),
            None => format!("delete {name}\0{old}\0"),
        };
        script.extend_from_slice(line.as_bytes());
    }
    script.extend_from_slice(b"prepare\0commit\0");
    script
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reached {
    Nothing,
    Prepared,
    Committed,
}

fn transact(session: &mut Session, script: &[u8]) -> Reached {
    if session.ask(script).is_err() {
        return Reached::Nothing;
    }
    let mut says = |step: &str| session.line().is_ok_and(|line| line == step);
    if !(says("start: ok") && says("prepare: ok")) {
        return Reached::Nothing;
    }
    if says("commit: ok") { Reached::Committed } else { Reached::Prepared }
}

fn made(objects: &Objects, changes: &[RefChange]) -> Result<bool, GitError> {
    for change in changes {
        if objects.resolve(&change.name)? != change.new {
            return Ok(false);
        }
    }
    Ok(true)
}
