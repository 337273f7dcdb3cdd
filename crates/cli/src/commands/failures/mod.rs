//! `failures`: what failed and why, the newest first; its statistics; `failures log` for scripts.

mod log;
mod one;
mod show;
mod stats;
mod text;

use std::process::ExitCode;

use greenlane_core::failure::{FailureDetail, FailureType};
use greenlane_runtime::subscriber::FailureRecord;
use serde::Serialize;

use crate::context::Context;
use crate::error::Outcome;
use crate::logbook::{Filter, Record, Stored, newest};
use crate::report::Look;
use crate::session::Session;

pub use log::LogArgs;
pub use show::ShowArgs;

/// Flags of `failures`.
#[derive(Clone, Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:
  greenlane failures                            the latest 20, the newest first
  greenlane failures --type api_error --limit 5
  greenlane failures --task bucket --json       with their last lines of output, stack trace, resources
  greenlane failures --stats                    how many of which type
  greenlane failures show bucket#2              one in full, and what was done about it
  greenlane failures log --type bug --message \"the nightly build broke\"

Each failed attempt is one line of .greenlane/logs/failures.jsonl. The type comes from evidence, in this order: the gate's verdict,
what the keeper saw, the agent's own events, the exit code, words in the output; `context.evidence` says which decided.")]
pub struct FailuresArgs {
    /// What to do instead of listing
    #[command(subcommand)]
    pub verb: Option<FailuresVerb>,
    /// Which ones
    #[command(flatten)]
    pub filter: Filter,
    /// Only failures with this detail
    #[arg(long, value_name = "DETAIL", value_parser = failure_detail())]
    pub detail: Option<FailureDetail>,
    /// Count them instead
    #[arg(long)]
    pub stats: bool,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

/// What to do with failures.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum FailuresVerb {
    /// Record a failure that a script or an external worker saw
    Log(LogArgs),
    /// Show one in full: evidence, output, resources, logs, and what was done about it
    Show(ShowArgs),
}

impl Record for FailureRecord {
    fn kind(&self) -> FailureType {
        self.failure_type
    }

    fn plan(&self) -> Option<&str> {
        self.plan.as_deref()
    }

    fn task(&self) -> Option<&str> {
        self.task.as_deref()
    }

    fn run(&self) -> Option<&str> {
        FailureRecord::run(self)
    }
}

#[derive(Serialize)]
struct Document {
    failures: Vec<Stored<FailureRecord>>,
}

/// Lists or counts them.
///
/// # Errors
/// Exit code 2 where nothing ever ran, or no such run is known.
pub fn run(args: &FailuresArgs, context: &Context) -> Outcome {
    let session = Session::open(context)?;
    match &args.verb {
        Some(FailuresVerb::Log(log)) => return log::run(log, &session, context),
        Some(FailuresVerb::Show(show)) => return show::run(show, &session, context),
        None => {}
    }
    let filter = args.filter.resolved(&session)?;
    let wanted = |record: &FailureRecord| args.detail.is_none_or(|detail| record.detail() == Some(detail));
    let look = Look::of_list(context.output.color);
    if args.stats {
        let mut counted = stats::Stats::default();
        newest::<FailureRecord>(&session, "failures", &filter, |stored| {
            if wanted(&stored.record) {
                counted.count(stored);
            }
        })?;
        return match args.json {
            true => context.output.json(&counted).map(|()| ExitCode::SUCCESS),
            false => context.output.data(&stats::text(&counted, look)).map(|()| ExitCode::SUCCESS),
        };
    }
    let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
    // The detail narrows further down: the limit counts what is left.
    let all = Filter { limit: if args.detail.is_some() { u32::MAX } else { filter.limit }, ..filter.clone() };
    let mut failures = newest::<FailureRecord>(&session, "failures", &all, |_| {})?;
    failures.retain(|stored| wanted(&stored.record));
    failures.truncate(limit);
    if failures.is_empty() {
        filter.require_known(&session)?;
    }
    if args.json {
        context.output.json(&Document { failures })?;
    } else if failures.is_empty() {
        context.output.say(&format!("no failures{}", filter.words()));
    } else {
        context.output.data(&text::table(&failures, look))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Every detail of a failure, as a flag's value.
pub(super) fn failure_detail() -> impl clap::builder::TypedValueParser<Value = FailureDetail> {
    use clap::builder::TypedValueParser as _;
    let names = FailureDetail::ALL.map(FailureDetail::as_str);
    clap::builder::PossibleValuesParser::new(names)
        .map(|name| FailureDetail::ALL.into_iter().find(|detail| detail.as_str() == name).unwrap_or(FailureDetail::ServerError))
}
