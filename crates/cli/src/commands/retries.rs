//! `retries`: what was tried again and what not; `retries should-retry` answers scripts by the same policy.

use std::process::ExitCode;
use std::time::Duration;

use greenlane_core::failure::{FailureDetail, FailureType};
use greenlane_core::state::COMMAND_AGENT;
use greenlane_runtime::clock;
use greenlane_runtime::subscriber::RetryRecord;
use serde::Serialize;

use crate::context::Context;
use crate::error::{Error, Kind, Outcome};
use crate::logbook::{Filter, Record, Stored, failure_type, newest};
use crate::output::{Paint, paint};
use crate::report::{Look, clean, columns, fit, humane, local_times, wrapped};
use crate::session::Session;

/// Flags of `retries`.
#[derive(Clone, Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:
  greenlane retries                       the latest 20 decisions, the newest first
  greenlane retries --task bucket
  greenlane retries --stats
  greenlane retries should-retry --type api_error --attempt 2 && sleep 60 && ./again.sh")]
pub struct RetriesArgs {
    /// What to do instead of listing
    #[command(subcommand)]
    pub verb: Option<RetriesVerb>,
    /// Which ones
    #[command(flatten)]
    pub filter: Filter,
    /// Count them instead
    #[arg(long)]
    pub stats: bool,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

/// What to do with retries.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum RetriesVerb {
    /// Say whether a failure is worth another attempt, and after how long
    ShouldRetry(ShouldRetryArgs),
}

/// Flags of `retries should-retry`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane retries should-retry --type timeout                  after the first attempt
  greenlane retries should-retry --type api_error --attempt 3
  greenlane retries should-retry --type api_error --detail authentication || echo \"sign in first\"
  greenlane retries should-retry --type unknown --task bucket    by what its task has used up, and its own `retries`

Exit code 0: yes, and the wait in seconds is printed; 1: no, and why. The policy is the configuration's [retry], with --task its run's.")]
pub struct ShouldRetryArgs {
    /// How it failed
    #[arg(long = "type", value_name = "TYPE", value_parser = failure_type())]
    pub kind: FailureType,
    /// More exactly: authentication, a missing program and a denied permission are never tried again
    #[arg(long, value_name = "DETAIL", value_parser = super::failures::failure_detail())]
    pub detail: Option<FailureDetail>,
    /// The attempt that failed, from 1 [default: 1, or what the task has used up]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub attempt: Option<u32>,
    /// The task (`ID` or `PLAN/ID`) of the latest run
    #[arg(long, value_name = "TASK")]
    pub task: Option<String>,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(Serialize)]
struct Document {
    retries: Vec<Stored<RetryRecord>>,
}

#[derive(Default, Serialize)]
struct Stats {
    total: u64,
    will_retry: u64,
    given_up: u64,
    backoff_seconds: f64,
    by_type: std::collections::BTreeMap<String, u64>,
}

#[derive(Serialize)]
struct Answer {
    retry: bool,
    /// `null` where it is not tried again.
    backoff_seconds: Option<f64>,
    attempt: u32,
    retries_max: u32,
    reason: String,
}

impl Record for RetryRecord {
    fn kind(&self) -> FailureType {
        self.failure_type
    }

    fn plan(&self) -> Option<&str> {
        Some(&self.plan)
    }

    fn task(&self) -> Option<&str> {
        Some(&self.task)
    }

    fn run(&self) -> Option<&str> {
        Some(&self.run)
    }
}

/// Lists, counts or answers.
///
/// # Errors
/// Exit code 2 where nothing ever ran, or no such run or task is known.
pub fn run(args: &RetriesArgs, context: &Context) -> Outcome {
    let session = Session::open(context)?;
    if let Some(RetriesVerb::ShouldRetry(args)) = &args.verb {
        return should_retry(args, &session, context);
    }
    let filter = args.filter.resolved(&session)?;
    let mut stats = Stats::default();
    let retries = newest::<RetryRecord>(&session, "retries", &filter, |stored| stats.count(&stored.record))?;
    if retries.is_empty() {
        filter.require_known(&session)?;
    }
    let look = Look::of_list(context.output.color);
    match (args.stats, args.json) {
        (true, true) => context.output.json(&stats)?,
        (true, false) => context.output.data(&stats.text())?,
        (false, true) => context.output.json(&Document { retries })?,
        (false, false) if retries.is_empty() => context.output.say(&format!("no retries{}", filter.words())),
        (false, false) => context.output.data(&table(&retries, look))?,
    }
    Ok(ExitCode::SUCCESS)
}

impl Stats {
    fn count(&mut self, record: &RetryRecord) {
        self.total += 1;
        *(if record.will_retry { &mut self.will_retry } else { &mut self.given_up }) += 1;
        self.backoff_seconds += record.backoff_seconds;
        *self.by_type.entry(record.failure_type.as_str().to_owned()).or_default() += 1;
    }

