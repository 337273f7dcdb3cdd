//! The view of tasks: plan by plan with its progress, a row a task; below, the selected one in words.

use greenlane_core::time::Time;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::model::Model;
use super::super::rows::{Row as Listed, begin, with_plans};
use super::super::run::{clock_of, until_words};
use super::super::theme::{cost_of, tokens_of};
use super::line::{Row, rule};
use crate::board::{PlanRow, RunBoard, TaskRow};
use crate::output::Paint;
use crate::report::{columns, humane, wrapped};

/// The selected task is told in so many rows below the list, where there is room.
const BELOW: u16 = 4;
const ROWS_FOR_BELOW: u16 = 12;
/// From so many columns on there is room for tokens and cost.
const WIDE: u16 = 110;

pub(super) fn draw(buffer: &mut Buffer, area: Rect, model: &mut Model, now: Time) {
    let below = if area.height >= ROWS_FOR_BELOW { BELOW } else { 0 };
    let list = Rect { height: area.height - below, ..area };
    model.list_rows = usize::from(list.height);
    let Some(run) = model.run() else { return };
    let rows = with_plans(model, run);
    let is_selected = |row: &Listed| matches!(row, Listed::Task(i) if Some(&run.tasks[*i].key) == model.selected.as_ref());
    let at = rows.iter().position(is_selected).unwrap_or(0);
    // With the plan's own rows, where they stand right above.
    let lead = rows[..at].iter().rev().take_while(|r| !matches!(r, Listed::Task(_))).count();
    let from = begin(model.offsets[0], at, lead, usize::from(list.height), rows.len());
    let shown = &rows[from..rows.len().min(from + usize::from(list.height))];
    let widths = Widths::of(run, shown, area.width);
    for (y, row) in (list.y..).zip(shown) {
        match row {
            Listed::Plan(i) => plan(buffer, list, y, &run.plans[*i], model),
            Listed::Branch(i) => branch(buffer, list, y, &run.plans[*i], model),
            Listed::Task(i) => {
                let selected = if is_selected(row) { model.theme.selected() } else { Style::new() };
                task(&run.tasks[*i], run, model, &widths, now, area.width).over(selected).draw(buffer, list.x, y);
            }
            Listed::Rest(i) => {
                let shown = |at: usize| rows.contains(&Listed::Task(at));
                let own = run.tasks.iter().enumerate().filter(|(at, t)| t.plan == *i && !shown(*at));
                Row::new(area.width).text(&rest_words(own.map(|(_, t)| t)), model.theme.dim()).draw(buffer, list.x, y);
            }
        }
    }
    if rows.is_empty() {
        Row::new(area.width).text("  no task is listed: Esc shows all", model.theme.dim()).draw(buffer, list.x, list.y);
    }
    if below > 0 {
        let area = Rect { y: area.bottom() - below, height: below, ..area };
        selected_task(buffer, area, model, now, (rows.iter().filter(|r| matches!(r, Listed::Task(_))).count(), run.tasks.len()));
    }
    (model.offsets[0], model.page) = (from, usize::from(list.height).saturating_sub(1).max(1));
}

/// `· 13 queued, 6 blocked, 3 done; f lists them`.
fn rest_words<'a>(tasks: impl Iterator<Item = &'a TaskRow>) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for task in tasks {
        match counts.iter_mut().find(|(words, _)| *words == task.words) {
            Some((_, n)) => *n += 1,
            None => counts.push((&task.words, 1)),
        }
    }
    let words: Vec<String> = counts.iter().map(|(words, n)| format!("{n} {words}")).collect();
    format!("… {}; f lists them", words.join(", "))
}

/// Columns of the table.
struct Widths {
    name: usize,
    agent: usize,
    state: usize,
    wide: bool,
    /// Somebody has told of turns, tokens, cost, and there is room for them.
    told: [bool; 3],
}

