//! What waits for a person, in our own lines: see [`crate::hand_off::line`].

use greenlane_core::attempt::{AgentError, AgentReport};

use super::notes::Notes;
use super::{Reader, Shown};
use crate::hand_off::{Line, WAITING, Word};

/// Reads the lines of whoever waits.
#[derive(Default)]
pub(super) struct HandOff {
    notes: Notes,
    handed_back: bool,
}

impl Reader for HandOff {
    fn line(&mut self, line: &str) {
        let Some(read) = Line::read(line) else {
            // What opens the worktree may talk.
            self.notes.shows(|| Shown::Line(line.to_owned()));
            return;
        };
        let words = read.words();
        match read {
            Line::HandedOver { .. } => {
                self.notes.unfinished();
                self.notes.does(WAITING);
                self.notes.shows(|| Shown::Line(words));
            }
            Line::NotYet { why } => {
                self.notes.does(&why);
                self.notes.shows(|| Shown::Line(words));
            }
            Line::GivenBack { word: Word::Done, .. } => {
                self.notes.says(&words);
                self.notes.succeeded();
            }
            Line::GivenBack { word: Word::Failed, .. } => {
                self.handed_back = true;
                self.notes.failed(AgentError { message: words, status: None, reset_at: None });
            }
            Line::Lost { why } => self.notes.failed(AgentError { message: why, status: None, reset_at: None }),
        }
    }

    fn error_line(&mut self, _line: &str) {}

    fn report(&self) -> AgentReport {
        AgentReport { handed_back: self.handed_back, ..self.notes.report() }
    }

    fn keep_shown(&mut self) {
        self.notes.keep_shown();
    }

    fn take_shown(&mut self) -> Vec<Shown> {
        self.notes.take_shown()
    }

    fn activity(&self) -> Option<&str> {
        self.notes.activity()
    }
}
