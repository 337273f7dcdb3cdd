//! A PRD's folder: `prds/active/ID` with `prd.json`, `MANIFEST.yaml` and `progress.txt`, and its move to `prds/completed/ID` when every
//! story is marked.

use std::io;
use std::path::{Path, PathBuf};

use greenlane_core::plan::{
    Format, ManifestChange, Mark, PrdStatus, ProgressEntry, change_manifest, progress_entry, progress_has, progress_taken_back, read,
};
use greenlane_core::time::Time;

use super::replace::sync_folder;
use super::{MarkError, PlanTexts, ReplaceError, append_file, inside, read_file, replace_file};
use crate::plan_files::MANIFESTS;

const PROGRESS: &str = "progress.txt";

/// Why a PRD stays where it is.
#[derive(Debug, thiserror::Error)]
pub enum FinishError {
    /// Not every story is marked.
    #[error("{} stays in prds/active: not marked as passed: {}", .prd, .stories.join(", "))]
    Open {
        /// Its folder's name.
        prd: String,
        /// The stories.
        stories: Vec<String>,
    },
    /// It cannot be completed, and a person has to look.
    #[error("{prd} stays in prds/active: {why}")]
    Refused {
        /// Its folder's name.
        prd: String,
        /// Why.
        why: String,
    },
    /// A file of it.
    #[error(transparent)]
    File(#[from] MarkError),
}

/// What came of the end of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finished {
    /// It is no PRD under `prds/active`: nothing to do.
    NoPrd,
    /// It lies in `prds/completed` already.
    Already(PathBuf),
    /// It was moved there.
    Moved(PathBuf),
}

/// Where a PRD's folder goes when it is completed, if this is the file of one that is active: `…/prds/completed/ID/prd.json`.
#[must_use]
pub fn completed_place(path: &Path) -> Option<PathBuf> {
    let folder = path.parent()?;
    let active = folder.parent().filter(|a| a.ends_with("prds/active"))?;
    Some(active.parent()?.join("completed").join(folder.file_name()?).join(path.file_name()?))
}

/// Where the file lies now: a PRD may have been completed meanwhile.
pub(super) fn place_now(path: &Path) -> PathBuf {
    let moved = || completed_place(path).filter(|p| p.exists());
    if path.exists() { path.to_owned() } else { moved().unwrap_or_else(|| path.to_owned()) }
}

fn file_error(path: &Path) -> impl FnOnce(ReplaceError) -> MarkError {
    let path = path.to_owned();
    move |why| MarkError::File { path, why }
}

fn manifest_of(path: &Path) -> Option<PathBuf> {
    MANIFESTS.iter().map(|name| path.with_file_name(name)).find(|m| m.exists())
}

/// Brings the manifest up to what stands in `prd.json`: how many stories are done, and the hash of what was approved, where that is the
/// text without these marks. Does the same twice, so that a crash between the two files is made good the next time.
pub(super) fn count(path: &Path, marks: &[Mark], now: Time) -> Result<(), MarkError> {
    let Some(manifest) = manifest_of(path) else { return Ok(()) };
    let files = PlanTexts::read(path)?;
    let after = files.texts[0].2.clone();
    let inverse: Vec<Mark> = marks.iter().map(|m| Mark { done: !m.done, ..m.clone() }).collect();
    let before = files.mark_as(Some(Format::Prd), &inverse, &now.rfc3339()).ok().and_then(|(_, m)| m.texts.get(&0).cloned());
    let plan = files.with_source(Some(Format::Prd), |source| read(source).plan);
    let done = plan.map(|p| p.tasks.iter().filter(|t| t.ticked).count());
    let marked = before.as_deref().map(|before| (before, after.as_str()));
    let change = ManifestChange { completed_stories: done, marked, now: &now.rfc3339(), ..ManifestChange::default() };
    write_manifest(&manifest, &change).map(drop)
}

