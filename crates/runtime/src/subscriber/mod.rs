//! Logs that are derived from the journal: `.greenlane/logs/*.jsonl`, each written by a subscriber with a durable cursor.
//!
//! Approach: a [`Subscriber`] turns one entry of the journal into lines, and always into the same ones. [`Logs`] reads the journal from
//! the cursors on, page by page, and writes under a lock, so that it does not matter who does it: the coordinator's
//! thread ([`background`]), or a verb that wants to see everything. A line carries its entry's position: after a crash, whatever
//! stands behind the cursor is cut and written again, so that every line is there exactly once. Nothing here is the
//! truth: what is lost or deleted is made anew. Decides nothing, and knows no terminal.

pub(crate) mod background;
mod deficiencies;
mod events;
mod failures;
mod file;
mod health;
mod logs;
mod metrics;
mod retries;
mod runs;

use std::path::Path;

use greenlane_core::state::State;
use serde::Serialize;

pub use failures::{FAILURE_REPORT, FailureRecord, FailureReport};
pub use file::{BYTES_MAX, ROTATED_MAX};
pub use health::HealthRecord;
pub use logs::{Logs, LogsError, Patience};
pub use retries::RetryRecord;
pub(crate) use runs::Runs;

pub use crate::journal::{Entry, Fact, Position, Report};

/// Writes one log.
pub trait Subscriber: Send {
    /// The log's name: `failures` writes `failures.jsonl`.
    fn name(&self) -> &'static str;

    /// The lines for this entry. The same entry must always give the same lines: after a crash it is given again, and a rebuild gives
    /// all of them again. `state`: of the entry's run after it; empty for a report.
    ///
    /// # Errors
    /// If a line cannot be written as JSON.
    fn take(&mut self, entry: &Entry, state: &State, lines: &mut Lines) -> Result<(), serde_json::Error>;

    /// It remembers what it wrote, and wants to be told of it: [`Subscriber::recall`].
    fn has_memory(&self) -> bool {
        false
    }

    /// Forgets everything; [`Subscriber::recall`] follows for each line of the log.
    fn forget(&mut self) {}

    /// A line that stands in the log (rotated ones first), when the log is opened and after another process wrote to it.
    fn recall(&mut self, _line: &str) {}
}

/// Every log that Greenlane keeps. A new one is added here and is everywhere: written while a run goes on, caught up by verbs, rebuilt.
#[must_use]
pub fn all(state_dir: &Path) -> Vec<Box<dyn Subscriber>> {
    vec![
        Box::new(events::Events),
        Box::new(failures::Failures),
        Box::new(retries::Retries),
        Box::new(health::Health),
        Box::new(metrics::Metrics),
        Box::new(deficiencies::Deficiencies::new(state_dir)),
    ]
}

/// Lines in the making, all of one entry.
#[derive(Debug, Default)]
pub struct Lines {
    position: Position,
    text: String,
}

impl Lines {
    /// For this entry.
    #[must_use]
    pub fn at(position: Position) -> Self {
        Self { position, text: String::new() }
    }

    /// Adds a line: this object, with `schema` and the entry's position (`seq`, for a report also `report`) before its own fields.
    ///
    /// # Errors
    /// If it cannot be written as JSON.
    pub fn push(&mut self, document: &impl Serialize) -> Result<(), serde_json::Error> {
        use std::fmt::Write as _;
        let body = serde_json::to_string(document)?;
        let _ = write!(self.text, "{{\"schema\":1,\"seq\":{}", self.position.seq);
        if self.position.report > 0 {
            let _ = write!(self.text, ",\"report\":{}", self.position.report);
        }
        let fields = body.trim_start_matches('{');
        if fields != "}" {
            self.text.push(',');
        }
        self.text.push_str(fields);
        self.text.push('\n');
        Ok(())
    }

    /// The lines so far, each with its end.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}
