//! Writes commits and trees through one long-lived `git hash-object --stdin-paths` for each kind, which checks their form.
//! Knows nothing of files in worktrees, and moves no ref.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use greenlane_core::ids::Oid;

use super::door::Git;
use super::error::GitError;
use super::objects::{TreeEntry, answer};
use super::session::Session;

static WRITERS: AtomicU32 = AtomicU32::new(0);

/// The two idents of a commit without their time: `Name <address>` and a zone such as `+0100`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idents {
    /// The author's.
    pub author: String,
    /// The committer's.
    pub committer: String,
    /// Of both.
    pub zone: String,
}

/// The writing side of the object store.
pub struct Writer {
    commits: Hasher,
    trees: Hasher,
}

impl Writer {
    pub(super) fn new(git: &Git, scratch: PathBuf) -> Self {
        Self { commits: Hasher::new(git.clone(), "commit", scratch.clone()), trees: Hasher::new(git.clone(), "tree", scratch) }
    }

    /// Writes a commit dated now.
    ///
    /// # Errors
    /// If git refuses it or cannot write.
    pub fn commit(&self, idents: &Idents, tree: &Oid, parents: &[Oid], message: &str) -> Result<Oid, GitError> {
        use std::fmt::Write as _;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let mut text = format!("tree {tree}\n");
        for parent in parents {
            let _ = writeln!(text, "parent {parent}");
        }
        let Idents { author, committer, zone } = idents;
        let _ = write!(text, "author {author} {now} {zone}\ncommitter {committer} {now} {zone}\n\n");
        // A NUL would end the message for git.
        text.push_str(&message.replace('\0', " "));
        if !text.ends_with('\n') {
            text.push('\n');
        }
        self.commits.write(text.as_bytes())
    }

    /// Writes a tree; the entries may come in any order.
    ///
    /// # Errors
    /// If git refuses it or cannot write.
    pub fn tree(&self, entries: &[TreeEntry]) -> Result<Oid, GitError> {
        // Git orders directories as though their names ended in a slash.
        let key = |e: &TreeEntry| {
            let mut name = e.name.clone();
            if e.is_tree() {
                name.push(b'/');
            }
            name
        };
        let mut sorted: Vec<&TreeEntry> = entries.iter().collect();
        sorted.sort_by_key(|e| key(e));
        let mut bytes = Vec::new();
        for entry in sorted {
            bytes.extend_from_slice(format!("{:o} ", entry.mode).as_bytes());
            bytes.extend_from_slice(&entry.name);
            bytes.push(0);
            bytes.extend_from_slice(&unhex(entry.oid.as_str()).ok_or_else(|| answer("hash-object", entry.oid.as_str()))?);
        }
        self.trees.write(&bytes)
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

struct Hasher {
    git: Git,
    kind: &'static str,
    /// The file that git reads the object from; rewritten for each.
    file: PathBuf,
    session: Mutex<Option<Session>>,
}

impl Hasher {
    fn new(git: Git, kind: &'static str, scratch: PathBuf) -> Self {
        let file = scratch.join(format!("{kind}-{}-{}", std::process::id(), WRITERS.fetch_add(1, Ordering::Relaxed)));
        Self { git, kind, file, session: Mutex::new(None) }
    }

    fn write(&self, bytes: &[u8]) -> Result<Oid, GitError> {
        let mut slot = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(parent) = self.file.parent() {
            fs::create_dir_all(parent).map_err(GitError::Spawn)?;
        }
        fs::write(&self.file, bytes).map_err(GitError::Spawn)?;
        let path = self.file.to_str().filter(|p| !p.contains('\n')).ok_or_else(|| answer("hash-object", "the path is not text"))?;
        if let Some(session) = slot.as_mut()
            && let Ok(oid) = hash(session, path)
        {
            return Ok(oid);
        }
        // Writing the same object twice is harmless, so a session that died is simply replaced.
        *slot = None;
        let mut session = Session::start(&self.git, &["hash-object", "-t", self.kind, "-w", "--no-filters", "--stdin-paths"])?;
        let oid = hash(&mut session, path).map_err(|_| answer("hash-object", &format!("git refused to write a {}", self.kind)))?;
        *slot = Some(session);
        Ok(oid)
    }
}

impl Drop for Hasher {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.file));
    }
}

fn hash(session: &mut Session, path: &str) -> Result<Oid, GitError> {
    session.ask(format!("{path}\n").as_bytes())?;
    let line = session.line()?;
    let good = line.len() >= 40 && line.bytes().all(|b| b.is_ascii_hexdigit());
    good.then(|| Oid::from(&line)).ok_or_else(|| answer("hash-object", &line))
}