impl Widths {
    fn of(run: &RunBoard, rows: &[Listed], width: u16) -> Self {
        let tasks = || rows.iter().filter_map(|r| if let Listed::Task(i) = r { Some(&run.tasks[*i]) } else { None });
        let most = |of: fn(&TaskRow) -> &str, max: usize| tasks().map(|t| columns(of(t))).max().unwrap_or(0).min(max);
        let wide = width >= WIDE;
        Self {
            name: tasks().map(|t| columns(name_of(t, run))).max().unwrap_or(0).min(if wide { 40 } else { usize::from(width) / 4 }),
            agent: most(|t| &t.agent, if wide { 14 } else { 8 }),
            told: [
                wide && tasks().any(|t| t.iteration.is_some()),
                wide && tasks().any(|t| !tokens_of(&t.usage).is_empty()),
                wide && tasks().any(|t| t.usage.cost_usd.is_some()),
            ],
            state: most(state_of(wide), 15),
            wide,
        }
    }
}

/// A state in words, without what a narrow table has no room for.
fn state_of(wide: bool) -> fn(&TaskRow) -> &str {
    if wide { |t| &t.words } else { |t| t.words.strip_prefix("awaiting ").unwrap_or(&t.words) }
}

/// Below its plan a task needs no plan's name.
fn name_of<'a>(task: &'a TaskRow, run: &RunBoard) -> &'a str {
    let plan = run.plan_of(task).map_or("", |p| p.name.as_str());
    task.name.strip_prefix(plan).and_then(|rest| rest.strip_prefix('/')).unwrap_or(&task.name)
}

fn plan(buffer: &mut Buffer, area: Rect, y: u16, plan: &PlanRow, model: &Model) {
    let theme = model.theme;
    let title = if plan.title == plan.name { String::new() } else { format!("  {}", plan.title) };
    let progress = format!(" {}/{} {:3} %", plan.done, plan.total, plan.percent);
    let bar = usize::from(area.width / 4).clamp(8, 40);
    let room = usize::from(area.width).saturating_sub(bar + columns(&progress) + 2);
    let row = Row::new(area.width).cell(&format!("{}{title}", plan.name), room, theme.bold());
    let mut right = self::bar(plan, bar, model);
    right.push((progress, theme.bold()));
    row.right(right).draw(buffer, area.x, y);
}

/// Done, at work, ended otherwise, to come: each its own sign, so that it can be told without colour.
fn bar(plan: &PlanRow, width: usize, model: &Model) -> Vec<(String, Style)> {
    let theme = model.theme;
    let total = plan.total.max(1);
    let mut used = 0;
    let mut out = Vec::new();
    let mut sum = 0;
    let parts = [(plan.done, '█', Paint::Green), (plan.running, '▓', Paint::Cyan), (plan.not_done, '×', Paint::Red)];
    for (n, sign, paint) in parts {
        sum += n;
        // What there is has a column, and only all of it fills the bar.
        let mut to = sum * width / total;
        if n > 0 && to == used {
            to += 1;
        }
        let to = to.min(width).max(used);
        out.push((sign.to_string().repeat(to - used), theme.paint(paint)));
        used = to;
    }
    out.push(("░".repeat(width - used), theme.dim()));
    out.retain(|(text, _)| !text.is_empty());
    out
}

fn branch(buffer: &mut Buffer, area: Rect, y: u16, plan: &PlanRow, model: &Model) {
    let theme = model.theme;
    let dim = theme.dim();
    let tokens = tokens_of(&plan.usage);
    let tokens = if tokens.is_empty() { tokens } else { format!("{tokens} tokens") };
    let not_done = if plan.not_done > 0 { format!("{} not done", plan.not_done) } else { String::new() };
    let verified = if plan.landable && !plan.verified { "not all verified" } else { "" };
    let row = Row::new(area.width).text("  ", dim).pieces([
        (plan.reason.clone().unwrap_or_default(), theme.state(&plan.state)),
        (plan.branch.clone().unwrap_or_else(|| String::from("no branch yet")), dim),
        (not_done, theme.paint(Paint::Red)),
        (String::from(verified), theme.paint(Paint::Yellow)),
        (tokens, dim),
        (cost_of(&plan.usage), dim),
    ]);
    row.draw(buffer, area.x, y);
}

