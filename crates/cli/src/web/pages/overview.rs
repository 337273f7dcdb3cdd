//! All repositories that are served, where there are several.

use std::sync::Arc;

use askama::Template;

use super::{filters, text};
use crate::board::Board;
use crate::web::view::Links;
use crate::web::words;

#[derive(Template)]
#[template(path = "overview.html", whitespace = "minimize")]
struct Overview {
    rows: Vec<Row>,
}

struct Row {
    name: String,
    path: String,
    href: String,
    state: String,
    ran: bool,
    done: usize,
    total: usize,
    running: usize,
    wrong: usize,
    questions: usize,
    seconds: f64,
    cost: String,
}

/// The page's body.
#[must_use]
pub fn body(boards: &[(&str, Arc<Board>)]) -> String {
    let row = |(slug, board): &(&str, Arc<Board>)| {
        let run = board.run.as_ref();
        let s = run.map(|r| r.summary.clone()).unwrap_or_default();
        Row {
            name: board.repository.name.clone(),
            path: board.repository.path.clone(),
            href: Links::new(slug, None).tasks(),
            state: run.map_or_else(|| String::from("nothing ran"), |r| r.state.clone()),
            ran: run.is_some(),
            done: s.done,
            total: s.total,
            running: s.running,
            wrong: s.failed + s.needs_human,
            questions: run.map_or(0, |r| r.questions.len() + r.tasks.iter().filter(|t| t.by_hand).count()),
            seconds: run.map_or(0.0, |r| r.elapsed),
            cost: run.map(|r| words::cost(&r.usage)).unwrap_or_default(),
        }
    };
    text(&Overview { rows: boards.iter().map(row).collect() })
}
