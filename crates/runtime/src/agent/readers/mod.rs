//! Readers of agents' output: from lines to what they mean. One file per agent.
//!
//! Exit codes lie (an agent that could not reach its model may end with 0), so what an agent says in its events goes first.
//! Every reader takes whatever comes: a line that it does not understand is passed over. What is kept is bounded.

mod activity;
mod claude;
mod cline;
mod codex;
mod copilot;
mod gemini;
mod limit;
mod notes;
mod opencode;
mod pi;
mod plain;

use greenlane_core::attempt::AgentReport;
use serde_json::Value;

use super::definition::OutputKind;

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
