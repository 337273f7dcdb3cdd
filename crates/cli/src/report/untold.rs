//! What trackers could not be told, as text.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use greenlane_core::tracker::{TrackerKind, Untold, Word};
use greenlane_core::view::Status;

use super::text::{Look, clean, columns, fit, short, wrapped};
use crate::output::{Paint, paint};

/// So many are listed at the end of a run; `greenlane tracker` lists all.
const SHOWN_MAX: usize = 10;
const ID_WIDTH_MAX: usize = 40;
const LINES_MAX: usize = 4;

/// The end of a run, of a status or of a report: nothing, if all was told.
#[must_use]
pub fn untold_in_short(doc: &Status, look: Look) -> String {
    if doc.untold.is_empty() {
        return String::new();
    }
    let trackers: BTreeSet<&str> = doc.untold.iter().map(|u| u.letter.item.tracker.label()).collect();
    let who = trackers.into_iter().collect::<Vec<_>>().join(" and ");
    let all_given_up = doc.untold.iter().all(|u| u.given_up);
    let how = if all_given_up {
        "see to what each says, then `greenlane tracker sync`; `greenlane tracker forget` leaves it at that"
    } else {
        "the next run tells it, or `greenlane tracker sync`"
    };
    let head = format!("{who} was not told everything ({how}):");
    let mut out = String::from("\n");
    for line in wrapped(&head, look.width, LINES_MAX) {
        let _ = writeln!(out, "{}", paint(&line, Paint::Yellow, look.color));
    }
    out.push_str(&untold_lines(&doc.untold[..doc.untold.len().min(SHOWN_MAX)], look));
    if doc.untold.len() > SHOWN_MAX {
        let _ = writeln!(out, "… and {} more; `greenlane tracker` lists them", doc.untold.len() - SHOWN_MAX);
    }
    out
}

/// One after another.
#[must_use]
pub fn untold_lines(all: &[Untold], look: Look) -> String {
    let width = all.iter().map(|u| columns(&clean(&u.letter.item.id))).max().unwrap_or(0).min(ID_WIDTH_MAX);
    let mut out = String::new();
    for untold in all {
        let item = &untold.letter.item;
        let what = match &untold.letter.word {
            Word::InHand { .. } => String::from("is being worked on"),
            Word::Landed { commit, branch, .. } => format!("landed as {} on {branch}", short(commit.as_str())),
            Word::GivenUp { how, .. } if item.tracker == TrackerKind::Plan => String::from(how.words()),
            Word::GivenUp { how, .. } => format!("{}; it is to be given back", how.words()),
            Word::PlanEnded { done: true } => String::from("the plan is done"),
            Word::PlanEnded { done: false } => String::from("the plan has ended, and is not done"),
        };
        let why = match (&untold.problem, untold.tries) {
            (None, _) => String::from("not tried yet"),
            (Some(why), 0 | 1) => why.clone(),
            (Some(why), n) => format!("{why} (tried {n} times)"),
        };
        let text = format!("{}: {what}: {why}", item.tracker.as_str());
        let indent = 2 + width + 2;
        let mut lines = wrapped(&clean(&text), look.width.saturating_sub(indent).max(20), LINES_MAX).into_iter();
        let _ = writeln!(out, "  {}  {}", fit(&clean(&item.id), width), lines.next().unwrap_or_default());
        for line in lines {
            let _ = writeln!(out, "{}{line}", " ".repeat(indent));
        }
    }
    out
}
