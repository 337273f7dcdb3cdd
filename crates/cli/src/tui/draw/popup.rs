//! What lies over the view: the keys, a yes or no, a text to be typed.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::super::keys::HELP;
use super::super::model::{Asking, Confirm, Model, Purpose, Question};
use super::line::{Row, folded};
use crate::report::{clean, columns, wrapped};

/// Widest box.
const COLUMNS_MAX: u16 = 74;

/// Draws it; gives where the cursor stands.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, model: &Model) -> Option<Position> {
    match &model.asking {
        Asking::Nothing => None,
        Asking::Help => {
            help(buffer, area, model);
            None
        }
        Asking::Confirm(asked) => {
            confirm(buffer, area, model, asked);
            None
        }
        Asking::Text(question) if question.purpose == Purpose::Search => None,
        Asking::Text(question) => Some(text(buffer, area, model, question)),
    }
}

type Lines = Vec<(String, Style)>;

/// A box in the middle with these lines; gives its inside.
fn boxed(buffer: &mut Buffer, area: Rect, title: &str, lines: &Lines, model: &Model) -> Rect {
    let width = COLUMNS_MAX.min(area.width);
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).min(area.height);
    let at = Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    let style = model.theme.bold();
    let inner = usize::from(width).saturating_sub(2);
    let title = format!("─ {title} ");
    let title = if columns(&title) > inner { crate::report::fit(&title, inner) } else { title };
    let top = format!("┌{title}{}┐", "─".repeat(inner - columns(&title)));
    let bottom = format!("└{}┘", "─".repeat(inner));
    for y in at.y..at.bottom() {
        // Whatever lies below is gone, attributes too.
        for x in at.x..at.right() {
            if let Some(cell) = buffer.cell_mut((x, y)) {
                cell.reset();
            }
        }
        let row = Row::new(width);
        let shown = if y == at.y {
            row.text(&top, style)
        } else if y == at.bottom() - 1 {
            row.text(&bottom, style)
        } else {
            let (text, of) = lines.get(usize::from(y - at.y - 1)).cloned().unwrap_or_default();
            row.text("│ ", style).cell(&text, inner.saturating_sub(2), of).text("│", style)
        };
        shown.draw(buffer, at.x, y);
    }
    Rect { x: at.x + 2, y: at.y + 1, width: width.saturating_sub(4), height: height.saturating_sub(2) }
}

fn help(buffer: &mut Buffer, area: Rect, model: &Model) {
    let theme = model.theme;
    let mut lines = Lines::new();
    for (heading, keys) in HELP {
        lines.push(((*heading).to_owned(), theme.bold()));
        lines.extend(keys.iter().map(|(key, what)| (format!("  {} {what}", crate::report::fit(key, 11)), Style::new())));
    }
    let ending = if model.inside {
        "q leaves the dashboard, the run goes on below; Ctrl-C ends the run in three steps"
    } else {
        "any key closes this"
    };
    lines.push((ending.to_owned(), theme.dim()));
    boxed(buffer, area, "Keys", &lines, model);
}

fn confirm(buffer: &mut Buffer, area: Rect, model: &Model, asked: &Confirm) {
    let width = usize::from(COLUMNS_MAX.min(area.width)).saturating_sub(4);
    let mut lines: Lines = asked.lines.iter().flat_map(|l| wrapped(l, width, 6)).map(|l| (l, Style::new())).collect();
    lines.push((String::new(), Style::new()));
    let at_once = if asked.at_once.is_some() { "k at once, without grace   " } else { "" };
    lines.push((format!("y yes   {at_once}any other key: no"), model.theme.bold()));
    boxed(buffer, area, &asked.title, &lines, model);
}

fn text(buffer: &mut Buffer, area: Rect, model: &Model, question: &Question) -> Position {
    let width = usize::from(COLUMNS_MAX.min(area.width)).saturating_sub(4);
    let mut lines: Lines = question.about.iter().map(|l| (l.clone(), Style::new())).collect();
    if !lines.is_empty() {
        lines.push((String::new(), Style::new()));
    }
    // With a space at its end, so that the cursor has a row where the last one is full.
    let typed = format!("{} ", question.text);
    let typed: Vec<String> = typed.split('\n').flat_map(|l| folded(l, width)).map(|l| l.to_owned()).collect();
    // The end is in sight while it is typed.
    let room = usize::from(area.height).saturating_sub(lines.len() + 4).max(1);
    let shown = &typed[typed.len().saturating_sub(room)..];
    let cursor = (lines.len() + shown.len() - 1, shown.last().map_or(0, |l| columns(l).saturating_sub(1)));
    lines.extend(shown.iter().map(|l| (if l.trim().is_empty() { String::new() } else { clean_end(l) }, model.theme.bold())));
    lines.push((String::from("Enter sends, Alt-Enter begins a new line, Esc leaves it"), model.theme.dim()));
    let inside = boxed(buffer, area, &question.title, &lines, model);
    let at = |n: usize, most: u16| u16::try_from(n).unwrap_or(u16::MAX).min(most.saturating_sub(1));
    Position { x: inside.x + at(cursor.1, inside.width), y: inside.y + at(cursor.0, inside.height) }
}

/// What was pasted may hold what a terminal obeys; indentation stays.
fn clean_end(text: &str) -> String {
    let indent: String = text.chars().take_while(|c| *c == ' ').collect();
    format!("{indent}{}", clean(text))
}
