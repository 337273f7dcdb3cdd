//! What every action needs: the repository, the pool, the agents, the way back to the driver. Decides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use greenlane_core::ids::{AttemptId, RunId};
use greenlane_core::input::Input;

use super::Message;
use super::layout::{Layout, label};
use crate::agent::Registry;
use crate::config::Config;
use crate::gate::{Shell, ShellLine, ShellOutcome};
use crate::git::Repo;
use crate::keeper::{self, Cancel, Lifetime, Spec};
use crate::workspace::{Pool, Workspace};

/// What the caller has found out before a run is coordinated.
pub struct Setup {
    /// The repository.
    pub repo: Repo,
    /// `.greenlane`.
    pub state_dir: PathBuf,
    /// The pool of worktrees.
    pub pool: Pool,
    /// What is in force.
    pub config: Config,
    /// The agents that may be asked for.
    pub registry: Registry,
    /// This program, for keepers.
    pub exe: PathBuf,
    /// The user's environment.
    pub environment: BTreeMap<OsString, OsString>,
}

/// Shared by all actions of a run.
pub struct Context {
    pub(super) repo: Repo,
    pub(super) state_dir: PathBuf,
    pub(super) pool: Pool,
    pub(super) config: Config,
    pub(super) registry: Registry,
    pub(super) exe: PathBuf,
    pub(super) environment: BTreeMap<OsString, OsString>,
    pub(super) run: RunId,
    pub(super) layout: Layout,
    pub(super) socket: PathBuf,
    sender: Sender<Message>,
    gates: Mutex<BTreeSet<PathBuf>>,
    aborted: AtomicBool,
    housekeeping: Mutex<Vec<JoinHandle<()>>>,
}

/// The stack of a thread that performs an action: git is another process, nothing recurses here.
const STACK_BYTES: usize = 512 * 1024;

impl Context {
    pub(super) fn new(setup: Setup, run: RunId, socket: PathBuf, sender: Sender<Message>) -> Self {
        let Setup { repo, state_dir, pool, config, registry, exe, environment } = setup;
        Self {
            layout: Layout::new(&state_dir, &run),
            repo,
            state_dir,
            pool,
            config,
            registry,
            exe,
            environment,
            run,
            socket,
            sender,
            gates: Mutex::default(),
            aborted: AtomicBool::new(false),
            housekeeping: Mutex::default(),
        }
    }

    /// Tells the driver what was observed. After the run's end nobody listens any more, and that is well.
    pub(super) fn observed(&self, input: Input) {
        drop(self.sender.send(Message::Input(input)));
    }

    /// Tells the user what is not the core's business.
    pub(super) fn warn(&self, text: String) {
        drop(self.sender.send(Message::Warning(text)));
    }

    /// Performs an action on a thread of its own. Where no thread can be had, right here: late is better than never.
    pub(super) fn perform(name: &str, job: impl FnOnce() + Send + 'static) {
        let job = std::sync::Arc::new(Mutex::new(Some(job)));
        let on_thread = std::sync::Arc::clone(&job);
        let take = |slot: &Mutex<Option<_>>| slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        let spawned = std::thread::Builder::new().name(name.into()).stack_size(STACK_BYTES).spawn(move || {
            if let Some(job) = take(&on_thread) {
                job();
            }
        });
        if spawned.is_err()
            && let Some(job) = job.lock().unwrap_or_else(PoisonError::into_inner).take()
        {
            job();
        }
    }

    /// As [`Context::perform`], for what the end of the run has to wait for.
    pub(super) fn keep_house(&self, job: impl FnOnce() + Send + 'static) {
        let mut jobs = self.housekeeping.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.retain(|j| !j.is_finished());
        match std::thread::Builder::new().name("housekeeping".into()).stack_size(STACK_BYTES).spawn(job) {
            Ok(handle) => jobs.push(handle),
            Err(e) => self.warn(format!("a worktree could not be looked after: {e}")),
        }
    }

    pub(super) fn join_housekeeping(&self) {
        let jobs = std::mem::take(&mut *self.housekeeping.lock().unwrap_or_else(PoisonError::into_inner));
        for job in jobs {
            drop(job.join());
        }
    }

