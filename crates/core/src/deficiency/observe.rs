//! What one failure says of the system: which of the eight types it is, what is wrong in words that are the same the next time,
//! and the evidence. Looks at one event with what is known of its attempt; counts nothing.

use serde::{Deserialize, Serialize};

use super::context::Context;
use super::kind::DeficiencyType;
use super::model::deficiency_id;
use super::normal::normalise;
use super::signature::telling_line;
use crate::attempt::{Exit, ExitRecord, Suite, Verdict};
use crate::event::Outcome;
use crate::failure::{Failure, FailureDetail, FailureType};
use crate::ids::AttemptId;
use crate::state::COMMAND_AGENT;
use crate::time::Time;

/// How it showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// A check did not pass.
    Check,
    /// A check ran into its time limit.
    CheckTimedOut,
    /// A check's program is missing or cannot be executed.
    CheckMissing,
    /// The suite is red with this work alone.
    Suite,
    /// The suite ran into its time limit.
    SuiteTimedOut,
    /// The suite's program is missing or cannot be executed.
    SuiteMissing,
    /// The suite was red and then green on the same work.
    SuiteFlaky,
    /// The gate or the suite could not be run.
    GateBroken,
    /// Files were changed that the task does not own.
    Ownership,
    /// Nothing was changed.
    NoChange,
    /// The agent's own settings denied it tools, and it changed nothing.
    Denied,
    /// The agent's process or its own events.
    Exit,
    /// The agent's process ended without a word.
    Unsaid,
    /// The work conflicts with what has landed.
    Conflict,
    /// Only a person can decide.
    NeedsHuman,
}

/// Which of the eight types it is.
#[must_use]
pub fn classify(way: Way, kind: Option<FailureType>, detail: Option<FailureDetail>) -> DeficiencyType {
    use DeficiencyType as D;
    match way {
        // The work was done and is wrong; outside of its files too.
        Way::Check | Way::Suite | Way::Ownership => D::LogicError,
        // These say nothing of the work: the judge is too slow, or of two minds.
        Way::CheckTimedOut | Way::SuiteTimedOut | Way::SuiteFlaky => D::QualityGateBug,
        // A program that is not there was not set up; tools are denied by settings; two tasks that meet in a file were not
        // given owners or an order.
        Way::CheckMissing | Way::SuiteMissing | Way::Denied | Way::Conflict => D::ConfigurationError,
        Way::GateBroken => D::CoordinatorBug,
        Way::NoChange | Way::Unsaid => D::SilentFailure,
        // Whatever it is that a person has to do, Greenlane cannot.
        Way::NeedsHuman => D::MissingFeature,
        Way::Exit => match (detail, kind) {
            // Trying again cannot help: somebody has to sign in, install it, or allow it.
            (Some(detail), _) if detail.is_hopeless() => D::ConfigurationError,
            // What makes worktrees ready is the user's own.
            (Some(FailureDetail::SetUpFailed), _) => D::ConfigurationError,
            // The provider refuses, but because of the conversation's size.
            (Some(FailureDetail::ContextOverflow), _) => D::ResourceIssue,
            // No evidence of work until it was ended.
            (Some(FailureDetail::Stalled), _) => D::SilentFailure,
            (_, Some(FailureType::ApiError)) => D::ApiFailure,
            (_, Some(FailureType::ResourceExhaustion | FailureType::Timeout)) => D::ResourceIssue,
            (_, Some(FailureType::CoordinatorError)) => D::CoordinatorBug,
            // A program crashed, or said no for a reason of its own.
            (_, Some(FailureType::Bug | FailureType::LogicError | FailureType::QualityGateFailure | FailureType::Unknown) | None) => {
                D::LogicError
            }
        },
    }
}

/// One time that a deficiency showed.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// Which of the eight.
    pub kind: DeficiencyType,
    /// The normalised description.
    pub description: String,
    /// Where and how.
    pub context: Context,
    /// Whose failure it was; `None` where it was nobody's (a flaky suite).
    pub attempt: Option<AttemptId>,
    /// When that attempt began, else when it was seen: what began before a fix says nothing against it.
    pub began: Time,
    /// When it was seen.
    pub at: Time,
}

