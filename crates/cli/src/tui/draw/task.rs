//! The view of one task: its log as it grows, its diff, its prompt, what the gate said, its attempts, its heartbeats.

use greenlane_core::time::Time;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::model::Model;
use super::super::open::{DiffRow, Loaded, OpenTask, Tab, diff_lines, paper_lines};
use super::super::run::clock_of;
use super::super::theme::{cost_of, tokens_of};
use super::health::beat_lines;
use super::line::{Row, folded};
use super::texts;
use crate::board::diff::{Diff, LineKind};
use crate::board::{AttemptRow, TaskRow};
use crate::output::Paint;
use crate::report::{humane, wrapped};

/// Most lines of a reason.
const REASON_LINES: usize = 2;

pub(super) fn draw(buffer: &mut Buffer, area: Rect, model: &mut Model, now: Time) {
    let theme = model.theme;
    let Some((open, task)) = model.open.as_ref().zip(model.task()) else {
        return Row::new(area.width).text("  Enter on a task opens it here", theme.dim()).draw(buffer, area.x, area.y);
    };
    let attempt = open.attempt(task);
    let top = head(buffer, area, model, task, attempt, now);
    tabs(buffer, Rect { y: area.y + top, ..area }, model, open, task, attempt);
    let body = Rect { y: area.y + top + 1, height: area.height.saturating_sub(top + 1), ..area };
    let Some(attempt) = attempt else {
        Row::new(area.width).text("  it has not been tried yet", theme.dim()).draw(buffer, body.x, body.y);
        return;
    };
    let mut drawn = None;
    let scroll = match open.tab {
        Tab::Log => log(buffer, body, model, open, attempt),
        Tab::Diff => diff(buffer, body, model, open),
        Tab::Prompt => {
            let lines = open.prompt.as_deref().unwrap_or_default();
            let heading = |l: &str| if l.starts_with('#') { theme.bold() } else { Style::new() };
            empty(buffer, body, model, lines.is_empty(), "it was told nothing: it is a command, or not ready yet");
            texts::from(buffer, body, lines.len(), open.scroll, |i| texts::marked(model, i, &lines[i], heading(&lines[i])))
        }
        Tab::Gate => {
            let lines = paper_lines(open.gate.as_deref().unwrap_or_default());
            let style = |i: usize| if lines[i].0 { theme.bold() } else { Style::new() };
            empty(buffer, body, model, lines.is_empty(), "no check and no suite has said anything about it");
            texts::from(buffer, body, lines.len(), open.scroll, |i| texts::marked(model, i, lines[i].1, style(i)))
        }
        Tab::Attempts => {
            let lines = attempts(model, task, body.width, now);
            let scroll = texts::styled(buffer, body, model, open.scroll, &lines);
            drawn = Some(lines);
            scroll
        }
        Tab::Beats => {
            let health = model.run().and_then(|run| run.health.iter().find(|h| h.key == task.key)).filter(|_| attempt.under_way);
            let lines = health.map(|h| beat_lines(h, model, now)).unwrap_or_default();
            empty(buffer, body, model, lines.is_empty(), "its keeper tells nothing: the attempt is over, or has just begun");
            let scroll = texts::styled(buffer, body, model, open.scroll, &lines);
            drawn = Some(lines);
            scroll
        }
    };
    model.page = usize::from(body.height).saturating_sub(1).max(1);
    if let Some(lines) = drawn {
        model.drawn = texts::plain(lines);
    }
    if let Some(open) = &mut model.open {
        open.scroll = scroll;
    }
}

fn empty(buffer: &mut Buffer, area: Rect, model: &Model, is_empty: bool, words: &str) {
    if is_empty {
        Row::new(area.width).text("  ", Style::new()).text(words, model.theme.dim()).draw(buffer, area.x, area.y);
    }
}

