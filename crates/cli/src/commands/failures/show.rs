//! `failures show`: one failure in full: what is known of it, where its files lie, and what was done about it.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use greenlane_core::ids::{AttemptId, RunId, TaskKey};
use greenlane_runtime::agent::words_of;
use greenlane_runtime::subscriber::{FailureRecord, RetryRecord};
use serde::Serialize;

use super::one;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::logbook::{Filter, Stored, is_named, newest};
use crate::report::Look;
use crate::session::{Opened, Session};
use crate::transcript;

/// So much of a log's end is read.
const TAIL_BYTES: u64 = 256 * 1024;

/// Flags of `failures show`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane failures show               the latest
  greenlane failures show bucket        the latest of a task
  greenlane failures show bucket#2      that of its second attempt
  greenlane failures show 147           by its `seq` in --json")]
pub struct ShowArgs {
    /// The failure: a task (`ID` or `PLAN/ID`), `TASK#N` as the list shows it, or its `seq` [default: the latest]
    #[arg(value_name = "FAILURE")]
    pub name: Option<String>,
    /// Only of this run
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// One JSON document, with all lines
    #[arg(long)]
    pub json: bool,
}

/// The document.
#[derive(Serialize)]
pub(super) struct Document {
    pub(super) failure: Stored<FailureRecord>,
    /// What was decided about it; `null` where nothing was to be decided.
    pub(super) decision: Option<Stored<RetryRecord>>,
    /// Where its task stands now; `null` where no journal has it.
    pub(super) task: Option<Task>,
    /// The attempt's folder, with its logs; `null` where there is none.
    pub(super) files: Option<PathBuf>,
    /// What an agent that writes events said and did last; `None`: its output is text.
    #[serde(skip)]
    pub(super) words: Option<Vec<String>>,
}

/// Where the task stands.
#[derive(Serialize)]
pub(super) struct Task {
    pub(super) state: String,
    pub(super) reason: Option<String>,
    pub(super) landed: Option<String>,
    /// The attempt after the failed one, as people count them, if there was any.
    pub(super) next_attempt: Option<u32>,
    /// A flag for other verbs: ` --run RUN` where the run is not the latest.
    #[serde(skip)]
    pub(super) flag: String,
}

pub(super) fn run(args: &ShowArgs, session: &Session, context: &Context) -> Outcome {
    let failure = find(args, session)?;
    let opened = failure.record.run().and_then(|run| open(session, run));
    let key = failure.record.plan.as_deref().zip(failure.record.task.as_deref()).map(|(plan, task)| TaskKey::new(plan, task));
    let n = failure.record.context.get("attempt").and_then(serde_json::Value::as_u64).and_then(|n| u32::try_from(n).ok());
    let attempt = key.zip(n).map(|(key, n)| AttemptId { key, n });
    let mut document = Document {
        decision: attempt.as_ref().map_or(Ok(None), |attempt| decision(session, &failure.record, attempt))?,
        task: opened.as_ref().zip(attempt.as_ref()).and_then(|(opened, attempt)| task(opened, attempt)),
        words: None,
        files: opened.as_ref().zip(attempt.as_ref()).map(|(o, a)| o.layout.attempt_dir(a)).filter(|dir| dir.exists()),
        failure,
    };
    if args.json {
        context.output.json(&document)?;
    } else {
        document.words = words(&document);
        context.output.data(&one::text(&document, Look::of_stdout(context.output.color)))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Of the log's end rather than of the lines in the record, which are cut.
fn words(document: &Document) -> Option<Vec<String>> {
    let record = &document.failure.record;
    if record.context.get("output_of").is_some_and(|of| of != "agent") {
        return None;
    }
    let log = document.files.as_ref().and_then(|dir| end_of(&dir.join("stdout.log")).ok());
    let all = words_of(&log.unwrap_or_else(|| record.last_output_lines.join("\n")))?;
    Some(all.iter().flat_map(|s| transcript::lines(s, false)).collect())
}

fn end_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let len = file.metadata()?.len();
    file.seek(SeekFrom::Start(len.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The newest that is meant.
fn find(args: &ShowArgs, session: &Session) -> Result<Stored<FailureRecord>, Error> {
    let filter = Filter { kind: None, task: None, run: args.run.clone(), limit: 1 }.resolved(session)?;
    let (mut found, mut any) = (None, false);
    newest::<FailureRecord>(session, "failures", &filter, |stored| {
        any = true;
        if args.name.as_deref().is_none_or(|name| is_meant(name, stored)) {
            found = Some(stored.clone());
        }
    })?;
    match (found, &args.name) {
        (Some(found), _) => Ok(found),
        (None, Some(name)) if any => {
            // A task that exists has not failed; a name that no run knows is a slip.
            let task = name.rsplit_once('#').map_or(name.as_str(), |(task, _)| task);
            let known = Filter { task: Some(task.to_owned()), ..filter.clone() };
            if !name.bytes().all(|b| b.is_ascii_digit()) {
                known.require_known(session)?;
            }
            Err(Error::usage(format!("no failure `{name}`")).hint("`greenlane failures` lists them"))
        }
        (None, _) => Err(Error::usage(format!("no failures{}", filter.words()))),
    }
}

fn is_meant(name: &str, stored: &Stored<FailureRecord>) -> bool {
    let record = &stored.record;
    let (plan, task) = (record.plan.as_deref(), record.task.as_deref());
    let numbered = || {
        let (task_name, number) = name.rsplit_once('#')?;
        let number: u64 = number.parse().ok()?;
        Some(record.number() == Some(number) && is_named(task_name, plan, task))
    };
    is_named(name, plan, task) || numbered() == Some(true) || stored.seq.to_string() == name || record.worker_id == name
}

/// The failure's run, where the journal still has it.
fn open(session: &Session, run: &str) -> Option<Opened> {
    let journal = session.journal().ok()?;
    let known = journal.runs(u32::MAX).ok()?.into_iter().any(|r| r.run == RunId::from(run));
    if known { session.load(&journal, RunId::from(run)).ok() } else { None }
}

fn decision(session: &Session, record: &FailureRecord, attempt: &AttemptId) -> Result<Option<Stored<RetryRecord>>, Error> {
    let filter = Filter { kind: None, task: None, run: record.run().map(str::to_owned), limit: 1 };
    let mut found = None;
    newest::<RetryRecord>(session, "retries", &filter, |stored| {
        let r = &stored.record;
        if r.attempt == attempt.n && r.plan == attempt.key.plan.as_str() && r.task == attempt.key.task.as_str() {
            found = Some(stored.clone());
        }
    })?;
    Ok(found)
}

fn task(opened: &Opened, attempt: &AttemptId) -> Option<Task> {
    let of = opened.state.task(&attempt.key)?;
    let status = opened.status().only(std::slice::from_ref(&attempt.key));
    let view = status.tasks.first()?;
    Some(Task {
        state: view.state.clone(),
        reason: view.reason.clone(),
        landed: view.landed.clone(),
        next_attempt: of.begun().find(|a| a.n > attempt.n).and_then(|a| of.number_of(a.n)),
        flag: if opened.is_older { format!(" --run {}", opened.run) } else { String::new() },
    })
}
