//! Any agent whose output is text: its last words, and the error of its provider where it ends with one.
//!
//! Guesses as little as possible: it never says that an agent finished or failed, that is the exit code's word.

use std::collections::VecDeque;

use greenlane_core::attempt::{AgentError, AgentReport};
use greenlane_core::failure::is_error_line;

use super::Reader;
use super::notes::{error, one_line};

/// An error counts only if it stands among the last lines: what came before was got over.
const LINES_KEPT: usize = 20;
/// Most characters of a line that are kept.
const LINE_CHARS_MAX: usize = 200;

/// Reads text.
#[derive(Default)]
pub(super) struct Plain {
    last: VecDeque<String>,
    /// The last error that looks like a provider's, and how many lines ago it was.
    error: Option<(AgentError, usize)>,
}

impl Reader for Plain {
    fn line(&mut self, line: &str) {
        let line = one_line(line, LINE_CHARS_MAX);
        if line.is_empty() {
            return;
        }
        self.look_at(&line);
        if self.last.len() == LINES_KEPT {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }

    fn error_line(&mut self, line: &str) {
        let line = one_line(line, LINE_CHARS_MAX);
        if !line.is_empty() {
            self.look_at(&line);
        }
    }

    fn report(&self) -> AgentReport {
        let last_message = self.last.iter().rev().take(5).rev().cloned().collect::<Vec<_>>().join("\n");
        AgentReport { last_message, error: self.error.as_ref().map(|(error, _)| error.clone()), ..AgentReport::default() }
    }

    fn activity(&self) -> Option<&str> {
        self.last.back().map(String::as_str)
    }
}

impl Plain {
    fn look_at(&mut self, line: &str) {
        self.error = self.error.take().map(|(e, age)| (e, age + 1)).filter(|(_, age)| *age < LINES_KEPT);
        if is_error_line(line) {
            let found = error(line, None);
            // Only what a provider answers when it is not the task's fault; a 404 is more likely the work itself.
            if matches!(found.status, Some(401 | 402 | 403 | 429 | 500..=599)) {
                self.error = Some((found, 0));
            }
        }
    }
}
