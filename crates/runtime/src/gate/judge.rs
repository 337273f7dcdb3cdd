//! The gate: is there work, is it where it may be, does it pass its checks? In the contract's order. Believes no agent's words.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use greenlane_core::attempt::Verdict;
use greenlane_core::ids::{Oid, RunId, TaskKey};

use super::commit::{Keep, Work, commit_work};
use super::generated::Generated;
use super::message::commit_message;
use super::ownership::Ownership;
use crate::git::{Expect, GitError, RefChange, Repo};
use crate::workspace::{Pool, Shell, ShellLine, Workspace, kept_prefix};

/// How many files a verdict names.
const FILES_NAMED_MAX: usize = 50;

/// What an attempt is judged by.
pub struct JudgeSpec<'a> {
    /// The run.
    pub run: &'a RunId,
    /// The task.
    pub key: &'a TaskKey,
    /// Its name in refs and paths.
    pub slug: &'a str,
    /// For the commit's subject.
    pub title: &'a str,
    /// The task's globs; empty: everything.
    pub owns: &'a [String],
    /// Files that every task may touch.
    pub generated: &'a Generated,
    /// `sh -c` lines that must pass.
    pub checks: &'a [String],
    /// The limit of each.
    pub check_timeout: Duration,
    /// Their environment.
    pub env: &'a BTreeMap<OsString, OsString>,
    /// `check-<n>.log` go here.
    pub log_dir: &'a Path,
}

/// Judges what an attempt left in its worktree. Its process tree must have ended.
pub fn judge(pool: &Pool, ws: &Workspace, spec: &JudgeSpec<'_>) -> Verdict {
    let verdict = judge_inner(pool, ws, spec);
    verdict.unwrap_or_else(|error| Verdict::Broken { message: error.to_string() })
}

fn judge_inner(pool: &Pool, ws: &Workspace, spec: &JudgeSpec<'_>) -> Result<Verdict, GitError> {
    let repo = pool.repo();
    ws.set_settled(false);
    let left = format!("refs/greenlane/{}/left/{}", spec.run, spec.slug);
    let (commit, changed) = match commit_work(repo, ws, &commit_message(spec.title, spec.run, spec.key), &left)? {
        Work::Commit(commit, changed) => (commit, changed),
        Work::Nothing => {
            ws.set_settled(true);
            return Ok(Verdict::NoChange);
        }
        Work::Unclear { why, keep } => return Ok(needs_human(pool, ws, spec, why, &keep)),
    };
    ws.set_settled(true);
    if !spec.owns.is_empty() {
        let owned = match Ownership::new(spec.owns) {
            Ok(owned) => owned,
            Err(error) => return Ok(Verdict::Broken { message: error.to_string() }),
        };
        let strange = changed.iter().map(|c| &c.path).filter(|p| !owned.allows(p) && !spec.generated.allows(p));
        let files: Vec<String> = strange.take(FILES_NAMED_MAX).cloned().collect();
        if !files.is_empty() {
            return Ok(Verdict::OutsideOwnership { commit, files });
        }
    }
    if let Some(refused) = run_checks(pool.shell(), repo, ws, spec, &commit)? {
        return Ok(refused);
    }
    Ok(Verdict::Accepted { commit, files_changed: u32::try_from(changed.len()).unwrap_or(u32::MAX) })
}

/// Runs the checks on the commit's files, up to the first that does not pass; what they leave behind is discarded.
fn run_checks(shell: &dyn Shell, repo: &Repo, ws: &Workspace, spec: &JudgeSpec<'_>, commit: &Oid) -> Result<Option<Verdict>, GitError> {
    if spec.checks.is_empty() {
        return Ok(None);
    }
    ws.set_settled(false);
    let mut refused = None;
    for (n, command) in spec.checks.iter().enumerate() {
        let line = ShellLine {
            command: command.clone(),
            cwd: ws.path.clone(),
            env: fenced(spec.env, ws),
            timeout: spec.check_timeout,
            log: spec.log_dir.join(format!("check-{}.log", n + 1)),
            label: format!("check {}/{}", spec.run, spec.slug),
        };
        match shell.run(&line) {
            Ok(outcome) if outcome.passed() => {}
            Ok(outcome) => {
                let (exit_code, output, timed_out) = (outcome.exit_code, outcome.output_tail, outcome.timed_out);
                refused = Some(Verdict::CheckFailed { commit: commit.clone(), command: command.clone(), exit_code, output, timed_out });
                break;
            }
            Err(error) => {
                refused = Some(Verdict::Broken { message: format!("check `{command}` could not be run: {error}") });
                break;
            }
        }
    }
    discard(repo, ws, commit)?;
    ws.set_settled(true);
    Ok(refused)
}

/// Puts the worktree back to the commit: tracked files, untracked ones that are not ignored, HEAD, the branch.
fn discard(repo: &Repo, ws: &Workspace, commit: &Oid) -> Result<(), GitError> {
    if !ws.is_intact() {
        return Err(GitError::Answer { command: String::from("check"), answer: String::from("a check removed the worktree's .git file") });
    }
    let git = ws.git(repo);
    // One look first: most checks leave only ignored files.
    let status = git.run(&["status", "--porcelain", "-z", "--untracked-files=normal", "--no-renames"])?;
    let full = format!("refs/heads/{}", ws.branch);
    let moved = repo.resolve(&full)?.as_ref() != Some(commit);
    if moved {
        repo.move_refs(&[RefChange { name: full.clone(), new: Some(commit.clone()), old: Expect::Any }])?;
    }
    if std::fs::read_to_string(ws.git_dir.join("HEAD")).unwrap_or_default().trim_end() != format!("ref: {full}") {
        git.run(&["symbolic-ref", "HEAD", &full])?;
    }
    if moved || !status.stdout.is_empty() {
        git.run(&["read-tree", "--reset", "-u", commit.as_str()])?;
        git.run(&["clean", "-ffdq"])?;
    }
    drop(std::fs::remove_file(ws.git_dir.join("index.lock")));
    std::fs::copy(ws.private_index(), ws.git_dir.join("index")).map(drop).map_err(GitError::Spawn)
}

fn needs_human(pool: &Pool, ws: &Workspace, spec: &JudgeSpec<'_>, why: String, keep: &Keep) -> Verdict {
    let place = Some(ws.path.display().to_string());
    if matches!(keep, Keep::InPlace) {
        return Verdict::NeedsHuman { why, kept: place };
    }
    match pool.keep(ws, &kept_prefix(spec.run, spec.slug), &format!("The work on {} as it was left", spec.key)) {
        Ok(name) => Verdict::NeedsHuman { why, kept: Some(name) },
        Err(error) => Verdict::NeedsHuman { why: format!("{why}; it lies only in the worktree ({error})"), kept: place },
    }
}

/// The environment with a fence: git in a worktree that lost its `.git` must not find a repository further up.
pub(super) fn fenced(env: &BTreeMap<OsString, OsString>, ws: &Workspace) -> BTreeMap<OsString, OsString> {
    let mut env = env.clone();
    let parent: PathBuf = ws.path.parent().map_or_else(|| ws.path.clone(), Path::to_owned);
    env.entry(OsString::from("GIT_CEILING_DIRECTORIES")).or_insert_with(|| parent.into_os_string());
    env
}
