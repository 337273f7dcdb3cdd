//! What goes wrong again and again, from the book of deficiencies, as rows. The book is read in full once, and then as it grows.

use std::path::Path;

use greenlane_core::deficiency::Deficiency;
use greenlane_core::time::Time;
use greenlane_runtime::lessons::Reading;

use super::activity::said;
use super::rows::LessonRow;
use crate::report::clean;

/// What matters less than so many others is not shown.
const ROWS_MAX: usize = 50;

/// The book, where there is one yet.
#[derive(Default)]
pub(super) struct Lessons {
    reading: Option<Reading>,
    pub(super) rows: Vec<LessonRow>,
}

impl Lessons {
    /// Reads on. What cannot be read is not shown: the run is worth showing without it.
    pub(super) fn read(&mut self, state_dir: &Path, now: Time) {
        if self.reading.is_none() {
            self.reading = Reading::open(state_dir).ok();
        }
        let Some(Ok(book)) = self.reading.as_mut().map(Reading::catch_up) else { return };
        self.rows = book.by_priority(now).into_iter().take(ROWS_MAX).map(|d| row(d, now)).collect();
    }
}

fn row(d: &Deficiency, now: Time) -> LessonRow {
    LessonRow {
        id: d.id.clone(),
        kind: d.deficiency_type.as_str().replace('_', " "),
        description: clean(&d.description),
        times: d.frequency,
        pattern: d.is_pattern(),
        priority: d.priority(now),
        status: d.remediation_status.as_str().replace('_', " "),
        last_seen: d.last_seen,
        remedy: said(d.solution.as_deref()).or_else(|| said(d.improvement_suggestions.first().map(String::as_str))),
    }
}
