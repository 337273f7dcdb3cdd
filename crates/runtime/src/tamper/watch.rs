//! The comparison of one attempt, from before its start to after its end, so that it can be taken up again at any point:
//! `before.json` is written before the agent starts, `found.json` before anything is put back, `settled.json` when all is done.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use greenlane_core::shared::{SharedChange, SharedKind};
use serde::{Deserialize, Serialize};

use super::compare::{Act, Found, Witness, compare};
use super::evidence::{self, Call};
use super::put_back::PutBack;
use super::snapshot::Snapshot;
use super::store::{Store, write_whole};
use crate::git::Repo;

/// Changes that are told by name.
const TOLD_MAX: usize = 100;

/// How many changes are remembered as told already.
const REMEMBERED_MAX: usize = 10_000;

/// Watches one repository for one run.
pub struct Watch {
    repo: Repo,
    pool: PathBuf,
    store: Store,
    /// Every change that Greenlane itself made when it put something back: attempts that were at work then see it as a change.
    ledger: PathBuf,
    /// Changes that nobody is known to have made, and that were told once: with twenty attempts at work all of them see the same.
    told: Mutex<BTreeSet<String>>,
    /// Two attempts that end at once put back one after the other.
    one_at_a_time: Mutex<()>,
}

/// Whose comparison it is.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Where refs to what changed go: `refs/greenlane/<run>/tamper/<slug>/<n>`.
    pub kept: &'a str,
    /// The attempt's worktree.
    pub worktree: &'a Path,
    /// That worktree's own git-dir.
    pub git_dir: &'a Path,
    /// The task's branch, without `refs/heads/`.
    pub branch: &'a str,
}

/// What came of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// What changed, at most 100.
    pub changes: Vec<SharedChange>,
    /// How many more there are.
    pub more: u32,
}

impl Settled {
    /// A branch of Greenlane's own that the attempt moved and that could not be put back: what lands from there is not known.
    #[must_use]
    pub fn lost_branch(&self, plan_branch: Option<&str>) -> Option<&SharedChange> {
        let own = |c: &&SharedChange| {
            c.what == SharedKind::Branch
                && (greenlane_core::branch::is_shaped(&c.name) || Some(c.name.as_str()) == plan_branch)
                && c.command.is_some()
                && !c.restored
        };
        self.changes.iter().find(own)
    }
}

#[derive(Serialize, Deserialize)]
struct Findings {
    found: Vec<Found>,
    config: (Option<super::files::FileState>, Option<super::files::FileState>),
}

impl Watch {
    /// `pool`: where agents' worktrees lie. `dir`: where copies of the watched files go.
    #[must_use]
    pub fn new(repo: &Repo, pool: &Path, dir: &Path) -> Self {
        Self {
            repo: repo.clone(),
            pool: pool.to_owned(),
            store: Store::new(dir.to_owned()),
            ledger: dir.join("put-back.jsonl"),
            told: Mutex::default(),
            one_at_a_time: Mutex::default(),
        }
    }

    /// Looks before an attempt starts, and makes the folder for its git's own words; gives the variables that name it.
    /// `own`: Greenlane's refs that the attempt has to leave alone: the plans' branches, other tasks'.
    ///
    /// # Errors
    /// If the repository cannot be read, or the folder not be written.
    pub fn begin(&self, dir: &Path, own: &[String]) -> io::Result<[(OsString, OsString); 3]> {
        let trace = dir.join("git");
        drop(fs::remove_dir_all(dir));
        fs::create_dir_all(&trace)?;
        let before = Snapshot::take(&self.repo, &self.pool, &self.store, own)?;
        write_whole(&dir.join("before.json"), &serde_json::to_vec(&before)?)?;
        Ok(evidence::variables(&trace))
    }

