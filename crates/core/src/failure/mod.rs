//! Why an attempt failed, told from evidence. Knows nothing of retries: that is policy, elsewhere.
//!
//! Order of evidence: the gate's verdict, the keeper's observation, the agent's structured events,
//! the exit code and signal, then patterns in the output by whole words.

mod circumstances;
mod trace;

use serde::{Deserialize, Serialize};

pub use circumstances::{Circumstances, LINES_MAX, Resources, last_lines};
pub use trace::stack_trace;

use crate::attempt::{AgentError, Exit, ExitRecord};
use crate::time::Time;

/// The ancestor's eight types of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureType {
    /// The agent's program crashed.
    Bug,
    /// Memory, disk or another resource ran out.
    ResourceExhaustion,
    /// The wall clock or a stall ended it.
    Timeout,
    /// The model's provider refused or failed.
    ApiError,
    /// Greenlane's own machinery failed: workspace, keeper, git.
    CoordinatorError,
    /// The work was done and is not good enough.
    QualityGateFailure,
    /// The agent ended as if all were well, and did not do the task.
    LogicError,
    /// None of these can be shown.
    Unknown,
}

impl FailureType {
    /// The types that are tried again by default. Ancestor's policy.
    pub const RETRIED: [FailureType; 5] =
        [FailureType::ApiError, FailureType::Timeout, FailureType::ResourceExhaustion, FailureType::CoordinatorError, FailureType::Unknown];

    /// As in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            FailureType::Bug => "bug",
            FailureType::ResourceExhaustion => "resource_exhaustion",
            FailureType::Timeout => "timeout",
            FailureType::ApiError => "api_error",
            FailureType::CoordinatorError => "coordinator_error",
            FailureType::QualityGateFailure => "quality_gate_failure",
            FailureType::LogicError => "logic_error",
            FailureType::Unknown => "unknown",
        }
    }
}

/// What is known beyond the type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureDetail {
    /// The account's limit is reached; see `reset_at`.
    RateLimit,
    /// Not signed in, or the key is refused: trying again cannot help.
    Authentication,
    /// The provider's server failed or is overloaded.
    ServerError,
    /// The provider cannot be reached.
    Network,
    /// The conversation is longer than the model allows.
    ContextOverflow,
    /// A program is missing or cannot be executed: trying again cannot help.
    MissingProgram,
    /// The model has more to do than it can; others of the same provider may have less.
    ModelOverload,
    /// Killed for want of memory, or refused more of it.
    OutOfMemory,
    /// No space is left on the disk.
    DiskFull,
    /// The agent's own policy denied what the task needs: trying again cannot help.
    PermissionDenied,
    /// No evidence of work for the whole stall timeout.
    Stalled,
    /// The keeper died; the agent's work is in the worktree.
    KeeperLost,
}

impl FailureDetail {
    /// As in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            FailureDetail::RateLimit => "rate_limit",
            FailureDetail::Authentication => "authentication",
            FailureDetail::ServerError => "server_error",
            FailureDetail::Network => "network",
            FailureDetail::ContextOverflow => "context_overflow",
            FailureDetail::MissingProgram => "missing_program",
            FailureDetail::ModelOverload => "model_overload",
            FailureDetail::OutOfMemory => "out_of_memory",
            FailureDetail::DiskFull => "disk_full",
            FailureDetail::PermissionDenied => "permission_denied",
            FailureDetail::Stalled => "stalled",
            FailureDetail::KeeperLost => "keeper_lost",
        }
    }
}

/// What decided on a failure's type; in this order one goes before the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// The gate's verdict on the work, or the suite's.
    Gate,
    /// What the keeper did or saw: it ended the attempt, or could not begin it; or there is no keeper any more.
    Keeper,
    /// The agent's structured events.
    AgentEvents,
    /// The exit code or the signal.
    Exit,
    /// Words in what was printed.
    Output,
    /// Greenlane's own machinery: no worktree, no keeper could be started.
    Coordinator,
    /// A script's word: `greenlane failures log`.
    Reported,
}

/// One failure of one attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind that the retry policy goes by.
    #[serde(rename = "type")]
    pub kind: FailureType,
    /// More, where the evidence has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<FailureDetail>,
    /// What decided on it; `None` in journals of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// One line for people, in their words.
    pub message: String,
    /// When a rate limit ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_at: Option<Time>,
}

