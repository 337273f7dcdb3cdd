//! Plain lines for a log file or a pipe: one for each thing that happened, with the time since the start.

use greenlane_core::state::State;
use greenlane_runtime::driver::Observer;
use greenlane_runtime::journal::Record;

use super::words::{clock, lines};
use crate::error::Problem;
use crate::output::Output;

pub(super) struct Plain {
    output: Output,
    attached: bool,
}

impl Plain {
    pub(super) fn new(output: Output) -> Self {
        Self { output, attached: true }
    }
}

impl Observer for Plain {
    fn journalled(&mut self, state: &State, records: &[Record]) {
        for record in records.iter().filter(|_| self.attached) {
            for line in lines(state, record) {
                self.output.say(&format!("[{}] {}", clock(record.at.since(state.started_at)), line.render(self.output.color_talk)));
            }
        }
    }

    fn warn(&mut self, text: &str) {
        if self.attached {
            self.output.warn(&Problem { message: text.to_owned(), location: None, hints: Vec::new() });
        }
    }

    fn detach(&mut self) {
        // A log file or a pipe outlives the terminal (`nohup`).
        self.attached = !self.output.live;
    }
}