    /// The worktree in which an attempt works or worked.
    pub(super) fn workspace(&self, attempt: &AttemptId) -> Option<Workspace> {
        let prepared = self.layout.workspace_of(attempt)?;
        Some(Workspace { path: prepared.path, git_dir: prepared.git_dir, branch: prepared.branch, base: prepared.base, reused: true })
    }

    /// The environment of commands: the user's, what tells them where they are, and the bounds for git's search upwards.
    pub(super) fn command_environment(&self, extra: &BTreeMap<String, String>) -> BTreeMap<OsString, OsString> {
        let mut environment = self.environment.clone();
        environment.retain(|name, _| !name.to_string_lossy().starts_with("GREENLANE_"));
        environment.insert("GIT_CEILING_DIRECTORIES".into(), self.pool.dir().as_os_str().to_owned());
        environment.extend(extra.iter().map(|(k, v)| (k.into(), v.into())));
        environment
    }

    /// The same for an attempt, with the variables by which it finds its coordinator.
    pub(super) fn attempt_variables(&self, attempt: &AttemptId) -> [(OsString, OsString); 5] {
        [
            ("GREENLANE_RUN".into(), self.run.as_str().into()),
            ("GREENLANE_TASK".into(), attempt.key.to_string().into()),
            ("GREENLANE_ATTEMPT".into(), label(&self.run, attempt).into()),
            ("GREENLANE_SOCKET".into(), self.socket.as_os_str().to_owned()),
            ("GIT_CEILING_DIRECTORIES".into(), self.pool.dir().as_os_str().to_owned()),
        ]
    }

    /// Ends every check, suite and hook that runs, and lets no further one start.
    pub(super) fn abort_gates(&self) {
        self.aborted.store(true, Ordering::SeqCst);
        let running = self.gates.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for dir in running {
            drop(keeper::cancel(&dir, Cancel::Kill));
        }
    }
}

/// Runs checks, suites and hooks under a keeper that dies with us, so that nothing of them is left behind.
impl Shell for Context {
    fn run(&self, line: &ShellLine<'_>) -> io::Result<ShellOutcome> {
        let dir = line.log.to_owned();
        std::fs::create_dir_all(&dir)?;
        self.gates.lock().unwrap_or_else(PoisonError::into_inner).insert(dir.clone());
        let result = if self.aborted.load(Ordering::SeqCst) {
            Err(io::Error::new(io::ErrorKind::Interrupted, "the run is being stopped"))
        } else {
            self.run_kept(line, &dir)
        };
        self.gates.lock().unwrap_or_else(PoisonError::into_inner).remove(&dir);
        result
    }
}

impl Context {
    fn run_kept(&self, line: &ShellLine<'_>, dir: &Path) -> io::Result<ShellOutcome> {
        use greenlane_core::attempt::Exit;
        let spec = Spec {
            label: line.label.to_owned(),
            argv: ["sh", "-c", line.command].map(str::to_owned).to_vec(),
            cwd: line.cwd.to_owned(),
            stdin: None,
            timeout: Some(line.timeout),
            stall_timeout: None,
            grace: self.config.run.grace.min(Duration::from_secs(5)),
            output_bytes_max: self.config.output.bytes_max,
            reader: None,
            lifetime: Lifetime::WithParent,
            heartbeat: HEARTBEAT,
        };
        let mut environment = self.command_environment(&BTreeMap::new());
        environment.extend(line.env.iter().map(|(k, v)| (k.clone(), v.clone())));
        let record = keeper::run_supervised(&self.exe, dir, &spec, &environment)?;
        let mut tail = record.stdout_tail;
        if !record.stderr_tail.is_empty() {
            if !tail.is_empty() {
                tail.push('\n');
            }
            tail.push_str(&record.stderr_tail);
        }
        let (exit_code, signal, timed_out) = match record.exit {
            Exit::Code { code } => (Some(code), None, false),
            Exit::Signal { signal } => (None, Some(signal), false),
            Exit::TimedOut | Exit::Stalled => (None, None, true),
            Exit::Cancelled => return Err(io::Error::new(io::ErrorKind::Interrupted, "ended because the run is being stopped")),
            Exit::FailedToStart { message } => return Err(io::Error::other(message)),
        };
        Ok(ShellOutcome { exit_code, signal, timed_out, output_tail: tail })
    }
}

/// The contract's heartbeat interval.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(30);
