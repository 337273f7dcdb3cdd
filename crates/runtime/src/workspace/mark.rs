//! The note beside each pooled worktree that says who holds it: `<pool>/<n>.json`. Outlives the process that wrote it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use greenlane_core::ids::{Oid, RunId, TaskKey};
use greenlane_core::time::Time;
use serde::{Deserialize, Serialize};

/// Who may work in a worktree, for good: agents' worktrees never verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Agents.
    Task,
    /// Verification only; no agent ever worked there.
    Verify,
}

/// Whether a worktree may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holding {
    /// Somebody works in it, or did when Greenlane died.
    Busy,
    /// It is left as it is for people; among the last few, or pinned.
    Kept,
    /// It may be recycled.
    Free,
    /// It could not be recycled (a directory without write permission); what it held is safe. Only cleaning up touches it.
    Broken,
}

/// What lies in a worktree that is being filled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filling {
    /// What it held before, of which this is the note, may not be in a ref yet.
    Over(Box<Mark>),
    /// Nobody's work: what it held before is safe, the files are those of two commits mixed.
    Mixed,
}

/// The note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The worktree's number in the pool.
    pub number: u32,
    /// The repository's shared git-dir.
    pub common_dir: PathBuf,
    /// The worktree's own git-dir.
    pub git_dir: PathBuf,
    /// For whom.
    pub class: Class,
    /// Taken?
    pub holding: Holding,
    /// The run that held it last.
    pub run: RunId,
    /// The task that held it last; `None` for verification.
    pub key: Option<TaskKey>,
    /// The task's or plan's slug.
    pub slug: String,
    /// The task's branch; empty for verification.
    pub branch: String,
    /// What the work in it began from.
    pub base: Oid,
    /// Since when it is held like this.
    pub since: Time,
    /// Nothing ran in it after the last commit of its work: only ignored files differ from that commit.
    pub settled: bool,
    /// Holds work that no commit can hold; never recycled. In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<String>,
    /// It is being filled, or the process that filled it died: what lies in it is not the work of this task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filling: Option<Filling>,
    /// Digest of the set-up commands and lock files that set-up last ran for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub set_up_for: String,
}

impl Mark {
    fn path(pool: &Path, number: u32) -> PathBuf {
        pool.join(format!("{number}.json"))
    }

    /// It was filled once; before that only its number is taken.
    pub(super) fn is_made(&self) -> bool {
        !self.git_dir.as_os_str().is_empty()
    }

    /// A task's work may lie in it: it was filled, and is no verification's.
    #[must_use]
    pub fn holds_work(&self) -> bool {
        self.class == Class::Task && self.is_made() && self.filling.is_none()
    }

    /// The worktree of this note.
    #[must_use]
    pub fn worktree(&self, pool: &Path) -> PathBuf {
        pool.join(self.number.to_string())
    }

    /// Writes it, atomically. Not synced: a note lost to a power cut is one more worktree that is looked at before it is used.
    pub(super) fn write(&self, pool: &Path) -> io::Result<()> {
        let path = Self::path(pool, self.number);
        let temp = pool.join(format!("{}.json.tmp", self.number));
        fs::write(&temp, serde_json::to_vec(self).map_err(io::Error::other)?)?;
        fs::rename(temp, path)
    }

    /// Whether the worktree at this path is there, and is this task's of this run: it may have been removed, or used again since.
    #[must_use]
    pub fn is_of(worktree: &Path, run: &RunId, key: &TaskKey) -> bool {
        let mut note = worktree.as_os_str().to_owned();
        note.push(".json");
        let mark = fs::read(note).ok().and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok());
        worktree.is_dir()
            && mark.is_some_and(|m| m.run == *run && m.key.as_ref() == Some(key) && m.holding != Holding::Free && m.filling.is_none())
    }

    /// The note of the worktree at this path, if there is one that can be read.
    pub(super) fn beside(worktree: &Path) -> Option<Self> {
        let mut note = worktree.as_os_str().to_owned();
        note.push(".json");
        serde_json::from_slice(&fs::read(note).ok()?).ok()
    }

    /// Takes the note away.
    pub(super) fn remove(&self, pool: &Path) -> io::Result<()> {
        fs::remove_file(Self::path(pool, self.number))
    }

    /// All notes of a pool, by number. One that cannot be read is passed over, and its number stays taken by its worktree.
    pub(super) fn all(pool: &Path) -> io::Result<Vec<Self>> {
        let mut marks: Vec<Self> = Vec::new();
        for entry in fs::read_dir(pool)? {
            let path = entry?.path();
            if path.extension().is_some_and(|e| e == "json")
                && let Ok(bytes) = fs::read(&path)
                && let Ok(mark) = serde_json::from_slice(&bytes)
            {
                marks.push(mark);
            }
        }
        marks.sort_by_key(|m| m.number);
        Ok(marks)
    }
}
