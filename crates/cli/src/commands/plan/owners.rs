//! Who owns which files, for a terminal. Computes nothing.

use greenlane_core::ids::TaskId;
use greenlane_core::plan::{Ownership, Row};

use super::heading;
use super::text::{LIST_LINES_MAX, push};
use crate::output::{Paint, paint};

/// Most owners of one row that are named.
const OWNERS_MAX: usize = 6;
/// Widest column of files.
const COLUMN_MAX: usize = 48;

/// A line for each glob or file: who owns it, and how many files it is.
pub fn matrix(out: &mut String, ownership: &Ownership, color: bool) {
    if ownership.matrix.is_empty() {
        return;
    }
    let counts = match (ownership.owned, ownership.shared, ownership.files) {
        (_, _, 0) | (None, ..) => String::new(),
        (Some(owned), shared, files) => {
            format!(": {owned} of the repository's {files} files are owned, {} by several tasks", shared.unwrap_or(0))
        }
    };
    push(out, format_args!("\n{}{counts}\n", heading("Owners", color)));
    let rows = || ownership.matrix.iter().take(LIST_LINES_MAX);
    let width = rows().map(|row| row.files.chars().count()).max().unwrap_or(0).min(COLUMN_MAX);
    for row in rows() {
        let line = format!("  {:width$}  {}{}", row.files, owners(&row.tasks), paint(&about(row, ownership.files), Paint::Dim, color));
        push(out, format_args!("{}\n", line.trim_end()));
    }
    if ownership.matrix.len() > LIST_LINES_MAX {
        push(out, format_args!("  and {} more; --json has all\n", ownership.matrix.len() - LIST_LINES_MAX));
    }
}

fn owners(tasks: &[TaskId]) -> String {
    let mut out = tasks.iter().take(OWNERS_MAX).map(TaskId::as_str).collect::<Vec<_>>().join(", ");
    if tasks.len() > OWNERS_MAX {
        out.push_str(&format!(" and {} more", tasks.len() - OWNERS_MAX));
    }
    out
}

fn about(row: &Row, files: usize) -> String {
    let count = match row.matches {
        _ if files == 0 => String::new(),
        Some(0) => String::from(if row.inferred { "new" } else { "no file yet" }),
        Some(1) => String::from("1 file"),
        Some(n) => format!("{n} files"),
        None => String::from("not counted"),
    };
    match (row.inferred, count.is_empty()) {
        (true, true) => String::from("  (inferred)"),
        (true, false) => format!("  (inferred, {count})"),
        (false, true) => String::new(),
        (false, false) => format!("  ({count})"),
    }
}

/// Pairs that meet in inferred files; nothing keeps them apart.
pub fn inferred(out: &mut String, ownership: &Ownership, color: bool) {
    let open: Vec<_> = ownership.inferred_overlaps.iter().filter(|o| !o.ordered).collect();
    if open.is_empty() {
        return;
    }
    let title = "Overlaps by files that the text names: only a warning, `owns` keeps them apart";
    push(out, format_args!("\n{}\n", heading(title, color)));
    for pair in open.iter().take(LIST_LINES_MAX) {
        let files = if pair.first_owns == pair.second_owns {
            pair.first_owns.clone()
        } else {
            format!("{} and {}", pair.first_owns, pair.second_owns)
        };
        push(out, format_args!("  {} and {}  [{files}]\n", pair.first, pair.second));
    }
    if open.len() > LIST_LINES_MAX {
        let more = if ownership.inferred_truncated { "at least " } else { "" };
        push(
            out,
            format_args!("  and {more}{} more; --json lists up to {}\n", open.len() - LIST_LINES_MAX, ownership.inferred_overlaps.len()),
        );
    }
}