/// The change, where it can be made; in words why not, where a person has to look.
fn write_manifest(manifest: &Path, change: &ManifestChange<'_>) -> Result<Result<(), String>, MarkError> {
    let (real, text) = read_file(manifest).map_err(file_error(manifest))?;
    match change_manifest(&text, change) {
        Ok(new) if new == text => Ok(Ok(())),
        Ok(new) => replace_file(&real, &text, &new).map(Ok).map_err(file_error(manifest)),
        Err(why) => Ok(Err(why)),
    }
}

/// Appends to `progress.txt` that a story has landed, once for each landing: on this branch, or, without one, on any.
/// Nothing for a plan that is no PRD's folder.
///
/// # Errors
/// If it cannot be read or written.
pub fn note(common_dir: &Path, path: &Path, entry: &ProgressEntry<'_>, branch: Option<&str>) -> Result<(), MarkError> {
    append(common_dir, path, &progress_entry(entry), |log| progress_has(log, entry.commit, branch))
}

/// The same for a story that was taken off its branch again.
///
/// # Errors
/// If it cannot be read or written.
pub fn note_taken_back(common_dir: &Path, path: &Path, at: Time, id: &str, title: &str, reason: &str) -> Result<(), MarkError> {
    append(common_dir, path, &progress_taken_back(at, id, title, reason), |_| false)
}

fn append(common_dir: &Path, path: &Path, text: &str, has: impl FnOnce(&str) -> bool) -> Result<(), MarkError> {
    let path = place_now(path);
    if path.file_name().is_none_or(|n| n != "prd.json") {
        return Ok(());
    }
    let log = path.with_file_name(PROGRESS);
    // A folder of its own is a PRD's; a lone prd.json in the repository's top has a log only where somebody keeps one.
    if manifest_of(&path).is_none() && !log.exists() && completed_place(&path).is_none() {
        return Ok(());
    }
    inside(common_dir, &path)?;
    let old = match read_file(&log) {
        Ok((real, text)) => {
            inside(common_dir, &real)?;
            text
        }
        Err(ReplaceError::Gone) => String::new(),
        Err(why) => return Err(file_error(&log)(why)),
    };
    if has(&old) { Ok(()) } else { append_file(&log, text).map_err(file_error(&log)) }
}

/// The end of a plan all of whose tasks have landed: a PRD under `prds/active` whose stories are all marked becomes `completed`, and its
/// folder moves to `prds/completed`. Going on after a crash is doing it again.
///
/// # Errors
/// If it stays where it is, and why.
pub fn finish(common_dir: &Path, path: &Path, now: Time) -> Result<Finished, FinishError> {
    let Some(target) = completed_place(path) else { return Ok(Finished::NoPrd) };
    if !path.exists() && target.exists() {
        return Ok(Finished::Already(target));
    }
    inside(common_dir, path)?;
    let (Some(folder), Some(to)) = (path.parent(), target.parent()) else { return Ok(Finished::NoPrd) };
    let prd = folder.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let refused = |why: String| FinishError::Refused { prd: prd.clone(), why };
    let files = PlanTexts::read(path)?;
    let plan = files.with_source(None, |source| read(source).plan).ok_or_else(|| refused(String::from("it is no plan any more")))?;
    let stories: Vec<String> = plan.tasks.iter().filter(|t| !t.ticked).map(|t| t.id.to_string()).collect();
    if !stories.is_empty() {
        return Err(FinishError::Open { prd, stories });
    }
    if to.symlink_metadata().is_ok() {
        return Err(refused(format!("{} is there already", to.display())));
    }
    if let Some(manifest) = manifest_of(path) {
        let now = now.rfc3339();
        let change =
            ManifestChange { status: Some(PrdStatus::Completed), completed_stories: Some(plan.tasks.len()), now: &now, marked: None };
        write_manifest(&manifest, &change)?.map_err(&refused)?;
    }
    let completed = to.parent().unwrap_or(to);
    let moved = std::fs::create_dir_all(completed).and_then(|()| rename_new(folder, to));
    moved.map_err(|e| refused(format!("it cannot be moved to {}: {e}", to.display())))?;
    sync_folder(completed);
    Ok(Finished::Moved(target))
}

/// A rename that never takes the place of anything.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Not every file system knows the flag; that nothing is there was seen just before.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => std::fs::rename(from, to),
        other => Ok(other?),
    }
}
