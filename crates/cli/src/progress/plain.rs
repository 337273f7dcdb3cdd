//! Plain lines for a log file or a pipe: one for each thing that happened, with the time since the start.

use greenlane_core::state::State;
use greenlane_runtime::driver::Observer;
use greenlane_runtime::journal::Record;

use super::scope::Scope;
use super::words::{clock, lines};
use crate::error::Problem;
use crate::output::Output;

pub(super) struct Plain {
    output: Output,
    attached: bool,
    scope: Scope,
}

impl Plain {
    pub(super) fn new(output: Output, scope: Scope) -> Self {
        Self { output, attached: true, scope }
    }
}

impl Observer for Plain {
    fn journalled(&mut self, state: &State, records: &[Record]) {
        for record in records {
            let shown = self.scope.keeps(record) && self.attached;
            for line in lines(state, record).into_iter().filter(|_| shown) {
                self.output.say(&format!("[{}] {}", clock(self.scope.clock(state, record.at)), line.render(self.output.color_talk)));
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