    fn text(&self) -> String {
        let waited = humane(Duration::try_from_secs_f64(self.backoff_seconds).unwrap_or_default());
        let mut out = format!(
            "{} decisions: {} tried again after waiting {waited} in all, {} given up\n",
            self.total, self.will_retry, self.given_up
        );
        for (kind, n) in &self.by_type {
            out.push_str(&format!("  {kind:<22}{n:>6}\n"));
        }
        out
    }
}

fn should_retry(args: &ShouldRetryArgs, session: &Session, context: &Context) -> Outcome {
    let config = context.load_config(session.repo.top().or(session.repo.main_top()), &[])?.config;
    let mut policy = config.run_options(Default::default(), 1, 0).retry;
    let (mut attempt, mut retries_max) = (args.attempt, policy.max);
    let mut by_command = false;
    if let Some(name) = &args.task {
        let opened = session.open_run(None)?;
        let key = crate::names::task(&opened.state, name)?;
        // What its run was started with holds, flags included.
        policy = opened.state.options().retry;
        retries_max = policy.max;
        if let Some(task) = opened.state.task(&key) {
            attempt = attempt.or(Some(task.retries + 1));
            by_command = opened.state.agent_of(task) == COMMAND_AGENT;
            retries_max = opened.state.definition(task).retries.unwrap_or(retries_max);
        }
    }
    let attempt = attempt.unwrap_or(1);
    let reason = match policy.refusal(args.kind, args.detail, attempt, retries_max) {
        Some(why) => Err(why),
        None => Ok(format!("retry {attempt} of {retries_max}")),
    };
    let wait = reason.is_ok().then(|| policy.wait_after(by_command, args.kind, args.detail, attempt).as_secs_f64());
    if args.json {
        let text = reason.clone().unwrap_or_else(|no| no);
        context.output.json(&Answer { retry: wait.is_some(), backoff_seconds: wait, attempt, retries_max, reason: text })?;
    } else if let Some(seconds) = wait {
        // Alone on its line: `sleep $(greenlane retries should-retry …)`.
        context.output.data(&format!("{seconds}\n"))?;
    }
    match reason {
        Ok(why) => {
            context.output.detail(&why);
            Ok(ExitCode::SUCCESS)
        }
        Err(why) => {
            if !args.json {
                context.output.say(&format!("no: {why}"));
            }
            Err(Error::silent(Kind::NotDone))
        }
    }
}

/// The column of what was decided.
const WHAT_COLUMNS: usize = 24;
/// The reason gets at least so much, on a line of its own if need be.
const REST_COLUMNS_MIN: usize = 40;
/// Most lines of why a task was given up.
const BECAUSE_LINES_MAX: usize = 3;

fn table(retries: &[Stored<RetryRecord>], look: Look) -> String {
    let name = |r: &RetryRecord| clean(&format!("{}/{}#{}", r.plan, r.task, r.number.unwrap_or(r.attempt)));
    let width = retries.iter().map(|s| columns(&name(&s.record))).max().unwrap_or(0).min(look.width / 3);
    let mut out = String::new();
    for Stored { record, .. } in retries {
        let at = record.timestamp.get(..19).unwrap_or(&record.timestamp).replace('T', " ") + "Z";
        let wait = humane(Duration::try_from_secs_f64(record.backoff_seconds).unwrap_or_default());
        let what = match record.how.as_str() {
            "repair" => String::from("↻ back to its agent"),
            "quota" => format!("↻ waits {wait} for quota"),
            "fallback" => String::from("↻ goes to another agent"),
            _ if record.will_retry => format!("↻ retry {} after {wait}", record.retry),
            _ => String::from("✗ given up"),
        };
        let style = if record.will_retry { Paint::Yellow } else { Paint::Red };
        let kind = record.failure_type.as_str();
        let detail = record.detail.map_or(String::new(), |d| format!(": {}", d.as_str()));
        let rest = format!("{kind}{detail}, {}", clean(&record.error_message));
        let taken = 20 + width + WHAT_COLUMNS + 6;
        let head = format!(
            "{}  {}  {}",
            paint(&at, Paint::Dim, look.color),
            fit(&name(record), width),
            paint(&fit(&what, WHAT_COLUMNS.min(look.width.saturating_sub(24 + width))), style, look.color)
        );
        // What was given up has a line more: why.
        let because = record.given_up_because.as_ref().map(|why| format!("because {}", clean(&local_times(why, clock::now()))));
        let because = because.map(|why| wrapped(&why, look.width.saturating_sub(2), BECAUSE_LINES_MAX)).unwrap_or_default();
        let because: String = because.iter().map(|line| format!("  {line}\n")).collect();
        let beside = look.width >= taken + REST_COLUMNS_MIN;
        let rest = fit(&rest, look.width.saturating_sub(if beside { taken } else { 2 }));
        let (head, between) = if beside { (head.as_str(), "  ") } else { (head.trim_end(), "\n  ") };
        out.push_str(&format!("{head}{between}{}\n{because}", rest.trim_end()));
    }
    out
}
