//! `runs`: the history of this repository, the latest first. Changes nothing.

use std::process::ExitCode;

use greenlane_runtime::clock;
use greenlane_runtime::lessons::Reading;
use serde::Serialize;

use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::report::{self, Look, OverTime, Retries, RunLine};
use crate::session::Session;

/// Flags of `runs`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane runs               the latest 20 runs on this repository
  greenlane runs --limit 100
  greenlane runs --json")]
pub struct RunsArgs {
    /// Most runs to show, the latest first
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub limit: u32,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(Serialize)]
struct Document {
    runs: Vec<RunLine>,
    /// How it gets better or worse; null with fewer than four runs that came to an end.
    trends: Option<report::Trends>,
}

/// Lists them.
///
/// # Errors
/// If the journal cannot be read. Where nothing ever ran there is an empty list.
pub fn run(args: &RunsArgs, context: &Context) -> Outcome {
    let session = Session::open(context)?;
    let all = over_time(&session, args.limit)?;
    if all.runs.is_empty() {
        context.output.say("Nothing has run in this repository yet; `greenlane run PLAN` starts a run.");
    }
    if args.json {
        context.output.json(&Document { runs: all.runs, trends: all.trends })?;
    } else {
        let look = Look::of_list(context.output.color);
        let trends = report::trend_lines(&all);
        let trends = if trends.is_empty() {
            String::new()
        } else {
            let line = format!("older half → newer half: {}", trends.join(", "));
            format!("\n{}\n", report::wrapped(&line, look.width, usize::MAX).join("\n"))
        };
        context.output.data(&(report::runs(&all.runs, look) + &trends))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The newest runs of the repository, replayed, and what they tell together.
///
/// # Errors
/// If the journal cannot be read.
pub fn over_time(session: &Session, limit: u32) -> Result<OverTime, Error> {
    let (mut runs, mut retries) = (Vec::new(), Retries::default());
    if let Some(journal) = session.journal_if_any()? {
        for entry in journal.runs(limit)? {
            // One run that cannot be read (a newer version's) does not hide the others.
            runs.push(match session.load(&journal, entry.run.clone()) {
                Ok(opened) => {
                    retries += Retries::of(&opened.state);
                    RunLine::of(opened.status(), &opened.state)
                }
                Err(e) => RunLine::unreadable(entry.run.as_str(), entry.started_at.rfc3339(), &e.render(false)),
            });
        }
    }
    // What goes wrong again and again is worth telling, not worth failing for.
    let mut reading = Reading::open(&session.state_dir).ok();
    let book = reading.as_mut().and_then(|r| r.catch_up().ok());
    Ok(OverTime::new(runs, retries, book, clock::now()))
}
