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
use super::suite_files::{SuiteFiles, suite_files};
use crate::git::{Expect, GitError, RefChange, Repo};
use crate::workspace::{Pool, Shell, ShellLine, Workspace, ignore_in, kept_prefix};

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
    /// Where the plan's branch is: what was merged from there is not the task's own work. `None`: there is none.
    pub plan_head: Option<&'a Oid>,
    /// The task's globs; empty: everything.
    pub owns: &'a [String],
    /// Files that every task may touch.
    pub generated: &'a Generated,
    /// `sh -c` lines that must pass.
    pub checks: &'a [String],
    /// The limit of each.
    pub check_timeout: Duration,
    /// The plan's suite: run here only with the base's copies of files that judge, where the task changed such.
    pub verify: &'a [String],
    /// The limit of each of its commands.
    pub verify_timeout: Duration,
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
    let ws = &with_what_was_merged(repo, ws, spec.plan_head)?;
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
    // Whoever has `owns` has touched nothing else by now.
    let mut suite = SuiteFiles::default();
    if spec.owns.is_empty() {
        let commands: Vec<&str> = spec.checks.iter().chain(spec.verify).map(String::as_str).collect();
        suite = suite_files(&changed, &commands);
        suite.all.retain(|f| !spec.generated.allows(f));
        suite.read.retain(|f| !spec.generated.allows(f));
        if let Some(refused) = run_with_bases_copies(pool.shell(), repo, ws, spec, &commit, &suite.read)? {
            return Ok(refused);
        }
    }
    suite.all.truncate(FILES_NAMED_MAX);
    let files_changed = u32::try_from(changed.len()).unwrap_or(u32::MAX);
    Ok(Verdict::Accepted { commit, files_changed, suite_files: suite.all })
}

/// The workspace with the base from which its work is counted: the newest commit of the plan's branch that its HEAD holds. Who merges
/// what others have landed meanwhile has not changed their files.
fn with_what_was_merged(repo: &Repo, ws: &Workspace, plan_head: Option<&Oid>) -> Result<Workspace, GitError> {
    let mut counted = ws.clone();
    let Some(theirs) = plan_head.filter(|head| **head != ws.base) else { return Ok(counted) };
    let Some(head) = repo.resolve(&ws.head_name())?.filter(|head| *head != ws.base) else { return Ok(counted) };
    if repo.is_straight(&head, &ws.base)? {
        return Ok(counted);
    }
    if repo.descends(&head, theirs)? {
        counted.base = theirs.clone();
        return Ok(counted);
    }
    let common = repo.git().run_allowing(&["merge-base", head.as_str(), theirs.as_str()], &[0, 1])?.text();
    // One that is older than where it began was never merged.
    if !common.is_empty() && common != ws.base.as_str() && repo.descends(&Oid::from(common.as_str()), &ws.base)? {
        counted.base = Oid::from(common);
    }
    Ok(counted)
}

/// A command that did not pass.
struct Failed {
    command: String,
    exit_code: Option<i32>,
    output: String,
    timed_out: bool,
}

/// Runs these on what is in the worktree, up to the first that does not pass. `Err` says why one could not be run at all.
fn run_lines(
    shell: &dyn Shell,
    ws: &Workspace,
    spec: &JudgeSpec<'_>,
    lines: &[(&String, Duration)],
    log: &str,
) -> Result<Option<Failed>, String> {
    for (n, (command, timeout)) in lines.iter().enumerate() {
        let line = ShellLine {
            command: (*command).clone(),
            cwd: ws.path.clone(),
            env: fenced(spec.env, ws),
            timeout: *timeout,
            log: spec.log_dir.join(format!("{log}-{}.log", n + 1)),
            label: format!("check {}/{}", spec.run, spec.slug),
        };
        match shell.run(&line) {
            Ok(outcome) if outcome.passed() => {}
            Ok(outcome) => {
                let (exit_code, output, timed_out) = (outcome.exit_code, outcome.output_tail, outcome.timed_out);
                return Ok(Some(Failed { command: (*command).clone(), exit_code, output, timed_out }));
            }
            Err(error) => return Err(format!("check `{command}` could not be run: {error}")),
        }
    }
    Ok(None)
}

