//! `deficiencies`: what goes wrong again and again, and what people say of it. Each sub-verb has its file.

mod file_issues;
mod list;
mod record;
mod remedy;
mod show;

use clap::Subcommand;
use greenlane_core::deficiency::{Deficiency, DeficiencyType, Remediation};
use greenlane_core::plan::closest;
use greenlane_core::time::Time;
use greenlane_runtime::journal::{Journal, JournalError};
use greenlane_runtime::lessons::Reading;
use greenlane_runtime::subscriber::{Logs, Patience};
use serde::Serialize;

use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::output::Paint;
use crate::session::Session;

/// Flags of `deficiencies`.
#[derive(Clone, Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:
  greenlane deficiencies                              what goes wrong, what matters most first
  greenlane deficiencies --type logic_error --json
  greenlane deficiencies patterns                     what showed three times or more
  greenlane deficiencies show 3fa9                    one in full
  greenlane deficiencies suggest 3fa9                 what could be done about one
  greenlane deficiencies fixed 3fa9 --commit HEAD     a commit remedies it
  greenlane deficiencies file-issues --dry-run        what would become an issue

They are recorded from failed attempts by themselves; docs/learning.md tells how they are used.")]
pub struct DeficienciesArgs {
    /// What to do instead of listing
    #[command(subcommand)]
    pub verb: Option<DeficienciesVerb>,
    /// Only of this type
    #[arg(long = "type", value_name = "TYPE", value_parser = kind)]
    pub kind: Option<DeficiencyType>,
    /// Only with this status: open, in_progress or fixed
    #[arg(long, value_name = "STATUS", value_parser = status)]
    pub status: Option<Remediation>,
    /// Most to show, what matters most first
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub limit: u32,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

/// What to do with deficiencies.
#[derive(Clone, Debug, Subcommand)]
pub enum DeficienciesVerb {
    /// Record one that was seen elsewhere
    Record(record::RecordArgs),
    /// Show what showed three times or more
    Patterns(list::PatternsArgs),
    /// Show one in full: where it showed, how often, what helps and whether that held
    Show(show::ShowArgs),
    /// Show what could be done, drawn from the evidence
    Suggest(list::SuggestArgs),
    /// Say that a commit remedies one
    Fixed(remedy::FixedArgs),
    /// Write a solved one into the experience store
    Export(remedy::ExportArgs),
    /// File issues, through `gh`, for what showed five times or more
    FileIssues(file_issues::FileIssuesArgs),
}

/// A deficiency as it is shown.
#[derive(Serialize)]
struct View<'a> {
    #[serde(flatten)]
    record: &'a Deficiency,
    /// 0 to 100.
    priority: u32,
    /// It showed three times or more.
    pattern: bool,
}

impl<'a> View<'a> {
    fn of(record: &'a Deficiency, now: Time) -> Self {
        Self { record, priority: record.priority(now), pattern: record.is_pattern() }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    /// How many there are, before `--limit`.
    total: usize,
    deficiencies: Vec<View<'a>>,
}

/// Does it.
///
/// # Errors
/// Exit code 2 where nothing is known, for unknown ids and for what makes no sense; 3 where `gh` or the system refuses.
pub fn run(args: &DeficienciesArgs, context: &Context) -> Outcome {
    match &args.verb {
        None => list::all(args, context),
        Some(DeficienciesVerb::Record(args)) => record::run(args, context),
        Some(DeficienciesVerb::Patterns(args)) => list::patterns(args, context),
        Some(DeficienciesVerb::Show(args)) => show::run(args, context),
        Some(DeficienciesVerb::Suggest(args)) => list::suggest(args, context),
        Some(DeficienciesVerb::Fixed(args)) => remedy::fixed(args, context),
        Some(DeficienciesVerb::Export(args)) => remedy::export(args, context),
        Some(DeficienciesVerb::FileIssues(args)) => file_issues::run(args, context),
    }
}

fn kind(text: &str) -> Result<DeficiencyType, String> {
    let known = DeficiencyType::ALL.map(DeficiencyType::as_str);
    DeficiencyType::named(text).ok_or_else(|| unknown(text, &known))
}

fn status(text: &str) -> Result<Remediation, String> {
    Remediation::named(text).ok_or_else(|| unknown(text, &["open", "in_progress", "fixed"]))
}

fn unknown(text: &str, known: &[&str]) -> String {
    match closest(text, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known: {}", known.join(", ")),
    }
}

/// The book, read to its end, and the log beside it brought up to it.
fn open(session: &Session) -> Result<Reading, Error> {
    let mut reading = Reading::open(&session.state_dir)?;
    reading.catch_up()?;
    Ok(reading)
}

/// The same, also where nothing has run yet.
fn open_or_make(session: &Session) -> Result<Reading, Error> {
    match Reading::open(&session.state_dir) {
        Err(JournalError::Missing(_)) => {
            std::fs::create_dir_all(&session.state_dir)
                .map_err(|e| Error::environment(format!("cannot make {}: {e}", session.state_dir.display())))?;
            session.repo.exclude()?;
            drop(Journal::create(&session.state_dir)?);
        }
        other => drop(other?),
    }
    open(session)
}

/// Writes what was said into `deficiencies.jsonl` too. A log that lags is not the verb's failure: whoever reads it next catches up.
fn write_log(session: &Session, context: &Context) {
    let caught_up = Logs::open(&session.state_dir).and_then(|mut logs| logs.catch_up(Patience::For(LOG_PATIENCE)));
    if let Err(e) = caught_up {
        context.output.detail(&e.to_string());
    }
}

/// How long to wait for another process that writes to the logs.
const LOG_PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

/// The deficiency of this id, or of the beginning of one.
fn find<'a>(reading: &'a Reading, id: &str) -> Result<&'a Deficiency, Error> {
    reading.book().find(id).map_err(|(message, near)| {
        let error = Error::usage(message);
        match near {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint("`greenlane deficiencies` lists them"),
        }
    })
}

fn status_paint(status: Remediation) -> Paint {
    match status {
        Remediation::Open => Paint::Red,
        Remediation::InProgress => Paint::Yellow,
        Remediation::Fixed => Paint::Green,
    }
}
