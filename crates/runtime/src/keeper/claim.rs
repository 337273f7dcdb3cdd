//! Who may run an attempt: the claim file. It appears whole and locked, or not at all, so that an attempt starts at most once.
//!
//! The order that closes the races: a temporary file is created, *locked*, written, and only then hard-linked to `claim`. Whoever sees
//! `claim` sees its full content, and finds it locked for as long as its keeper lives: the kernel drops the lock with the process, however that
//! ends, and the descriptor closes on exec, so that no child of the keeper carries the lock on. Linking fails if there is a claim already:
//! of two keepers, or of a keeper and a `void`, one wins.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use greenlane_core::attempt::ExitRecord;
use serde::{Deserialize, Serialize};

use super::identity::Identity;
use super::record;

const FILE: &str = "claim";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Claim {
    Keeper(Identity),
    Void(Identity),
}

/// The claim, held. Dropping it, or dying, gives up the lock but not the claim.
pub(super) struct Held {
    _lock: File,
}

/// What has become of an attempt, as its directory tells.
#[derive(Clone, Debug, PartialEq)]
pub enum Probe {
    /// No keeper has claimed it. One may still be on its way: [`void`] settles that.
    NeverBegan,
    /// Its keeper lives.
    Running(Identity),
    /// Its keeper has gone and left a record; nothing of its tree is left.
    Exited(Box<ExitRecord>),
    /// Its keeper has gone without a record. What it kept may still run: `end_strays`.
    Lost(Option<Identity>),
    /// It can never begin.
    Voided,
}

/// Looks at an attempt without waiting.
///
/// # Errors
/// If the directory cannot be read. A missing directory is an attempt that never began.
pub fn probe(dir: &Path) -> io::Result<Probe> {
    match open(dir)? {
        Some(file) => match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Ok(match read(dir) {
                Some(Claim::Keeper(who)) => Probe::Running(who),
                // The one who voids holds the lock for a moment.
                Some(Claim::Void(_)) | None => Probe::Voided,
            }),
            Err(TryLockError::Error(e)) => Err(e),
            Ok(()) => Ok(after(dir)),
        },
        None => Ok(Probe::NeverBegan),
    }
}

/// Waits until the attempt's keeper is gone, without polling (it queues for the claim's lock), then looks.
///
/// An attempt without a claim is not waited for: right after [`super::spawn`], wait for the child instead.
///
/// # Errors
/// As [`probe`].
pub fn wait(dir: &Path) -> io::Result<Probe> {
    let Some(file) = open(dir)? else { return Ok(Probe::NeverBegan) };
    loop {
        match file.lock_shared() {
            Ok(()) => return Ok(after(dir)),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// Takes the claim, so that the attempt can never begin. `false`: it has begun, or ended (an attempt that is void already is `true`).
///
/// # Errors
/// If the claim cannot be written.
pub fn void(dir: &Path) -> io::Result<bool> {
    fs::create_dir_all(dir)?;
    match take(dir, &Claim::Void(Identity::own()))? {
        Some(_) => Ok(true),
        None => Ok(matches!(read(dir), Some(Claim::Void(_)))),
    }
}

/// The keeper's side. `None`: somebody has it.
pub(super) fn acquire(dir: &Path) -> io::Result<Option<Held>> {
    take(dir, &Claim::Keeper(Identity::own()))
}

fn take(dir: &Path, claim: &Claim) -> io::Result<Option<Held>> {
    let bytes = serde_json::to_vec(claim)?;
    let (path, mut file) = temporary(dir)?;
    let linked = file.lock().and_then(|()| file.write_all(&bytes)).and_then(|()| fs::hard_link(&path, dir.join(FILE)));
    let removed = fs::remove_file(&path);
    match linked {
        Ok(()) => removed.map(|()| Some(Held { _lock: file })),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(None),
        Err(e) => Err(e),
    }
}

/// A new file that nobody else uses. Several threads of one process may void, and a name may be left from a pid of an earlier boot.
fn temporary(dir: &Path) -> io::Result<(PathBuf, File)> {
    let pid = std::process::id();
    for n in 0..1000 {
        let path = dir.join(format!("claim.{pid}.{n}"));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "no free name for a temporary claim"))
}

fn open(dir: &Path) -> io::Result<Option<File>> {
    match File::open(dir.join(FILE)) {
        Ok(file) => Ok(Some(file)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

fn read(dir: &Path) -> Option<Claim> {
    serde_json::from_slice(&fs::read(dir.join(FILE)).ok()?).ok()
}

/// Nobody holds the claim: what did its holder leave? A record that cannot be read (the machine went down while it was written) is none.
fn after(dir: &Path) -> Probe {
    match read(dir) {
        Some(Claim::Void(_)) => Probe::Voided,
        claim => match record::read(dir) {
            Some(record) => Probe::Exited(Box::new(record)),
            None => Probe::Lost(match claim {
                Some(Claim::Keeper(who)) => Some(who),
                _ => None,
            }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_without_a_claim_never_began_and_can_be_voided_once_and_for_all() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(probe(dir.path()).unwrap(), Probe::NeverBegan);
        assert_eq!(wait(dir.path()).unwrap(), Probe::NeverBegan);
        assert!(void(dir.path()).unwrap());
        assert!(void(dir.path()).unwrap(), "void twice is void");
        assert_eq!(probe(dir.path()).unwrap(), Probe::Voided);
        assert!(acquire(dir.path()).unwrap().is_none());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn a_claim_is_running_while_it_is_held_and_lost_when_its_holder_left_no_record() {
        let dir = tempfile::tempdir().unwrap();
        let held = acquire(dir.path()).unwrap().unwrap();
        assert_eq!(probe(dir.path()).unwrap(), Probe::Running(Identity::own()));
        assert!(!void(dir.path()).unwrap());
        assert!(acquire(dir.path()).unwrap().is_none());
        drop(held);
        assert_eq!(probe(dir.path()).unwrap(), Probe::Lost(Some(Identity::own())));
        assert!(acquire(dir.path()).unwrap().is_none(), "a lost attempt is not run again under its own name");
    }

    #[test]
    fn of_many_at_once_one_has_the_claim() {
        let dir = tempfile::tempdir().unwrap();
        let won: usize = std::thread::scope(|s| {
            let threads: Vec<_> = (0..8).map(|_| s.spawn(|| acquire(dir.path()).unwrap())).collect();
            threads.into_iter().filter_map(|t| t.join().unwrap()).count()
        });
        assert_eq!(won, 1);
    }
}
