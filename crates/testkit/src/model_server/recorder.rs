//! Remembers the requests, so that a test can say what an agent asked for and wait until it has.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Most requests that are remembered; later ones are answered all the same.
const REQUESTS_MAX: usize = 10_000;

/// One request as it came in, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// `POST`, `GET`, …
    pub method: String,
    /// Without the query.
    pub path: String,
    /// The directive that was obeyed, as it stands in the prompt after `SCRIPT:`; `None` for side requests.
    pub directive: Option<String>,
    /// What the agent got.
    pub answered: Answered,
}

/// What a request got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// Harmless words: the request was not the task itself (a title, a quota check).
    Side,
    /// An answer with this HTTP status.
    Status(u16),
    /// Nothing, for as long as the server runs.
    Hang,
}

#[derive(Default)]
pub(super) struct Recorder {
    seen: Mutex<Vec<Seen>>,
    changed: Condvar,
}

impl Recorder {
    pub(super) fn add(&self, one: Seen) {
        let mut seen = self.lock();
        if seen.len() < REQUESTS_MAX {
            seen.push(one);
        }
        self.changed.notify_all();
    }

    pub(super) fn all(&self) -> Vec<Seen> {
        self.lock().clone()
    }

    pub(super) fn count(&self, directive: &str) -> usize {
        matching(&self.lock(), directive)
    }

    pub(super) fn wait(&self, limit: Duration, enough: impl Fn(&[Seen]) -> bool) -> bool {
        let deadline = Instant::now() + limit;
        let mut seen = self.lock();
        while !enough(&seen) {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { return false };
            seen = self.changed.wait_timeout(seen, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn matching(seen: &[Seen], directive: &str) -> usize {
    seen.iter().filter(|s| s.directive.as_deref().is_some_and(|d| d.contains(directive))).count()
}
