//! Makes of a plan what a coordinator takes: the commit that it starts from, what landed in earlier runs, a copy of its files.
//! Looks things up; starts nothing.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use greenlane_core::event::{LandedBefore, Submission};
use greenlane_core::ids::{Oid, RunId, TaskId};
use greenlane_core::plan::{Plan, digests};

use crate::git::{GitError, Repo, RepoError};
use crate::journal::{Journal, JournalError, PlanHistory};

/// Why a plan cannot be handed in.
#[derive(Debug, thiserror::Error)]
pub enum SubmissionError {
    /// Its base is not there.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// Git failed.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// How a plan is taken up.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// The base of plans that name none.
    pub base: Option<String>,
    /// Do again what has landed.
    pub fresh: bool,
}

/// A plan that is ready to be handed in, and what is to be said about it.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// For the coordinator.
    pub submission: Submission,
    /// It goes on from the branch of this earlier run, on which so many of its tasks have landed.
    pub goes_on_from: Option<(RunId, String, usize)>,
    /// So many of its tasks landed in an earlier run, on work that the base does not have.
    pub landed_elsewhere: usize,
}

/// Looks up what a plan needs. `journal`: where there is one.
///
/// # Errors
/// If the base is no commit, or git or the journal fail.
pub fn prepare(repo: &Repo, journal: Option<&Journal>, plan: Plan, wish: &Wish) -> Result<Prepared, SubmissionError> {
    let named = plan.base.clone().or_else(|| wish.base.clone());
    let mut base = match &named {
        Some(revision) => repo.require_revision(revision)?,
        None => repo.require_head()?,
    };
    let digests = digests(&plan);
    let history = match journal {
        Some(journal) if !wish.fresh => journal.history(&plan.id)?,
        _ => Vec::new(),
    };
    let mut goes_on_from = None;
    if named.is_none()
        && let Some((earlier, branch, head)) = continued(repo, &history, &base, &digests)?
    {
        let count = count_known(earlier, &digests);
        goes_on_from = Some((earlier.run.clone(), branch, count));
        base = head;
    }
    let (landed, landed_elsewhere) = landed_in(repo, &history, &base, &digests)?;
    Ok(Prepared { submission: Submission { plan, base, landed, file: None, digests }, goes_on_from, landed_elsewhere })
}

/// An earlier run's branch from which the plan can go on: it still holds everything that the base has, and work of the plan.
fn continued<'a>(
    repo: &Repo,
    history: &'a [PlanHistory],
    base: &Oid,
    digests: &BTreeMap<TaskId, String>,
) -> Result<Option<(&'a PlanHistory, String, Oid)>, GitError> {
    for earlier in history {
        let Some(branch) = &earlier.branch else { continue };
        let Some(head) = repo.resolve(&format!("refs/heads/{branch}"))? else { continue };
        if count_known(earlier, digests) > 0 && head != *base && repo.descends(&head, base)? {
            return Ok(Some((earlier, branch.clone(), head)));
        }
    }
    Ok(None)
}

fn count_known(earlier: &PlanHistory, digests: &BTreeMap<TaskId, String>) -> usize {
    digests.values().filter(|d| earlier.landed.contains_key(*d)).count()
}

/// What of the plan the base holds already, and how much has landed that it does not hold.
fn landed_in(
    repo: &Repo,
    history: &[PlanHistory],
    base: &Oid,
    digests: &BTreeMap<TaskId, String>,
) -> Result<(BTreeMap<TaskId, LandedBefore>, usize), GitError> {
    let (mut landed, mut elsewhere) = (BTreeMap::new(), 0);
    let mut inside: BTreeMap<Oid, bool> = BTreeMap::new();
    for (task, digest) in digests {
        let mut known = false;
        for earlier in history.iter().filter_map(|h| h.landed.get(digest)) {
            known = true;
            let holds = match inside.get(&earlier.commit) {
                Some(holds) => *holds,
                None => {
                    let holds = repo.resolve(earlier.commit.as_str())?.is_some() && repo.descends(base, &earlier.commit)?;
                    inside.insert(earlier.commit.clone(), holds);
                    holds
                }
            };
            if holds {
                landed.insert(task.clone(), LandedBefore { run: earlier.run.clone(), commit: earlier.commit.clone() });
                break;
            }
        }
        if known && !landed.contains_key(task) {
            elsewhere += 1;
        }
    }
    Ok((landed, elsewhere))
}

/// Most bytes and files of a plan's folder that are copied: it is for reading, not an archive.
const COPY_BYTES_MAX: u64 = 20 * 1024 * 1024;
const COPY_FILES_MAX: usize = 500;

/// Copies the plan's own file, and for a PRD folder the files beside it, so that they can be read from a worktree.
///
/// # Errors
/// If the copy cannot be written.
pub fn copy_files(source: &Path, whole_folder: bool, to: &Path) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    let mut budget = (COPY_BYTES_MAX, COPY_FILES_MAX);
    if !whole_folder {
        if let Some(name) = source.file_name() {
            std::fs::copy(source, to.join(name))?;
        }
        return Ok(());
    }
    let Some(folder) = source.parent() else { return Ok(()) };
    let target = to.canonicalize()?;
    copy_folder(folder, to, &target, &mut budget)
}

/// Without `target`, should it lie in there itself: that would have no end.
fn copy_folder(from: &Path, to: &Path, target: &Path, budget: &mut (u64, usize)) -> io::Result<()> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(from)?.filter_map(|e| e.ok().map(|e| e.path())).collect();
    entries.sort();
    for path in entries {
        let Some(name) = path.file_name() else { continue };
        let meta = std::fs::symlink_metadata(&path)?;
        if meta.is_dir() {
            if path.canonicalize().is_ok_and(|p| target.starts_with(&p)) {
                continue;
            }
            std::fs::create_dir_all(to.join(name))?;
            copy_folder(&path, &to.join(name), target, budget)?;
        } else if meta.is_file() && meta.len() <= budget.0 && budget.1 > 0 {
            std::fs::copy(&path, to.join(name))?;
            budget.0 -= meta.len();
            budget.1 -= 1;
        }
    }
    Ok(())
}