impl Observation {
    /// A failure that a script or an external worker reported, with whatever it knows.
    #[must_use]
    pub fn reported(kind: FailureType, message: &str, context: &Context, at: Time) -> Self {
        let mut bounded = Context { way: Some(Way::Exit), failure_type: Some(kind), ..Context::default() };
        bounded.merge(context);
        bounded.merge(&Context { evidence: telling_line(message).into_iter().collect(), ..Context::default() });
        let kind = classify(Way::Exit, Some(kind), None);
        Self { kind, description: normalise(message, &[]), context: bounded, attempt: None, began: at, at }
    }

    /// The deficiency's id.
    #[must_use]
    pub fn id(&self) -> String {
        deficiency_id(self.kind, &self.description)
    }
}

/// What is known of an attempt when it fails.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    pub agent: &'a str,
    /// The command agent's line.
    pub run: Option<&'a str>,
    pub owns: &'a [String],
    pub record: Option<&'a ExitRecord>,
    pub verdict: Option<&'a Verdict>,
    /// The suite that was red with this attempt alone.
    pub suite: Option<&'a Suite>,
    pub roots: &'a [&'a str],
}

/// A description in the making.
pub(super) struct Finding {
    pub way: Way,
    pub description: String,
    pub context: Context,
}

impl Finding {
    fn new(way: Way, description: &str, roots: &[&str]) -> Self {
        Self { way, description: normalise(description, roots), context: Context { way: Some(way), ..Context::default() } }
    }

    fn evidence(mut self, line: Option<String>) -> Self {
        self.context.evidence.extend(line);
        self
    }
}

/// What an attempt's failure shows; `None` for one that was called off.
pub(super) fn of_failure(subject: &Subject<'_>, outcome: &Outcome, failure: Option<&Failure>) -> Option<Finding> {
    // The merge has told it.
    let failure = failure.filter(|_| *outcome != Outcome::Conflict)?;
    let mut finding = match (subject.verdict, subject.suite) {
        (Some(Verdict::CheckFailed { command, exit_code, output, timed_out, .. }), _) => {
            of_command("check", command, *exit_code, output, *timed_out, subject.roots)
        }
        (Some(Verdict::OutsideOwnership { files, .. }), _) => outside(files),
        (Some(Verdict::NoChange), _) => changed_nothing(subject),
        (Some(Verdict::Broken { message }), _) => {
            Finding::new(Way::GateBroken, &format!("the gate could not be run: {message}"), subject.roots).evidence(Some(message.clone()))
        }
        (Some(Verdict::Accepted { .. }), Some(suite)) => of_suite(suite, subject.roots)?,
        _ => of_process(subject, failure),
    };
    if finding.context.files.is_empty() {
        finding.context.files = subject.owns.to_vec();
    }
    finding.context.failure_type = Some(failure.kind);
    finding.context.failure_detail = failure.detail;
    finding.context.reset_at = failure.reset_at;
    finding.context.agents.push(subject.agent.to_owned());
    if finding.context.exit_code.is_none()
        && let Outcome::ExitCode(code) = outcome
    {
        finding.context.exit_code = Some(*code);
    }
    if let Some(record) = subject.record {
        finding.context.memory_peak_bytes = record.memory_peak_bytes;
        finding.context.seconds_max = record.ended_at.since(record.started_at).as_secs();
    }
    Some(finding)
}

/// A red or broken suite; `None` for a green one.
pub(super) fn of_suite(suite: &Suite, roots: &[&str]) -> Option<Finding> {
    match suite {
        Suite::Green { .. } => None,
        Suite::Red { command, exit_code, output, set_up_log: Some(_), .. } => {
            let said = telling_line(output);
            let how = exit_code.map_or_else(|| String::from("did not end by itself"), |code| format!("exit code {code}"));
            let text = format!("set-up command `{}`: {}", command.trim(), said.as_deref().unwrap_or(&how));
            let mut finding = Finding::new(Way::SuiteMissing, &text, roots).evidence(said);
            finding.context.checks.push(command.trim().to_owned());
            finding.context.exit_code = *exit_code;
            Some(finding)
        }
        Suite::Red { command, exit_code, output, timed_out, .. } => {
            Some(of_command("suite", command, *exit_code, output, *timed_out, roots))
        }
        Suite::Broken { message } => {
            Some(Finding::new(Way::GateBroken, &format!("the suite could not be run: {message}"), roots).evidence(Some(message.clone())))
        }
    }
}

