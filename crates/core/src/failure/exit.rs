//! Judges a process that has ended, by the best evidence there is.

use super::output::{self, Told};
use super::provider;
use super::reset::{UTC_ONLY, reset_at};
use super::types::{Evidence, Failure, FailureDetail, FailureType};
use crate::attempt::{AgentError, AgentReport, Exit, ExitRecord};

/// Why it failed. `None`: nothing speaks against it, the gate decides.
#[must_use]
pub fn of_exit(record: &ExitRecord) -> Option<Failure> {
    let report = &record.report;
    // By its own events its work is done, whatever became of its process then: the gate judges what it left.
    let finished = report.finished == Some(true);
    match &record.exit {
        Exit::Cancelled => None,
        Exit::FailedToStart { message } => {
            let message = format!("could not be started: {message}");
            Some(Failure::new(FailureType::CoordinatorError, message).with(FailureDetail::MissingProgram).by(Evidence::Keeper))
        }
        _ if finished => None,
        Exit::TimedOut | Exit::Stalled => Some(of_keepers_end(record)),
        Exit::OverBudget { message } => {
            let failure = Failure::new(FailureType::ResourceExhaustion, format!("budget: {message}"));
            Some(failure.with(FailureDetail::Budget).by(Evidence::Keeper))
        }
        Exit::Runaway { message } => {
            let failure = Failure::new(FailureType::LogicError, format!("runaway: {message}"));
            Some(failure.with(FailureDetail::Runaway).by(Evidence::Keeper))
        }
        Exit::Code { code } => of_events(record).or_else(|| of_code(*code, record)),
        Exit::Signal { signal } => Some(of_events(record).unwrap_or_else(|| of_signal(*signal, record))),
    }
}

fn stalled(record: &ExitRecord) -> String {
    const STALLED: &str = "gave no evidence of work for the whole stall timeout and was ended";
    match record.stopped.as_slice() {
        [] => STALLED.to_owned(),
        stopped => format!("{STALLED}: {} had been stopped by a signal", stopped.join(", ")),
    }
}

/// Ended by the keeper for want of time or of evidence.
fn of_keepers_end(record: &ExitRecord) -> Failure {
    let ended = match record.exit {
        Exit::Stalled => Failure::new(FailureType::Timeout, stalled(record)).with(FailureDetail::Stalled),
        _ => Failure::new(FailureType::Timeout, "ran longer than its timeout and was ended"),
    };
    // An agent whose last word was that its provider refuses is limited, not stuck.
    match record.report.error.as_ref().filter(|e| e.status.is_some() || has_events(&record.report)) {
        Some(error) => {
            let mut failure = of_agent_error(error, record);
            failure.message = format!("{} ({})", failure.message, ended.message);
            failure
        }
        None => ended.by(Evidence::Keeper),
    }
}

/// What the agent itself told, in events. An error that was only read out of text is no more than the text.
fn of_events(record: &ExitRecord) -> Option<Failure> {
    let report = &record.report;
    if !has_events(report) {
        return None;
    }
    match (&report.error, report.finished) {
        (error, Some(false)) if !report.denied.is_empty() && error.as_ref().is_none_or(|e| e.status.is_none()) => {
            let denied = report.denied.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ");
            let said = error.as_ref().map_or(String::new(), |e| format!(": {}", one_line(&e.message)));
            let failure = Failure::new(FailureType::LogicError, format!("its own settings denied it {denied}{said}"));
            Some(failure.with(FailureDetail::PermissionDenied).by(Evidence::AgentEvents))
        }
        (error, Some(false)) if report.handed_back => {
            let why = error.as_ref().map_or_else(|| String::from("handed back undone"), |e| one_line(&e.message));
            Some(Failure::new(FailureType::LogicError, why).with(FailureDetail::HandedBack).by(Evidence::AgentEvents))
        }
        (Some(error), _) => Some(of_agent_error(error, record)),
        (None, Some(false)) => Some(Failure::new(FailureType::Unknown, "the agent says that it failed").by(Evidence::AgentEvents)),
        (None, _) => None,
    }
}

/// Its reader understands events, and there were some.
fn has_events(report: &AgentReport) -> bool {
    report.finished.is_some() || report.session.is_some() || report.model_calls > 0 || report.tool_calls > 0
}

fn of_agent_error(error: &AgentError, record: &ExitRecord) -> Failure {
    let (kind, detail) = provider::of(error.status, &error.message);
    let reset_at = error.reset_at.or_else(|| waits(detail).then(|| reset_at(&error.message, record.ended_at, UTC_ONLY))?);
    let evidence = if has_events(&record.report) { Evidence::AgentEvents } else { Evidence::Output };
    Failure { kind, detail, evidence: Some(evidence), message: one_line(&error.message), reset_at }
}

/// Such a failure may come with the time at which it is over.
fn waits(detail: Option<FailureDetail>) -> bool {
    matches!(detail, Some(FailureDetail::RateLimit | FailureDetail::ModelOverload))
}

