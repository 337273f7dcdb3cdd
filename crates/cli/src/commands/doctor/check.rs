//! One line of `doctor`: what was looked at, how it is, what to do. Looks at nothing itself.

use serde::Serialize;

use crate::output::{Paint, paint};

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// As it should be.
    Ok,
    /// Works, with a limit that is worth knowing.
    Warning,
    /// Greenlane cannot work like this.
    Missing,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What: a stable word for scripts.
    pub name: String,
    /// How it is.
    pub status: Status,
    /// The finding.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Check {
    /// As it should be.
    pub fn ok(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self { name: name.into(), status: Status::Ok, message: message.into(), hint: None }
    }

    /// Works, with a limit.
    pub fn warning(name: impl Into<String>, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { name: name.into(), status: Status::Warning, message: message.into(), hint: Some(hint.into()) }
    }

    /// Needed and not there.
    pub fn missing(name: impl Into<String>, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { name: name.into(), status: Status::Missing, message: message.into(), hint: Some(hint.into()) }
    }

    /// `✓ name: message`, and the hint under it; every line ended.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let (sign, style) = match self.status {
            Status::Ok => ("✓", Paint::Green),
            Status::Warning => ("!", Paint::Yellow),
            Status::Missing => ("✗", Paint::Red),
        };
        let mut out = format!("{} {}: {}\n", paint(sign, style, color), self.name, self.message.trim_end().replace('\n', "\n    "));
        if let Some(hint) = &self.hint {
            out.push_str(&format!("    {} {}\n", paint("→", Paint::Cyan, color), hint.trim_end().replace('\n', "\n      ")));
        }
        out
    }
}
