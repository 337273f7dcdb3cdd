//! The table of what is under way, as wide as the terminal. Reads nothing.

use std::time::Duration;

use greenlane_core::health::HealthStatus;

use super::survey::{AttemptHealth, Summary, WorkerHealth};
use crate::output::{Paint, paint};
use crate::report::{Look, clean, columns, fit, humane, wrapped};

/// The widest column of names.
const NAME_COLUMNS_MAX: usize = 36;
/// Most lines of one reason.
const LINES_MAX: usize = 3;

/// One line.
pub(super) fn summary(sum: &Summary) -> String {
    if sum.total == 0 {
        return String::from("nothing is under way, and no worker tells of itself\n");
    }
    let words = [(sum.healthy, "healthy"), (sum.hung, "hung"), (sum.dead, "dead"), (sum.unknown, "unknown")];
    let parts: Vec<String> = words.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    let counted = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    format!("{}, {}: {}\n", counted(sum.attempts, "attempt"), counted(sum.workers, "worker"), parts.join(", "))
}

/// Two lines each: how it is and what it uses; what it does, and why it is as it is.
pub(super) fn table(attempts: &[AttemptHealth], workers: &[WorkerHealth], look: Look) -> String {
    let names: Vec<String> = attempts
        .iter()
        .map(|a| clean(&format!("{}/{}#{}", a.plan, a.task, a.number.unwrap_or(a.attempt))))
        .chain(workers.iter().map(|w| clean(&w.name)))
        .collect();
    let width = names.iter().map(|n| columns(n)).max().unwrap_or(0).min(NAME_COLUMNS_MAX).min(look.width / 2);
    let mut out = String::new();
    for (name, a) in names.iter().zip(attempts) {
        row(&mut out, look, a.status, &fit(name, width), &facts_of_attempt(a));
        detail(&mut out, look, a.reason.as_deref());
        detail(&mut out, look, a.step.as_deref());
    }
    for (name, w) in names.iter().skip(attempts.len()).zip(workers) {
        row(&mut out, look, w.status, &fit(name, width), &facts_of_worker(w));
        detail(&mut out, look, w.reason.as_deref().or(w.message.as_deref()));
    }
    out
}

fn row(out: &mut String, look: Look, status: HealthStatus, name: &str, facts: &[String]) {
    let (sign, style) = match status {
        HealthStatus::Healthy => ('✓', Paint::Green),
        HealthStatus::Hung => ('!', Paint::Yellow),
        HealthStatus::Dead => ('✗', Paint::Red),
        HealthStatus::Unknown => ('?', Paint::Yellow),
    };
    let word = paint(&format!("{sign} {:7}", status.as_str()), style, look.color);
    let taken = 9 + 2 + columns(name) + 2;
    let rest = fit(&facts.join(", "), look.width.saturating_sub(taken));
    out.push_str(&format!("{word}  {name}  {}\n", rest.trim_end()));
}

fn detail(out: &mut String, look: Look, text: Option<&str>) {
    if let Some(text) = text.map(clean).filter(|t| !t.is_empty()) {
        for line in wrapped(&text, look.width.saturating_sub(2), LINES_MAX) {
            out.push_str(&format!("  {line}\n"));
        }
    }
}

fn facts_of_attempt(a: &AttemptHealth) -> Vec<String> {
    let mut facts = vec![clean(&a.agent)];
    match a.heartbeat_age_seconds {
        Some(age) => facts.push(format!("heartbeat {} ago", seconds(age))),
        None => facts.push(String::from("no heartbeat yet")),
    }
    if let Some(n) = a.iteration {
        facts.push(format!("turn {n}"));
    }
    if a.model_calls + a.tool_calls > 0 {
        facts.push(format!("{} model and {} tool calls", a.model_calls, a.tool_calls));
    }
    if let Some(tokens) = a.tokens {
        facts.push(format!("{tokens} tokens"));
    }
    if a.processes > 0 {
        facts.push(format!("{} CPU", seconds(a.cpu_seconds)));
        facts.push(format!("{:.0} MB", a.memory_mb));
    }
    if !a.coordinated {
        facts.push(String::from("nobody coordinates it"));
    }
    facts
}

fn facts_of_worker(w: &WorkerHealth) -> Vec<String> {
    let mut facts = vec![String::from("worker"), format!("told of itself {} ago", seconds(w.age_seconds))];
    facts.extend(w.task.as_deref().map(|t| format!("on {}", clean(t))));
    facts.extend(w.iteration.map(|n| format!("turn {n}")));
    facts.extend(w.memory_mb.map(|mb| format!("{mb:.0} MB")));
    facts
}

fn seconds(n: f64) -> String {
    humane(Duration::try_from_secs_f64(n).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_names_what_there_is() {
        let sum = Summary { total: 4, healthy: 2, hung: 1, dead: 1, attempts: 3, workers: 1, ..Summary::default() };
        assert_eq!(summary(&sum), "3 attempts, 1 worker: 2 healthy, 1 hung, 1 dead\n");
        assert!(summary(&Summary::default()).starts_with("nothing is under way"));
    }
}
