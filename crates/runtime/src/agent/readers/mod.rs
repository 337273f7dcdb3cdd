//! Readers of agents' output: from lines to what they mean. One file per agent.
//!
//! Exit codes lie (an agent that could not reach its model may end with 0), so what an agent says in its events goes first.
//! Every reader takes whatever comes: a line that it does not understand is passed over. What is kept is bounded.

mod acp;
mod activity;
mod aider;
mod claude;
mod cline;
mod codex;
mod copilot;
mod gemini;
mod hand_off;
mod limit;
mod notes;
mod opencode;
mod pi;
mod plain;
mod shown;

use greenlane_core::attempt::AgentReport;
use serde_json::Value;

use super::definition::OutputKind;
use notes::Notes;
pub use shown::{Readable, Shown, guess, last_words, words_of};

/// Longer lines are passed over: the longest real ones hold a tool's whole output.
pub const LINE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Gathers what an agent's output says, line by line.
pub trait Reader: Send {
    /// A line of standard output, without its end.
    fn line(&mut self, line: &str);
    /// A line of standard error, without its end.
    fn error_line(&mut self, line: &str);
    /// What is known so far. While the agent retries its model the error of the last try stands in it, so that an attempt
    /// that is ended meanwhile still tells why.
    fn report(&self) -> AgentReport;
    /// The calls of tools that have got their result since this was last asked, where its events tell them.
    fn take_calls(&mut self) -> Vec<ToolCall> {
        Vec::new()
    }
    /// From now on what people are to see is kept for them.
    fn keep_shown(&mut self) {}
    /// What there is to see since this was last asked. A line that is no event, or one that nobody knows, is seen as it is.
    fn take_shown(&mut self) -> Vec<Shown> {
        Vec::new()
    }
    /// What it does just now, one short line for people: "writes src/a.rs", "runs `cargo test`".
    fn activity(&self) -> Option<&str>;
}

/// One call of a tool and what came of it, as far as it can be compared with another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// For people: "runs `cargo test`".
    pub what: String,
    /// Digest of the tool and its input.
    pub call: u64,
    /// Digest of the result.
    pub result: u64,
}

/// A fresh reader of this kind of output.
#[must_use]
pub fn reader(kind: OutputKind) -> Box<dyn Reader> {
    match kind {
        OutputKind::Plain => Box::new(plain::Plain::default()),
        OutputKind::Claude | OutputKind::Qwen => Box::new(claude::Claude::default()),
        OutputKind::Codex => Box::new(codex::Codex::default()),
        OutputKind::Gemini => Box::new(gemini::Gemini::default()),
        OutputKind::Opencode => Box::new(opencode::Opencode::default()),
        OutputKind::Copilot => Box::new(copilot::Copilot::default()),
        OutputKind::Pi => Box::new(pi::Pi::default()),
        OutputKind::Cline => Box::new(cline::Cline::default()),
        OutputKind::Acp => Box::new(acp::Acp::default()),
        OutputKind::Aider => Box::new(aider::Aider::default()),
        OutputKind::HandOff => Box::new(hand_off::HandOff::default()),
    }
}

/// A reader of an agent that tells what it does in events, one JSON object a line.
trait Events: Send {
    /// One of them; it has a `type`.
    fn event(&mut self, event: &Value);
    /// A line of standard error, without its end.
    fn error_line(&mut self, _line: &str) {}
    /// Where it notes what they mean.
    fn notes(&mut self) -> &mut Notes;
    /// The same, to be read.
    fn noted(&self) -> &Notes;
}

impl<E: Events> Reader for E {
    fn line(&mut self, line: &str) {
        self.notes().was_touched();
        if let Some(event) = event(line) {
            self.event(&event);
        }
        if !line.trim().is_empty() && !self.notes().was_touched() {
            self.notes().shows(|| Shown::Line(line.to_owned()));
        }
    }

    fn keep_shown(&mut self) {
        self.notes().keep_shown();
    }

    fn take_shown(&mut self) -> Vec<Shown> {
        self.notes().take_shown()
    }

    fn error_line(&mut self, line: &str) {
        Events::error_line(self, line);
    }

    fn report(&self) -> AgentReport {
        self.noted().report()
    }

    fn take_calls(&mut self) -> Vec<ToolCall> {
        self.notes().take_calls()
    }

    fn activity(&self) -> Option<&str> {
        self.noted().activity()
    }
}

/// The event of a line, where it is one: a JSON object with a `type`.
fn event(line: &str) -> Option<Value> {
    let line = line.trim();
    if line.len() > LINE_BYTES_MAX || !line.starts_with('{') {
        return None;
    }
    serde_json::from_str::<Value>(line).ok().filter(|v| v["type"].is_string())
}
