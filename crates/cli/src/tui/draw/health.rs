//! The view of how things are: attempts under way, agents and accounts, workers, the machine, figures.

use greenlane_core::health::HealthStatus;
use greenlane_core::time::Time;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use std::time::Duration;

use super::super::model::Model;
use super::super::run::until_words;
use super::super::theme::{bytes, cost_of, tokens, tokens_of};
use super::texts;
use crate::board::{HealthRow, RunBoard};
use crate::output::Paint;
use crate::report::{fit, humane, wrapped};

type Lines = Vec<(String, Style)>;

/// Columns of a name.
const NAME: usize = 20;

pub(super) fn draw(buffer: &mut Buffer, area: Rect, model: &mut Model, now: Time) {
    let Some(run) = model.run() else { return };
    let mut lines = Lines::new();
    attempts(&mut lines, run, model, now, usize::from(area.width));
    agents(&mut lines, run, model, now, usize::from(area.width));
    figures(&mut lines, run, model, usize::from(area.width));
    advice(&mut lines, run, model, usize::from(area.width));
    let scroll = texts::styled(buffer, area, model, model.offsets[4], &lines);
    (model.offsets[4], model.page) = (scroll, usize::from(area.height).saturating_sub(1).max(1));
    model.drawn = texts::plain(lines);
}

fn heading(lines: &mut Lines, model: &Model, text: &str) {
    if !lines.is_empty() {
        lines.push((String::new(), Style::new()));
    }
    lines.push((text.to_owned(), model.theme.bold()));
}

fn seconds(s: f64) -> String {
    humane(Duration::try_from_secs_f64(s).unwrap_or_default())
}

fn status(status: HealthStatus, model: &Model) -> (char, Style) {
    let theme = model.theme;
    match status {
        HealthStatus::Healthy => ('✓', theme.paint(Paint::Green)),
        HealthStatus::Hung => ('!', theme.alert()),
        HealthStatus::Dead => ('✗', theme.paint(Paint::RedBold)),
        HealthStatus::Unknown => ('?', theme.alert()),
    }
}

fn attempts(lines: &mut Lines, run: &RunBoard, model: &Model, now: Time, width: usize) {
    heading(lines, model, "Attempts under way");
    if run.health.is_empty() {
        lines.push((String::from("  none"), model.theme.dim()));
    }
    for h in &run.health {
        let (sign, style) = status(h.status, model);
        let beat = h.beat_at.map_or_else(|| String::from("no heartbeat yet"), |at| format!("beat {} ago", humane(now.since(at))));
        let mut facts = vec![h.agent.clone(), beat];
        facts.extend(h.iteration.map(|n| format!("turn {n}")));
        if h.model_calls + h.tool_calls > 0 {
            facts.push(format!("{} + {} calls", h.model_calls, h.tool_calls));
        }
        facts.extend(h.tokens.map(|n| format!("{} tokens", tokens(n))));
        if h.processes > 0 {
            facts.push(format!("cpu {}, {:.0} MB", seconds(h.cpu_seconds), h.memory_mb));
        }
        beside(lines, &format!("{sign} {} {}", fit(h.status.as_str(), 7), fit(&h.name, NAME)), &facts.join(", "), style, width);
        if h.status != HealthStatus::Healthy {
            lines.extend(h.reason.iter().map(|r| (format!("    {r}"), style)));
        }
    }
    for w in &run.workers {
        let (sign, style) = status(w.status, model);
        let task = w.task.as_ref().map(|t| format!(", on {t}")).unwrap_or_default();
        let message = w.message.as_ref().map(|m| format!(", {m}")).unwrap_or_default();
        let age = humane(now.since(w.at));
        let name = format!("{sign} {} {}", fit(w.status.as_str(), 7), fit(&w.name, NAME));
        beside(lines, &name, &format!("worker, told of itself {age} ago{task}{message}"), style, width);
    }
}

fn agents(lines: &mut Lines, run: &RunBoard, model: &Model, now: Time, width: usize) {
    let theme = model.theme;
    heading(lines, model, "Agents");
    for a in &run.agents {
        let slots = a.slots.map(|n| format!(" of {n}")).unwrap_or_default();
        let mut facts = vec![
            format!("{}{slots} at work", a.running),
            format!("{} {}", a.attempts, if a.attempts == 1 { "attempt" } else { "attempts" }),
            format!("{} accepted", a.succeeded),
        ];
        if a.failed > 0 {
            facts.push(format!("{} failed", a.failed));
        }
        facts.extend([tokens_of(&a.usage)].into_iter().filter(|t| !t.is_empty()).map(|t| format!("{t} tokens")));
        facts.extend([cost_of(&a.usage)].into_iter().filter(|t| !t.is_empty()));
        fact(lines, &a.name, &facts.join(", "), Style::new(), width);
    }
    for a in &run.accounts {
        let limit = if a.limit == u32::MAX { String::new() } else { format!(" of {}", a.limit) };
        let free = a.free_at.filter(|at| *at > now).map(|at| format!(", limited, free again {}", until_words(theme, at, now)));
        let why = a.reason.as_ref().filter(|_| free.is_some()).map(|r| format!(" ({r})")).unwrap_or_default();
        let style = if free.is_some() { theme.alert() } else { theme.dim() };
        fact(lines, &a.name, &format!("account, {}{limit} at work{}{why}", a.at_work, free.unwrap_or_default()), style, width);
    }
}

