//! `health`: how attempts under way and external workers are, looked at this moment; what changed before; `health beat` for workers.
//! Works with and without a coordinator: it reads the journal and the keepers' heartbeats.

mod beat;
mod changes;
pub(crate) mod survey;
mod text;

use std::process::ExitCode;

use greenlane_core::health::HealthStatus;
use serde::Serialize;

use crate::context::Context;
use crate::error::Outcome;
use crate::report::Look;
use crate::session::Session;

pub use beat::BeatArgs;
use survey::{AttemptHealth, Summary, WorkerHealth};

/// Flags of `health`.
#[derive(Clone, Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:
  greenlane health                            every attempt under way, and every worker
  greenlane health --unhealthy || mail -s \"look at it\" me@example.org
  greenlane health --summary
  greenlane health --json                     with CPU, memory, calls, tokens, last evidence
  greenlane health --changes --task bucket    what changed before, from .greenlane/logs/health.jsonl
  greenlane health beat nightly-build --message \"compiles\"

healthy: signs of work lately. hung: none for 2 minutes (`run.hung_after`); only `stall_timeout` ends an attempt. dead: its keeper is
gone, or silent for 5 minutes (`run.dead_after`). unknown: it cannot be told. Exit code 0: all are healthy, or there are none; 1: some
are not.")]
pub struct HealthArgs {
    /// What to do instead of showing it
    #[command(subcommand)]
    pub verb: Option<HealthVerb>,
    /// Only how many are how
    #[arg(long, conflicts_with = "unhealthy")]
    pub summary: bool,
    /// Only those that are not healthy
    #[arg(long)]
    pub unhealthy: bool,
    /// Only of this task (`ID` or `PLAN/ID`), or of a plan's tasks; no workers
    #[arg(long, value_name = "TASK")]
    pub task: Option<String>,
    /// Only of this run; no workers
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// What changed, from the log, the newest first
    #[arg(long, conflicts_with_all = ["summary", "stats"])]
    pub changes: bool,
    /// How often what changed to what, from the log
    #[arg(long, conflicts_with = "summary")]
    pub stats: bool,
    /// Most changes to show
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub limit: u32,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

/// What to do with health.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum HealthVerb {
    /// Tell that an external worker is alive, and how it is
    Beat(BeatArgs),
}

#[derive(Serialize)]
struct Document {
    summary: Summary,
    attempts: Vec<AttemptHealth>,
    workers: Vec<WorkerHealth>,
}

#[derive(Serialize)]
struct SummaryDocument {
    summary: Summary,
}

/// Shows it. Exit code 1 if anything is not healthy.
///
/// # Errors
/// Exit code 2 if no such run or task is known, 3 where there is no repository.
pub fn run(args: &HealthArgs, context: &Context) -> Outcome {
    let session = Session::open(context)?;
    if let Some(HealthVerb::Beat(beat)) = &args.verb {
        return beat::run(beat, &session, context);
    }
    if args.changes || args.stats {
        return changes::run(args, &session, context);
    }
    let (mut attempts, mut workers) = survey::survey(args, &session, context)?;
    let summary = Summary::of(&attempts, &workers);
    let unhealthy = summary.total > summary.healthy;
    if args.unhealthy {
        attempts.retain(|a| a.status != HealthStatus::Healthy);
        workers.retain(|w| w.status != HealthStatus::Healthy);
    }
    let look = Look::of_list(context.output.color);
    match (args.json, args.summary) {
        (true, true) => context.output.json(&SummaryDocument { summary })?,
        (true, false) => context.output.json(&Document { summary, attempts, workers })?,
        (false, true) => context.output.data(&text::summary(&summary))?,
        (false, false) if summary.total == 0 => context.output.say("nothing is under way, and no worker tells of itself"),
        (false, false) if attempts.is_empty() && workers.is_empty() => context.output.say(text::summary(&summary).trim_end()),
        (false, false) => context.output.data(&text::table(&attempts, &workers, look))?,
    }
    Ok(ExitCode::from(u8::from(unhealthy)))
}
