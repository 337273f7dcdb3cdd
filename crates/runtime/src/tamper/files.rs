//! The files of the shared git-dir that git reads or runs, apart from refs: configuration, hooks, `info/`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::store::{Store, digest};

/// Files that are compared, below the common git-dir. Hooks come on top.
const WATCHED: &[&str] =
    &["config", "config.worktree", "info/exclude", "info/attributes", "info/grafts", "objects/info/alternates", "shallow"];

/// Hooks beyond this number, and files beyond this size (4 MiB), are not looked at.
const HOOKS_MAX: usize = 200;
const BYTES_MAX: u64 = 4 << 20;

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileState {
    /// Its copy's name in the store.
    pub hash: String,
    /// Its permission bits.
    pub mode: u32,
    /// It is a link; its content is where it points.
    #[serde(default)]
    pub link: bool,
}

/// All of them by name, with a copy of each in the store.
pub(super) fn look(common_dir: &Path, store: &Store) -> io::Result<BTreeMap<String, FileState>> {
    let mut found = BTreeMap::new();
    let mut names: Vec<String> = WATCHED.iter().map(|n| (*n).to_owned()).collect();
    if let Ok(entries) = fs::read_dir(common_dir.join("hooks")) {
        let hooks = entries.flatten().filter_map(|e| e.file_name().into_string().ok());
        // Git runs none of the samples.
        names.extend(hooks.filter(|n| !n.ends_with(".sample")).take(HOOKS_MAX).map(|n| format!("hooks/{n}")));
    }
    for name in names {
        if let Some((bytes, state)) = read_state(&common_dir.join(&name))? {
            store.keep(&bytes)?;
            found.insert(name, state);
        }
    }
    Ok(found)
}

/// A file's content and state; `None`: there is none that could be compared.
pub(super) fn read_state(path: &Path) -> io::Result<Option<(Vec<u8>, FileState)>> {
    let meta = match fs::symlink_metadata(path) {
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(None),
        meta => meta?,
    };
    let read = if meta.file_type().is_symlink() {
        fs::read_link(path).map(|to| to.as_os_str().as_bytes().to_vec())
    } else if meta.is_file() && meta.len() <= BYTES_MAX {
        fs::read(path)
    } else {
        return Ok(None);
    };
    let bytes = match read {
        // What we may not read, git running as us may not either.
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => return Ok(None),
        read => read?,
    };
    let state = FileState { hash: digest(&bytes), mode: meta.permissions().mode() & 0o7777, link: meta.file_type().is_symlink() };
    Ok(Some((bytes, state)))
}
