//! What attempts say: is it sound, is it within limits, what follows. Nothing here starts or ends an attempt.

mod locks;
mod questions;

use super::Turn;
use crate::event::Event;
use crate::exchange::{
    CLAIMS_MAX, NOTES_MAX, PROGRESS_BYTES_MAX, Progress, SAID_MAX, TEXT_BYTES_MAX, Talk, VALUE_BYTES_MAX, VALUES_MAX, name, path, text,
};
use crate::ids::{AttemptId, TaskKey};
use crate::state::{Phase, TaskState};

/// So many owners are named to whoever claims what is theirs.
const OWNERS_NAMED_MAX: usize = 3;

impl Turn<'_> {
    /// Takes in what an attempt says. The answer is for the agent: `Err` says why nothing was done.
    pub(super) fn said(&mut self, attempt: &AttemptId, talk: Talk) -> Result<(), String> {
        if !self.state.is_live() {
            return Err(String::from("the run has ended"));
        }
        if !self.is_current(attempt, Phase::Running) {
            return Err(format!("attempt {attempt} is not at work any more"));
        }
        if self.state.attempt(attempt).is_some_and(|a| a.said >= SAID_MAX) {
            return Err(format!("this attempt has said {SAID_MAX} things already; nothing more is taken from it"));
        }
        match talk {
            Talk::Progress { percent, text } => self.progress(attempt, percent, text.as_deref()),
            Talk::Note { token, to, text } => self.note(attempt, token, &to, &text),
            Talk::Ask { token, text } => self.ask(attempt, token, &text),
            Talk::Claim { path } => self.claim(attempt, &path),
            Talk::Lock { name, lease, place } => self.lock(attempt, &name, lease, place),
            Talk::Unlock { name } => self.unlock(attempt, &name),
            Talk::Set { name, value, if_version } => self.set_value(attempt, &name, value, if_version),
        }
    }

    fn progress(&mut self, attempt: &AttemptId, percent: u32, words: Option<&str>) -> Result<(), String> {
        let percent = u8::try_from(percent).ok().filter(|p| *p <= 100).ok_or_else(|| format!("progress is 0 to 100, not {percent}"))?;
        let words = words.map(str::trim).filter(|t| !t.is_empty()).map(|t| text("the text", t, PROGRESS_BYTES_MAX)).transpose()?;
        let known = self.state.attempt(attempt).and_then(|a| a.progress.as_ref());
        if !known.is_some_and(|p: &Progress| p.percent == percent && p.text == words) {
            self.emit(Event::AttemptProgress { attempt: attempt.clone(), percent, text: words });
        }
        Ok(())
    }

    fn note(&mut self, attempt: &AttemptId, token: String, to: &str, words: &str) -> Result<(), String> {
        let token = name("note", &token)?;
        let words = text("the note", words, TEXT_BYTES_MAX)?;
        let to = self.task_named(&attempt.key, to)?;
        if to.key == attempt.key {
            return Err(String::from("a note to its own task goes nowhere: name another one"));
        }
        if to.notes.iter().any(|n| n.from == *attempt && n.token == token) {
            return Ok(()); // Said again because the answer was lost.
        }
        if to.phase == Phase::Done {
            return Err(format!("`{}` has landed: nobody would read it", to.key.task));
        }
        if to.notes.len() >= NOTES_MAX {
            return Err(format!("`{}` has {NOTES_MAX} notes already, and takes no more", to.key.task));
        }
        let to = to.key.clone();
        self.emit(Event::NoteSent { attempt: attempt.clone(), to, token, text: words });
        Ok(())
    }

    /// A task of the speaker's plan by its id, or any by `PLAN/ID`.
    fn task_named(&self, speaker: &TaskKey, name: &str) -> Result<&TaskState, String> {
        let name = name.trim();
        let own = self.state.task(&TaskKey { plan: speaker.plan.clone(), task: name.into() });
        let found = own.or_else(|| self.state.tasks.iter().find(|t| t.key.to_string() == name));
        found.ok_or_else(|| {
            let shown: String = name.chars().take(100).collect();
            format!("there is no task `{shown}` in this run: `task` lists those around you")
        })
    }

    fn claim(&mut self, attempt: &AttemptId, wanted: &str) -> Result<(), String> {
        let path = path(wanted)?;
        let Some(at) = self.state.task_at(&attempt.key) else { return Ok(()) };
        let task = &self.state.tasks[at];
        if self.state.owns_path(task, &path) {
            return Ok(());
        }
        if task.claims.len() >= CLAIMS_MAX {
            return Err(format!("this task has claimed {CLAIMS_MAX} files, and may claim no more"));
        }
        let hindered = self.state.claim_hindrances(at, &path);
        if let Some((other, first)) = hindered.first() {
            let owner = &self.state.tasks[*other].key.task;
            if *first == path {
                return Err(format!(
                    "`{path}` belongs to `{owner}`, which has not landed: leave it alone, and tell `{owner}` in a note what you need"
                ));
            }
            let named =
                hindered.iter().take(OWNERS_NAMED_MAX).map(|(t, glob)| format!("`{glob}` belongs to `{}`", self.state.tasks[*t].key.task));
            let named = named.collect::<Vec<_>>().join(", ");
            let more = if hindered.len() > OWNERS_NAMED_MAX { ", and more to others" } else { "" };
            return Err(format!(
                "`{path}` overlaps with what others own and have not landed: {named}{more}. Claim only what is nobody's, and tell the others in a \
                 note what you need of theirs"
            ));
        }
        self.emit(Event::FileClaimed { attempt: attempt.clone(), path });
        Ok(())
    }

    fn set_value(&mut self, attempt: &AttemptId, wanted: &str, value: Option<String>, if_version: Option<u64>) -> Result<(), String> {
        let name = name("value", wanted)?;
        let known = self.state.exchange.values.get(&name);
        if let Some(n) = value.as_ref().map(String::len).filter(|n| *n > VALUE_BYTES_MAX) {
            return Err(format!("the value has {n} bytes, and at most {VALUE_BYTES_MAX} are taken"));
        }
        if known.map(|k| &k.text) == value.as_ref() && known.is_none_or(|k| k.by == *attempt) {
            return Ok(()); // It is so; perhaps the answer was lost the first time.
        }
        match (if_version, known.map(|k| k.version)) {
            (None, _) => {}
            (Some(wanted), known) if wanted == known.unwrap_or(0) => {}
            (Some(_), None) => return Err(format!("`{name}` is not set, so it has no version")),
            (Some(0), Some(known)) => return Err(format!("`{name}` is set already, with version {known}")),
            (Some(wanted), Some(known)) => {
                return Err(format!("`{name}` has version {known}, not {wanted}: read it again"));
            }
        }
        if known.is_none() && self.state.exchange.values.len() >= VALUES_MAX {
            return Err(format!("the run has {VALUES_MAX} values, and takes no more"));
        }
        let version = self.state.exchange.last_version + 1;
        self.emit(Event::ValueSet { attempt: attempt.clone(), name, value, version });
        Ok(())
    }
}

impl Turn<'_> {
    /// What ends by time, or with its attempt.
    pub(super) fn settle_exchange(&mut self) {
        self.withdraw_questions();
        self.settle_locks();
    }
}
