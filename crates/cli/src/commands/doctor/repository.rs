//! `doctor` on the repository: is there one, has it commits, who commits. Changes nothing.

use std::path::{Path, PathBuf};

use greenlane_runtime::git::Git;

use super::check::Check;

/// What was found, and where the repository's shared git directory is, if there is one.
pub fn repository(top: Option<&Path>, directory: &Path) -> (Vec<Check>, Option<PathBuf>) {
    let Some(top) = top else {
        let message = format!("none at {} or above", directory.display());
        return (vec![Check::missing("repository", message, "change to a repository, name one with -C DIR, or `git init` one")], None);
    };
    let git = Git::new(top.join(".git")).with_work_tree(top);
    let common = match git.run(&["rev-parse", "--path-format=absolute", "--git-common-dir"]) {
        Ok(output) => PathBuf::from(output.text()),
        Err(e) => {
            let hint = "`git status` there says more; a directory of another user needs `git config --global --add safe.directory DIR`";
            return (vec![Check::missing("repository", format!("{}: {e}", top.display()), hint)], None);
        }
    };
    let linked = if common == top.join(".git") { "" } else { " (a linked worktree or a submodule)" };
    let mut checks = vec![Check::ok("repository", format!("{}{linked}", top.display()))];
    checks.push(match git.run_allowing(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], &[0, 1, 128]) {
        Ok(output) if output.code == 0 => Check::ok("commits", format!("HEAD is {}", output.text().chars().take(12).collect::<String>())),
        Ok(_) => {
            Check::missing("commits", "none yet: there is nothing to start from", "make a first one: git add -A && git commit -m 'Start'")
        }
        Err(e) => Check::missing("commits", e.to_string(), "`git log` there says more"),
    });
    checks.push(identity(&git));
    (checks, Some(common))
}

/// Greenlane commits what agents leave; without a configured identity it uses its own.
fn identity(git: &Git) -> Check {
    let get = |key: &str| git.run_allowing(&["config", "--get", key], &[0, 1]).ok().filter(|o| o.code == 0).map(|o| o.text());
    match (get("user.name"), get("user.email")) {
        (Some(name), Some(email)) => Check::ok("identity", format!("{name} <{email}>")),
        _ => Check::warning(
            "identity",
            "no name and address for commits: Greenlane's own will be used",
            "git config --global user.name 'Your Name' && git config --global user.email you@example.org",
        ),
    }
}
