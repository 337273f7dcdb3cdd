//! A text of many lines in a part of the screen: folded, scrolled by its own lines, or with its end in sight. Only what is seen is folded.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::line::{Row, folded};

/// A line and how it looks.
pub(super) type Styled<'a> = (&'a str, Style);

/// Draws lines from this one on.
pub(super) fn from<'a>(buffer: &mut Buffer, area: Rect, len: usize, scroll: usize, line: impl Fn(usize) -> Styled<'a>) {
    let mut y = area.y;
    for i in scroll..len {
        let (text, style) = line(i);
        for part in folded(text, usize::from(area.width)) {
            if y >= area.bottom() {
                return;
            }
            Row::new(area.width).text(part, style).draw(buffer, area.x, y);
            y += 1;
        }
    }
}

/// Draws the last lines, the very last at the bottom where there are enough.
pub(super) fn end<'a>(buffer: &mut Buffer, area: Rect, len: usize, line: impl Fn(usize) -> Styled<'a>) {
    let mut rows: Vec<Styled<'a>> = Vec::new();
    let height = usize::from(area.height);
    for i in (0..len).rev() {
        let (text, style) = line(i);
        rows.extend(folded(text, usize::from(area.width)).into_iter().rev().map(|part| (part, style)));
        if rows.len() >= height {
            break;
        }
    }
    rows.truncate(height);
    for (y, (text, style)) in (area.y..area.bottom()).zip(rows.into_iter().rev()) {
        Row::new(area.width).text(text, style).draw(buffer, area.x, y);
    }
}
