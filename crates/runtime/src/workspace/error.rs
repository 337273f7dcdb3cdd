//! How a workspace can fail to be there.

use std::io;
use std::path::{Path, PathBuf};

use greenlane_core::failure::FailureDetail;

use crate::git::GitError;

/// No workspace, and why.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// A git call failed.
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
    /// A set-up command did not pass.
    #[error("the set-up command `{command}` ([workspace] setup) {}: {}; all that it printed is in {}", if *.timed_out { "ran into its time limit".to_owned() } else { format!("failed with exit code {}", .exit_code.map_or_else(|| "none (killed)".to_owned(), |c| c.to_string())) }, last_line(.output), .log.display())]
    Setup {
        /// The line.
        command: String,
        /// `None`: killed.
        exit_code: Option<i32>,
        /// Ran into `setup_timeout`.
        timed_out: bool,
        /// The end of what it wrote.
        output: String,
        /// Where all of it is.
        log: PathBuf,
    },
    /// The task's branch cannot be made beside another of the user's: git has no room for `a/b` where `a` is a branch.
    #[error("the branch `{branch}` cannot be made, because there is a branch `{other}`; rename that one, then try again")]
    BranchTaken {
        /// What was to be made.
        branch: String,
        /// What is in its way.
        other: String,
    },
    /// `.worktreeinclude` asks for more than is sensible.
    #[error(".worktreeinclude names {what}, more than the limit of {limit}")]
    IncludeTooMuch {
        /// How much.
        what: String,
        /// How much would be.
        limit: String,
    },
    /// The pool knows no such worktree.
    #[error("{} is not a worktree of this pool", .0.display())]
    NotInPool(PathBuf),
    /// The worktree and its git-dir no longer name each other.
    #[error("the worktree {} has lost its .git file", .0.display())]
    LostIdentity(PathBuf),
    /// The ref to restore from is not there.
    #[error("there is no snapshot `{0}`")]
    NoSnapshot(String),
    /// The work cannot be held by a commit.
    #[error("the work in {} cannot be kept in a commit: {why}", .path.display())]
    NotKeepable {
        /// Where it lies.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

impl WorkspaceError {
    /// What it says of an attempt that could not begin, beyond its words.
    #[must_use]
    pub fn detail(&self) -> Option<FailureDetail> {
        use io::ErrorKind::{NotADirectory, PermissionDenied, ReadOnlyFilesystem};
        match self {
            // The shell's words for a program that is not there, or is none.
            Self::Setup { exit_code: Some(126 | 127), .. } | Self::BranchTaken { .. } | Self::IncludeTooMuch { .. } => {
                Some(FailureDetail::NoWorkspace)
            }
            Self::Setup { .. } => Some(FailureDetail::SetUpFailed),
            Self::Io { source, .. } if matches!(source.kind(), NotADirectory | PermissionDenied | ReadOnlyFilesystem) => {
                Some(FailureDetail::NoWorkspace)
            }
            _ => None,
        }
    }
}

/// The last line with something on it, shortened.
fn last_line(output: &str) -> String {
    const CHARS_MAX: usize = 200;
    let line = output.lines().rev().map(str::trim).find(|l| !l.is_empty()).unwrap_or("it printed nothing");
    line.chars().take(CHARS_MAX).collect()
}

/// For `map_err`: an I/O error with the path it met.
pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> WorkspaceError + '_ {
    move |source| WorkspaceError::Io { path: path.to_owned(), source }
}