impl Failure {
    /// A failure without further detail, by the evidence that such a failure usually has: the gate's for the quality and the logic of
    /// work, Greenlane's own for its machinery, the exit's for the rest.
    pub fn new(kind: FailureType, message: impl Into<String>) -> Self {
        let evidence = match kind {
            FailureType::QualityGateFailure | FailureType::LogicError => Evidence::Gate,
            FailureType::CoordinatorError => Evidence::Coordinator,
            _ => Evidence::Exit,
        };
        Self { kind, detail: None, evidence: Some(evidence), message: message.into(), reset_at: None }
    }

    /// The same, by this evidence.
    #[must_use]
    pub fn by(mut self, evidence: Evidence) -> Self {
        self.evidence = Some(evidence);
        self
    }

    /// The same, with a detail.
    #[must_use]
    pub fn with(mut self, detail: FailureDetail) -> Self {
        self.detail = Some(detail);
        self
    }

    /// Whether another attempt could end differently at all.
    #[must_use]
    pub fn hopeless(&self) -> bool {
        matches!(self.detail, Some(FailureDetail::Authentication | FailureDetail::MissingProgram))
    }
}

/// Judges a process that has ended. `None`: nothing speaks against it, the gate decides.
#[must_use]
pub fn of_exit(record: &ExitRecord) -> Option<Failure> {
    let report = &record.report;
    if let Some(mut failure) = of_own_end(&record.exit) {
        // By its own events its work is done, and only its process did not end: the gate judges what it left.
        if report.finished == Some(true) {
            return None;
        }
        // An agent whose last word was that its provider refuses is limited, not stuck.
        if let Some(error) = report.error.as_ref().filter(|e| e.status.is_some()) {
            let ended = failure.message;
            failure = of_agent_error(error);
            failure.message = format!("{} ({ended})", failure.message);
        }
        return Some(failure);
    }
    if let Exit::FailedToStart { message } = &record.exit {
        let message = format!("could not be started: {message}");
        return Some(Failure::new(FailureType::CoordinatorError, message).with(FailureDetail::MissingProgram));
    }
    if record.report.finished != Some(true)
        && let Some(error) = &record.report.error
    {
        return Some(of_agent_error(error));
    }
    if record.report.finished == Some(false) {
        return Some(Failure::new(FailureType::Unknown, "the agent says that it failed"));
    }
    match record.exit {
        // The agent's events say that it finished, however its process ended then: the gate judges what it left.
        Exit::Code { .. } | Exit::Signal { .. } if report.finished == Some(true) => None,
        // It writes events and never said that it finished: somebody ended it, and it calls that a success (gemini, after SIGTERM).
        Exit::Code { code: 0 } if report.session.is_some() => {
            Some(Failure::new(FailureType::Unknown, "ended with code 0 in the middle of its work"))
        }
        Exit::Code { code: 0 } => None,
        Exit::Code { code: code @ (129 | 130 | 143) } => {
            Some(Failure::new(FailureType::Unknown, format!("ended by signal {} from outside (exit code {code})", code - 128)))
        }
        Exit::Code { code } => Some(of_code(code, &record.stderr_tail, &record.stdout_tail)),
        Exit::Signal { signal: 9 } => Some(
            Failure::new(FailureType::ResourceExhaustion, "killed by signal 9, as the system does when memory runs out")
                .with(FailureDetail::OutOfMemory),
        ),
        Exit::Signal { signal: signal @ (4 | 6 | 7 | 8 | 11) } => {
            Some(Failure::new(FailureType::Bug, format!("crashed with signal {signal}")))
        }
        Exit::Signal { signal } => Some(Failure::new(FailureType::Unknown, format!("ended by signal {signal}"))),
        Exit::Cancelled | Exit::TimedOut | Exit::Stalled | Exit::FailedToStart { .. } => None,
    }
}

/// Ended by the keeper for want of time or of evidence.
fn of_own_end(exit: &Exit) -> Option<Failure> {
    match exit {
        Exit::TimedOut => Some(Failure::new(FailureType::Timeout, "ran longer than its timeout and was ended")),
        Exit::Stalled => Some(
            Failure::new(FailureType::Timeout, "gave no evidence of work for the whole stall timeout and was ended")
                .with(FailureDetail::Stalled),
        ),
        _ => None,
    }
}

fn of_agent_error(error: &AgentError) -> Failure {
    let words = Words::of(&error.message);
    let (kind, detail) = match error.status {
        Some(429) => (FailureType::ApiError, Some(FailureDetail::RateLimit)),
        Some(401 | 403) => (FailureType::ApiError, Some(FailureDetail::Authentication)),
        Some(413) => (FailureType::ApiError, Some(FailureDetail::ContextOverflow)),
        Some(500..=599) => (FailureType::ApiError, Some(FailureDetail::ServerError)),
        Some(_) => (FailureType::ApiError, api_detail(&words)),
        None => match api_detail(&words) {
            Some(detail) => (FailureType::ApiError, Some(detail)),
            None if words.any(&["api", "provider", "model", "stream"]) => (FailureType::ApiError, None),
            None => (FailureType::Unknown, None),
        },
    };
    Failure { kind, detail, evidence: Some(Evidence::AgentEvents), message: one_line(&error.message), reset_at: error.reset_at }
}

