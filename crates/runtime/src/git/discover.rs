//! Finds the repository that the user stands in, and says in which way there is none. Changes nothing.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::atomic::Ordering;

use super::door::{Caller, PROCESSES_STARTED, base_command};
use super::error::GitError;

/// The oldest git that can merge in memory (`merge-tree --write-tree`).
pub const GIT_VERSION_MIN: (u32, u32) = (2, 38);

/// Why there is no repository to work on.
#[derive(Debug, thiserror::Error)]
pub enum RepoError {
    /// Neither the directory nor one above it is a repository.
    #[error("{} is not in a git repository", .0.display())]
    NotARepository(PathBuf),
    /// There is no such directory.
    #[error("there is no directory {}", .0.display())]
    NoDirectory(PathBuf),
    /// The program is not there.
    #[error("git is not installed, or not on PATH")]
    GitMissing,
    /// The program cannot merge in memory.
    #[error("git {found} is too old: Greenlane needs {}.{} or newer", GIT_VERSION_MIN.0, GIT_VERSION_MIN.1)]
    GitTooOld {
        /// What `git version` said.
        found: String,
    },
    /// There is a repository, and git refuses it: another user's, or broken.
    #[error("git refuses the repository at {}: {message}", .at.display())]
    Refused {
        /// Where it is.
        at: PathBuf,
        /// What git said.
        message: String,
    },
    /// Git answers a path a line.
    #[error("the repository's path holds a line break, and Greenlane cannot work there: {0:?}")]
    LineBreak(PathBuf),
    /// Nothing to start from.
    #[error("the repository has no commits yet")]
    NoCommits,
    /// A revision that the user named is not there.
    #[error("`{0}` is not a commit or branch of this repository")]
    UnknownRevision(String),
    /// A call failed.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A file could not be read or written.
    #[error("{}: {source}", .path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// How.
        #[source]
        source: io::Error,
    },
}

impl RepoError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NotARepository(_) => "run it inside a repository, name one with -C DIR, or make one with `git init`",
            Self::GitMissing => "install git (Debian: `apt install git`)",
            Self::GitTooOld { .. } => "install a newer git (Debian 12 has 2.39)",
            Self::Refused { .. } => "if the repository belongs to another user: `git config --global --add safe.directory DIR`",
            Self::LineBreak(_) => "move the repository to a path without line breaks; a clone elsewhere does as well",
            Self::NoCommits => "make a first commit: `git add -A && git commit -m \"Start\"`",
            Self::UnknownRevision(_) => {
                "`git branch -a` lists the branches; in a shallow clone older commits are not there (`git fetch --unshallow`)"
            }
            Self::NoDirectory(_) | Self::Git(_) | Self::Io { .. } => return None,
        };
        Some(text.to_owned())
    }
}

/// Where the repository lies.
pub(super) struct Found {
    pub(super) common_dir: PathBuf,
    pub(super) git_dir: PathBuf,
    pub(super) top: Option<PathBuf>,
    pub(super) bare: bool,
    pub(super) version: String,
}

pub(super) fn find(dir: &Path, caller: &Caller) -> Result<Found, RepoError> {
    let dir = dir.canonicalize().map_err(|_| RepoError::NoDirectory(dir.to_owned()))?;
    let version = version(caller)?;
    let places = ["rev-parse", "--path-format=absolute", "--git-common-dir", "--absolute-git-dir", "--is-bare-repository"];
    let places = ask(caller, &dir, &places)?;
    if !places.status.success() {
        let message = String::from_utf8_lossy(&places.stderr).trim().to_owned();
        return Err(match repository_above(&dir) {
            Some(at) => RepoError::Refused { at, message },
            None => RepoError::NotARepository(dir),
        });
    }
    let lines: Vec<&[u8]> = places.stdout.split(|b| *b == b'\n').collect();
    if lines.len() > 4 {
        return Err(RepoError::LineBreak(dir));
    }
    let [common, own, bare, ..] = lines[..] else {
        return Err(super::objects::answer("rev-parse", &String::from_utf8_lossy(&places.stdout)).into());
    };
    let path = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
    let (common_dir, git_dir) = (path(common), path(own));
    let bare = bare == b"true";
    // Inside `.git` itself there is no work-tree; it is treated as the main checkout's.
    let top = ask(caller, &dir, &["rev-parse", "--path-format=absolute", "--show-toplevel"])?;
    let top = match (top.status.success(), bare) {
        (true, _) => Some(path(top.stdout.strip_suffix(b"\n").unwrap_or(&top.stdout))),
        (false, false) if common_dir.file_name() == Some(OsStr::new(".git")) => common_dir.parent().map(Path::to_owned),
        _ => None,
    };
    Ok(Found { common_dir, git_dir, top, bare, version })
}

fn version(caller: &Caller) -> Result<String, RepoError> {
    let said = match ask(caller, Path::new("/"), &["version"]) {
        Err(RepoError::Git(GitError::Spawn(e))) if e.kind() == io::ErrorKind::NotFound => return Err(RepoError::GitMissing),
        other => String::from_utf8_lossy(&other?.stdout).into_owned(),
    };
    // `git version 2.39.5`, `git version 2.39.5 (Apple Git-154)`, `git version 2.47.0.windows.1`.
    let found = said.split_whitespace().nth(2).unwrap_or_default().to_owned();
    let mut numbers = found.split('.').map(|n| n.parse::<u32>().unwrap_or(0));
    let known = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if known < GIT_VERSION_MIN { Err(RepoError::GitTooOld { found }) } else { Ok(found) }
}

fn ask(caller: &Caller, dir: &Path, args: &[&str]) -> Result<Output, RepoError> {
    PROCESSES_STARTED.fetch_add(1, Ordering::Relaxed);
    let output = base_command(caller).current_dir(dir).args(args).stdin(Stdio::null()).output();
    output.map_err(|e| RepoError::Git(GitError::Spawn(e)))
}

fn repository_above(dir: &Path) -> Option<PathBuf> {
    dir.ancestors().find(|d| d.join(".git").exists() || (d.join("HEAD").exists() && d.join("objects").is_dir())).map(Path::to_owned)
}
