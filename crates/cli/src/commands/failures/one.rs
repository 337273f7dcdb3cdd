//! One failure as text, as wide as the terminal: what happened, by what evidence, what was printed, what was done about it. Reads nothing.

use std::fmt::Write as _;
use std::time::Duration;

use greenlane_core::failure::Evidence;
use greenlane_runtime::clock;
use greenlane_runtime::subscriber::{FailureRecord, RetryRecord};
use serde_json::Value;

use super::show::{Document, Task};
use super::text::{kind_of, name_of};
use crate::output::{Paint, paint};
use crate::report::{Look, clean, fact_lines, humane, last_lines, local_times, quoted, short, state_words, wrapped};

/// Most lines of one message or fact.
const LINES_MAX: usize = 8;
/// Keys of the context that have a line of their own, or say what another line says.
const KNOWN: [&str; 25] = [
    "run",
    "attempt",
    "number",
    "outcome",
    "detail",
    "evidence",
    "reset_at",
    "agent",
    "output_of",
    "worktree",
    "branch",
    "base",
    "started_at",
    "duration_ms",
    "model",
    "session",
    "usage",
    "model_calls",
    "model_retries",
    "tool_calls",
    "http_status",
    "memory_peak_bytes",
    "strays_ended",
    "commit",
    "check",
];
/// Most pairs of a script's context that are shown.
const NOTES_MAX: usize = 20;

/// The whole text.
pub(super) fn text(document: &Document, look: Look) -> String {
    let record = &document.failure.record;
    let mut out = String::new();
    let name = clean(&name_of(record));
    let _ = writeln!(out, "{}  {}", paint(&name, Paint::Bold, look.color), paint(&kind_of(record), Paint::Red, look.color));
    for line in wrapped(&clean(&record.error_message), look.width.saturating_sub(2), LINES_MAX) {
        let _ = writeln!(out, "  {line}");
    }
    out.push('\n');
    let mut fact = |name: &str, value: Option<String>| out.push_str(&fact_lines(name, value, look, LINES_MAX));
    fact("when", Some(when(record)));
    fact("agent", agent(record));
    fact("ended", ended(record));
    fact("evidence", text_of(record, "evidence").as_deref().map(evidence));
    fact("check", check(record));
    fact("files", record.context.get("files").map(listed));
    fact("denied", record.context.get("denied").map(listed));
    fact("resources", resources(record));
    fact("worktree", text_of(record, "worktree"));
    fact("branch", text_of(record, "branch"));
    fact("work", text_of(record, "commit").map(|c| format!("kept in {}", short(&c))));
    let notes = record.context.iter().filter(|(k, _)| !KNOWN.contains(&k.as_str()) && !matches!(k.as_str(), "files" | "denied"));
    for (key, value) in notes.take(NOTES_MAX) {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        fact(&clean(key), Some(clean(&value)));
    }
    fact("reporter", record.context.get("attempt").is_none().then(|| clean(&record.worker_id)));
    fact("then", document.decision.as_ref().map(|d| decided(&d.record, document.task.as_ref())));
    fact("now", document.task.as_ref().map(now));
    let who = match text_of(record, "output_of").as_deref() {
        Some("check") => "What the check printed last",
        Some("suite") => "What the suite printed last",
        _ => "What it printed last",
    };
    match &document.words {
        Some(words) => part(&mut out, "What it said and did last", words, look),
        None => part(&mut out, who, &record.last_output_lines, look),
    }
    part(&mut out, "On standard error", &record.last_error_lines, look);
    if let Some(trace) = &record.stack_trace {
        part(&mut out, "Stack trace", &trace.lines().map(str::to_owned).collect::<Vec<_>>(), look);
    }
    where_the_logs_are(&mut out, document, look);
    out
}

fn part(out: &mut String, title: &str, lines: &[String], look: Look) {
    let shown = last_lines(&lines.join("\n"));
    if shown.is_empty() {
        return;
    }
    let left_out =
        if shown.len() < lines.len() { format!(" ({} of {} lines; `--json` has all)", shown.len(), lines.len()) } else { String::new() };
    let _ = writeln!(out, "\n{}{left_out}", paint(title, Paint::Bold, look.color));
    for line in shown {
        let _ = writeln!(out, "  {} {line}", paint("|", Paint::Dim, look.color));
    }
}

fn where_the_logs_are(out: &mut String, document: &Document, look: Look) {
    let (Some(files), Some(task)) = (&document.files, &document.task) else { return };
    let record = &document.failure.record;
    let key = format!("{}/{}", record.plan.as_deref().unwrap_or_default(), record.task.as_deref().unwrap_or_default());
    let _ = writeln!(out, "\n{}", paint("Logs", Paint::Bold, look.color));
    let number = record.number().map(|n| format!(" --attempt {n}")).unwrap_or_default();
    let _ = writeln!(out, "  greenlane logs {}{number}{}", quoted(&clean(&key)), task.flag);
    let _ = writeln!(out, "  {}", files.display());
}

fn text_of(record: &FailureRecord, key: &str) -> Option<String> {
    record.context.get(key)?.as_str().map(clean)
}

fn number_of(record: &FailureRecord, key: &str) -> u64 {
    record.context.get(key).and_then(Value::as_u64).unwrap_or(0)
}

fn listed(list: &Value) -> String {
    let names: Vec<String> = list.as_array().into_iter().flatten().filter_map(|f| f.as_str().map(clean)).collect();
    names.join(", ")
}

