//! What went wrong, for a person: message, place, hints. The kind decides the exit code. Prints nothing.

use std::process::ExitCode;

use greenlane_runtime::config::{ConfigError, Problem as ConfigProblem};

use crate::output::{Paint, paint};

/// Kinds of error; each has its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Some task is not done.
    NotDone,
    /// The command line, the configuration or the plan is wrong.
    Usage,
    /// Something is missing here: no repository, git too old, an agent; or the system refused.
    Environment,
    /// Another coordinator holds the repository.
    Held,
    /// `wait` timed out.
    WaitTimedOut,
    /// Ended by this signal.
    Signal(u8),
}

impl Kind {
    /// The exit code, as the contract lists them.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Kind::NotDone => 1,
            Kind::Usage => 2,
            Kind::Environment => 3,
            Kind::Held => 4,
            Kind::WaitTimedOut => 124,
            Kind::Signal(n) => 128u8.saturating_add(n),
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What happened, in the user's words.
    pub message: String,
    /// `file:line:column`, where it is in a file.
    pub location: Option<String>,
    /// What to do, each a sentence.
    pub hints: Vec<String>,
}

/// Why a verb ends without having done its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Decides the exit code.
    pub kind: Kind,
    /// What is wrong, everything at once. Empty: the exit code says it all (a broken pipe, a failed run that was reported already).
    pub problems: Vec<Problem>,
}

/// What to do about a full disk.
pub const HINT_DISK_FULL: &str = "the disk is full: make space, then try again";

/// What a verb returns: its exit code.
pub type Outcome = Result<ExitCode, Error>;

impl Error {
    /// An error with one problem.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, problems: vec![Problem { message: message.into(), location: None, hints: Vec::new() }] }
    }

    /// A file that the system refused to make, read or write; with what to do, where that is known.
    pub fn file(message: impl Into<String>, source: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        let error = Self::environment(message);
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => error.hint(HINT_DISK_FULL),
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                error.hint("what Greenlane keeps must be writable by you, there and in the repository's `.git`")
            }
            _ => error,
        }
    }

    /// An error that was told already.
    #[must_use]
    pub fn silent(kind: Kind) -> Self {
        Self { kind, problems: Vec::new() }
    }

    /// The command line, the configuration or the plan is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// Something is missing here, or the system refused.
    pub fn environment(message: impl Into<String>) -> Self {
        Self::new(Kind::Environment, message)
    }

    /// Adds what to do to the last problem.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Some(problem) = self.problems.last_mut() {
            problem.hints.push(hint.into());
        }
        self
    }

    /// Adds the place to the last problem.
    #[must_use]
    pub fn at(mut self, location: impl Into<String>) -> Self {
        if let Some(problem) = self.problems.last_mut() {
            problem.location = Some(location.into());
        }
        self
    }

    /// The exit code.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind.code())
    }

    /// For standard error: `error: …` and `hint: …` lines.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        self.problems.iter().map(|problem| problem.render("error", Paint::RedBold, color)).collect()
    }
}

impl Problem {
    /// `label: location: message`, then a line for each hint; every line ended. Further lines of a message are indented.
    #[must_use]
    pub fn render(&self, label: &str, style: Paint, color: bool) -> String {
        let mut out = format!("{} ", paint(&format!("{label}:"), style, color));
        if let Some(location) = &self.location {
            out.push_str(&format!("{}: ", paint(location, Paint::Bold, color)));
        }
        out.push_str(&self.message.trim_end().replace('\n', "\n  "));
        out.push('\n');
        for hint in &self.hints {
            out.push_str(&format!("{} {}\n", paint("hint:", Paint::Cyan, color), hint.trim_end().replace('\n', "\n  ")));
        }
        out
    }
}

impl From<ConfigProblem> for Problem {
    fn from(p: ConfigProblem) -> Self {
        Self { message: p.message, location: p.location.map(|l| l.to_string()), hints: p.hint.into_iter().collect() }
    }
}

impl From<ConfigError> for Error {
    fn from(e: ConfigError) -> Self {
        Self { kind: Kind::Usage, problems: e.problems.into_iter().map(Problem::from).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_decides_the_exit_code() {
        let codes = [Kind::NotDone, Kind::Usage, Kind::Environment, Kind::Held, Kind::WaitTimedOut, Kind::Signal(15)].map(Kind::code);
        assert_eq!(codes, [1, 2, 3, 4, 124, 143]);
    }

    #[test]
    fn an_error_reads_as_what_happened_then_what_to_do() {
        let error = Error::usage("task `api` depends on `schema`,\nwhich the plan does not define")
            .at("plan.toml:3:5")
            .hint("did you mean `db-schema`?");
        let expected =
            "error: plan.toml:3:5: task `api` depends on `schema`,\n  which the plan does not define\nhint: did you mean `db-schema`?\n";
        assert_eq!(error.render(false), expected);
        assert!(error.render(true).starts_with("\u{1b}[1;31merror:\u{1b}[0m "));
    }
}
