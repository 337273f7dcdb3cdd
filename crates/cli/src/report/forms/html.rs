//! The report as one HTML file: no script, nothing loaded, light and dark, fit for printing. The template escapes what it is given.

use std::collections::BTreeSet;

use askama::Template;
use greenlane_core::ids::TaskKey;
use greenlane_core::view::TaskView;

use super::seconds;
use crate::report::chart::{Attempt, Fate, Row, Tick, rows, ticks};
use crate::report::run_report::RunReport;
use crate::report::surroundings::Surroundings;
use crate::report::text::{Look, clean, short};
use crate::report::{advice, learned, name_of, sections, state_words, summary, time_spent};

/// Columns of what is shown as plain text.
const LOOK: Look = Look { width: 110, color: false };
/// So many failed attempts are told; `--json` has all.
const FAILURES_MAX: usize = 500;
/// More rows of the timeline than this tell less: the tasks that took longest are drawn.
const ROWS_MAX: usize = 400;

/// What the template calls for each text that is not its own.
mod filters {
    use std::fmt::Display;

    #[askama::filter_fn]
    pub fn clean(text: impl Display, _: &dyn askama::Values) -> askama::Result<String> {
        Ok(super::clean(&text.to_string()))
    }

    #[askama::filter_fn]
    pub fn short(commit: impl Display, _: &dyn askama::Values) -> askama::Result<String> {
        Ok(super::short(&commit.to_string()).to_owned())
    }

    #[askama::filter_fn]
    pub fn words(name: impl Display, _: &dyn askama::Values) -> askama::Result<String> {
        Ok(super::state_words(&name.to_string()))
    }

    #[askama::filter_fn]
    pub fn time(seconds: &f64, _: &dyn askama::Values) -> askama::Result<String> {
        Ok(super::seconds(*seconds))
    }

    #[askama::filter_fn]
    pub fn percent(share: &f64, _: &dyn askama::Values) -> askama::Result<String> {
        Ok(format!("{share:.3}"))
    }

    #[askama::filter_fn]
    pub fn thousands(n: &u64, _: &dyn askama::Values) -> askama::Result<String> {
        Ok(greenlane_core::budget::thousands(*n))
    }
}

#[derive(Template)]
#[template(path = "report.html", whitespace = "preserve")]
struct Page<'a> {
    report: &'a RunReport,
    /// `finished`, `failed`, `stopped`, …: what the colour of the page's sign says.
    state: &'a str,
    verified: String,
    times: String,
    usage: Option<String>,
    rows: Vec<Row>,
    rows_left_out: usize,
    ticks: Vec<Tick>,
    failures_left_out: usize,
    again: String,
    lessons: String,
    next: String,
}

impl<'a> Page<'a> {
    fn tasks(&self) -> &'a [TaskView] {
        &self.report.status.tasks
    }

    fn name(&self, task: &TaskView) -> String {
        clean(&name_of(&self.report.status, task))
    }

    fn spent(&self, task: &TaskView) -> String {
        if task.begun().next().is_some() { crate::report::humane(time_spent(task)) } else { String::new() }
    }

    fn failures(&self) -> impl Iterator<Item = &'a crate::report::FailedAttempt> {
        self.report.failures.iter().take(FAILURES_MAX)
    }

    fn cost(&self, usage: &greenlane_core::view::UsageView) -> String {
        usage.cost_usd.map(|c| format!("${c:.2}")).unwrap_or_default()
    }
}

/// The whole page.
///
/// # Errors
/// If the template cannot be written, which no content brings about.
pub fn html(report: &RunReport, around: &Surroundings) -> Result<String, String> {
    let doc = &report.status;
    let state = if doc.run.state == "finished" && !doc.all_done() { "failed" } else { doc.run.state.as_str() };
    let suites: Vec<String> = doc.plans.iter().flat_map(|p| &p.verify).map(|c| clean(c)).collect();
    let verified = match (doc.summary.done, doc.summary.verified, suites.is_empty()) {
        (0, ..) => String::from("nothing landed"),
        (_, _, true) => String::from("not verified: there is no test suite"),
        (_, true, false) => format!("verified by {}", suites.join(", ")),
        (_, false, false) => String::from("not all of it verified"),
    };
    let elapsed = doc.summary.elapsed_seconds;
    let (rows, rows_left_out) = rows(&attempts(report), ROWS_MAX, elapsed);
    let page = Page {
        report,
        state,
        verified,
        times: summary::times(&doc.summary),
        usage: summary::usage(&doc.summary.usage),
        rows,
        rows_left_out,
        ticks: ticks(elapsed),
        failures_left_out: report.failures.len().saturating_sub(FAILURES_MAX),
        again: sections::retries_and_waits(report),
        lessons: learned(&report.lessons, LOOK),
        next: advice(doc, around, LOOK),
    };
    page.render().map_err(|e| e.to_string())
}

/// The attempts of the timeline that began.
fn attempts(report: &RunReport) -> Vec<Attempt> {
    let doc = &report.status;
    // Whose newest attempt goes on.
    let open: BTreeSet<(&str, &str, u32)> = doc
        .tasks
        .iter()
        .filter(|t| doc.run.state == "running" && matches!(t.state.as_str(), "running" | "gating" | "landing"))
        .filter_map(|t| Some((t.plan.as_str(), t.id.as_str(), t.attempts.last()?.n)))
        .collect();
    let attempt = |bar: &crate::report::Bar| {
        let key = TaskKey::new(bar.plan.as_str(), bar.task.as_str());
        Some(Attempt {
            name: clean(&if doc.plans.len() > 1 { key.to_string() } else { bar.task.clone() }),
            critical: report.critical_path.iter().any(|c| c.plan == bar.plan && c.tasks.contains(&bar.task)),
            number: bar.number?,
            agent: clean(&bar.agent),
            start: bar.start,
            exited: bar.exited,
            judged: bar.judged,
            end: bar.end,
            fate: match bar.landed {
                true => Fate::Landed,
                false if open.contains(&(bar.plan.as_str(), bar.task.as_str(), bar.n)) => Fate::Open,
                false => Fate::Lost,
            },
            key,
        })
    };
    report.timeline.iter().filter_map(attempt).collect()
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn the_page_has_every_section_and_loads_nothing() {
        let page = html(&samples::of(&crate::report::samples::ended()), &Surroundings::default()).unwrap();
        for part in [
            "<title>Run r1: 2 of 4 tasks landed</title>",
            "verified by cargo test",
            "What landed",
            "3 files, +120 -4",
            "What did not land",
            "id=\"timeline\"",
            "class=\"fail\"",
            "2 links are dead",
            "by which 1 of 1 task recovered",
            "What next",
        ] {
            assert!(page.contains(part), "{part} is not there:\n{page}");
        }
        assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("<script"), "{page}");
    }

    #[test]
    fn what_others_wrote_stays_text() {
        let page = html(&samples::hostile(), &Surroundings::default()).unwrap();
        assert!(!page.contains("<script") && !page.contains("<img") && !page.contains('\u{1b}') && !page.contains('\u{0}'), "{page}");
        assert!(page.contains("&#60;script&#62;") || page.contains("&lt;script&gt;"), "{page}");
    }
}
