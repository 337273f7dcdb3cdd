//! Reading what agents print. Knows nothing of processes.

use greenlane_core::attempt::AgentReport;
use serde::{Deserialize, Serialize};

/// The form of an agent's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputKind {
    /// Text for people: nothing is read from it.
    Plain,
}

/// Gathers facts from an agent's output, line by line.
pub trait Reader {
    /// Takes the next line, without its line end.
    fn line(&mut self, line: &str);
    /// What is known so far.
    fn report(&self) -> AgentReport;
    /// What the agent does at present, in a few words.
    fn activity(&self) -> Option<&str>;
}

/// The reader for this form of output.
#[must_use]
pub fn reader(kind: OutputKind) -> Box<dyn Reader> {
    match kind {
        OutputKind::Plain => Box::new(Plain),
    }
}

struct Plain;

impl Reader for Plain {
    fn line(&mut self, _line: &str) {}

    fn report(&self) -> AgentReport {
        AgentReport::default()
    }

    fn activity(&self) -> Option<&str> {
        None
    }
}
