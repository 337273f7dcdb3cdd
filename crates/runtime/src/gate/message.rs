//! The messages of Greenlane's own commits, with the trailers that name run and task.

use greenlane_core::ids::{RunId, TaskKey};

const SUBJECT_CHARS_MAX: usize = 200;

/// The message of a commit that holds what an agent left uncommitted.
#[must_use]
pub fn commit_message(title: &str, run: &RunId, key: &TaskKey) -> String {
    with_trailers(&one_line(title), run, key)
}

/// The message of the merge that lands a task.
#[must_use]
pub fn landing_message(title: &str, run: &RunId, key: &TaskKey) -> String {
    with_trailers(&format!("Land {}", one_line(title)), run, key)
}

fn with_trailers(subject: &str, run: &RunId, key: &TaskKey) -> String {
    format!("{subject}\n\nGreenlane-Run: {}\nGreenlane-Task: {}\n", one_line(run.as_str()), one_line(&key.to_string()))
}

/// One line without control characters: a title comes from a file that anybody may have written.
fn one_line(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SUBJECT_CHARS_MAX).collect();
    let clean = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    if clean.is_empty() { String::from("Untitled") } else { clean }
}
