//! Submodules of a pooled worktree: filled from the clones that the main checkout has, put back to their commits on
//! recycling. Starts processes only where a tree has a `.gitmodules`.

use greenlane_core::ids::Oid;

use super::request::Workspace;
use crate::git::{Change, Git, GitError, Repo};

const GITMODULES_BYTES_MAX: usize = 1 << 20;

/// Has this commit submodules?
pub(super) fn are_in(repo: &Repo, commit: &Oid) -> Result<bool, GitError> {
    Ok(repo.objects().file(commit, ".gitmodules", GITMODULES_BYTES_MAX)?.is_some())
}

/// Brings the submodules to the commits that the worktree's HEAD names, without what somebody changed in them.
pub(super) fn update(repo: &Repo, ws: &Workspace, commit: &Oid) -> Result<(), GitError> {
    let git = ws.git(repo);
    let update = ["submodule", "--quiet", "update", "--init", "--recursive", "--force"];
    // The main checkout's clones need no network; a commit that they lack is fetched from where the project says.
    if with_local_clones(repo, git.clone(), commit)?.run(&update).is_err() {
        git.run(&update)?;
    }
    let clean = ["submodule", "--quiet", "foreach", "--recursive", "git reset -q --hard && git clean -ffdq"];
    git.run(&clean).map(drop)
}

fn with_local_clones(repo: &Repo, mut git: Git, commit: &Oid) -> Result<Git, GitError> {
    let modules = repo.common_dir().join("modules");
    let text = repo.objects().file(commit, ".gitmodules", GITMODULES_BYTES_MAX)?.unwrap_or_default();
    for line in String::from_utf8_lossy(&text).lines() {
        let name = line.trim().strip_prefix("[submodule \"").and_then(|rest| rest.strip_suffix("\"]"));
        if let Some(name) = name
            && modules.join(name).join("HEAD").is_file()
        {
            git = git.with_setting(format!("submodule.{name}.url={}", modules.join(name).display()));
        }
    }
    Ok(git.with_setting("protocol.file.allow=always"))
}

/// Why these changes are more than a commit of this repository can hold: a repository inside the worktree, or a submodule's
/// commit that exists only here. `None`: a commit holds them all.
///
/// # Errors
/// If git cannot be asked.
pub fn beyond_a_commit(repo: &Repo, ws: &Workspace, changes: &[Change]) -> Result<Option<String>, GitError> {
    for change in changes.iter().filter(|c| c.new_mode == Some(0o160_000)) {
        let Some(commit) = &change.new else { continue };
        if change.old_mode != Some(0o160_000) && !is_registered(ws, &change.path) {
            return Ok(Some(format!("`{}` is a git repository of its own", change.path)));
        }
        // The clone may lie anywhere under `modules`; the worktree's own copy is asked whether a remote branch has the commit.
        let inside = ws.path.join(&change.path);
        let git = repo.git_in(&inside.join(".git"), &inside);
        let known = crate::git::residue::linked_git_dir(&inside).map(|dir| repo.git_in(&dir, &inside));
        let published = known.unwrap_or(git).run(&["branch", "--remotes", "--contains", commit.as_str()]);
        if !published.is_ok_and(|o| !o.stdout.is_empty()) {
            return Ok(Some(format!(
                "`{}` points to commit {commit}, which exists only in this worktree's copy of the submodule",
                change.path
            )));
        }
    }
    if !ws.git_dir.join("modules").is_dir() {
        return Ok(None);
    }
    // A submodule's own uncommitted changes are invisible to a commit of this repository.
    let status = ws.git(repo).run(&["status", "--porcelain=v2", "-z", "--untracked-files=no", "--ignore-submodules=none"])?;
    for line in status.fields() {
        let mut fields = line.split(' ');
        if fields.next() == Some("1")
            && let Some(flags) = fields.nth(1)
            && flags.starts_with('S')
            && flags[2..].contains(['M', 'U'])
        {
            let path = line.splitn(9, ' ').last().unwrap_or_default().to_owned();
            return Ok(Some(format!("the submodule `{path}` has uncommitted changes")));
        }
    }
    Ok(None)
}

/// Does the worktree's `.gitmodules` name this path?
fn is_registered(ws: &Workspace, path: &str) -> bool {
    let text = std::fs::read_to_string(ws.path.join(".gitmodules")).unwrap_or_default();
    text.lines().any(|l| l.trim().strip_prefix("path").and_then(|l| l.trim_start().strip_prefix('=')).is_some_and(|p| p.trim() == path))
}
