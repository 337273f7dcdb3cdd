//! A shell line that is run under supervision, and how it ended. Says nothing about who supervises: the caller hands that in.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// One `sh -c` line: a set-up hook, a check, a command of the test suite, a command that makes a generated file anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShellLine {
    /// The line.
    pub command: String,
    /// Where it runs.
    pub cwd: PathBuf,
    /// Its whole environment.
    pub env: BTreeMap<OsString, OsString>,
    /// It is ended, with everything it started, after this long.
    pub timeout: Duration,
    /// Its output goes here, after what is there.
    pub log: PathBuf,
    /// What it is, for the process list: `check run/slug/2`.
    pub label: String,
}

/// How a shell line ended, when its whole process tree was gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShellOutcome {
    /// `None`: it was ended by a signal, or by its limit.
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// It ran into its limit.
    pub timed_out: bool,
    /// The end of what it wrote, both streams, at most 4,000 characters.
    pub output_tail: String,
}

impl ShellOutcome {
    /// Did it end with exit code 0?
    #[must_use]
    pub fn passed(&self) -> bool {
        self.exit_code == Some(0) && !self.timed_out
    }
}

/// Runs shell lines. The keeper does it in earnest.
pub trait Shell: Send + Sync {
    /// Runs one line to its end and leaves no process of it behind.
    ///
    /// # Errors
    /// Only if it could not be run at all.
    fn run(&self, line: &ShellLine) -> io::Result<ShellOutcome>;
}
