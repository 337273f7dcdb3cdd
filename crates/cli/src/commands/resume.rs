//! `resume`: pick up a run whose coordinator is gone.

use std::ffi::OsString;

use greenlane_core::budget::Budget;
use greenlane_core::ids::{RunId, TaskKey};
use greenlane_core::input::Request;
use greenlane_runtime::driver::{Layout, Start};
use greenlane_runtime::journal::Journal;
use greenlane_runtime::subscriber::Logs;

use super::retry::refuse_out_of_reach;
use crate::context::Context;
use crate::coordinate::{Ended, Ready, Tell, conclude};
use crate::error::{Error, Outcome};
use crate::leftovers::interrupted_runs;
use crate::logbook::PATIENCE;
use crate::session::Session;

/// Flags of `resume`.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(after_help = "Examples:
  greenlane resume             the interrupted run
  greenlane resume RUN         that one; `greenlane runs` lists them
  greenlane resume --detach    in the background
  greenlane resume --budget tokens=40M
                               a run that came to its cap goes on with a higher one

Attempts that still run are adopted, finished ones are collected. Of a finished run what `rollback` took off since is done
again. With nothing to resume it says so, exit code 2.")]
pub struct ResumeArgs {
    /// The run [default: the latest, or where that is finished, the latest that was interrupted]
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// Caps of the whole run from now on, such as tokens=40M,wall=12h; one that is not named stays [default: the run's, or the
    /// configuration's where that is higher now]
    #[arg(long, value_name = "CAPS", value_parser = Budget::parse)]
    pub budget: Option<Budget>,
    /// Caps of each task from now on, where the plan has none
    #[arg(long, value_name = "CAPS", value_parser = Budget::parse)]
    pub task_budget: Option<Budget>,
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
    #[must_use]
    pub fn words(&self) -> Vec<OsString> {
        let Self { run, budget, task_budget, detach: _, background: _, json: _ } = self;
        let caps = [("budget", budget), ("task-budget", task_budget)];
        let caps = caps.into_iter().filter_map(|(flag, caps)| caps.as_ref().map(|caps| format!("--{flag}={caps}")));
        let words = ["resume", "--background"].map(String::from).into_iter().chain(caps);
        words.chain([String::from("--")]).chain(run.clone()).map(OsString::from).collect()
    }
}

/// Adopts what still runs, collects what finished, and goes on.
///
/// # Errors
/// Exit code 2 where there is nothing to resume, 4 where a coordinator is at work.
pub fn run(args: &ResumeArgs, context: &Context) -> Outcome {
    let tell = Tell::of(args.json, args.background);
    let ready = Ready::open(context, &[])?;
    let Found { run, is_older, taken_off } = {
        let _lock = ready.lock()?;
        find(&Session { repo: ready.repo.clone(), state_dir: ready.state_dir.clone() }, args.run.as_deref())?
    };
    if args.detach {
        return super::detach::start_in_background(context, &ready.state_dir, args.words());
    }
    let _lock = ready.lock()?;
    let mut requests: Vec<Request> = new_caps(args, &ready, &run)?.into_iter().collect();
    if !taken_off.is_empty() {
        requests.push(Request::Retry { tasks: taken_off, fresh: false, agent: None });
    }
    let start = Start::Resume { run: run.clone(), requests };
    let layout = Layout::new(&ready.state_dir, &run);
    let finished = ready.coordinate(context, &run, start, tell)?;
    conclude(context, &Ended { run: &run, state: &finished.state, layout: &layout, signal: finished.signal, is_older }, &[], tell)
}

/// Other caps than the run had: those that are named, and higher ones of the configuration.
fn new_caps(args: &ResumeArgs, ready: &Ready, run: &RunId) -> Result<Option<Request>, Error> {
    let options = Journal::read(&ready.state_dir)?.load(run)?.0.options();
    let of = |named: &Option<Budget>, had: &Budget, configured: &Budget| {
        let raised = had.raised_to(configured);
        named.as_ref().map_or(raised.clone(), |named| named.or(&raised))
    };
    let budget = of(&args.budget, &options.budget, &ready.config.budget.run);
    let task_budget = of(&args.task_budget, &options.task_budget, &ready.config.budget.task);
    let same = budget == options.budget && task_budget == options.task_budget;
    Ok((!same).then_some(Request::SetBudget { budget, task_budget }))
}

/// What to resume.
struct Found {
    run: RunId,
    /// There is a later run.
    is_older: bool,
    /// Of a run that is finished: what was taken off its branches since, which is done again.
    taken_off: Vec<TaskKey>,
}

fn find(session: &Session, name: Option<&str>) -> Result<Found, Error> {
    let nothing =
        |what: String| Error::usage(what).hint("`greenlane runs` lists the runs; `greenlane retry TASK` tries failed tasks again");
    let journal = session.journal()?;
    let run = session.find_run(&journal, name)?;
    let (state, _) = journal.load(&run)?;
    let is_older = journal.runs(1)?.first().is_some_and(|latest| latest.run != run);
    let taken_off = if state.finished { state.taken_off() } else { Vec::new() };
    if !taken_off.is_empty() {
        refuse_out_of_reach(session, &session.open_run(Some(run.as_str()))?, &taken_off)?;
        return Ok(Found { run, is_older, taken_off });
    }
    if state.finished
        && name.is_none()
        && let Some(earlier) = interrupted_runs(session, &journal)?.into_iter().next()
    {
        // Another plan was run since: the one that was interrupted before waits all the same.
        return Ok(Found { run: earlier.run, is_older: true, taken_off });
    }
    if state.finished {
        // Its coordinator may have died right after its last event: whoever reads the logs is to see the end.
        if let Ok(mut logs) = Logs::open(&session.state_dir) {
            drop(logs.catch_up(PATIENCE));
        }
        return Err(nothing(format!("there is nothing to resume: run {run} is finished")));
    }
    Ok(Found { run, is_older, taken_off })
}
