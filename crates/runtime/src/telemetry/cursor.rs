//! How far what was sent reaches, in a small file beside the journal. What it does not name is sent again, or never was.

use std::io;
use std::path::{Path, PathBuf};

use greenlane_core::ids::RunId;
use serde::{Deserialize, Serialize};

/// The file in the state directory.
const FILE: &str = "telemetry.json";

/// Numbers of the journal's entries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// The collector has the spans of everything up to this entry.
    pub traces: u64,
    /// It has been counted, and the collector has the counts.
    pub metrics: u64,
    /// Runs of which something may not have been sent, the newest last. Nobody wanted telemetry of the others: they stay untold.
    #[serde(default)]
    pub runs: Vec<RunId>,
}

/// Where it stands.
pub(super) struct CursorFile(PathBuf);

impl CursorFile {
    /// Of this state directory.
    pub(super) fn in_dir(state_dir: &Path) -> Self {
        Self(state_dir.join(FILE))
    }

    /// `None`: nothing was ever sent from here, or nobody knows any more how far that reached.
    pub(super) fn read(&self) -> Option<Cursor> {
        serde_json::from_slice(&std::fs::read(&self.0).ok()?).ok()
    }

    /// Takes its place as a whole.
    ///
    /// # Errors
    /// If it cannot be written; the same is sent again then.
    pub(super) fn write(&self, cursor: &Cursor) -> io::Result<()> {
        let new = self.0.with_extension("new");
        std::fs::write(&new, serde_json::to_vec(cursor)?)?;
        std::fs::rename(&new, &self.0)
    }
}
