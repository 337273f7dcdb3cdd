//! Marks in a plan's own files what has landed, when the user asked for it: checkboxes, `passes`, statuses; and for a PRD's folder its
//! manifest, its `progress.txt`, and its move to `prds/completed/`. Decides nothing about what has landed, and knows no runs.
//!
//! Only marks are changed, in the files as they are at that moment; a file that is not the same plan any more is left alone and told.

mod prd;
mod replace;

use std::path::{Path, PathBuf};

use greenlane_core::ids::TaskId;
use greenlane_core::plan::{Format, Mark, MarkRequest, Marking, PlanSource, mark, read};
use greenlane_core::time::Time;

use crate::plan_files::{Parts, parts_of};

pub use prd::{FinishError, Finished, completed_place, finish, note, note_taken_back};
pub use replace::{ReplaceError, append_file, read_file, replace_file};

/// How often it is tried where somebody changes the file at the same moment.
const TRIES_MAX: usize = 5;

/// Why nothing was marked.
#[derive(Debug, thiserror::Error)]
pub enum MarkError {
    /// A file of it cannot be read or written.
    #[error("{}: {why}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        why: ReplaceError,
    },
    /// It lies somewhere else than the repository.
    #[error("{} lies outside of the repository", .0.display())]
    Outside(PathBuf),
    /// It can be read, but is no plan any more.
    #[error("the plan cannot be read any more: {0}")]
    NoPlan(String),
}

/// What a mark stands for.
#[derive(Clone, Copy, Debug)]
pub struct MarkRules {
    /// A test suite was green on what is marked as done: without one, a PRD's `passes` stays as it is.
    pub verified: bool,
}

/// What came of marking.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marked {
    /// Where the plan lies now.
    pub path: PathBuf,
    /// Tasks whose marks were changed.
    pub changed: Vec<TaskId>,
    /// Tasks that were marked so already.
    pub already: Vec<TaskId>,
    /// Stories that were not marked, as no suite was green on them.
    pub unverified: Vec<TaskId>,
    /// Tasks that cannot be marked, and why, in words that follow on "`ID` ".
    pub refused: Vec<(TaskId, String)>,
}

/// Marks tasks in the files of the plan at `path`. `common_dir` is the repository's, whose checkouts alone are written to.
///
/// # Errors
/// If nothing could be marked, as the files are not there, not for writing, or no plan any more.
pub fn mark_tasks(common_dir: &Path, path: &Path, marks: &[Mark], rules: MarkRules, now: Time) -> Result<Marked, MarkError> {
    let mut tries = 0;
    loop {
        tries += 1;
        match attempt(common_dir, path, marks, rules, now) {
            // Somebody is writing just now: what they wrote is read again.
            Err(MarkError::File { why: ReplaceError::Changed, .. }) if tries < TRIES_MAX => {}
            other => return other,
        }
    }
}

fn attempt(common_dir: &Path, path: &Path, marks: &[Mark], rules: MarkRules, now: Time) -> Result<Marked, MarkError> {
    let path = &prd::place_now(path);
    inside(common_dir, path)?;
    let files = PlanTexts::read(path)?;
    let (format, mut marking) = files.mark(marks, &now.rfc3339()).map_err(MarkError::NoPlan)?;
    let mut unverified = Vec::new();
    if format == Some(Format::Prd) && !rules.verified && marks.iter().any(|m| m.done) && !marking.changed.is_empty() {
        unverified = std::mem::take(&mut marking.changed);
        marking.texts.clear();
    }
    for (file, new) in &marking.texts {
        let Some((real, _, old)) = files.texts.get(*file) else { continue };
        inside(common_dir, real)?;
        replace_file(real, old, new).map_err(|why| MarkError::File { path: real.clone(), why })?;
    }
    if format == Some(Format::Prd) {
        prd::count(path, marks, now)?;
    }
    Ok(Marked { path: path.clone(), changed: marking.changed, already: marking.already, unverified, refused: marking.refused })
}