fn when(record: &FailureRecord) -> String {
    let at = record.timestamp.get(..19).unwrap_or(&record.timestamp).replace('T', " ") + "Z";
    record.run().map_or(at.clone(), |run| format!("{at}, in run {}", clean(run)))
}

fn agent(record: &FailureRecord) -> Option<String> {
    let mut all = vec![text_of(record, "agent")?];
    all.extend(text_of(record, "model").map(|m| format!("model {m}")));
    let calls = [("model_calls", "of its model"), ("model_retries", "of these again"), ("tool_calls", "of tools")];
    let calls: Vec<String> = calls
        .iter()
        .map(|(key, what)| (number_of(record, key), what))
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{n} {what}"))
        .collect();
    if !calls.is_empty() {
        all.push(format!("calls: {}", calls.join(", ")));
    }
    if let Some(usage) = record.context.get("usage") {
        let n = |key: &str| usage.get(key).and_then(Value::as_u64).unwrap_or(0);
        all.push(format!("{} tokens in, {} out", n("input_tokens"), n("output_tokens")));
    }
    Some(all.join("; "))
}

fn ended(record: &FailureRecord) -> Option<String> {
    let outcome = text_of(record, "outcome").map(|o| o.replace('_', " "));
    let how = match (record.exit_code, record.signal) {
        (Some(code), _) => Some(format!("exit code {code}")),
        (_, Some(signal)) => Some(format!("signal {signal}")),
        _ => None,
    };
    let mut all: Vec<String> = match (outcome, how) {
        // The words for these are the same.
        (Some(o), Some(how)) if o == "exit code" || o == "signal" => vec![how],
        (Some(o), Some(how)) => vec![format!("{o}; its process: {how}")],
        (outcome, how) => outcome.into_iter().chain(how).collect(),
    };
    if let Some(ms) = record.context.get("duration_ms").and_then(Value::as_u64) {
        all.push(format!("after {}", humane(Duration::from_millis(ms))));
    }
    all.extend(record.context.get("http_status").and_then(Value::as_u64).map(|status| format!("HTTP status {status}")));
    let reset = text_of(record, "reset_at").map(|at| format!("its limit ends at {}", local_times(&at, clock::now())));
    all.extend(reset);
    match number_of(record, "strays_ended") {
        0 => {}
        n => all.push(format!("{n} processes outlived it and were ended")),
    }
    (!all.is_empty()).then(|| all.join(", "))
}

fn evidence(word: &str) -> String {
    let known = serde_json::from_value::<Evidence>(Value::String(word.to_owned()));
    let told = match known {
        Ok(Evidence::Gate) => "the verdict on its work decided on the type",
        Ok(Evidence::Keeper) => "what its keeper did or saw decided on the type",
        Ok(Evidence::AgentEvents) => "the agent's own events decided on the type",
        Ok(Evidence::Exit) => "the exit code or signal decided on the type",
        Ok(Evidence::Output) => "words in its output decided on the type",
        Ok(Evidence::Coordinator) => "Greenlane's own machinery failed",
        Ok(Evidence::Reported) => "somebody reported it",
        Err(_) => word,
    };
    told.to_owned()
}

fn check(record: &FailureRecord) -> Option<String> {
    let check = record.context.get("check")?;
    let command = clean(check.get("command")?.as_str()?);
    let how = match (check.get("timed_out").and_then(Value::as_bool), check.get("exit_code").and_then(Value::as_i64)) {
        (Some(true), _) => String::from("ran into its time limit"),
        (_, Some(code)) => format!("exit code {code}"),
        _ => String::from("was killed"),
    };
    Some(format!("`{command}`: {how}"))
}

fn resources(record: &FailureRecord) -> Option<String> {
    let r = &record.system_resources;
    let peak = number_of(record, "memory_peak_bytes") as f64 / 1e6;
    let mut all = Vec::new();
    all.extend(r.memory_mb.filter(|mb| *mb > 0.0).map(|mb| format!("{mb:.0} MB of memory")));
    if peak >= 1.0 {
        all.push(format!("at most {peak:.0} MB"));
    }
    all.extend(r.cpu_percent.map(|cpu| format!("{cpu:.0} % of a processor")));
    all.extend(r.system_memory_percent.map(|m| format!("{m:.0} % of the machine's memory in use")));
    all.extend(r.disk_usage_percent.map(|d| format!("{d:.0} % of the disk")));
    (!all.is_empty()).then(|| all.join(", "))
}

fn decided(record: &RetryRecord, task: Option<&Task>) -> String {
    let wait = humane(Duration::try_from_secs_f64(record.backoff_seconds).unwrap_or_default());
    let told = match record.how.as_str() {
        "repair" => String::from("what was said went back to its agent"),
        "quota" => format!("its task waited {wait} for the quota of its account, which used up no retry"),
        "fallback" => String::from("its task went to another agent, which used up no retry"),
        _ if record.will_retry => format!("tried again after {wait} (retry {})", record.retry),
        _ => {
            let why = record.given_up_because.as_deref().map(|why| format!(": {}", local_times(&clean(why), clock::now())));
            return format!("given up{}", why.unwrap_or_default());
        }
    };
    match task.and_then(|t| t.next_attempt) {
        Some(n) => format!("{told}, as attempt #{n}"),
        None => told,
    }
}

fn now(task: &Task) -> String {
    let landed = task.landed.as_deref().map(|l| format!(", landed as {}", short(l))).unwrap_or_default();
    format!("its task is {}{landed}", state_words(&task.state))
}