fn api_detail(words: &Words) -> Option<FailureDetail> {
    if words.phrase("rate limit") || words.phrase("too many requests") || words.any(&["quota", "ratelimit", "rate_limit"]) {
        Some(FailureDetail::RateLimit)
    } else if words.any(&["unauthorized", "unauthenticated"])
        || words.phrase("not logged in")
        || words.phrase("please run login")
        || words.phrase("invalid api key")
        || words.phrase("incorrect api key")
    {
        Some(FailureDetail::Authentication)
    } else if words.phrase("context length") || words.phrase("context window") || words.phrase("prompt is too long") {
        Some(FailureDetail::ContextOverflow)
    } else if words.phrase("high demand") || words.any(&["overloaded", "unavailable"]) || words.phrase("internal server error") {
        Some(FailureDetail::ServerError)
    } else if words.any(&["econnrefused", "econnreset", "enotfound", "etimedout"])
        || words.phrase("connection refused")
        || words.phrase("connection error")
        || words.phrase("could not resolve host")
    {
        Some(FailureDetail::Network)
    } else {
        None
    }
}

fn of_code(code: i32, stderr: &str, stdout: &str) -> Failure {
    let tail = if stderr.trim().is_empty() { stdout } else { stderr };
    let last = tail.lines().rev().find(|l| !l.trim().is_empty()).map(one_line);
    let message = match &last {
        Some(line) => format!("exit code {code}: {line}"),
        None => format!("exit code {code} without a word"),
    };
    let words = Words::of(tail);
    match code {
        126 | 127 => Failure::new(FailureType::CoordinatorError, message).with(FailureDetail::MissingProgram),
        124 => Failure::new(FailureType::Timeout, message),
        137 => Failure::new(FailureType::ResourceExhaustion, message).with(FailureDetail::OutOfMemory),
        _ if words.phrase("no space left on device") => {
            Failure::new(FailureType::ResourceExhaustion, message).with(FailureDetail::DiskFull)
        }
        _ if words.phrase("out of memory") || words.phrase("cannot allocate memory") => {
            Failure::new(FailureType::ResourceExhaustion, message).with(FailureDetail::OutOfMemory)
        }
        _ if crashed(tail) => Failure::new(FailureType::Bug, message),
        _ => match api_detail(&words) {
            Some(detail) => Failure::new(FailureType::ApiError, message).with(detail),
            None => Failure::new(FailureType::Unknown, message),
        },
    }
}

/// The marks of an uncaught error in the runtimes that agents are written in.
fn crashed(tail: &str) -> bool {
    tail.lines().any(|l| {
        l.starts_with("Traceback (most recent call last)")
            || (l.starts_with("thread '") && l.contains("panicked at"))
            || l.starts_with("panic: ")
            || l.contains("Segmentation fault")
    })
}

fn one_line(text: &str) -> String {
    const CHARS_MAX: usize = 300;
    let line = text.lines().find(|l| !l.trim().is_empty()).unwrap_or("").trim();
    if line.chars().count() <= CHARS_MAX {
        return line.to_owned();
    }
    line.chars().take(CHARS_MAX - 1).chain(['…']).collect()
}

/// A text as lower-case words, so that `api` does not match `rapid`.
struct Words(String);

impl Words {
    fn of(text: &str) -> Self {
        let mut spaced = String::with_capacity(text.len() + 2);
        spaced.push(' ');
        for c in text.chars() {
            let word = c.is_alphanumeric() || c == '_';
            match (word, spaced.ends_with(' ')) {
                (true, _) => spaced.extend(c.to_lowercase()),
                (false, false) => spaced.push(' '),
                (false, true) => {}
            }
        }
        if !spaced.ends_with(' ') {
            spaced.push(' ');
        }
        Self(spaced)
    }

    fn phrase(&self, phrase: &str) -> bool {
        self.0.contains(&format!(" {phrase} "))
    }

