//! Takes away what is done with: worktrees that nobody holds, branches whose work has landed. Never anything dirty or unmerged.

use std::path::PathBuf;

use greenlane_core::ids::{Oid, RunId};

use super::error::{WorkspaceError, at};
use super::mark::{Class, Holding, Mark};
use super::pool::Pool;
use super::request::Workspace;
use crate::git::{Applied, DryRun, RefChange, residue};

/// Where Greenlane's own branches are.
const OURS: &str = "refs/heads/greenlane/";

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
    /// Cleans up after one run, or all. Worktrees that are held by an attempt are left.
    ///
    /// # Errors
    /// If git or the notes cannot be asked.
    pub fn clean_up(&self, run: Option<&RunId>, dry_run: DryRun) -> Result<Cleaned, WorkspaceError> {
        let _guard = self.locked()?;
        let mut cleaned = Cleaned::default();
        let landed_on = self.lasting_branches()?;
        for mark in self.marks()?.into_iter().filter(|m| run.is_none_or(|r| m.run == *r)) {
            let path = mark.worktree(self.dir());
            match self.why_not_remove(&mark, &landed_on)? {
                Some(why) => cleaned.left.push((path.display().to_string(), why)),
                None => {
                    if dry_run == DryRun::No {
                        self.remove(&mark)?;
                    }
                    cleaned.worktrees.push(path);
                }
            }
        }
        self.clean_branches(run, dry_run, &landed_on, &mut cleaned)?;
        Ok(cleaned)
    }

    fn why_not_remove(&self, mark: &Mark, landed_on: &[String]) -> Result<Option<String>, WorkspaceError> {
        let path = mark.worktree(self.dir());
        let why = |text: &str| Ok(Some(text.to_owned()));
        if let Some(pinned) = &mark.pinned {
            return why(pinned);
        }
        if mark.holding == Holding::Busy {
            return why("an attempt holds it");
        }
        if !path.exists() {
            return Ok(None);
        }
        if !residue::is_intact(&path, &mark.git_dir) {
            return why("it has lost its .git file");
        }
        let ws = Workspace::new(mark, path, true);
        let head = self.repo().resolve(&ws.head_name())?;
        if mark.class == Class::Verify {
            return Ok(None);
        }
        // Against HEAD, whatever the two indexes say.
        if let Some(head) = &head {
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
            Some(head) if !self.is_on_any(&head, landed_on)? => why("its work has not landed"),
            _ => Ok(None),
        }
    }

    fn remove(&self, mark: &Mark) -> Result<(), WorkspaceError> {
        let path = mark.worktree(self.dir());
        if let (true, Some(text)) = (path.exists(), path.to_str()) {
            let ws = Workspace::new(mark, path.clone(), true);
            drop(std::fs::copy(ws.private_index(), mark.git_dir.join("index")));
            let mut args = vec!["worktree", "remove", text];
            // Git never removes a worktree that has submodules without force; that it is clean was seen a moment ago. Verification's
            // may hold what the suite left.
            if mark.class == Class::Verify || path.join(".gitmodules").exists() {
                args.insert(2, "--force");
            }
            self.repo().git().run(&args)?;
        }
        mark.remove(self.dir()).map_err(at(self.dir()))
    }

    /// All branches but those of tasks.
    fn lasting_branches(&self) -> Result<Vec<String>, WorkspaceError> {
        let output = self.repo().git().run(&["for-each-ref", "--format=%(refname)", "refs/heads"])?;
        Ok(output.text().lines().filter(|l| !is_task_branch(l)).map(str::to_owned).collect())
    }

    fn is_on_any(&self, commit: &Oid, branches: &[String]) -> Result<bool, WorkspaceError> {
        let output = self.repo().git().run(&["for-each-ref", "--format=%(refname)", "--contains", commit.as_str(), "refs/heads"])?;
        Ok(output.text().lines().any(|l| branches.iter().any(|b| b == l)))
    }

    fn clean_branches(
        &self,
        run: Option<&RunId>,
        dry_run: DryRun,
        landed_on: &[String],
        cleaned: &mut Cleaned,
    ) -> Result<(), WorkspaceError> {
        let users: Vec<String> = landed_on.iter().filter(|b| !b.starts_with(OURS)).cloned().collect();
        let mut held = self.marks()?;
        held.retain(|m| !matches!(m.holding, Holding::Free | Holding::Broken) && !cleaned.worktrees.contains(&m.worktree(self.dir())));
        let prefix = run.map_or_else(|| OURS.to_owned(), |run| format!("{OURS}{run}/"));
        let args = ["for-each-ref", "--format=%(objectname) %(refname)", &prefix];
        let mut gone = Vec::new();
        for line in self.repo().git().run(&args)?.text().lines() {
            let Some((oid, full)) = line.split_once(' ') else { continue };
            let (oid, name) = (Oid::from(oid), full.trim_start_matches("refs/heads/").to_owned());
            let wanted = if is_task_branch(full) { landed_on } else { &users };
            let why = if held.iter().any(|m| m.branch == name) {
                "a worktree holds it"
            } else if !self.is_on_any(&oid, wanted)? {
                "its work has not landed"
            } else {
                gone.push(RefChange::deleted(full, &oid));
                cleaned.branches.push(name);
                continue;
            };
            cleaned.left.push((name, why.to_owned()));
        }
        if dry_run == DryRun::No && self.repo().move_refs(&gone)? == Applied::Refused {
            for change in &gone {
                self.repo().move_refs(std::slice::from_ref(change))?;
            }
        }
        Ok(())
    }
}

fn is_task_branch(full: &str) -> bool {
    full.strip_prefix(OURS).is_some_and(|rest| rest.split('/').nth(1) == Some("task"))
}
