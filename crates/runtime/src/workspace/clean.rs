//! Takes away what is done with: worktrees that nobody holds, branches whose work has landed. Never anything dirty or unmerged, and
//! never a branch that no run is known to have made: users may call theirs `greenlane/…` as well.
//!
//! Approach: all branches and what has landed are asked for at once, in as many processes for one branch as for thousands.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use greenlane_core::branch;
use greenlane_core::ids::{Oid, RunId};

use super::error::{WorkspaceError, at};
use super::mark::{Class, Filling, Holding, Mark};
use super::pool::Pool;
use super::request::Workspace;
use crate::git::{Applied, DryRun, RefChange, residue};

const HEADS: &str = "refs/heads/";

/// What runs are known to have made: branches, without `refs/heads/`, each with its run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Of tasks.
    pub tasks: BTreeMap<String, RunId>,
    /// Of plans that name no branch of their own.
    pub plans: BTreeMap<String, RunId>,
    /// Runs that are over, and will not be resumed: none of their attempts is at work, whatever the notes say.
    pub over: BTreeSet<RunId>,
}

/// All branches, and which of them are what.
struct Branches {
    /// Full names.
    all: Vec<(Oid, String)>,
    known: Known,
}

/// What was taken away (or would be), and what was left and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// Worktrees.
    pub worktrees: Vec<PathBuf>,
    /// Branches, without `refs/heads/`.
    pub branches: Vec<String>,
    /// What was left: its name and the reason.
    pub left: Vec<(String, String)>,
}

impl Pool {
    /// Cleans up after the runs that are `wanted`. `known`: what the journal says they made; the pool's own notes are added to it.
    /// Worktrees that are held by an attempt are left.
    ///
    /// # Errors
    /// If git or the notes cannot be asked.
    pub fn clean_up(&self, known: &Known, wanted: &dyn Fn(&RunId) -> bool, dry_run: DryRun) -> Result<Cleaned, WorkspaceError> {
        let _guard = self.locked()?;
        let mut cleaned = Cleaned::default();
        let marks = self.marks()?;
        let branches = self.branches(known, &marks)?;
        let marks: Vec<&Mark> = marks.iter().filter(|m| wanted(&m.run)).collect();
        let heads: Vec<(&Mark, Option<Oid>)> =
            marks.into_iter().map(|m| Ok((m, self.head_of(m)?))).collect::<Result<_, WorkspaceError>>()?;
        let unlanded = self.not_in(heads.iter().filter_map(|(_, head)| head.as_ref()), branches.lasting())?;
        for (mark, head) in heads {
            let path = mark.worktree(self.dir());
            match self.why_not_remove(mark, head.as_ref(), &unlanded, &known.over)? {
                Some(why) => cleaned.left.push((path.display().to_string(), why)),
                None => {
                    if dry_run == DryRun::No {
                        self.remove(mark)?;
                    }
                    cleaned.worktrees.push(path);
                }
            }
        }
        self.clean_branches(&branches, wanted, dry_run, &mut cleaned)?;
        Ok(cleaned)
    }

    /// What is checked out in a worktree, where there is one.
    fn head_of(&self, mark: &Mark) -> Result<Option<Oid>, WorkspaceError> {
        let path = mark.worktree(self.dir());
        if !path.exists() || !residue::is_intact(&path, &mark.git_dir) {
            return Ok(None);
        }
        Ok(self.repo().resolve(&Workspace::new(mark, path, true).head_name())?)
    }

    fn why_not_remove(
        &self,
        mark: &Mark,
        head: Option<&Oid>,
        unlanded: &BTreeSet<Oid>,
        over: &BTreeSet<RunId>,
    ) -> Result<Option<String>, WorkspaceError> {
        let path = mark.worktree(self.dir());
        let why = |text: &str| Ok(Some(text.to_owned()));
        if let Some(pinned) = &mark.pinned {
            return why(pinned);
        }
        // Of a run that is over nothing is at work: its coordinator died before it said so.
        if mark.holding == Holding::Busy && !over.contains(&mark.run) {
            return why("an attempt holds it");
        }
        if !path.exists() {
            return Ok(None);
        }
        if !residue::is_intact(&path, &mark.git_dir) {
            return why("it has lost its .git file");
        }
        // Nobody's work lies in one whose filling was cut off.
        if mark.class == Class::Verify || mark.filling == Some(Filling::Mixed) {
            return Ok(None);
        }
        let ws = Workspace::new(mark, path, true);
        // Against HEAD, whatever the two indexes say.
        if let Some(head) = head {
            ws.git(self.repo()).run(&["read-tree", "--reset", head.as_str()])?;
        }
        if !ws
            .git(self.repo())
            .run(&["status", "--porcelain", "-z", "--untracked-files=normal", "--ignore-submodules=none"])?
            .stdout
            .is_empty()
        {
            return why("it has uncommitted changes");
        }
        match head {
            Some(head) if unlanded.contains(head) => why("its work has not landed"),
            _ => Ok(None),
        }
    }

