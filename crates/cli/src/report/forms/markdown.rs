//! The report as Markdown, fit for the text of a pull request: what landed first, what did not and why, the rest folded away.
//! What plans and agents wrote cannot break the layout, mention anybody or refer to another's issue.

use std::fmt::Write as _;
use std::time::Duration;

use greenlane_core::view::TaskView;

use super::seconds;
use crate::report::run_report::{FailedAttempt, RunReport};
use crate::report::surroundings::Surroundings;
use crate::report::text::{Look, clean, short};
use crate::report::timeline::gantt;
use crate::report::{advice, name_of, sections, state_words, summary};

/// A pull request's text ends at 65,536 characters: this leaves room for what a person adds.
const BYTES_MAX: usize = 60_000;
/// So many rows of a table are written.
const ROWS_MAX: usize = 200;
const FAILURES_MAX: usize = 30;
/// Columns of pictures: what a page shows without a scroll bar.
const LOOK: Look = Look { width: 100, color: false };

/// The whole text.
#[must_use]
pub fn markdown(report: &RunReport, around: &Surroundings) -> String {
    let doc = &report.status;
    let s = &doc.summary;
    let mut out = format!("## {} of {} tasks landed\n\n", s.done, s.total);
    let suites: Vec<String> = doc.plans.iter().flat_map(|p| &p.verify).map(|c| code(c)).collect();
    let verified = match (s.done, s.verified, suites.is_empty()) {
        (0, ..) => "nothing landed".to_owned(),
        (_, _, true) => "**not verified**: there is no test suite".to_owned(),
        (_, true, false) => format!("verified by {} on the combined tree", suites.join(", ")),
        (_, false, false) => "**not all of it verified**".to_owned(),
    };
    let state = if doc.run.state == "finished" { String::new() } else { format!(" ({})", doc.run.state) };
    let _ = writeln!(out, "Run {}{state}: {verified}.", code(doc.run.id.as_str()));
    let _ = writeln!(out, "{}", summary::times(s));
    if let Some(usage) = summary::usage(&s.usage) {
        let _ = writeln!(out, "{usage}");
    }
    landed(&mut out, report);
    issues(&mut out, report);
    not_landed(&mut out, report);
    failures(&mut out, report);
    let elapsed = Duration::try_from_secs_f64(s.elapsed_seconds).unwrap_or_default();
    folded(&mut out, "Timeline", &gantt(&report.timeline, doc.plans.len(), elapsed, LOOK));
    tables(&mut out, report);
    folded(&mut out, "Lessons from earlier failures", &crate::report::learned::learned(&report.lessons, LOOK));
    folded(&mut out, "What next", advice(doc, around, LOOK).trim_start_matches('\n'));
    cut(out)
}

fn landed(out: &mut String, report: &RunReport) {
    for plan in &report.landed {
        let how_much = plan.unknown.as_deref().map_or_else(|| plan.change.words(), |_| String::from("files and lines unknown"));
        let _ =
            writeln!(out, "\n### {} ({how_much})\n\n| task | what | commit | files | lines |\n|---|---|---|--:|--:|", code(&plan.branch));
        for one in plan.commits.iter().take(ROWS_MAX) {
            let (files, lines) = match one.change {
                Some(c) => (c.files.to_string(), format!("+{} −{}", c.lines_added, c.lines_removed)),
                None => (String::new(), String::new()),
            };
            let _ = writeln!(out, "| {} | {} | {} | {files} | {lines} |", code(&one.task), plain(&one.title), code(short(&one.commit)));
        }
        more(out, plan.commits.len());
    }
}

fn issues(out: &mut String, report: &RunReport) {
    if report.issues.is_empty() {
        return;
    }
    out.push_str("\n### What was fixed\n\n| | priority | issue | task | commit |\n|---|---|---|---|---|\n");
    for one in report.issues.iter().take(ROWS_MAX) {
        let sign = if one.fixed { "✅" } else { "❌" };
        let commit = one.commit.as_deref().map(|c| code(short(c))).unwrap_or_default();
        let _ = writeln!(
            out,
            "| {sign} | {} | {} | {} | {commit} |",
            one.severity,
            plain(&one.issue),
            code(&one.task_of(report.status.plans.len()))
        );
    }
    more(out, report.issues.len());
}

