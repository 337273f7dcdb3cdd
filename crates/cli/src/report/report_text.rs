//! `report` as text: what happened, in the order in which a reader asks. Drawn from the document of `report --json`.

use std::fmt::Write as _;
use std::time::Duration;

use super::advice::advice;
use super::learned::learned;
use super::run_report::{AgentUse, Chain, RunReport};
use super::summary::{summary, usage};
use super::surroundings::Surroundings;
use super::text::{Look, clean, columns, fit, humane, short, wrapped};
use super::timeline::gantt;
use super::{sections, sign, state_paint, state_words, time_spent};
use crate::output::{Paint, paint};

/// So many tasks are listed; `--json` has all.
const TASKS_MAX: usize = 500;
/// So many failures are told with their evidence.
const FAILURES_MAX: usize = 50;
const ID_WIDTH_MAX: usize = 36;
const MESSAGE_LINES_MAX: usize = 8;
/// A title is cut to what room is left; with less than this it is left out.
const TITLE_MIN: usize = 12;
/// Seconds that are worth a number.
const SECONDS_MIN: f64 = 0.05;

/// The whole text.
#[must_use]
pub fn report(report: &RunReport, around: &Surroundings, look: Look) -> String {
    let doc = &report.status;
    let ended = doc.run.ended_at.as_deref().map(|e| format!(" to {e}")).unwrap_or_default();
    let mut out = format!("{}\n", paint(&format!("Run {}", doc.run.id), Paint::Bold, look.color));
    let _ = writeln!(out, "{}, {}{ended}, at most {} attempts at once", doc.run.state, doc.run.started_at, doc.run.jobs);
    if report.resumed > 0 {
        let _ = writeln!(out, "taken up by another coordinator {}", times_over(report.resumed));
    }
    out.push_str(&summary(doc, look));
    heading(&mut out, "Tasks", look);
    tasks(&mut out, report, look);
    section(&mut out, "What landed", &sections::landed(&report.landed, look), look);
    section(&mut out, "What was fixed", &sections::issues(&report.issues, report.status.plans.len(), look), look);
    let elapsed = Duration::try_from_secs_f64(doc.summary.elapsed_seconds).unwrap_or_default();
    let picture = gantt(&report.timeline, doc.plans.len(), elapsed, look);
    section(&mut out, "Timeline", &picture, look);
    chains(&mut out, report, look);
    failures(&mut out, report, look);
    section(&mut out, "Lessons from earlier failures", &learned(&report.lessons, look), look);
    section(&mut out, "Changed beside the work", &super::shared::all(doc, look), look);
    suites(&mut out, report, look);
    section(&mut out, "Tried again, waited for", &sections::retries_and_waits(report), look);
    agents(&mut out, report, look);
    section(&mut out, "Types of tasks", &sections::types(report), look);
    section(&mut out, "What next", advice(doc, around, look).trim_start_matches('\n'), look);
    out
}

fn section(out: &mut String, title: &str, text: &str, look: Look) {
    if !text.is_empty() {
        heading(out, title, look);
        out.push_str(text);
    }
}

fn heading(out: &mut String, text: &str, look: Look) {
    let _ = writeln!(out, "\n{}", paint(text, Paint::Bold, look.color));
}

fn times_over(n: u32) -> String {
    if n == 1 { String::from("once") } else { format!("{n} times") }
}

fn tasks(out: &mut String, report: &RunReport, look: Look) {
    let doc = &report.status;
    let shown = &doc.tasks[..doc.tasks.len().min(TASKS_MAX)];
    let name = |t: &greenlane_core::view::TaskView| clean(&super::name_of(doc, t));
    let state_width = shown.iter().map(|t| columns(&state_words(&t.state))).max().unwrap_or(0);
    let id_width = shown.iter().map(|t| columns(&name(t))).max().unwrap_or(0).min(ID_WIDTH_MAX);
    for task in shown {
        let state = format!("{} {}", sign(&task.state), fit(&state_words(&task.state), state_width));
        let spent = humane(time_spent(task));
        let attempts = match task.begun().count() {
            0 => String::from("not tried"),
            1 => format!("1 attempt, {spent}"),
            n => format!("{n} attempts, {spent}"),
        };
        let end = task.landed.as_deref().map(|l| format!(", landed as {}", short(l))).unwrap_or_default();
        let told = format!("{}  {attempts}{end}", fit(&name(task), id_width));
        let room = look.width.saturating_sub(columns(&state) + 2 + columns(&told) + 2);
        let title = if task.title == task.id || room < TITLE_MIN { String::new() } else { fit(&clean(&task.title), room) };
        let line = format!("{}  {told}  {title}", paint(&state, state_paint(&task.state), look.color));
        let _ = writeln!(out, "{}", line.trim_end());
    }
    if doc.tasks.len() > TASKS_MAX {
        let _ = writeln!(out, "and {} more (`report --json` has all)", doc.tasks.len() - TASKS_MAX);
    }
}

