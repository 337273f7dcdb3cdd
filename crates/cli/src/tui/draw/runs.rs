//! The view of the repository's runs over time: how each went, whether it gets better, what goes wrong again and again. Below the runs in
//! the words of `report --all`.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::model::{Model, Runs};
use super::super::theme::cost_of;
use super::texts;
use crate::report::{self, Look, OverTime, RunLine, clean, fit, humane, sign, visible};

pub(super) fn draw(buffer: &mut Buffer, area: Rect, model: &mut Model) {
    let theme = model.theme;
    let lines = match &model.runs {
        Runs::Not => vec![(String::from("looking back …"), theme.dim())],
        Runs::Failed(why) => vec![(why.clone(), theme.alert())],
        Runs::Ready(all) => lines(all, model, usize::from(area.width)),
    };
    let at = texts::styled(buffer, area, model, model.offsets[5], &lines);
    model.drawn = texts::plain(lines);
    (model.offsets[5], model.page) = (at, usize::from(area.height).saturating_sub(1).max(1));
}

fn lines(all: &OverTime, model: &Model, width: usize) -> Vec<(String, Style)> {
    let theme = model.theme;
    let mut out: Vec<(String, Style)> = all
        .runs
        .iter()
        .map(|r| {
            let undone = r.state == "finished" && r.not_done > 0;
            let style = theme.state(if undone { "failed" } else { &r.state });
            let is_current = model.run().is_some_and(|run| run.id.as_str() == r.id);
            (fit(&line(r), width).trim_end().to_owned(), if is_current { style.patch(theme.bold()) } else { style })
        })
        .collect();
    // What is said of all of them together stands behind the list.
    let text = report::over_time(all, Look { width, color: false });
    out.extend(text.lines().skip_while(|l| !l.is_empty()).map(|l| (visible(l), Style::new())));
    out
}

/// One run, cut where the row ends: what matters least stands last.
fn line(r: &RunLine) -> String {
    if let Some(error) = &r.error {
        return format!("{}  · unreadable: {}", clean(&r.id), clean(error));
    }
    let not = if r.not_done > 0 { format!("{} not", r.not_done) } else { String::new() };
    let speed = if r.speedup > 0.0 { format!("{:.1}x", r.speedup) } else { String::new() };
    let plans: Vec<String> = r.plans.iter().map(|p| clean(&p.id)).collect();
    format!(
        "{} {} {} {:>7} {:>7} done {} {speed:>5} {:>7}  {}",
        fit(&clean(&r.id), 18),
        sign(if r.state == "finished" && r.not_done > 0 { "failed" } else { &r.state }),
        fit(&r.state, 11),
        humane(Duration::try_from_secs_f64(r.elapsed_seconds).unwrap_or_default()),
        format!("{}/{}", r.done, r.total),
        fit(&not, 6),
        cost_of(&r.usage),
        plans.join(", ")
    )
}