/// The stories of a PRD that are not marked as passed; `None`: it is another kind of plan. A PRD that has moved is found where it is now.
///
/// # Errors
/// If it cannot be read.
pub fn open_stories(path: &Path) -> Result<Option<Vec<TaskId>>, MarkError> {
    let files = PlanTexts::read(&prd::place_now(path))?;
    let reading = files.with_source(None, read);
    let prd = reading.plan.filter(|_| reading.format == Some(Format::Prd));
    Ok(prd.map(|plan| plan.tasks.into_iter().filter(|t| !t.ticked).map(|t| t.id).collect()))
}

/// A plan's files as they are.
struct PlanTexts {
    parts: Parts,
    /// Each behind all links, as it is shown, and its text.
    texts: Vec<(PathBuf, String, String)>,
}

impl PlanTexts {
    fn read(path: &Path) -> Result<Self, MarkError> {
        let parts = parts_of(path);
        let mut texts = Vec::new();
        let more = parts.more.iter().map(|(path, shown)| (path.clone(), shown.clone()));
        for (path, shown) in std::iter::once((path.to_owned(), path.display().to_string())).chain(more) {
            let (real, text) = read_file(&path).map_err(|why| MarkError::File { path: path.clone(), why })?;
            texts.push((real, shown, text));
        }
        Ok(Self { parts, texts })
    }

    /// With the format in which the tasks are found: the one that shows in the text, else the first that has them all, as whoever named
    /// a format when the plan was run is not here to say it again.
    fn mark(&self, marks: &[Mark], now: &str) -> Result<(Option<Format>, Marking), String> {
        let first = self.mark_as(None, marks, now);
        if first.as_ref().is_ok_and(|(_, m)| m.refused.is_empty()) {
            return first;
        }
        let others = Format::ALL.into_iter().filter_map(|format| self.mark_as(Some(format), marks, now).ok());
        let found = others.into_iter().find(|(_, m)| m.refused.is_empty());
        found.map_or(first, Ok)
    }

    fn mark_as(&self, format: Option<Format>, marks: &[Mark], now: &str) -> Result<(Option<Format>, Marking), String> {
        self.with_source(format, |source| {
            let marking = mark(&MarkRequest { source, marks, now })?;
            Ok((format.or_else(|| read(source).format), marking))
        })
    }

    fn with_source<T>(&self, format: Option<Format>, f: impl FnOnce(&PlanSource<'_>) -> T) -> T {
        let folder = self.texts[0].0.parent().unwrap_or(Path::new("/")).to_owned();
        let files = |name: &str| read_file(&folder.join(name)).map(|(_, text)| text).map_err(|e| e.to_string());
        let more = self.texts[1..].iter().map(|(_, shown, text)| (shown.clone(), text.clone())).collect();
        let (_, shown, text) = &self.texts[0];
        f(&PlanSource { more, folder_id: self.parts.folder_id.clone(), format, ..PlanSource::new(shown.as_str(), text.as_str(), &files) })
    }
}

/// A checkout of this repository holds the file: the nearest `.git` above it belongs to it.
fn inside(common_dir: &Path, path: &Path) -> Result<(), MarkError> {
    let outside = || MarkError::Outside(path.to_owned());
    let real = path.canonicalize().map_err(|e| {
        let why = if e.kind() == std::io::ErrorKind::NotFound { ReplaceError::Gone } else { ReplaceError::Io(e) };
        MarkError::File { path: path.to_owned(), why }
    })?;
    let common = common_dir.canonicalize().map_err(|_| outside())?;
    if real.starts_with(&common) {
        return Err(outside());
    }
    let git = real.ancestors().skip(1).map(|folder| folder.join(".git")).find(|git| git.exists()).ok_or_else(outside)?;
    let of = if git.is_dir() {
        git.canonicalize().ok()
    } else {
        // `gitdir: PATH` of a linked worktree; its folder says where the common one is.
        std::fs::read_to_string(&git).ok().and_then(|text| {
            let gitdir = git.parent()?.join(text.trim().strip_prefix("gitdir:")?.trim());
            let common = std::fs::read_to_string(gitdir.join("commondir")).ok()?;
            gitdir.join(common.trim()).canonicalize().ok()
        })
    };
    if of.is_some_and(|found| found == common) { Ok(()) } else { Err(outside()) }
}

#[cfg(test)]
mod tests;
