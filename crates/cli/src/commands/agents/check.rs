//! `agents check`: one agent does a tiny task in a repository of its own, started as a run would start it.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use greenlane_core::attempt::{Exit, ExitRecord, Usage};
use greenlane_core::budget::Allowance;
use greenlane_core::failure::{Failure, FailureDetail, FailureType, of_exit};
use greenlane_core::time::format_duration;
use greenlane_runtime::agent::{AgentDef, Launch, Presence, Registry, Shown, SignedIn, last_words};
use greenlane_runtime::git::Git;
use greenlane_runtime::keeper::{Lifetime, Limits, Spec, end_strays, run_supervised};
use serde::Serialize;

use super::CheckArgs;
use crate::context::Context;
use crate::coordinate::this_program;
use crate::error::{Error, Kind, Outcome};
use crate::output::{Paint, paint};
use crate::plans;
use crate::report::clean;

const FILE: &str = "ready.txt";
const PROMPT: &str = "Create a file named ready.txt in the current directory. It must contain one word: ready. Do nothing else.\n";
const GRACE: Duration = Duration::from_secs(5);
const OUTPUT_BYTES_MAX: u64 = 1 << 20;
const HEARTBEAT: Duration = Duration::from_secs(30);

#[derive(Serialize)]
struct Document<'a> {
    agent: &'a str,
    ok: bool,
    /// The program's file; `null`: not installed.
    path: Option<String>,
    /// What it says with `--version`.
    version: Option<String>,
    /// `yes`, `no` or `unknown`, as far as that can be told without asking it.
    signed_in: &'static str,
    /// Wall clock; `null`: it was not started.
    seconds: Option<f64>,
    usage: Option<Usage>,
    /// Why it failed.
    reason: Option<String>,
    /// What kind of failure that is, as a run would tell it.
    failure: Option<Failure>,
    /// What to do.
    hint: Option<String>,
    record: Option<&'a ExitRecord>,
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
    let (signed_in, how) = match def.signed_in(&context.env) {
        SignedIn::Yes(how) => ("yes", how),
        SignedIn::No(_) => ("no", String::from("nothing shows that it is")),
        SignedIn::Unknown => ("unknown", String::from("that cannot be told without asking it")),
    };
    let mut document = Document {
        agent: &def.name,
        ok: false,
        path: None,
        version: None,
        signed_in,
        seconds: None,
        usage: None,
        reason: None,
        failure: None,
        hint: None,
        record: None,
    };
    let Presence::Found { path, version } = def.presence_with_version(&context.env, &context.directory) else {
        let message = format!("agent `{}` is not installed: there is no `{}` on PATH", def.name, def.command);
        document.reason = Some(format!("there is no `{}` on PATH", def.command));
        document.hint = Some(not_installed(def));
        return end(args, context, &document, Error::environment(message));
    };
    let version_text = version.as_deref().map(|v| format!(" ({})", clean(v))).unwrap_or_default();
    context.output.say(&format!("found      {}{version_text}", path.display()));
    context.output.say(&format!("signed in  {signed_in}: {how}"));
    context.output.say(&format!("{} is asked to write a word into a file …", def.name));
    (document.path, document.version) = (Some(path.display().to_string()), version);
    let folder = tempfile::Builder::new().prefix("greenlane-check-").tempdir().map_err(|e| failed(&e))?;
    let (record, done) = attempt(def, folder.path(), args.timeout, context).map_err(|e| failed(&e))?;
    let took = record.ended_at.since(record.started_at);
    document.seconds = Some(took.as_secs_f64());
    document.usage.clone_from(&record.report.usage);
    document.record = Some(&record);
    document.ok = done;
    if done {
        if args.json {
            context.output.json(&document)?;
        } else {
            let usage = document.usage.as_ref().map(used).unwrap_or_default();
            let took = format_duration(Duration::from_millis(u64::try_from(took.as_millis()).unwrap_or(u64::MAX)));
            let sign = paint("✓", Paint::Green, context.output.color);
            context.output.data(&format!("{sign} {} did it in {took}{usage}\n", def.name))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let why = reason(&record, args.timeout);
    document.failure = of_exit(&record);
    document.hint = Some(what_to_do(def, document.failure.as_ref(), signed_in));
    let message = format!("agent `{}` did not do it: {why}", def.name);
    document.reason = Some(why);
    end(args, context, &document, Error::environment(message))
}

/// The failure, as data where that is wanted, and as an error.
fn end(args: &CheckArgs, context: &Context, document: &Document<'_>, error: Error) -> Outcome {
    if args.json {
        context.output.json(document)?;
    }
    Err(match &document.hint {
        Some(hint) => error.hint(hint.clone()),
        None => error,
    })
}

fn used(usage: &Usage) -> String {
    let cost = usage.cost_usd.map(|c| format!(", ${c:.2}")).unwrap_or_default();
    format!(", {} tokens in, {} out{cost}", usage.input_tokens, usage.output_tokens)
}

fn not_installed(def: &AgentDef) -> String {
    def.install_hint.clone().unwrap_or_else(|| format!("install it, or give its path: `command` under [agents.{}]", def.name))
}

/// By the kind of failure, where that is known.
fn what_to_do(def: &AgentDef, failure: Option<&Failure>, signed_in: &str) -> String {
    let sign_in = || match (&def.sign_in_hint, def.credentials.first()) {
        (Some(hint), _) => hint.clone(),
        (None, Some(variable)) => format!("start `{}` by hand and sign in, or set {variable}", def.command),
        (None, None) => format!("start `{}` by hand and sign in", def.command),
    };
    match failure.and_then(|f| f.detail) {
        Some(FailureDetail::Authentication) => sign_in(),
        Some(FailureDetail::RateLimit) => match failure.and_then(|f| f.reset_at) {
            Some(at) => format!("its account is at its limit until {}: try again then", at.rfc3339()),
            None => String::from("its account is at its limit: try again later, or with another agent"),
        },
        Some(FailureDetail::ServerError | FailureDetail::ModelOverload) => String::from("its provider fails: try again later"),
        Some(FailureDetail::Network) => {
            String::from("its provider cannot be reached from here: look at the network, proxies and base URLs")
        }
        Some(FailureDetail::MissingProgram) => not_installed(def),
        Some(FailureDetail::PermissionDenied) => {
            format!("let it write files: its own settings, or `args` and `permissions` under [agents.{}]", def.name)
        }
        _ if failure.is_some_and(|f| f.kind == FailureType::Timeout) => {
            String::from("a longer --timeout may do; else start it by hand to see what it waits for")
        }
        _ if signed_in != "yes" && def.sign_in_hint.is_some() => format!("is it signed in? {}", sign_in()),
        _ => format!("start `{}` by hand to see what it says", def.command),
    }
}

/// One attempt in a linked worktree of a fresh repository; whether the file is there afterwards.
fn attempt(def: &AgentDef, folder: &Path, timeout: Duration, context: &Context) -> std::io::Result<(ExitRecord, bool)> {
    let folder = folder.canonicalize()?;
    let (repository, worktree, dir) = (folder.join("repository"), folder.join("worktree"), folder.join("attempt"));
    std::fs::create_dir(&repository)?;
    std::fs::create_dir(&dir)?;
    let git = Git::new(repository.join(".git")).with_work_tree(&repository).with_identity("Greenlane", "greenlane@localhost");
    let place = worktree.to_str().ok_or_else(|| std::io::Error::other("the folder for temporary files has no name in UTF-8"))?;
    for args in [
        &["init", "-q", "-b", "main"][..],
        &["commit", "-q", "--allow-empty", "-m", "Start"],
        &["worktree", "add", "-q", "-b", "check", place],
    ] {
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
        acp: def.conversation(&launch),
        runaway: Limits::default(),
    };
    let exe = this_program().map_err(|e| std::io::Error::other(e.render(false)))?;
    let mut environment = def.environment(&context.env);
    // The folder of temporary files may lie in a repository.
    environment.insert("GIT_CEILING_DIRECTORIES".into(), folder.clone().into());
    let record = run_supervised(&exe, &dir, &spec, &environment)?;
    // What left its tree before the keeper could see it.
    end_strays(&spec.label)?;
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
    let words = last_words(record).iter().map(Shown::plain).collect::<Vec<_>>().join("\n");
    let said = [record.stderr_tail.clone(), words].into_iter().find(|t| !t.trim().is_empty());
    said.map_or(ended.clone(), |said| format!("{ended}\n{}", said.trim()))
}

fn failed(e: &std::io::Error) -> Error {
    Error::environment(format!("the check could not be made: {e}"))
}
