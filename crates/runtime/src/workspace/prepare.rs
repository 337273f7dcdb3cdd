//! Makes a worktree what an attempt begins with: the files of a commit, nothing of an earlier user but ignored files.
//! Knows nothing of who may have which worktree.
//!
//! Approach: one `git checkout -f -B` with the private index writes what differs from the last commit that this worktree
//! held, whatever became of the files since; then that index is copied over the agent's. Everything else happens only
//! where there is a reason for it: submodules, files left by checks, set-up.

use std::fs;
use std::path::Path;

use greenlane_core::ids::Oid;
use sha2::{Digest as _, Sha256};

use super::error::{WorkspaceError, at};
use super::include::copy_included;
use super::made;
use super::pool::Pool;
use super::request::{Workspace, private_index};
use super::shell::ShellLine;
use super::submodule;
use crate::git::{lock, residue};

/// Above this many bytes the main index stands for a tree that is worth several checkout workers (about 2,000 files).
const INDEX_BYTES_LARGE: u64 = 200_000;

/// Files at the top of a tree whose change means that dependencies changed.
const DEPENDENCY_FILES: &[&str] = &[
    "Cargo.lock",
    "Gemfile.lock",
    "bun.lock",
    "composer.lock",
    "deno.lock",
    "go.sum",
    "mix.lock",
    "package-lock.json",
    "package.json",
    "pnpm-lock.yaml",
    "poetry.lock",
    "pyproject.toml",
    "requirements.txt",
    "uv.lock",
    "yarn.lock",
];

/// What is to be checked out.
pub(super) enum Head<'a> {
    /// A branch, created or moved to the commit.
    Branch(&'a str),
    /// No branch.
    Detached,
}

impl Pool {
    /// Adds a worktree without files, and returns its git-dir.
    pub(super) fn add_worktree(&self, path: &Path, base: &Oid) -> Result<std::path::PathBuf, WorkspaceError> {
        let guard = self.repo().common_dir().join("greenlane/worktrees.lock");
        // `git worktree add` beside another of its kind fails now and then; another run, or a verb, may add as well.
        let held = lock(&guard).map_err(at(&guard))?;
        let text = path.to_str().ok_or_else(|| WorkspaceError::NotInPool(path.to_owned()))?;
        // Forced: a worktree whose directory somebody removed may still be registered under this path.
        self.repo().git().run(&["worktree", "add", "-f", "--no-checkout", "--detach", text, base.as_str()])?;
        drop(held);
        residue::linked_git_dir(path).ok_or_else(|| WorkspaceError::LostIdentity(path.to_owned()))
    }

    /// Writes the files of a commit. `clean`: untracked files are taken away too.
    pub(super) fn check_out(&self, ws: &Workspace, commit: &Oid, head: &Head<'_>, clean: bool) -> Result<(), WorkspaceError> {
        let repo = self.repo();
        residue::clear(&ws.git_dir).map_err(at(&ws.git_dir))?;
        let ours = private_index(&ws.git_dir);
        drop(fs::remove_file(ours.with_extension("index.lock")));
        let known = ours.is_file();
        let mut git = ws.git(repo);
        if !ws.reused && fs::metadata(repo.common_dir().join("index")).is_ok_and(|m| m.len() > INDEX_BYTES_LARGE) {
            let workers = std::thread::available_parallelism().map_or(1, usize::from).min(8);
            git = git.with_setting(format!("checkout.workers={workers}"));
        }
        let mut args = vec!["checkout", "-q", "-f", "--ignore-other-worktrees"];
        match head {
            Head::Branch(branch) => args.extend(["--no-track", "-B", branch]),
            Head::Detached => args.push("--detach"),
        }
        args.push(commit.as_str());
        ws.set_index_at(None);
        let mut doubtful = !known && ws.reused;
        if let Err(error) = git.run(&args) {
            if !ws.reused {
                return Err(error.into());
            }
            // The private index may be damaged; without it everything is written anew. Or ignored files, which otherwise stay, lie
            // where the commit has others.
            drop(fs::remove_file(&ours));
            git.run(&args).or_else(|_| git.run(&["clean", "-ffdqx"]).and_then(|_| git.run(&args)))?;
            doubtful = true;
        }
        let submodules = submodule::are_in(repo, commit)?;
        let had_submodules = ws.git_dir.join("modules").is_dir();
        if clean || doubtful || had_submodules {
            self.clean(ws)?;
        }
        if submodules {
            submodule::update(repo, ws, commit)?;
        }
        ws.set_index_at(Some(commit.clone()));
        self.show_index(ws)
    }

