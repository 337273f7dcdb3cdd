//! What people could do about a deficiency, drawn from its own evidence: the command that failed, the files, the line, the
//! agent, the limit that was hit. Says nothing that it has no evidence for, but for one last line where there is none at all.

use super::context::{Context, cut};
use super::kind::DeficiencyType;
use super::model::{Deficiency, PATTERN_FREQUENCY};
use super::observe::Way;
use crate::failure::FailureDetail;
use crate::time::format_duration;

/// Most suggestions.
const SUGGESTIONS_MAX: usize = 6;
/// Most characters of a quoted line.
const LINE_CHARS_MAX: usize = 160;

/// At most six sentences, what helps most first.
#[must_use]
pub fn suggestions(of: &Deficiency) -> Vec<String> {
    let c = &of.context;
    let mut out = match of.deficiency_type {
        DeficiencyType::CoordinatorBug => coordinator_bug(c),
        DeficiencyType::SilentFailure => silent_failure(c),
        DeficiencyType::ResourceIssue => resource_issue(c),
        DeficiencyType::ApiFailure => api_failure(c),
        DeficiencyType::LogicError => logic_error(c),
        DeficiencyType::QualityGateBug => quality_gate_bug(c),
        DeficiencyType::ConfigurationError => configuration_error(c),
        DeficiencyType::MissingFeature => missing_feature(c),
    };
    if of.frequency >= PATTERN_FREQUENCY && c.tasks.len() >= 3 {
        let tasks = listed(&c.tasks);
        out.push(format!(
            "It showed in {} tasks ({tasks}): look for what they have in common before trying any of them again.",
            c.tasks.len()
        ));
    }
    if out.is_empty() {
        out.push(format!(
            "Nothing is known but its description; add what is: `greenlane deficiencies record {} … --context KEY=VALUE`.",
            of.deficiency_type.as_str()
        ));
    }
    out.truncate(SUGGESTIONS_MAX);
    out
}

fn coordinator_bug(c: &Context) -> Vec<String> {
    let mut out = Vec::new();
    if c.failure_detail == Some(FailureDetail::KeeperLost) {
        out.push(String::from(
            "A keeper was killed from outside: look in the system's log for what ends processes here (out of memory, a session's end).",
        ));
    }
    if let Some(line) = line(c) {
        out.push(format!("Greenlane's own machinery said {line}: check it with `greenlane doctor`."));
    }
    if let (Some(run), Some(task)) = (c.runs.last(), c.tasks.last()) {
        out.push(format!("What the keeper wrote lies below .greenlane/runs/{run} (`greenlane logs {task} --stderr`)."));
    }
    out
}

fn silent_failure(c: &Context) -> Vec<String> {
    let mut out = Vec::new();
    let agent = last_or(&c.agents, "the agent");
    match c.way {
        Some(Way::NoChange) => {
            if let Some(task) = c.tasks.last() {
                out.push(format!("{agent} changed nothing for `{task}`: say in its prompt which files are to change, and give it a `check` that fails until they do."));
            }
            if !c.files.is_empty() {
                out.push(format!("The task owns {}: see whether what it asks for is there already.", listed(&c.files)));
            }
        }
        _ if c.failure_detail == Some(FailureDetail::Stalled) => {
            out.push(format!("{agent} showed no evidence of work until it was ended{}: raise `stall_timeout` if it waits for its model, else try another agent with `greenlane retry TASK --agent NAME`.", after(c)));
        }
        Some(Way::Unsaid) => {
            out.push(format!("{agent} ended{} without a word: run the same by hand with its output in sight.", code(c)));
        }
        _ => {}
    }
    if let Some(line) = line(c) {
        out.push(format!("Its last words were {line}."));
    }
    out
}

fn resource_issue(c: &Context) -> Vec<String> {
    let mut out = Vec::new();
    match c.failure_detail {
        Some(FailureDetail::OutOfMemory) => {
            let used =
                if c.memory_peak_bytes > 0 { format!(" (it was seen to use {})", bytes(c.memory_peak_bytes)) } else { String::new() };
            out.push(format!("Memory ran out{used}: lower `--jobs`, or `[run] check_jobs`, so that fewer of these run at once."));
        }
        Some(FailureDetail::DiskFull) => {
            out.push(String::from(
                "The disk is full: `greenlane clean` frees the worktrees of what has landed; `[workspace] dir` moves them to another disk.",
            ));
        }
        Some(FailureDetail::ContextOverflow) => {
            out.push(format!(
                "The conversation outgrew the model's window: split {}, or name fewer files in its prompt.",
                last_quoted(&c.tasks, "the task")
            ));
        }
        _ if c.seconds_max > 0 => {
            out.push(format!("It was ended{}: raise `timeout` of {}, or split it.", after(c), last_quoted(&c.tasks, "the task")));
        }
        _ => {}
    }
    out
}