    fn remove(&self, mark: &Mark) -> Result<(), WorkspaceError> {
        let path = mark.worktree(self.dir());
        if let (true, Some(text)) = (path.exists(), path.to_str()) {
            // That it is clean was seen a moment ago, against HEAD; git would look again, by another index, and never removes what has
            // submodules or what set-up left. One that somebody has locked is refused all the same.
            self.repo().git().run(&["worktree", "remove", "--force", text])?;
        }
        mark.remove(self.dir()).map_err(at(self.dir()))
    }

    /// All branches, by one process.
    fn branches(&self, known: &Known, marks: &[Mark]) -> Result<Branches, WorkspaceError> {
        let listed = self.repo().git().run(&["for-each-ref", "--format=%(objectname) %(refname)", HEADS])?;
        let all = listed.text().lines().filter_map(|l| l.split_once(' ')).map(|(oid, name)| (Oid::from(oid), name.to_owned())).collect();
        let mut known = known.clone();
        for mark in marks.iter().filter(|m| m.class == Class::Task) {
            if let (Some(key), Some(prefix)) = (&mark.key, mark.branch.strip_suffix(&format!("/{}/task/{}", mark.run, mark.slug))) {
                known.plans.insert(branch::of_plan(prefix, &mark.run, &key.plan), mark.run.clone());
                known.tasks.insert(mark.branch.clone(), mark.run.clone());
            }
        }
        Ok(Branches { all, known })
    }

    /// Those of these commits that none of the others holds, by one process.
    fn not_in<'a>(
        &self,
        commits: impl Iterator<Item = &'a Oid>,
        others: impl Iterator<Item = &'a Oid>,
    ) -> Result<BTreeSet<Oid>, WorkspaceError> {
        let commits: BTreeSet<&Oid> = commits.collect();
        if commits.is_empty() {
            return Ok(BTreeSet::new());
        }
        // A wanted commit is always among what it reaches itself: it is listed unless another holds it.
        let mut input: String = commits.iter().map(|c| format!("{c}\n")).collect();
        input.extend(others.map(|o| format!("^{o}\n")));
        let listed = self.repo().git().run_with_input(&["rev-list", "--stdin"], input.as_bytes())?;
        let found: BTreeSet<Oid> = listed.text().lines().map(Oid::from).collect();
        Ok(commits.into_iter().filter(|c| found.contains(c)).cloned().collect())
    }

    fn clean_branches(
        &self,
        branches: &Branches,
        wanted: &dyn Fn(&RunId) -> bool,
        dry_run: DryRun,
        cleaned: &mut Cleaned,
    ) -> Result<(), WorkspaceError> {
        let Branches { all, known } = branches;
        let run_of = |name: &str| known.tasks.get(name).or_else(|| known.plans.get(name));
        let ours: Vec<(&Oid, &str)> = all
            .iter()
            .filter_map(|(oid, full)| Some((oid, full.strip_prefix(HEADS)?)))
            .filter(|(_, name)| run_of(name).is_some_and(wanted))
            .collect();
        let (tasks, plans): (Vec<_>, Vec<_>) = ours.iter().partition(|(_, name)| known.tasks.contains_key(*name));
        let unlanded_tasks = self.not_in(tasks.iter().map(|(oid, _)| *oid), branches.lasting())?;
        let unlanded_plans = self.not_in(plans.iter().map(|(oid, _)| *oid), branches.users())?;
        let mut held = self.marks()?;
        held.retain(|m| !matches!(m.holding, Holding::Free | Holding::Broken) && !cleaned.worktrees.contains(&m.worktree(self.dir())));
        let mut gone = Vec::new();
        for (oid, name) in ours {
            let unlanded = if known.tasks.contains_key(name) { &unlanded_tasks } else { &unlanded_plans };
            let why = if held.iter().any(|m| m.branch == name) {
                "a worktree holds it"
            } else if unlanded.contains(oid) {
                "its work has not landed"
            } else {
                gone.push(RefChange::deleted(format!("{HEADS}{name}"), oid));
                cleaned.branches.push(name.to_owned());
                continue;
            };
            cleaned.left.push((name.to_owned(), why.to_owned()));
        }
        if dry_run == DryRun::No && self.repo().move_refs(&gone)? == Applied::Refused {
            for change in &gone {
                self.repo().move_refs(std::slice::from_ref(change))?;
            }
        }
        Ok(())
    }
}

impl Branches {
    /// What proves that a task's work has landed: all branches but those of tasks.
    fn lasting(&self) -> impl Iterator<Item = &Oid> {
        self.named().filter(|(_, name)| !(self.known.tasks.contains_key(*name) || is_shaped(name, "task"))).map(|(oid, _)| oid)
    }

    /// What proves that a plan's work has landed: the user's. What only looks like Greenlane's may be a run's of which nothing is known.
    fn users(&self) -> impl Iterator<Item = &Oid> {
        let ours = |name: &str| self.known.tasks.contains_key(name) || self.known.plans.contains_key(name) || branch::is_shaped(name);
        self.named().filter(move |(_, name)| !ours(name)).map(|(oid, _)| oid)
    }

    fn named(&self) -> impl Iterator<Item = (&Oid, &str)> {
        self.all.iter().filter_map(|(oid, full)| Some((oid, full.strip_prefix(HEADS)?)))
    }
}

fn is_shaped(name: &str, kind: &str) -> bool {
    branch::is_shaped(name) && name.split('/').nth(2) == Some(kind)
}