fn of_code(code: i32, record: &ExitRecord) -> Option<Failure> {
    let (stderr, stdout) = (&record.stderr_tail, &record.stdout_tail);
    let tail = if stderr.trim().is_empty() { stdout } else { stderr };
    let last = tail.lines().rev().find(|l| !l.trim().is_empty()).map(one_line);
    let with = |line: &str| format!("exit code {code}: {line}");
    let message = match last.as_deref() {
        // The last line of its events says nothing to people.
        _ if stderr.trim().is_empty() && has_events(&record.report) => format!("exit code {code} in the middle of its work"),
        Some(line) => with(line),
        None => format!("exit code {code} without a word"),
    };
    let exit = |kind, message: String| Some(Failure::new(kind, message).by(Evidence::Exit));
    match code {
        // It writes events and never said that it finished: somebody ended it, and it calls that a success (gemini, after SIGTERM).
        0 if has_events(&record.report) => exit(FailureType::Unknown, String::from("ended with code 0 in the middle of its work")),
        0 => None,
        126 | 127 => exit(FailureType::CoordinatorError, message).map(|f| f.with(FailureDetail::MissingProgram)),
        124 => exit(FailureType::Timeout, message),
        137 => Some(of_kill(message, record)),
        // What a shell, and many an agent, makes of a signal.
        129 | 130 | 143 => exit(FailureType::Unknown, format!("ended by signal {} from outside (exit code {code})", code - 128)),
        132 | 134 | 135 | 136 | 139 => Some(of_crash(code - 128, record)),
        _ => Some(of_output(record).map_or_else(
            || {
                let crashed = output::crashed(stderr, stdout);
                let (kind, evidence) = if crashed { (FailureType::Bug, Evidence::Output) } else { (FailureType::Unknown, Evidence::Exit) };
                Failure::new(kind, message).by(evidence)
            },
            |mut failure| {
                failure.message = with(&failure.message);
                failure
            },
        )),
    }
}

fn of_signal(signal: i32, record: &ExitRecord) -> Failure {
    match signal {
        9 => of_kill(String::from("killed by signal 9"), record),
        4 | 6 | 7 | 8 | 11 => of_crash(signal, record),
        _ => Failure::new(FailureType::Unknown, format!("ended by signal {signal} from outside")).by(Evidence::Exit),
    }
}

/// SIGKILL: the system for want of memory, or somebody. The kernel counts the former.
fn of_kill(message: String, record: &ExitRecord) -> Failure {
    let failure = Failure::new(FailureType::ResourceExhaustion, "").by(Evidence::Exit);
    match record.oom_kills {
        // What was seen counts for more than what the signal usually means.
        Some(0) => {
            let message = format!("{message}, by somebody: the system killed nothing for want of memory meanwhile");
            Failure::new(FailureType::Unknown, message).by(Evidence::Keeper)
        }
        Some(_) => Failure { message: format!("{message}, while the system killed processes for want of memory"), ..failure }
            .with(FailureDetail::OutOfMemory)
            .by(Evidence::Keeper),
        None => {
            Failure { message: format!("{message}, as the system does when memory runs out"), ..failure }.with(FailureDetail::OutOfMemory)
        }
    }
}

/// Aborting is also what some runtimes do when they get no more memory; then they say so.
fn of_crash(signal: i32, record: &ExitRecord) -> Failure {
    match of_output(record) {
        Some(failure) if failure.detail == Some(FailureDetail::OutOfMemory) => failure,
        _ => Failure::new(FailureType::Bug, format!("crashed with signal {signal}")).by(Evidence::Exit),
    }
}

/// The error that a reader of plain text kept, else what the last lines tell.
fn of_output(record: &ExitRecord) -> Option<Failure> {
    if let Some(error) = &record.report.error {
        return Some(of_agent_error(error, record));
    }
    let Told { kind, detail, line } = output::told(&record.stderr_tail, &record.stdout_tail)?;
    let failure = Failure::new(kind, one_line(line)).by(Evidence::Output);
    let around = format!("{}\n{}", record.stderr_tail, record.stdout_tail);
    let reset_at = if waits(detail) {
        reset_at(line, record.ended_at, UTC_ONLY).or_else(|| reset_at(&around, record.ended_at, UTC_ONLY))
    } else {
        None
    };
    Some(Failure { detail, reset_at, ..failure })
}

pub(super) fn one_line(text: &str) -> String {
    const CHARS_MAX: usize = 300;
    let line = text.lines().find(|l| !l.trim().is_empty()).unwrap_or("").trim();
    if line.chars().count() <= CHARS_MAX {
        return line.to_owned();
    }
    line.chars().take(CHARS_MAX - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt::AgentReport;
    use crate::time::Time;

    fn record(exit: Exit, stderr: &str, report: AgentReport) -> ExitRecord {
        ExitRecord { report, stderr_tail: stderr.to_owned(), ..ExitRecord::new(exit, Time(0), Time(1)) }
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
            (Exit::OverBudget { message: String::new() }, "", Some((T::ResourceExhaustion, Some(D::Budget)))),
            (Exit::Runaway { message: String::new() }, "", Some((T::LogicError, Some(D::Runaway)))),
        ] {
            assert_eq!(told(exit.clone(), stderr), want, "{exit:?} {stderr}");
        }
    }

    #[test]
    fn who_killed_it_is_told_by_what_the_kernel_counted() {
        use FailureDetail::OutOfMemory;
        for exit in [Exit::Signal { signal: 9 }, Exit::Code { code: 137 }] {
            for (oom_kills, want) in [
                (Some(0), (FailureType::Unknown, None, Evidence::Keeper)),
                (Some(1), (FailureType::ResourceExhaustion, Some(OutOfMemory), Evidence::Keeper)),
                (None, (FailureType::ResourceExhaustion, Some(OutOfMemory), Evidence::Exit)),
            ] {
                let record = ExitRecord { oom_kills, ..record(exit.clone(), "", AgentReport::default()) };
                let failure = of_exit(&record).expect("a failure");
                assert_eq!((failure.kind, failure.detail, failure.evidence), (want.0, want.1, Some(want.2)), "{exit:?} {oom_kills:?}");
            }
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
        for exit in [
            Exit::Code { code: 1 },
            Exit::Signal { signal: 9 },
            Exit::Signal { signal: 11 },
            Exit::Stalled,
            Exit::TimedOut,
            Exit::OverBudget { message: String::new() },
        ] {
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
