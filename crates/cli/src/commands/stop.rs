//! `stop`: ends tasks, or the whole run, and waits until they have ended. Where no coordinator lives it ends the keepers that a
//! dead one left, and writes down that the run was stopped, so that it can be resumed.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use greenlane_core::event::Stopping;
use greenlane_core::ids::TaskKey;
use greenlane_core::input::Request;
use greenlane_core::state::{Phase, State};
use greenlane_runtime::control::{Client, Say};

use crate::context::Context;
use crate::error::{Error, Kind, Outcome};
use crate::follow::{Following, News};
use crate::leftovers::{self, HowToEnd};
use crate::names;
use crate::session::{Opened, Session};

/// Flags of `stop`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane stop bucket        one task: polite signal, grace, kill; its work is kept
  greenlane stop --all         the whole run
  greenlane stop --all --now   without grace

Without a coordinator it ends the attempts that a dead one left.")]
pub struct StopArgs {
    /// Tasks (`ID` or `PLAN/ID`) or plans
    #[arg(value_name = "TASK", required_unless_present = "all")]
    pub tasks: Vec<String>,
    /// Kill at once, without grace
    #[arg(long)]
    pub now: bool,
    /// Everything that runs, and the run
    #[arg(long, conflicts_with = "tasks")]
    pub all: bool,
}

/// How much longer than the grace period an end may take: the kill, the last words, the snapshot of the work.
const BEYOND_GRACE: Duration = Duration::from_secs(15);

/// Asks the coordinator, or ends what a dead one left.
///
/// # Errors
/// Exit code 2 for names that are unknown or have ended, 1 if something did not end in time.
pub fn run(args: &StopArgs, context: &Context) -> Outcome {
    let session = Session::open(context)?;
    let config = context.load_config(session.repo.top(), &[])?.config;
    let patience = config.run.grace + BEYOND_GRACE;
    match session.connect()? {
        Some(client) => {
            let opened = session.open_run(None)?;
            ask(args, &session, client, opened, patience, context)
        }
        None => {
            let how = HowToEnd { now: args.now, patience, config: &config };
            leftovers::end(&session, args.all, &args.tasks, &how, context)
        }
    }
}

fn ask(args: &StopArgs, session: &Session, mut client: Client, opened: Opened, patience: Duration, context: &Context) -> Outcome {
    let tasks = if args.all { Vec::new() } else { to_stop(&opened.state, &args.tasks)? };
    let request = if args.all {
        Request::StopRun { how: if args.now { Stopping::Kill } else { Stopping::Terminate } }
    } else {
        Request::StopTasks { tasks: tasks.clone(), now: args.now }
    };
    client.say(&Say::Ask(request))?;
    context.output.say(if args.now { "killing …" } else { "asked to end; killed after the grace period" });
    let over =
        |state: &State| if args.all { !state.is_live() } else { tasks.iter().all(|k| state.task(k).is_none_or(|t| t.phase.ended())) };
    let opened = wait(session, opened, patience, over)?;
    if args.all {
        context.output.say(&format!("run {} is stopped; `greenlane resume` goes on with it", opened.run));
    } else {
        for key in &tasks {
            context.output.say(&format!("`{}` is {}", key.task, told(&opened.state, key)));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The tasks of these names. Of a plan, those that have not ended; a task that is named itself is left for the coordinator to judge.
fn to_stop(state: &State, names: &[String]) -> Result<Vec<TaskKey>, Error> {
    let mut keys = names::tasks(state, names)?;
    if keys.len() > names.len() {
        keys.retain(|k| state.task(k).is_some_and(|t| !t.phase.ended() && t.phase != Phase::Landing));
    }
    if keys.is_empty() {
        return Err(Error::usage("all of these tasks have ended already").hint("`greenlane status` shows how"));
    }
    Ok(keys)
}

/// Follows the run until it is so.
fn wait(session: &Session, opened: Opened, patience: Duration, over: impl Fn(&State) -> bool) -> Result<Opened, Error> {
    let began = Instant::now();
    let mut following = Following::begin(session, opened)?;
    while !over(&following.opened.state) {
        let left = patience.saturating_sub(began.elapsed());
        if left.is_zero() {
            return Err(Error::new(Kind::NotDone, "not everything has ended yet")
                .hint("`greenlane stop --now` kills at once; `greenlane status` shows what is left"));
        }
        if matches!(following.next(Some(left))?, News::Over) {
            break;
        }
    }
    Ok(following.opened)
}

fn told(state: &State, key: &TaskKey) -> &'static str {
    match state.task(key).map(|t| t.phase) {
        Some(Phase::Cancelled) => "called off; its work is kept (`greenlane status` says where)",
        Some(Phase::Done) => "done: it landed before it could be called off",
        Some(phase) if phase.ended() => "at its end already",
        _ => "still ending",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn of_a_plan_only_what_has_not_ended_is_stopped() {
        let run = samples::half_way();
        let of = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
            to_stop(&run.state, &names).map(|keys| keys.iter().map(|k| k.task.to_string()).collect::<Vec<_>>()).map_err(|e| e.kind)
        };
        assert_eq!(of(&["limits"]), Ok(vec!["header".into()]));
        assert_eq!(of(&["docs"]), Ok(vec!["docs".into()]), "the coordinator says that it has ended");
        let ended = samples::ended();
        assert_eq!(to_stop(&ended.state, &["limits".into()]).map_err(|e| e.kind), Err(Kind::Usage));
    }
}
