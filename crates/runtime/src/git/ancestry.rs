//! Does one commit descend from another? Walks the commits that [`Objects`] answers without a process; asks git only
//! where the way is long.

use std::collections::{BTreeSet, VecDeque};

use greenlane_core::ids::Oid;

use super::door::Git;
use super::error::GitError;
use super::objects::Objects;

/// How many commits are looked at before git is asked.
const STEPS_MAX: usize = 256;

/// Is `ancestor` reachable from `commit`? True for the commit itself.
pub(super) fn descends(git: &Git, objects: &Objects, commit: &Oid, ancestor: &Oid) -> Result<bool, GitError> {
    let mut seen = BTreeSet::from([commit.clone()]);
    let mut queue = VecDeque::from([commit.clone()]);
    let mut steps = 0;
    while let Some(at) = queue.pop_front() {
        if at == *ancestor {
            return Ok(true);
        }
        steps += 1;
        if steps > STEPS_MAX {
            let answer = git.run_allowing(&["merge-base", "--is-ancestor", ancestor.as_str(), commit.as_str()], &[0, 1])?;
            return Ok(answer.code == 0);
        }
        // A parent that is missing is where a shallow clone ends.
        let Some(info) = objects.commit(&at)? else { continue };
        for parent in &info.parents {
            if seen.insert(parent.clone()) {
                queue.push_back(parent.clone());
            }
        }
    }
    Ok(false)
}

/// Is `base` reached from `commit` by single parents only? Then it is the merge base with whatever else holds `base` but nothing after it.
pub(super) fn is_straight(objects: &Objects, commit: &Oid, base: &Oid) -> Result<bool, GitError> {
    let mut at = commit.clone();
    for _ in 0..STEPS_MAX {
        if at == *base {
            return Ok(true);
        }
        match objects.commit(&at)?.as_deref().map(|c| c.parents.as_slice()) {
            Some([parent]) => at = parent.clone(),
            _ => return Ok(false),
        }
    }
    Ok(false)
}

/// Is `base` on the chain of first parents of `commit`?
pub(super) fn on_first_parents(objects: &Objects, commit: &Oid, base: &Oid) -> Result<bool, GitError> {
    let mut at = commit.clone();
    for _ in 0..STEPS_MAX * 8 {
        if at == *base {
            return Ok(true);
        }
        match objects.commit(&at)?.as_deref().and_then(|c| c.parents.first().cloned()) {
            Some(parent) => at = parent,
            None => return Ok(false),
        }
    }
    Ok(false)
}
