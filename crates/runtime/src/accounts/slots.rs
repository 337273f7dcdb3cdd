//! The places of an account, over all runs of the user: locked files. The keeper of an attempt is given the locked descriptor, and the
//! kernel lets go of the lock with the keeper, however that ends; no lease can be left over.
//!
//! Places are taken and counted under the account's lock, so that whoever only looks is never in the way of somebody who takes. Looking
//! opens a slot's file for reading only: the end of a descriptor for writing is what others watch for ([`super::watch`]).

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use greenlane_core::slug::slug;

use super::record::Accounts;

const MARK: &str = ".slot-";

/// A place, held for as long as the descriptor, or a copy of it in another process, is open.
#[derive(Debug)]
pub struct Lease {
    file: File,
}

impl Lease {
    /// The descriptor, for a process that is to hold the place from now on.
    #[must_use]
    pub fn into_file(self) -> File {
        self.file
    }
}

/// How the slots of an account stand.
pub(super) struct Slots {
    /// Somebody holds so many.
    pub(super) held: u32,
    /// Nobody holds this one.
    next: u32,
}

impl Accounts {
    /// A place of this account; `None`: all are taken. `most`: its places where its provider never refused.
    ///
    /// # Errors
    /// If its files cannot be made or locked.
    pub fn take(&self, account: &str, most: u32) -> io::Result<Option<Lease>> {
        let stem = slug(account);
        let _held = self.lock(&stem)?;
        let slots = self.slots(&stem)?;
        if slots.held >= self.record(&stem)?.places(most) {
            return Ok(None);
        }
        let file = File::options().create(true).truncate(false).write(true).open(self.slot(&stem, slots.next))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lease { file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(e),
        }
    }

    /// The caller holds the account's lock.
    pub(super) fn slots(&self, stem: &str) -> io::Result<Slots> {
        let prefix = format!("{stem}{MARK}");
        let mut free = Vec::new();
        let (mut held, mut known) = (0, Vec::new());
        for entry in fs::read_dir(&self.dir)? {
            let name = entry?.file_name();
            let Some(n) = name.to_str().and_then(|n| n.strip_prefix(&prefix)?.parse::<u32>().ok()) else { continue };
            known.push(n);
            if is_held(&self.slot(stem, n))? { held += 1 } else { free.push(n) }
        }
        let new = || (0..).find(|n| !known.contains(n)).unwrap_or(0);
        Ok(Slots { held, next: free.into_iter().min().unwrap_or_else(new) })
    }

    /// The slot that a file's name stands for is held by nobody. Under the account's lock.
    pub(super) fn is_free(&self, stem: &str, file: &str) -> bool {
        let held = self.lock(stem).and_then(|_held| is_held(&self.dir.join(file)));
        !held.unwrap_or(false)
    }

    fn slot(&self, stem: &str, n: u32) -> PathBuf {
        self.dir.join(format!("{stem}{MARK}{n}"))
    }
}

/// The account's stem, if this is the name of one of its slots.
pub(super) fn stem_of_slot(file: &str) -> Option<&str> {
    file.rsplit_once(MARK).map(|(stem, _)| stem)
}

fn is_held(path: &Path) -> io::Result<bool> {
    let file = match File::open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
        file => file?,
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(e)) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use greenlane_core::time::Time;

    use super::*;

    #[test]
    fn places_are_given_once_and_come_back_with_the_end_of_whoever_holds_them() {
        let dir = tempfile::tempdir().unwrap();
        let accounts = Accounts { dir: dir.path().join("accounts") };
        let free = || accounts.read("a#1", 2).unwrap().free;
        let first = accounts.take("a#1", 2).unwrap().unwrap();
        // Whoever gives the place away keeps nothing of it.
        let mut holder = Command::new("sleep").arg("60").stdin(Stdio::from(first.into_file())).spawn().unwrap();
        let second = accounts.take("a#1", 2).unwrap().unwrap();
        assert!(accounts.take("a#1", 2).unwrap().is_none());
        assert!(accounts.take("a", 2).unwrap().is_some(), "another account has its own");
        assert_eq!(free(), Some(0));
        holder.kill().unwrap();
        holder.wait().unwrap();
        assert_eq!(free(), Some(1), "killed, without a chance to let go of it");
        accounts.limit("a#1", Time(1), 1, "", Time(0)).unwrap();
        assert!(accounts.take("a#1", 2).unwrap().is_none(), "one is held, and there is only one by now");
        drop(second);
        assert!(accounts.take("a#1", 2).unwrap().is_some());
    }

    #[test]
    fn of_many_at_once_no_more_get_a_place_than_there_are() {
        let dir = tempfile::tempdir().unwrap();
        let accounts = Accounts { dir: dir.path().to_owned() };
        let leases: Vec<Lease> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| accounts.take("a", 3).unwrap())).collect();
            threads.into_iter().filter_map(|t| t.join().unwrap()).collect()
        });
        assert_eq!(leases.len(), 3);
        assert_eq!(accounts.read("a", 3).unwrap().free, Some(0));
    }
}