/// The task in two or three rows; gives how many.
fn head(buffer: &mut Buffer, area: Rect, model: &Model, task: &TaskRow, attempt: Option<&AttemptRow>, now: Time) -> u16 {
    let theme = model.theme;
    let tokens = tokens_of(&task.usage);
    let agent = attempt.map_or(task.agent.clone(), |a| a.agent.clone());
    let turn = task.iteration.filter(|_| attempt.is_some_and(|a| a.under_way)).map(|n| format!("turn {n}")).unwrap_or_default();
    let row = Row::new(area.width).text(&task.name, theme.bold()).pieces([
        (format!("{} {}", task.sign, task.words), theme.state(&task.state)),
        (humane(clock_of(task.seconds, model.passed(now), task.ticks)), Style::new()),
        (agent, Style::new()),
        (if tokens.is_empty() { tokens } else { format!("{tokens} tokens") }, Style::new()),
        (cost_of(&task.usage), Style::new()),
        (turn, Style::new()),
        (if task.title == task.name { String::new() } else { task.title.clone() }, theme.dim()),
        (task.branch.clone().unwrap_or_default(), theme.dim()),
    ]);
    row.draw(buffer, area.x, area.y);
    let said = task.reason.as_ref().map(|r| theme.times(r, now)).or_else(|| task.activity.clone()).unwrap_or_default();
    let lines = wrapped(&said, usize::from(area.width), REASON_LINES);
    for (y, line) in (area.y + 1..).zip(&lines) {
        Row::new(area.width).text(line, theme.state(&task.state)).draw(buffer, area.x, y);
    }
    1 + u16::try_from(lines.len()).unwrap_or(0)
}

fn tabs(buffer: &mut Buffer, area: Rect, model: &Model, open: &OpenTask, task: &TaskRow, attempt: Option<&AttemptRow>) {
    let theme = model.theme;
    let mut row = Row::new(area.width);
    for tab in Tab::ALL {
        let style = if tab == open.tab { theme.selected() } else { theme.dim() };
        row = row.text(&format!(" {} ", tab.name()), style);
    }
    let number = attempt.map(|a| format!("attempt {} of {}", a.number, task.attempts.len())).unwrap_or_default();
    let end = match open.tab {
        Tab::Log if open.follows && attempt.is_some_and(|a| a.under_way) => ", followed",
        Tab::Log if open.follows => "",
        Tab::Log => ", F follows",
        _ => "",
    };
    row.right(vec![(format!("{number}{end} "), theme.dim())]).draw(buffer, area.x, area.y);
}

/// Gives from which line it is drawn, as do the others.
fn log(buffer: &mut Buffer, area: Rect, model: &Model, open: &OpenTask, attempt: &AttemptRow) -> usize {
    let theme = model.theme;
    let style = |line: &str| match line.trim_start().chars().next() {
        Some('▸') => theme.paint(Paint::Cyan),
        Some('✗') => theme.paint(Paint::Red),
        Some('·' | '|') => theme.dim(),
        _ => Style::new(),
    };
    let line = |i: usize| texts::marked(model, i, &open.log[i], style(&open.log[i]));
    let words = if attempt.under_way { "it has printed nothing yet" } else { "it printed nothing" };
    empty(buffer, area, model, open.log.is_empty(), words);
    if open.follows { texts::end(buffer, area, open.log.len(), line) } else { texts::from(buffer, area, open.log.len(), open.scroll, line) }
}

fn diff(buffer: &mut Buffer, area: Rect, model: &Model, open: &OpenTask) -> usize {
    let theme = model.theme;
    let (diff, said) = match &open.diff {
        Loaded::Ready(diff) => (diff, ""),
        Loaded::Failed(why) => (&Diff::default(), why.as_str()),
        Loaded::Not | Loaded::Asked => (&Diff::default(), "asking git …"),
    };
    if !said.is_empty() {
        empty(buffer, area, model, true, said);
        return 0;
    }
    let (added, removed) = diff.counts();
    let more = if diff.cut { ", not all of it is shown" } else { "" };
    let files = if diff.files.len() == 1 { String::from("1 file") } else { format!("{} files", diff.files.len()) };
    let sum = format!("{files}, +{added} -{removed}, {}{more}", diff.of);
    Row::new(area.width).text(&sum, theme.dim()).draw(buffer, area.x, area.y);
    let rows = diff_lines(diff);
    let numbered = area.width >= 100;
    let room = usize::from(area.height).saturating_sub(1);
    let scroll = open.scroll.min(texts::last_page(rows.len(), room, |i| rows_of(&rows[i], numbered, area.width)));
    let mut y = area.y + 1;
    for (i, row) in rows.iter().enumerate().skip(scroll) {
        if y >= area.bottom() {
            break;
        }
        y += diff_row(buffer, Rect { y, height: area.bottom() - y, ..area }, row, numbered, model, i);
    }
    scroll
}

/// Columns of the two line numbers.
const GUTTER: usize = 12;

