//! Where the socket lies: in the user's runtime directory, short enough for a socket's name.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// The socket of the coordinator whose state lies in this directory. Its folder is made, and belongs to this user alone.
///
/// # Errors
/// If the folder cannot be made, or belongs to somebody else.
pub fn socket_path(state_dir: &Path) -> io::Result<PathBuf> {
    let name: String = Sha256::digest(state_dir.as_os_str().as_encoded_bytes()).iter().take(8).map(|b| format!("{b:02x}")).collect();
    let uid = rustix::process::getuid().as_raw();
    let runtime_dir = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|d| d.is_absolute() && d.as_os_str().len() < 70);
    let folder = match runtime_dir {
        Some(dir) if dir.is_dir() => dir.join("greenlane"),
        _ => PathBuf::from(format!("/tmp/greenlane-{uid}")),
    };
    match fs::DirBuilder::new().mode(0o700).create(&folder) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
        _ => {}
    }
    // In a shared /tmp somebody else may have made it first, to listen in.
    let found = fs::symlink_metadata(&folder)?;
    if !found.is_dir() || found.uid() != uid {
        return Err(io::Error::other(format!("{} is not a folder of this user's", folder.display())));
    }
    Ok(folder.join(format!("{name}.sock")))
}
