//! `retry`: another attempt at a failed task, by the coordinator that is at work, else by one of its own.

use std::ffi::OsString;

use greenlane_core::ids::TaskKey;
use greenlane_core::input::Request;
use greenlane_core::state::{Phase, PlanState};
use greenlane_core::view::Coordinator;
use greenlane_runtime::control::Say;
use greenlane_runtime::driver::Start;

use crate::context::Context;
use crate::coordinate::{Ended, Ready, Tell, conclude};
use crate::error::{Error, Kind, Outcome};
use crate::names;
use crate::report::quoted;
use crate::session::{Opened, Session};

/// Flags of `retry`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane retry bucket                  go on from the work that is there
  greenlane retry bucket --fresh          start from the base again
  greenlane retry bucket --agent codex    with another agent
  greenlane retry bucket --detach         in the background
  greenlane retry bucket --run RUN        in an earlier run, as long as no later one has gone on with its plan

Where no coordinator is at work this one is, until the run has ended again. A retry of nothing but what is done by hand goes on in
the background by itself: a terminal that waits for its own user helps nobody. `greenlane wait` waits for the end.")]
pub struct RetryArgs {
    /// Tasks (`ID` or `PLAN/ID`) or plans
    #[arg(value_name = "TASK", required = true)]
    pub tasks: Vec<String>,
    /// Start from the base again; the work so far stays in a ref
    #[arg(long)]
    pub fresh: bool,
    /// Another agent than before
    #[arg(long, value_name = "NAME")]
    pub agent: Option<String>,
    /// Another run than the latest
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// Return at once; the run goes on in the background
    #[arg(long)]
    pub detach: bool,
    /// This is the process that `--detach` started
    #[arg(long, hide = true)]
    pub background: bool,
}

impl RetryArgs {
    /// As those of `run`; see there.
    #[must_use]
    pub fn words(&self) -> Vec<OsString> {
        let Self { tasks, fresh, agent, run, detach: _, background: _ } = self;
        let values = [("agent", agent), ("run", run)];
        let values = values.into_iter().filter_map(|(flag, value)| value.as_ref().map(|value| format!("--{flag}={value}")));
        let words = ["retry", "--background"].map(String::from).into_iter().chain(fresh.then(|| String::from("--fresh"))).chain(values);
        words.chain([String::from("--")]).chain(tasks.iter().cloned()).map(OsString::from).collect()
    }
}

/// Asks the coordinator, or coordinates the run until it has ended again.
///
/// # Errors
/// Exit code 2 for unknown tasks and for such as cannot be tried again, 3 if an agent is not there or not signed in, 4 while a
/// coordinator is at work on another run: nothing was changed then.
pub fn run(args: &RetryArgs, context: &Context) -> Outcome {
    let session = Session::open(context)?;
    let opened = session.open_run(args.run.as_deref())?;
    let tasks = names::tasks(&opened.state, &args.tasks).map_err(|e| names::elsewhere(e, &session, &opened, &args.tasks, "retry"))?;
    refuse_out_of_reach(&session, &opened, &tasks)?;
    let ready = Ready::open(context, &[])?;
    if let Some(agent) = &args.agent {
        ready.registry.get(agent).map_err(|e| Error::usage(e.to_string()).hint(e.hint()))?;
    }
    let by = |key| opened.state.task(key).map(|t| args.agent.clone().unwrap_or_else(|| opened.state.agent_of(t)));
    // Who names an agent wants that one; else a fallback takes over, as in the run itself.
    let has_other = |fallbacks: &[String]| args.agent.is_none() && fallbacks.iter().any(|name| ready.is_usable(context, name));
    let wants = |t| {
        let definition = opened.state.definition(t);
        definition.run.is_none() && !has_other(&definition.fallbacks)
    };
    let with_agent = tasks.iter().filter(|k| opened.state.task(k).is_some_and(wants));
    ready.require_present(context, &with_agent.filter_map(by).map(|name| (name, None)).collect::<Vec<_>>())?;
    let request = Request::Retry { tasks: tasks.clone(), fresh: args.fresh, agent: args.agent.clone() };
    if opened.coordinator == Coordinator::Alive
        && let Some(mut client) = session.connect()?
    {
        client.say(&Say::Ask(request))?;
        context.output.say("The coordinator that is at work tries again; `greenlane status` shows it.");
        return Ok(std::process::ExitCode::SUCCESS);
    }
    let lock = ready.lock()?;
    // Agents that the plan's tasks name are known here; the run knows those of the configuration that it was started with.
    let by_hand = |name: &String| ready.registry.get(name).is_ok_and(|agent| agent.hand_off) || opened.state.is_hand_off(name);
    let only_by_hand = tasks.iter().filter_map(by).all(|name| by_hand(&name)) && !tasks.is_empty();
    if args.detach || (only_by_hand && !args.background) {
        // For the one in the background.
        drop(lock);
        return super::detach::start_in_background(context, &ready.state_dir, args.words());
    }
    let _lock = lock;
    let tell = Tell::of(false, args.background);
    let run = opened.run.clone();
    let start = Start::Resume { run: run.clone(), requests: vec![request] };
    let finished = ready.coordinate(context, &run, start, tell)?;
    let ended = Ended { run: &run, state: &finished.state, layout: &opened.layout, signal: finished.signal, is_older: opened.is_older };
    conclude(context, &ended, &[], tell)
}

