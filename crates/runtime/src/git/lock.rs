//! A lock on a file, held by one thread of one process at a time and let go when the process dies.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Waits for the lock; it is let go with the returned file.
///
/// # Errors
/// If the file cannot be made or locked.
pub fn lock(path: &Path) -> io::Result<File> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let file = File::options().create(true).append(true).open(path)?;
    file.lock()?;
    Ok(file)
}
