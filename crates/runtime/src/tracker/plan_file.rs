//! The plan's own file as a tracker, where the user asked for it: what has landed is ticked there, what was taken off again is opened
//! again, and a PRD whose stories are all done moves to `prds/completed`. How files are changed is [`plan_marks`](crate::plan_marks)'s.
//!
//! It remembers what it has ticked itself: a mark that a person made is never taken away.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use greenlane_core::event::Event;
use greenlane_core::ids::{PlanId, RunId, TaskId, TaskKey};
use greenlane_core::plan::{Mark, ProgressEntry};
use greenlane_core::state::{State, TaskState};
use greenlane_core::tracker::letters;
use serde::{Deserialize, Serialize};

use super::{Claim, Issue, Letter, Patience, Place, Told, Tracker, TrackerKind, Trouble, Word};
use crate::agent::which;
use crate::beads::PROGRAM;
use crate::clock;
use crate::journal::Journal;
use crate::plan_marks::{
    FinishError, MarkError, MarkRules, Marked, ReplaceError, finish, mark_tasks, note, note_taken_back, open_stories, replace_file,
};

/// What it has ticked itself.
const LEDGER: &str = "plan-marks.json";
/// Most files and most tasks of one that are remembered; the longest untouched file goes first.
const FILES_MAX: usize = 1_000;
const TASKS_MAX: usize = 100_000;
/// Events that are read at once.
const PAGE: u32 = 1_000;

/// Plan files of one repository.
pub(super) struct PlanFile {
    common_dir: PathBuf,
    state_dir: PathBuf,
    /// Somebody else keeps `.beads`.
    has_bd: bool,
    /// The run that was told of last, up to which event.
    seen: Mutex<Option<(RunId, State, u64)>>,
}

/// Tasks that were ticked here, by file, the file that was touched last at the end.
#[derive(Default, Serialize, Deserialize)]
struct Ledger {
    files: Vec<(PathBuf, BTreeSet<TaskId>)>,
}

impl Ledger {
    fn read(state_dir: &Path) -> Self {
        let text = std::fs::read_to_string(state_dir.join(LEDGER)).ok();
        text.and_then(|t| serde_json::from_str(&t).ok()).unwrap_or_default()
    }

    fn has(&self, file: &Path, task: &TaskId) -> bool {
        self.files.iter().any(|(f, tasks)| f == file && tasks.contains(task))
    }

    /// Remembers, or forgets, that these were ticked here.
    fn set(&mut self, state_dir: &Path, file: &Path, tasks: &[TaskId], ticked: bool) -> Result<(), Trouble> {
        let place = self.files.iter().position(|(f, _)| f == file);
        let mut own = place.map(|p| self.files.remove(p).1).unwrap_or_default();
        for task in tasks {
            if ticked && own.len() < TASKS_MAX {
                own.insert(task.clone());
            } else {
                own.remove(task);
            }
        }
        if !own.is_empty() {
            self.files.push((file.to_owned(), own));
        }
        let surplus = self.files.len().saturating_sub(FILES_MAX);
        self.files.drain(..surplus);
        let path = state_dir.join(LEDGER);
        let text = serde_json::to_string(self).unwrap_or_default();
        let write = || match std::fs::read_to_string(&path) {
            Ok(old) => replace_file(&path.canonicalize()?, &old, &text),
            Err(_) => Ok(std::fs::write(&path, &text)?),
        };
        write().map_err(|e| Trouble::NotYet { why: format!("{}: {e}", path.display()) })
    }
}

impl PlanFile {
    pub fn of(place: &Place) -> Self {
        let directory = place.main.as_deref().unwrap_or(&place.common_dir);
        let has_bd = which(Path::new(PROGRAM), &place.environment, directory).is_some();
        Self { common_dir: place.common_dir.clone(), state_dir: place.state_dir.clone(), has_bd, seen: Mutex::default() }
    }

    fn marks(letter: &Letter, done: bool, tasks: &[TaskId]) -> Vec<Mark> {
        tasks.iter().map(|task| Mark { task: task.clone(), title: letter.item.title.clone(), done }).collect()
    }

