//! Brings judged commits onto a plan's branch, in memory: merges, and nothing else. Moves no branch, verifies nothing.

use greenlane_core::attempt::{Merge, NotRemade};
use greenlane_core::ids::{AttemptId, Oid};

use super::generated::Remake;
use crate::git::{LandError, Merged, Moved, Repo};
use crate::workspace::WorkspaceError;

/// How many files a conflict names.
const FILES_NAMED_MAX: usize = 50;

/// Work that is to land.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Whose.
    pub id: AttemptId,
    /// The judged commit.
    pub commit: Oid,
    /// What the attempt began from.
    pub base: Oid,
    /// The merge commit's message; see [`super::landing_message`].
    pub message: String,
}

/// Merges the candidates one after another onto `onto`. A conflict leaves its candidate out; the next goes on from the last
/// that merged. Conflicts in generated files alone are resolved with `remake`.
///
/// # Errors
/// If git cannot be asked; nothing refers to what was written so far.
pub fn merge(
    repo: &Repo,
    onto: &Oid,
    candidates: &[Candidate],
    remake: Option<&Remake<'_>>,
) -> Result<Vec<(AttemptId, Merge)>, WorkspaceError> {
    let mut tip = onto.clone();
    let mut results = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        let merge = match merge_one(repo, &tip, candidate, remake)? {
            Ok(commit) => {
                tip = commit.clone();
                Merge::Merged { commit }
            }
            Err(mut conflict) => {
                // Whether it conflicts with the branch itself, or only with a candidate that may yet be refused.
                let definite = tip == *onto
                    || match merge_one(repo, onto, candidate, remake)? {
                        Ok(_) => false,
                        Err(alone) => {
                            conflict = alone;
                            true
                        }
                    };
                conflict.files.truncate(FILES_NAMED_MAX);
                Merge::Conflict { files: conflict.files, definite, not_remade: conflict.not_remade.map(Box::new) }
            }
        };
        results.push((candidate.id.clone(), merge));
    }
    Ok(results)
}

/// Why a candidate does not merge.
struct Conflict {
    files: Vec<String>,
    not_remade: Option<NotRemade>,
}

fn merge_one(repo: &Repo, tip: &Oid, candidate: &Candidate, remake: Option<&Remake<'_>>) -> Result<Result<Oid, Conflict>, WorkspaceError> {
    let tree = match repo.merge_trees(tip, &candidate.commit, Some(&candidate.base))? {
        Merged::Clean(tree) => tree,
        Merged::Conflict { tree, files } => match remake.and_then(|r| r.resolve(&tree, &files, tip).transpose()).transpose()? {
            Some(Ok(tree)) => tree,
            Some(Err(not_remade)) => return Ok(Err(Conflict { files, not_remade: Some(not_remade) })),
            None => return Ok(Err(Conflict { files, not_remade: None })),
        },
    };
    Ok(Ok(repo.write_commit(&tree, &[tip.clone(), candidate.commit.clone()], &candidate.message)?))
}

/// Makes a plan's branch; a taken name gets `-1`, `-2` …; returns the name.
///
/// # Errors
/// If the name cannot be a branch's.
pub fn create_branch(repo: &Repo, name: &str, at: &Oid) -> Result<String, WorkspaceError> {
    Ok(repo.create_branch(name, at)?)
}

/// Moves a plan's branch by compare-and-swap, and a clean checkout of it along with it.
///
/// # Errors
/// If git cannot be asked, or somebody has changes in a checkout of that branch.
pub fn move_branch(repo: &Repo, branch: &str, from: &Oid, to: &Oid) -> Result<Moved, LandError> {
    repo.move_plans_branch(branch, from, to)
}
