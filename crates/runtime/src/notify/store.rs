//! How far a repository's notices are, and what went wrong with them: `.greenlane/notify.json`.

use std::fs;
use std::path::{Path, PathBuf};

use greenlane_core::time::Time;
use serde::{Deserialize, Serialize};

use crate::journal::Position;

/// What is remembered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Remembered {
    /// Everything up to here was told, or was nothing to tell.
    pub through: Position,
    /// When somebody was told last.
    #[serde(default)]
    pub told_at: Option<Time>,
    /// What the last telling could not do, for each channel that failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trouble: Vec<String>,
}

fn path(state_dir: &Path) -> PathBuf {
    state_dir.join("notify.json")
}

/// What stands there; `None`: nothing was ever to be told, or it cannot be read.
pub(super) fn read(state_dir: &Path) -> Option<Remembered> {
    serde_json::from_slice(&fs::read(path(state_dir)).ok()?).ok()
}

/// Writes it, whole or not at all.
pub(super) fn write(state_dir: &Path, remembered: &Remembered) -> std::io::Result<()> {
    let path = path(state_dir);
    let temporary = path.with_extension(format!("{}.new", std::process::id()));
    fs::write(&temporary, serde_json::to_vec(remembered).map_err(std::io::Error::other)?)?;
    fs::rename(&temporary, &path)
}

/// Where nothing was ever told, what happened before is old.
pub(super) fn begin_at(state_dir: &Path, end: Position) {
    if read(state_dir).is_none() {
        // What cannot be written now is written by the sender, or is its trouble.
        drop(write(state_dir, &Remembered { through: end, ..Remembered::default() }));
    }
}

/// What went wrong when somebody was told last.
#[must_use]
pub fn last_trouble(state_dir: &Path) -> Vec<String> {
    read(state_dir).map(|r| r.trouble).unwrap_or_default()
}
