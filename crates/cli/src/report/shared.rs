//! What attempts changed beside their work: of what all worktrees share, and of the files that judge them. Drawn from the status document.

use std::fmt::Write as _;

use greenlane_core::view::{AttemptView, Status};

use super::name_of;
use super::text::{Look, clean, wrapped};

/// So many changes of one attempt are told; `--json` has all.
const CHANGES_MAX: usize = 20;
const LINES_MAX: usize = 4;

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

/// The same of all attempts, each under its name.
pub fn all(doc: &Status, look: Look) -> String {
    let mut out = String::new();
    for task in &doc.tasks {
        for a in &task.attempts {
            let lines = attempt_lines(a, look, 4);
            if !lines.is_empty() {
                let _ = write!(out, "{} #{} ({})\n{lines}", clean(&name_of(doc, task)), a.n, clean(&a.agent));
            }
        }
    }
    out
}
