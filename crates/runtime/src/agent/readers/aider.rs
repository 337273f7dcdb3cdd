//! Aider, which writes text for people (measured with 0.86.2).
//!
//! Its exit code is 0 though its provider refused every call, so what it says last of its provider counts: an error that it waits after,
//! or one after which nothing comes. That it finished it never says; that is the exit code's word. Its lines are 80 characters long, so an
//! error may have several.

use greenlane_core::attempt::{AgentError, AgentReport};

use super::Reader;
use super::notes::error;
use super::plain::Plain;

/// Most lines of one error.
const ERROR_LINES_MAX: usize = 8;

/// Reads aider's text.
#[derive(Default)]
pub(super) struct Aider {
    plain: Plain,
    /// The lines of the last error of its provider, until the model has answered.
    error: Vec<String>,
    /// The error's lines are not all there yet.
    open: bool,
    /// It said that it tries again.
    waits: bool,
    /// Tries since the model last answered.
    retries: u64,
}

impl Reader for Aider {
    fn line(&mut self, line: &str) {
        self.plain.line(line);
        let line = line.trim_end();
        if is_error(line) {
            self.error = vec![line.to_owned()];
            (self.open, self.waits) = (true, false);
        } else if line.starts_with("Retrying in ") && !self.error.is_empty() {
            self.retries += 1;
            (self.open, self.waits) = (false, true);
        } else if line.starts_with("Tokens: ") {
            (self.error, self.open, self.waits, self.retries) = (Vec::new(), false, false, 0);
        } else if self.open {
            // What aider says about it itself ends it.
            self.open = !line.is_empty() && !line.starts_with("The API provider") && self.error.len() < ERROR_LINES_MAX;
            if self.open {
                self.error.push(line.to_owned());
            }
        }
    }

    fn error_line(&mut self, line: &str) {
        self.plain.error_line(line);
    }

    fn report(&self) -> AgentReport {
        let mut report = self.plain.report();
        if !self.error.is_empty() {
            report.error = Some(self.refusal());
            report.finished = (!self.waits).then_some(false);
            report.model_retries = self.retries;
            report.model_calls = self.retries + u64::from(!self.waits);
        }
        report
    }

    fn activity(&self) -> Option<&str> {
        self.plain.activity()
    }
}

impl Aider {
    fn refusal(&self) -> AgentError {
        error(&self.error.join(" "), None)
    }
}

/// `litellm.RateLimitError: …`: how the library by which it calls its models names what a provider refuses.
fn is_error(line: &str) -> bool {
    let name = line.strip_prefix("litellm.").and_then(|rest| rest.split_once(": ")).map(|(name, _)| name);
    name.is_some_and(|name| (name.ends_with("Error") || name.ends_with("Timeout")) && name.chars().all(char::is_alphabetic))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(lines: &[&str]) -> AgentReport {
        let mut reader = Aider::default();
        lines.iter().for_each(|line| reader.line(line));
        reader.report()
    }

    const REFUSED: [&str; 3] =
        ["litellm.RateLimitError: RateLimitError: OpenAIException - too many: error", "429", "The API provider has rate limited you."];

    #[test]
    fn an_error_that_nothing_comes_after_is_its_end_whatever_its_exit_code_says() {
        let ended = report(&REFUSED);
        assert_eq!((ended.finished, ended.error.and_then(|e| e.status), ended.model_calls), (Some(false), Some(429), 1));
        let tries = report(&[REFUSED.as_slice(), &["Retrying in 0.2 seconds..."]].concat());
        assert_eq!((tries.finished, tries.error.and_then(|e| e.status), tries.model_retries), (None, Some(429), 1));
        let got_over = report(&[REFUSED.as_slice(), &["Retrying in 0.2 seconds...", "done", "Tokens: 622 sent, 15 received."]].concat());
        assert_eq!((got_over.finished, got_over.model_retries, got_over.model_calls), (None, 0, 0), "nothing is known of its calls");
    }

    #[test]
    fn words_about_errors_are_none() {
        for line in ["litellm.py: RateLimitError", "see litellm.RateLimitError: it", "litellm.a bError: x", "Retrying in 1.0 seconds..."] {
            assert_eq!(report(&[line]).finished, None, "{line}");
        }
    }
}
