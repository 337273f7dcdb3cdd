//! What stands around every view: the run, what it uses, the views, what wants attention; below, keys or a message.

use greenlane_core::time::Time;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::super::model::{Asking, Filter, Model, Purpose, View};
use super::super::run::{clock_of, until_words};
use super::super::search::is_list;
use super::super::theme::{bytes, cost_of, tokens_of};
use super::line::Row;
use crate::board::{PlanRow, RunBoard};
use crate::output::Paint;
use crate::report::{clean, columns, fit, humane, sign, wrapped};

/// Most rows of a message.
const MESSAGE_ROWS: usize = 4;
/// Rows for what wants attention, where there are enough rows for the rest.
const ALERTS_MAX: usize = 3;
const ROWS_FOR_ALERTS: u16 = 20;

/// Draws it; gives the rows that it took.
pub(super) fn head(buffer: &mut Buffer, area: Rect, model: &Model, now: Time) -> u16 {
    title(buffer, area, model, now);
    uses(buffer, area, model);
    views(buffer, area, model);
    let mut alerts = alerts(model, now);
    let most = if area.height >= ROWS_FOR_ALERTS { ALERTS_MAX } else { 1 };
    if alerts.len() > most {
        let rest = alerts.split_off(most - 1).join(" · ");
        alerts.push(rest);
    }
    for (y, alert) in (area.y + 3..).zip(&alerts) {
        Row::new(area.width).text("! ", model.theme.alert()).text(alert, model.theme.alert()).draw(buffer, area.x, y);
    }
    3 + u16::try_from(alerts.len()).unwrap_or(0)
}

fn title(buffer: &mut Buffer, area: Rect, model: &Model, now: Time) {
    let theme = model.theme;
    let name = model.board.as_ref().map(|b| b.repository.name.clone()).unwrap_or_default();
    let mut row = Row::new(area.width).text("greenlane", theme.bold()).text(" ", theme.dim()).text(&name, theme.bold());
    if let Some(run) = model.run() {
        let elapsed = humane(clock_of(run.elapsed, model.passed(now), run.ticks));
        let state = format!("{} {}", sign_of(run), run.state);
        row = row.pieces([
            (state, theme.state(&run.state)),
            (elapsed, theme.bold()),
            (counts(run), theme.paint(Paint::Green)),
            (if run.is_older { String::from("an older run") } else { String::new() }, theme.alert()),
            (run.id.to_string(), theme.dim()),
        ]);
    }
    row.draw(buffer, area.x, area.y);
}

fn sign_of(run: &RunBoard) -> &'static str {
    match run.state.as_str() {
        "paused" => "‖",
        "stopping" => "×",
        other => sign(other),
    }
}

/// `5/9 done, 2 at work, 1 not done`.
fn counts(run: &RunBoard) -> String {
    let s = &run.summary;
    let not_done = s.failed + s.needs_human + s.skipped + s.cancelled;
    let more = [(s.running, "at work"), (s.waiting, "waiting"), (not_done, "not done")];
    let more: String = more.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!(", {n} {what}")).collect();
    format!("{}/{} done{more}", s.done, s.total)
}

fn uses(buffer: &mut Buffer, area: Rect, model: &Model) {
    let theme = model.theme;
    let Some(run) = model.run() else { return };
    let m = &run.machine;
    let percent = |name: &str, n: Option<f64>| n.map(|n| format!("{name} {n:.0} %")).unwrap_or_default();
    let tight = |n: Option<f64>| if n.is_some_and(|n| n >= 90.0) { theme.alert() } else { theme.dim() };
    let dim = theme.dim();
    let tokens = tokens_of(&run.usage);
    let tokens = if tokens.is_empty() { tokens } else { format!("{tokens} tokens") };
    let agents = if m.agents_processes > 0 {
        let cpu = m.agents_cpu_percent.map(|c| format!(" {c:.0} % cpu")).unwrap_or_default();
        format!("agents {}{cpu}", bytes(m.agents_memory))
    } else {
        String::new()
    };
    let figures =
        if run.summary.sequential_seconds > 0.0 { format!("{:.1}x as fast as one at a time", run.summary.speedup) } else { String::new() };
    let calls = if run.model_calls > 0 { format!("{} calls", run.model_calls) } else { String::new() };
    let row = Row::new(area.width).pieces([
        (format!("slots {}/{}", run.slots_used, run.jobs), theme.bold()),
        (tokens, theme.bold()),
        (cost_of(&run.usage), theme.bold()),
        (calls, dim),
        (percent("cpu", m.cpu_percent), dim),
        (percent("mem", m.memory_percent), tight(m.memory_percent)),
        (percent("disk", m.disk_percent), tight(m.disk_percent)),
        (agents, dim),
        (figures, dim),
        (run.budget.clone().unwrap_or_default(), if run.budget_warned.is_empty() { dim } else { theme.alert() }),
    ]);
    row.draw(buffer, area.x, area.y + 1);
}