fn figures(lines: &mut Lines, run: &RunBoard, model: &Model, width: usize) {
    heading(lines, model, "Machine and figures");
    let m = &run.machine;
    let percent = |n: Option<f64>| n.map_or_else(|| String::from("?"), |n| format!("{n:.0} %"));
    let free = m.disk_free.map(|b| format!(", {} free", bytes(b))).unwrap_or_default();
    let plain = Style::new();
    let cpu = m.agents_cpu_percent.map(|c| format!(", {c:.0} % of a core")).unwrap_or_default();
    let s = &run.summary;
    let mut facts = vec![
        (
            "machine",
            format!(
                "cpu {} of {} cores, memory {}, disk {}{free}",
                percent(m.cpu_percent),
                m.cores,
                percent(m.memory_percent),
                percent(m.disk_percent)
            ),
            plain,
        ),
        ("agents' trees", format!("{} processes, {}{cpu}", m.agents_processes, bytes(m.agents_memory)), plain),
        (
            "figures",
            format!(
                "{:.1}x as fast as one at a time ({}), critical path {}, efficiency {:.0} %",
                s.speedup,
                seconds(s.sequential_seconds),
                seconds(s.critical_path_seconds),
                s.efficiency * 100.0
            ),
            plain,
        ),
    ];
    if let Some(budget) = &run.budget {
        facts.push(("budget", budget.clone(), if run.budget_warned.is_empty() { plain } else { model.theme.alert() }));
    }
    for (name, text, style) in facts {
        fact(lines, name, &text, style, width);
    }
}

/// A fact, folded beside its name.
fn fact(lines: &mut Lines, name: &str, text: &str, style: Style, width: usize) {
    beside(lines, &format!("  {}", fit(name, 14)), text, style, width);
}

/// A text, folded beside what stands before it.
fn beside(lines: &mut Lines, before: &str, text: &str, style: Style, width: usize) {
    let taken = crate::report::columns(before) + 1;
    for (i, line) in wrapped(text, width.saturating_sub(taken).max(20), 6).into_iter().enumerate() {
        let before = if i == 0 { before.to_owned() } else { " ".repeat(taken - 1) };
        lines.push((format!("{before} {line}"), style));
    }
}

fn advice(lines: &mut Lines, run: &RunBoard, model: &Model, width: usize) {
    if run.advice.is_empty() {
        return;
    }
    heading(lines, model, "What can be done");
    for line in &run.advice {
        let indent = line.len() - line.trim_start().len();
        // What fits keeps the columns in which it stands.
        let fits = crate::report::columns(line) + 2 <= width;
        let folded = if fits { vec![line.trim_start().to_owned()] } else { wrapped(line, width.saturating_sub(indent + 2), 4) };
        lines.extend(folded.into_iter().map(|l| (format!("  {}{l}", " ".repeat(indent)), Style::new())));
    }
}

/// One attempt's heartbeat in full.
pub(super) fn beat_lines(h: &HealthRow, model: &Model, now: Time) -> Lines {
    let (sign, style) = status(h.status, model);
    let mut out = vec![(format!("{sign} {}{}", h.status.as_str(), h.reason.as_ref().map(|r| format!(": {r}")).unwrap_or_default()), style)];
    let mut fact = |name: &str, value: Option<String>| {
        out.extend(value.map(|v| (format!("  {name:<14} {v}"), Style::new())));
    };
    fact("says", h.step.clone());
    fact("last beat", h.beat_at.map(|at| format!("{} ago", humane(now.since(at)))));
    fact(
        "quiet for",
        h.quiet.map(|q| format!("{} by then, last sign: {}", seconds(q), h.evidence.clone().unwrap_or_else(|| String::from("its start")))),
    );
    fact("turns", h.iteration.map(|n| n.to_string()));
    fact("calls", Some(format!("{} of its model, {} of tools", h.model_calls, h.tool_calls)));
    fact("tokens", h.tokens.map(tokens));
    fact("cost", h.cost_usd.map(|c| format!("${c:.2}")));
    fact("cpu", Some(seconds(h.cpu_seconds)));
    fact("memory", Some(format!("{:.0} MB in {} processes", h.memory_mb, h.processes)));
    fact("printed", Some(bytes(h.output_bytes)));
    fact("keeper", h.keeper_pid.map(|p| format!("process {p}")));
    out
}
