//! `resume`: pick up a run whose coordinator is gone.

use std::ffi::OsString;

use greenlane_core::ids::RunId;
use greenlane_runtime::driver::{Layout, Start};

use crate::context::Context;
use crate::coordinate::{Ended, Ready, Tell, conclude};
use crate::error::{Error, Outcome};
use crate::leftovers::interrupted_runs;
use crate::session::Session;

/// Flags of `resume`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane resume             the interrupted run
  greenlane resume RUN         that one; `greenlane runs` lists them
  greenlane resume --detach    in the background

Attempts that still run are adopted, finished ones are collected. With nothing to resume it says so, exit code 2.")]
pub struct ResumeArgs {
    /// The run [default: the latest, or where that is finished, the latest that was interrupted]
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// Return at once; the run goes on in the background
    #[arg(long, conflicts_with = "json")]
    pub detach: bool,
    /// This is the process that `--detach` started
    #[arg(long, hide = true)]
    pub background: bool,
    /// Every event as one line of JSON
    #[arg(long)]
    pub json: bool,
}

impl ResumeArgs {
    /// As those of `run`; see there.
    fn words(&self) -> Vec<OsString> {
        let Self { run, detach: _, background: _, json: _ } = self;
        ["resume", "--background", "--"].into_iter().chain(run.as_deref()).map(OsString::from).collect()
    }
}

/// Adopts what still runs, collects what finished, and goes on.
///
/// # Errors
/// Exit code 2 where there is nothing to resume, 4 where a coordinator is at work.
pub fn run(args: &ResumeArgs, context: &Context) -> Outcome {
    let tell = Tell::of(args.json, args.background);
    let ready = Ready::open(context, &[])?;
    let (run, is_older) = {
        let _lock = ready.lock()?;
        find(&Session { repo: ready.repo.clone(), state_dir: ready.state_dir.clone() }, args.run.as_deref())?
    };
    if args.detach {
        return super::detach::start_in_background(context, &ready.state_dir, args.words());
    }
    let _lock = ready.lock()?;
    let start = Start::Resume { run: run.clone(), requests: Vec::new() };
    let layout = Layout::new(&ready.state_dir, &run);
    let finished = ready.coordinate(context, &run, start, tell)?;
    conclude(context, &Ended { run: &run, state: &finished.state, layout: &layout, signal: finished.signal, is_older }, &[], tell)
}

fn find(session: &Session, name: Option<&str>) -> Result<(RunId, bool), Error> {
    let nothing =
        |what: String| Error::usage(what).hint("`greenlane runs` lists the runs; `greenlane retry TASK` tries failed tasks again");
    let journal = session.journal()?;
    let run = session.find_run(&journal, name)?;
    let (state, _) = journal.load(&run)?;
    if state.finished
        && name.is_none()
        && let Some(earlier) = interrupted_runs(session, &journal)?.into_iter().next()
    {
        // Another plan was run since: the one that was interrupted before waits all the same.
        return Ok((earlier.run, true));
    }
    if state.finished {
        return Err(nothing(format!("there is nothing to resume: run {run} is finished")));
    }
    let is_older = journal.runs(1)?.first().is_some_and(|latest| latest.run != run);
    Ok((run, is_older))
}
