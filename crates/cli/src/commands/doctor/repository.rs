//! `doctor` on the repository: is there one, has it commits, who commits. Changes nothing.

use std::path::Path;

use greenlane_runtime::git::{Repo, RepoError};

use super::check::Check;

/// What was found, and the repository, if there is one.
pub fn repository(directory: &Path) -> (Vec<Check>, Option<Repo>) {
    let repo = match Repo::discover(directory) {
        Ok(repo) => repo,
        // Told of git itself already.
        Err(RepoError::GitMissing | RepoError::GitTooOld { .. }) => return (Vec::new(), None),
        Err(e) => {
            let hint = e.hint().unwrap_or_else(|| String::from("`git status` there says more"));
            return (vec![Check::missing("repository", e.to_string(), hint)], None);
        }
    };
    let mut message = repo.top().unwrap_or(repo.common_dir()).display().to_string();
    if repo.is_bare() {
        message.push_str(" (bare)");
    } else if let Some(main) = repo.main_top().filter(|main| Some(*main) != repo.top()) {
        message.push_str(&format!(" (a linked worktree of {})", main.display()));
    }
    let mut checks = vec![Check::ok("repository", message)];
    checks.push(match repo.require_head() {
        Ok(head) => Check::ok("commits", format!("HEAD is {}", head.as_str().chars().take(12).collect::<String>())),
        Err(e) => Check::missing("commits", e.to_string(), e.hint().unwrap_or_else(|| String::from("`git log` there says more"))),
    });
    checks.push(identity(&repo));
    (checks, Some(repo))
}

/// Greenlane commits what agents leave; without a configured identity it uses its own.
fn identity(repo: &Repo) -> Check {
    match repo.idents() {
        (idents, true) => Check::ok("identity", idents.author.clone()),
        (idents, false) => Check::warning(
            "identity",
            format!("none is configured for commits: {} will be used", idents.author),
            "git config --global user.name 'Your Name' && git config --global user.email you@example.org",
        ),
    }
}
