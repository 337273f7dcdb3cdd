//! Ends what a dead coordinator left running. Journal first: a run that is stopped as a whole is written down as stopped, and so
//! `resume` takes its tasks up again; a task that is stopped alone is called off when the run is resumed.

use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use greenlane_core::coordinator::step;
use greenlane_core::event::{Event, Stopping};
use greenlane_core::ids::{AttemptId, TaskKey};
use greenlane_core::input::{Input, Request};
use greenlane_core::slug::key_slug;
use greenlane_core::state::{Phase, State};
use greenlane_runtime::clock;
use greenlane_runtime::config::Config;
use greenlane_runtime::driver::{label, settle_leftover};
use greenlane_runtime::journal::Journal;
use greenlane_runtime::keeper::{self, Cancel, Probe};
use greenlane_runtime::lock::Lock;
use greenlane_runtime::workspace::{kept_prefix, kept_words};

use crate::context::Context;
use crate::error::{Error, Kind, Outcome, Problem};
use crate::names;
use crate::progress::number;
use crate::session::{Opened, Session, held, idle_pool};

/// So many of the latest runs are looked at.
const RUNS_MAX: u32 = 100;

/// How attempts are ended.
pub struct HowToEnd<'a> {
    /// Killed, without grace.
    pub now: bool,
    /// So long each may take.
    pub patience: Duration,
    /// Says where the worktrees lie.
    pub config: &'a Config,
}

/// What became of an attempt that was to end.
enum End {
    /// It is over, and this is what is to be written down.
    Over(Box<Input>),
    /// It is not.
    StillThere(String),
}

/// Ends all of them, or those of the named tasks.
///
/// # Errors
/// Exit code 2 for unknown names, 4 if a coordinator has come up meanwhile, 1 if something does not end.
pub fn end(session: &Session, all: bool, names: &[String], how: &HowToEnd<'_>, context: &Context) -> Outcome {
    let (now, patience) = (how.now, how.patience);
    let journal = match session.journal() {
        Err(e) if all && e.kind == Kind::Usage => return nothing(context),
        journal => journal?,
    };
    let _lock = Lock::take(&session.state_dir).map_err(held)?;
    let interrupted = interrupted_runs(session, &journal)?;
    if !all {
        let Some(opened) = interrupted.into_iter().next() else {
            // The names are checked all the same: a typing error is no success.
            names::tasks(&session.open_run(None)?.state, names)?;
            return nothing(context);
        };
        let keys = names::tasks(&opened.state, names)?;
        let (running, idle): (Vec<TaskKey>, Vec<TaskKey>) =
            keys.into_iter().partition(|k| opened.state.task(k).is_some_and(|t| t.phase == Phase::Running));
        for key in idle {
            context.output.say(&format!("`{}` does not run", key.task));
        }
        let ends = end_attempts(&opened, &attempts_of(&opened.state, &running), now, patience);
        return tell(&opened, ends.into_iter().map(|(a, e)| (a, e.err())).collect(), context);
    }
    if interrupted.is_empty() {
        return nothing(context);
    }
    let mut journal = Journal::create(&session.state_dir)?;
    let mut outcome = Ok(ExitCode::SUCCESS);
    for mut opened in interrupted {
        let stopping = if now { Stopping::Kill } else { Stopping::Terminate };
        write_down(&mut journal, &mut opened, vec![Input::Request(Request::StopRun { how: stopping })])?;
        let running: Vec<TaskKey> = opened.state.tasks.iter().filter(|t| t.phase == Phase::Running).map(|t| t.key.clone()).collect();
        let (mut inputs, mut told) = (Vec::new(), Vec::new());
        for (attempt, end) in end_attempts(&opened, &attempts_of(&opened.state, &running), now, patience) {
            inputs.extend(end.is_ok().then(|| beside(session, &opened, &attempt, how.config, context)).flatten());
            told.push((attempt, end.as_ref().err().cloned()));
            inputs.extend(end.ok());
        }
        write_down(&mut journal, &mut opened, inputs)?;
        let ended: Vec<&AttemptId> = told.iter().filter(|(_, why)| why.is_none()).map(|(attempt, _)| attempt).collect();
        snapshot(session, &opened, &ended, how.config, context);
        outcome = outcome.and(tell(&opened, told, context));
        if opened.state.ended_at.is_some() {
            context.output.say(&format!("run {} is stopped; `greenlane resume` goes on with it", opened.run));
        }
    }
    outcome
}

fn nothing(context: &Context) -> Outcome {
    context.output.say("nothing runs");
    Ok(ExitCode::SUCCESS)
}

/// Runs that nobody has ended, the latest first. The caller holds the lock, so nobody is at work on them.
///
/// # Errors
/// If the journal cannot be read.
pub fn interrupted_runs(session: &Session, journal: &Journal) -> Result<Vec<Opened>, Error> {
    let mut found = Vec::new();
    for entry in journal.runs(RUNS_MAX)? {
        // The last event tells of most runs that they have ended, without replaying them.
        let last = journal.since(Some(&entry.run), entry.last_seq.saturating_sub(1), 1)?;
        if matches!(last.first().map(|r| &r.event), Some(Event::RunEnded { .. })) {
            continue;
        }
        let opened = session.load(journal, entry.run)?;
        if opened.state.is_live() {
            found.push(opened);
        }
    }
    Ok(found)
}

fn attempts_of(state: &State, keys: &[TaskKey]) -> Vec<AttemptId> {
    keys.iter().filter_map(|k| state.task(k)).map(greenlane_core::state::TaskState::attempt_id).collect()
}

