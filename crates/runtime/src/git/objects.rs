//! What is in the repository: which commit a name stands for, a commit's tree and parents, a tree's entries.
//! Answered by one long-lived `git cat-file --batch-command`; starts no process per question. Changes nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use greenlane_core::ids::Oid;

use super::door::Git;
use super::error::GitError;
use super::session::Session;

/// How many commits are remembered; they never change.
const COMMITS_REMEMBERED_MAX: usize = 4096;

/// The largest object that is read whole: 64 MiB. Commits and trees stay far below.
const OBJECT_BYTES_MAX: usize = 64 << 20;

/// What a commit holds that matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitInfo {
    /// Its tree.
    pub tree: Oid,
    /// Its parents, first parent first.
    pub parents: Vec<Oid>,
    /// Its message.
    pub message: String,
}

/// One line of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeEntry {
    /// The octal mode as a number: 0o40000 a tree, 0o160000 a submodule, 0o120000 a link.
    pub mode: u32,
    /// The name, in whatever bytes it has.
    pub name: Vec<u8>,
    /// What it names.
    pub oid: Oid,
}

impl TreeEntry {
    /// Is it a directory?
    #[must_use]
    pub fn is_tree(&self) -> bool {
        self.mode == 0o40000
    }

    /// Is it a submodule's commit?
    #[must_use]
    pub fn is_gitlink(&self) -> bool {
        self.mode == 0o160_000
    }
}

/// The reading side of a repository.
pub struct Objects {
    git: Git,
    session: Mutex<Option<Session>>,
    commits: Mutex<BTreeMap<Oid, Arc<CommitInfo>>>,
}

impl Objects {
    pub(super) fn new(git: Git) -> Self {
        Self { git, session: Mutex::new(None), commits: Mutex::new(BTreeMap::new()) }
    }

    /// The commit that a name (`HEAD`, a branch, `worktrees/3/HEAD`, an abbreviation) stands for now; `None` if there is no such commit.
    ///
    /// # Errors
    /// If git cannot be asked.
    pub fn resolve(&self, rev: &str) -> Result<Option<Oid>, GitError> {
        Ok(self.ask("info", &format!("{rev}^{{commit}}"))?.map(|found| found.oid))
    }

    /// A commit; `None` if there is none of this name.
    ///
    /// # Errors
    /// If git cannot be asked, or the object is not a commit.
    pub fn commit(&self, oid: &Oid) -> Result<Option<Arc<CommitInfo>>, GitError> {
        if let Some(known) = self.commits.lock().unwrap_or_else(PoisonError::into_inner).get(oid) {
            return Ok(Some(Arc::clone(known)));
        }
        let Some(found) = self.ask("contents", oid.as_str())? else { return Ok(None) };
        let commit = Arc::new(parse_commit(&found.bytes).ok_or_else(|| answer("cat-file commit", oid.as_str()))?);
        let mut commits = self.commits.lock().unwrap_or_else(PoisonError::into_inner);
        if commits.len() >= COMMITS_REMEMBERED_MAX {
            commits.clear();
        }
        commits.insert(oid.clone(), Arc::clone(&commit));
        Ok(Some(commit))
    }

    /// A commit that must be there.
    ///
    /// # Errors
    /// If it is not.
    pub fn require_commit(&self, oid: &Oid) -> Result<Arc<CommitInfo>, GitError> {
        self.commit(oid)?.ok_or_else(|| answer("cat-file commit", &format!("{oid} missing")))
    }

    /// The entries of a tree, in git's order.
    ///
    /// # Errors
    /// If it is not there or not a tree.
    pub fn tree(&self, oid: &Oid) -> Result<Vec<TreeEntry>, GitError> {
        let found = self.ask("contents", oid.as_str())?.filter(|f| f.kind == "tree");
        let found = found.ok_or_else(|| answer("cat-file tree", &format!("{oid} missing")))?;
        parse_tree(&found.bytes, oid.as_str().len() / 2).ok_or_else(|| answer("cat-file tree", oid.as_str()))
    }

