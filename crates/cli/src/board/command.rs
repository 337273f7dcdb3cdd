//! What a person does about what a board shows. Asks the coordinator, as the verbs do, or calls what the verbs call; waits for nothing that
//! the next board shows anyhow.

use std::ffi::OsString;
use std::time::Duration;

use greenlane_core::event::Stopping;
use greenlane_core::exchange;
use greenlane_core::ids::{PlanId, RunId, TaskKey};
use greenlane_core::input::Request;
use greenlane_runtime::control::{Answer, Say};
use greenlane_runtime::hand_off::Word;

use crate::commands::detach::{Background, begin_in_background};
use crate::commands::hand_back::hand_back;
use crate::commands::land::{self, LandArgs};
use crate::commands::resume::ResumeArgs;
use crate::commands::retry::RetryArgs;
use crate::error::{Error, Kind};
use crate::report::clean;
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
    /// Take a run up on which nobody is at work, in the background.
    Resume,
    /// Try tasks again; where nobody is at work on the run, it is taken up for that in the background.
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
            Self::Resume => {
                let args = ResumeArgs { run: Some(run.to_string()), ..ResumeArgs::default() };
                in_background(session, args.words()).map(|()| String::from("the run is taken up in the background"))
            }
            Self::Retry { tasks, fresh, agent } if session.reach()?.is_none() => {
                let args = RetryArgs {
                    tasks: tasks.iter().map(ToString::to_string).collect(),
                    fresh: *fresh,
                    agent: agent.clone(),
                    run: Some(run.to_string()),
                    detach: true,
                    background: false,
                };
                in_background(session, args.words())?;
                Ok(format!("the run is taken up in the background, to try {} again", named(tasks)))
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
        return Err(Error::usage("nobody is at work on this run").hint("`greenlane resume` goes on with it"));
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

/// Starts a verb that coordinates, and waits until it does.
fn in_background(session: &Session, words: Vec<OsString>) -> Result<(), Error> {
    let words = [OsString::from("--color=never")].into_iter().chain(words).collect();
    let place = session.repo.top().or(session.repo.main_top()).unwrap_or(session.repo.common_dir());
    match begin_in_background(place, &session.state_dir, words)? {
        Background::Begun { mut child, .. } => {
            // Whoever asks may live for days: the process is waited for, so that nothing is left of it.
            drop(std::thread::Builder::new().name("background".into()).spawn(move || child.wait()));
            Ok(())
        }
        Background::Ended { words, .. } => {
            let said = clean(&words);
            let said = said.strip_prefix("error: ").unwrap_or(&said);
            Err(Error::environment(if said.is_empty() { "it ended at once, without a word" } else { said }))
        }
    }
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
