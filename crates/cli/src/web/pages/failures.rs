//! Attempts that failed, with what tells most about them, and what goes wrong in this repository again and again.

use askama::Template;

use super::{filters, text};
use crate::board::{FailureRow, LessonRow, RunBoard};
use crate::web::pieces::Pieces;
use crate::web::view::{Links, segment};

#[derive(Template)]
#[template(path = "failures.html", whitespace = "minimize")]
struct Failure<'a> {
    f: &'a FailureRow,
    id: &'a str,
    link: String,
}

#[derive(Template)]
#[template(path = "lessons.html", whitespace = "minimize")]
struct Lessons<'a> {
    lessons: &'a [LessonRow],
}

/// Adds them.
pub fn render(pieces: &mut Pieces, links: &Links, run: &RunBoard) {
    pieces.fixed("<h1>Failures</h1>");
    let empty = if run.failures.is_empty() { "<p class=\"empty\">No attempt has failed.</p>" } else { "" };
    pieces.part("no-failures", format!("<div id=\"no-failures\">{empty}</div>"));
    pieces.open_list("failures", "<ul id=\"failures\">");
    for f in &run.failures {
        let number = f.number.unwrap_or(0);
        let id = format!("f-{}-{}-{number}", segment(f.key.plan.as_str()), segment(f.key.task.as_str()));
        let link = f.number.map_or_else(|| links.task(&f.key), |n| links.attempt(&f.key, n, "", ""));
        pieces.part(id.clone(), text(&Failure { f, id: &id, link }));
    }
    pieces.close_list("</ul><section aria-labelledby=\"lessons-title\"><h2 id=\"lessons-title\">What goes wrong in this repository</h2>");
    pieces.part("lessons", text(&Lessons { lessons: &run.lessons }));
    pieces.fixed("</section>");
}
