//! `stop`: ends tasks, or the whole run, and waits until they have ended. Where no coordinator lives it ends the keepers that a
//! dead one left, and writes down that the run was stopped, so that it can be resumed.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use greenlane_core::event::Stopping;
use greenlane_core::ids::TaskKey;
use greenlane_core::input::Request;
use greenlane_core::state::{Phase, State};
use greenlane_runtime::control::{Client, Say};

use super::tracker::tell_what_changed;
use crate::context::Context;
use crate::error::{Error, Kind, Outcome};
use crate::follow::{Following, News};
use crate::leftovers::{self, HowToEnd};
use crate::names;
use crate::report::{humane, quoted};
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
    #[arg(value_name = "TASK")]
    pub tasks: Vec<String>,
    /// Kill at once, without grace
    #[arg(long)]
    pub now: bool,
    /// Everything that runs, and the run
    #[arg(long, conflicts_with = "tasks")]
    pub all: bool,
}

/// Among so many of the latest runs those are looked for that have not ended.
const RUNS_MAX: u32 = 20;
/// What ends within it needs no word about its being asked to.
const MOMENT: Duration = Duration::from_millis(700);
/// How much longer than the grace period an end may take: the kill, the last words, the snapshot of the work.
const BEYOND_GRACE: Duration = Duration::from_secs(15);

/// Asks the coordinator, or ends what a dead one left.
///
/// # Errors
/// Exit code 2 for names that are unknown or have ended, 1 if something did not end in time.
pub fn run(args: &StopArgs, context: &Context) -> Outcome {
    let session = Session::open(context)?;
    if args.tasks.is_empty() && !args.all {
        return Err(nobody_named(&session));
    }
    let config = context.load_config(session.repo.top(), &[])?.config;
    let patience = config.run.grace + BEYOND_GRACE;
    match session.connect()? {
        Some(client) => {
            let opened = session.open_run(None)?;
            ask(args, &session, client, opened, patience, context)
        }
        None => {
            let how = HowToEnd { now: args.now, patience, config: &config };
            let code = leftovers::end(&session, args.all, &args.tasks, &how, context)?;
            tell_what_changed(&session, context);
            Ok(code)
        }
    }
}

/// What could be meant: everything that runs, or one of its tasks.
fn nobody_named(session: &Session) -> Error {
    let error = Error::usage("say which tasks are to end");
    let journal = session.journal().ok();
    let runs = journal.as_ref().and_then(|j| j.runs(RUNS_MAX).ok()).unwrap_or_default();
    let live: Vec<Opened> =
        runs.into_iter().filter_map(|r| session.load(journal.as_ref()?, r.run).ok()).filter(|o| o.state.is_live()).collect();
    let at_work = |o: &Opened| o.state.tasks.iter().filter(|t| t.phase.active()).map(|t| t.key.task.to_string()).collect::<Vec<_>>();
    let all = match live.as_slice() {
        [] => return error.hint("nothing runs at the moment; `greenlane stop TASK` ends a task, `greenlane stop --all` the whole run"),
        [_] => String::from("`greenlane stop --all` ends the whole run"),
        several => {
            let names: Vec<String> = several.iter().map(|o| o.run.to_string()).collect();
            format!("`greenlane stop --all` ends everything that runs or was left behind: the runs {}", names.join(", "))
        }
    };
    let named = live.first().map(at_work).unwrap_or_default();
    let one = named.first().map_or_else(|| String::from("TASK"), |task| quoted(task));
    error.hint(format!("{all}; `greenlane stop {one}` ends one task"))
}

fn ask(args: &StopArgs, session: &Session, mut client: Client, opened: Opened, patience: Duration, context: &Context) -> Outcome {
    let tasks = if args.all { Vec::new() } else { to_stop(&opened.state, &args.tasks)? };
    let request = if args.all {
        Request::StopRun { how: if args.now { Stopping::Kill } else { Stopping::Terminate } }
    } else {
        Request::StopTasks { tasks: tasks.clone(), now: args.now }
    };
    client.say(&Say::Ask(request))?;
    let over =
        |state: &State| if args.all { !state.is_live() } else { tasks.iter().all(|k| state.task(k).is_none_or(|t| t.phase.ended())) };
    let grace = humane(patience.saturating_sub(BEYOND_GRACE));
    let meanwhile = if args.now { String::from("killing …") } else { format!("asked to end; what has not ended in {grace} is killed") };
    let opened = wait(session, opened, patience, over, || context.output.say(&meanwhile))?;
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

/// Follows the run until it is so; what takes longer than a moment is said `meanwhile`.
fn wait(
    session: &Session,
    opened: Opened,
    patience: Duration,
    over: impl Fn(&State) -> bool,
    meanwhile: impl FnOnce(),
) -> Result<Opened, Error> {
    let began = Instant::now();
    let mut following = Following::begin(session, opened)?;
    let mut meanwhile = Some(meanwhile);
    while !over(&following.opened.state) {
        if began.elapsed() >= MOMENT
            && let Some(say) = meanwhile.take()
        {
            say();
        }
        let left = patience.saturating_sub(began.elapsed());
        if left.is_zero() {
            return Err(Error::new(Kind::NotDone, "not everything has ended yet")
                .hint("`greenlane stop --now` kills at once; `greenlane status` shows what is left"));
        }
        let left = if meanwhile.is_some() { left.min(MOMENT) } else { left };
        if matches!(following.next(Some(left))?, News::Over) {
            break;
        }
    }
    Ok(following.opened)
}

fn told(state: &State, key: &TaskKey) -> String {
    match state.task(key).map(|t| t.phase) {
        Some(Phase::Cancelled) => {
            let id = quoted(key.task.as_str());
            format!("called off; its work is kept (`greenlane status {id}` says where, `greenlane retry {id}` goes on with it)")
        }
        Some(Phase::Done) => String::from("done: it landed before it could be called off"),
        Some(phase) if phase.ended() => String::from("at its end already"),
        _ => String::from("still ending"),
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