    fn any(&self, words: &[&str]) -> bool {
        words.iter().any(|w| self.phrase(w))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt::AgentReport;

    fn record(exit: Exit, stderr: &str, report: AgentReport) -> ExitRecord {
        ExitRecord {
            exit,
            started_at: Time(0),
            ended_at: Time(1),
            report,
            strays_ended: 0,
            memory_peak_bytes: 0,
            cpu_ms: 0,
            resources: None,
            oom_kills: None,
            stdout_tail: String::new(),
            stderr_tail: stderr.to_owned(),
        }
    }

    fn told(exit: Exit, stderr: &str) -> Option<(FailureType, Option<FailureDetail>)> {
        of_exit(&record(exit, stderr, AgentReport::default())).map(|f| (f.kind, f.detail))
    }

    #[test]
    fn exit_codes_are_told_apart() {
        use FailureDetail as D;
        use FailureType as T;
        for (exit, stderr, want) in [
            (Exit::Code { code: 0 }, "", None),
            (Exit::Code { code: 1 }, "rapid spaceship", Some((T::Unknown, None))),
            (Exit::Code { code: 1 }, "sh: No space left on device", Some((T::ResourceExhaustion, Some(D::DiskFull)))),
            (Exit::Code { code: 1 }, "Traceback (most recent call last):\n  x", Some((T::Bug, None))),
            (Exit::Code { code: 1 }, "Error: too many requests", Some((T::ApiError, Some(D::RateLimit)))),
            (Exit::Code { code: 127 }, "sh: 1: nope: not found", Some((T::CoordinatorError, Some(D::MissingProgram)))),
            (Exit::Code { code: 137 }, "", Some((T::ResourceExhaustion, Some(D::OutOfMemory)))),
            (Exit::Code { code: 124 }, "", Some((T::Timeout, None))),
            (Exit::Code { code: 143 }, "", Some((T::Unknown, None))),
            (Exit::Signal { signal: 15 }, "", Some((T::Unknown, None))),
            (Exit::Signal { signal: 11 }, "", Some((T::Bug, None))),
            (Exit::Signal { signal: 9 }, "", Some((T::ResourceExhaustion, Some(D::OutOfMemory)))),
            (Exit::TimedOut, "", Some((T::Timeout, None))),
            (Exit::Stalled, "", Some((T::Timeout, Some(D::Stalled)))),
        ] {
            assert_eq!(told(exit.clone(), stderr), want, "{exit:?} {stderr}");
        }
    }

    #[test]
    fn the_agents_own_events_come_before_its_exit_code() {
        let error = AgentError { message: "exceeded retry limit, last status: 429".into(), status: Some(429), reset_at: None };
        let report = AgentReport { finished: Some(false), error: Some(error), ..AgentReport::default() };
        let failure = of_exit(&record(Exit::Code { code: 0 }, "", report)).map(|f| (f.kind, f.detail));
        assert_eq!(failure, Some((FailureType::ApiError, Some(FailureDetail::RateLimit))));

        let recovered = AgentReport {
            finished: Some(true),
            error: Some(AgentError { message: "retrying".into(), status: Some(500), reset_at: None }),
            ..AgentReport::default()
        };
        assert_eq!(of_exit(&record(Exit::Code { code: 3 }, "", recovered)), None, "it finished after all: the gate decides");
    }

    #[test]
    fn an_end_for_want_of_time_while_the_provider_refuses_is_the_providers() {
        for exit in [Exit::TimedOut, Exit::Stalled] {
            let error = AgentError { message: "too fast".into(), status: Some(429), reset_at: Some(Time(9)) };
            let report = AgentReport { error: Some(error), ..AgentReport::default() };
            let failure = of_exit(&record(exit.clone(), "", report)).expect("a failure");
            assert_eq!((failure.kind, failure.detail), (FailureType::ApiError, Some(FailureDetail::RateLimit)), "{exit:?}");
            assert_eq!(failure.reset_at, Some(Time(9)));
            assert!(failure.message.starts_with("too fast (") && failure.message.ends_with("was ended)"), "{}", failure.message);
        }
    }

    #[test]
    fn an_agent_that_says_it_finished_is_judged_by_what_it_left_however_it_ended() {
        for exit in [Exit::Code { code: 1 }, Exit::Signal { signal: 9 }, Exit::Signal { signal: 11 }, Exit::Stalled, Exit::TimedOut] {
            let report = AgentReport { finished: Some(true), ..AgentReport::default() };
            assert_eq!(of_exit(&record(exit.clone(), "", report)), None, "{exit:?}");
        }
    }

    #[test]
    fn code_0_before_the_agents_last_event_is_no_success() {
        let report = AgentReport { session: Some("s".into()), ..AgentReport::default() };
        let failure = of_exit(&record(Exit::Code { code: 0 }, "", report)).map(|f| f.kind);
        assert_eq!(failure, Some(FailureType::Unknown));
    }
}
