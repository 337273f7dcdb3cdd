//! The bar at the top: where one is, the views, what can be done to the run; and below it, what is wrong with it.

use askama::Template;

use super::{filters, text};
use crate::board::Board;
use crate::web::pieces::Pieces;
use crate::web::view::{Filter, Links, View};

#[derive(Template)]
#[template(path = "bar.html", whitespace = "minimize")]
struct Bar<'a> {
    board: &'a Board,
    links: &'a Links,
    tabs: [Tab; 6],
}

struct Tab {
    name: &'static str,
    key: &'static str,
    href: String,
    current: bool,
    count: usize,
    tone: &'static str,
}

#[derive(Template)]
#[template(path = "trouble.html", whitespace = "minimize")]
struct Trouble<'a> {
    board: &'a Board,
}

/// Adds the bar.
pub fn render(pieces: &mut Pieces, links: &Links, board: &Board, view: Option<&View>) {
    let (failures, sick, questions) = board.run.as_ref().map_or((0, 0, 0), |run| {
        let failures = run.summary.failed + run.summary.needs_human;
        let sick = run.health.iter().filter(|h| h.status != greenlane_core::health::HealthStatus::Healthy).count();
        (failures, sick, run.questions.len() + run.tasks.iter().filter(|t| t.by_hand).count())
    });
    let tab = |name, key, path, current, count, tone| {
        // All runs are of no run.
        let links = if path == "runs" { links.of_run(None) } else { links.clone() };
        Tab { name, key, href: links.page(path, ""), current, count, tone }
    };
    let tabs = [
        tab("Tasks", "t", "", matches!(view, Some(View::Tasks(Filter { .. }))), 0, ""),
        tab("Timeline", "l", "timeline", view == Some(&View::Timeline), 0, ""),
        tab("Failures", "f", "failures", view == Some(&View::Failures), failures, "bad"),
        tab("Health", "h", "health", view == Some(&View::Health), sick, "odd"),
        tab("Questions", "q", "questions", view == Some(&View::Questions), questions, "odd"),
        tab("Runs", "r", "runs", view == Some(&View::Runs), 0, ""),
    ];
    pieces.part("bar", text(&Bar { board, links, tabs }));
}

/// Adds what is wrong.
pub fn trouble(pieces: &mut Pieces, board: &Board) {
    pieces.part("trouble", text(&Trouble { board }));
}
