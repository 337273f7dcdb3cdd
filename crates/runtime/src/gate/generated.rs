//! Files that are made, not written: lock files, and what the plan names. Every task may touch them; on conflict they are
//! made anew. Knows which command makes which.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use globset::GlobSet;
use greenlane_core::ids::{Oid, RunId};

use super::judge::fenced;
use super::ownership::{OwnershipError, glob_set};
use crate::git::{GitError, Repo, changes, with_paths};
use crate::workspace::{Pool, Release, ShellLine, Workspace, WorkspaceError};

/// Lock files by name, and the command that makes them fit the manifest beside them. Run in their directory.
const BUILT_IN: &[(&str, &str)] = &[
    ("Cargo.lock", "cargo metadata --format-version 1 --offline >/dev/null 2>&1 || cargo metadata --format-version 1 >/dev/null"),
    ("package-lock.json", "npm install --package-lock-only --ignore-scripts --no-audit --no-fund"),
    ("npm-shrinkwrap.json", "npm install --package-lock-only --ignore-scripts --no-audit --no-fund"),
    ("yarn.lock", "yarn install --mode update-lockfile 2>/dev/null || yarn install --ignore-scripts --non-interactive"),
    ("pnpm-lock.yaml", "pnpm install --lockfile-only --ignore-scripts"),
    ("bun.lock", "bun install --lockfile-only"),
    ("poetry.lock", "poetry lock --no-update 2>/dev/null || poetry lock"),
    ("uv.lock", "uv lock"),
    ("Pipfile.lock", "pipenv lock"),
    ("go.sum", "go mod tidy"),
    ("Gemfile.lock", "bundle lock"),
    ("composer.lock", "composer update --lock --no-install --no-interaction"),
    ("mix.lock", "mix deps.get"),
    ("flake.lock", "nix flake lock"),
    ("gradle.lockfile", "./gradlew dependencies --write-locks"),
];

/// The generated files of a plan, with those that are known everywhere.
#[derive(Clone, Debug)]
pub struct Generated {
    plan: Vec<(GlobSet, String)>,
}

impl Generated {
    /// Reads the plan's `generated`: path or glob, and the command that makes it, run at the top.
    ///
    /// # Errors
    /// If one is not a glob.
    pub fn new(plan: &BTreeMap<String, String>) -> Result<Self, OwnershipError> {
        let read = |(glob, command): (&String, &String)| Ok((glob_set(std::iter::once(glob.as_str()))?, command.clone()));
        Ok(Self { plan: plan.iter().map(read).collect::<Result<_, OwnershipError>>()? })
    }

    /// Is this path generated?
    #[must_use]
    pub fn allows(&self, path: &str) -> bool {
        self.command(path).is_some()
    }

    /// The directory and the command that make this path.
    fn command(&self, path: &str) -> Option<(PathBuf, &str)> {
        if let Some((_, command)) = self.plan.iter().find(|(globs, _)| globs.is_match(path)) {
            return Some((PathBuf::new(), command));
        }
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
        BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, command)| (PathBuf::from(dir), *command))
    }
}

/// With what generated files are made anew.
pub struct Remake<'a> {
    /// Gives the worktree.
    pub pool: &'a Pool,
    /// The run.
    pub run: &'a RunId,
    /// The plan's slug.
    pub slug: &'a str,
    /// Which files, and how.
    pub generated: &'a Generated,
    /// The limit of each command.
    pub timeout: Duration,
    /// Their environment.
    pub env: &'a BTreeMap<OsString, OsString>,
    /// `generated.log` goes here.
    pub log_dir: PathBuf,
}

impl Remake<'_> {
    /// Resolves a conflict that touches generated files only: takes `ours` for them and makes them anew from everything
    /// else. `None`: other files conflict too, or a command did not pass.
    pub(super) fn resolve(&self, tree: &Oid, files: &[String], ours: &Oid) -> Result<Option<Oid>, WorkspaceError> {
        let repo = self.pool.repo();
        let commands: Option<Vec<_>> = files.iter().map(|f| self.generated.command(f)).collect();
        let Some(mut commands) = commands.filter(|c| !c.is_empty()) else { return Ok(None) };
        commands.sort();
        commands.dedup();
        let all = changes(repo.objects(), tree, &repo.tree_of(ours)?)?;
        // Their sides with conflict markers make way for the branch's, or for nothing where the branch has none.
        let sides = files
            .iter()
            .map(|f| (f.clone(), None))
            .chain(all.iter().filter(|c| files.contains(&c.path)).map(|c| (c.path.clone(), c.new_mode.zip(c.new.clone()))));
        let start = with_paths(repo.objects(), repo.writer(), tree, &sides.collect())?;
        let commit = repo.write_commit(&start, std::slice::from_ref(ours), "Before generated files are made anew")?;
        let ws = self.pool.prepare_verify(self.run, self.slug, &commit, &self.log_dir)?;
        let made = self.make(repo, &ws, &start, &commands);
        self.pool.release(&ws, Release::Landed)?;
        Ok(made?)
    }

    fn make(&self, repo: &Repo, ws: &Workspace, start: &Oid, commands: &[(PathBuf, &str)]) -> Result<Option<Oid>, GitError> {
        for (dir, command) in commands {
            let line = ShellLine {
                command: (*command).to_owned(),
                cwd: ws.path.join(dir),
                env: fenced(self.env, ws),
                timeout: self.timeout,
                log: self.log_dir.join("generated.log"),
                label: format!("generated {}", self.slug),
            };
            if !self.pool.shell().run(&line).is_ok_and(|o| o.passed()) {
                return Ok(None);
            }
        }
        let git = ws.git(repo);
        git.run(&["add", "-A"])?;
        let tree = Oid::from(git.run(&["write-tree"])?.text());
        ws.set_index_at(None);
        // Only what is generated is taken over; a command that writes elsewhere does not get its way.
        let made = changes(repo.objects(), start, &tree)?;
        let taken = made.into_iter().filter(|c| self.generated.allows(&c.path)).map(|c| (c.path, c.new_mode.zip(c.new)));
        with_paths(repo.objects(), repo.writer(), start, &taken.collect()).map(Some)
    }
}
