//! Where a run's files lie under the state directory, and the two small files that a resume needs. Decides nothing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use greenlane_core::event::BatchId;
use greenlane_core::ids::{AttemptId, GroupId, Oid, PlanId, RunId, TaskKey};
use greenlane_core::slug::{key_slug, slug};
use serde::{Deserialize, Serialize};

/// Paths of one run.
#[derive(Clone, Debug)]
pub struct Layout {
    run_dir: PathBuf,
}

/// Where an attempt works; written beside its prompt before its keeper starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PreparedWorkspace {
    /// The worktree.
    pub path: PathBuf,
    /// The worktree's own git-dir.
    pub git_dir: PathBuf,
    /// The task's branch.
    pub branch: String,
    /// What the work is compared with.
    pub base: Oid,
}

const WORKSPACE_FILE: &str = "workspace.json";

impl Layout {
    /// Of this run, under this state directory.
    #[must_use]
    pub fn new(state_dir: &Path, run: &RunId) -> Self {
        Self { run_dir: state_dir.join("runs").join(run.as_str()) }
    }

    /// Greenlane's own directory in the repository.
    #[must_use]
    pub fn state_dir(&self) -> &Path {
        self.run_dir.parent().and_then(Path::parent).unwrap_or(&self.run_dir)
    }

    /// The run's own folder.
    #[must_use]
    pub fn run_dir(&self) -> &Path {
        &self.run_dir
    }

    /// All attempts of a task.
    #[must_use]
    pub fn task_dir(&self, key: &TaskKey) -> PathBuf {
        self.run_dir.join(key_slug(key))
    }

    /// One attempt's prompt, logs and records.
    #[must_use]
    pub fn attempt_dir(&self, attempt: &AttemptId) -> PathBuf {
        self.task_dir(&attempt.key).join(attempt.n.to_string())
    }

    /// Logs of the gate of one attempt.
    #[must_use]
    pub fn gate_dir(&self, attempt: &AttemptId) -> PathBuf {
        self.attempt_dir(attempt).join("gate")
    }

    /// What all worktrees share, compared before and after an attempt (`gate`: before and after its checks).
    #[must_use]
    pub fn shared_dir(&self, attempt: &AttemptId) -> PathBuf {
        self.attempt_dir(attempt).join("shared")
    }

    /// Copies of configuration and hooks as attempts found and left them.
    #[must_use]
    pub fn copies_dir(&self) -> PathBuf {
        self.run_dir.join("shared")
    }

    /// The copy of a plan and its folder, made when it was handed in.
    #[must_use]
    pub fn plan_dir(&self, plan: &PlanId) -> PathBuf {
        self.run_dir.join("plans").join(slug(plan.as_str()))
    }

    /// What is known of a group, for scripts. `sole`: no other plan before has a group of this name.
    #[must_use]
    pub fn group_file(&self, plan: &PlanId, group: &GroupId, sole: bool) -> PathBuf {
        let name = if sole { slug(group.as_str()) } else { format!("{}+{}", slug(plan.as_str()), slug(group.as_str())) };
        self.run_dir.join("groups").join(name).join("metadata.json")
    }

    /// Logs of a plan's suite, a folder for each thing it ran on.
    #[must_use]
    pub fn suites_dir(&self, plan: &PlanId) -> PathBuf {
        self.run_dir.join("suites").join(slug(plan.as_str()))
    }

    /// The same on one of them.
    #[must_use]
    pub fn suite_dir(&self, plan: &PlanId, what: &str) -> PathBuf {
        self.suites_dir(plan).join(what)
    }

    /// Logs of the suite on a batch.
    #[must_use]
    pub fn batch_dir(&self, plan: &PlanId, batch: BatchId) -> PathBuf {
        self.suite_dir(plan, &format!("batch-{batch}"))
    }

    /// Where an attempt works, if that was decided.
    #[must_use]
    pub fn workspace_of(&self, attempt: &AttemptId) -> Option<PreparedWorkspace> {
        let text = fs::read(self.attempt_dir(attempt).join(WORKSPACE_FILE)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Writes down where an attempt works.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_workspace(&self, attempt: &AttemptId, workspace: &PreparedWorkspace) -> io::Result<()> {
        let dir = self.attempt_dir(attempt);
        let text = serde_json::to_vec(workspace).map_err(io::Error::other)?;
        let temporary = dir.join("workspace.json.new");
        fs::write(&temporary, text)?;
        fs::rename(temporary, dir.join(WORKSPACE_FILE))
    }
}

/// The text of `GREENLANE_ATTEMPT`: which attempt a process belongs to.
#[must_use]
pub fn label(run: &RunId, attempt: &AttemptId) -> String {
    format!("{run}/{}/{}", key_slug(&attempt.key), attempt.n)
}