    fn landed(&self, run: &RunId, letter: &Letter, file: &Path) -> Result<Told, Trouble> {
        let Word::Landed { commit, branch, verified, before } = &letter.word else { return Ok(Told::Already) };
        let tasks = &letter.item.tasks;
        // Before the mark: what is ticked and not remembered could never be opened again.
        let mut ledger = Ledger::read(&self.state_dir);
        let known: Vec<bool> = tasks.iter().map(|t| ledger.has(file, t)).collect();
        ledger.set(&self.state_dir, file, tasks, true)?;
        let rules = MarkRules { verified: *verified };
        let marked = mark_tasks(&self.common_dir, file, &Self::marks(letter, true, tasks), rules, clock::now());
        // What was ticked before by somebody else stays theirs; what was not ticked is nobody's.
        let forget: Vec<TaskId> = match &marked {
            Ok(m) => {
                let theirs = tasks.iter().zip(&known).filter(|(t, known)| m.already.contains(t) && !**known).map(|(t, _)| t.clone());
                theirs.chain(m.refused.iter().map(|(t, _)| t.clone())).chain(m.unverified.iter().cloned()).collect()
            }
            Err(_) => tasks.iter().zip(&known).filter(|(_, known)| !**known).map(|(t, _)| t.clone()).collect(),
        };
        if !forget.is_empty() {
            ledger.set(&self.state_dir, file, &forget, false)?;
        }
        let marked = marked.map_err(trouble)?;
        // Why it does not pass is told once, with the end of the plan.
        let noted: Vec<TaskId> = tasks.iter().filter(|t| !marked.unverified.contains(t)).cloned().collect();
        let told = told(marked)?;
        let run = before.as_ref().unwrap_or(run);
        for task in &noted {
            let story = self.story(run, &TaskKey { plan: letter.item.plan.clone(), task: task.clone() });
            let entry = ProgressEntry {
                at: clock::now(),
                id: task.as_str(),
                title: &letter.item.title,
                commit: commit.as_str(),
                branch,
                run: run.as_str(),
                agent: story.agent.as_deref(),
                took: story.took,
                attempts: story.attempts,
                lessons: &story.lessons,
            };
            note(&self.common_dir, file, &entry, before.is_none().then_some(branch.as_str())).map_err(trouble)?;
        }
        Ok(told)
    }

    fn given_up(&self, letter: &Letter, file: &Path, reason: &str) -> Result<Told, Trouble> {
        let mut ledger = Ledger::read(&self.state_dir);
        let ours: Vec<TaskId> = letter.item.tasks.iter().filter(|t| ledger.has(file, t)).cloned().collect();
        if ours.is_empty() {
            return Ok(Told::Already);
        }
        let marks = Self::marks(letter, false, &ours);
        let marked = mark_tasks(&self.common_dir, file, &marks, MarkRules { verified: true }, clock::now()).map_err(trouble)?;
        let changed = marked.changed.clone();
        let moved = marked.path != file;
        let told = told(marked)?;
        for task in &changed {
            let noted = note_taken_back(&self.common_dir, file, clock::now(), task.as_str(), &letter.item.title, reason);
            noted.map_err(trouble)?;
        }
        ledger.set(&self.state_dir, file, &ours, false)?;
        if moved && !changed.is_empty() {
            let why = "it is marked as open in prds/completed; the PRD stays there as completed, which cannot be taken back";
            return Err(Trouble::Never { why: String::from(why) });
        }
        Ok(told)
    }

    /// The end of a plan. A PRD whose stories do not pass for want of a green suite says so here, once for all of them.
    fn ended(&self, run: &RunId, letter: &Letter, file: &Path, done: bool) -> Result<Told, Trouble> {
        let unverified = self.unverified(run, &letter.item.plan);
        if !unverified.is_empty()
            && let Some(open) = open_stories(file).map_err(trouble)?
        {
            let stories: Vec<&str> = open.iter().filter(|t| unverified.contains(t)).map(TaskId::as_str).collect();
            if let Some(last) = stories.last() {
                let (of, them, verb) = match stories.len() {
                    1 => ((*last).to_owned(), "it", "does"),
                    2 | 3 => (stories.join(", "), "them", "do"),
                    n => (format!("{n} stories ({}, … {last})", stories[0]), "them", "do"),
                };
                let why = format!(
                    "{of} landed without a green test suite and so {verb} not pass: name one with `verify` under [run] in greenlane.toml, then \
                     `greenlane run` again tests what has landed and marks {them}"
                );
                return Err(Trouble::Never { why });
            }
        }
        if !done {
            return Ok(Told::Already);
        }
        match finish(&self.common_dir, file, clock::now()) {
            Ok(crate::plan_marks::Finished::Moved(_)) => Ok(Told::Changed),
            Ok(_) => Ok(Told::Already),
            // Its stories may be marked a moment later.
            Err(e @ FinishError::Open { .. }) => Err(Trouble::NotYet { why: e.to_string() }),
            Err(FinishError::File(e)) => Err(trouble(e)),
            Err(e @ FinishError::Refused { .. }) => Err(Trouble::Never { why: e.to_string() }),
        }
    }

