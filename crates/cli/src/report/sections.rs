//! Parts of the report as text that look back on the whole: what landed, what was fixed, what was tried again and waited for, how each
//! type of task went. Drawn from the document of `report --json`.

use std::fmt::Write as _;
use std::time::Duration;

use super::landed::{Fixed, LandedPlan};
use super::retried::{Retries, cause_words};
use super::run_report::RunReport;
use super::summary::usage;
use super::text::{Look, clean, columns, fit, humane, short};
use crate::output::{Paint, paint};

/// So many landings, issues and types are listed; `--json` has all.
const LISTED_MAX: usize = 100;
const ID_WIDTH_MAX: usize = 36;
/// Seconds that are worth telling.
const SECONDS_MIN: f64 = 0.5;

/// Commits, files and lines of each plan's branch.
pub(super) fn landed(all: &[LandedPlan], look: Look) -> String {
    let mut out = String::new();
    for plan in all {
        let commits = plan.commits.len();
        let commits = format!("{commits} {}", if commits == 1 { "commit" } else { "commits" });
        let how_much =
            plan.unknown.as_deref().map_or_else(|| plan.change.words(), |why| format!("files and lines unknown: {}", clean(why)));
        let _ = writeln!(out, "{}: {commits}, {how_much}", clean(&plan.branch));
        let shown = &plan.commits[..plan.commits.len().min(LISTED_MAX)];
        let width = shown.iter().map(|c| columns(&clean(&c.task))).max().unwrap_or(0).min(ID_WIDTH_MAX);
        for one in shown {
            let change = one.change.map(|c| c.words()).unwrap_or_default();
            let line = format!("  {}  {}  {change}", paint(short(&one.commit), Paint::Dim, look.color), fit(&clean(&one.task), width));
            let _ = writeln!(out, "{}", line.trim_end());
        }
        more(&mut out, plan.commits.len());
    }
    out
}

/// What was fixed and what was not, the critical first.
pub(super) fn issues(all: &[Fixed], plans: usize, look: Look) -> String {
    let mut out = String::new();
    for severity in by_severity(all) {
        let of: Vec<&Fixed> = all.iter().filter(|f| f.severity == severity).collect();
        let done = of.iter().filter(|f| f.fixed).count();
        let _ = writeln!(out, "{severity}: {done} of {} fixed", of.len());
        for one in of.iter().take(LISTED_MAX) {
            let (sign, style) = if one.fixed { ("✓", Paint::Green) } else { ("✗", Paint::Red) };
            let commit = one.commit.as_deref().map(|c| format!(" as {}", short(c))).unwrap_or_default();
            let line = format!("{} {} ({}{commit})", paint(sign, style, look.color), clean(&one.issue), clean(&one.task_of(plans)));
            let _ = writeln!(out, "  {line}");
        }
        more(&mut out, of.len());
    }
    out
}

/// The severities that occur, the most urgent first.
pub(super) fn by_severity(all: &[Fixed]) -> Vec<&'static str> {
    let mut seen: Vec<&'static str> = Vec::new();
    for one in all {
        if !seen.contains(&one.severity) {
            seen.push(one.severity);
        }
    }
    seen
}

/// What was tried again, and what tasks waited for.
pub(super) fn retries_and_waits(report: &RunReport) -> String {
    let mut out = String::new();
    out.extend(retries(&report.retries).map(|line| line + "\n"));
    for (cause, waits) in report.waits.iter().filter(|(_, w)| w.seconds >= SECONDS_MIN) {
        let long = humane(Duration::try_from_secs_f64(waits.seconds).unwrap_or_default());
        let times = if waits.times == 1 { "once".to_owned() } else { format!("{} times", waits.times) };
        let _ = writeln!(out, "tasks waited for {} {times}, {long} in all", cause_words(cause));
    }
    out
}

/// `3 attempts after failures (2 api error, 1 timeout), by which 2 of 2 tasks recovered`; `None`: nothing was tried again.
pub(super) fn retries(of: &Retries) -> Option<String> {
    if of.attempts == 0 {
        return None;
    }
    let kinds: Vec<String> = of.by_type.iter().map(|(kind, n)| format!("{n} {}", kind.replace('_', " "))).collect();
    let attempts = if of.attempts == 1 { "attempt" } else { "attempts" };
    let tasks = if of.tasks == 1 { "task" } else { "tasks" };
    let (recovered, all) = (of.recovered, of.tasks);
    Some(format!("{} {attempts} after failures ({}), by which {recovered} of {all} {tasks} recovered", of.attempts, kinds.join(", ")))
}

/// How tasks of each type went.
pub(super) fn types(report: &RunReport) -> String {
    let mut out = String::new();
    let width = report.types.iter().map(|t| columns(&t.kind)).max().unwrap_or(0);
    for one in report.types.iter().take(LISTED_MAX) {
        let tokens = usage(&one.usage).map(|u| format!(", {u}")).unwrap_or_default();
        let attempts = if one.attempts == 1 { "attempt" } else { "attempts" };
        let long = humane(Duration::try_from_secs_f64(one.seconds).unwrap_or_default());
        let kind = fit(&one.kind.replace('_', " "), width);
        let _ = writeln!(out, "{kind}  {} of {} landed in {} {attempts}, {long} at work{tokens}", one.landed, one.tasks, one.attempts);
    }
    out
}

fn more(out: &mut String, all: usize) {
    if all > LISTED_MAX {
        let _ = writeln!(out, "  and {} more (`report --json` has all)", all - LISTED_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::landed::fixed;
    use crate::report::samples;

    #[test]
    fn critical_issues_stand_first_and_tasks_are_named_with_their_plan_where_there_are_several() {
        let task = |id: &str, priority, issues: &str| greenlane_core::plan::Task {
            priority,
            extra: [(String::from("issues_fixed"), issues.to_owned())].into(),
            ..samples::task(id, &[])
        };
        let mut one = samples::Sample::new(vec![samples::plan("p", vec![task("minor", 3, "D-1"), task("urgent", 0, "S-1; S-2")])], &[]);
        one.spawn("p", "urgent");
        one.wait_secs(1).accept("p", "urgent");
        one.land("p");
        let look = Look { width: 100, color: false };
        let commit = samples::commit("merge-urgent").to_string();
        let commit = short(&commit);
        let expected = format!(
            "critical: 2 of 2 fixed\n  ✓ S-1 (urgent as {commit})\n  ✓ S-2 (urgent as {commit})\nminor: 0 of 1 fixed\n  ✗ D-1 (minor)\n"
        );
        assert_eq!(issues(&fixed(&one.state), one.state.plans.len(), look), expected);
        one.add(samples::plan("q", vec![task("urgent", 0, "S-1")]));
        let text = issues(&fixed(&one.state), one.state.plans.len(), look);
        assert!(text.contains("✓ S-1 (p/urgent as ") && text.contains("✗ S-1 (q/urgent)"), "{text}");
    }
}
