//! Lists deficiencies, patterns and suggestions. Changes nothing.

use std::fmt::Write as _;
use std::process::ExitCode;

use greenlane_core::deficiency::{Deficiency, Remediation};
use greenlane_core::time::Time;
use greenlane_runtime::clock;
use serde::Serialize;

use super::show::remedy;
use super::{DeficienciesArgs, Document, View, find, open, status_paint};
use crate::context::Context;
use crate::error::Outcome;
use crate::output::paint;
use crate::report::{Look, clean, fit, humane, wrapped};
use crate::session::Session;

/// Flags of `deficiencies patterns`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane deficiencies patterns
  greenlane deficiencies patterns --json")]
pub struct PatternsArgs {
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

/// Flags of `deficiencies suggest`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane deficiencies suggest            for the five that matter most and are not fixed
  greenlane deficiencies suggest 3fa9c1d2   for one")]
pub struct SuggestArgs {
    /// The deficiency, or the beginning of its id [default: the five that matter most]
    #[arg(value_name = "ID")]
    pub id: Option<String>,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

/// Without an id, suggestions are shown for so many.
const SUGGEST_MAX: usize = 5;
/// Lines that a description or suggestion takes at most.
const LINES_MAX: usize = 4;

pub(super) fn all(args: &DeficienciesArgs, context: &Context) -> Outcome {
    let session = Session::open(context)?;
    let (reading, now) = (open(&session)?, clock::now());
    let wanted = |d: &&Deficiency| {
        args.kind.is_none_or(|kind| d.deficiency_type == kind) && args.status.is_none_or(|status| d.remediation_status == status)
    };
    let found: Vec<&Deficiency> = reading.book().by_priority(now).into_iter().filter(wanted).collect();
    let shown = &found[..found.len().min(usize::try_from(args.limit).unwrap_or(usize::MAX))];
    show(shown, found.len(), args.json, now, context)?;
    if !args.json && found.is_empty() {
        let what = if args.kind.is_some() || args.status.is_some() { "none like that" } else { "none: nothing has failed" };
        context.output.say(what);
    } else if !args.json && shown.len() < found.len() {
        context.output.say(&format!("and {} more; `--limit` shows them", found.len() - shown.len()));
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn patterns(args: &PatternsArgs, context: &Context) -> Outcome {
    let session = Session::open(context)?;
    let (reading, now) = (open(&session)?, clock::now());
    let found: Vec<&Deficiency> = reading.book().by_priority(now).into_iter().filter(|d| d.is_pattern()).collect();
    show(&found, found.len(), args.json, now, context)?;
    if !args.json && found.is_empty() {
        context.output.say("no pattern: nothing showed three times");
    }
    Ok(ExitCode::SUCCESS)
}

fn show(shown: &[&Deficiency], total: usize, json: bool, now: Time, context: &Context) -> Result<(), crate::error::Error> {
    if json {
        return context.output.json(&Document { total, deficiencies: shown.iter().map(|d| View::of(d, now)).collect() });
    }
    context.output.data(&table(shown, now, Look::of_list(context.output.color)))
}

fn table(shown: &[&Deficiency], now: Time, look: Look) -> String {
    if shown.is_empty() {
        return String::new();
    }
    let mut out = format!("{:16}  prio  times  {:11}  {:8}  what\n", "id", "status", "last");
    for d in shown {
        let status = paint(&fit(d.remediation_status.as_str(), 11), status_paint(d.remediation_status), look.color);
        let last = fit(&humane(now.since(d.last_seen)), 8);
        let what = format!("{}: {}", d.deficiency_type.as_str().replace('_', " "), clean(&d.description));
        let width = look.width.saturating_sub(54).max(30);
        let what = fit(&what, width).trim_end().to_owned();
        let _ = writeln!(out, "{}  {:4}  {:5}  {status}  {last}  {what}", d.id, d.priority(now), d.frequency);
    }
    out
}

#[derive(Serialize)]
struct Suggested<'a> {
    suggestions: Vec<OfOne<'a>>,
}

#[derive(Serialize)]
struct OfOne<'a> {
    id: &'a str,
    description: &'a str,
    priority: u32,
    improvement_suggestions: &'a [String],
    /// What is known to help.
    solution: Option<&'a str>,
    /// The commit that was said to remedy it.
    remediation_commit: Option<&'a str>,
    remediation_status: Remediation,
    /// How often it showed again after that.
    returned: u32,
}

pub(super) fn suggest(args: &SuggestArgs, context: &Context) -> Outcome {
    let session = Session::open(context)?;
    let (reading, now) = (open(&session)?, clock::now());
    let of: Vec<&Deficiency> = match &args.id {
        Some(id) => vec![find(&reading, id)?],
        None => {
            let open = |d: &&Deficiency| d.remediation_status != Remediation::Fixed;
            reading.book().by_priority(now).into_iter().filter(open).take(SUGGEST_MAX).collect()
        }
    };
    if args.json {
        let suggestions = of.iter().map(|d| OfOne {
            id: &d.id,
            description: &d.description,
            priority: d.priority(now),
            improvement_suggestions: &d.improvement_suggestions,
            solution: d.solution.as_deref(),
            remediation_commit: d.remediation_commit.as_deref(),
            remediation_status: d.remediation_status,
            returned: d.context.returned,
        });
        context.output.json(&Suggested { suggestions: suggestions.collect() })?;
        return Ok(ExitCode::SUCCESS);
    }
    let look = Look::of_stdout(context.output.color);
    let mut out = String::new();
    for d in of {
        if !out.is_empty() {
            out.push('\n');
        }
        for line in wrapped(&format!("{}  {}", d.id, clean(&d.description)), look.width, LINES_MAX) {
            let _ = writeln!(out, "{line}");
        }
        // What is known to help comes before what might.
        let known = remedy(d).map(|known| format!("known: {known}"));
        for suggestion in known.iter().chain(&d.improvement_suggestions) {
            for (n, line) in wrapped(&clean(suggestion), look.width.saturating_sub(4), LINES_MAX).iter().enumerate() {
                let _ = writeln!(out, "  {} {line}", if n == 0 { '→' } else { ' ' });
            }
        }
    }
    context.output.data(&out)?;
    Ok(ExitCode::SUCCESS)
}
