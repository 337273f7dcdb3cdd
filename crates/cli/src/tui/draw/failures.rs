//! The view of what went wrong: attempts that failed, the newest first, and what goes wrong here again and again; below, the selected
//! one in full.

use greenlane_core::time::Time;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::model::Model;
use super::super::rows::begin;
use super::line::{Row, rule};
use super::texts;
use crate::board::{FailureRow, LessonRow};
use crate::output::Paint;
use crate::report::{columns, humane, wrapped};

enum Listed {
    Heading(&'static str),
    Failure(usize),
    Lesson(usize),
    Nothing(&'static str),
}

pub(super) fn draw(buffer: &mut Buffer, area: Rect, model: &mut Model, now: Time) {
    let theme = model.theme;
    let Some(run) = model.run() else { return };
    let mut rows = vec![Listed::Heading("Failed attempts of this run, the newest first")];
    rows.extend((0..run.failures.len()).map(Listed::Failure));
    if run.failures.is_empty() {
        let is_red = run.plans.iter().any(|p| p.base_red.is_some() && p.state == "failed");
        rows.push(Listed::Nothing(if is_red {
            "none: a suite is red before any task, o shows what it said"
        } else {
            "nothing has failed"
        }));
    }
    rows.push(Listed::Heading("What goes wrong here again and again, what matters most first"));
    rows.extend((0..run.lessons.len()).map(Listed::Lesson));
    if run.lessons.is_empty() {
        rows.push(Listed::Nothing("nothing yet"));
    }
    let place = |row: &Listed| match row {
        Listed::Failure(i) => Some(*i),
        Listed::Lesson(i) => Some(run.failures.len() + i),
        _ => None,
    };
    let at = rows.iter().position(|r| place(r) == Some(model.failure)).unwrap_or(0);
    let below = area.height / 3;
    let list = Rect { height: area.height - below, ..area };
    let from = begin(model.offsets[3], at, 1, usize::from(list.height), rows.len());
    // As wide as the longest: what tells two attempts apart stands at the end.
    let name = run.failures.iter().map(|f| columns(&name_of(f))).max().unwrap_or(0).min(usize::from(area.width) / 3);
    for (y, row) in (list.y..list.bottom()).zip(&rows[from.min(rows.len())..]) {
        let selected = if place(row) == Some(model.failure) { theme.selected() } else { Style::new() };
        let shown = match row {
            Listed::Heading(text) => Row::new(area.width).text(text, theme.bold()),
            Listed::Nothing(text) => Row::new(area.width).text("  ", theme.dim()).text(text, theme.dim()),
            Listed::Failure(i) => failure(&run.failures[*i], model, (area.width, name), now),
            Listed::Lesson(i) => lesson(&run.lessons[*i], model, area.width, now),
        };
        shown.over(selected).draw(buffer, list.x, y);
    }
    let area = Rect { y: area.bottom() - below, height: below, ..area };
    let lines = match (run.failures.get(model.failure), run.lessons.get(model.failure.wrapping_sub(run.failures.len()))) {
        (Some(failure), _) => of_failure(failure, model, area.width, now),
        (None, Some(lesson)) => of_lesson(lesson, model, area.width, now),
        (None, None) => Vec::new(),
    };
    rule(buffer, area, area.y, "", theme.dim());
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    texts::from(buffer, body, lines.len(), 0, |i| (&lines[i].0, lines[i].1));
    (model.offsets[3], model.page) = (from, usize::from(list.height).saturating_sub(1).max(1));
}

/// `docs#2`.
fn name_of(f: &FailureRow) -> String {
    format!("{}{}", f.name, f.number.map(|n| format!("#{n}")).unwrap_or_default())
}

fn failure(f: &FailureRow, model: &Model, (width, name): (u16, usize), now: Time) -> Row {
    let theme = model.theme;
    let age = f.at.map(|at| format!("{} ago", humane(now.since(at)))).unwrap_or_default();
    let (sign, style) = if f.recovered { ("✓", theme.paint(Paint::Green)) } else { ("✗", theme.paint(Paint::Red)) };
    let wide = width >= 110;
    let row = Row::new(width).cell(sign, 1, style).cell(&name_of(f), name, Style::new());
    let row = if wide { row.cell(&f.agent, 10, theme.dim()) } else { row };
    row.number(&age, 10, theme.dim()).cell(&f.kind, if wide { 28 } else { 20 }, style).text(&f.message, Style::new())
}

fn lesson(l: &LessonRow, model: &Model, width: u16, now: Time) -> Row {
    let theme = model.theme;
    let style = match l.status.as_str() {
        "fixed" => theme.paint(Paint::Green),
        "open" if l.pattern => theme.paint(Paint::Red),
        _ => theme.paint(Paint::Yellow),
    };
    let sign = if l.pattern { "↻" } else { "·" };
    Row::new(width)
        .cell(sign, 1, style)
        .number(&format!("{}x", l.times), 5, theme.bold())
        .cell(&l.status, 11, style)
        .number(&format!("{} ago", humane(now.since(l.last_seen))), 10, theme.dim())
        .cell(&l.kind, if width >= 110 { 20 } else { 14 }, theme.dim())
        .text(&l.description, Style::new())
}

fn of_failure(f: &FailureRow, model: &Model, width: u16, now: Time) -> Vec<(String, Style)> {
    let theme = model.theme;
    let message = theme.times(&format!("{} ({})", f.message, f.kind), now);
    let mut out: Vec<(String, Style)> = wrapped(&message, usize::from(width), 3).into_iter().map(|l| (l, Style::new())).collect();
    out.extend(f.evidence.iter().map(|l| (format!("| {}", theme.times(l, now)), theme.dim())));
    let then = if f.recovered { "its task landed later" } else { "Enter opens its task; r tries it again" };
    out.push((String::from(then), theme.dim()));
    out
}

fn of_lesson(l: &LessonRow, model: &Model, width: u16, now: Time) -> Vec<(String, Style)> {
    let theme = model.theme;
    let mut out: Vec<(String, Style)> = wrapped(&l.description, usize::from(width), 4).into_iter().map(|l| (l, Style::new())).collect();
    let facts = format!("{} times, last {} ago, {}, priority {}", l.times, humane(now.since(l.last_seen)), l.status, l.priority);
    out.push((facts, theme.dim()));
    let remedy = l.remedy.iter().flat_map(|r| wrapped(&format!("→ {r}"), usize::from(width), 4));
    out.extend(remedy.map(|r| (r, theme.paint(Paint::Green))));
    out.push((format!("greenlane deficiencies show {}", l.id), theme.dim()));
    out
}
