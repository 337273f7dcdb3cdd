//! `runs`: the history of this repository, the latest first. Changes nothing.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use greenlane_core::view::Status;
use greenlane_runtime::journal::{Journal, JournalError};
use serde::Serialize;

use crate::context::Context;
use crate::error::Outcome;
use crate::output::{Paint, paint};
use crate::report::{clean, columns, fit, humane, sign, state_paint};
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
    runs: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    id: String,
    /// As in `status --json`.
    state: String,
    started_at: String,
    ended_at: Option<String>,
    elapsed_seconds: f64,
    plans: Vec<PlanEntry>,
    total: usize,
    done: usize,
    /// Failed, needing a human, skipped or cancelled.
    not_done: usize,
    verified: bool,
    /// The journal cannot be replayed; why.
    error: Option<String>,
}

#[derive(Serialize)]
struct PlanEntry {
    id: String,
    branch: Option<String>,
    state: String,
}

/// Lists them.
///
/// # Errors
/// If the journal cannot be read. Where nothing ever ran there is an empty list.
pub fn run(args: &RunsArgs, context: &Context) -> Outcome {
    let session = Session::open(context)?;
    let journal = match Journal::read(&session.state_dir) {
        Ok(journal) => Some(journal),
        Err(JournalError::Missing(_)) => None,
        Err(e) => return Err(e.into()),
    };
    let mut runs = Vec::new();
    if let Some(journal) = journal {
        for entry in journal.runs(args.limit)? {
            // One run that cannot be read (a newer version's) does not hide the others.
            runs.push(match session.load(&journal, entry.run.clone()) {
                Ok(opened) => of(opened.status()),
                Err(e) => unreadable(&entry.run.to_string(), entry.started_at.rfc3339(), e.render(false)),
            });
        }
    }
    if runs.is_empty() {
        context.output.say("Nothing has run in this repository yet; `greenlane run PLAN` starts a run.");
    }
    if args.json {
        context.output.json(&Document { runs })?;
    } else {
        context.output.data(&text(&runs, context.output.color))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn of(doc: Status) -> Entry {
    let s = &doc.summary;
    Entry {
        id: doc.run.id.to_string(),
        state: doc.run.state,
        started_at: doc.run.started_at,
        ended_at: doc.run.ended_at,
        elapsed_seconds: s.elapsed_seconds,
        total: s.total,
        done: s.done,
        not_done: s.failed + s.needs_human + s.skipped + s.cancelled,
        verified: s.verified,
        plans: doc.plans.into_iter().map(|p| PlanEntry { id: p.id, branch: p.branch, state: p.state }).collect(),
        error: None,
    }
}

fn unreadable(id: &str, started_at: String, error: String) -> Entry {
    Entry {
        id: id.to_owned(),
        state: String::from("unreadable"),
        started_at,
        ended_at: None,
        elapsed_seconds: 0.0,
        plans: Vec::new(),
        total: 0,
        done: 0,
        not_done: 0,
        verified: false,
        error: Some(error.trim_start_matches("error: ").trim_end().to_owned()),
    }
}

fn text(runs: &[Entry], color: bool) -> String {
    let mut out = String::new();
    let width = runs.iter().map(|r| columns(&r.id)).max().unwrap_or(0);
    for run in runs {
        let state = format!("{} {}", sign(&run.state), fit(&run.state, 11));
        let elapsed = humane(Duration::try_from_secs_f64(run.elapsed_seconds).unwrap_or_default());
        let plans: Vec<String> = run.plans.iter().map(|p| clean(&p.id)).collect();
        let started = run.started_at.get(..16).unwrap_or(&run.started_at).replace('T', " ");
        let _ = write!(out, "{}  {started}Z  {}  ", fit(&run.id, width), paint(&state, state_paint(&run.state), color));
        let _ = match &run.error {
            Some(error) => writeln!(out, "{}", clean(error)),
            None => writeln!(
                out,
                "{elapsed:>7}  {}/{} done{}  {}",
                run.done,
                run.total,
                if run.not_done > 0 { paint(&format!(", {} not", run.not_done), Paint::Red, color) } else { String::new() },
                plans.join(", ")
            ),
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;
    use greenlane_core::view::Coordinator;

    #[test]
    fn the_history_is_a_line_for_each_run() {
        let entry = |coordinator| of(samples::half_way().status(coordinator));
        let broken = unreadable("r0", "2026-01-01T00:00:00.000Z".into(), "error: line 3: unknown event\n".into());
        let text =
            text(&[of(samples::ended().status(Coordinator::Gone)), entry(Coordinator::Gone), entry(Coordinator::Alive), broken], false);
        let expected = "\
r1  2026-01-02 03:04Z  ✓ finished       3m24s  2/4 done, 2 not  limits
r1  2026-01-02 03:04Z  ! interrupted      32s  1/4 done, 2 not  limits
r1  2026-01-02 03:04Z  ▶ running        1m36s  1/4 done, 2 not  limits
r0  2026-01-01 00:00Z  · unreadable   line 3: unknown event
";
        assert_eq!(text, expected);
    }
}