    /// Looks after its end, keeps what changed, and puts back what the attempt is known to have done. Asked again, it says the same.
    ///
    /// # Errors
    /// If the repository cannot be read, or what was found not be written down; nothing was put back then.
    pub fn settle(&self, dir: &Path, subject: &Subject<'_>) -> io::Result<Settled> {
        let _turn = self.one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
        let settled_file = dir.join("settled.json");
        if let Some(settled) = read_json(&settled_file)? {
            return Ok(settled);
        }
        let found_file = dir.join("found.json");
        let findings = match read_json::<Findings>(&found_file)? {
            Some(findings) => findings,
            None => {
                let Some(before) = read_json::<Snapshot>(&dir.join("before.json"))? else { return Ok(Settled::default()) };
                let findings = self.look(dir, subject, &before)?;
                if findings.found.is_empty() {
                    drop(fs::remove_dir_all(dir.join("git")));
                    return Ok(Settled::default());
                }
                write_whole(&found_file, &serde_json::to_vec(&findings)?)?;
                findings
            }
        };
        self.note_in_ledger(&findings.found)?;
        let put_back = PutBack {
            repo: &self.repo,
            store: &self.store,
            worktree_git: self.repo.git_in(subject.git_dir, subject.worktree),
            prefix: subject.kept,
            scratch: &dir.join("config.new"),
            config: (findings.config.0.as_ref(), findings.config.1.as_ref()),
        };
        let mut changes = put_back.all(findings.found);
        let more = u32::try_from(changes.len().saturating_sub(TOLD_MAX)).unwrap_or(u32::MAX);
        changes.truncate(TOLD_MAX);
        let settled = Settled { changes, more };
        write_whole(&settled_file, &serde_json::to_vec(&settled)?)?;
        drop(fs::remove_dir_all(dir.join("git")));
        Ok(settled)
    }

    /// What was settled before; nothing, where nothing was.
    #[must_use]
    pub fn settled(&self, dir: &Path) -> Settled {
        read_json(&dir.join("settled.json")).ok().flatten().unwrap_or_default()
    }

    fn look(&self, dir: &Path, subject: &Subject<'_>, before: &Snapshot) -> io::Result<Findings> {
        let after = Snapshot::take(&self.repo, &self.pool, &self.store, &before.own)?;
        let checkouts = before.heads == after.heads && before.index == after.index;
        let nothing = checkouts && before.same_refs(&after) && before.files == after.files && before.stash == after.stash;
        let mut found = Vec::new();
        let calls = evidence::read(&dir.join("git"));
        if !nothing || calls.iter().any(Call::moves_refs) {
            let witness = Witness::new(&self.repo, subject.worktree, subject.git_dir, subject.branch, calls);
            found = compare(&witness, &self.store, before, &after)?;
            let ours = self.ledger();
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            if told.len() > REMEMBERED_MAX {
                told.clear();
            }
            found.retain(|f| !ours.contains(&put_back_key(&f.change)) && (f.change.command.is_some() || told.insert(told_key(f))));
        }
        let config = |s: &Snapshot| s.files.get("config").cloned();
        Ok(Findings { found, config: (config(before), config(&after)) })
    }

    fn ledger(&self) -> BTreeSet<String> {
        fs::read_to_string(&self.ledger).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    fn note_in_ledger(&self, found: &[Found]) -> io::Result<()> {
        let acts = |f: &&Found| !matches!(f.act, Act::Tell | Act::KeepRef { .. } | Act::KeepFile { .. });
        let lines: Vec<String> = found.iter().filter(acts).map(|f| put_back_key(&reversed(&f.change))).collect();
        if lines.is_empty() {
            return Ok(());
        }
        use std::io::Write as _;
        let mut file = fs::File::options().create(true).append(true).open(&self.ledger)?;
        file.write_all((lines.join("\n") + "\n").as_bytes())
    }
}

fn reversed(change: &SharedChange) -> SharedChange {
    SharedChange { before: change.after.clone(), after: change.before.clone(), ..change.clone() }
}

fn put_back_key(change: &SharedChange) -> String {
    serde_json::to_string(&(change.what, &change.name, &change.before, &change.after)).unwrap_or_default()
}

fn told_key(found: &Found) -> String {
    serde_json::to_string(&(found.change.what, &found.change.name, &found.change.after)).unwrap_or_default()
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        // A file that a crash of the machine left empty says nothing.
        read => Ok(serde_json::from_slice(&read?).ok()),
    }
}
