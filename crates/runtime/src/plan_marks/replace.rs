//! Replaces a text that a person may be editing: whole or not at all, only where it still is what was read, with its permissions kept.
//! Knows nothing of plans.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Longest text that is replaced or appended to: longer plans are not read either.
pub const BYTES_MAX: u64 = 10 << 20;

/// Why a file was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ReplaceError {
    /// It is not there.
    #[error("it is not there any more")]
    Gone,
    /// It is not for writing.
    #[error("it is read-only")]
    ReadOnly,
    /// Somebody has changed it since it was read.
    #[error("it was changed just now")]
    Changed,
    /// It is no text that can be changed here.
    #[error("it is {0}")]
    Odd(&'static str),
    /// The disk.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// The text of a regular file, and the file behind all links.
///
/// # Errors
/// If there is none, or it is too long or no UTF-8.
pub fn read_file(path: &Path) -> Result<(PathBuf, String), ReplaceError> {
    let real = path.canonicalize().map_err(gone)?;
    let file = File::open(&real).map_err(gone)?;
    if !file.metadata()?.is_file() {
        return Err(ReplaceError::Odd("no regular file"));
    }
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(ReplaceError::Odd("too long"));
    }
    let text = String::from_utf8(bytes).map_err(|_| ReplaceError::Odd("no UTF-8 text"))?;
    Ok((real, text))
}

/// Puts `new` in the place of `old`. `real` is a file behind all links, as [`read_file`] gives it: links to it stay.
///
/// # Errors
/// If the file is not what was read any more, is not for writing, or the disk fails; then it is as it was.
pub fn replace_file(real: &Path, old: &str, new: &str) -> Result<(), ReplaceError> {
    let folder = real.parent().ok_or(ReplaceError::Odd("no file"))?;
    let meta = std::fs::symlink_metadata(real).map_err(gone)?;
    writable(&meta)?;
    // Beside it, as a rename goes nowhere else; hidden, and gone again whatever happens.
    let mut temp = tempfile::Builder::new().prefix(".greenlane-").suffix(".tmp").tempfile_in(folder)?;
    temp.write_all(new.as_bytes())?;
    temp.as_file().set_permissions(std::fs::Permissions::from_mode(meta.permissions().mode() & 0o7777))?;
    // Another owner can be kept by the superuser only; for everybody else it is the same one.
    drop(std::os::unix::fs::fchown(temp.as_file(), Some(meta.uid()), Some(meta.gid())));
    temp.as_file().sync_all()?;
    // As late as can be: what somebody writes after this look and before the rename would be lost.
    let (still, now) = read_file(real)?;
    if now != old || still != real {
        return Err(ReplaceError::Changed);
    }
    temp.persist(real).map_err(|e| ReplaceError::Io(e.error))?;
    sync_folder(folder);
    Ok(())
}

/// Adds to the end of a file, which is made where it is missing; on a line of its own.
///
/// # Errors
/// If it is too long already, is no file for writing, or the disk fails.
pub fn append_file(path: &Path, text: &str) -> Result<(), ReplaceError> {
    let end = match read_file(path) {
        Ok((_, old)) if (old.len() + text.len()) as u64 > BYTES_MAX => return Err(ReplaceError::Odd("too long")),
        Ok((_, old)) => old,
        Err(ReplaceError::Gone) => String::new(),
        Err(e) => return Err(e),
    };
    if let Ok(meta) = std::fs::metadata(path) {
        writable(&meta)?;
    }
    let gap = if end.is_empty() || end.ends_with('\n') { "" } else { "\n" };
    let mut file = OpenOptions::new().append(true).create(true).mode(0o644).open(path)?;
    file.write_all(format!("{gap}{text}").as_bytes())?;
    file.sync_all()?;
    Ok(())
}

/// A file that nobody may write is meant to stay as it is, though a rename could replace it.
fn writable(meta: &Metadata) -> Result<(), ReplaceError> {
    if !meta.is_file() {
        return Err(ReplaceError::Odd("no regular file"));
    }
    if meta.permissions().readonly() { Err(ReplaceError::ReadOnly) } else { Ok(()) }
}

fn gone(e: io::Error) -> ReplaceError {
    if e.kind() == io::ErrorKind::NotFound { ReplaceError::Gone } else { ReplaceError::Io(e) }
}

/// So that the rename is there after a power cut; where it cannot be asked for, it comes by itself.
pub(super) fn sync_folder(folder: &Path) {
    drop(File::open(folder).and_then(|f| f.sync_all()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_replaced_behind_its_links_with_its_permissions() {
        let dir = tempfile::tempdir().expect("a folder");
        let (real, link) = (dir.path().canonicalize().expect("a path").join("real.md"), dir.path().join("link.md"));
        std::fs::write(&real, "old").expect("a file");
        std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).expect("a mode");
        std::os::unix::fs::symlink("real.md", &link).expect("a link");
        let (found, text) = read_file(&link).expect("a text");
        assert_eq!((&found, text.as_str()), (&real, "old"));
        replace_file(&found, &text, "new").expect("replaced");
        assert!(std::fs::symlink_metadata(&link).expect("the link").is_symlink());
        assert_eq!(std::fs::read_to_string(&link).expect("a text"), "new");
        assert_eq!(std::fs::metadata(&real).expect("a file").permissions().mode() & 0o7777, 0o640);
        assert!(matches!(replace_file(&real, "old", "newer"), Err(ReplaceError::Changed)));
        std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o440)).expect("a mode");
        assert!(matches!(replace_file(&real, "new", "newer"), Err(ReplaceError::ReadOnly)));
        assert_eq!(std::fs::read_to_string(&real).expect("a text"), "new");
        std::fs::remove_file(&real).expect("removed");
        assert!(matches!(read_file(&link), Err(ReplaceError::Gone)));
        assert_eq!(std::fs::read_dir(dir.path()).expect("a folder").count(), 1, "nothing is left behind");
    }

    #[test]
    fn what_is_appended_stands_on_lines_of_its_own() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("progress.txt");
        append_file(&path, "one\n").expect("made");
        std::fs::write(&path, "one\ntheirs").expect("a file");
        append_file(&path, "two\n").expect("appended");
        assert_eq!(std::fs::read_to_string(&path).expect("a text"), "one\ntheirs\ntwo\n");
        std::fs::write(&path, "x".repeat(BYTES_MAX as usize)).expect("a file");
        assert!(matches!(append_file(&path, "x"), Err(ReplaceError::Odd("too long"))));
    }
}
