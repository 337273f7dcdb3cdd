//! The view of time: a row a task, to scale from the run's start to now, with the tasks marked that no further slot would have made
//! quicker.

use std::collections::BTreeMap;

use greenlane_core::ids::TaskKey;
use greenlane_core::time::Time;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::model::Model;
use super::super::rows::{begin, listed};
use super::super::run::clock_of;
use super::line::Row;
use crate::board::Span;
use crate::output::Paint;
use crate::report::{columns, humane};
use std::time::Duration;

/// Columns between two times on the axis.
const TICK_COLUMNS: usize = 12;
const NAME_MAX: usize = 28;
/// The time at the end of a row.
const TIME_COLUMNS: usize = 8;

pub(super) fn draw(buffer: &mut Buffer, area: Rect, model: &mut Model, now: Time) {
    let theme = model.theme;
    let Some(run) = model.run() else { return };
    let tasks = listed(model);
    let mut spans: BTreeMap<&TaskKey, Vec<&Span>> = BTreeMap::new();
    for span in &run.timeline {
        spans.entry(&span.key).or_default().push(span);
    }
    let passed = if run.ticks { model.passed(now) } else { 0.0 };
    let elapsed = (run.elapsed + passed).max(0.001);
    let name = tasks.iter().map(|i| columns(&run.tasks[*i].name) + 1).max().unwrap_or(0).min(NAME_MAX).min(usize::from(area.width) / 3);
    let width = usize::from(area.width).saturating_sub(name + TIME_COLUMNS + 3);
    let scale = width as f64 / elapsed;
    axis(buffer, area, name + 1, width, elapsed, theme.dim());
    let list = Rect { y: area.y + 1, height: area.height.saturating_sub(2), ..area };
    let at = tasks.iter().position(|i| Some(&run.tasks[*i].key) == model.selected.as_ref());
    let from = begin(model.offsets[1], at.unwrap_or(0), 0, usize::from(list.height), tasks.len());
    for (y, i) in (list.y..list.bottom()).zip(&tasks[from.min(tasks.len())..]) {
        let task = &run.tasks[*i];
        let own = spans.get(&task.key).map(Vec::as_slice).unwrap_or_default();
        let critical = own.iter().any(|s| s.critical);
        let selected = Some(&task.key) == model.selected.as_ref();
        let style = if selected {
            theme.selected()
        } else if critical {
            theme.bold()
        } else {
            Style::new()
        };
        let mark = if critical { "*" } else { " " };
        let mut row = Row::new(area.width).cell(&format!("{mark}{}", task.name), name, style).text("│", theme.dim());
        for (sign, style) in cells(own, width, scale, passed, model) {
            row = row.text(&sign.to_string(), style);
        }
        let spent = humane(clock_of(task.seconds, passed, task.ticks));
        row.text("│", theme.dim()).number(&spent, TIME_COLUMNS - 1, theme.dim()).draw(buffer, area.x, y);
    }
    if tasks.is_empty() {
        Row::new(area.width).text("  nothing has been tried yet", theme.dim()).draw(buffer, list.x, list.y);
    }
    legend(buffer, area, model);
    (model.offsets[1], model.page) = (from, usize::from(list.height).saturating_sub(1).max(1));
}

fn axis(buffer: &mut Buffer, area: Rect, begin: usize, width: usize, elapsed: f64, style: Style) {
    let mut row = Row::new(area.width).text(&" ".repeat(begin), style);
    let ticks = (width / TICK_COLUMNS).max(1);
    for tick in 0..ticks {
        let at = tick * width / ticks;
        let next = (tick + 1) * width / ticks;
        let label = humane(Duration::try_from_secs_f64(elapsed * at as f64 / width.max(1) as f64).unwrap_or_default());
        let label = if tick == 0 { String::from("0") } else { label };
        row = row.cell(&format!("┆{label}"), (next - at).saturating_sub(1), style);
    }
    row.draw(buffer, area.x, area.y);
}

fn legend(buffer: &mut Buffer, area: Rect, model: &Model) {
    let theme = model.theme;
    let row = Row::new(area.width).pieces([
        (String::from("━ works"), theme.paint(Paint::Cyan)),
        (String::from("▒ is checked"), theme.paint(Paint::Yellow)),
        (String::from("░ is landed"), theme.paint(Paint::Green)),
        (String::from("· waits"), theme.dim()),
        (String::from("* on the critical path"), theme.bold()),
        (String::from("✓ landed"), theme.paint(Paint::Green)),
        (String::from("✗ failed"), theme.paint(Paint::Red)),
    ]);
    row.draw(buffer, area.x, area.bottom() - 1);
}

/// One sign a column.
fn cells(spans: &[&Span], width: usize, scale: f64, passed: f64, model: &Model) -> Vec<(char, Style)> {
    let theme = model.theme;
    let mut cells = vec![(' ', Style::new()); width];
    if width == 0 {
        return cells;
    }
    let at = |seconds: f64| ((seconds.max(0.0) * scale) as usize).min(width - 1);
    let mut fill = |from: usize, to: usize, sign: char, style: Style| {
        for cell in cells.iter_mut().take(to + 1).skip(from) {
            *cell = (sign, style);
        }
    };
    for (i, span) in spans.iter().enumerate() {
        let end = if span.open { span.end + passed } else { span.end };
        if let Some(before) = i.checked_sub(1).map(|i| spans[i]) {
            fill(at(before.end) + 1, at(span.start), '·', theme.dim());
        }
        fill(at(span.start), at(span.exited.unwrap_or(end)), '━', theme.paint(Paint::Cyan));
        if let Some(exited) = span.exited {
            // After the first column, which belongs to what was before.
            fill(at(exited) + 1, at(span.judged.unwrap_or(end)), '▒', theme.paint(Paint::Yellow));
        }
        if let Some(judged) = span.judged.filter(|_| span.landed || span.open) {
            fill(at(judged) + 1, at(end), '░', theme.paint(Paint::Green));
        }
        if !span.open {
            let (sign, paint) = if span.landed { ('✓', Paint::Green) } else { ('✗', Paint::Red) };
            fill(at(end), at(end), sign, theme.paint(paint));
        }
    }
    cells
}