fn not_landed(out: &mut String, report: &RunReport) {
    let doc = &report.status;
    let open: Vec<&TaskView> = doc.tasks.iter().filter(|t| t.state != "done").collect();
    if open.is_empty() {
        return;
    }
    out.push_str("\n### What did not land\n\n| task | state | why |\n|---|---|---|\n");
    for task in open.iter().take(ROWS_MAX) {
        let why = plain(task.reason.as_deref().unwrap_or(&task.title));
        let _ = writeln!(out, "| {} | {} | {why} |", code(&name_of(doc, task)), state_words(&task.state));
    }
    more(out, open.len());
}

fn failures(out: &mut String, report: &RunReport) {
    let mut text = String::new();
    report.failures.iter().take(FAILURES_MAX).for_each(|f| text.push_str(&failure(f)));
    if report.failures.len() > FAILURES_MAX {
        let _ = writeln!(text, "and {} more", report.failures.len() - FAILURES_MAX);
    }
    folded(out, &format!("Failed attempts ({})", report.failures.len()), &text);
}

fn failure(f: &FailedAttempt) -> String {
    let kind = f.kind.as_deref().map_or_else(|| String::from("needs a human"), |k| k.replace('_', " "));
    let after = if f.recovered { ", recovered" } else { "" };
    let mut text =
        format!("{} #{} ({}, {kind}{after})\n    {}\n", clean(&f.task), f.number.unwrap_or(f.attempt), clean(&f.agent), clean(&f.message));
    for line in &f.evidence {
        let _ = writeln!(text, "    | {}", clean(line));
    }
    text
}

fn tables(out: &mut String, report: &RunReport) {
    if !report.agents.is_empty() {
        out.push_str("\n| agent | attempts | accepted | at work | tokens in | tokens out | cost |\n|---|--:|--:|--:|--:|--:|--:|\n");
        for a in report.agents.iter().take(ROWS_MAX) {
            let u = usage(&a.usage);
            let _ = writeln!(out, "| {} | {} | {} | {} | {u} |", code(&a.agent), a.attempts, a.succeeded, seconds(a.seconds));
        }
    }
    if !report.types.is_empty() {
        out.push_str(
            "\n| type | tasks | landed | attempts | at work | tokens in | tokens out | cost |\n|---|--:|--:|--:|--:|--:|--:|--:|\n",
        );
        for t in report.types.iter().take(ROWS_MAX) {
            let (kind, u) = (t.kind.replace('_', " "), usage(&t.usage));
            let _ = writeln!(out, "| {kind} | {} | {} | {} | {} | {u} |", t.tasks, t.landed, t.attempts, seconds(t.seconds));
        }
    }
    let again = sections::retries_and_waits(report);
    if !again.is_empty() {
        out.push('\n');
        for line in again.lines() {
            let _ = writeln!(out, "- {}", plain(line));
        }
    }
}

fn usage(u: &greenlane_core::view::UsageView) -> String {
    let cost = u.cost_usd.map(|c| format!("${c:.2}")).unwrap_or_default();
    format!("{} | {} | {cost}", u.input_tokens, u.output_tokens)
}

fn more(out: &mut String, all: usize) {
    if all > ROWS_MAX {
        let _ = writeln!(out, "\nand {} more", all - ROWS_MAX);
    }
}

/// A picture or a listing that opens at a click; nothing where it is empty.
fn folded(out: &mut String, title: &str, text: &str) {
    if !text.is_empty() {
        let fence = fence(text);
        let _ = writeln!(out, "\n<details><summary>{title}</summary>\n\n{fence}text\n{}\n{fence}\n\n</details>", text.trim_end());
    }
}

/// Longer than any in the text.
fn fence(text: &str) -> String {
    let mut longest = 0;
    for run in text.split(|c| c != '`') {
        longest = longest.max(run.len());
    }
    "`".repeat(longest.max(2) + 1)
}