/// Runs the checks on the commit's files, up to the first that does not pass; what they leave behind is discarded.
fn run_checks(shell: &dyn Shell, repo: &Repo, ws: &Workspace, spec: &JudgeSpec<'_>, commit: &Oid) -> Result<Option<Verdict>, GitError> {
    if spec.checks.is_empty() {
        return Ok(None);
    }
    ws.set_settled(false);
    let lines: Vec<_> = spec.checks.iter().map(|c| (c, spec.check_timeout)).collect();
    let ran = run_lines(shell, ws, spec, &lines, "check");
    discard(repo, ws, commit)?;
    ws.set_settled(true);
    Ok(match ran {
        Ok(None) => None,
        Ok(Some(Failed { command, exit_code, output, timed_out })) => {
            Some(Verdict::CheckFailed { commit: commit.clone(), command, exit_code, output, timed_out })
        }
        Err(message) => Some(Verdict::Broken { message }),
    })
}

/// Runs what judges the task, the plan's suite included, with the base's copies of the suite's own files. Where that fails while
/// the same passes with the task's copies, somebody has to look. Nothing of it happens to a task that changed no such file.
fn run_with_bases_copies(
    shell: &dyn Shell,
    repo: &Repo,
    ws: &Workspace,
    spec: &JudgeSpec<'_>,
    commit: &Oid,
    files: &[String],
) -> Result<Option<Verdict>, GitError> {
    let verify = spec.verify.iter().filter(|v| !spec.checks.contains(v)).map(|v| (v, spec.verify_timeout));
    let lines: Vec<_> = spec.checks.iter().map(|c| (c, spec.check_timeout)).chain(verify).collect();
    if files.is_empty() || lines.is_empty() {
        return Ok(None);
    }
    ws.set_settled(false);
    ws.set_index_at(None);
    let paths: Vec<u8> = files.iter().flat_map(|f| format!(":(literal){f}\0").into_bytes()).collect();
    let checkout = ["checkout", "-q", ws.base.as_str(), "--pathspec-from-file=-", "--pathspec-file-nul"];
    ws.git(repo).run_with_input(&checkout, &paths)?;
    let ran = run_lines(shell, ws, spec, &lines, "base-copies");
    discard(repo, ws, commit)?;
    let failed = match ran {
        Ok(failed) => failed,
        Err(message) => return Ok(Some(Verdict::Broken { message })),
    };
    let mut disagreed = None;
    if let Some(failed) = failed {
        // The checks passed with its own copies; of the suite that is not known yet, and if it fails too, landing refuses the work.
        let own = match spec.checks.contains(&failed.command) {
            true => Ok(None),
            false => {
                let own = run_lines(shell, ws, spec, &[(&failed.command, spec.verify_timeout)], "own-copies");
                discard(repo, ws, commit)?;
                own
            }
        };
        match own {
            Ok(None) => disagreed = Some(disagreement(ws, commit, files, &failed)),
            Ok(Some(_)) => {}
            Err(message) => disagreed = Some(Verdict::Broken { message }),
        }
    }
    ws.set_index_at(Some(commit.clone()));
    ws.set_settled(true);
    Ok(disagreed)
}

fn disagreement(ws: &Workspace, commit: &Oid, files: &[String], failed: &Failed) -> Verdict {
    const SHOWN_MAX: usize = 5;
    let mut shown = files.iter().take(SHOWN_MAX).map(String::as_str).collect::<Vec<_>>().join(" ");
    if files.len() > SHOWN_MAX {
        shown = format!("{shown} and {} more", files.len() - SHOWN_MAX);
    }
    let how = match (failed.timed_out, failed.exit_code) {
        (true, _) => String::from("runs into its time limit"),
        (false, Some(code)) => format!("fails with exit code {code}"),
        (false, None) => String::from("is killed"),
    };
    let why = format!(
        "it changed files that judge it and that it does not own: {shown}; `{}` passes with them, and {how} with the base's copies. \
         See `git diff {} {commit}`; if the change is right, merge it yourself, or name the files in the task's `owns`",
        failed.command, ws.base
    );
    Verdict::NeedsHuman { why, kept: Some(ws.branch.clone()) }
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
    ignore_in(&mut env, &ws.git_dir);
    env
}