fn task(task: &TaskRow, run: &RunBoard, model: &Model, widths: &Widths, now: Time, width: u16) -> Row {
    let theme = model.theme;
    let style = theme.state(&task.state);
    let faint = if task.state == "done" || task.state == "blocked" { theme.dim() } else { Style::new() };
    let number = task.attempt.map(|n| format!("#{n}")).unwrap_or_default();
    let time = if task.seconds > 0.0 || task.ticks { humane(clock_of(task.seconds, model.passed(now), task.ticks)) } else { String::new() };
    let mut row = Row::new(width)
        .cell(task.sign, 1, style)
        .cell(name_of(task, run), widths.name, if task.is_at_work() { theme.bold() } else { faint })
        .cell(state_of(widths.wide)(task), widths.state, style)
        .cell(&number, 3, faint)
        .cell(&task.agent, widths.agent, faint)
        .number(&time, 6, faint);
    let [turns, tokens, cost] = widths.told;
    if turns {
        row = row.cell(&task.iteration.map(|n| format!("turn {n}")).unwrap_or_default(), 8, faint);
    }
    if tokens {
        row = row.number(&tokens_of(&task.usage), 6, faint);
    }
    if cost {
        row = row.number(&cost_of(&task.usage), 7, faint);
    }
    let (what, style) = what(task, model, now);
    row.text(&what, style)
}

/// What there is to say of it in what is left of a row.
fn what(task: &TaskRow, model: &Model, now: Time) -> (String, Style) {
    let theme = model.theme;
    let dim = theme.dim();
    if let Some(until) = task.until.filter(|u| *u > now) {
        let why = task.reason.as_deref().map(first_clause).unwrap_or_default();
        return (format!("{}: {why}", until_words(theme, until, now)), theme.paint(Paint::Yellow));
    }
    if task.question.is_some() {
        return (task.reason.clone().unwrap_or_else(|| String::from("asks something")), theme.alert());
    }
    if task.is_at_work()
        && let Some(activity) = task.activity.as_ref().or(task.reason.as_ref())
    {
        let ill = task.health.is_some_and(|h| h != greenlane_core::health::HealthStatus::Healthy);
        return (activity.clone(), if ill { theme.alert() } else { Style::new() });
    }
    if task.went_wrong()
        && let Some(reason) = &task.reason
    {
        return (first_clause(reason).to_owned(), theme.state(&task.state));
    }
    match &task.reason {
        Some(reason) if task.state != "done" => (theme.times(reason, now), dim),
        _ => (task.title.clone(), dim),
    }
}

fn first_clause(reason: &str) -> &str {
    greenlane_core::view::brief(reason)
}

/// The selected task in words.
fn selected_task(buffer: &mut Buffer, area: Rect, model: &Model, now: Time, (listed, all): (usize, usize)) {
    let theme = model.theme;
    let Some(task) = model.task() else { return rule(buffer, area, area.y, "", theme.dim()) };
    rule(buffer, area, area.y, &task.name, theme.dim());
    let tokens = tokens_of(&task.usage);
    let facts = [
        (task.title.clone(), theme.bold()),
        (if tokens.is_empty() { tokens } else { format!("{tokens} tokens") }, Style::new()),
        (cost_of(&task.usage), Style::new()),
        (task.iteration.map(|n| format!("turn {n}")).unwrap_or_default(), Style::new()),
        (task.attempt.filter(|n| *n > 1).map(|n| format!("attempt {n}")).unwrap_or_default(), Style::new()),
        (task.group.as_ref().map(|g| format!("group {g}")).unwrap_or_default(), theme.dim()),
        (if task.depends.is_empty() { String::new() } else { format!("needs {}", task.depends.join(", ")) }, theme.dim()),
        (if listed < all { format!("{listed} of {all} listed") } else { format!("{all} listed") }, theme.dim()),
    ];
    Row::new(area.width).pieces(facts).draw(buffer, area.x, area.y + 1);
    let said = [task.reason.as_ref().map(|r| theme.times(r, now)), task.activity.clone()];
    let mut said: Vec<String> = said.into_iter().flatten().collect();
    said.dedup();
    let lines = said.iter().flat_map(|s| wrapped(s, usize::from(area.width), 2));
    for (y, line) in (area.y + 2..area.bottom()).zip(lines) {
        Row::new(area.width).text(&line, theme.state(&task.state)).draw(buffer, area.x, y);
    }
}