fn seconds(s: f64) -> String {
    humane(Duration::try_from_secs_f64(s).unwrap_or_default())
}

fn chains(out: &mut String, report: &RunReport, look: Look) {
    let worth: Vec<&Chain> = report.critical_path.iter().filter(|c| c.seconds >= SECONDS_MIN).collect();
    if worth.is_empty() {
        return;
    }
    heading(out, "The longest chain, which no further slot would have made quicker", look);
    for chain in worth {
        let named = if report.critical_path.len() > 1 { format!("{}: ", clean(&chain.plan)) } else { String::new() };
        let base = (chain.base_suite_seconds >= SECONDS_MIN).then(|| String::from("the suite on the base"));
        let tasks: Vec<String> = base.into_iter().chain(chain.tasks.iter().map(|t| clean(t))).collect();
        for line in wrapped(&format!("{named}{} ({})", tasks.join(" → "), seconds(chain.seconds)), look.width, MESSAGE_LINES_MAX) {
            let _ = writeln!(out, "{line}");
        }
    }
}

fn failures(out: &mut String, report: &RunReport, look: Look) {
    if report.failures.is_empty() {
        return;
    }
    heading(out, "What failed", look);
    for f in report.failures.iter().take(FAILURES_MAX) {
        let after = if f.recovered { paint(", recovered", Paint::Green, look.color) } else { String::new() };
        let kind = f.kind.as_deref().map_or_else(|| String::from("needs a human"), |k| k.replace('_', " "));
        let _ = writeln!(out, "{} #{} ({}, {kind}{after})", clean(&f.task), f.number.unwrap_or(f.attempt), clean(&f.agent));
        for line in wrapped(&clean(&f.message), look.width.saturating_sub(4), MESSAGE_LINES_MAX) {
            let _ = writeln!(out, "    {line}");
        }
        for line in &f.evidence {
            let _ = writeln!(out, "    {} {line}", paint("|", Paint::Dim, look.color));
        }
        if let Some(files) = &f.suite_files {
            let _ = writeln!(out, "    suite: {}", files.display());
        }
        let _ = writeln!(out, "    files: {}", f.files.display());
    }
    if report.failures.len() > FAILURES_MAX {
        let _ = writeln!(out, "and {} more (`report --json` has all)", report.failures.len() - FAILURES_MAX);
    }
}

fn suites(out: &mut String, report: &RunReport, look: Look) {
    let v = report.verifications;
    if v.judged == 0 && report.flaky.is_empty() && report.rolled_back.is_empty() {
        return;
    }
    heading(out, "Landing", look);
    if v.judged > 0 {
        let known = if v.known > 0 { format!(", {} known to be green before", v.known) } else { String::new() };
        let landed = report.status.tasks.iter().filter(|t| t.landed.is_some()).count();
        let _ = writeln!(out, "{landed} landed with {} verifications of the combined tree: {} red{known}", v.judged, v.red);
    }
    for flaky in &report.flaky {
        let command = flaky.command.as_deref().map(|c| format!(" (`{}`)", clean(c))).unwrap_or_default();
        let words = format!("the suite of `{}` is flaky: red and then green on the same work{command}", clean(&flaky.plan));
        let _ = writeln!(out, "{}", paint(&words, Paint::Yellow, look.color));
        for line in &flaky.output {
            let _ = writeln!(out, "    {} {line}", paint("|", Paint::Dim, look.color));
        }
    }
    for taken in &report.rolled_back {
        let tasks: Vec<String> = taken.tasks.iter().map(|t| clean(t)).collect();
        let _ = writeln!(out, "rolled back: {}; kept in {}", tasks.join(", "), taken.kept);
    }
}