    /// The text of a file in a commit (`<commit>:<path>`), if it is there and no larger than this.
    ///
    /// # Errors
    /// If git cannot be asked.
    pub fn file(&self, commit: &Oid, path: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, GitError> {
        let name = format!("{commit}:{path}");
        match self.ask("info", &name)? {
            Some(found) if found.kind == "blob" && found.size <= bytes_max => Ok(self.ask("contents", &name)?.map(|f| f.bytes)),
            _ => Ok(None),
        }
    }

    fn ask(&self, verb: &str, name: &str) -> Result<Option<Found>, GitError> {
        if name.contains('\n') {
            return Ok(None);
        }
        let mut slot = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        // Twice: a session that died since the last question is replaced, a question that kills a fresh one is an error.
        if let Some(session) = slot.as_mut()
            && let Ok(found) = question(session, verb, name)
        {
            return Ok(found);
        }
        *slot = None;
        let mut session = Session::start(&self.git, &["cat-file", "--batch-command"])?;
        let found = question(&mut session, verb, name)?;
        *slot = Some(session);
        Ok(found)
    }
}

struct Found {
    oid: Oid,
    kind: String,
    size: usize,
    bytes: Vec<u8>,
}

fn question(session: &mut Session, verb: &str, name: &str) -> Result<Option<Found>, GitError> {
    session.ask(format!("{verb} {name}\n").as_bytes())?;
    let line = session.line()?;
    let fields: Vec<&str> = line.split(' ').collect();
    // Anything else is `<name> missing` or `<name> ambiguous`.
    let [oid, kind @ ("commit" | "tree" | "blob" | "tag"), size] = fields[..] else { return Ok(None) };
    let Ok(size) = size.parse::<usize>() else { return Ok(None) };
    let mut bytes = Vec::new();
    if verb == "contents" {
        if size > OBJECT_BYTES_MAX {
            return Err(answer("cat-file", &format!("{name} has {size} bytes")));
        }
        bytes = session.bytes(size)?;
    }
    Ok(Some(Found { oid: Oid::from(oid), kind: kind.to_owned(), size, bytes }))
}

pub(super) fn answer(command: &str, answer: &str) -> GitError {
    GitError::Answer { command: command.to_owned(), answer: answer.to_owned() }
}

fn parse_commit(bytes: &[u8]) -> Option<CommitInfo> {
    let text = String::from_utf8_lossy(bytes);
    let (head, message) = text.split_once("\n\n").unwrap_or((&text, ""));
    let mut tree = None;
    let mut parents = Vec::new();
    for line in head.lines() {
        match line.split_once(' ') {
            Some(("tree", oid)) if tree.is_none() => tree = Some(Oid::from(oid)),
            Some(("parent", oid)) => parents.push(Oid::from(oid)),
            _ => {}
        }
    }
    Some(CommitInfo { tree: tree?, parents, message: message.to_owned() })
}

fn parse_tree(mut bytes: &[u8], oid_len: usize) -> Option<Vec<TreeEntry>> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let space = bytes.iter().position(|b| *b == b' ')?;
        let mode = u32::from_str_radix(std::str::from_utf8(&bytes[..space]).ok()?, 8).ok()?;
        bytes = &bytes[space + 1..];
        let end = bytes.iter().position(|b| *b == 0)?;
        let name = bytes[..end].to_vec();
        bytes = &bytes[end + 1..];
        let oid = Oid::from(hex(bytes.get(..oid_len)?));
        bytes = &bytes[oid_len..];
        entries.push(TreeEntry { mode, name, oid });
    }
    Some(entries)
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, b| {
        let _ = write!(text, "{b:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use greenlane_testkit::fuzz::Target;

    use super::*;

    #[test]
    fn damaged_objects() {
        let id = "0123456789abcdef0123456789abcdef01234567";
        let commit = format!("tree {id}\nparent {id}\nauthor A <a@b> 1 +0000\ngpgsig x\n y\n\nmessage\n");
        let tree = [&b"100644 a\0"[..], &[1; 20], b"40000 \xff b\0", &[2; 20], b"160000 c\0", &[3; 20]].concat();
        Target { name: "objects", cases: 2_000, seeds: vec![commit.into_bytes(), tree], bytes_max: 256 * 1024, ..Target::default() }.run(
            |bytes| {
                let entries = parse_tree(bytes, 20).map(|t| t.len().min(5));
                (entries, parse_tree(bytes, 32).is_some(), parse_commit(bytes).map(|c| c.parents.len().min(5)))
            },
        );
    }
}