fn views(buffer: &mut Buffer, area: Rect, model: &Model) {
    let theme = model.theme;
    let mut row = Row::new(area.width);
    for (i, view) in View::ALL.into_iter().enumerate() {
        let more = match (view, model.run()) {
            (View::Failures, Some(run)) if !run.failures.is_empty() => format!(" {}", run.failures.len()),
            (View::Health, Some(run)) => {
                let ill = run.health.iter().filter(|h| h.status != greenlane_core::health::HealthStatus::Healthy).count();
                if ill > 0 { format!(" {ill}!") } else { String::new() }
            }
            (View::Task, _) => model.open.as_ref().map(|o| format!(" {}", short(o.key.task.as_str()))).unwrap_or_default(),
            _ => String::new(),
        };
        let style = if view == model.view { theme.selected().patch(theme.bold()) } else { theme.dim() };
        row = row.text(&format!(" {} {}{more} ", i + 1, view.name()), style);
    }
    let mut right = Vec::new();
    let is_list = is_list(model.view);
    if model.filter != Filter::Fitting && is_list {
        right.push((format!(" {} ", model.filter.name()), theme.alert()));
    }
    let sought = if is_list { &model.search } else { &model.find };
    if !sought.is_empty() && !matches!(model.asking, Asking::Text(_)) {
        right.push((format!(" /{} ", clean(sought)), theme.alert()));
    }
    row.right(right).draw(buffer, area.x, area.y + 2);
}

/// An id beside the view's name.
fn short(id: &str) -> String {
    let id = clean(id);
    fit(&id, columns(&id).min(20))
}

/// What wants somebody, what matters most first.
fn alerts(model: &Model, now: Time) -> Vec<String> {
    let mut out: Vec<String> = model.board.as_ref().and_then(|b| b.trouble.clone()).into_iter().collect();
    let Some(run) = model.run() else { return out };
    match run.questions.as_slice() {
        [] => {}
        [one] => out.push(format!("{} asks: {} (a answers)", one.name, one.text.first().cloned().unwrap_or_default())),
        several => out.push(format!("{} questions wait for you (a answers)", several.len())),
    }
    let by_hand: Vec<&str> = run.tasks.iter().filter(|t| t.by_hand).map(|t| t.name.as_str()).collect();
    match by_hand.as_slice() {
        [] => {}
        [one] => out.push(format!("{one} is in your hands (d: it is done)")),
        several => out.push(format!("{} tasks are in your hands", several.len())),
    }
    out.extend(run.halted.clone());
    out.extend(run.short_of.iter().map(|s| format!("nothing starts: {s}")));
    for account in &run.accounts {
        if let Some(until) = account.free_at.filter(|at| *at > now) {
            out.push(format!("{} is limited, free again {}", account.name, until_words(model.theme, until, now)));
        }
    }
    let red = |p: &&PlanRow| p.base_red.is_some() && p.state == "failed";
    out.extend(run.plans.iter().filter(red).map(|p| match &p.set_up_log {
        Some(_) => format!("worktrees cannot be made ready for {} (o shows why)", p.name),
        None => format!("the suite is red on the base of {} (o shows what it said)", p.name),
    }));
    match run.state.as_str() {
        "interrupted" => out.push(String::from("its coordinator is gone (p takes the run up again, as `greenlane resume` does)")),
        "stopped" => out.push(String::from("it was stopped before its end (p takes it up again)")),
        _ => {}
    }
    out
}

