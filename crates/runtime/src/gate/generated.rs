//! Files that are made, not written: lock files, and what the plan names. Every task may touch them; on conflict they are
//! made anew. Knows which command makes which.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use globset::GlobSet;
use greenlane_core::attempt::NotRemade;
use greenlane_core::ids::{Oid, RunId};

use super::judge::fenced;
use super::ownership::{OwnershipError, glob_set};
use crate::git::{Change, GitError, Repo, changes, with_paths};
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
        self.maker(path).is_some()
    }

    /// What makes this path.
    fn maker(&self, path: &str) -> Option<Maker<'_>> {
        if let Some((globs, command)) = self.plan.iter().find(|(globs, _)| globs.is_match(path)) {
            return Some(Maker { dir: PathBuf::new(), command, globs: Some(globs) });
        }
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
        let (_, command) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
        Some(Maker { dir: PathBuf::from(dir), command, globs: None })
    }
}

/// A command that makes files.
struct Maker<'a> {
    /// Where it is run, from the top.
    dir: PathBuf,
    command: &'a str,
    /// What the plan says that it makes; `None`: one of those that are known everywhere, for the file of its name.
    globs: Option<&'a GlobSet>,
}

/// A maker, and those of the files in conflict that it is to make.
struct Job<'a> {
    maker: Maker<'a>,
    files: Vec<&'a str>,
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
    /// else. `None`: other files conflict too. `Err`: a command did not make them.
    pub(super) fn resolve(&self, tree: &Oid, files: &[String], ours: &Oid) -> Result<Option<Result<Oid, NotRemade>>, WorkspaceError> {
        let repo = self.pool.repo();
        let mut jobs: BTreeMap<(PathBuf, &str), Job<'_>> = BTreeMap::new();
        for file in files {
            let Some(maker) = self.generated.maker(file) else { return Ok(None) };
            let key = (maker.dir.clone(), maker.command);
            jobs.entry(key).or_insert_with(|| Job { maker, files: Vec::new() }).files.push(file);
        }
        if jobs.is_empty() {
            return Ok(None);
        }
        let all = changes(repo.objects(), tree, &repo.tree_of(ours)?)?;
        // Their sides with conflict markers make way for the branch's, or for nothing where the branch has none.
        let sides = files
            .iter()
            .map(|f| (f.clone(), None))
            .chain(all.iter().filter(|c| files.contains(&c.path)).map(|c| (c.path.clone(), c.new_mode.zip(c.new.clone()))));
        let start = with_paths(repo.objects(), repo.writer(), tree, &sides.collect())?;
        let commit = repo.write_commit(&start, std::slice::from_ref(ours), "Before generated files are made anew")?;
        let ws = self.pool.prepare_verify(self.run, self.slug, &commit, &self.log_dir)?;
        let jobs: Vec<Job<'_>> = jobs.into_values().collect();
        let made = self.make(repo, &ws, &start, &jobs);
        self.pool.release(&ws, Release::Landed)?;
        Ok(Some(made?))
    }

    fn make(&self, repo: &Repo, ws: &Workspace, start: &Oid, jobs: &[Job<'_>]) -> Result<Result<Oid, NotRemade>, GitError> {
        for job in jobs {
            if let Err(failed) = self.run(ws, job) {
                return Ok(Err(failed));
            }
        }
        let git = ws.git(repo);
        git.run(&["add", "-A"])?;
        let tree = Oid::from(git.run(&["write-tree"])?.text());
        ws.set_index_at(None);
        let made = changes(repo.objects(), start, &tree)?;
        for job in jobs {
            if let Some(missing) = self.missing(repo, ws, job, &made)? {
                return Ok(Err(self.refused(job, format!("did not make {missing}"))));
            }
        }
        // Only what is generated is taken over; a command that writes elsewhere does not get its way.
        let taken = made.into_iter().filter(|c| self.generated.allows(&c.path)).map(|c| (c.path, c.new_mode.zip(c.new)));
        with_paths(repo.objects(), repo.writer(), start, &taken.collect()).map(Ok)
    }

    fn run(&self, ws: &Workspace, job: &Job<'_>) -> Result<(), NotRemade> {
        let line = ShellLine {
            command: job.maker.command.to_owned(),
            cwd: ws.path.join(&job.maker.dir),
            env: fenced(self.env, ws),
            timeout: self.timeout,
            log: self.log(),
            label: format!("generated {}", self.slug),
        };
        let why = match self.pool.shell().run(&line) {
            Ok(outcome) if outcome.passed() => return Ok(()),
            Ok(outcome) if outcome.timed_out => String::from("ran into its time limit"),
            Ok(outcome) => match (outcome.exit_code, outcome.signal) {
                (Some(code), _) => format!("failed with exit code {code}"),
                (None, Some(signal)) => format!("was ended by signal {signal}"),
                (None, None) => String::from("was killed"),
            },
            Err(error) => format!("could not be run: {error}"),
        };
        Err(self.refused(job, why))
    }

    /// What a command that passed was to make and did not. Known commands are taken at their word as long as the file is there.
    fn missing(&self, repo: &Repo, ws: &Workspace, job: &Job<'_>, made: &[Change]) -> Result<Option<String>, GitError> {
        let is_there = |file: &&str| ws.path.join(file).symlink_metadata().is_ok();
        let named = || Some(job.files.join(", "));
        let Some(globs) = job.maker.globs else {
            return Ok(if job.files.iter().all(is_there) { None } else { named() });
        };
        if !job.files.iter().any(is_there) {
            // Where names change with what is built, others have come instead.
            let all = ws.git(repo).run(&["ls-files", "-z"])?;
            let others = all.fields().any(|path| globs.is_match(path));
            return Ok(if others { None } else { named() });
        }
        if job.files.iter().any(|f| made.iter().any(|c| c.path == *f)) {
            return Ok(None);
        }
        // It left the branch's as it was: because that is right, or because it makes something else. Without the file it shows.
        for file in &job.files {
            // A file that cannot be taken away is there afterwards: then the command has the benefit of the doubt.
            drop(std::fs::remove_file(ws.path.join(file)));
        }
        let again = self.run(ws, job);
        Ok(if again.is_err() || job.files.iter().any(is_there) { None } else { named() })
    }

    fn refused(&self, job: &Job<'_>, why: String) -> NotRemade {
        NotRemade { command: job.maker.command.to_owned(), why, log: self.log().display().to_string() }
    }

    fn log(&self) -> PathBuf {
        self.log_dir.join("generated.log")
    }
}
