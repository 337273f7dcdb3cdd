//! Copies the ignored files that `.worktreeinclude` names from the main checkout into a worktree. Only files that git
//! ignores: a tracked file comes from the commit, an untracked one is somebody's work.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use ignore::gitignore::GitignoreBuilder;

use super::error::{WorkspaceError, at};
use crate::git::Repo;

/// The file, at the top of the main checkout, in gitignore's syntax.
const FILE: &str = ".worktreeinclude";
const FILES_MAX: usize = 20_000;
const BYTES_MAX: u64 = 2 << 30;

/// Brings the files into a worktree: those that are missing there or differ in size or time. Listed anew each time: a run takes hours,
/// and what the user adds meanwhile is there for the next attempt. Without the file no process is started.
pub(super) fn copy_included(repo: &Repo, worktree: &Path) -> Result<(), WorkspaceError> {
    let Some(top) = repo.main_top() else { return Ok(()) };
    for file in list(repo, top)? {
        copy(top, worktree, &file)?;
    }
    Ok(())
}

fn list(repo: &Repo, top: &Path) -> Result<Vec<PathBuf>, WorkspaceError> {
    let rules = top.join(FILE);
    if !rules.is_file() {
        return Ok(Vec::new());
    }
    let mut builder = GitignoreBuilder::new(top);
    if let Some(error) = builder.add(&rules) {
        return Err(WorkspaceError::Io { path: rules, source: io::Error::new(io::ErrorKind::InvalidData, error) });
    }
    let matcher =
        builder.build().map_err(|e| WorkspaceError::Io { path: rules.clone(), source: io::Error::new(io::ErrorKind::InvalidData, e) })?;
    let ignored = repo.git_in(repo.common_dir(), top).run(&["ls-files", "--others", "--ignored", "--exclude-standard", "-z"])?;
    let mut files = Vec::new();
    let mut bytes = 0;
    for name in ignored.stdout.split(|b| *b == 0).filter(|n| !n.is_empty() && !n.ends_with(b"/")) {
        let path = PathBuf::from(std::ffi::OsStr::from_bytes(name));
        if path.starts_with(".greenlane") || !matcher.matched_path_or_any_parents(&path, false).is_ignore() {
            continue;
        }
        bytes += fs::symlink_metadata(top.join(&path)).map_or(0, |m| m.len());
        files.push(path);
        if files.len() > FILES_MAX {
            return Err(WorkspaceError::IncludeTooMuch {
                what: format!("{} files and more", files.len()),
                limit: format!("{FILES_MAX} files"),
            });
        }
        if bytes > BYTES_MAX {
            return Err(WorkspaceError::IncludeTooMuch { what: format!("{bytes} bytes and more"), limit: format!("{BYTES_MAX} bytes") });
        }
    }
    Ok(files)
}

fn copy(top: &Path, worktree: &Path, file: &Path) -> Result<(), WorkspaceError> {
    let (source, goal) = (top.join(file), worktree.join(file));
    // It was there when the list was made.
    let Ok(meta) = fs::symlink_metadata(&source) else { return Ok(()) };
    // A link on the way would lead the copy out of the worktree.
    let parents = file.ancestors().skip(1).filter(|p| !p.as_os_str().is_empty());
    if parents.into_iter().any(|p| fs::symlink_metadata(worktree.join(p)).is_ok_and(|m| !m.is_dir())) {
        return Ok(());
    }
    if let Ok(there) = fs::symlink_metadata(&goal) {
        let same = there.file_type() == meta.file_type() && there.len() == meta.len() && there.modified().ok() == meta.modified().ok();
        if same || there.is_dir() {
            return Ok(());
        }
        fs::remove_file(&goal).map_err(at(&goal))?;
    }
    if let Some(parent) = goal.parent() {
        fs::create_dir_all(parent).map_err(at(parent))?;
    }
    if meta.is_symlink() {
        return fs::read_link(&source).and_then(|to| std::os::unix::fs::symlink(to, &goal)).map_err(at(&goal));
    }
    fs::copy(&source, &goal).map_err(at(&goal))?;
    if let Ok(modified) = meta.modified() {
        // Times only save the next copy; a read-only file that refuses them is copied again.
        drop(fs::File::options().write(true).open(&goal).and_then(|f| f.set_modified(modified)));
    }
    Ok(())
}
