//! What attempts changed beside their work: of what all worktrees share, and of the files that judge them. Drawn from the status document.

use std::fmt::Write as _;

use greenlane_core::view::{AttemptView, Status};

use super::name_of;
use super::text::{Look, clean, wrapped};

/// So many changes of one attempt are told; `--json` has all.
const CHANGES_MAX: usize = 20;
/// A command that leads back is no use when it is cut: as many lines as paths and refs can need on a narrow terminal.
const LINES_MAX: usize = 40;
/// So many files, and things that were left changed, are named in one line.
const NAMED_MAX: usize = 5;

/// The lines of one attempt, indented by so much; nothing, if it changed nothing beside its work.
pub fn attempt_lines(a: &AttemptView, look: Look, indent: usize) -> String {
    let mut lines: Vec<String> = a.shared.iter().take(CHANGES_MAX).map(|c| format!("! {}", clean(&c.line()))).collect();
    if a.shared.len() > CHANGES_MAX {
        lines.push(format!("! and {} more changes (`--json` has all)", a.shared.len() - CHANGES_MAX));
    }
    if !a.suite_files.is_empty() {
        let files: Vec<String> = a.suite_files.iter().map(|f| clean(f)).collect();
        lines.push(format!("! changed files that judge it, without owning them: {}", files.join(", ")));
    }
    let mut out = String::new();
    for line in lines.iter().flat_map(|l| wrapped(l, look.width.saturating_sub(indent), LINES_MAX)) {
        let _ = writeln!(out, "{:indent$}{line}", "");
    }
    out
}

/// Names of files for one line.
#[must_use]
pub fn suite_files(files: &[String]) -> String {
    named(&files.iter().map(|f| clean(f)).collect::<Vec<_>>())
}

fn named(all: &[String]) -> String {
    let more = all.len().saturating_sub(NAMED_MAX);
    let shown = all.iter().take(NAMED_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

/// What the end of a run says of it: how much was put back, what was not, and whose tests are not what they were.
#[must_use]
pub fn in_short(doc: &Status, look: Look) -> String {
    let attempts = || doc.tasks.iter().flat_map(|t| t.attempts.iter().map(move |a| (t, a)));
    let (restored, left): (Vec<_>, Vec<_>) = attempts().flat_map(|(_, a)| &a.shared).filter(|c| c.is_notable()).partition(|c| c.restored);
    let mut lines = Vec::new();
    if !restored.is_empty() || !left.is_empty() {
        let things = |n: usize| if n == 1 { String::from("1 thing was") } else { format!("{n} things were") };
        let names: Vec<String> = left.iter().map(|c| format!("{} {}", c.what.as_str(), clean(&c.name))).collect();
        let not = match names.len() {
            0 => String::new(),
            n => format!(", {n} {} not: {}", if n == 1 { "was" } else { "were" }, named(&names)),
        };
        lines.push(format!("! Beside the work: {} put back{not}; `greenlane report` has the commands", things(restored.len())));
    }
    for (task, a) in attempts().filter(|(t, a)| !a.suite_files.is_empty() && t.landed.is_some()) {
        let (name, files) = (clean(&name_of(doc, task)), suite_files(&a.suite_files));
        lines.push(format!("! {name} changed files of the suite that it does not own: {files}"));
    }
    let rows = lines.iter().flat_map(|l| wrapped(l, look.width, LINES_MAX));
    rows.fold(String::new(), |all, row| all + &row + "\n")
}

/// The same of all attempts, each under its name.
pub fn all(doc: &Status, look: Look) -> String {
    let mut out = String::new();
    for task in &doc.tasks {
        for a in &task.attempts {
            let lines = attempt_lines(a, look, 4);
            if !lines.is_empty() {
                let _ = write!(out, "{} #{} ({})\n{lines}", clean(&name_of(doc, task)), a.number.unwrap_or(a.n), clean(&a.agent));
            }
        }
    }
    out
}
