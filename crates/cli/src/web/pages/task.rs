//! One task: where it is, its attempts; of one of them its health, why it failed, prompt, gate output, log.

use askama::Template;
use greenlane_core::ids::TaskKey;

use super::tasks::{Button, buttons, ticking};
use super::{attempts, filters, questions, text};
use crate::board::detail::{Paper, TaskDetail};
use crate::board::{AttemptRow, Board, HealthRow, PlanRow, RunBoard, TaskRow};
use crate::web::pieces::Pieces;
use crate::web::place::Place;
use crate::web::view::{Links, segment};
use crate::web::words;

#[derive(Template)]
#[template(path = "task_head.html", whitespace = "minimize")]
struct Head<'a> {
    links: &'a Links,
    plan: Option<&'a PlanRow>,
    t: &'a TaskRow,
    time: String,
    tokens: String,
    cost: String,
    buttons: Vec<Button>,
    fresh: Option<String>,
    kill: Option<String>,
}

#[derive(Template)]
#[template(path = "attempt.html", whitespace = "minimize")]
struct Attempt<'a> {
    a: &'a AttemptRow,
    health: Option<&'a HealthRow>,
}

#[derive(Template)]
#[template(path = "papers.html", whitespace = "minimize")]
struct Papers<'a> {
    diff: String,
    raw: String,
    err: String,
    prompt: &'a [String],
    gate: &'a [Paper],
}

#[derive(Template)]
#[template(path = "log.html", whitespace = "minimize")]
struct Log<'a> {
    number: u32,
    source: String,
    offset: u64,
    cut: bool,
    lines: &'a [String],
}

/// So many lines of the end of a log stand on the page; all of it is a click away.
const LOG_LINES_MAX: usize = 400;

/// Adds it.
pub fn render(pieces: &mut Pieces, links: &Links, place: &Place, board: &Board, key: &TaskKey, number: Option<u32>) {
    let Some(run) = &board.run else { return };
    let Some(detail) = TaskDetail::of(run, key, number) else {
        pieces.fixed("<h1>There is no such task in this run</h1>");
        return;
    };
    let task = &detail.task;
    pieces.part("task-head", head(links, board, run, task));
    let mut asks = detail.question.iter().map(|q| questions::question(links, run, q)).collect::<String>();
    if task.by_hand {
        asks.push_str(&questions::hand(links, run, task, "hand"));
    }
    let list = if asks.is_empty() { String::new() } else { format!("<ul>{asks}</ul>") };
    pieces.part("asks", format!("<div id=\"asks\">{list}</div>"));
    let current = detail.attempt.as_ref().map(|a| &a.number);
    pieces.part("attempts", attempts::table(links, place, task, current));
    let Some(attempt) = &detail.attempt else { return };
    pieces.part("attempt", text(&Attempt { a: attempt, health: detail.health.as_ref() }));
    let of = |what: &str, more: &str| links.attempt(key, attempt.number, what, more);
    let papers =
        Papers { diff: of("/diff", ""), raw: of("/log", ""), err: of("/log", "of=stderr"), prompt: &detail.prompt, gate: &detail.gate };
    pieces.part("papers", text(&papers));
    // The script reads on by itself: what stands here is what a page begins with, and no news of the view.
    let from = detail.log.len().saturating_sub(LOG_LINES_MAX);
    let log =
        Log { number: attempt.number, source: of("/log", "read=on"), offset: detail.log_offset, cut: from > 0, lines: &detail.log[from..] };
    pieces.quiet(text(&log));
}

fn head(links: &Links, board: &Board, run: &RunBoard, task: &TaskRow) -> String {
    let seen = task.attempts.last().map_or(0, |a| a.n);
    let value = |what: &str| format!("{what} {seen} {} {}", segment(task.key.plan.as_str()), segment(task.key.task.as_str()));
    text(&Head {
        links,
        plan: run.plan_of(task),
        t: task,
        time: if task.seconds > 0.0 { ticking(board, task.seconds, task.ticks) } else { String::from("–") },
        tokens: words::tokens(&task.usage),
        cost: words::cost(&task.usage),
        buttons: buttons(run, task),
        fresh: (task.went_wrong() && task.state != "skipped").then(|| value("retry-fresh")),
        kill: (run.alive && task.state == "running").then(|| value("kill")),
    })
}