/// Where nothing ever ran.
pub(super) fn nothing(buffer: &mut Buffer, area: Rect, model: &Model) {
    let theme = model.theme;
    let lines: &[&str] = match &model.board {
        None => &["looking …"],
        Some(_) => &[
            "Nothing has run in this repository yet.",
            "",
            "  greenlane plan PLAN    shows what would happen",
            "  greenlane run PLAN     does it",
            "  greenlane demo         shows it on a sample",
            "",
            "A run that begins here is shown at once.",
        ],
    };
    for (i, line) in (0..area.height.saturating_sub(1)).zip(lines) {
        let style = if i == 0 { theme.bold() } else { ratatui::style::Style::new() };
        Row::new(area.width).text("  ", style).text(line, style).draw(buffer, area.x, area.y + 1 + i);
    }
}

/// The last row; gives where the cursor stands in it.
pub(super) fn foot(buffer: &mut Buffer, area: Rect, model: &Model) -> Option<Position> {
    let theme = model.theme;
    if let Asking::Text(question) = &model.asking
        && question.purpose == Purpose::Search
    {
        let text = clean(&question.text);
        Row::new(area.width).text("/", theme.bold()).text(&text, theme.bold()).draw(buffer, area.x, area.y);
        let at = area.x.saturating_add(u16::try_from(columns(&text) + 1).unwrap_or(u16::MAX)).min(area.right() - 1);
        return Some(Position { x: at, y: area.y });
    }
    if let Some(message) = &model.message {
        let style = if message.is_error { theme.paint(Paint::RedBold) } else { theme.paint(Paint::Green).patch(theme.bold()) };
        // Over the rows above, where one is not enough: it goes away by itself.
        let lines = wrapped(&message.text, usize::from(area.width), MESSAGE_ROWS);
        let first = area.y + 1 - u16::try_from(lines.len().max(1)).unwrap_or(1).min(area.y);
        for (y, line) in (first..).zip(&lines) {
            let row = Row::new(area.width).text(line, style);
            let rest = " ".repeat(row.left());
            row.text(&rest, style).draw(buffer, area.x, y);
        }
        return None;
    }
    let pause = match model.run() {
        Some(run) if run.state == "paused" && run.alive => "go on",
        Some(run) if run.can_be_resumed() => "resume",
        _ => "pause",
    };
    let keys: &[(&str, &str)] = match model.view {
        View::Task => &[
            ("?", "keys"),
            ("q", "quit"),
            ("Esc", "back"),
            ("←→", "tabs"),
            ("[]", "attempts"),
            ("s", "stop"),
            ("r", "retry"),
            ("e", "editor"),
            ("/", "search"),
            ("F", "follow"),
        ],
        View::Suite => &[("?", "keys"), ("q", "quit"), ("Esc", "back"), ("↑↓", "scroll"), ("/", "search"), ("n N", "hits")],
        View::Health | View::Runs => {
            &[("?", "keys"), ("q", "quit"), ("Tab", "views"), ("↑↓", "scroll"), ("/", "search"), ("p", pause), ("S", "stop the run")]
        }
        _ => &[
            ("?", "keys"),
            ("q", "quit"),
            ("Enter", "open"),
            ("s", "stop"),
            ("r", "retry"),
            ("p", pause),
            ("L", "land"),
            ("e", "editor"),
            ("/", "search"),
            ("f", "filter"),
        ],
    };
    let mut row = Row::new(area.width);
    for (key, what) in keys {
        let taken = columns(key) + columns(what) + 3;
        if taken > row.left() {
            break;
        }
        row = row.text(key, theme.bold()).text(" ", theme.dim()).text(what, theme.dim()).text("  ", theme.dim());
    }
    row.draw(buffer, area.x, area.y);
    None
}
