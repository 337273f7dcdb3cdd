//! `deficiencies show`: one in full: where it showed, what could be done, what is known to help, and whether that held. Changes nothing.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use greenlane_core::deficiency::{Deficiency, Remediation};
use greenlane_core::time::Time;
use greenlane_runtime::clock;

use super::{View, find, open, status_paint};
use crate::context::Context;
use crate::error::Outcome;
use crate::output::{Paint, paint};
use crate::report::{Look, clean, fact_lines, humane, local, short, wrapped};
use crate::session::Session;

/// Flags of `deficiencies show`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane deficiencies show 3fa9           where it showed, how often, what helps
  greenlane deficiencies show 3fa9 --json")]
pub struct ShowArgs {
    /// The deficiency, or the beginning of its id
    #[arg(value_name = "ID")]
    pub id: String,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

/// Most lines of one fact.
const LINES_MAX: usize = 6;

pub(super) fn run(args: &ShowArgs, context: &Context) -> Outcome {
    let session = Session::open(context)?;
    let (reading, now) = (open(&session)?, clock::now());
    let of = find(&reading, &args.id)?;
    if args.json {
        context.output.json(&View::of(of, now))?;
    } else {
        context.output.data(&text(of, now, Look::of_stdout(context.output.color)))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What is known to help, and whether it held; `None` where nobody has said anything.
pub(super) fn remedy(of: &Deficiency) -> Option<String> {
    let commit = of.remediation_commit.as_deref().map(|c| clean(short(c)));
    let solution = of.solution.as_deref().map(clean);
    let times = if of.context.returned == 1 { String::from("once") } else { format!("{} times", of.context.returned) };
    let reopened = of.context.returned > 0 && of.remediation_status != Remediation::Fixed;
    let known = match (&solution, &commit) {
        (None, None) => return None,
        (Some(solution), None) => solution.clone(),
        (Some(solution), Some(commit)) => format!("{solution} (commit {commit})"),
        (None, Some(commit)) => format!("commit {commit}"),
    };
    Some(match (reopened, of.context.returned) {
        (true, _) => format!("{known}; it has shown again since ({times}), and is open again: that was not enough"),
        (false, 0) => known,
        (false, _) => format!("{known}; it had shown again {times} before"),
    })
}

fn text(of: &Deficiency, now: Time, look: Look) -> String {
    let mut out = String::new();
    let kind = of.deficiency_type.as_str().replace('_', " ");
    let status = paint(of.remediation_status.as_str(), status_paint(of.remediation_status), look.color);
    let _ = writeln!(out, "{}  {kind}, {status}, priority {}", paint(&of.id, Paint::Bold, look.color), of.priority(now));
    for line in wrapped(&clean(&of.description), look.width.saturating_sub(2), LINES_MAX) {
        let _ = writeln!(out, "  {line}");
    }
    out.push('\n');
    let mut fact = |name: &str, value: Option<String>| out.push_str(&fact_lines(name, value, look, LINES_MAX));
    let context = &of.context;
    let times = if of.frequency == 1 { String::from("once") } else { format!("{} times", of.frequency) };
    let pattern = if of.is_pattern() { ", which makes it a pattern" } else { "" };
    fact(
        "showed",
        Some(format!(
            "{times}{pattern}; first {}, last {} ({} ago)",
            local(of.first_seen, now),
            local(of.last_seen, now),
            humane(now.since(of.last_seen))
        )),
    );
    fact("how", context.way.and_then(|w| serde_json::to_value(w).ok()).and_then(|w| w.as_str().map(|w| w.replace('_', " "))));
    let kind = context.failure_type.map(|kind| kind.as_str().to_owned());
    fact("failure", kind.map(|k| context.failure_detail.map_or(k.clone(), |d| format!("{k}: {}", d.as_str()))));
    fact("tasks", Some(listed(&context.tasks)));
    fact("agents", Some(listed(&context.agents)));
    fact("checks", Some(context.checks.iter().map(|c| format!("`{}`", clean(c))).collect::<Vec<_>>().join(", ")));
    fact("files", Some(listed(&context.files)));
    fact("denied", Some(listed(&context.denied)));
    fact("exit code", context.exit_code.map(|c| c.to_string()));
    let peak = context.memory_peak_bytes as f64 / 1e6;
    fact("memory", (peak >= 1.0).then(|| format!("at most {peak:.0} MB")));
    fact("took", (context.seconds_max > 0).then(|| format!("at most {}", humane(Duration::from_secs(context.seconds_max)))));
    fact("limit", context.reset_at.map(|at| format!("ends at {}", local(at, now))));
    fact("runs", Some(listed(&context.runs)));
    for (key, value) in &context.notes {
        fact(&clean(key), Some(clean(&value.as_str().map_or_else(|| value.to_string(), str::to_owned))));
    }
    fact("issue", of.github_issue.as_deref().map(clean));
    fact("solution", remedy(of).or_else(|| Some(String::from("nobody has said what helps"))));
    fact("fixed at", of.fixed_at.map(|at| local(at, now)));
    list(&mut out, "What was said", '|', &context.evidence, look);
    list(&mut out, "What could be done", '→', &of.improvement_suggestions, look);
    out
}

fn listed(names: &[String]) -> String {
    names.iter().map(|n| clean(n)).collect::<Vec<_>>().join(", ")
}

fn list(out: &mut String, title: &str, sign: char, entries: &[String], look: Look) {
    if entries.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", paint(title, Paint::Bold, look.color));
    for entry in entries {
        for (n, line) in wrapped(&clean(entry), look.width.saturating_sub(4), LINES_MAX).iter().enumerate() {
            let _ = writeln!(out, "  {} {line}", if n == 0 || sign == '|' { sign } else { ' ' });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use greenlane_core::deficiency::DeficiencyType;

    #[test]
    fn a_remedy_that_did_not_hold_is_said_to_be_none() {
        let mut of = Deficiency::new(DeficiencyType::LogicError, "x".into(), Time(0));
        assert_eq!(remedy(&of), None);
        of.solution = Some("call frob() first\u{1b}[2J".into());
        assert_eq!(remedy(&of).as_deref(), Some("call frob() first"));
        of.remediation_commit = Some("1a2b3c4d5e6f7a8b".into());
        of.remediation_status = Remediation::Fixed;
        assert_eq!(remedy(&of).as_deref(), Some("call frob() first (commit 1a2b3c4d5e6f)"));
        of.context.returned = 2;
        assert!(remedy(&of).is_some_and(|r| r.ends_with("; it had shown again 2 times before")));
        of.remediation_status = Remediation::Open;
        assert!(remedy(&of).is_some_and(|r| r.ends_with("it has shown again since (2 times), and is open again: that was not enough")));
    }
}
