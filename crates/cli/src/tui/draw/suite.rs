//! The view of what a plan's suite said: on its base, and on what was merged since.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::model::Model;
use super::super::open::paper_lines;
use super::line::Row;
use super::texts;
use crate::output::Paint;

pub(super) fn draw(buffer: &mut Buffer, area: Rect, model: &mut Model) {
    let theme = model.theme;
    let Some((suite, run)) = model.suite.as_ref().zip(model.run()) else { return };
    let Some(plan) = run.plans.iter().find(|p| p.id == suite.plan) else { return };
    let words = plan.base_red.as_ref().map(|words| format!("on its base: {words}")).unwrap_or_default();
    let told = if words.is_empty() { plan.reason.clone().unwrap_or_default() } else { words };
    let style = if plan.base_red.is_some() { theme.paint(Paint::Red) } else { theme.dim() };
    let row = Row::new(area.width).text(&format!("The suite of {}", plan.name), theme.bold());
    row.text("  ", style).text(&told, style).draw(buffer, area.x, area.y);
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let papers = suite.papers.as_deref().unwrap_or_default();
    let lines = paper_lines(papers);
    let line = |i: usize| texts::marked(model, i, lines[i].1, if lines[i].0 { theme.bold() } else { Style::new() });
    let at = texts::from(buffer, body, lines.len(), suite.scroll, line);
    if lines.is_empty() {
        let words = if suite.papers.is_none() { "looking …" } else { "no suite has said anything yet" };
        Row::new(body.width).text("  ", theme.dim()).text(words, theme.dim()).draw(buffer, body.x, body.y);
    }
    model.page = usize::from(body.height).saturating_sub(1).max(1);
    if let Some(suite) = &mut model.suite {
        suite.scroll = at;
    }
}
