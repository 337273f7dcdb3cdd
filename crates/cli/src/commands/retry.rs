//! `retry`: another attempt at a failed task, by the coordinator that is at work, else by one of its own.

use greenlane_core::input::Request;
use greenlane_runtime::control::Say;
use greenlane_runtime::driver::Start;

use crate::context::Context;
use crate::coordinate::{Ready, Tell, conclude};
use crate::error::{Error, Outcome};
use crate::names;
use crate::session::Session;

/// Flags of `retry`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane retry bucket                  go on from the work that is there
  greenlane retry bucket --fresh          start from the base again
  greenlane retry bucket --agent codex    with another agent")]
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
}

/// Asks the coordinator, or coordinates the run until it has ended again.
///
/// # Errors
/// Exit code 2 for unknown tasks and for such as have not ended, 3 if an agent is not there or not signed in: nothing was changed then.
pub fn run(args: &RetryArgs, context: &Context) -> Outcome {
    let session = Session::open(context)?;
    let opened = session.open_run(None)?;
    let tasks = names::tasks(&opened.state, &args.tasks)?;
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
    if let Some(mut client) = session.connect()? {
        client.say(&Say::Ask(request))?;
        context.output.say("The coordinator that is at work tries again; `greenlane status` shows it.");
        return Ok(std::process::ExitCode::SUCCESS);
    }
    let _lock = ready.lock()?;
    let run = opened.run.clone();
    let start = Start::Resume { run: run.clone(), requests: vec![request] };
    let finished = ready.coordinate(context, &run, start, Tell::People)?;
    conclude(context, &run, &finished.state, finished.signal, &[], Tell::People)
}
