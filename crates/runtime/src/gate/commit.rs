//! Makes one commit of what an attempt left: its own commits, its index, its files. Judges nothing about the work.
//!
//! Approach: the files as they are, seen through Greenlane's own index, which carries none of the agent's flags, on top of
//! whatever HEAD the agent left, provided that it descends from the base. Two processes (`add`, `write-tree`) where nothing
//! unusual happened.

use std::fs;

use greenlane_core::ids::Oid;

use crate::git::{Applied, Change, Expect, GitError, RefChange, Repo, changes, index_file, residue};
use crate::workspace::{Workspace, beyond_a_commit};

/// What became of the work.
pub(super) enum Work {
    /// All of it is in this commit, which the task's branch points to; it changes these files against the base.
    Commit(Oid, Vec<Change>),
    /// Nothing differs from the base.
    Nothing,
    /// It needs a person; `kept` says where it is.
    Unclear { why: String, keep: Keep },
}

/// How unclear work is kept.
pub(super) enum Keep {
    /// In a snapshot.
    Snapshot,
    /// Only where it lies.
    InPlace,
}

/// `left`: where refs to commits go that the agent moved away from.
pub(super) fn commit_work(repo: &Repo, ws: &Workspace, message: &str, left: &str) -> Result<Work, GitError> {
    if !ws.is_intact() {
        let why = format!("the worktree {} has lost its .git file; nothing was written", ws.path.display());
        return Ok(Work::Unclear { why, keep: Keep::InPlace });
    }
    let unclear = |why: String| Ok(Work::Unclear { why, keep: Keep::Snapshot });
    let theirs = read_theirs(repo, ws)?;
    if !theirs.unmerged.is_empty() {
        let files: Vec<&str> = theirs.unmerged.iter().take(10).map(String::as_str).collect();
        return unclear(format!("a merge was left with conflicts in {}", files.join(", ")));
    }
    if residue::holds_commits_back(&ws.git_dir) {
        let what = residue::operation_in_progress(&ws.git_dir).unwrap_or("an operation");
        return unclear(format!("{what} was left under way"));
    }
    let Some(head) = repo.resolve(&ws.head_name())? else { return unclear(String::from("HEAD was left on a branch without commits")) };
    if !repo.descends(&head, &ws.base)? {
        return unclear(format!("HEAD was moved to {head}, which does not descend from the attempt's base {}", ws.base));
    }
    if residue::is_sparse(&ws.git_dir)
        && let Err(error) = repo.git_in(&ws.git_dir, &ws.path).run(&["sparse-checkout", "disable"])
    {
        return unclear(format!("a sparse checkout was set up and cannot be undone: {error}"));
    }
    let git = ws.git(repo);
    drop(fs::remove_file(ws.private_index().with_extension("index.lock")));
    if ws.index_at().as_ref() != Some(&head) {
        // The agent committed: files that it forced in past an ignore rule are tracked from now on.
        ws.set_index_at(None);
        git.run(&["read-tree", "--reset", head.as_str()])?;
    }
    let staged = forced_in(ws, &theirs);
    if let Err(error) = git.run(&["add", "-A"]) {
        return if has_nested_repository(ws) {
            Ok(Work::Unclear { why: format!("a git repository without commits lies inside the worktree: {error}"), keep: Keep::InPlace })
        } else {
            Err(error)
        };
    }
    if !staged.is_empty() {
        git.run_with_input(&["add", "-f", "--pathspec-from-file=-", "--pathspec-file-nul"], &staged)?;
    }
    ws.set_index_at(None);
    let tree = Oid::from(git.run(&["write-tree"])?.text());
    let changed = changes(repo.objects(), &repo.tree_of(&ws.base)?, &tree)?;
    if let Some(why) = beyond_a_commit(repo, ws, &changed)? {
        return Ok(Work::Unclear { why, keep: Keep::InPlace });
    }
    let head_tree = repo.tree_of(&head)?;
    let commit = if tree == head_tree { head.clone() } else { repo.write_commit(&tree, std::slice::from_ref(&head), message)? };
    ws.set_index_at(Some(commit.clone()));
    if changed.is_empty() {
        return Ok(Work::Nothing);
    }
    settle_branch(repo, ws, &commit, left)?;
    Ok(Work::Commit(commit, changed))
}

