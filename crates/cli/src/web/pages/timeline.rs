//! When each attempt ran, was checked and landed, as SVG, a lane for each task; the critical path is marked. Bars are computed where the
//! report's are.

use askama::Template;

use super::text;
use crate::board::{RunBoard, Span};
use crate::report::chart::{Attempt, Fate, Row, rows, ticks};
use crate::web::pieces::Pieces;
use crate::web::view::{Links, segment};
use crate::web::words;

/// More lanes than this tell less: the tasks that took longest are drawn.
const LANES_MAX: usize = 300;

#[derive(Template)]
#[template(path = "lane.html", whitespace = "minimize")]
struct Lane<'a> {
    id: String,
    link: String,
    row: &'a Row,
    told: String,
    spent: String,
    parts: Vec<Part>,
    path: Option<(String, String)>,
}

/// A bar: its classes, where it begins and how long it is, in per cent of the lane's width.
struct Part {
    what: &'static str,
    fate: &'static str,
    x: String,
    width: String,
}

#[derive(Template)]
#[template(path = "timeline_head.html", whitespace = "minimize")]
struct Head {
    words: String,
}

#[derive(Template)]
#[template(path = "axis.html", whitespace = "minimize")]
struct Axis {
    /// Where, and what stands there.
    marks: Vec<(String, String)>,
}

/// Adds it.
pub fn render(pieces: &mut Pieces, links: &Links, run: &RunBoard) {
    pieces.fixed("<h1>Timeline</h1>");
    let attempts: Vec<Attempt> = run.timeline.iter().map(attempt).collect();
    let seconds = whole(run.elapsed.max(attempts.iter().map(|a| a.end).fold(0.0, f64::max)));
    let (rows, hidden) = rows(&attempts, LANES_MAX, seconds);
    pieces.part("timeline-head", text(&Head { words: told(run, hidden) }));
    if rows.is_empty() {
        return;
    }
    pieces.open_list("lanes", "<ol id=\"lanes\" class=\"lanes\" aria-label=\"Tasks over time\">");
    let marks = ticks(seconds).iter().map(|t| (percent(t.x), words::span(&t.seconds))).collect();
    pieces.part("axis", text(&Axis { marks }));
    for row in &rows {
        let id = format!("l-{}-{}", segment(row.key.plan.as_str()), segment(row.key.task.as_str()));
        pieces.part(id.clone(), text(&lane(id, links.task(&row.key), row)));
    }
    pieces.close_list("</ol>");
}

fn attempt(span: &Span) -> Attempt {
    Attempt {
        key: span.key.clone(),
        name: span.name.clone(),
        critical: span.critical,
        number: span.number,
        agent: span.agent.clone(),
        start: span.start,
        exited: span.exited,
        judged: span.judged,
        end: span.end,
        fate: match (span.landed, span.open) {
            (true, _) => Fate::Landed,
            (_, true) => Fate::Open,
            _ => Fate::Lost,
        },
    }
}

fn told(run: &RunBoard, hidden: usize) -> String {
    let s = &run.summary;
    if run.timeline.is_empty() {
        return String::from("No attempt has begun yet.");
    }
    let mut told = words::span(&run.elapsed);
    if run.ticks {
        told.push_str(" so far");
    }
    told.push_str(&format!(
        "; the critical path takes {}; one task at a time would take {}, {:.1} times as long",
        words::span(&s.critical_path_seconds),
        words::span(&s.sequential_seconds),
        s.speedup
    ));
    if hidden > 0 {
        told.push_str(&format!(". {hidden} shorter tasks are not drawn"));
    }
    told
}

fn lane(id: String, link: String, row: &Row) -> Lane<'_> {
    let tries = if row.attempts > 1 { format!("{} attempts, ", row.attempts) } else { String::new() };
    let how = match row.fate {
        Fate::Landed => "landed",
        Fate::Open => "at work",
        Fate::Lost => "failed",
    };
    let path = if row.critical { ", on the critical path" } else { "" };
    let (from, extent) = row.extent();
    let part = |p: &crate::report::chart::Part| Part { what: p.what, fate: p.fate.word(), x: percent(p.x), width: percent(p.width) };
    Lane {
        told: format!("{}: {tries}{how}, from {} for {}{path}", row.name, words::span(&row.start), words::span(&row.seconds)),
        spent: words::span(&row.seconds),
        parts: row.parts.iter().map(part).collect(),
        path: row.critical.then(|| (percent(from), percent(extent))),
        row,
        id,
        link,
    }
}

/// As short as a screen can tell.
fn percent(of: f64) -> String {
    let text = format!("{of:.2}");
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

/// What the whole width stands for, in seconds. It grows in steps, so that a bar which does not change is drawn as before.
fn whole(seconds: f64) -> f64 {
    let steps = [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    let unit = 10_f64.powf(seconds.max(1.0).log10().floor());
    steps.into_iter().find(|s| s * unit >= seconds).unwrap_or(10.0) * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_holds_everything_and_seldom_changes() {
        let seconds: Vec<f64> = [0.0, 1.0, 1.2, 9.0, 11.0, 100.0, 101.0, 7_000.0].into_iter().map(whole).collect();
        assert_eq!(seconds, [1.0, 1.0, 1.5, 10.0, 15.0, 100.0, 150.0, 8_000.0]);
        assert_eq!([0.0, 100.0, 12.346, 0.3].map(percent), ["0%", "100%", "12.35%", "0.3%"]);
    }
}