fn api_failure(c: &Context) -> Vec<String> {
    let mut out = Vec::new();
    let agent = last_or(&c.agents, "the agent");
    if let Some(reset) = c.reset_at {
        out.push(format!(
            "The limit of {agent}'s account ends at {}: nothing helps before then but another account or agent.",
            reset.rfc3339()
        ));
    }
    match c.failure_detail {
        Some(FailureDetail::RateLimit) => {
            out.push(format!("Let fewer attempts of {agent} run at once: `slots` under [agents.{agent}]; give the tasks `fallbacks`."));
        }
        Some(FailureDetail::ServerError) => {
            out.push(format!("{agent}'s provider failed: a longer `[retry] base` outlasts it, or `fallbacks` go around it."))
        }
        Some(FailureDetail::Network) => out.push(format!(
            "{agent} could not reach its provider: check the network and the proxy variables that it is given (`greenlane doctor`)."
        )),
        _ => {}
    }
    if let Some(line) = line(c) {
        out.push(format!("It said {line}."));
    }
    out
}

fn logic_error(c: &Context) -> Vec<String> {
    let mut out = Vec::new();
    match c.way {
        Some(Way::Ownership) => {
            out.push(format!(
                "Tasks change {} without owning them: add these to their `owns`, or let them depend on the task that owns them.",
                listed(&c.files)
            ));
        }
        Some(Way::Check) => {
            let check = last_quoted(&c.checks, "the check");
            out.push(format!("Run {check} on the plan's base: if it fails there too, it is not the work that is wrong."));
            if !c.files.is_empty() {
                out.push(format!("The work is in {}: name the failing case in the tasks' prompts.", listed(&c.files)));
            }
        }
        Some(Way::Suite) => {
            let suite = last_quoted(&c.checks, "the suite");
            out.push(format!("{suite} fails only on the combined tree: give the tasks a `check` that shows it before they land."));
        }
        _ => {
            if let Some(agent) = c.agents.last() {
                out.push(format!("{agent} ended{}: run the same by hand in its worktree.", code(c)));
            }
        }
    }
    if let Some(line) = line(c) {
        out.push(format!("The line that tells most is {line}."));
    }
    out
}

fn quality_gate_bug(c: &Context) -> Vec<String> {
    let mut out = Vec::new();
    let command = last_quoted(&c.checks, "the suite");
    match c.way {
        Some(Way::SuiteFlaky) => {
            out.push(format!("{command} is red and green on the same work: run it some twenty times on one commit, and mend or leave out what fails now and then."));
        }
        Some(Way::CheckTimedOut) => out.push(format!("{command} does not end within its limit: raise `check_timeout`, or check less.")),
        Some(Way::SuiteTimedOut) => out.push(format!("{command} does not end within its limit: raise `verify_timeout`.")),
        _ => {}
    }
    if let Some(line) = line(c) {
        out.push(format!("Before that it said {line}."));
    }
    out
}

fn configuration_error(c: &Context) -> Vec<String> {
    let mut out = Vec::new();
    let agent = last_or(&c.agents, "the agent");
    match (c.way, c.failure_detail) {
        (Some(Way::Conflict), _) => {
            out.push(format!(
                "Tasks ({}) meet in {}: let them own these files, so that they never run at once, or let one depend on the other.",
                listed(&c.tasks),
                listed(&c.files)
            ));
        }
        (Some(Way::Denied), _) => {
            out.push(format!(
                "{agent}'s own settings deny {}: allow these where nobody can be asked (`extra_args` under [agents.{agent}]).",
                listed(&c.denied)
            ));
        }
        (Some(Way::CheckMissing | Way::SuiteMissing), _) => {
            out.push(format!(
                "{} needs a program that is not in a fresh worktree: install it, or make it there with `[workspace] setup`.",
                last_quoted(&c.checks, "The check")
            ));
        }
        (_, Some(FailureDetail::Authentication)) => {
            out.push(format!("{agent} is not signed in, or its key is refused: `greenlane agents check {agent}` tries it."));
        }
        (_, Some(FailureDetail::MissingProgram)) => {
            out.push(format!("The program of {agent} is missing or no program: `greenlane agents` shows what is found."));
        }
        _ => {}
    }
    if let Some(line) = line(c) {
        out.push(format!("It said {line}."));
    }
    out
}

fn missing_feature(c: &Context) -> Vec<String> {
    let mut out = Vec::new();
    if let Some(task) = c.tasks.last() {
        out.push(format!("`greenlane status {task}` shows what is to be decided and where the work is kept."));
    }
    if let Some(line) = line(c) {
        out.push(format!("Greenlane could not go on because of {line}: say in an issue what it should have done."));
    }
    out
}

fn line(c: &Context) -> Option<String> {
    c.evidence.last().map(|l| format!("\"{}\"", cut(&l.replace('"', "'"), LINE_CHARS_MAX)))
}

fn last_or<'a>(list: &'a [String], otherwise: &'a str) -> &'a str {
    list.last().map_or(otherwise, String::as_str)
}

fn last_quoted(list: &[String], otherwise: &str) -> String {
    list.last().map_or_else(|| otherwise.to_owned(), |l| format!("`{}`", cut(l, LINE_CHARS_MAX)))
}

