//! The demonstration's sample: a repository with a real test suite that needs nothing but `sh` and git, and a plan for it.
//! Makes them and says what is to be expected; runs nothing.

use std::io;
use std::path::{Path, PathBuf};

use greenlane_runtime::git::Git;

/// The repository's files: path and text.
const FILES: &[(&str, &str)] = &[
    ("README.md", include_str!("sample/README.md")),
    ("greenlane.toml", include_str!("sample/greenlane.toml")),
    ("lib/join.sh", include_str!("sample/lib/join.sh")),
    ("lib/count.sh", include_str!("sample/lib/count.sh")),
    ("tests/run.sh", include_str!("sample/tests/run.sh")),
    ("tests/join_test.sh", include_str!("sample/tests/join_test.sh")),
    ("tests/count_test.sh", include_str!("sample/tests/count_test.sh")),
];

/// The plan's text.
pub const PLAN: &str = include_str!("sample/plan.toml");

/// What is to become of each task: its id, the final state in `status`'s words, how many attempts, and what that shows.
pub const EXPECTATIONS: &[Expectation] = &[
    expect("trim", "done", 1, "starts at once, beside the other tasks that need nothing"),
    expect("upper", "done", 1, "the same, at the same time"),
    expect("sum", "done", 1, "the same, at the same time"),
    expect("words", "done", 1, "starts when `trim` has landed, and finds it in its worktree"),
    expect("title", "done", 1, "needs `words` and `upper`: the end of the longest chain"),
    expect("max", "done", 2, "fails once like a busy server, and passes on retry"),
    expect("divide", "failed", 1, "says that it is done, but its check fails: not landed"),
    expect("average", "skipped", 0, "needs `divide`, which did not land: not even tried"),
    expect("shout", "failed", 1, "passes its own check, but turns the whole suite red: not landed, and the branch stays green"),
];

const fn expect(task: &'static str, state: &'static str, attempts: u32, why: &'static str) -> Expectation {
    Expectation { task, state, attempts, why }
}

/// What is to become of one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// Its id.
    pub task: &'static str,
    /// Its final state: `done`, `failed`, `skipped`.
    pub state: &'static str,
    /// How many attempts it takes.
    pub attempts: u32,
    /// What that shows.
    pub why: &'static str,
}

/// A sample that was made.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The repository.
    pub repo: PathBuf,
    /// The plan, beside it.
    pub plan_path: PathBuf,
    /// What is to become of each task, in the order of the plan.
    pub expectations: Vec<Expectation>,
}

/// Makes `dir/library` (a repository with one commit) and `dir/plan.toml`. `dir` is made if need be.
///
/// # Errors
/// If something of that name is there already, if the disk refuses, or if git does.
pub fn create(dir: &Path) -> io::Result<Sample> {
    std::fs::create_dir_all(dir)?;
    // Git wants absolute paths, and a link on the way (macOS' /tmp) would look like another place.
    let dir = dir.canonicalize()?;
    let (repo, plan_path) = (dir.join("library"), dir.join("plan.toml"));
    std::fs::create_dir(&repo)?;
    for (path, text) in FILES {
        let path = repo.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, text)?;
    }
    std::fs::write(&plan_path, PLAN)?;
    let git = Git::new(repo.join(".git")).with_work_tree(&repo).with_identity("Greenlane demo", "demo@greenlane.invalid");
    for args in [&["init", "-q", "-b", "main"][..], &["add", "-A"], &["commit", "-q", "-m", "A small shell library"]] {
        git.run(args).map_err(io::Error::other)?;
    }
    Ok(Sample { repo, plan_path, expectations: EXPECTATIONS.to_vec() })
}

impl Sample {
    /// What is said before the run.
    #[must_use]
    pub fn introduction(&self, width: usize) -> String {
        format!(
            "A small shell library with a real test suite:\n  {}\n\
             A plan of {} tasks for it:\n  {}\n\
             Each task is a command instead of a coding agent, so nothing is asked of\n\
             a network or an account; everything else is what `greenlane run` does.\n\
             What to watch for:\n\n{}",
            self.repo.display(),
            self.expectations.len(),
            self.plan_path.display(),
            self.expectations.iter().map(|e| format!("  {:8} {}\n", e.task, super::beside(e.why, 11, width))).collect::<String>(),
        )
    }

    /// What is said after it. `branch` is the branch that the work landed on, `program` how this program was called.
    #[must_use]
    pub fn closing(&self, branch: &str, program: &str) -> String {
        let repo = self.repo.display();
        format!(
            "Look at the result:\n  \
             git -C {repo} log --oneline --graph {branch}\n  \
             {program} -C {repo} status\n  \
             {program} -C {repo} logs divide\n  \
             {program} -C {repo} report\n\
             The branch `main` and its files are as they were. To bring the work there:\n  \
             {program} -C {repo} land --into main\n\
             To be rid of everything: rm -rf {}",
            self.plan_path.parent().unwrap_or(&self.repo).display()
        )
    }
}

#[cfg(test)]
#[path = "sample_tests.rs"]
mod tests;
