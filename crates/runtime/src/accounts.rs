//! What all runs of a user on this machine know of the accounts that agents work on: a small file for each, changed under a lock.
//! Keeps what it is told; how long to wait, and how many to let in, is the core's business.

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
    dir: PathBuf,
}

/// One account's file.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Record {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    paused_until: Option<Time>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limit: Option<u32>,
}

impl Accounts {
    /// `$XDG_STATE_HOME/greenlane/accounts`; `None` where not even a home is known.
    #[must_use]
    pub fn of_user(environment: &BTreeMap<OsString, OsString>) -> Option<Self> {
        Some(Self { dir: worktrees_dir(None, Path::new("/"), environment)?.join("accounts") })
    }

    /// The account is limited until then. Of several ends the latest holds.
    ///
    /// # Errors
    /// If the file cannot be read or written.
    pub fn limit(&self, account: &str, until: Time, limit: u32, reason: &str) -> io::Result<AccountReading> {
        self.change(account, |record| {
            if record.paused_until < Some(until) {
                record.paused_until = Some(until);
                reason.clone_into(&mut record.reason);
            }
            record.limit = Some(limit);
        })
    }

    /// One more at once, if the limit is still what it is known to be.
    ///
    /// # Errors
    /// As [`Accounts::limit`].
    pub fn raise(&self, account: &str, from: u32, to: u32) -> io::Result<AccountReading> {
        self.change(account, |record| {
            if record.limit == Some(from) {
                record.limit = Some(to);
            }
        })
    }

    fn change(&self, account: &str, change: impl FnOnce(&mut Record)) -> io::Result<AccountReading> {
        let path = self.dir.join(format!("{}.json", slug(account)));
        let _held = lock(&path.with_extension("lock"))?;
        let mut record: Record = match fs::read(&path) {
            // A damaged file is worth no more than none: it is made anew.
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Record::default(),
            Err(e) => return Err(e),
        };
        change(&mut record);
        let new = path.with_extension("new");
        fs::write(&new, serde_json::to_vec(&record)?)?;
        fs::rename(&new, &path)?;
        Ok(AccountReading { paused_until: record.paused_until, reason: record.reason, limit: record.limit, free: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_end_holds_and_a_limit_rises_only_from_what_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let accounts = Accounts { dir: dir.path().join("accounts") };
        accounts.limit("a/b", Time(90), 4, "too many").unwrap();
        let second = accounts.limit("a/b", Time(50), 2, "again").unwrap();
        assert_eq!((second.paused_until, second.reason.as_str(), second.limit), (Some(Time(90)), "too many", Some(2)));
        assert_eq!(accounts.raise("a/b", 4, 5).unwrap().limit, Some(2), "another run has changed it");
        assert_eq!(accounts.raise("a/b", 2, 3).unwrap().limit, Some(3));
        assert_eq!(accounts.raise("c", 2, 3).unwrap().limit, None, "never lowered");
    }
}