fn listed(names: &[String]) -> String {
    const SHOWN_MAX: usize = 4;
    let shown: Vec<&str> = names.iter().take(SHOWN_MAX).map(String::as_str).collect();
    match names.len().saturating_sub(SHOWN_MAX) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn after(c: &Context) -> String {
    if c.seconds_max == 0 { String::new() } else { format!(" after {}", format_duration(std::time::Duration::from_secs(c.seconds_max))) }
}

fn code(c: &Context) -> String {
    c.exit_code.map_or(String::new(), |code| format!(" with exit code {code}"))
}

fn bytes(n: u64) -> String {
    const MIB: u64 = 1024 * 1024;
    if n >= MIB { format!("{} MiB", n / MIB) } else { format!("{} KiB", n / 1024) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Time;

    fn said(kind: DeficiencyType, context: Context) -> String {
        suggestions(&Deficiency { context, ..Deficiency::new(kind, "x".into(), Time(0)) }).join("\n")
    }

    fn texts(all: &[&str]) -> Vec<String> {
        all.iter().map(|t| (*t).to_owned()).collect()
    }

    #[test]
    fn each_of_the_eight_draws_on_its_evidence() {
        use DeficiencyType as D;
        let c = || Context { tasks: texts(&["p/a"]), agents: texts(&["claude"]), evidence: texts(&["boom at x"]), ..Context::default() };
        for (kind, context, parts) in [
            (D::CoordinatorBug, Context { runs: texts(&["r1"]), ..c() }, &["\"boom at x\"", ".greenlane/runs/r1", "logs p/a"][..]),
            (D::CoordinatorBug, Context { failure_detail: Some(FailureDetail::KeeperLost), ..c() }, &["A keeper was killed"]),
            (
                D::SilentFailure,
                Context { way: Some(Way::NoChange), files: texts(&["src/a/**"]), ..c() },
                &["claude changed nothing for `p/a`", "src/a/**"],
            ),
            (
                D::SilentFailure,
                Context { failure_detail: Some(FailureDetail::Stalled), seconds_max: 900, ..c() },
                &["after 15m", "stall_timeout"],
            ),
            (
                D::ResourceIssue,
                Context { failure_detail: Some(FailureDetail::OutOfMemory), memory_peak_bytes: 3 << 30, ..c() },
                &["3072 MiB", "check_jobs"],
            ),
            (D::ResourceIssue, Context { seconds_max: 3600, ..c() }, &["after 1h", "`timeout` of `p/a`"]),
            (D::ResourceIssue, Context { failure_detail: Some(FailureDetail::ContextOverflow), ..c() }, &["window", "split `p/a`"]),
            (
                D::ApiFailure,
                Context { failure_detail: Some(FailureDetail::RateLimit), reset_at: Some(Time(1_767_323_045_678)), ..c() },
                &["claude's account ends at 2026-01-02T03:04:05.678Z", "[agents.claude]"],
            ),
            (
                D::LogicError,
                Context { way: Some(Way::Check), checks: texts(&["make test"]), files: texts(&["src/**"]), ..c() },
                &["Run `make test`", "src/**", "\"boom at x\""],
            ),
            (D::LogicError, Context { way: Some(Way::Ownership), files: texts(&["Cargo.toml"]), ..c() }, &["Cargo.toml", "`owns`"]),
            (
                D::QualityGateBug,
                Context { way: Some(Way::SuiteFlaky), checks: texts(&["npm test"]), ..c() },
                &["`npm test` is red and green"],
            ),
            (
                D::QualityGateBug,
                Context { way: Some(Way::CheckTimedOut), checks: texts(&["npm test"]), ..c() },
                &["`npm test`", "check_timeout"],
            ),
            (D::ConfigurationError, Context { failure_detail: Some(FailureDetail::Authentication), ..c() }, &["agents check claude"]),
            (D::ConfigurationError, Context { way: Some(Way::Conflict), files: texts(&["a.rs"]), ..c() }, &["p/a", "meet in a.rs"]),
            (D::ConfigurationError, Context { way: Some(Way::Denied), denied: texts(&["Bash"]), ..c() }, &["settings deny Bash"]),
            (D::MissingFeature, c(), &["status p/a", "\"boom at x\""]),
        ] {
            let text = said(kind, context.clone());
            for part in parts {
                assert!(text.contains(part), "{kind:?} {context:?}: {part} is not in\n{text}");
            }
        }
    }

    #[test]
    fn without_evidence_it_asks_for_some() {
        for kind in DeficiencyType::ALL {
            let all = suggestions(&Deficiency::new(kind, "x".into(), Time(0)));
            assert!(!all.is_empty() && all.len() <= SUGGESTIONS_MAX, "{kind:?}");
        }
        assert!(said(DeficiencyType::ApiFailure, Context::default()).contains("record api_failure"));
    }

    #[test]
    fn many_tasks_are_said_to_have_something_in_common() {
        let context = Context { tasks: texts(&["p/a", "p/b", "p/c"]), ..Context::default() };
        let of = Deficiency { frequency: 3, context, ..Deficiency::new(DeficiencyType::LogicError, "x".into(), Time(0)) };
        assert!(suggestions(&of).join("\n").contains("in 3 tasks (p/a, p/b, p/c)"));
    }
}
