//! `agents check`: one agent does a tiny task in a repository of its own, started as a run would start it.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use greenlane_core::attempt::{Exit, ExitRecord};
use greenlane_core::budget::Allowance;
use greenlane_core::time::format_duration;
use greenlane_runtime::agent::{AgentDef, Launch, Presence, Registry};
use greenlane_runtime::git::Git;
use greenlane_runtime::keeper::{Lifetime, Limits, Spec, run_supervised};
use serde::Serialize;

use super::CheckArgs;
use crate::context::Context;
use crate::coordinate::this_program;
use crate::error::{Error, Kind, Outcome};
use crate::output::{Paint, paint};
use crate::plans;

const FILE: &str = "ready.txt";
const PROMPT: &str = "Create a file named ready.txt in the current directory. It must contain one word: ready. Do nothing else.\n";
const GRACE: Duration = Duration::from_secs(5);
const OUTPUT_BYTES_MAX: u64 = 1 << 20;
const HEARTBEAT: Duration = Duration::from_secs(30);

#[derive(Serialize)]
struct Document<'a> {
    agent: &'a str,
    ok: bool,
    seconds: f64,
    /// Why it failed.
    reason: Option<String>,
    record: &'a ExitRecord,
}

/// Tries the agent.
///
/// # Errors
/// If it is unknown, not installed, or did not do the task.
pub fn run(args: &CheckArgs, registry: &Registry, context: &Context) -> Outcome {
    let def = registry.get(&args.name).map_err(|e| Error { kind: Kind::Usage, problems: vec![plans::problem(&e)] })?;
    if def.hand_off {
        let error = Error::usage(format!(
            "`{}` is nobody's process: its tasks are put into somebody's hands, so there is nothing to try",
            def.name
        ));
        return Err(error.hint("`greenlane done` and `greenlane fail` give a task back"));
    }
    if def.presence(&context.env, &context.directory) == Presence::Missing {
        let error = Error::environment(format!("agent `{}` is not installed: there is no `{}` on PATH", def.name, def.command));
        return Err(match &def.install_hint {
            Some(hint) => error.hint(hint.clone()),
            None => error.hint(format!("install it, or give its path: `command` under [agents.{}]", def.name)),
        });
    }
    context.output.say(&format!("{} is asked to write a word into a file …", def.name));
    let folder = tempfile::Builder::new().prefix("greenlane-check-").tempdir().map_err(|e| failed(&e))?;
    let (record, done) = attempt(def, folder.path(), args.timeout, context).map_err(|e| failed(&e))?;
    let reason = (!done).then(|| reason(&record, args.timeout));
    let took = record.ended_at.since(record.started_at);
    if args.json {
        let document = Document { agent: &def.name, ok: done, seconds: took.as_secs_f64(), reason: reason.clone(), record: &record };
        context.output.json(&document)?;
    }
    match reason {
        None if args.json => Ok(ExitCode::SUCCESS),
        None => {
            let usage = record.report.usage.as_ref().map(|u| format!(", {} tokens in, {} out", u.input_tokens, u.output_tokens));
            let took = format_duration(Duration::from_millis(u64::try_from(took.as_millis()).unwrap_or(u64::MAX)));
            let sign = paint("✓", Paint::Green, context.output.color);
            context.output.data(&format!("{sign} {} did it in {took}{}\n", def.name, usage.unwrap_or_default()))?;
            Ok(ExitCode::SUCCESS)
        }
        Some(reason) => {
            let error = Error::environment(format!("agent `{}` did not do it: {reason}", def.name));
            Err(match &def.sign_in_hint {
                Some(hint) => error.hint(format!("is it signed in? {hint}")),
                None => error.hint(format!("start `{}` by hand to see what it says", def.command)),
            })
        }
    }
}

/// One attempt in a fresh repository; whether the file is there afterwards.
fn attempt(def: &AgentDef, folder: &Path, timeout: Duration, context: &Context) -> std::io::Result<(ExitRecord, bool)> {
    let folder = folder.canonicalize()?;
    let (worktree, dir) = (folder.join("repository"), folder.join("attempt"));
    std::fs::create_dir(&worktree)?;
    std::fs::create_dir(&dir)?;
    let git = Git::new(worktree.join(".git")).with_work_tree(&worktree).with_identity("Greenlane", "greenlane@localhost");
    for args in [&["init", "-q", "-b", "main"][..], &["commit", "-q", "--allow-empty", "-m", "Start"]] {
        git.run(args).map_err(std::io::Error::other)?;
    }
    let prompt_file = dir.join("prompt.md");
    std::fs::write(&prompt_file, PROMPT)?;
    let launch = Launch { prompt: PROMPT, prompt_file: &prompt_file, worktree: &worktree, model: None, session: None, tools: None };
    let spec = Spec {
        hand_off: false,
        label: format!("check/{}/{}", def.name, std::process::id()),
        argv: def.argv(&launch),
        cwd: worktree.clone(),
        stdin: def.stdin_text(&launch),
        timeout: Some(timeout),
        stall_timeout: None,
        grace: GRACE,
        output_bytes_max: OUTPUT_BYTES_MAX,
        reader: Some(def.output),
        lifetime: Lifetime::WithParent,
        heartbeat: HEARTBEAT,
        allowance: Allowance::default(),
        runaway: Limits::default(),
    };
    let exe = this_program().map_err(|e| std::io::Error::other(e.render(false)))?;
    let record = run_supervised(&exe, &dir, &spec, &def.environment(&context.env))?;
    let done = std::fs::read_to_string(worktree.join(FILE)).is_ok_and(|text| text.trim().trim_matches('.').eq_ignore_ascii_case("ready"));
    Ok((record, done))
}

/// Judged by its events first, then by how it ended: exit codes of agents are not to be believed.
fn reason(record: &ExitRecord, timeout: Duration) -> String {
    if let Some(error) = &record.report.error {
        let status = error.status.map(|s| format!(" (HTTP {s})")).unwrap_or_default();
        return format!("{}{status}", error.message);
    }
    let ended = match &record.exit {
        Exit::Code { code: 0 } => format!("it ended as if all were well, but {FILE} is not there or holds something else"),
        Exit::Code { code } => format!("it ended with exit code {code}"),
        Exit::Signal { signal } => format!("it ended by signal {signal}"),
        Exit::TimedOut => format!("it was not done after {}", format_duration(timeout)),
        Exit::Stalled => String::from("it showed no sign of work"),
        Exit::OverBudget { message } | Exit::Runaway { message } => message.clone(),
        Exit::Cancelled => String::from("it was stopped"),
        Exit::FailedToStart { message } => format!("it could not be started: {message}"),
    };
    let said = [&record.stderr_tail, &record.stdout_tail].into_iter().find(|t| !t.trim().is_empty());
    said.map_or(ended.clone(), |said| format!("{ended}\n{}", said.trim()))
}

fn failed(e: &std::io::Error) -> Error {
    Error::environment(format!("the check could not be made: {e}"))
}
