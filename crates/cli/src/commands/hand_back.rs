//! What `done` and `fail` share: a task in the hands of a person or of an editor is given back. Needs no coordinator: what waits in the
//! task's worktree hears it, and its keeper records it.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use greenlane_core::ids::TaskKey;
use greenlane_core::state::{State, TaskState};
use greenlane_core::view::Coordinator;
use greenlane_runtime::hand_off::{GivenBack, Unready, Word, give_back, unready};
use greenlane_runtime::keeper::{self, Probe};

use crate::context::Context;
use crate::error::{Error, Kind, Outcome};
use crate::names;
use crate::report::quoted;
use crate::session::{Opened, Session};

/// What waits looks twice a second; on a busy machine it may take its time.
const HEARD_WITHIN: Duration = Duration::from_secs(10);
const ROUND: Duration = Duration::from_millis(50);

/// Flags that both have.
#[derive(Clone, Debug, clap::Args)]
pub struct HandBackArgs {
    /// The task (`ID` or `PLAN/ID`); in its worktree it may be left out
    #[arg(value_name = "TASK")]
    pub task: Option<String>,
    /// Another run than the latest
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
}

/// Gives the task back.
///
/// # Errors
/// Exit code 2 where there is no such task, it is in nobody's hands, or nothing is changed; 3 where nothing waits for it any more.
pub fn give(args: &HandBackArgs, word: Word, message: &str, context: &Context) -> Outcome {
    let session = Session::open(context)?;
    let opened = session.open_run(args.run.as_deref())?;
    let key = match &args.task {
        Some(name) => names::task(&opened.state, name)?,
        None => here(&opened.state, context)?,
    };
    context.output.say(&hand_back(&session, &opened, &key, word, message)?);
    Ok(ExitCode::SUCCESS)
}

/// Gives this task back, waits until that is heard, and tells what follows.
///
/// # Errors
/// As [`give`].
pub fn hand_back(session: &Session, opened: &Opened, key: &TaskKey, word: Word, message: &str) -> Result<String, Error> {
    let task = opened.state.task(key).ok_or_else(|| Error::usage(format!("there is no task `{key}`")))?;
    if !opened.state.is_with_a_person(task) {
        return Err(not_in_hand(opened, task));
    }
    let dir = opened.layout.attempt_dir(&task.attempt_id());
    match keeper::probe(&dir) {
        Ok(Probe::Running(_)) => {}
        Ok(Probe::Exited(_)) => {
            return Err(Error::usage(format!("`{}` has been given back already", key.task)).hint("`greenlane status` shows it"));
        }
        Ok(Probe::NeverBegan) if opened.coordinator == Coordinator::Alive => {
            return Err(Error::usage(format!("the worktree of `{}` is still being made ready", key.task)).hint("try again in a moment"));
        }
        Ok(_) => {
            return Err(Error::environment(format!(
                "nothing waits for `{}` any more: the machine was restarted, or its keeper killed",
                key.task
            ))
            .hint("`greenlane resume` hands it over again, with the work that is in its worktree; then say this again"));
        }
        Err(e) => return Err(Error::environment(format!("the attempt at `{}` cannot be looked at: {e}", key.task))),
    }
    if word == Word::Done {
        refuse_unready(opened, task)?;
    }
    let given = GivenBack { word, by: user(session), message: message.to_owned() };
    give_back(&dir, &given).map_err(|e| match e.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Error::usage(format!("`{}` has been given back already", key.task)).hint("`greenlane status` shows it")
        }
        _ => Error::file(format!("cannot write to {}: {e}", dir.display()), &e),
    })?;
    let began = Instant::now();
    while matches!(keeper::probe(&dir), Ok(Probe::Running(_))) {
        if began.elapsed() >= HEARD_WITHIN {
            return Err(Error::new(Kind::NotDone, format!("`{}` is given back, but what waits for it has not heard it yet", key.task))
                .hint("`greenlane status` shows when it has"));
        }
        std::thread::sleep(ROUND);
    }
    let next = match (word, opened.coordinator == Coordinator::Alive) {
        (Word::Done, true) => "it is checked and landed now, as any other work; `greenlane status` shows it",
        (Word::Failed, true) => "the run counts it as failed; its worktree stays",
        (_, false) => "no coordinator is at work: `greenlane resume` goes on with it",
    };
    Ok(format!("`{}` is given back: {next}", key.task))
}

/// What would be refused for certain is not handed in: that would use up a try. What git does not tell the gate will judge.
fn refuse_unready(opened: &Opened, task: &TaskState) -> Result<(), Error> {
    let Some(at) = opened.layout.workspace_of(&task.attempt_id()) else { return Ok(()) };
    let (id, place) = (quoted(task.key.task.as_str()), at.path.display());
    match unready(&at.path, &at.git_dir, &at.base) {
        Ok(Some(Unready::NothingChanged)) => Err(Error::usage(format!("nothing is changed in {place}, so there is nothing to hand in"))
            .hint(format!("edit or commit there, then say it again; `greenlane fail {id}` gives it up"))),
        Ok(Some(Unready::UnderWay(what))) => Err(Error::usage(format!("{what} is under way in {place}"))
            .hint("finish it there (`git status` says how) or give it up, then say it again")),
        Ok(None) | Err(_) => Ok(()),
    }
}

/// The name that the user commits by, where one is configured.
fn user(session: &Session) -> String {
    let (idents, configured) = session.repo.idents();
    let name = idents.author.split_once(" <").map_or(idents.author.as_str(), |(name, _)| name);
    if *configured { name.to_owned() } else { String::new() }
}

/// The task in whose worktree the user stands.
fn here(state: &State, context: &Context) -> Result<TaskKey, Error> {
    let directory = context.directory.canonicalize().unwrap_or_else(|_| context.directory.clone());
    let is_here = |t: &&TaskState| {
        let worktree = t.current().and_then(|a| a.spawned.as_ref()).map(|s| std::path::PathBuf::from(&s.worktree));
        worktree.and_then(|w| w.canonicalize().ok()).is_some_and(|w| directory.starts_with(w))
    };
    let mut in_hand = state.tasks.iter().filter(|t| state.is_with_a_person(t));
    match in_hand.find(is_here) {
        Some(task) => Ok(task.key.clone()),
        None => Err(Error::usage("which task? Outside a task's worktree it has to be named").hint(listed(state))),
    }
}

fn not_in_hand(opened: &Opened, task: &TaskState) -> Error {
    let id = &task.key.task;
    let agent = opened.state.agent_of(task);
    if task.phase.ended() {
        return Error::usage(format!("`{id}` has ended already")).hint(format!("`greenlane status {id}` shows how"));
    }
    if opened.state.is_hand_off(&agent) {
        return Error::usage(format!("`{id}` is in nobody's hands just now"))
            .hint(format!("`greenlane status {id}` shows what it waits for"));
    }
    Error::usage(format!("`{id}` is not in anybody's hands: {agent} does it"))
        .hint(listed(&opened.state))
        .hint(format!("`greenlane stop {id}` ends it"))
}

/// What could have been meant.
fn listed(state: &State) -> String {
    let ids: Vec<String> = state.tasks.iter().filter(|t| state.is_with_a_person(t)).map(|t| format!("`{}`", t.key.task)).collect();
    match ids.as_slice() {
        [] => String::from("no task is in anybody's hands"),
        ids => format!("in somebody's hands: {}", ids.join(", ")),
    }
}
