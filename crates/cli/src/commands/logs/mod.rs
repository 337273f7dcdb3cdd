//! `logs`: an attempt's output, in lines for people or as it was printed; the prompt; why the gate refused. Changes nothing.

mod file;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use greenlane_core::attempt::Verdict;
use greenlane_core::ids::{AttemptId, TaskKey};
use greenlane_core::state::Phase;
use greenlane_runtime::agent::OutputKind;
use greenlane_runtime::keeper::{self, Probe};

use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::follow::{Following, News};
use crate::names;
use crate::progress::number;
use crate::report::{self, Look, RedSuites};
use crate::session::{Opened, Session};

use file::Log;

/// Flags of `logs`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane logs bucket                 what its latest attempt printed
  greenlane logs bucket -f              and what it goes on to print
  greenlane logs bucket --attempt 1 --stderr
  greenlane logs bucket --raw           every byte as it is, an agent's events for other programs
  greenlane logs bucket --prompt        what the agent was told

What an agent writes as events is shown as what it said and did; `▸` is a call of a tool, `|` what came of it.")]
pub struct LogsArgs {
    /// The task: `ID` or `PLAN/ID`
    #[arg(value_name = "TASK")]
    pub task: String,
    /// Go on until the attempt ends
    #[arg(short, long)]
    pub follow: bool,
    /// Which attempt, as `status` counts them from 1 [default: the latest]; its `id` in JSON (`PLAN/TASK#N`) is taken too
    #[arg(long, value_name = "N", value_parser = named_attempt)]
    pub attempt: Option<NamedAttempt>,
    /// Standard error instead of standard output
    #[arg(long)]
    pub stderr: bool,
    /// Each byte as it was printed
    #[arg(long)]
    pub raw: bool,
    /// The prompt instead of the output
    #[arg(long, conflicts_with_all = ["stderr", "follow"])]
    pub prompt: bool,
    /// Another run than the latest
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
}

/// An attempt as somebody names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedAttempt {
    /// As people count them.
    Number(u32),
    /// As programs know it: `PLAN/TASK#N`.
    Id(String),
}

fn named_attempt(text: &str) -> Result<NamedAttempt, String> {
    if text.contains('#') {
        return Ok(NamedAttempt::Id(text.to_owned()));
    }
    let number = text.parse().ok().filter(|n: &u32| *n > 0);
    number.map(NamedAttempt::Number).ok_or_else(|| String::from("attempts are counted from 1"))
}

/// How often a growing log is read again while its attempt runs.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// Most lines of a reason on a terminal.
const REASON_LINES_MAX: usize = 12;

/// Prints it.
///
/// # Errors
/// Exit code 2 for a task or an attempt that is not there.
pub fn run(args: &LogsArgs, context: &Context) -> Outcome {
    let session = Session::open(context)?;
    let opened = session.open_run(args.run.as_deref())?;
    let key = names::task(&opened.state, &args.task)
        .map_err(|e| names::elsewhere(e, &session, &opened, std::slice::from_ref(&args.task), "logs"))?;
    let (attempt, opened) = match attempt_of(&opened, &key, args.attempt.as_ref()) {
        Ok(attempt) => (attempt, opened),
        Err(_) if args.follow && args.attempt.is_none() && opened.is_alive() => wait_for_attempt(&session, opened, &key)?,
        Err(e) => return Err(e),
    };
    let dir = opened.layout.attempt_dir(&attempt);
    if args.prompt {
        return prompt(args, &dir, number(&opened.state, &attempt), &key, context);
    }
    let name = if args.stderr { "stderr.log" } else { "stdout.log" };
    // Events are written to standard output alone.
    let kind = if args.stderr { None } else { keeper::output_kind(&dir) };
    let mut log = Log::new(dir.join(name), kind.unwrap_or_default(), args.raw, context);
    if args.follow {
        follow(&session, opened, &dir, &mut log)?;
        let opened = session.open_run(args.run.as_deref())?;
        say_why(&session, &opened, &attempt, context)?;
        return Ok(ExitCode::SUCCESS);
    }
    log.copy()?;
    log.copy_tail()?;
    log.finish()?;
    if log.is_empty() {
        let other = if args.stderr {
            ("standard error", "stdout.log", "without --stderr")
        } else {
            ("standard output", "stderr.log", "with --stderr")
        };
        let hint =
            if fs::metadata(dir.join(other.1)).is_ok_and(|m| m.len() > 0) { format!("; {} there is more", other.2) } else { String::new() };
        context.output.say(&format!(
            "attempt {} of `{}` has printed nothing on {}{hint}",
            number(&opened.state, &attempt),
            key.task,
            other.0
        ));
    }
    say_why(&session, &opened, &attempt, context)?;
    Ok(ExitCode::SUCCESS)
}

