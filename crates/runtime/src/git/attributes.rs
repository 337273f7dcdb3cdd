//! The attributes that a merge goes by: those of the commit that is merged onto, in a folder of their own. Knows nothing of what
//! they say.
//!
//! `git merge-tree` reads `.gitattributes` in its work-tree, and without one in the directory it is started in: whatever folder
//! the user stands in would decide which merge driver is used, and that driver's scratch files would be written there. Git has an
//! option for this since 2.41 only; a folder serves them all. Only directories in which the two sides differ are asked.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path};

use greenlane_core::ids::Oid;
use tempfile::TempDir;

use super::error::GitError;
use super::repo::Repo;
use super::tree_diff::changes;

const FILE: &str = ".gitattributes";

/// A file of attributes that is larger is left out.
const FILE_BYTES_MAX: usize = 1 << 20;

/// So many directories are asked at most; two sides that differ in more are not merged by patterns of single directories.
const DIRECTORIES_MAX: usize = 10_000;

/// A work-tree with nothing but the attributes of `onto`; removed when dropped.
pub(super) fn lay_out(repo: &Repo, onto: &Oid, other: &Oid) -> Result<TempDir, GitError> {
    let scratch = repo.common_dir().join("greenlane");
    let made = fs::create_dir_all(&scratch).and_then(|()| tempfile::Builder::new().prefix("attributes-").tempdir_in(&scratch));
    let dir = made.map_err(GitError::Spawn)?;
    let objects = repo.objects();
    let mut directories = BTreeSet::from([String::new()]);
    for change in changes(objects, &repo.tree_of(onto)?, &repo.tree_of(other)?)? {
        let mut path = change.path.as_str();
        while let Some((parent, _)) = path.rsplit_once('/') {
            if directories.len() >= DIRECTORIES_MAX || !directories.insert(format!("{parent}/")) {
                break;
            }
            path = parent;
        }
    }
    for directory in directories.iter().filter(|d| is_plain(d)) {
        if let Some(text) = objects.file(onto, &format!("{directory}{FILE}"), FILE_BYTES_MAX)? {
            let into = dir.path().join(directory);
            fs::create_dir_all(&into).and_then(|()| fs::write(into.join(FILE), text)).map_err(GitError::Spawn)?;
        }
    }
    Ok(dir)
}

/// A tree that was made by hand may have names that lead elsewhere.
fn is_plain(directory: &str) -> bool {
    Path::new(directory).components().all(|c| matches!(c, Component::Normal(name) if !name.eq_ignore_ascii_case(".git")))
}
