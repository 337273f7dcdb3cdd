//! What attempts at work say: to the run (how far they are), to one another (notes, claims, locks, values), to people (questions).
//!
//! The words and their limits. What comes of them is decided in `coordinator/exchange/`, kept in `state/exchange.rs`, and shown in
//! [`Sight`]. Knows nothing of how an attempt says them (`greenlane mcp`).

mod check;
mod sight;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use check::{answer, name, path, text};
pub use sight::{LockSight, Look, NoteSight, QuestionSight, Sight, TaskSight, ValueSight, look};

use crate::ids::{AttemptId, TaskKey};
use crate::time::{Time, duration_text};

/// Longest note, question or answer, in bytes: some pages.
pub const TEXT_BYTES_MAX: usize = 8 * 1024;
/// Longest word on progress, in bytes: a line.
pub const PROGRESS_BYTES_MAX: usize = 200;
/// Longest name of a lock or a value, in bytes.
pub const NAME_BYTES_MAX: usize = 100;
/// Longest value, in bytes.
pub const VALUE_BYTES_MAX: usize = 8 * 1024;
/// Longest path that is claimed, in bytes.
pub const PATH_BYTES_MAX: usize = 1024;
/// So much of one attempt goes into the journal, whatever it says; an agent that goes round in circles must not fill the disk.
pub const SAID_MAX: u32 = 2_000;
/// Most notes to one task.
pub const NOTES_MAX: usize = 100;
/// Most questions of one attempt without an answer.
pub const QUESTIONS_OPEN_MAX: usize = 5;
/// Most questions of one task.
pub const QUESTIONS_MAX: usize = 50;
/// Most files that one task claims.
pub const CLAIMS_MAX: usize = 50;
/// Most locks of a run at once.
pub const LOCKS_MAX: usize = 200;
/// Most attempts that wait for one lock.
pub const WAITERS_MAX: usize = 100;
/// Most values of a run.
pub const VALUES_MAX: usize = 500;
/// A lock's lease where none is named: longer than most builds and test runs.
pub const LEASE_DEFAULT: Duration = Duration::from_secs(600);
/// The longest lease; it can be renewed.
pub const LEASE_MAX: Duration = Duration::from_secs(2 * 3600);
/// So long a place in a lock's queue is kept for somebody who does not ask again.
pub const PLACE_MAX: Duration = Duration::from_secs(600);

/// What an attempt says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub enum Talk {
    /// How far it thinks it is. May go down again: an agent finds out that more is left.
    Progress {
        /// 0 to 100.
        percent: u32,
        /// What it does.
        text: Option<String>,
    },
    /// Tells another task something.
    Note {
        /// Chosen by the caller: the same words with the same token are one note, however often they come.
        token: String,
        /// `ID`, or `PLAN/ID`.
        to: String,
        /// What.
        text: String,
    },
    /// Asks a person.
    Ask {
        /// As for a note.
        token: String,
        /// What.
        text: String,
    },
    /// Wants to change a file that its task does not own.
    Claim {
        /// From the repository's root.
        path: String,
    },
    /// Wants a lock, or to keep it for longer.
    Lock {
        /// Of what: a port, a database, a device.
        name: String,
        /// It is given back by itself after that.
        #[serde(with = "duration_text")]
        lease: Duration,
        /// The place in the queue is kept for so long; zero: do not queue.
        #[serde(with = "duration_text")]
        place: Duration,
    },
    /// Gives a lock back, or leaves its queue.
    Unlock {
        /// Which.
        name: String,
    },
    /// Sets a value that all attempts of the run see.
    Set {
        /// Its name.
        name: String,
        /// `None`: takes it away.
        value: Option<String>,
        /// Only if it has this version; 0: only if there is none.
        if_version: Option<u64>,
    },
}

/// How far an attempt says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// 0 to 100.
    pub percent: u8,
    /// What it does.
    pub text: Option<String>,
    /// When it said so.
    pub at: Time,
}

/// A note to a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Who wrote it.
    pub from: AttemptId,
    /// See [`Talk::Note`].
    pub token: String,
    /// What.
    pub text: String,
    /// When.
    pub at: Time,
}

/// A question to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Who asks.
    pub attempt: AttemptId,
    /// See [`Talk::Note`].
    pub token: String,
    /// What.
    pub text: String,
    /// When.
    pub asked_at: Time,
    /// What came of it, and when; `None`: it is open.
    pub ended: Option<(Time, QuestionEnd)>,
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuestionEnd {
    /// A person answered.
    Answered(String),
    /// Nobody waits for the answer any more; why.
    Withdrawn(String),
}

