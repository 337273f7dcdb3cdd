//! Finds the repository that the user stands in, and says in which way there is none. Changes nothing.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use super::door::{Caller, base_command};
use super::error::GitError;
use super::trace::Traced;

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
    /// What is written down about it, and the lines in which git is asked, have no room for such a path.
    #[error("the path of the repository is not UTF-8 text on one line: {0:?}")]
    PathNotText(PathBuf),
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
            Self::Refused { at, .. } if is_anothers(at) => {
                "the repository belongs to another user: `git config --global --add safe.directory DIR`"
            }
            Self::Refused { .. } => {
                "put right what git says; `git status` there must work first (what a newer git made may need a newer git)"
            }
            Self::PathNotText(_) => "rename the folder",
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
    let path = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
    let [common, own, bare, b""] = lines[..] else { return Err(RepoError::PathNotText(dir)) };
    let (common_dir, git_dir) = (path(common), path(own));
    if let Some(odd) = [&common_dir, &git_dir].into_iter().find(|p| p.to_str().is_none()) {
        return Err(RepoError::PathNotText(odd.clone()));
    }
    let bare = bare == b"true";
    // Inside `.git` itself there is no work-tree; it is treated as the main checkout's.
    let top = ask(caller, &dir, &["rev-parse", "--path-format=absolute", "--show-toplevel"])?;
    let top = match (top.status.success(), bare) {
        (true, _) => Some(path(top.stdout.strip_suffix(b"\n").unwrap_or(&top.stdout))),
        (false, false) if common_dir.file_name() == Some(OsStr::new(".git")) => common_dir.parent().map(Path::to_owned),
        _ => None,
    };
    match top {
        Some(odd) if odd.to_str().is_none_or(|t| t.contains('\n')) => Err(RepoError::PathNotText(odd)),
        top => Ok(Found { common_dir, git_dir, top, bare, version }),
    }
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
    let mut command = base_command(caller);
    command.current_dir(dir).args(args).stdin(Stdio::null());
    let traced = Traced::begin(&command);
    let output = command.output();
    if let Some(traced) = traced {
        traced.ended(output.as_ref().ok().and_then(|o| o.status.code()));
    }
    output.map_err(|e| RepoError::Git(GitError::Spawn(e)))
}

/// Does it belong to another user? That is what git refuses most often.
fn is_anothers(at: &Path) -> bool {
    let own = rustix::process::geteuid().as_raw();
    [at.to_owned(), at.join(".git")].iter().any(|p| std::fs::metadata(p).is_ok_and(|m| m.uid() != own))
}

fn repository_above(dir: &Path) -> Option<PathBuf> {
    dir.ancestors().find(|d| d.join(".git").exists() || (d.join("HEAD").exists() && d.join("objects").is_dir())).map(Path::to_owned)
}
