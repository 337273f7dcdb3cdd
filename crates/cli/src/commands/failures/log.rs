//! `failures log`: a failure that a script or an external worker saw, written down where a rebuild of the logs finds it again.

use std::process::ExitCode;

use greenlane_core::failure::FailureType;
use greenlane_runtime::clock;
use greenlane_runtime::journal::{Journal, Report};
use greenlane_runtime::machine;
use greenlane_runtime::subscriber::{FAILURE_REPORT, FailureReport};
use serde_json::{Map, Value};

use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::logbook::failure_type;
use crate::session::Session;

/// Flags of `failures log`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane failures log --type timeout --message \"the deploy took too long\" --task deploy --exit-code 124
  greenlane failures log --type bug --message \"$line\" --context host=ci-7 --context build=411

Within a task (GREENLANE_TASK, GREENLANE_RUN are set) its plan, task and run are known. May be called while a run goes on.")]
pub struct LogArgs {
    /// Of which type
    #[arg(long = "type", value_name = "TYPE", value_parser = failure_type())]
    pub kind: FailureType,
    /// What happened, one line
    #[arg(long, value_name = "TEXT", value_parser = message)]
    pub message: String,
    /// Of which task (`ID` or `PLAN/ID`)
    #[arg(long, value_name = "TASK")]
    pub task: Option<String>,
    /// Of which plan
    #[arg(long, value_name = "PLAN")]
    pub plan: Option<String>,
    /// The exit code of what failed
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(i32).range(0..=255))]
    pub exit_code: Option<i32>,
    /// The number of the signal that ended it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=128))]
    pub signal: Option<i32>,
    /// Who reports; without it this user's machine and process
    #[arg(long, value_name = "ID")]
    pub worker: Option<String>,
    /// Whatever else there is to say, as often as needed; a value that is JSON is kept as such
    #[arg(long = "context", value_name = "KEY=VALUE", value_parser = pair)]
    pub context: Vec<(String, Value)>,
}

/// Most characters of a message, as of those that Greenlane writes itself.
const MESSAGE_CHARS_MAX: usize = 1_000;
/// Most bytes of one value of the context.
const VALUE_BYTES_MAX: usize = 64 * 1024;

fn message(text: &str) -> Result<String, String> {
    let line = text.trim();
    if line.is_empty() {
        return Err(String::from("say what happened"));
    }
    let one: String = line.split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(match one.char_indices().nth(MESSAGE_CHARS_MAX) {
        Some((cut, _)) => format!("{}…", &one[..cut]),
        None => one,
    })
}

fn pair(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text.split_once('=').ok_or("write it as KEY=VALUE")?;
    if key.trim().is_empty() {
        return Err(String::from("the key before `=` is empty"));
    }
    if value.len() > VALUE_BYTES_MAX {
        return Err(format!("the value has {} bytes; at most {VALUE_BYTES_MAX} are kept", value.len()));
    }
    Ok((key.trim().to_owned(), serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()))))
}

pub(super) fn run(args: &LogArgs, session: &Session, context: &Context) -> Outcome {
    let variable = |name: &str| context.env.get(std::ffi::OsStr::new(name)).map(|v| v.to_string_lossy().into_owned());
    let named = args.task.clone().or_else(|| variable("GREENLANE_TASK"));
    let (of_task, task) = match (&args.plan, &named) {
        // With its plan before it where none is named besides.
        (None, Some(name)) => match name.split_once('/') {
            Some((plan, task)) => (Some(plan.to_owned()), Some(task.to_owned())),
            None => (None, named.clone()),
        },
        (Some(plan), Some(name)) => (None, Some(name.strip_prefix(&format!("{plan}/")).unwrap_or(name).to_owned())),
        (_, None) => (None, None),
    };
    let pid = std::process::id();
    let worker = args.worker.clone().or_else(|| variable("GREENLANE_ATTEMPT")).unwrap_or_else(|| format!("external/{pid}"));
    let report = FailureReport {
        kind: args.kind,
        message: args.message.clone(),
        run: variable("GREENLANE_RUN"),
        plan: args.plan.clone().or(of_task),
        task,
        exit_code: args.exit_code,
        signal: args.signal,
        context: args.context.iter().cloned().collect::<Map<_, _>>(),
        resources: machine::resources(&session.state_dir),
        worker_id: worker,
    };
    let body = serde_json::to_value(&report).map_err(|e| Error::environment(format!("cannot be written as JSON: {e}")))?;
    std::fs::create_dir_all(&session.state_dir).map_err(|e| {
        Error::environment(format!("cannot make {}: {e}", session.state_dir.display())).hint("it holds the journal and the logs")
    })?;
    session.repo.exclude()?;
    Journal::create(&session.state_dir)?.report(clock::now(), &Report { kind: FAILURE_REPORT.into(), body })?;
    // The log itself is written by whoever comes first: the coordinator's thread, or the next verb that reads it. Here at once, if nobody is at it.
    let mut logs = greenlane_runtime::subscriber::Logs::open(&session.state_dir)?;
    match logs.catch_up(greenlane_runtime::subscriber::Patience::None) {
        Ok(()) | Err(greenlane_runtime::subscriber::LogsError::Busy(_)) => Ok(ExitCode::SUCCESS),
        Err(e) => Err(e.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_keeps_json_and_takes_everything_else_as_text() {
        assert_eq!(pair("n=3"), Ok(("n".into(), Value::from(3))));
        assert_eq!(pair("a=b=c"), Ok(("a".into(), Value::from("b=c"))));
        assert_eq!(pair("list=[1,2]"), Ok(("list".into(), serde_json::json!([1, 2]))));
        assert!(pair("nothing").is_err() && pair("=x").is_err());
    }

    #[test]
    fn a_message_is_one_line() {
        assert_eq!(message(" two\n lines "), Ok("two lines".into()));
        assert!(message(" \n").is_err());
        assert_eq!(message(&"x".repeat(5_000)).map(|m| m.chars().count()), Ok(MESSAGE_CHARS_MAX + 1));
    }
}