fn agents(out: &mut String, report: &RunReport, look: Look) {
    if report.agents.is_empty() {
        return;
    }
    heading(out, "Agents", look);
    let width = report.agents.iter().map(|a| columns(&clean(&a.agent))).max().unwrap_or(0);
    for agent in &report.agents {
        let tokens = usage(&agent.usage).map(|u| format!(", {u}")).unwrap_or_default();
        let attempts = if agent.attempts == 1 { "attempt" } else { "attempts" };
        let _ = writeln!(
            out,
            "{}  {} {attempts}, {} accepted, {}{tokens}",
            fit(&clean(&agent.agent), width),
            agent.attempts,
            agent.succeeded,
            time_of(agent)
        );
    }
    for (account, waits) in &report.quota_waits {
        let (times, waited) = (times_over(waits.times), seconds(waits.seconds));
        let _ = writeln!(out, "waited for the quota of {} {times}, {waited} in all", clean(account));
    }
}

/// What it worked, and what it waited for a person; of one who is a person only the latter.
fn time_of(agent: &AgentUse) -> String {
    let waited = format!("{} in hand", seconds(agent.waited_seconds));
    match (agent.seconds >= SECONDS_MIN, agent.waited_seconds >= SECONDS_MIN) {
        (_, false) => format!("{} at work", seconds(agent.seconds)),
        (false, true) => waited,
        (true, true) => format!("{} at work, {} waiting for a person", seconds(agent.seconds), seconds(agent.waited_seconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::history::Gatherer;
    use super::super::run_report::run_report;
    use super::*;
    use crate::report::samples;
    use greenlane_core::ids::RunId;
    use greenlane_core::view::Coordinator;
    use greenlane_runtime::driver::Layout;
    use std::path::Path;

    fn of(run: &samples::Sample) -> RunReport {
        let mut gatherer = Gatherer::default();
        run.events().for_each(|e| gatherer.take(e));
        let layout = Layout::new(Path::new("/s"), &RunId::from("r1"));
        run_report(run.status(Coordinator::Gone), &run.state, gatherer.done(), Vec::new(), Vec::new(), &layout)
    }

    #[test]
    fn what_happened_from_top_to_bottom() {
        let text = report(&of(&samples::ended()), &Surroundings::default(), Look { width: 100, color: false });
        let parts = [
            "Run r1\nfinished, 2026-01-02T03:04:05.000Z to 2026-01-02T03:07:29.000Z, at most 3 attempts at once\n✗ 4 tasks: 2 done",
            "\nTasks\n✓ done     bucket  1 attempt, 32s, landed as 6d657267652d  Do bucket\n",
            "✓ done     header  2 attempts, 1m22s, landed as",
            "- skipped  guide   not tried  Do guide\n\nTimeline\na column is 2.5s\n= works",
            "\nbucket → header (1m54s)\n\nWhat failed\nheader #1 (claude, api error, recovered)\n    exit code 1: Error: too many",
            "docs #1 (claude, quality gate failure)\n    check `make links` failed with exit code 2\n    | line one\n",
            "\nLanding\n2 landed with 2 verifications of the combined tree: 0 red\n",
            "\nAgents\nclaude  4 attempts, 2 accepted, 2m09s at work, 49,380 tokens in",
            "\nWhat next\n`docs` failed.\n",
        ];
        let mut at = 0;
        for part in parts {
            let found = text[at..].find(part);
            assert!(found.is_some(), "{part}\nis not there, or not in its place, in\n{text}");
            at += found.unwrap_or(0);
        }
    }

    #[test]
    fn the_document_has_the_status_and_what_only_a_look_back_tells() {
        let document = of(&samples::ended());
        let value = serde_json::to_value(&document).unwrap();
        assert_eq!((&value["schema"], &value["run"]["id"], &value["summary"]["done"]), (&1.into(), &"r1".into(), &2.into()));
        assert_eq!(value["timeline"].as_array().unwrap().len(), 4);
        assert_eq!(value["critical_path"][0]["tasks"], serde_json::json!(["bucket", "header"]));
        let failures = value["failures"].as_array().unwrap();
        let told: Vec<_> = failures.iter().map(|f| (f["task"].as_str(), f["type"].as_str(), f["recovered"].as_bool())).collect();
        let expected = [("header", "api_error", true), ("docs", "quality_gate_failure", false)];
        assert_eq!(told, expected.map(|(t, k, r)| (Some(t), Some(k), Some(r))));
        assert_eq!(failures[1]["evidence"], serde_json::json!(["line one", "2 links are dead"]));
        assert_eq!(value["verifications"], serde_json::json!({"judged": 2, "known": 0, "red": 0}));
        assert_eq!(value["agents"][0]["attempts"], 4);
    }
}