/// What cannot be tried again in this run, however it is asked: another run is under way, or the plan's line has gone on elsewhere.
pub(super) fn refuse_out_of_reach(session: &Session, opened: &Opened, tasks: &[TaskKey]) -> Result<(), Error> {
    if opened.is_older
        && let Some(other) = session.live_run()
    {
        let names: Vec<String> = tasks.iter().map(ToString::to_string).collect();
        return Err(Error::new(Kind::Held, format!("the coordinator that is at work here has run {other}, not {}", opened.run))
            .hint(format!("`greenlane wait; greenlane retry {} --run {}` tries it after that", names.join(" "), opened.run)));
    }
    for plan in &opened.state.plans {
        let id = &plan.submission.plan.id;
        let Some(of_plan) = tasks.iter().find(|t| t.plan == *id) else { continue };
        if opened.is_older {
            refuse_overtaken(session, opened, plan, of_plan)?;
        }
        if let Some(branch) = &plan.branch
            && session.repo.resolve(&format!("refs/heads/{branch}"))?.is_none()
        {
            return Err(Error::usage(format!("the branch of plan `{id}` in run {} is gone: {branch}", opened.run)).hint(again(plan)));
        }
    }
    Ok(())
}

/// A later run took the plan up from what there was: two lines of the same plan would part here.
fn refuse_overtaken(session: &Session, opened: &Opened, plan: &PlanState, task: &TaskKey) -> Result<(), Error> {
    let id = &plan.submission.plan.id;
    let history = session.journal()?.history(id)?;
    // The newest is first.
    let Some(later) = history.first().filter(|h| h.run != opened.run) else { return Ok(()) };
    let error = Error::usage(format!("run {} has gone on with plan `{id}` since run {}", later.run, opened.run));
    let state = session.load(&session.journal()?, later.run.clone())?;
    let there = state.state.task(task).map(|t| t.phase);
    Err(match there {
        Some(Phase::Done) => error.hint(format!("`{}` has landed there", task.task)),
        Some(phase) if phase.ended() => {
            let flag = if state.is_older { format!(" --run {}", later.run) } else { String::new() };
            error.hint(format!("`greenlane retry {task}{flag}` tries it there"))
        }
        Some(_) if state.is_interrupted() => error.hint(format!("`greenlane resume {}` goes on with it", later.run)),
        _ => error.hint(again(plan)),
    })
}

/// A new run does what is missing.
fn again(plan: &PlanState) -> String {
    let source = &plan.submission.plan.source;
    let file = if source.is_empty() { String::from("PLAN") } else { quoted(source) };
    format!("`greenlane run {file}` does what is missing in a new run")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Args as _, Command, FromArgMatches as _};

    #[test]
    fn the_background_is_told_all_that_was_said() {
        let read = |words: Vec<OsString>| {
            let matches = RetryArgs::augment_args(Command::new("retry")).get_matches_from(words);
            RetryArgs::from_arg_matches(&matches).unwrap()
        };
        let line = "retry --fresh --agent=-x --run 26 --detach -- a -b";
        let asked = read(line.split(' ').map(OsString::from).collect());
        let told = read(asked.words());
        assert_eq!((told.tasks, told.fresh, told.agent, told.run), (asked.tasks, true, Some("-x".into()), Some("26".into())));
        assert!(told.background && !told.detach);
    }
}
