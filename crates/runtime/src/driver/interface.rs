//! What the driver and whoever coordinates a run with it say to each other. Does nothing.

use std::time::Duration;

use greenlane_core::event::Submission;
use greenlane_core::ids::RunId;
use greenlane_core::input::Request;
use greenlane_core::options::RunOptions;
use greenlane_core::state::State;
use greenlane_core::time::Time;

use crate::journal::{JournalError, Record};

/// Where a run is taken up.
pub enum Start {
    /// A new one.
    New {
        /// Its limits and policies.
        options: Box<RunOptions>,
        /// Its plans.
        submissions: Vec<Submission>,
    },
    /// One whose coordinator is gone; then these requests.
    Resume {
        /// Which.
        run: RunId,
        /// What to do next.
        requests: Vec<Request>,
    },
}

/// Sees everything that is journalled, in order, with the state after it.
pub trait Observer {
    /// Something was journalled.
    fn journalled(&mut self, state: &State, records: &[Record]);
    /// How often [`Observer::tick`] wants to be called while nothing happens.
    fn tick_interval(&self) -> Option<Duration> {
        None
    }
    /// Time has passed.
    fn tick(&mut self, _state: &State, _now: Time) {}
    /// Something that the user should know, and that concerns no event.
    fn warn(&mut self, text: &str);
    /// The terminal is gone: nothing more may be written to it.
    fn detach(&mut self) {}
}

/// How coordinating came to its end.
pub struct Finished {
    /// The run's last state.
    pub state: State,
    /// The signal that ended the coordinator, or asked for the run's end.
    pub signal: Option<i32>,
}

/// Why coordinating could not begin or go on. The journal holds everything up to then.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// The journal cannot be written or read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The pool of worktrees cannot be opened.
    #[error(transparent)]
    Workspace(#[from] crate::workspace::WorkspaceError),
    /// The repository cannot be asked.
    #[error(transparent)]
    Git(#[from] crate::git::GitError),
    /// The core contradicts itself.
    #[error("a fault in the coordinator: {0}; the run can be resumed")]
    Fault(#[from] greenlane_core::state::Illegal),
    /// Something of the machine's refused.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// The system's word.
        source: std::io::Error,
    },
    /// The core refused what a run was to begin with.
    #[error("{0}")]
    Refused(String),
}
