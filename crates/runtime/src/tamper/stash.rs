//! The stash, which all worktrees share: its entries, taken off and put back one by one. Git numbers them anew at each change,
//! so every change is looked at again afterwards, and whatever it hit by mistake is put back.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::reflog;
use crate::git::{Git, GitError};

/// Entries beyond this number are not compared.
const ENTRIES_MAX: usize = 1000;

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub oid: String,
    pub message: String,
    /// Seconds since 1970.
    pub at: i64,
}

/// All entries, from the oldest to the newest.
pub(super) fn list(common_dir: &Path) -> Vec<Entry> {
    let all = reflog::read(&common_dir.join("logs/refs/stash"));
    let skipped = all.len().saturating_sub(ENTRIES_MAX);
    all.into_iter().skip(skipped).map(|e| Entry { oid: e.new, message: e.message, at: e.at }).collect()
}

/// Takes an entry off. `false`: it is not there.
pub(super) fn drop_entry(git: &Git, common_dir: &Path, oid: &str) -> Result<bool, GitError> {
    let before = list(common_dir);
    let Some(n) = before.iter().rev().position(|e| e.oid == oid) else { return Ok(false) };
    git.run(&["stash", "drop", "-q", &format!("stash@{{{n}}}")])?;
    let after = list(common_dir);
    // Somebody stashed between the look and the act: the wrong one went, and comes back.
    for lost in before.iter().filter(|e| e.oid != oid && !after.contains(e)) {
        store_entry(git, common_dir, lost)?;
    }
    Ok(!after.iter().any(|e| e.oid == oid))
}

/// Puts an entry back, on top.
pub(super) fn store_entry(git: &Git, common_dir: &Path, entry: &Entry) -> Result<(), GitError> {
    if list(common_dir).iter().any(|e| e.oid == entry.oid) {
        return Ok(());
    }
    git.run(&["stash", "store", "-q", "-m", &entry.message, &entry.oid]).map(drop)
}
