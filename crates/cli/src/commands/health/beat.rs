//! `health beat`: a script, a hand-off agent or a person's own worker tells that it is alive.

use std::ffi::OsStr;
use std::process::ExitCode;

use greenlane_core::health::HealthStatus;
use greenlane_runtime::health::workers::{self, MESSAGE_CHARS_MAX, NAME_CHARS_MAX, Worker, WorkersError};
use greenlane_runtime::keeper::Identity;

use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::session::Session;

/// Flags of `health beat`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane health beat nightly-build --message \"compiles\"
  while work; do greenlane health beat \"$HOSTNAME\" --pid $$ --task bucket; sleep 30; done
  greenlane health beat nightly-build --status hung --message \"waits for the licence server\"
  greenlane health beat nightly-build --end        it is done; forget it

Only the latest word of each worker is kept, in .greenlane/workers: not in the journal, and for a day at most. One that says nothing
for 2 minutes is hung, for 5 dead, and so is one whose process is gone.")]
pub struct BeatArgs {
    /// The worker's name
    #[arg(value_name = "NAME", value_parser = name)]
    pub name: String,
    /// How it is
    #[arg(long, value_name = "STATUS", default_value = "healthy", value_parser = status())]
    pub status: HealthStatus,
    /// What it does, or what is wrong; one line
    #[arg(long, value_name = "TEXT", value_parser = message)]
    pub message: Option<String>,
    /// The task that it works on [default: GREENLANE_TASK]
    #[arg(long, value_name = "TASK", value_parser = name)]
    pub task: Option<String>,
    /// Its process on this machine: when that is gone, the worker is dead
    #[arg(long, value_name = "PID", value_parser = clap::value_parser!(u32).range(1..=i64::from(i32::MAX)))]
    pub pid: Option<u32>,
    /// How far it is
    #[arg(long, value_name = "N")]
    pub iteration: Option<u64>,
    /// Memory that it uses, in megabytes
    #[arg(long, value_name = "MB", value_parser = megabytes)]
    pub memory_mb: Option<f64>,
    /// Calls of its model so far
    #[arg(long, value_name = "N")]
    pub api_calls: Option<u64>,
    /// It has ended: forget it
    #[arg(long, conflicts_with_all = ["status", "message", "task", "pid", "iteration", "memory_mb", "api_calls"])]
    pub end: bool,
}

fn name(text: &str) -> Result<String, String> {
    let text = text.trim();
    match text {
        "" => Err(String::from("it is empty")),
        _ if text.chars().count() > NAME_CHARS_MAX => Err(format!("it has more than {NAME_CHARS_MAX} characters")),
        _ if text.chars().any(char::is_control) => Err(String::from("it holds characters that cannot be printed")),
        _ => Ok(text.to_owned()),
    }
}

fn message(text: &str) -> Result<String, String> {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().filter(|c| !c.is_control()).collect();
    Ok(match line.char_indices().nth(MESSAGE_CHARS_MAX) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    })
}

fn megabytes(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|n: &f64| n.is_finite() && *n >= 0.0).ok_or_else(|| String::from("write a number of megabytes"))
}

fn status() -> impl clap::builder::TypedValueParser<Value = HealthStatus> {
    use clap::builder::TypedValueParser as _;
    clap::builder::PossibleValuesParser::new(HealthStatus::ALL.map(HealthStatus::as_str))
        .map(|word| HealthStatus::ALL.into_iter().find(|s| s.as_str() == word).unwrap_or(HealthStatus::Unknown))
}

pub(super) fn run(args: &BeatArgs, session: &Session, context: &Context) -> Outcome {
    if args.end {
        if !workers::end(&session.state_dir, &args.name).map_err(problem)? {
            context.output.say(&format!("no worker `{}` is known", args.name));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let process = match args.pid {
        Some(pid) => Some(Identity::of(pid).ok_or_else(|| {
            Error::usage(format!("there is no process {pid}")).hint("give --pid a process that runs on this machine, such as $$")
        })?),
        None => None,
    };
    let of_environment = || context.env.get(OsStr::new("GREENLANE_TASK")).map(|v| v.to_string_lossy().into_owned());
    let worker = Worker {
        message: args.message.clone().filter(|m| !m.is_empty()),
        task: args.task.clone().or_else(|| of_environment().and_then(|t| name(&t).ok())),
        iteration: args.iteration,
        memory_mb: args.memory_mb,
        api_calls_made: args.api_calls,
        process,
        ..Worker::now(args.name.clone(), args.status)
    };
    session.repo.exclude()?;
    workers::beat(&session.state_dir, &worker).map_err(problem)?;
    Ok(ExitCode::SUCCESS)
}

fn problem(e: WorkersError) -> Error {
    match e {
        WorkersError::TooMany => Error::usage(e.to_string())
            .hint("`greenlane health beat NAME --end` forgets one; who says nothing for a day is forgotten by itself"),
        WorkersError::Io { ref source, .. } => Error::file(e.to_string(), source),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_messages_are_bounded_printable_lines() {
        assert_eq!(name(" ci/7 "), Ok(String::from("ci/7")));
        assert!(name("").is_err() && name("a\nb").is_err() && name(&"x".repeat(201)).is_err());
        assert_eq!(message("two\n lines\u{1b}[1m"), Ok(String::from("two lines[1m")));
        assert_eq!(message(&"x".repeat(5_000)).map(|m| m.chars().count()), Ok(MESSAGE_CHARS_MAX + 1));
        assert!(megabytes("-1").is_err() && megabytes("NaN").is_err() && megabytes("12.5") == Ok(12.5));
    }
}
