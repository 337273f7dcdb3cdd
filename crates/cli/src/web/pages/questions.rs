//! What waits for a person: questions of agents, and tasks that are in somebody's hands.

use askama::Template;

use super::text;
use crate::board::{QuestionRow, RunBoard, TaskRow};
use crate::web::pieces::Pieces;
use crate::web::view::{Links, segment};

#[derive(Template)]
#[template(path = "question.html", whitespace = "minimize")]
struct Question<'a> {
    links: &'a Links,
    run: &'a RunBoard,
    q: &'a QuestionRow,
}

#[derive(Template)]
#[template(path = "hand.html", whitespace = "minimize")]
struct Hand<'a> {
    links: &'a Links,
    run: &'a RunBoard,
    t: &'a TaskRow,
    id: &'a str,
    target: String,
    /// What it says beside where it is.
    said: Option<&'a str>,
}

/// Adds it.
pub fn render(pieces: &mut Pieces, links: &Links, run: &RunBoard) {
    pieces.fixed("<h1>Questions</h1>");
    let hands: Vec<&TaskRow> = run.tasks.iter().filter(|t| t.by_hand).collect();
    let empty = if run.questions.is_empty() && hands.is_empty() { "<p class=\"empty\">Nobody waits for you.</p>" } else { "" };
    pieces.part("no-questions", format!("<div id=\"no-questions\">{empty}</div>"));
    pieces.open_list("questions", "<ul id=\"questions\">");
    run.questions.iter().for_each(|q| pieces.part(format!("q{}", q.number), question(links, run, q)));
    for t in hands {
        let id = format!("d-{}-{}", segment(t.key.plan.as_str()), segment(t.key.task.as_str()));
        pieces.part(id.clone(), hand(links, run, t, &id));
    }
    pieces.close_list("</ul>");
}

/// One question, with the form for its answer.
#[must_use]
pub fn question(links: &Links, run: &RunBoard, q: &QuestionRow) -> String {
    text(&Question { links, run, q })
}

/// One task that is in somebody's hands, with the form that gives it back.
#[must_use]
pub fn hand(links: &Links, run: &RunBoard, t: &TaskRow, id: &str) -> String {
    let seen = t.attempts.last().map_or(0, |a| a.n);
    let target = format!("{seen} {} {}", segment(t.key.plan.as_str()), segment(t.key.task.as_str()));
    let place = t.worktree.as_ref().map(|w| w.display().to_string()).unwrap_or_default();
    let said = t.activity.as_deref().filter(|said| place.is_empty() || !said.contains(&place));
    text(&Hand { links, run, t, id, target, said })
}