    /// What of the plan has landed without a green suite.
    fn unverified(&self, run: &RunId, plan: &PlanId) -> Vec<TaskId> {
        let all = self.with_state(run, letters).unwrap_or_default().into_iter();
        let of = |l: &Letter| l.item.tracker == TrackerKind::Plan && l.item.plan == *plan;
        all.filter(|l| of(l) && matches!(l.word, Word::Landed { verified: false, .. })).flat_map(|l| l.item.tasks).collect()
    }

    /// What the journal knows of a task's way; nothing where it cannot be read: that is no reason not to tell.
    fn story(&self, run: &RunId, key: &TaskKey) -> Story {
        self.with_state(run, |state| state.task(key).map(Story::of)).flatten().unwrap_or_default()
    }

    fn with_state<T>(&self, run: &RunId, f: impl FnOnce(&State) -> T) -> Option<T> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.as_ref().is_none_or(|(known, _, _)| known != run) {
            *seen = Some((run.clone(), State::default(), 0));
        }
        let (Some((_, state, seq)), Ok(journal)) = (seen.as_mut(), Journal::read(&self.state_dir)) else { return None };
        while let Ok(page) = journal.since(Some(run), *seq, PAGE) {
            for record in &page {
                // What contradicts itself is the coordinator's trouble.
                let _ = state.apply(record.at, &record.event as &Event);
                *seq = record.seq;
            }
            if page.len() < PAGE as usize {
                break;
            }
        }
        Some(f(state))
    }
}

/// What is said of a task's way in `progress.txt`.
#[derive(Default)]
struct Story {
    agent: Option<String>,
    took: Duration,
    attempts: u32,
    lessons: Vec<String>,
}

impl Story {
    fn of(task: &TaskState) -> Self {
        let took = task.attempts.iter().map(|a| a.ended_at.map_or(Duration::ZERO, |end| end.since(a.started_at))).sum();
        let lessons = task.attempts.iter().filter_map(|a| Some(a.failure.as_ref()?.message.clone())).collect();
        let attempts = u32::try_from(task.attempts.len()).unwrap_or(u32::MAX);
        Self { agent: task.attempts.last().map(|a| a.agent.clone()), took, attempts, lessons }
    }
}

impl Tracker for PlanFile {
    fn claim(&self, _: &RunId, _: &Issue, _: &Patience) -> Claim {
        Claim::Unavailable { why: String::from("a plan's file claims nothing"), away: false }
    }

    fn tell(&self, run: &RunId, letter: &Letter, _: &Patience) -> Result<Told, Trouble> {
        let Some(file) = letter.item.file.as_deref().map(Path::new) else {
            return Err(Trouble::Never { why: String::from("the plan has no file") });
        };
        if self.has_bd && file.parent().is_some_and(|folder| folder.ends_with(".beads")) {
            // bd writes that file from its own store; as a tracker of its own it is told itself.
            return Ok(Told::Already);
        }
        match &letter.word {
            Word::InHand { .. } => Ok(Told::Already),
            Word::Landed { .. } => self.landed(run, letter, file),
            Word::GivenUp { reason, .. } => self.given_up(letter, file, reason),
            Word::PlanEnded { done } => self.ended(run, letter, file, *done),
        }
    }
}

/// One that was refused is told as such; a person has to look.
fn told(marked: Marked) -> Result<Told, Trouble> {
    match marked.refused.first() {
        Some((task, why)) => Err(Trouble::Never { why: format!("`{task}` {why}") }),
        None if marked.changed.is_empty() => Ok(Told::Already),
        None => Ok(Told::Changed),
    }
}

fn trouble(e: MarkError) -> Trouble {
    let why = e.to_string();
    match e {
        MarkError::Outside(_) | MarkError::File { why: ReplaceError::Odd(_), .. } => Trouble::Never { why },
        // Whoever took it away, made it read-only or is in the middle of a change may be done with it soon.
        MarkError::File { .. } | MarkError::NoPlan(_) => Trouble::NotYet { why },
    }
}
