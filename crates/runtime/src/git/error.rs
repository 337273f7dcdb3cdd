//! How a git call can fail. Knows exit codes; never reads meaning from git's message text.

use std::io;

/// A git call that did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The program could not be started.
    #[error("cannot run git: {0}")]
    Spawn(#[source] io::Error),
    /// It ran and refused.
    #[error("`git {command}` failed with exit code {}: {}", .code.map_or_else(|| String::from("none (killed)"), |c| c.to_string()), .stderr.trim())]
    Failed {
        /// The subcommand and its arguments, for people.
        command: String,
        /// `None`: ended by a signal.
        code: Option<i32>,
        /// What it said.
        stderr: String,
    },
    /// It answered something that its documentation does not allow.
    #[error("`git {command}` answered in an unknown form: {answer}")]
    Answer {
        /// The subcommand and its arguments, for people.
        command: String,
        /// The first line of the answer.
        answer: String,
    },
}