/// A name in a code span; one with backticks in it is fenced with more of them.
fn code(text: &str) -> String {
    // In a table a bar ends the cell, even in code.
    let text = clean(text).replace('|', "\\|");
    let fence = "`".repeat(text.split(|c| c != '`').map(str::len).max().unwrap_or(0) + 1);
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    if text.trim().is_empty() { String::new() } else { format!("{fence}{space}{text}{space}{fence}") }
}

/// Words that mean nothing to Markdown. What would call somebody or name an issue is taken apart by a character without width.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in clean(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '!' | '$' => {
                out.push('\\');
                out.push(c);
            }
            '@' | '#' => {
                out.push(c);
                out.push('\u{200b}');
            }
            _ => out.push(c),
        }
    }
    out
}

fn cut(mut out: String) -> String {
    if out.len() > BYTES_MAX {
        let end = (0..=BYTES_MAX).rev().find(|at| out.is_char_boundary(*at)).unwrap_or(0);
        let end = out[..end].rfind('\n').unwrap_or(end);
        out.truncate(end);
        // An opened fold or fence would swallow what a person writes below.
        let open_fence = out.lines().filter(|l| l.starts_with("```")).count() % 2 == 1;
        out.push_str(if open_fence { "\n```\n" } else { "\n" });
        if out.matches("<details>").count() > out.matches("</details>").count() {
            out.push_str("\n</details>\n");
        }
        out.push_str("\nThe rest is left out; `greenlane report --html` has all of it.\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn a_pull_request_begins_with_what_landed_and_ends_with_what_to_do() {
        let text = markdown(&samples::of(&crate::report::samples::ended()), &Surroundings::default());
        let parts = [
            "## 2 of 4 tasks landed\n\nRun `r1`: verified by `cargo test` on the combined tree.\n3m24s; one at a time",
            "### `greenlane/r1/plan/limits` (3 files, +120 -4)\n\n| task | what | commit | files | lines |\n|---|---|---|--:|--:|\n| `bucket` | Do bucket | `6d6572676",
            "### What did not land\n\n| task | state | why |\n|---|---|---|\n| `docs` | failed | check \\`make links\\` failed with exit code 2 |\n| `guide` | skipped |",
            "<details><summary>Failed attempts (2)</summary>\n\n```text\nheader #1 (claude, api error, recovered)",
            "<summary>Timeline</summary>\n\n```text\na column is",
            "| `claude` | 4 | 2 | 2m09s | 49380 | 2712 | $2.00 |",
            "- 1 attempt after failures (1 api error), by which 1 of 1 task recovered\n",
            "<summary>What next</summary>",
        ];
        let mut at = 0;
        for part in parts {
            let found = text[at..].find(part);
            assert!(found.is_some(), "{part}\nis not there, or not in its place, in\n{text}");
            at += found.unwrap_or(0);
        }
    }

    #[test]
    fn what_others_wrote_stays_text() {
        let text = markdown(&samples::hostile(), &Surroundings::default());
        let (mut outside, mut fence) = (String::new(), None);
        for line in text.lines() {
            let ticks = line.len() - line.trim_start_matches('`').len();
            match fence {
                None if ticks >= 3 => fence = Some(ticks),
                Some(open) if ticks >= open && ticks == line.len() => fence = None,
                None => outside += &format!("{line}\n"),
                Some(_) => {}
            }
        }
        assert_eq!(fence, None, "{text}");
        assert!(!outside.contains("<script") && !outside.contains("<img"), "{outside}");
        assert!(!outside.contains("@everyone") && !outside.contains('\u{1b}'), "{outside}");
        assert!(outside.contains("@\u{200b}everyone"), "{outside}");
        assert_eq!(code("a`b|c"), "``a`b\\|c``");
    }

    #[test]
    fn a_long_one_ends_in_order() {
        let mut report = samples::of(&crate::report::samples::ended());
        let one = report.failures[0].clone();
        report.failures = vec![one; 500];
        report.failures.iter_mut().for_each(|f| f.evidence = vec!["x".repeat(200); 20]);
        let text = markdown(&report, &Surroundings::default());
        assert!(text.len() < 65_536 && text.contains("The rest is left out"), "{} bytes", text.len());
        assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
        assert_eq!(text.lines().filter(|l| l.starts_with("```")).count() % 2, 0);
    }
}
