//! A text of many lines in a part of the screen: folded, scrolled by its own lines, or with its end in sight. Only what is seen is folded.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::super::model::Model;
use super::super::search::is_hit;
use super::line::{Row, folded};

/// A line and how it looks.
pub(super) type Styled<'a> = (&'a str, Style);

/// A line as it looks while something is searched for.
pub(super) fn marked<'a>(model: &Model, at: usize, text: &'a str, style: Style) -> Styled<'a> {
    (text, mark(model, at, text, style))
}

/// Its style: the hit to which one jumped last stands out among the others.
pub(super) fn mark(model: &Model, at: usize, text: &str, style: Style) -> Style {
    match is_hit(&model.find, text) {
        true if model.hit == Some(at) => model.theme.alert().add_modifier(Modifier::REVERSED),
        true => model.theme.alert(),
        false => style,
    }
}

/// Draws lines from this one on, or from an earlier one where the end would leave rows empty; gives from which.
pub(super) fn from<'a>(buffer: &mut Buffer, area: Rect, len: usize, scroll: usize, line: impl Fn(usize) -> Styled<'a>) -> usize {
    let width = usize::from(area.width);
    let scroll = scroll.min(last_page(len, usize::from(area.height), |i| folded(line(i).0, width).len()));
    let mut y = area.y;
    for i in scroll..len {
        let (text, style) = line(i);
        for part in folded(text, width) {
            if y >= area.bottom() {
                return scroll;
            }
            Row::new(area.width).text(part, style).draw(buffer, area.x, y);
            y += 1;
        }
    }
    scroll
}

/// The first line from which on all fit into so many rows; the last line where not even that fits.
pub(super) fn last_page(len: usize, height: usize, rows: impl Fn(usize) -> usize) -> usize {
    let (mut first, mut used) = (len, 0);
    while first > 0 {
        used += rows(first - 1);
        if used > height {
            break;
        }
        first -= 1;
    }
    first.min(len.saturating_sub(1))
}

/// Draws lines that were made for it; gives from which.
pub(super) fn styled(buffer: &mut Buffer, area: Rect, model: &Model, scroll: usize, lines: &[(String, Style)]) -> usize {
    from(buffer, area, lines.len(), scroll, |i| marked(model, i, &lines[i].0, lines[i].1))
}

/// The same without their looks, to be searched.
pub(super) fn plain(lines: Vec<(String, Style)>) -> Vec<String> {
    lines.into_iter().map(|(text, _)| text).collect()
}

/// Draws the last lines, the very last at the bottom where there are enough; gives from which on all is seen.
pub(super) fn end<'a>(buffer: &mut Buffer, area: Rect, len: usize, line: impl Fn(usize) -> Styled<'a>) -> usize {
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
    last_page(len, height, |i| folded(line(i).0, usize::from(area.width)).len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_page_is_full_and_one_long_line_is_a_page_of_its_own() {
        assert_eq!(last_page(10, 4, |_| 1), 6);
        assert_eq!(last_page(10, 4, |i| if i == 8 { 2 } else { 1 }), 7);
        assert_eq!(last_page(3, 4, |_| 1), 0);
        assert_eq!(last_page(3, 4, |_| 9), 2, "its beginning is seen");
        assert_eq!((last_page(0, 4, |_| 1), last_page(3, 0, |_| 1)), (0, 2));
    }
}
