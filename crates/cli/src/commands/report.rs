//! `report`: what happened in a run, looked back on from its journal. Changes nothing.

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use greenlane_core::ids::AttemptId;
use greenlane_runtime::journal::Journal;
use greenlane_runtime::lessons::{Reading, told};

use serde::Serialize;

use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::report::{self, Gatherer, History, Learned, LearnedGatherer, Look};
use crate::session::{Opened, Session};

/// Flags of `report`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane report              the latest run
  greenlane report RUN
  greenlane report --all        all runs: how each went, trends, what goes wrong again and again
  greenlane report --json
  greenlane report --markdown | gh pr create --body-file - --title Limits
  greenlane report --html -o report.html
  greenlane report --junit -o report.xml    for CI: a case for each task

One at a time is what the same work would have taken without anything beside it: the suite on each
plan's base, then every attempt worked on, checked and verified alone, without any waiting. What
one verification of several tasks took counts for each of them; red batches that were split, and
verdicts that were known before, count nothing. Efficiency is the best possible time over the
elapsed one: the longest chain, or all that held slots shared by them, whichever is longer.")]
pub struct ReportArgs {
    /// The run [default: the latest]
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// Look back on all runs instead
    #[arg(long, conflicts_with_all = ["run", "markdown", "html", "junit"])]
    pub all: bool,
    /// One JSON document
    #[arg(long, group = "form")]
    pub json: bool,
    /// Markdown, fit for the text of a pull request
    #[arg(long, group = "form")]
    pub markdown: bool,
    /// One HTML file that loads nothing
    #[arg(long, group = "form")]
    pub html: bool,
    /// JUnit XML, for CI
    #[arg(long, group = "form")]
    pub junit: bool,
    /// Write it there instead of to stdout
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Columns of a report in a file.
const FILE_WIDTH: usize = 100;
/// Events that are read at once.
const PAGE: u32 = 10_000;

/// Tells it.
///
/// # Errors
/// Exit code 2 where nothing ran, or no such run is known.
pub fn run(args: &ReportArgs, context: &Context) -> Outcome {
    let session = Session::open(context)?;
    if args.all {
        return all(args, context, &session);
    }
    let opened = session.open_run(args.run.as_deref())?;
    let history = history(&session.journal()?, &opened)?;
    let lessons = lessons(&session, &opened)?;
    let document =
        report::run_report(opened.status(), &opened.state, history, lessons, report::landed(&session.repo, &opened.state), &opened.layout);
    let around = opened.surroundings(&session);
    let failed = |form: &str, why: &dyn std::fmt::Display| Error::environment(format!("cannot write the report as {form}: {why}"));
    let text = if args.json {
        serde_json::to_string_pretty(&document).map_err(|e| failed("JSON", &e))? + "\n"
    } else if args.markdown {
        report::markdown(&document, &around)
    } else if args.html {
        report::html(&document, &around).map_err(|e| failed("HTML", &e))?
    } else if args.junit {
        report::junit(&document).map_err(|e| failed("JUnit XML", &e))?
    } else {
        report::report(&document, &around, look(args, context))
    };
    deliver(args, context, &text)
}

/// Most runs that are looked back on, the newest: each is replayed.
const RUNS_MAX: u32 = 200;

fn all(args: &ReportArgs, context: &Context, session: &Session) -> Outcome {
    let all = super::runs::over_time(session, RUNS_MAX)?;
    let text = if args.json {
        serde_json::to_string_pretty(&Documented { schema: 1, all: &all })
            .map_err(|e| Error::environment(format!("cannot write the report as JSON: {e}")))?
            + "\n"
    } else {
        report::over_time(&all, look(args, context))
    };
    deliver(args, context, &text)
}

#[derive(Serialize)]
struct Documented<'a> {
    schema: u32,
    #[serde(flatten)]
    all: &'a report::OverTime,
}

/// A file has no width and no colours.
fn look(args: &ReportArgs, context: &Context) -> Look {
    if args.output.is_some() { Look::of_width(FILE_WIDTH, false) } else { Look::of_stdout(context.output.color) }
}

fn deliver(args: &ReportArgs, context: &Context, text: &str) -> Outcome {
    match &args.output {
        Some(path) => write(&context.directory.join(path), text)?,
        None => context.output.data(text)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The whole file or none of it: what stands there stays until the new one is complete.
fn write(path: &Path, text: &str) -> Result<(), Error> {
    let failed = |e: std::io::Error| Error::environment(format!("cannot write {}: {e}", path.display()));
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().permissions(Permissions::from_mode(0o644)).tempfile_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.persist(path).map(drop).map_err(|e| failed(e.error))
}

/// What became of the lessons in a run.
fn lessons(session: &Session, opened: &Opened) -> Result<Vec<Learned>, Error> {
    let mut gatherer = LearnedGatherer::new(opened.run.clone());
    let mut reading = Reading::open(&session.state_dir)?;
    let book = reading.catch_up_with(&mut |change, _| gatherer.take(change.run.as_ref(), &change.shown))?;
    let attempts = opened.state.tasks.iter().flat_map(|t| t.attempts.iter().map(|a| AttemptId { key: t.key.clone(), n: a.n }));
    let told = attempts.map(|id| (told(&opened.layout.attempt_dir(&id)), id)).filter(|(ids, _)| !ids.is_empty());
    let told: Vec<(AttemptId, Vec<String>)> = told.map(|(ids, id)| (id, ids)).collect();
    Ok(gatherer.done(&opened.state, book, &told))
}

/// Reads a run's events up to where its state was replayed.
///
/// # Errors
/// If the journal cannot be read.
pub fn history(journal: &Journal, opened: &Opened) -> Result<History, Error> {
    let (mut gatherer, mut seq) = (Gatherer::default(), 0);
    loop {
        let page = journal.since(Some(&opened.run), seq, PAGE)?;
        for record in page.iter().take_while(|r| r.seq <= opened.last_seq) {
            gatherer.take(&record.event);
            gatherer.take_at(record.at, &record.event);
            seq = record.seq;
        }
        if page.len() < PAGE as usize || seq >= opened.last_seq {
            return Ok(gatherer.done());
        }
    }
}
