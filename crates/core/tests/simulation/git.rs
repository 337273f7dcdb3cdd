//! A repository reduced to what matters: which work is in which commit, which files it touches, where the branches are,
//! and on which commits the suite was green.

use std::collections::{BTreeMap, BTreeSet};

use greenlane_core::attempt::Merge;
use greenlane_core::event::{AttemptRef, MergeResult};
use greenlane_core::ids::{AttemptId, Oid, PlanId};

/// The content of a commit: the numbers of the works in it.
pub type Content = BTreeSet<usize>;

/// One unit of change: an attempt's, or the user's.
#[derive(Debug)]
pub struct Work {
    /// Whose; `None` is the user.
    pub attempt: Option<AttemptId>,
    /// Which files it touches, as bits.
    pub files: u8,
    /// What it was made on.
    pub base: Content,
    /// The suite is red with it.
    pub guilty: bool,
}

/// The repository.
#[derive(Debug, Default)]
pub struct Git {
    /// All works.
    pub works: Vec<Work>,
    commits: BTreeMap<Oid, Content>,
    /// What each merge brought in.
    merged: BTreeMap<Oid, usize>,
    /// By plan: where its branch has been; the last is where it is.
    pub branches: BTreeMap<PlanId, Vec<Oid>>,
    /// Commits on which the suite was run and green.
    pub greens: BTreeSet<Oid>,
    /// How often the suite was red on the same work.
    pub reds: BTreeMap<Content, u32>,
}

impl Git {
    /// What is in a commit; an unknown one is a base, and empty.
    pub fn content(&self, commit: &Oid) -> Content {
        self.commits.get(commit).cloned().unwrap_or_default()
    }

    /// Adds work; the answer is its number and its commit on the task's branch.
    pub fn commit_work(&mut self, work: Work) -> (usize, Oid) {
        self.works.push(work);
        let number = self.works.len() - 1;
        (number, Oid::from(format!("work{number}")))
    }

    /// A commit with this content.
    pub fn commit(&mut self, content: Content) -> Oid {
        let oid = Oid::from(format!("commit{}", self.commits.len()));
        self.commits.insert(oid.clone(), content);
        oid
    }

    /// The work that this merge brought in.
    pub fn merged_by(&self, commit: &Oid) -> Option<usize> {
        self.merged.get(commit).copied()
    }

    /// Where a plan's branch is.
    pub fn head(&self, plan: &PlanId) -> Option<&Oid> {
        self.branches.get(plan).and_then(|b| b.last())
    }

    /// The number in a commit's name on a task's branch.
    pub fn work_of(commit: &Oid) -> Option<usize> {
        commit.as_str().strip_prefix("work")?.parse().ok()
    }

    /// Merges one after another, in memory.
    pub fn merge(&mut self, onto: &Oid, attempts: &[AttemptRef]) -> Vec<MergeResult> {
        let branch = self.content(onto);
        let mut merged = branch.clone();
        let mut results = Vec::new();
        for entry in attempts {
            let number = Self::work_of(&entry.commit);
            let merge = match number {
                Some(number) if self.conflict(number, &branch) => Merge::Conflict { files: Vec::new(), definite: true, not_remade: None },
                Some(number) if self.conflict(number, &merged) => Merge::Conflict { files: Vec::new(), definite: false, not_remade: None },
                _ => {
                    merged.extend(number);
                    let commit = self.commit(merged.clone());
                    self.merged.extend(number.map(|n| (commit.clone(), n)));
                    Merge::Merged { commit }
                }
            };
            results.push(MergeResult { attempt: entry.attempt.clone(), merge });
        }
        results
    }

    /// Two works conflict that touch the same file and do not know each other.
    fn conflict(&self, number: usize, content: &Content) -> bool {
        let work = &self.works[number];
        content.iter().any(|other| *other != number && !work.base.contains(other) && self.works[*other].files & work.files != 0)
    }
}
