//! What attempts say and see, on its way between the socket and the core; and the rest of their clocks, told to their keepers.

use std::io;
use std::path::Path;
use std::sync::Arc;

use greenlane_core::event::Outcome;
use greenlane_core::exchange::{Look, QuestionEnd, Rest, look};
use greenlane_core::ids::{AttemptId, RunId};
use greenlane_core::prompt::Said;
use greenlane_core::slug::key_slug;
use greenlane_core::state::{Phase, State, TaskState};
use greenlane_core::time::{Time, format_duration};

use super::context::Context;
use crate::agent::Tools;
use crate::control::Answer;
use crate::keeper;

/// The attempt with this label ([`super::label`]).
///
/// # Errors
/// If it is another run's, or nobody's.
pub(super) fn attempt_of(run: &RunId, state: &State, label: &str) -> Result<AttemptId, String> {
    let unknown = || format!("there is no attempt `{}` in run {run}", label.chars().take(200).collect::<String>());
    let (of, rest) = label.split_once('/').ok_or_else(unknown)?;
    if of != run.as_str() {
        return Err(format!("this attempt belongs to another run than {run}"));
    }
    let (slug, n) = rest.rsplit_once('/').ok_or_else(unknown)?;
    let n: u32 = n.parse().map_err(|_| unknown())?;
    // Usually it is one of the few at work.
    let (at_work, others): (Vec<_>, Vec<_>) =
        state.tasks.iter().filter(|t| !t.attempts.is_empty()).partition(|t| t.phase == Phase::Running);
    let task = at_work.into_iter().chain(others).find(|t| key_slug(&t.key) == slug).ok_or_else(unknown)?;
    if task.attempts.iter().any(|a| a.n == n) { Ok(AttemptId { key: task.key.clone(), n }) } else { Err(unknown()) }
}

/// Whatever it calls for, it is alive: its keeper sees its processes alone.
pub(super) fn called(context: &Arc<Context>, state: &State, attempt: &AttemptId) {
    if state.is_current(attempt, Phase::Running)
        && let Err(e) = keeper::tell_called(&context.layout.attempt_dir(attempt))
    {
        context.warn(format!("that {attempt} is alive cannot be told to its keeper: {e}"));
    }
}

/// What it sees.
pub(super) fn seen(state: &State, attempt: Result<AttemptId, String>, wanted: &Look, now: Time) -> Answer {
    match attempt {
        Ok(attempt) => match look(state, &attempt, wanted, now) {
            Some(sight) => Answer::Seen(sight),
            None => Answer::Refused(format!("there is no task `{}`", attempt.key)),
        },
        Err(why) => Answer::Refused(why),
    }
}

/// Asked in order for each task: an older state of things must not overwrite a newer one.
pub(super) fn tell_rest(context: &Arc<Context>, attempt: AttemptId, rest: Rest) {
    // Right here: it is a small file, and the order counts.
    if let Err(e) = keeper::tell_rest(&context.layout.attempt_dir(&attempt), &rest) {
        context.warn(format!("the time limits of {attempt} do not rest while it waits for an answer: {e}"));
    }
}

/// What was said to a task so far.
pub(super) fn said(state: &State, task: &TaskState, tools: bool) -> Said {
    let answers = state.exchange.of_task(&task.key).filter_map(|(_, question)| match &question.ended {
        Some((_, QuestionEnd::Answered(answer))) => Some((question.text.clone(), Some(answer.clone()))),
        // Of an attempt that failed nobody needs the answer any more; the next one asks again.
        Some((_, QuestionEnd::Withdrawn(_))) => {
            let asked = state.attempt(&question.attempt).is_some_and(|a| a.outcome == Some(Outcome::Asked));
            asked.then(|| (question.text.clone(), None))
        }
        None => None,
    });
    let notes = task.notes.iter().map(|note| {
        let from = if note.from.key.plan == task.key.plan { note.from.key.task.to_string() } else { note.from.key.to_string() };
        (from, note.text.clone())
    });
    Said { tools, answers: answers.collect(), notes: notes.collect() }
}

/// The verb that serves an attempt its tools.
const VERB: &str = "mcp";

impl Context {
    /// Whether this agent is given tools, and would take them from where they lie for this attempt.
    pub(super) fn gives_tools(&self, agent: &str, attempt: &AttemptId) -> bool {
        let dir = || self.layout.attempt_dir(attempt);
        self.tools.is_some() && self.config.mcp.enabled && self.registry.get(agent).is_ok_and(|a| a.takes_tools_of(&dir()))
    }

    /// The tools of an attempt, written down in its directory; `None`: it has none.
    pub(super) fn tools(&self, agent: &str, attempt: &AttemptId, dir: &Path) -> io::Result<Option<Tools>> {
        let Some(program) = self.tools.as_ref().filter(|_| self.gives_tools(agent, attempt)) else { return Ok(None) };
        let utf8 = |text: &std::ffi::OsStr| text.to_str().map(str::to_owned).ok_or_else(|| io::Error::other("a path is not UTF-8"));
        let wait = format_duration(self.config.mcp.wait);
        let command = vec![utf8(program.as_os_str())?, VERB.to_owned(), String::from("--wait"), wait];
        let variables = self.attempt_variables(attempt).into_iter();
        let env = variables.filter_map(|(name, value)| Some((name.into_string().ok()?, utf8(&value).ok()?)));
        let tools = Tools { command, env: env.filter(|(name, _)| name.starts_with("GREENLANE_")).collect(), file: dir.join("mcp.json") };
        std::fs::write(&tools.file, tools.settings())?;
        Ok(Some(tools))
    }
}
