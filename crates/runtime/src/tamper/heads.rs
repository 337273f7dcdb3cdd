//! What the checkouts of a repository are at, and whether a folder is one of them. Agents' own worktrees are left out.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use crate::git::Repo;
use crate::git::residue::linked_git_dir;

/// The length of the sum at an index's end, in bytes (SHA-1; of a longer one this much of its end does as well).
const SUM_BYTES: u64 = 20;

/// Every checkout that is not in the pool: its folder and its git-dir.
fn checkouts(repo: &Repo, pool: &Path) -> Vec<(PathBuf, PathBuf)> {
    let mut found: Vec<_> = repo.main_top().map(|top| (top.to_owned(), repo.common_dir().to_owned())).into_iter().collect();
    for entry in fs::read_dir(repo.common_dir().join("worktrees")).into_iter().flatten().flatten() {
        let git_dir = entry.path();
        let Ok(back) = fs::read_to_string(git_dir.join("gitdir")) else { continue };
        let file = PathBuf::from(back.trim_end());
        if let Some(top) = file.parent()
            && !top.starts_with(pool)
        {
            found.push((top.to_owned(), git_dir));
        }
    }
    found
}

/// The HEAD of every checkout that is not in the pool: its folder and the text.
pub(super) fn look(repo: &Repo, pool: &Path) -> BTreeMap<String, String> {
    let text = |git_dir: &Path| fs::read_to_string(git_dir.join("HEAD")).ok();
    checkouts(repo, pool).into_iter().filter_map(|(top, d)| Some((top.display().to_string(), text(&d)?.trim_end().to_owned()))).collect()
}

/// The same of their indexes: what tells one content from another, without reading all of it.
pub(super) fn indexes(repo: &Repo, pool: &Path) -> BTreeMap<String, String> {
    checkouts(repo, pool)
        .into_iter()
        .filter_map(|(top, d)| Some((top.display().to_string(), fingerprint(&d.join("index")).ok()?)))
        .collect()
}

/// Its length, and the sum that git itself writes at the end of an index; where it writes none, the time.
fn fingerprint(path: &Path) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    let meta = file.metadata()?;
    let mut sum = Vec::new();
    file.seek(SeekFrom::Start(meta.len().saturating_sub(SUM_BYTES)))?;
    file.take(SUM_BYTES).read_to_end(&mut sum)?;
    if sum.iter().all(|b| *b == 0) {
        return Ok(format!("{} {:?}", meta.len(), meta.modified()?));
    }
    Ok(format!("{} {}", meta.len(), sum.iter().map(|b| format!("{b:02x}")).collect::<String>()))
}

/// The git-dir of this checkout, if it is one of this repository's.
pub(super) fn git_dir_of(repo: &Repo, top: &Path) -> Option<PathBuf> {
    let dot_git = top.join(".git");
    if dot_git.is_dir() {
        return dot_git.canonicalize().ok().filter(|d| d == repo.common_dir());
    }
    let git_dir = linked_git_dir(top)?.canonicalize().ok()?;
    git_dir.starts_with(repo.common_dir().join("worktrees")).then_some(git_dir)
}

/// The branch that a checkout is on now, as a full ref.
pub(super) fn branch_of(git_dir: &Path) -> Option<String> {
    let text = fs::read_to_string(git_dir.join("HEAD")).ok()?;
    text.trim_end().strip_prefix("ref: ").map(str::to_owned)
}

/// Is any checkout, an agent's too, on this branch?
pub(super) fn is_checked_out(repo: &Repo, full: &str) -> bool {
    let main = repo.main_top().map(|_| repo.common_dir().to_owned());
    let linked = fs::read_dir(repo.common_dir().join("worktrees")).into_iter().flatten().flatten().map(|e| e.path());
    main.into_iter().chain(linked).any(|git_dir| branch_of(&git_dir).as_deref() == Some(full))
}
