//! Where the pool of a repository lies. Touches nothing.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// The folder of all pools: `[workspace] dir` (a relative one counts from the repository's top), else
/// `$XDG_STATE_HOME/greenlane`. `None` where not even a home is known.
#[must_use]
pub fn worktrees_dir(configured: Option<&Path>, top: &Path, env: &BTreeMap<OsString, OsString>) -> Option<PathBuf> {
    if let Some(dir) = configured {
        return Some(top.join(dir));
    }
    let absolute = |name: &str| env.get(OsStr::new(name)).map(PathBuf::from).filter(|p| p.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")))?;
    Some(state.join("greenlane"))
}

/// This repository's pool in that folder: its name for people, and a hash that tells it from others of the same name.
#[must_use]
pub fn pool_dir(all: &Path, main_top: &Path, common_dir: &Path) -> PathBuf {
    let name: String = main_top
        .file_name()
        .unwrap_or(OsStr::new("repository"))
        .to_string_lossy()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' })
        .take(40)
        .collect();
    let hash: String = Sha256::digest(common_dir.as_os_str().as_encoded_bytes()).iter().take(5).map(|b| format!("{b:02x}")).collect();
    all.join(format!("{}-{hash}", name.trim_matches('.')))
}
