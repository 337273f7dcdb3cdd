//! How a workspace can fail to be there.

use std::io;
use std::path::{Path, PathBuf};

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
    #[error("set-up command `{command}` {}: {output}", if *.timed_out { "ran into its time limit".to_owned() } else { format!("failed with exit code {}", .exit_code.map_or_else(|| "none (killed)".to_owned(), |c| c.to_string())) })]
    Setup {
        /// The line.
        command: String,
        /// `None`: killed.
        exit_code: Option<i32>,
        /// Ran into `setup_timeout`.
        timed_out: bool,
        /// The end of what it wrote.
        output: String,
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

/// For `map_err`: an I/O error with the path it met.
pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> WorkspaceError + '_ {
    move |source| WorkspaceError::Io { path: path.to_owned(), source }
}
