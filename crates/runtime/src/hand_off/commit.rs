//! Has somebody committed in this worktree, and is that all of it? Asks git, and seldom: nobody may come for days.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use crate::git::residue::operation_in_progress;
use crate::git::{Git, GitError};

/// Git is asked when the worktree's log of HEAD has changed, and else this often: a user may have switched that log off.
const ASK_EVERY: Duration = Duration::from_secs(30);
/// The same once there is a commit.
const ASK_AGAIN: Duration = Duration::from_secs(2);
/// A commit stands for so long before it counts: `git commit --amend` and a rebase make several.
const STANDS: Duration = Duration::from_secs(1);

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing new.
    Nothing,
    /// A commit, and something that speaks against its being all.
    NotYet(String),
    /// A commit that nothing is left beside.
    Committed {
        /// Which.
        commit: String,
        /// Its author's name.
        by: String,
        /// Its subject.
        subject: String,
    },
}

/// Watches one worktree.
pub(super) struct Commits {
    git: Git,
    git_dir: PathBuf,
    /// HEAD when the waiting began.
    start: String,
    /// HEAD as it was last seen, and since when.
    head: (String, Instant),
    seen: Option<(u64, SystemTime)>,
    asked: Instant,
}

impl Commits {
    pub(super) fn begin(worktree: &Path, git_dir: &Path) -> Result<Self, GitError> {
        let git = Git::new(git_dir).with_work_tree(worktree);
        let start = head(&git)?;
        let now = Instant::now();
        Ok(Self { git, git_dir: git_dir.to_owned(), head: (start.clone(), now), start, seen: stamp(git_dir), asked: now })
    }

    pub(super) fn look(&mut self) -> Result<Found, GitError> {
        let stamp = stamp(&self.git_dir);
        let every = if self.head.0 == self.start { ASK_EVERY } else { ASK_AGAIN };
        if stamp == self.seen && self.asked.elapsed() < every {
            return Ok(Found::Nothing);
        }
        (self.seen, self.asked) = (stamp, Instant::now());
        let head = head(&self.git)?;
        if head != self.head.0 {
            self.head = (head, Instant::now());
        }
        if self.head.0 == self.start || self.head.1.elapsed() < STANDS {
            return Ok(Found::Nothing);
        }
        if let Some(what) = operation_in_progress(&self.git_dir) {
            return Ok(Found::NotYet(format!("there is a commit, but {what} is under way")));
        }
        // New files are no sign: editors leave some. Changed ones are.
        let changed = self.git.run(&["status", "--porcelain=v1", "-z", "--untracked-files=no", "--ignore-submodules=dirty"])?;
        let files = changed.fields().count();
        if files > 0 {
            let what = if files == 1 { String::from("1 file is") } else { format!("{files} files are") };
            return Ok(Found::NotYet(format!("there is a commit, but {what} changed beside it")));
        }
        let told = self.git.run(&["log", "-1", "--format=%an%x00%s", &self.head.0])?;
        let mut fields = told.fields();
        let (by, subject) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        Ok(Found::Committed { commit: self.head.0.clone(), by, subject: subject.trim().to_owned() })
    }
}

fn head(git: &Git) -> Result<String, GitError> {
    Ok(git.run(&["rev-parse", "--verify", "HEAD^{commit}"])?.text())
}

/// Size and time of the log of HEAD.
fn stamp(git_dir: &Path) -> Option<(u64, SystemTime)> {
    let meta = fs::metadata(git_dir.join("logs/HEAD")).ok()?;
    Some((meta.len(), meta.modified().ok()?))
}
