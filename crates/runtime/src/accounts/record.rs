//! One account's file: until when it is paused, in whose words, and how many it takes at once.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{fs, io};

use greenlane_core::input::AccountReading;
use greenlane_core::slug::slug;
use greenlane_core::time::Time;
use serde::{Deserialize, Serialize};

use crate::git::lock;
use crate::workspace::worktrees_dir;

/// The folder of all accounts.
#[derive(Clone, Debug)]
pub struct Accounts {
    pub(super) dir: PathBuf,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Record {
    /// As the coordinators call it; the file's name is only made from it.
    #[serde(default)]
    account: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    paused_until: Option<Time>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limit: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changed_at: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lifted_at: Option<Time>,
}

impl Record {
    /// Most at once, of so many at the most.
    pub(super) fn places(&self, most: u32) -> u32 {
        self.limit.unwrap_or(most).min(most).max(1)
    }

    /// With the number of places that nobody holds.
    pub(super) fn reading(self, free: Option<u32>) -> AccountReading {
        let Self { account: _, paused_until, reason, limit, changed_at, lifted_at } = self;
        AccountReading { paused_until, reason, limit, changed_at, lifted_at, free }
    }
}

impl Accounts {
    /// `$XDG_STATE_HOME/greenlane/accounts`; `None` where not even a home is known.
    #[must_use]
    pub fn of_user(environment: &BTreeMap<OsString, OsString>) -> Option<Self> {
        Some(Self { dir: worktrees_dir(None, Path::new("/"), environment)?.join("accounts") })
    }

    /// The account is limited until then. Of several ends the latest holds. `now`: when that was decided.
    ///
    /// # Errors
    /// If the file cannot be read or written.
    pub fn limit(&self, account: &str, until: Time, limit: u32, reason: &str, now: Time) -> io::Result<()> {
        self.change(account, |record| {
            if record.paused_until < Some(until) {
                record.paused_until = Some(until);
                reason.clone_into(&mut record.reason);
            }
            record.limit = Some(limit);
            record.changed_at = Some(now);
        })
    }

    /// More at once, if the limit is still what it is known to be.
    ///
    /// # Errors
    /// As [`Accounts::limit`].
    pub fn raise(&self, account: &str, from: u32, to: u32, now: Time) -> io::Result<()> {
        self.change(account, |record| {
            if record.limit == Some(from) {
                record.limit = Some(to);
                record.changed_at = Some(now);
            }
        })
    }

    /// A person knows better: the account is limited no longer.
    ///
    /// # Errors
    /// As [`Accounts::limit`].
    pub fn lift(&self, account: &str, now: Time) -> io::Result<()> {
        self.change(account, |record| {
            record.paused_until = None;
            record.reason.clear();
            record.lifted_at = Some(now);
        })
    }

    /// Every account that was ever limited, by name, and until when it is paused.
    ///
    /// # Errors
    /// If the folder cannot be read. One that is not there holds none.
    pub fn known(&self) -> io::Result<BTreeMap<String, Option<Time>>> {
        let entries = match fs::read_dir(&self.dir) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            entries => entries?,
        };
        let mut known = BTreeMap::new();
        for entry in entries {
            let name = entry?.file_name();
            let Some(stem) = name.to_str().and_then(|n| n.strip_suffix(".json")) else { continue };
            let record = self.record(stem)?;
            if !record.account.is_empty() {
                known.insert(record.account, record.paused_until);
            }
        }
        Ok(known)
    }

    /// How the account stands; `most`: its places where its provider never refused.
    ///
    /// # Errors
    /// If its files cannot be read. An account without any was never limited.
    pub fn read(&self, account: &str, most: u32) -> io::Result<AccountReading> {
        let stem = slug(account);
        let _held = self.lock(&stem)?;
        let record = self.record(&stem)?;
        let free = record.places(most).saturating_sub(self.slots(&stem)?.held);
        Ok(record.reading(Some(free)))
    }

    /// How the account stands, and how many of its places somebody holds; makes nothing where there is nothing yet.
    ///
    /// # Errors
    /// If its files cannot be read.
    pub fn look(&self, account: &str) -> io::Result<(AccountReading, u32)> {
        let stem = slug(account);
        if !self.held(&stem).exists() {
            return Ok((Record::default().reading(None), 0));
        }
        let _held = self.lock(&stem)?;
        Ok((self.record(&stem)?.reading(None), self.slots(&stem)?.held))
    }

    pub(super) fn lock(&self, stem: &str) -> io::Result<fs::File> {
        lock(&self.held(stem))
    }

    fn held(&self, stem: &str) -> PathBuf {
        self.dir.join(format!("{stem}.held"))
    }

    pub(super) fn record(&self, stem: &str) -> io::Result<Record> {
        match fs::read(self.file(stem)) {
            // A damaged file is worth no more than none: it is made anew.
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Record::default()),
            Err(e) => Err(e),
        }
    }

    fn file(&self, stem: &str) -> PathBuf {
        self.dir.join(format!("{stem}.json"))
    }

    fn change(&self, account: &str, change: impl FnOnce(&mut Record)) -> io::Result<()> {
        let stem = slug(account);
        let _held = self.lock(&stem)?;
        let mut record = self.record(&stem)?;
        account.clone_into(&mut record.account);
        change(&mut record);
        let new = self.dir.join(format!("{stem}.new"));
        fs::write(&new, serde_json::to_vec(&record)?)?;
        // Whoever watches sees the whole of it or nothing.
        fs::rename(&new, self.file(&stem))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_only_looks_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let accounts = Accounts { dir: dir.path().join("accounts") };
        let (reading, held) = accounts.look("a").unwrap();
        assert_eq!((reading, held, dir.path().join("accounts").exists()), (Record::default().reading(None), 0, false));
        let lease = accounts.take("a", 4).unwrap().unwrap();
        accounts.limit("a", Time(9), 2, "too many", Time(1)).unwrap();
        let (reading, held) = accounts.look("a").unwrap();
        assert_eq!((reading.limit, reading.paused_until, reading.reason.as_str(), held), (Some(2), Some(Time(9)), "too many", 1));
        drop(lease);
        assert_eq!(accounts.look("a").unwrap().1, 0);
    }

    #[test]
    fn the_latest_end_holds_and_a_limit_rises_only_from_what_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let accounts = Accounts { dir: dir.path().join("accounts") };
        let read = |account| accounts.read(account, 10).unwrap();
        accounts.limit("a/b", Time(90), 4, "too many", Time(1)).unwrap();
        accounts.limit("a/b", Time(50), 2, "again", Time(2)).unwrap();
        let second = read("a/b");
        assert_eq!((second.paused_until, second.reason.as_str(), second.limit), (Some(Time(90)), "too many", Some(2)));
        accounts.raise("a/b", 4, 5, Time(3)).unwrap();
        assert_eq!((read("a/b").limit, read("a/b").changed_at), (Some(2), Some(Time(2))), "another run has changed it");
        accounts.raise("a/b", 2, 3, Time(4)).unwrap();
        assert_eq!((read("a/b").limit, read("a/b").changed_at, read("a/b").free), (Some(3), Some(Time(4)), Some(3)));
        accounts.lift("a/b", Time(6)).unwrap();
        assert_eq!((read("a/b").paused_until, read("a/b").lifted_at, read("a/b").limit), (None, Some(Time(6)), Some(3)));
        assert_eq!(accounts.known().unwrap(), BTreeMap::from([(String::from("a/b"), None)]));
        accounts.raise("c", 2, 3, Time(5)).unwrap();
        assert_eq!((read("c").limit, read("c").free), (None, Some(10)), "never lowered");
    }
}
