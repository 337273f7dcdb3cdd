//! The lessons for an attempt's prompt, and the note of which were told. Reads the journal on from where it last was, which costs
//! next to nothing; the first attempt of a coordinator pays for all of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use greenlane_core::deficiency::{Experience, Lesson, Query, lessons};
use greenlane_core::ids::{RunId, TaskKey};

use super::experience::experiences;
use super::reading::Reading;
use crate::journal::JournalError;

/// Beside `prompt.md`: the ids of the deficiencies that the agent was told of.
const TOLD_FILE: &str = "lessons.json";

/// Knows what was learned in a repository. Shared by the threads that start attempts.
pub struct Teacher {
    state_dir: PathBuf,
    known: Mutex<Option<Known>>,
}

struct Known {
    reading: Reading,
    experience: Vec<Experience>,
}

impl Teacher {
    /// Of this repository; reads nothing yet.
    #[must_use]
    pub fn new(state_dir: PathBuf) -> Self {
        Self { state_dir, known: Mutex::default() }
    }

    /// The lessons for an attempt at this task; what its own last attempt showed is looked up here. `begun`: the ids of its attempts that
    /// began, in their order, by which the agent is told of them.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn lessons(&self, run: &RunId, key: &TaskKey, begun: &[u32], query: &Query<'_>) -> Result<Vec<Lesson>, JournalError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = match &mut *known {
            Some(known) => known,
            none => {
                let reading = Reading::open(&self.state_dir)?;
                none.insert(Known { reading, experience: experiences(&self.state_dir) })
            }
        };
        let book = known.reading.catch_up()?;
        let number = |n: u32| begun.iter().zip(1..).find(|(id, _)| **id == n).map_or(n, |(_, number)| number);
        let own = book.last_of(run, key).map(|(n, id)| (number(n), id));
        Ok(lessons(book, &known.experience, &Query { own, ..*query }))
    }
}

/// Notes beside its prompt what an attempt was told; nothing for nothing.
///
/// # Errors
/// If the note cannot be written.
pub(crate) fn note_told(attempt_dir: &Path, lessons: &[Lesson]) -> std::io::Result<()> {
    if lessons.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = lessons.iter().map(|l| l.id.as_str()).collect();
    fs::write(attempt_dir.join(TOLD_FILE), serde_json::to_string(&ids)? + "\n")
}

/// The ids of the deficiencies that an attempt was told of.
#[must_use]
pub fn told(attempt_dir: &Path) -> Vec<String> {
    fs::read(attempt_dir.join(TOLD_FILE)).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}
