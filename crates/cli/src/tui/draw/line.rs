//! One row on the screen, put together from left to right, never longer than it may be.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthChar as _;

use crate::report::{columns, fit};

/// A row of so many columns.
pub(super) struct Row {
    spans: Vec<Span<'static>>,
    used: usize,
    width: usize,
    over: Style,
}

impl Row {
    pub fn new(width: u16) -> Self {
        Self { spans: Vec::new(), used: 0, width: usize::from(width), over: Style::new() }
    }

    /// Columns that are left.
    pub fn left(&self) -> usize {
        self.width - self.used
    }

    /// A text, cut with `…` where it does not fit.
    pub fn text(mut self, text: &str, style: Style) -> Self {
        let taken = columns(text).min(self.left());
        if taken > 0 {
            self.spans.push(Span::styled(fit(text, taken), style));
            self.used += taken;
        }
        self
    }

    /// A text in exactly so many columns, and a space behind it.
    pub fn cell(self, text: &str, width: usize, style: Style) -> Self {
        let width = width.min(self.left());
        self.text(&fit(text, width), style).text(" ", Style::new())
    }

    /// The same at the right of its columns.
    pub fn number(self, text: &str, width: usize, style: Style) -> Self {
        let pad = width.saturating_sub(columns(text));
        self.cell(&format!("{}{text}", " ".repeat(pad)), width, style)
    }

    /// Pieces with two spaces between them, as many as fit whole; those that matter most come first.
    pub fn pieces(mut self, pieces: impl IntoIterator<Item = (String, Style)>) -> Self {
        for (text, style) in pieces {
            let gap = if self.used == 0 || self.spans.is_empty() { 0 } else { 2 };
            if text.is_empty() || columns(&text) + gap > self.left() {
                continue;
            }
            self = self.text(&" ".repeat(gap), Style::new()).text(&text, style);
        }
        self
    }

    /// A text at the right end, where it fits beside what is there.
    pub fn right(mut self, spans: Vec<(String, Style)>) -> Self {
        let taken: usize = spans.iter().map(|(t, _)| columns(t)).sum();
        if taken + 1 > self.left() {
            return self;
        }
        let gap = " ".repeat(self.left() - taken);
        self = self.text(&gap, Style::new());
        spans.into_iter().fold(self, |row, (text, style)| row.text(&text, style))
    }

    /// All of it in this style, to its end.
    pub fn over(mut self, style: Style) -> Self {
        self.over = style;
        self
    }

    /// Where there is such a row: of a small window parts have none.
    pub fn draw(self, buffer: &mut Buffer, x: u16, y: u16) {
        let width = u16::try_from(self.width).unwrap_or(u16::MAX);
        let area = Rect { x, y, width, height: 1 }.intersection(buffer.area);
        if area.is_empty() {
            return;
        }
        buffer.set_line(x, y, &Line::from(self.spans), area.width);
        buffer.set_style(area, self.over);
    }
}

/// A long line in rows of so many columns: cut where the row is full, since indentation and columns matter in output.
pub(super) fn folded(text: &str, width: usize) -> Vec<&str> {
    let width = width.max(2);
    let (mut rows, mut begin, mut used) = (Vec::new(), 0, 0);
    for (at, c) in text.char_indices() {
        let wide = c.width().unwrap_or(0);
        if used + wide > width {
            rows.push(&text[begin..at]);
            (begin, used) = (at, 0);
        }
        used += wide;
    }
    rows.push(&text[begin..]);
    rows
}

/// A row across the screen with a name in it.
pub(super) fn rule(buffer: &mut Buffer, area: Rect, y: u16, name: &str, style: Style) {
    let name = if name.is_empty() { String::new() } else { format!("─ {name} ") };
    let row = Row::new(area.width).text(&name, style);
    let rest = "─".repeat(row.left());
    row.text(&rest, style).draw(buffer, area.x, y);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(row: Row) -> String {
        row.spans.iter().map(|s| s.content.as_ref()).collect()
    }

    #[test]
    fn a_row_is_never_longer_than_it_may_be() {
        let plain = Style::new();
        assert_eq!(shown(Row::new(8).cell("日本語日本", 5, plain).text("abcdef", plain)), "日本… a…");
        assert_eq!(shown(Row::new(10).number("7", 3, plain).right(vec![("xy".into(), plain)])), "  7     xy");
        let pieces = ["one", "twelve", "two"].map(|t| (t.to_owned(), plain));
        assert_eq!(shown(Row::new(9).pieces(pieces)), "one  two", "what does not fit is left out");
        assert_eq!(shown(Row::new(3).right(vec![("abc".into(), plain)])), "");
    }

    #[test]
    fn long_lines_are_folded_by_columns() {
        assert_eq!(folded("  abc", 3), ["  a", "bc"]);
        assert_eq!(folded("日本語", 4), ["日本", "語"]);
        assert_eq!(folded("", 4), [""]);
    }
}
