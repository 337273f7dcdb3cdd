//! The book of deficiencies, read from the journal: its events, and the reports of people and scripts among them. Read in full
//! once, and from there on as it grows; the journal is the only truth, so nothing has to be kept beside it.

use std::path::Path;

use greenlane_core::deficiency::{Book, Context, Fact as Said, Observation, Shown};
use greenlane_core::ids::RunId;
use greenlane_core::time::Time;

use crate::journal::{Entry, Fact, Journal, JournalError, Position, Report};
use crate::subscriber::{FAILURE_REPORT, FailureReport};

/// The kind of report that `deficiencies` writes; its body is a [`greenlane_core::deficiency::Fact`].
pub const DEFICIENCY_REPORT: &str = "deficiency";

/// Entries that are read at once.
const PAGE: u32 = 1_000;

/// What one entry of the journal did to the book.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    /// In which run; `None` for what people said.
    pub run: Option<RunId>,
    /// What it showed, or what was said of which.
    pub shown: Vec<Shown>,
}

/// A book, and how far it has been read.
pub struct Reading {
    journal: Journal,
    book: Book,
    at: Position,
}

impl Reading {
    /// Opens the journal; reads nothing yet.
    ///
    /// # Errors
    /// If there is none.
    pub fn open(state_dir: &Path) -> Result<Self, JournalError> {
        Ok(Self { journal: Journal::read(state_dir)?, book: Book::default(), at: Position::default() })
    }

    /// Reads on to the journal's end.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn catch_up(&mut self) -> Result<&Book, JournalError> {
        self.catch_up_with(&mut |_, _| {})
    }

    /// The same; `each` sees what every entry did.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn catch_up_with(&mut self, each: &mut dyn FnMut(Change, &Book)) -> Result<&Book, JournalError> {
        loop {
            let page = self.journal.entries(self.at, PAGE)?;
            for entry in &page {
                let change = take(&mut self.book, entry);
                self.at = entry.position;
                if !change.shown.is_empty() {
                    each(change, &self.book);
                }
            }
            if page.len() < PAGE as usize {
                return Ok(&self.book);
            }
        }
    }

    /// Reads up to the entry before this one.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn catch_up_before(&mut self, position: Position) -> Result<(), JournalError> {
        loop {
            let page = self.journal.entries(self.at, PAGE)?;
            for entry in page.iter().take_while(|e| e.position < position) {
                take(&mut self.book, entry);
                self.at = entry.position;
            }
            if page.len() < PAGE as usize || page.last().is_some_and(|e| e.position >= position) {
                return Ok(());
            }
        }
    }

    /// Takes in the next entry, which was read by somebody else.
    pub(crate) fn take_next(&mut self, entry: &Entry) -> Change {
        self.at = entry.position;
        take(&mut self.book, entry)
    }

    /// The book as far as it was read.
    #[must_use]
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// Writes down, durably, what somebody said, and reads up to it. Gives the deficiency's id.
    ///
    /// # Errors
    /// If it makes no sense (nothing is written then), or cannot be written.
    pub fn say(&mut self, at: Time, fact: &Said) -> Result<Result<String, String>, JournalError> {
        self.catch_up()?;
        // On a copy: what makes no sense is not written down.
        let id = match self.book.clone().apply(at, fact) {
            Ok(id) => id,
            Err(why) => return Ok(Err(why)),
        };
        self.journal.report(at, &report_of(fact))?;
        self.catch_up()?;
        Ok(Ok(id))
    }
}

/// As the journal keeps it.
#[must_use]
pub fn report_of(fact: &Said) -> Report {
    Report { kind: DEFICIENCY_REPORT.to_owned(), body: serde_json::to_value(fact).unwrap_or_default() }
}

fn take(book: &mut Book, entry: &Entry) -> Change {
    match &entry.fact {
        Fact::Event { run, event, .. } => Change { run: Some(run.clone()), shown: book.take(run, entry.at, event) },
        Fact::Report(report) if report.kind == DEFICIENCY_REPORT => {
            // One that a newer version wrote, or that came to make no sense, changes nothing.
            let said = serde_json::from_value::<Said>(report.body.clone()).ok();
            let id = said.and_then(|fact| book.apply(entry.at, &fact).ok());
            Change { run: None, shown: id.into_iter().map(|id| Shown { id, attempt: None, returned: false }).collect() }
        }
        Fact::Report(report) if report.kind == FAILURE_REPORT => {
            let failure = serde_json::from_value::<FailureReport>(report.body.clone()).ok();
            let shown = failure.map(|f| book.observe(&Observation::reported(f.kind, &f.message, &context_of(&f), entry.at)));
            Change { run: None, shown: shown.into_iter().collect() }
        }
        Fact::Report(_) => Change::default(),
    }
}

fn context_of(failure: &FailureReport) -> Context {
    let task = failure.task.as_ref().map(|task| match &failure.plan {
        Some(plan) => format!("{plan}/{task}"),
        None => task.clone(),
    });
    Context {
        runs: failure.run.clone().into_iter().collect(),
        tasks: task.into_iter().collect(),
        agents: vec![failure.worker_id.clone()],
        exit_code: failure.exit_code,
        ..Context::default()
    }
}
