//! Reads the logs under `.greenlane/logs` for the verbs: brought up to date first, filtered, the newest first.
//! Knows nothing of what a record says but where it belongs.

use std::collections::VecDeque;
use std::process::ExitCode;
use std::time::Duration;

use greenlane_core::failure::FailureType;
use greenlane_runtime::subscriber::{Logs, LogsError, Patience};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::names;
use crate::session::Session;

/// Another process that writes to the logs is done within this time, or is stuck.
pub(crate) const PATIENCE: Patience = Patience::For(Duration::from_secs(30));

/// So many of the latest runs are asked whether they know a task.
const RUNS_MAX: u32 = 20;

/// Which records are meant.
#[derive(Clone, Debug, clap::Args)]
pub struct Filter {
    /// Only failures of this type
    #[arg(long = "type", value_name = "TYPE", value_parser = failure_type())]
    pub kind: Option<FailureType>,
    /// Only of this task (`ID` or `PLAN/ID`), or of a plan's tasks
    #[arg(long, value_name = "TASK")]
    pub task: Option<String>,
    /// Only of this run
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// Most records to show, the newest first
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub limit: u32,
}

/// What a record says of where it belongs.
pub trait Record {
    /// Its type of failure.
    fn kind(&self) -> FailureType;
    /// Its plan.
    fn plan(&self) -> Option<&str>;
    /// Its task.
    fn task(&self) -> Option<&str>;
    /// Its run.
    fn run(&self) -> Option<&str>;
}

/// A record with its place in the log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stored<T> {
    /// The number of its event, or of the event before it.
    pub seq: u64,
    /// The number of the report that it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<u64>,
    /// What it says.
    #[serde(flatten)]
    pub record: T,
}

impl Filter {
    /// Nothing was found: is there such a task at all? One of a run is, whatever happened to it.
    ///
    /// # Errors
    /// Exit code 2 for a name that no run knows, with the nearest that the latest one has.
    pub fn require_known(&self, session: &Session) -> Result<(), Error> {
        let Some(name) = &self.task else { return Ok(()) };
        let journal = session.journal()?;
        let mut first = None;
        for entry in journal.runs(RUNS_MAX)? {
            let known = names::tasks(&journal.load(&entry.run)?.0, std::slice::from_ref(name));
            match known {
                Ok(_) => return Ok(()),
                Err(e) => first = first.or(Some(e)),
            }
        }
        first.map_or(Ok(()), Err)
    }

    /// The same, with the run's full name.
    ///
    /// # Errors
    /// Exit code 2 if there is no such run.
    pub fn resolved(&self, session: &Session) -> Result<Self, Error> {
        let run = match &self.run {
            Some(name) => Some(session.find_run(&session.journal()?, Some(name))?.to_string()),
            None => None,
        };
        Ok(Self { run, ..self.clone() })
    }

    /// Whether it is meant.
    #[must_use]
    pub fn matches(&self, record: &impl Record) -> bool {
        self.kind.is_none_or(|kind| kind == record.kind())
            && self.run.as_deref().is_none_or(|run| record.run() == Some(run))
            && self.task.as_deref().is_none_or(|name| is_named(name, record.plan(), record.task()))
    }

    /// What it narrows down to, in words: ` of type …, of task …`; empty where it narrows nothing.
    #[must_use]
    pub fn words(&self) -> String {
        let parts = [
            self.kind.map(|kind| format!("of type {}", kind.as_str())),
            self.task.as_ref().map(|task| format!("of `{task}`")),
            self.run.as_ref().map(|run| format!("in run {run}")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if parts.is_empty() { String::new() } else { format!(" {}", parts.join(", ")) }
    }
}

/// Whether a task is meant by this name: its id, `PLAN/ID`, or its plan's.
pub(crate) fn is_named(name: &str, plan: Option<&str>, task: Option<&str>) -> bool {
    task == Some(name)
        || plan == Some(name.strip_suffix('/').unwrap_or(name))
        || plan.zip(task).is_some_and(|(p, t)| name == format!("{p}/{t}"))
}

/// Every type of failure, as a flag's value.
pub fn failure_type() -> impl clap::builder::TypedValueParser<Value = FailureType> {
    use clap::builder::TypedValueParser as _;
    let names = FailureType::ALL.map(FailureType::as_str);
    clap::builder::PossibleValuesParser::new(names)
        .map(|name| FailureType::ALL.into_iter().find(|kind| kind.as_str() == name).unwrap_or(FailureType::Unknown))
}

/// Brings the log up to date and gives each of its records that is meant to `each`; then the newest of them, the newest first.
///
/// # Errors
/// Exit code 2 where there is no journal, 3 where the logs cannot be written or read.
pub fn newest<T: Record + DeserializeOwned>(
    session: &Session,
    name: &str,
    filter: &Filter,
    mut each: impl FnMut(&Stored<T>),
) -> Result<Vec<Stored<T>>, Error> {
    let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
    let mut newest = VecDeque::new();
    let mut logs = Logs::open(&session.state_dir)?;
    logs.read(name, PATIENCE, &mut |line| {
        // A line of a newer version that does not fit is passed over: the others are worth showing.
        let Ok(stored) = serde_json::from_str::<Stored<T>>(line) else { return };
        if filter.matches(&stored.record) {
            each(&stored);
            newest.push_front(stored);
            newest.truncate(limit);
        }
    })?;
    Ok(newest.into())
}

/// `events rebuild`.
///
/// # Errors
/// As [`newest`].
pub fn rebuild(session: &Session, context: &Context) -> Outcome {
    Logs::open(&session.state_dir)?.rebuild(PATIENCE)?;
    context.output.say(&format!("made anew: {}", session.state_dir.join("logs").display()));
    Ok(ExitCode::SUCCESS)
}

impl From<LogsError> for Error {
    fn from(e: LogsError) -> Self {
        match e {
            LogsError::Journal(e) => e.into(),
            LogsError::Io { .. } => {
                Error::environment(e.to_string()).hint("`greenlane events` reads the journal itself, and writes nothing")
            }
            LogsError::Busy(_) => Error::environment(e.to_string()).hint("wait for its end, or find out why it does not end"),
        }
    }
}
