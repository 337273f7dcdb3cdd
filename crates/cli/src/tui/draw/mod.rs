//! Draws the model. Makes only rows that can be seen; reads nothing but the model.

mod failures;
mod frame;
mod health;
mod line;
mod popup;
mod runs;
mod suite;
mod task;
mod tasks;
mod texts;
mod timeline;

use greenlane_core::time::Time;
use ratatui::Frame;
use ratatui::layout::Rect;

use super::model::{Model, View};
use line::Row;

/// Smaller than this nothing can be told.
const COLUMNS_MIN: u16 = 24;
const ROWS_MIN: u16 = 8;

/// One picture.
pub(super) fn draw(frame: &mut Frame<'_>, model: &mut Model, now: Time) {
    let area = frame.area();
    if area.width < COLUMNS_MIN || area.height < ROWS_MIN {
        let row = Row::new(area.width).text("the window is too small", model.theme.bold());
        return row.draw(frame.buffer_mut(), area.x, area.y);
    }
    let top = frame::head(frame.buffer_mut(), area, model, now);
    let body = Rect { y: area.y + top, height: area.height - top - 1, ..area };
    let buffer = frame.buffer_mut();
    if model.run().is_none() {
        frame::nothing(buffer, body, model);
    } else {
        match model.view {
            View::Tasks => tasks::draw(buffer, body, model, now),
            View::Timeline => timeline::draw(buffer, body, model, now),
            View::Task => task::draw(buffer, body, model, now),
            View::Failures => failures::draw(buffer, body, model, now),
            View::Health => health::draw(buffer, body, model, now),
            View::Runs => runs::draw(buffer, body, model),
            View::Suite => suite::draw(buffer, body, model),
        }
    }
    let foot = Rect { y: area.bottom() - 1, height: 1, ..area };
    let cursor = frame::foot(frame.buffer_mut(), foot, model);
    let cursor = popup::draw(frame.buffer_mut(), Rect { height: area.height - 1, ..area }, model).or(cursor);
    if let Some(at) = cursor {
        frame.set_cursor_position(at);
    }
}
