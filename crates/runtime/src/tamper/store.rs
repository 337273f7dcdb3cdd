//! Copies of the few files that are watched, once for each content, so that what was can be put back and shown.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// A folder of copies; a copy's name is the hash of its content.
#[derive(Clone, Debug)]
pub(super) struct Store {
    dir: PathBuf,
}

impl Store {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Keeps this content, unless it is kept already; gives its name.
    pub(super) fn keep(&self, bytes: &[u8]) -> io::Result<String> {
        let name = digest(bytes);
        let path = self.dir.join(&name);
        if !path.exists() {
            fs::create_dir_all(&self.dir)?;
            write_whole(&path, bytes)?;
        }
        Ok(name)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    pub(super) fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.path(name))
    }
}

pub(super) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// Writes a file so that whoever finds it finds all of it.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    // Attempts that begin at the same time may write the same copy.
    name.push(format!(".{}.{:?}.new", std::process::id(), std::thread::current().id()));
    let temporary = path.with_file_name(name);
    fs::write(&temporary, bytes)?;
    fs::rename(temporary, path)
}
