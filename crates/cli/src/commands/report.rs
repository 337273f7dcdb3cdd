//! `report`: what happened in a run, looked back on from its journal. Changes nothing.

use std::process::ExitCode;

use greenlane_core::ids::AttemptId;
use greenlane_runtime::journal::Journal;
use greenlane_runtime::lessons::{Reading, told};

use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::report::{self, Gatherer, History, Learned, LearnedGatherer, Look};
use crate::session::{Opened, Session};

/// Flags of `report`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane report              the latest run
  greenlane report RUN
  greenlane report --json

One at a time is what the same work would have taken without anything beside it: the suite on each
plan's base, then every attempt worked on, checked and verified alone, without any waiting. What
one verification of several tasks took counts for each of them; red batches that were split, and
verdicts that were known before, count nothing. Efficiency is the best possible time over the
elapsed one: the longest chain, or all that held slots shared by them, whichever is longer.")]
pub struct ReportArgs {
    /// The run [default: the latest]
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

/// Events that are read at once.
const PAGE: u32 = 10_000;

/// Tells it.
///
/// # Errors
/// Exit code 2 where nothing ran, or no such run is known.
pub fn run(args: &ReportArgs, context: &Context) -> Outcome {
    let session = Session::open(context)?;
    let opened = session.open_run(args.run.as_deref())?;
    let history = history(&session.journal()?, &opened)?;
    let lessons = lessons(&session, &opened)?;
    let document = report::run_report(opened.status(), &opened.state, history, lessons, &opened.layout);
    if args.json {
        let text = serde_json::to_string_pretty(&document);
        let text = text.map_err(|e| Error::environment(format!("cannot write the report as JSON: {e}")))?;
        context.output.data(&(text + "\n"))?;
    } else {
        context.output.data(&report::report(&document, &opened.surroundings(&session), Look::of_stdout(context.output.color)))?;
    }
    Ok(ExitCode::SUCCESS)
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
