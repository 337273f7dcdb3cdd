//! `tracker`: what trackers could not be told yet; `sync` tells it now, `forget` leaves it at that.

use std::collections::BTreeSet;
use std::process::ExitCode;

use greenlane_core::ids::RunId;
use greenlane_core::tracker::TrackerKind;
use greenlane_runtime::config::Config;
use greenlane_runtime::tracker::{LAST_WORDS, Outbox, OutboxError, Place, Round, Trackers, Untold};
use serde::Serialize;

use crate::context::Context;
use crate::error::{Error, Kind, Outcome};
use crate::report::{Look, untold_lines};
use crate::session::Session;

/// Flags of `tracker`.
#[derive(Clone, Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:
  greenlane tracker           what beads, GitHub or plan files could not be told yet, of all runs
  greenlane tracker sync      tell it now
  greenlane tracker forget    tell it never

A run tells its trackers by itself, and what an earlier one could not tell as well. docs/trackers.md
says who is told what.")]
pub struct TrackerArgs {
    /// What to do instead of listing
    #[command(subcommand)]
    pub verb: Option<TrackerVerb>,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

/// What to do with what was not told.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum TrackerVerb {
    /// Tell it now, also what was given up; exit code 1 if something is still left
    Sync(SyncArgs),
    /// Do not tell it any more
    Forget(ForgetArgs),
}

/// Flags of `tracker sync`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane tracker sync
  greenlane tracker sync --json | jq .untold")]
pub struct SyncArgs {
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

/// Flags of `tracker forget`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane tracker forget                      everything that `greenlane tracker` lists
  greenlane tracker forget --tracker github
  greenlane tracker forget --run 261121")]
pub struct ForgetArgs {
    /// Only of this run
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// Only of this tracker
    #[arg(long, value_name = "TRACKER", value_parser = tracker_kind())]
    pub tracker: Option<TrackerKind>,
}

#[derive(Serialize)]
struct Document<'a> {
    told: usize,
    untold: &'a [Untold],
}

fn tracker_kind() -> impl clap::builder::TypedValueParser<Value = TrackerKind> {
    use clap::builder::TypedValueParser as _;
    let names = TrackerKind::ALL.map(TrackerKind::as_str);
    clap::builder::PossibleValuesParser::new(names)
        .map(|name| TrackerKind::ALL.into_iter().find(|kind| kind.as_str() == name).unwrap_or(TrackerKind::Plan))
}

/// Lists, tells or forgets.
///
/// # Errors
/// Exit code 3 where the outbox cannot be read or written, 1 if `sync` left something.
pub fn run(args: &TrackerArgs, context: &Context) -> Outcome {
    let session = Session::open(context)?;
    // Nothing of it may be needed, but a value that holds nowhere is to be heard of here, too.
    Config::load(session.repo.top().or(session.repo.main_top()), &[], &context.env)?;
    match &args.verb {
        None => list(&session, context, args.json),
        Some(TrackerVerb::Sync(sync)) => tell(&session, context, sync.json),
        Some(TrackerVerb::Forget(forget)) => give_up(&session, context, forget),
    }
}

/// Tells what a verb has just changed in the journal, without a coordinator; takes no longer than a run's own last words. What is left
/// is said, and is no fault of the verb's.
pub fn tell_what_changed(session: &Session, context: &Context) {
    if !Outbox::exists(&session.state_dir) {
        return;
    }
    // What no round could tell before is no news of this verb's.
    let before: Vec<Untold> = Outbox::untold(&session.state_dir).unwrap_or_default().into_iter().filter(|u| u.given_up).collect();
    let settled = trackers(session, context).and_then(|trackers| {
        let mut outbox = Outbox::new(session.state_dir.clone());
        outbox.settle(&trackers, Some(LAST_WORDS), Round::LastWords).map_err(Error::from)
    });
    let left = match settled {
        Ok(mut settled) => {
            settled.untold.retain(|u| !before.contains(u));
            if settled.untold.is_empty() {
                return;
            }
            untold_lines(&settled.untold, Look::of_stdout(context.output.color))
        }
        Err(e) => format!("  {}", e.problems.first().map(|p| p.message.as_str()).unwrap_or_default()),
    };
    context.output.say(&format!("trackers were not told everything (`greenlane tracker` lists it):\n{}", left.trim_end()));
}

fn trackers(session: &Session, context: &Context) -> Result<Trackers, Error> {
    let repo = &session.repo;
    let config = context.load_config(repo.top().or(repo.main_top()), &[])?.config;
    Ok(Trackers::of(&Place::of(repo, &session.state_dir, &context.env, &config.tracker)))
}

fn list(session: &Session, context: &Context, json: bool) -> Outcome {
    let untold = Outbox::untold(&session.state_dir)?;
    if json {
        context.output.json(&Document { told: 0, untold: &untold })?;
    } else if untold.is_empty() {
        context.output.say("nothing is left to be told");
    } else {
        context.output.data(&untold_lines(&untold, Look::of_stdout(context.output.color)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(session: &Session, context: &Context, json: bool) -> Outcome {
    if !session.state_dir.is_dir() {
        // Nothing ever ran here.
        return list(session, context, json);
    }
    let trackers = trackers(session, context)?;
    let settled = Outbox::new(session.state_dir.clone()).settle(&trackers, None, Round::All)?;
    if json {
        context.output.json(&Document { told: settled.told, untold: &settled.untold })?;
    } else {
        context.output.say(&format!("{} told", settled.told));
        context.output.data(&untold_lines(&settled.untold, Look::of_stdout(context.output.color)))?;
    }
    if settled.untold.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    if json {
        return Ok(ExitCode::from(Kind::NotDone.code()));
    }
    let names: BTreeSet<&str> = settled.untold.iter().map(|u| u.letter.item.tracker.label()).collect();
    let who = names.into_iter().collect::<Vec<_>>().join(" and ");
    Err(Error::new(Kind::NotDone, format!("{who} could not be told everything"))
        .hint("each line says why: once that is seen to, `greenlane tracker sync` tells it; `greenlane tracker forget` leaves it at that"))
}

fn give_up(session: &Session, context: &Context, args: &ForgetArgs) -> Outcome {
    if !session.state_dir.is_dir() {
        return list(session, context, false);
    }
    let run: Option<RunId> = match &args.run {
        Some(name) => Some(session.find_run(&session.journal()?, Some(name))?),
        None => None,
    };
    let count = Outbox::new(session.state_dir.clone()).give_up(run.as_ref(), args.tracker)?;
    context.output.say(&format!("{count} will not be told"));
    Ok(ExitCode::SUCCESS)
}

impl From<OutboxError> for Error {
    fn from(e: OutboxError) -> Self {
        match e {
            OutboxError::Journal(e) => e.into(),
            OutboxError::Busy => Error::environment(e.to_string()).hint("wait for its end, then try again"),
            e => Error::environment(format!("what trackers are to be told: {e}")),
        }
    }
}
