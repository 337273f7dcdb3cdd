//! What a person does about what a board shows. Asks the coordinator, as the verbs do, or calls what the verbs call; waits for nothing that
//! the next board shows anyhow.

use std::time::Duration;

use greenlane_core::event::Stopping;
use greenlane_core::exchange;
use greenlane_core::ids::{PlanId, RunId, TaskKey};
use greenlane_core::input::Request;
use greenlane_runtime::control::{Answer, Say};
use greenlane_runtime::hand_off::Word;

use crate::commands::hand_back::hand_back;
use crate::commands::land::{self, LandArgs};
use crate::error::{Error, Kind};
use crate::report::{clean, quoted};
use crate::session::Session;

/// How long a coordinator may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Call tasks off; `now`: without grace.
    StopTasks {
        /// Which.
        tasks: Vec<TaskKey>,
        /// Kill at once.
        now: bool,
    },
    /// End the whole run.
    StopRun {
        /// Kill at once.
        now: bool,
    },
    /// Start no further attempts.
    Pause,
    /// Go on.
    Unpause,
    /// Try tasks again.
    Retry {
        /// Which.
        tasks: Vec<TaskKey>,
        /// From the base again.
        fresh: bool,
        /// By another agent.
        agent: Option<String>,
    },
    /// Answer a question.
    Answer {
        /// Its number.
        question: u64,
        /// What.
        text: String,
    },
    /// A task that is in somebody's hands is done.
    Done {
        /// Which.
        task: TaskKey,
        /// For the report.
        message: String,
    },
    /// A task that is in somebody's hands is not to be expected.
    Fail {
        /// Which.
        task: TaskKey,
        /// Why.
        reason: String,
    },
    /// Bring what landed into a branch of the user's.
    Land {
        /// Of which plan; `None`: of all.
        plan: Option<PlanId>,
        /// Where to; `None`: the branch that the user stands on.
        into: Option<String>,
        /// As one commit.
        squash: bool,
    },
}

/// Of which run.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// Its repository.
    pub session: &'a Session,
    /// Its id.
    pub run: &'a RunId,
}

impl Command {
    /// Does it, and says what was done, in a sentence or two, clean.
    ///
    /// # Errors
    /// What a verb would say: nobody is at work, the coordinator refuses, something is in the way.
    pub fn perform(&self, target: Target<'_>) -> Result<String, Error> {
        let Target { session, run } = target;
        match self {
            Self::StopTasks { tasks, now } => {
                ask(target, Request::StopTasks { tasks: tasks.clone(), now: *now })?;
                Ok(format!("{} asked to end; {}", named(tasks), grace(*now)))
            }
            Self::StopRun { now } => {
                ask(target, Request::StopRun { how: if *now { Stopping::Kill } else { Stopping::Terminate } })?;
                Ok(format!("the run is being stopped; {}", grace(*now)))
            }
            Self::Pause => {
                ask(target, Request::Pause)?;
                Ok(String::from("paused: running attempts finish, no other starts"))
            }
            Self::Unpause => {
                ask(target, Request::Unpause)?;
                Ok(String::from("attempts start again"))
            }
            Self::Retry { tasks, fresh, agent } => {
                ask(target, Request::Retry { tasks: tasks.clone(), fresh: *fresh, agent: agent.clone() })?;
                let how = if *fresh { " from the base" } else { "" };
                Ok(format!("{} will be tried again{how}", named(tasks)))
            }
            Self::Answer { question, text } => {
                let text = exchange::answer(text).map_err(Error::usage)?;
                ask(target, Request::Answer { question: *question, text })?;
                Ok(format!("answered question {question}"))
            }
            Self::Done { task, message } => give(session, run, task, Word::Done, message),
            Self::Fail { task, reason } => give(session, run, task, Word::Failed, reason),
            Self::Land { plan, into, squash } => {
                let args =
                    LandArgs { plan: plan.as_ref().map(ToString::to_string), into: into.clone(), squash: *squash, ..LandArgs::default() };
                land_it(session, run, &args)
            }
        }
    }
}

fn grace(now: bool) -> &'static str {
    if now { "killed at once" } else { "killed after the grace period" }
}

fn named(tasks: &[TaskKey]) -> String {
    match tasks {
        [only] => format!("`{}`", clean(only.task.as_str())),
        several => format!("{} tasks", several.len()),
    }
}

/// Asks the coordinator of this very run; that of another is not meant.
fn ask(target: Target<'_>, request: Request) -> Result<(), Error> {
    let Target { session, run } = target;
    let Some(client) = session.reach()? else {
        let error = Error::usage("nobody is at work on this run");
        let Request::Retry { tasks, .. } = request else { return Err(error.hint("`greenlane resume` goes on with it")) };
        let names: Vec<String> = tasks.iter().map(|t| quoted(&t.to_string())).collect();
        return Err(error.hint(format!("`greenlane retry {} --run {run}` tries again and coordinates it", names.join(" "))));
    };
    let mut client = client.patient(PATIENCE);
    if let Answer::Run { run: other, .. } = client.say(&Say::Who)?
        && other != *run
    {
        return Err(Error::new(Kind::Held, format!("the coordinator that is at work here has run {other}, not {run}")));
    }
    client.say(&Say::Ask(request))?;
    Ok(())
}

fn give(session: &Session, run: &RunId, task: &TaskKey, word: Word, message: &str) -> Result<String, Error> {
    let opened = session.load(&session.journal()?, run.clone())?;
    hand_back(session, &opened, task, word, message)
}

fn land_it(session: &Session, run: &RunId, args: &LandArgs) -> Result<String, Error> {
    let opened = session.load(&session.journal()?, run.clone())?;
    let (into, landed) = land::land(&session.repo, &opened, args)?;
    let (good, bad): (Vec<_>, Vec<_>) = landed.iter().partition(|l| l.message.is_none());
    if let Some(first) = bad.first() {
        let error = Error::new(Kind::NotDone, first.message.clone().unwrap_or_default());
        return Err(first.hint().map_or(error.clone(), |hint| error.hint(hint)));
    }
    let told: Vec<String> = good.iter().map(|l| clean(&land::told(l, &into))).collect();
    Ok(told.join("; "))
}
