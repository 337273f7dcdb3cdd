//! Disk that is kept for the moment when there is none: given back, it lets a run write down how it ended. Knows nothing of runs.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The file under the state directory.
pub const FILE_NAME: &str = "reserve";

/// Disk that is held, until it is dropped: between runs it is the user's. What a coordinator that died has left is taken over.
pub struct Reserve {
    path: PathBuf,
}

impl Reserve {
    /// Takes so many bytes, as real blocks; what an earlier run still holds is part of it. `None`: none are wanted.
    ///
    /// # Errors
    /// If they cannot be had; nothing is held then.
    pub fn hold(state_dir: &Path, bytes: u64) -> io::Result<Option<Self>> {
        let path = state_dir.join(FILE_NAME);
        if bytes == 0 {
            remove(&path)?;
            return Ok(None);
        }
        let taken = OpenOptions::new().write(true).create(true).truncate(false).open(&path).and_then(|file| take(&file, bytes));
        match taken {
            Ok(()) => Ok(Some(Self { path })),
            Err(e) => {
                // Half a reserve only makes the disk fuller.
                remove(&path)?;
                Err(e)
            }
        }
    }

    /// Gives it back. `false`: it was given back already.
    ///
    /// # Errors
    /// If the file cannot be removed.
    pub fn release(&self) -> io::Result<bool> {
        remove(&self.path)
    }
}

impl Drop for Reserve {
    fn drop(&mut self) {
        let _ = remove(&self.path);
    }
}

fn remove(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

fn take(file: &File, bytes: u64) -> io::Result<()> {
    file.set_len(bytes)?;
    match allocate(file, bytes) {
        // Not every file system can; then the blocks are written.
        Err(e) if matches!(e.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput) => write_all(file, bytes),
        other => other,
    }
}

#[cfg(target_os = "linux")]
fn allocate(file: &File, bytes: u64) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    fallocate(file, FallocateFlags::empty(), 0, bytes).map_err(Into::into)
}

#[cfg(not(target_os = "linux"))]
fn allocate(_file: &File, _bytes: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

fn write_all(mut file: &File, bytes: u64) -> io::Result<()> {
    const PIECE: usize = 64 * 1024;
    let piece = [0_u8; PIECE];
    let mut left = bytes;
    while left > 0 {
        let n = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        file.write_all(&piece[..n])?;
        left -= n as u64;
    }
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn what_is_held_is_real_and_given_back_once() {
        let dir = tempfile::tempdir().unwrap();
        let reserve = Reserve::hold(dir.path(), 300_000).unwrap().unwrap();
        let meta = fs::metadata(dir.path().join(FILE_NAME)).unwrap();
        assert_eq!(meta.len(), 300_000);
        assert!(meta.blocks() * 512 >= 300_000, "{}", meta.blocks());
        assert!(reserve.release().unwrap());
        assert!(!reserve.release().unwrap());
        drop(reserve);
        // A coordinator that died held more.
        fs::write(dir.path().join(FILE_NAME), [1; 9_000]).unwrap();
        let reserve = Reserve::hold(dir.path(), 5_000).unwrap();
        assert_eq!(fs::metadata(dir.path().join(FILE_NAME)).unwrap().len(), 5_000);
        drop(reserve);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_cannot_be_had_or_is_not_wanted_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Reserve::hold(dir.path(), 1 << 60).is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        fs::write(dir.path().join(FILE_NAME), "x").unwrap();
        assert!(Reserve::hold(dir.path(), 0).unwrap().is_none());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