/// Points the task's branch, HEAD and the agent's index at the commit, so that a next attempt sees a clean worktree.
fn settle_branch(repo: &Repo, ws: &Workspace, commit: &Oid, left: &str) -> Result<(), GitError> {
    let full = format!("refs/heads/{}", ws.branch);
    let tip = repo.resolve(&full)?;
    if tip.as_ref() != Some(commit) {
        let mut changes = Vec::new();
        if let Some(tip) = &tip
            && !repo.descends(commit, tip)?
        {
            // Commits that the agent moved away from are not part of the result, but not to be lost either.
            changes.push(RefChange { name: format!("{left}/{tip}"), new: Some(tip.clone()), old: Expect::Any });
        }
        changes.push(RefChange { name: full.clone(), new: Some(commit.clone()), old: tip.map_or(Expect::Missing, Expect::At) });
        if repo.move_refs(&changes)? != Applied::Done {
            // A git of the agent's that was killed may have left a lock on the branch that nobody but the task writes to.
            drop(fs::remove_file(repo.common_dir().join(format!("{full}.lock"))));
            if repo.move_refs(&changes)? != Applied::Done {
                let answer = format!("`{}` cannot be moved to {commit}", ws.branch);
                return Err(GitError::Answer { command: String::from("update-ref"), answer });
            }
        }
    }
    let head = fs::read_to_string(ws.git_dir.join("HEAD")).unwrap_or_default();
    if head.trim_end() != format!("ref: {full}") {
        ws.git(repo).run(&["symbolic-ref", "HEAD", &full])?;
    }
    for file in ["index.lock", "MERGE_HEAD", "MERGE_MSG", "MERGE_MODE", "CHERRY_PICK_HEAD", "REVERT_HEAD", "AUTO_MERGE"] {
        drop(fs::remove_file(ws.git_dir.join(file)));
    }
    fs::copy(ws.private_index(), ws.git_dir.join("index")).map(drop).map_err(GitError::Spawn)
}

/// What the agent did to its index; nothing, if its bytes are those that it was given.
fn read_theirs(repo: &Repo, ws: &Workspace) -> Result<index_file::IndexSummary, GitError> {
    let Ok(theirs) = fs::read(ws.git_dir.join("index")) else { return Ok(index_file::IndexSummary::default()) };
    if fs::read(ws.private_index()).is_ok_and(|ours| ours == theirs) {
        return Ok(index_file::IndexSummary::default());
    }
    if let Some(summary) = index_file::read(&theirs, ws.base.as_str().len() / 2) {
        return Ok(summary);
    }
    // A format that is newer than this reader.
    let mut summary = index_file::IndexSummary::default();
    let git = repo.git_in(&ws.git_dir, &ws.path);
    let list = git.run(&["ls-files", "-z", "--unmerged"]).map(|o| o.fields().collect::<Vec<_>>()).unwrap_or_default();
    summary.unmerged = list.into_iter().filter_map(|l| l.split_once('\t').map(|(_, path)| path.to_owned())).collect();
    Ok(summary)
}

/// Paths that the agent staged and that are not in the private index, NUL after each: new files, ignored ones perhaps.
fn forced_in(ws: &Workspace, theirs: &index_file::IndexSummary) -> Vec<u8> {
    if theirs.paths.is_empty() {
        return Vec::new();
    }
    let ours = fs::read(ws.private_index()).ok().and_then(|b| index_file::read(&b, ws.base.as_str().len() / 2)).unwrap_or_default();
    let mut list = Vec::new();
    for path in theirs.paths.difference(&ours.paths) {
        use std::os::unix::ffi::OsStrExt as _;
        if !path.ends_with(b"/") && fs::symlink_metadata(ws.path.join(std::ffi::OsStr::from_bytes(path))).is_ok() {
            list.extend_from_slice(b":(literal)");
            list.extend_from_slice(path);
            list.push(0);
        }
    }
    list
}

/// Is there a `.git` below the top? Looked for only when git refused; a limited number of directories.
fn has_nested_repository(ws: &Workspace) -> bool {
    let mut queue = std::collections::VecDeque::from([ws.path.clone()]);
    for _ in 0..20_000 {
        let Some(dir) = queue.pop_front() else { return false };
        if dir != ws.path && dir.join(".git").exists() {
            return true;
        }
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|t| t.is_dir()) && entry.file_name() != ".git" {
                queue.push_back(entry.path());
            }
        }
    }
    false
}
