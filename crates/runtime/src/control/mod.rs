//! How other processes reach the coordinator: a socket of this user's, one request a line, one answer a line.
//! Knows the words of requests, not what they do.

mod client;
mod path;
mod server;

use greenlane_core::event::Submission;
use greenlane_core::exchange::{Look, Sight, Talk};
use greenlane_core::ids::RunId;
use greenlane_core::input::Request;
use serde::{Deserialize, Serialize};

pub use client::{Client, ControlError, Followed};
pub use path::socket_path;
pub use server::{Call, Server};

/// The longest request: a plan of 100,000 tasks fits.
pub(crate) const REQUEST_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What a process may say.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Say {
    /// A request of the core's.
    Ask(Request),
    /// Take this plan into the run.
    Submit(Box<Submission>),
    /// Take these plans into the run, all of them or none.
    SubmitAll(Vec<Submission>),
    /// An attempt at work says something.
    Said {
        /// `GREENLANE_ATTEMPT` of its environment.
        label: String,
        /// What.
        talk: Talk,
    },
    /// An attempt looks at the run.
    Look {
        /// `GREENLANE_ATTEMPT` of its environment.
        label: String,
        /// At what of it.
        look: Look,
    },
    /// Which run is this?
    Who,
    /// Say whenever something was journalled, until the run's end.
    Follow,
}

/// What the coordinator answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It was done, or will be.
    Done,
    /// It was not; why, in the user's words.
    Refused(String),
    /// The run that this coordinator has.
    Run {
        /// Its id.
        run: RunId,
        /// The coordinator's process.
        pid: u32,
    },
    /// The journal's last number by now.
    Journalled(u64),
    /// What an attempt sees.
    Seen(Sight),
}
