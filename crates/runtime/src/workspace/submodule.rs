//! Submodules of a pooled worktree: filled from the clones that the main checkout has, put back to their commits on
//! recycling. Starts processes only where a tree has a `.gitmodules`.

use std::collections::BTreeMap;

use greenlane_core::ids::Oid;

use super::request::Workspace;
use crate::git::{Change, Git, GitError, Repo};

const GITMODULES_BYTES_MAX: usize = 1 << 20;

/// Has this commit submodules?
pub(super) fn are_in(repo: &Repo, commit: &Oid) -> Result<bool, GitError> {
    Ok(repo.objects().file(commit, ".gitmodules", GITMODULES_BYTES_MAX)?.is_some())
}

/// What `.gitmodules` says of one.
#[derive(Default)]
struct Submodule {
    path: String,
    url: String,
    update: Option<String>,
}

/// Brings the submodules to the commits that the worktree's HEAD names, without what somebody changed in them.
pub(super) fn update(repo: &Repo, ws: &Workspace, commit: &Oid) -> Result<(), GitError> {
    let submodules = listed(repo, commit)?;
    let clones = repo.common_dir().join("modules");
    let (local, distant): (Vec<_>, Vec<_>) = submodules.iter().partition(|(name, _)| clones.join(name).join("HEAD").is_file());
    let args = ["submodule", "--quiet", "update", "--init", "--force"];
    let mut filled = true;
    if !local.is_empty() {
        // The main checkout's clones need no network, and for them alone git may clone from a path.
        let git = local.iter().fold(ws.git(repo).with_setting("protocol.file.allow=always"), |git, (name, _)| {
            git.with_setting(format!("submodule.{name}.url={}", clones.join(name).display()))
        });
        let paths = local.iter().map(|(_, s)| s.path.as_str());
        filled = git.run(&args.into_iter().chain(["--"]).chain(paths).collect::<Vec<_>>()).is_ok();
    }
    let nested = || local.iter().any(|(_, s)| ws.path.join(&s.path).join(".gitmodules").is_file());
    if !filled || !distant.is_empty() || nested() {
        // What they lack is fetched from where the project says, if the user's settings allow it.
        let git = without_a_note(repo, ws.git(repo), &submodules);
        git.run(&[args.as_slice(), &["--recursive"]].concat())?;
    }
    let clean = ["submodule", "--quiet", "foreach", "--recursive", "git reset -q --hard && git clean -ffdq"];
    ws.git(repo).run(&clean).map(drop)
}

fn listed(repo: &Repo, commit: &Oid) -> Result<BTreeMap<String, Submodule>, GitError> {
    let blob = format!("--blob={commit}:.gitmodules");
    let said = repo.git().run_allowing(&["config", &blob, "-z", "--get-regexp", r"^submodule\..*\.(path|url|update)$"], &[0, 1])?;
    let mut all: BTreeMap<String, Submodule> = BTreeMap::new();
    for field in said.fields() {
        let Some((key, value)) = field.split_once('\n') else { continue };
        let Some((name, key)) = key.strip_prefix("submodule.").and_then(|k| k.rsplit_once('.')) else { continue };
        let one = all.entry(name.to_owned()).or_default();
        match key {
            "path" => value.clone_into(&mut one.path),
            "url" => value.clone_into(&mut one.url),
            _ => one.update = Some(value.to_owned()),
        }
    }
    // Git takes none whose name leads elsewhere.
    all.retain(|name, s| !s.path.is_empty() && !name.split('/').any(|part| part == ".."));
    Ok(all)
}

/// With these settings `--init` finds everything said already, and writes nothing into the configuration, which all worktrees share.
fn without_a_note(repo: &Repo, mut git: Git, submodules: &BTreeMap<String, Submodule>) -> Git {
    let known = |name: &str| repo.git().run(&["config", "--get", name]).map(|o| o.text()).ok();
    let mut base = None;
    for (name, submodule) in submodules {
        if known(&format!("submodule.{name}.url")).is_none() {
            let url = if submodule.url.starts_with("./") || submodule.url.starts_with("../") {
                let base = base.get_or_insert_with(|| {
                    let beside = repo.main_top().unwrap_or(repo.common_dir());
                    known("remote.origin.url").unwrap_or_else(|| beside.display().to_string())
                });
                resolved(base, &submodule.url)
            } else {
                submodule.url.clone()
            };
            git = git.with_setting(format!("submodule.{name}.url={url}"));
        }
        if let Some(update) = &submodule.update {
            // A worktree is nobody's place to merge or rebase a submodule in.
            let update = if update == "none" { "none" } else { "checkout" };
            git = git.with_setting(format!("submodule.{name}.update={update}"));
        }
    }
    git
}

/// A URL that is relative to the repository's own, as git resolves it (`submodule.<name>.url` in gitmodules(5)).
fn resolved(base: &str, relative: &str) -> String {
    let (mut base, mut rest, mut joint) = (base.trim_end_matches('/'), relative, '/');
    loop {
        if let Some(next) = rest.strip_prefix("./") {
            rest = next;
        } else if let Some(next) = rest.strip_prefix("../") {
            rest = next;
            match base.rsplit_once('/').or_else(|| {
                joint = ':';
                base.rsplit_once(':')
            }) {
                Some((above, _)) => base = above,
                None => break,
            }
        } else {
            break;
        }
    }
    format!("{base}{joint}{}", rest.trim_end_matches('/'))
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

#[cfg(test)]
mod tests {
    use super::resolved;

    #[test]
    fn relative_urls_are_resolved_as_git_does() {
        for (base, relative, url) in [
            ("https://host/group/repo.git", "../other.git", "https://host/group/other.git"),
            ("https://host/group/repo/", "../../x/other/", "https://host/x/other"),
            ("git@host:group/repo.git", "../other.git", "git@host:group/other.git"),
            ("git@host:repo.git", "../other.git", "git@host:other.git"),
            ("/srv/repo", "./inner", "/srv/repo/inner"),
        ] {
            assert_eq!(resolved(base, relative), url, "{base} {relative}");
        }
    }
}