    /// Takes untracked files away, ignored ones not.
    pub(super) fn clean(&self, ws: &Workspace) -> Result<(), WorkspaceError> {
        ws.git(self.repo()).run(&["clean", "-ffdq"])?;
        Ok(())
    }

    /// Takes away what matches one of these patterns of git's, neither tracked nor ignored.
    ///
    /// # Errors
    /// If git fails.
    pub fn sweep(&self, ws: &Workspace, patterns: &[String]) -> Result<(), WorkspaceError> {
        if !patterns.is_empty() {
            let patterns = patterns.iter().map(|p| format!(":(top,glob){p}"));
            let words: Vec<String> = ["clean", "-ffdq", "--"].into_iter().map(String::from).chain(patterns).collect();
            ws.git(self.repo()).run(&words.iter().map(String::as_str).collect::<Vec<_>>())?;
        }
        Ok(())
    }

    /// Gives the agent the index as Greenlane has it.
    fn show_index(&self, ws: &Workspace) -> Result<(), WorkspaceError> {
        let theirs = ws.git_dir.join("index");
        fs::copy(private_index(&ws.git_dir), &theirs).map(drop).map_err(at(&theirs))
    }

    /// Copies included files, and runs set-up if it has not run for this; returns what it has run for.
    pub(super) fn furnish(
        &self,
        ws: &Workspace,
        commit: &Oid,
        set_up_for: &str,
        log_dir: &Path,
        slug: &str,
    ) -> Result<String, WorkspaceError> {
        copy_included(self.repo(), &ws.path)?;
        let settings = self.settings();
        if settings.setup.is_empty() {
            if made::is_any(&ws.git_dir) {
                made::forget(&ws.git_dir)?;
                self.clean(ws)?;
            }
            return Ok(String::new());
        }
        let wanted = self.set_up_key(commit)?;
        if wanted == set_up_for {
            return Ok(wanted);
        }
        for command in &settings.setup {
            let line = ShellLine {
                command: command.clone(),
                cwd: ws.path.clone(),
                env: settings.env.clone(),
                timeout: settings.setup_timeout,
                log: log_dir.join("setup.log"),
                label: format!("setup {slug}"),
            };
            let outcome = self.shell().run(&line).map_err(at(&ws.path))?;
            if !outcome.passed() {
                let (exit_code, timed_out, output) = (outcome.exit_code, outcome.timed_out, outcome.output_tail);
                return Err(WorkspaceError::Setup { command: command.clone(), exit_code, timed_out, output, log: line.log });
            }
        }
        // What set-up changed in tracked files, or left untracked, would pass for the agent's work: the one is undone, the other ignored.
        made::forget(&ws.git_dir)?;
        ws.git(self.repo()).run(&["read-tree", "--reset", "-u", commit.as_str()])?;
        made::note(&ws.git(self.repo()), &ws.git_dir, &settings.env)?;
        self.show_index(ws)?;
        Ok(wanted)
    }

    fn set_up_key(&self, commit: &Oid) -> Result<String, WorkspaceError> {
        let mut digest = Sha256::new();
        // Before this, what it left untracked was taken away again.
        digest.update(b"untracked files stay\0");
        for command in &self.settings().setup {
            digest.update(command.as_bytes());
            digest.update([0]);
        }
        for entry in self.repo().objects().tree(&self.repo().tree_of(commit)?)? {
            if DEPENDENCY_FILES.iter().any(|f| f.as_bytes() == entry.name) {
                digest.update(&entry.name);
                digest.update(entry.oid.as_str().as_bytes());
            }
        }
        Ok(digest.finalize().iter().map(|b| format!("{b:02x}")).collect())
    }
}