fn attempt_of(opened: &Opened, key: &TaskKey, named: Option<&NamedAttempt>) -> Result<AttemptId, Error> {
    let task = opened.state.task(key);
    let begun = task.map_or(0, |t| t.begun().count());
    let found = match named {
        None => task.and_then(|t| t.begun().last()),
        Some(NamedAttempt::Number(n)) => task.and_then(|t| t.numbered(*n)),
        Some(NamedAttempt::Id(id)) => task.and_then(|t| t.attempts.iter().find(|a| *id == format!("{key}#{}", a.n))),
    };
    match (named, found) {
        (_, Some(found)) => Ok(AttemptId { key: key.clone(), n: found.n }),
        (_, None) if begun == 0 => Err(match (task.and_then(|t| t.landed_before.as_ref()), task.is_some_and(|t| t.phase.ended())) {
            (Some(before), _) => Error::usage(format!("`{}` was not done in run {}: it had landed before", key.task, opened.run))
                .hint(format!("`greenlane logs {key} --run {}` shows how", before.run)),
            (None, ended) => {
                let flag = if opened.is_older { format!(" --run {}", opened.run) } else { String::new() };
                let says = if ended { "says why" } else { "says what it waits for" };
                Error::usage(format!("`{}` has not been started in run {}", key.task, opened.run))
                    .hint(format!("`greenlane status {key}{flag}` {says}"))
            }
        }),
        (named, None) => {
            let what = if begun == 1 { String::from("just one attempt") } else { format!("the attempts 1 to {begun}") };
            let named = match named {
                Some(NamedAttempt::Number(n)) => n.to_string(),
                Some(NamedAttempt::Id(id)) => format!("`{}`", report::clean(id)),
                None => String::new(),
            };
            Err(Error::usage(format!("`{}` has no attempt {named}", key.task)).hint(format!("it has had {what}")))
        }
    }
}

/// Sleeps until the task is started.
fn wait_for_attempt(session: &Session, opened: Opened, key: &TaskKey) -> Result<(AttemptId, Opened), Error> {
    let mut following = Following::begin(session, opened)?;
    loop {
        if let Ok(attempt) = attempt_of(&following.opened, key, None) {
            return Ok((attempt, following.opened));
        }
        let ended = following.opened.state.task(key).is_none_or(|t| t.phase.ended());
        if ended || matches!(following.next(None)?, News::Over) {
            return attempt_of(&following.opened, key, None).map(|attempt| (attempt, following.opened));
        }
    }
}

fn prompt(args: &LogsArgs, dir: &Path, number: u32, key: &TaskKey, context: &Context) -> Outcome {
    let mut log = Log::new(dir.join("prompt.md"), OutputKind::Plain, args.raw, context);
    log.copy()?;
    log.finish()?;
    if log.is_empty() {
        return Err(Error::usage(format!("attempt {number} of `{}` has no prompt yet", key.task)));
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints what is there and what comes, until the attempt's keeper has gone, whoever asked it to run.
fn follow(session: &Session, opened: Opened, dir: &Path, log: &mut Log<'_>) -> Result<(), Error> {
    let alive = opened.is_alive();
    let mut following = if alive { Some(Following::begin(session, opened)?) } else { None };
    loop {
        // Looked at before the copy, so that the last words are copied too.
        let running = match keeper::probe(dir) {
            Ok(Probe::Running(_)) => true,
            Ok(Probe::NeverBegan) => following.is_some(),
            _ => false,
        };
        log.copy()?;
        if !running {
            return log.finish();
        }
        // The journal tells of the end at once; of growing files nobody tells.
        match &mut following {
            Some(run) => {
                if matches!(run.next(Some(LOOK_AGAIN))?, News::Over) {
                    following = None;
                }
            }
            None => std::thread::sleep(LOOK_AGAIN),
        }
    }
}

/// Why the gate or the suite refused the work, on standard error: what the attempt printed stays as it is for other programs.
///
/// # Errors
/// If the journal cannot be read.
fn say_why(session: &Session, opened: &Opened, attempt: &AttemptId, context: &Context) -> Result<(), Error> {
    let (Some(task), Some(of)) = (opened.state.task(&attempt.key), opened.state.attempt(attempt)) else { return Ok(()) };
    let newest = task.current().is_some_and(|a| a.n == attempt.n);
    // Work that needs a person did not fail: then it is the task's reason that tells.
    let undecided = task.reason.as_ref().filter(|_| newest && task.phase == Phase::NeedsHuman);
    let Some(message) = of.failure.as_ref().map(|f| &f.message).or(undecided) else { return Ok(()) };
    let mut text =
        format!("attempt {} of `{}`: {}", number(&opened.state, attempt), report::clean(attempt.key.task.as_str()), report::clean(message));
    if context.output.live {
        text = report::wrapped(&text, Look::of_stdout(false).width, REASON_LINES_MAX).join("\n");
    }
    if let Some(verdict) = &of.verdict {
        let suites = match verdict {
            Verdict::Accepted { .. } => super::report::history(&session.journal()?, opened)?.suites,
            _ => RedSuites::default(),
        };
        // Its own words stand above already.
        let checked = if matches!(verdict, Verdict::CheckFailed { .. }) { report::evidence(of) } else { Vec::new() };
        for line in checked.iter().chain(suites.of(attempt)) {
            text.push_str(&format!("\n  | {line}"));
        }
        let dir = suites.files(&opened.layout, attempt).unwrap_or_else(|| opened.layout.gate_dir(attempt));
        for path in files_in(&dir) {
            text.push_str(&format!("\n  log: {}", path.display()));
        }
    }
    context.output.say(&text);
    Ok(())
}

fn files_in(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path()).filter(|p| p.is_file()).collect();
    found.sort();
    found
}
