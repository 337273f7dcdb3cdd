//! A task's attempts beside each other: who, how it ended, what it took, what it changed, what checks said. What each changed is asked of
//! git once, and kept.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use askama::Template;
use greenlane_core::ids::TaskKey;
use greenlane_runtime::git::Repo;

use super::{filters, text};
use crate::board::diff::Diff;
use crate::board::{AttemptRow, Checked, TaskRow};
use crate::web::place::Place;
use crate::web::view::Links;

/// Attempts of which it is remembered what they changed.
const CHANGES_MAX: usize = 2_000;

/// An attempt, and what is known of its work.
pub struct Row<'a> {
    /// The attempt.
    pub a: &'a AttemptRow,
    /// What it changed.
    pub changes: Changes,
    /// What checks said, in words.
    pub checks: String,
    /// They passed, or did not.
    pub tone: &'static str,
}

/// What an attempt changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changes {
    /// It is at work.
    Open,
    /// Files, lines that came, lines that went.
    Known(usize, usize, usize),
    /// Why that is not known.
    Unknown(String),
}

/// What attempts changed that are over.
#[derive(Default)]
pub struct Known(Mutex<BTreeMap<(PathBuf, String), Changes>>);

#[derive(Template)]
#[template(path = "attempts.html", whitespace = "minimize")]
struct Attempts<'a> {
    links: &'a Links,
    key: &'a TaskKey,
    rows: Vec<Row<'a>>,
    current: Option<&'a u32>,
    compare: Option<String>,
}

/// The table. `current`: the attempt that the page is about.
#[must_use]
pub fn table(links: &Links, place: &Place, task: &TaskRow, current: Option<&u32>) -> String {
    let compare = (task.attempts.len() > 1).then(|| links.compare(&task.key, ""));
    let mut rows = rows(place, task);
    rows.reverse();
    text(&Attempts { links, key: &task.key, rows, current, compare })
}

/// All attempts, the first first.
#[must_use]
pub fn rows<'a>(place: &Place, task: &'a TaskRow) -> Vec<Row<'a>> {
    let mut repo = None;
    let row = |a: &'a AttemptRow| {
        let (checks, tone) = checks(a.checked.as_ref());
        Row { changes: changes(place, &mut repo, task, a), checks, tone, a }
    };
    task.attempts.iter().map(row).collect()
}

fn changes(place: &Place, repo: &mut Option<Repo>, task: &TaskRow, a: &AttemptRow) -> Changes {
    if a.under_way {
        return Changes::Open;
    }
    // What a task does next can move its newest attempt's work from a worktree into a commit.
    let key = (a.dir.clone(), format!("{} {}", task.state, task.attempts.len()));
    if let Some(known) = place.changes.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return known.clone();
    }
    if repo.is_none() {
        *repo = place.session().ok().map(|session| session.repo);
    }
    let Some(repo) = repo else { return Changes::Unknown(String::from("the repository cannot be read")) };
    let changes = match Diff::of(repo, task, a) {
        Ok(diff) => {
            let (added, removed) = diff.counts();
            Changes::Known(diff.files.len(), added, removed)
        }
        Err(why) => Changes::Unknown(why),
    };
    let mut known = place.changes.0.lock().unwrap_or_else(PoisonError::into_inner);
    if known.len() >= CHANGES_MAX {
        known.clear();
    }
    known.insert(key, changes.clone());
    changes
}

/// In words, and their tone.
fn checks(checked: Option<&Checked>) -> (String, &'static str) {
    let Some(Checked { passed, failed, suite }) = checked else { return (String::from("not run"), "dim") };
    let mut words = Vec::new();
    if *passed > 0 {
        words.push(format!("{passed} passed"));
    }
    words.extend(failed.as_ref().map(|f| format!("failed: {f}")));
    words.extend(suite.map(|green| String::from(if green { "suite green" } else { "suite red" })));
    let tone = if failed.is_some() || *suite == Some(false) { "bad" } else { "good" };
    if words.is_empty() { (String::from("none"), "dim") } else { (words.join(", "), tone) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_told_in_a_few_words() {
        let told = |passed, failed: Option<&str>, suite| checks(Some(&Checked { passed, failed: failed.map(str::to_owned), suite }));
        assert_eq!(told(2, None, Some(true)), ("2 passed, suite green".into(), "good"));
        assert_eq!(told(1, Some("make, exit code 2"), None), ("1 passed, failed: make, exit code 2".into(), "bad"));
        assert_eq!(told(0, None, Some(false)), ("suite red".into(), "bad"));
        assert_eq!(told(0, None, None), ("none".into(), "dim"));
        assert_eq!(checks(None), ("not run".into(), "dim"));
    }
}