/// The suite was red and then green on the same work; `red` is what it said when it was red.
pub(super) fn of_flaky(red: Option<&Suite>, roots: &[&str]) -> Finding {
    let found = red.and_then(|s| of_suite(s, roots));
    let (said, context) = found.map_or((String::from("the suite"), Context::default()), |f| (f.description, f.context));
    let mut finding = Finding::new(Way::SuiteFlaky, &format!("red and then green on the same work: {said}"), roots);
    finding.context = Context { way: Some(Way::SuiteFlaky), ..context };
    finding
}

/// Two tasks met in these files.
pub(super) fn of_conflict(files: &[String]) -> Finding {
    let mut finding = Finding::new(Way::Conflict, &format!("conflicts with what has landed, in {}", few(files)), &[]);
    finding.context.files = files.to_vec();
    finding
}

/// The gate wants a person to look.
pub(super) fn of_needs_human(why: &str, roots: &[&str]) -> Finding {
    Finding::new(Way::NeedsHuman, &format!("needs a human: {why}"), roots).evidence(Some(why.to_owned()))
}

fn of_command(what: &str, command: &str, exit_code: Option<i32>, output: &str, timed_out: bool, roots: &[&str]) -> Finding {
    let line = telling_line(output);
    let suite = what == "suite";
    let (way, how) = match (timed_out, exit_code, &line) {
        (true, ..) => (if suite { Way::SuiteTimedOut } else { Way::CheckTimedOut }, String::from("ran into its time limit")),
        // The shell's words for a command that is not there, or is no program.
        (false, Some(126 | 127), line) => {
            let said = line.as_deref().unwrap_or("no such program");
            (if suite { Way::SuiteMissing } else { Way::CheckMissing }, format!("could not be run: {said}"))
        }
        (false, _, Some(line)) => (if suite { Way::Suite } else { Way::Check }, line.clone()),
        (false, Some(code), None) => (if suite { Way::Suite } else { Way::Check }, format!("exit code {code} without a word")),
        (false, None, None) => (if suite { Way::Suite } else { Way::Check }, String::from("was killed")),
    };
    let mut finding = Finding::new(way, &format!("{what} `{}`: {how}", command.trim()), roots).evidence(line);
    finding.context.checks.push(command.trim().to_owned());
    finding.context.exit_code = exit_code;
    finding
}

fn outside(files: &[String]) -> Finding {
    let mut finding = Finding::new(Way::Ownership, &format!("changed files that the task does not own: {}", few(files)), &[]);
    finding.context.files = files.to_vec();
    finding
}

fn changed_nothing(subject: &Subject<'_>) -> Finding {
    let who = who(subject);
    let denied = subject.record.map(|r| r.report.denied.as_slice()).unwrap_or_default();
    if denied.is_empty() {
        let last = subject.record.map(|r| r.report.last_message.clone()).filter(|m| !m.trim().is_empty());
        let text = format!("{who} ended as if all were well, but changed nothing");
        return Finding::new(Way::NoChange, &text, subject.roots).evidence(last.and_then(|m| telling_line(&m)));
    }
    let mut finding = Finding::new(Way::Denied, &format!("{who} was denied {} by its own settings", few(denied)), subject.roots);
    finding.context.denied = denied.to_vec();
    finding
}