/// Ends these attempts, all at once. `Err`: it did not end in time; why.
fn end_attempts(opened: &Opened, attempts: &[AttemptId], now: bool, patience: Duration) -> Vec<(AttemptId, Result<Input, String>)> {
    thread::scope(|scope| {
        let ends: Vec<_> = attempts.iter().map(|a| (a, scope.spawn(|| end_one(opened, a, now, patience)))).collect();
        let over = |end: End| match end {
            End::Over(input) => Ok(*input),
            End::StillThere(why) => Err(why),
        };
        ends.into_iter()
            .map(|(a, thread)| (a.clone(), thread.join().map_or_else(|_| Err(String::from("it could not be watched")), over)))
            .collect()
    })
}

fn end_one(opened: &Opened, attempt: &AttemptId, now: bool, patience: Duration) -> End {
    let dir = opened.layout.attempt_dir(attempt);
    let how = if now { Cancel::Kill } else { Cancel::Terminate };
    loop {
        match keeper::probe(&dir) {
            Ok(Probe::Exited(record)) => return End::Over(Box::new(Input::AttemptExited { attempt: attempt.clone(), record })),
            Ok(Probe::Voided) => return End::Over(Box::new(Input::AttemptVoided { attempt: attempt.clone() })),
            // Its claim is taken, so that it never begins. If it was quicker, it is asked in the next round.
            Ok(Probe::NeverBegan) => {
                if let Err(e) = keeper::void(&dir) {
                    return End::StillThere(e.to_string());
                }
            }
            Ok(Probe::Lost(_)) => {
                return match keeper::end_strays(&label(&opened.run, attempt)) {
                    Ok(_) => End::Over(Box::new(Input::AttemptLost { attempt: attempt.clone() })),
                    Err(e) => End::StillThere(e.to_string()),
                };
            }
            Ok(Probe::Running(_)) => {
                if let Err(e) = keeper::cancel(&dir, how) {
                    return End::StillThere(e.to_string());
                }
                if !gone_within(&dir, patience) {
                    return End::StillThere(String::from("its keeper has not ended it in time; `greenlane stop --all --now` kills"));
                }
            }
            Err(e) => return End::StillThere(e.to_string()),
        }
    }
}

/// Waits for the keeper's end without polling. The thread that waits is left behind if it takes too long: this process ends soon.
fn gone_within(dir: &Path, patience: Duration) -> bool {
    let (gone, heard) = channel();
    let dir = dir.to_owned();
    // Nobody hears it if the patience was over before.
    thread::spawn(move || gone.send(keeper::wait(&dir).is_ok()).is_ok());
    heard.recv_timeout(patience).is_ok()
}

/// Keeps what the ended attempts left in refs, at once: the run may never be resumed, and a worktree is the user's to remove.
fn snapshot(session: &Session, opened: &Opened, ended: &[&AttemptId], config: &Config, context: &Context) {
    let pool = match idle_pool(&session.repo, config, context) {
        Ok(pool) if !ended.is_empty() => pool,
        // There is nothing to keep, or no place where it could lie.
        _ => return,
    };
    for attempt in ended {
        // An attempt without a worktree of its own has left nothing.
        let Some(prepared) = opened.layout.workspace_of(attempt) else { continue };
        let Ok(workspace) = pool.reopen_own(&prepared.path, &opened.run, &attempt.key) else { continue };
        let prefix = kept_prefix(&opened.run, &key_slug(&attempt.key));
        if let Err(e) = pool.snapshot(&workspace, &prefix, &kept_words(attempt, "when the run was stopped")) {
            context.output.say(&format!("the work of {attempt} is in its worktree, but not in a ref: {e}"));
        }
    }
}

/// What an attempt changed beside its work, put back as a coordinator would have done.
fn beside(session: &Session, opened: &Opened, attempt: &AttemptId, config: &Config, context: &Context) -> Option<Input> {
    let pool = idle_pool(&session.repo, config, context).ok()?;
    settle_leftover(&session.repo, pool.dir(), &opened.layout, &opened.run, attempt).unwrap_or_else(|e| {
        context.output.say(&format!("it is not known whether {attempt} changed the repository's refs or settings: {e}"));
        None
    })
}

/// Steps the core and appends what it decides. What it wants done is left to whoever resumes the run.
fn write_down(journal: &mut Journal, opened: &mut Opened, inputs: Vec<Input>) -> Result<(), Error> {
    let now = clock::now();
    let mut events = Vec::new();
    for input in inputs {
        let step = step(&mut opened.state, now, input);
        if let Some(fault) = step.fault {
            return Err(Error::environment(format!("a fault in the coordinator: {fault}")));
        }
        if let Some(Err(why)) = step.reply {
            return Err(Error::new(Kind::NotDone, why));
        }
        events.extend(step.events);
    }
    if !events.is_empty() {
        opened.last_seq = journal.append(&opened.run, now, &events)?;
    }
    Ok(())
}

fn tell(opened: &Opened, ends: Vec<(AttemptId, Option<String>)>, context: &Context) -> Outcome {
    let mut problems = Vec::new();
    for (attempt, why) in ends {
        let number = number(&opened.state, &attempt);
        match why {
            None => context.output.say(&format!("`{}`: attempt {number} has ended; its work is where it was", attempt.key.task)),
            Some(why) => problems.push(Problem {
                message: format!("attempt {number} of `{}` has not ended: {why}", attempt.key.task),
                location: None,
                hints: vec![format!("its files: {}", opened.layout.attempt_dir(&attempt).display())],
            }),
        }
    }
    if problems.is_empty() { Ok(ExitCode::SUCCESS) } else { Err(Error { kind: Kind::NotDone, problems }) }
}