/// How wide a diff's text may be.
fn text_width(numbered: bool, width: u16) -> usize {
    usize::from(width).saturating_sub(if numbered { GUTTER } else { 0 }).max(2)
}

/// How many rows one of a diff takes.
fn rows_of(row: &DiffRow<'_>, numbered: bool, width: u16) -> usize {
    match row {
        DiffRow::File(_) => 1,
        DiffRow::Line(line) => folded(&format!("{}{}", sign_of(line.kind), line.text), text_width(numbered, width)).len(),
    }
}

fn sign_of(kind: LineKind) -> &'static str {
    match kind {
        LineKind::Added => "+",
        LineKind::Removed => "-",
        LineKind::Hunk => "",
        LineKind::Context => " ",
        LineKind::Remark => "\\ ",
    }
}

/// One row of a diff, folded; gives the rows that it took.
fn diff_row(buffer: &mut Buffer, area: Rect, row: &DiffRow<'_>, numbered: bool, model: &Model, at: usize) -> u16 {
    let theme = model.theme;
    match row {
        DiffRow::File(file) => {
            let was = file.old_path.as_ref().map(|old| format!(" from {old}")).unwrap_or_default();
            let binary = if file.binary { ", binary" } else { "" };
            let facts = format!("  {}{was}{binary}, +{} -{}", file.change, file.added, file.removed);
            let name = texts::mark(model, at, &file.path, theme.bold());
            let row = Row::new(area.width).text("▌", theme.bold()).text(&file.path, name).text(&facts, theme.dim());
            row.draw(buffer, area.x, area.y);
            1
        }
        DiffRow::Line(line) => {
            let style = match line.kind {
                LineKind::Added => theme.paint(Paint::Green),
                LineKind::Removed => theme.paint(Paint::Red),
                LineKind::Hunk => theme.paint(Paint::Cyan),
                LineKind::Context => Style::new(),
                LineKind::Remark => theme.dim(),
            };
            let style = texts::mark(model, at, &line.text, style);
            let gutter = match line.kind {
                _ if !numbered => String::new(),
                LineKind::Hunk | LineKind::Remark => " ".repeat(GUTTER),
                _ => {
                    let number = |n: Option<u32>| n.map(|n| n.to_string()).unwrap_or_default();
                    format!("{:>5} {:>5} ", number(line.old), number(line.new))
                }
            };
            let text = format!("{}{}", sign_of(line.kind), line.text);
            let mut rows = 0;
            for (i, part) in folded(&text, text_width(numbered, area.width)).into_iter().enumerate().take(usize::from(area.height)) {
                let gutter = if i == 0 { gutter.clone() } else { " ".repeat(gutter.len()) };
                Row::new(area.width).text(&gutter, theme.dim()).text(part, style).draw(buffer, area.x, area.y + rows);
                rows += 1;
            }
            rows
        }
    }
}

/// Every attempt with what it left, the newest first.
fn attempts(model: &Model, task: &TaskRow, width: u16, now: Time) -> Vec<(String, Style)> {
    let theme = model.theme;
    let mut out = Vec::new();
    for a in task.attempts.iter().rev() {
        let time = humane(clock_of(a.seconds, model.passed(now), a.under_way && task.ticks));
        let used = [tokens_of(&a.usage), cost_of(&a.usage)].iter().filter(|t| !t.is_empty()).map(|t| format!(", {t}")).collect::<String>();
        let style = if a.failure.is_some() { theme.paint(Paint::Red) } else { theme.paint(Paint::Green) };
        let style = if a.under_way { theme.paint(Paint::Cyan) } else { style };
        out.push((format!("#{} {}: {}, {time}{used}", a.number, a.agent, a.outcome), style.patch(theme.bold())));
        let mut said = |text: &str, style: Style| {
            out.extend(wrapped(text, usize::from(width).saturating_sub(4), 6).into_iter().map(|l| (format!("    {l}"), style)));
        };
        if let Some(why) = &a.fallback {
            said(&format!("took over: {}", theme.times(why, now)), theme.dim());
        }
        if let Some(failure) = &a.failure {
            let kind = a.failure_kind.as_ref().map(|k| format!(" ({k})")).unwrap_or_default();
            said(&format!("{failure}{kind}"), Style::new());
        }
        out.extend(a.evidence.iter().map(|l| (format!("    | {}", theme.times(l, now)), theme.dim())));
        out.push((format!("    {}", a.dir.display()), theme.dim()));
        out.push((String::new(), Style::new()));
    }
    out
}