fn of_process(subject: &Subject<'_>, failure: &Failure) -> Finding {
    let who = who(subject);
    let tail = subject.record.map(|r| if r.stderr_tail.trim().is_empty() { &r.stdout_tail } else { &r.stderr_tail });
    let line = tail.and_then(|t| telling_line(t));
    let by_itself = subject.record.is_some_and(|r| matches!(r.exit, Exit::Code { .. }) && r.report.error.is_none());
    let (way, said) = match (&line, failure.detail) {
        // Ended by a code: the line that tells most, not whatever came last.
        (Some(line), None) if by_itself && failure.kind != FailureType::Timeout => {
            let code = subject.record.map_or(String::new(), |r| match r.exit {
                Exit::Code { code } => format!("exit code {code}: "),
                _ => String::new(),
            });
            (Way::Exit, format!("{code}{line}"))
        }
        (None, None) if by_itself => (Way::Unsaid, failure.message.clone()),
        _ => (Way::Exit, failure.message.clone()),
    };
    let said = match failure.detail {
        Some(detail) => format!("{}: {said}", detail.as_str().replace('_', " ")),
        None => said,
    };
    let evidence = if line.is_some() && way == Way::Exit && failure.detail.is_none() { line } else { Some(failure.message.clone()) };
    Finding::new(way, &format!("{who}: {said}"), subject.roots).evidence(evidence)
}

/// The agent's name; of a command the command itself, since all commands share one agent.
fn who(subject: &Subject<'_>) -> String {
    match subject.run {
        Some(run) if subject.agent == COMMAND_AGENT => {
            let line = run.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or("");
            format!("`{}`", super::context::cut(line, 80))
        }
        _ => subject.agent.to_owned(),
    }
}

/// The first three in the alphabet, so that the order in which they were found does not matter.
fn few(names: &[String]) -> String {
    let mut sorted: Vec<&str> = names.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    sorted.truncate(3);
    sorted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_its_type() {
        use DeficiencyType as D;
        use FailureDetail as Detail;
        use FailureType as T;
        for (kind, detail, want) in [
            (T::ApiError, None, D::ApiFailure),
            (T::ApiError, Some(Detail::RateLimit), D::ApiFailure),
            (T::ApiError, Some(Detail::ServerError), D::ApiFailure),
            (T::ApiError, Some(Detail::Network), D::ApiFailure),
            (T::ApiError, Some(Detail::ModelOverload), D::ApiFailure),
            (T::ApiError, Some(Detail::Authentication), D::ConfigurationError),
            (T::LogicError, Some(Detail::PermissionDenied), D::ConfigurationError),
            (T::ApiError, Some(Detail::ContextOverflow), D::ResourceIssue),
            (T::Timeout, None, D::ResourceIssue),
            (T::Timeout, Some(Detail::Stalled), D::SilentFailure),
            (T::ResourceExhaustion, Some(Detail::OutOfMemory), D::ResourceIssue),
            (T::ResourceExhaustion, Some(Detail::DiskFull), D::ResourceIssue),
            (T::CoordinatorError, None, D::CoordinatorBug),
            (T::CoordinatorError, Some(Detail::KeeperLost), D::CoordinatorBug),
            (T::CoordinatorError, Some(Detail::MissingProgram), D::ConfigurationError),
            (T::Bug, None, D::LogicError),
            (T::Unknown, None, D::LogicError),
            (T::LogicError, None, D::LogicError),
            (T::QualityGateFailure, None, D::LogicError),
        ] {
            assert_eq!(classify(Way::Exit, Some(kind), detail), want, "{kind:?} {detail:?}");
        }
        for (way, want) in [
            (Way::Check, D::LogicError),
            (Way::CheckTimedOut, D::QualityGateBug),
            (Way::CheckMissing, D::ConfigurationError),
            (Way::Suite, D::LogicError),
            (Way::SuiteTimedOut, D::QualityGateBug),
            (Way::SuiteMissing, D::ConfigurationError),
            (Way::SuiteFlaky, D::QualityGateBug),
            (Way::GateBroken, D::CoordinatorBug),
            (Way::Ownership, D::LogicError),
            (Way::NoChange, D::SilentFailure),
            (Way::Denied, D::ConfigurationError),
            (Way::Unsaid, D::SilentFailure),
            (Way::Conflict, D::ConfigurationError),
            (Way::NeedsHuman, D::MissingFeature),
        ] {
            assert_eq!(classify(way, Some(FailureType::QualityGateFailure), None), want, "{way:?}");
        }
    }
}
