//! `deficiencies.jsonl`: the state of a deficiency each time that it showed, or that somebody said something of it. The last
//! line with an id is what holds.

use std::path::{Path, PathBuf};

use greenlane_core::state::State;
use serde::ser::Error as _;

use super::{Entry, Lines, Subscriber};
use crate::lessons::Reading;

/// Follows the journal with a book of its own, since a line tells how often something was seen.
pub(super) struct Deficiencies {
    state_dir: PathBuf,
    /// `None`: it is read anew up to the next entry. The lines in the log do not say all that is needed to go on.
    reading: Option<Reading>,
}

impl Deficiencies {
    pub(super) fn new(state_dir: &Path) -> Self {
        Self { state_dir: state_dir.to_owned(), reading: None }
    }
}

impl Subscriber for Deficiencies {
    fn name(&self) -> &'static str {
        "deficiencies"
    }

    fn has_memory(&self) -> bool {
        true
    }

    fn forget(&mut self) {
        self.reading = None;
    }

    fn take(&mut self, entry: &Entry, _: &State, lines: &mut Lines) -> Result<(), serde_json::Error> {
        let reading = match &mut self.reading {
            Some(reading) => reading,
            none => {
                let mut reading = Reading::open(&self.state_dir).map_err(serde_json::Error::custom)?;
                reading.catch_up_before(entry.position).map_err(serde_json::Error::custom)?;
                none.insert(reading)
            }
        };
        let change = reading.take_next(entry);
        let mut ids: Vec<&str> = change.shown.iter().map(|s| s.id.as_str()).collect();
        ids.dedup();
        ids.into_iter().filter_map(|id| reading.book().get(id)).try_for_each(|deficiency| lines.push(deficiency))
    }
}
