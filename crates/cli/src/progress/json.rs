//! Every event as one line of JSON on standard output.

use std::io::IsTerminal as _;

use greenlane_core::event::Event;
use greenlane_core::ids::RunId;
use greenlane_core::state::State;
use greenlane_runtime::driver::Observer;
use greenlane_runtime::journal::Record;
use serde::Serialize;

use super::scope::Scope;
use crate::error::Problem;
use crate::output::Output;

pub(super) struct JsonLines {
    output: Output,
    attached: bool,
    on_terminal: bool,
    scope: Scope,
}

/// One line of the event stream, as the contract has it; `schema` is added by the writer.
#[derive(Serialize)]
pub struct EventLine<'a> {
    seq: u64,
    at: String,
    run: &'a RunId,
    #[serde(flatten)]
    event: &'a Event,
}

impl<'a> EventLine<'a> {
    /// Of a line of the journal.
    #[must_use]
    pub fn of(record: &'a Record) -> Self {
        Self { seq: record.seq, at: record.at.rfc3339(), run: &record.run, event: &record.event }
    }
}

impl JsonLines {
    pub(super) fn new(output: Output, scope: Scope) -> Self {
        Self { output, attached: true, on_terminal: std::io::stdout().is_terminal(), scope }
    }
}

impl Observer for JsonLines {
    fn journalled(&mut self, _: &State, records: &[Record]) {
        for record in records {
            // A reader that has gone does not end the run: it goes on, and the journal has everything.
            if self.scope.keeps(record) && self.attached && self.output.json_line(&EventLine::of(record)).is_err() {
                self.attached = false;
            }
        }
    }

    fn warn(&mut self, text: &str) {
        if self.attached {
            self.output.warn(&Problem { message: text.to_owned(), location: None, hints: Vec::new() });
        }
    }

    fn detach(&mut self) {
        // A file or a pipe outlives the terminal (`nohup`).
        self.attached &= !self.on_terminal;
    }
}