/// A named lock: one holder, and those who wait for it, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    /// Who has it.
    pub holder: Option<Holder>,
    /// Who wants it next.
    pub queue: VecDeque<Waiter>,
}

/// Who has a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Which attempt.
    pub attempt: AttemptId,
    /// Since when.
    pub since: Time,
    /// The lease's end.
    pub until: Time,
}

/// Who waits for a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiter {
    /// Which attempt.
    pub attempt: AttemptId,
    /// For how long it wants it.
    pub lease: Duration,
    /// Its place is kept until then.
    pub until: Time,
}

/// How an attempt lost a lock, or its place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockEnd {
    /// It gave it back.
    Released,
    /// Its lease, or the time for which its place was kept, is over.
    Expired,
    /// It is not at work any more.
    AttemptEnded,
}

/// A value that all attempts of a run see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// What.
    pub text: String,
    /// Grows with every change in the run, and is never used twice.
    pub version: u64,
    /// Who set it.
    pub by: AttemptId,
    /// When.
    pub at: Time,
}

/// The part of a run's state that is what attempts said, beside each task's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exchange {
    /// By number, from 1; those that have ended stay, for later prompts.
    pub questions: BTreeMap<u64, Question>,
    /// By name; one that nobody has or wants is not there.
    pub locks: BTreeMap<String, Lock>,
    /// By name.
    pub values: BTreeMap<String, Value>,
    /// The version of the last value that was set.
    pub last_version: u64,
}

/// The time in which an attempt waits or has waited for a person: neither its time limit nor its stall limit counts it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rest {
    /// Waits that are over, together.
    pub rested: Duration,
    /// The last of them ended then.
    pub rested_at: Option<Time>,
    /// It waits since then.
    pub since: Option<Time>,
    /// It waits no longer than until then.
    pub until: Option<Time>,
}

impl Exchange {
    /// Open questions of an attempt, the oldest first.
    pub fn open_of<'a>(&'a self, attempt: &'a AttemptId) -> impl Iterator<Item = (u64, &'a Question)> + 'a {
        self.questions.iter().filter(move |(_, q)| q.ended.is_none() && q.attempt == *attempt).map(|(n, q)| (*n, q))
    }

    /// Questions of a task, all of its attempts', the oldest first.
    pub fn of_task<'a>(&'a self, key: &'a TaskKey) -> impl Iterator<Item = (u64, &'a Question)> + 'a {
        self.questions.iter().filter(move |(_, q)| q.attempt.key == *key).map(|(n, q)| (*n, q))
    }

    /// The next of its deadlines.
    #[must_use]
    pub fn next_deadline(&self, question_max: Duration) -> Option<Time> {
        let open = self.questions.values().filter(|q| q.ended.is_none()).map(|q| q.asked_at + question_max);
        let held = self.locks.values().flat_map(|l| l.holder.iter().map(|h| h.until).chain(l.queue.iter().map(|w| w.until)));
        open.chain(held).min()
    }

    /// How long an attempt has waited for people. Times in which several of its questions were open count once.
    #[must_use]
    pub fn rest_of(&self, attempt: &AttemptId, question_max: Duration) -> Rest {
        let mut rest = Rest::default();
        let mut over: Option<(Time, Time)> = None;
        let close = |rest: &mut Rest, span: Option<(Time, Time)>| {
            if let Some((from, to)) = span {
                rest.rested += to.since(from);
                rest.rested_at = rest.rested_at.max(Some(to));
            }
        };
        for question in self.questions.values().filter(|q| q.attempt == *attempt) {
            match (&question.ended, over) {
                (None, _) => {
                    // A wait that overlaps this one is part of it.
                    let from = over.filter(|(_, to)| *to >= question.asked_at).map_or(question.asked_at, |(from, _)| from);
                    if from == question.asked_at {
                        close(&mut rest, over.take());
                    }
                    over = None;
                    rest.since = Some(rest.since.map_or(from, |since| since.min(from)));
                    rest.until = rest.until.max(Some(question.asked_at + question_max));
                }
                // Within one that is still open.
                (Some(_), _) if rest.since.is_some() => {}
                (Some((at, _)), Some((from, to))) if question.asked_at <= to => over = Some((from, to.max(*at))),
                (Some((at, _)), _) => {
                    close(&mut rest, over.take());
                    over = Some((question.asked_at, *at));
                }
            }
        }
        close(&mut rest, over);
        rest
    }
}
