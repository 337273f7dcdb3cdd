//! What every action needs: the repository, the pool, the agents, the way back to the driver. Decides nothing.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use greenlane_core::ids::{AttemptId, RunId, TaskKey};
use greenlane_core::input::Input;
use greenlane_core::prompt::Templates;
use greenlane_core::room::Room;

use super::Message;
use super::layout::{Layout, label};
use super::quota::Quotas;
use super::shell::KeptShell;
use crate::accounts::Accounts;
use crate::agent::Registry;
use crate::config::Config;
use crate::git::Repo;
use crate::lessons::Teacher;
use crate::room;
use crate::tamper::Watch;
use crate::tracker::{Place, Trackers};
use crate::workspace::{Pool, PoolSettings, Shell, ShellLine, ShellOutcome, Workspace, WorkspaceError, ports};

/// What the caller has found out before a run is coordinated.
pub struct Setup {
    /// The repository.
    pub repo: Repo,
    /// `.greenlane`.
    pub state_dir: PathBuf,
    /// Where the pool of worktrees lies.
    pub pool_dir: PathBuf,
    /// What is in force.
    pub config: Config,
    /// The agents that may be asked for.
    pub registry: Registry,
    /// This program, for keepers.
    pub exe: PathBuf,
    /// The user's environment.
    pub environment: BTreeMap<OsString, OsString>,
    /// What prompts are made of.
    pub templates: Templates,
    /// The program whose verb `mcp` gives agents their tools, by a path that holds for other processes; `None`: they get none.
    pub tools: Option<PathBuf>,
}

/// Shared by all actions of a run.
pub struct Context {
    pub(super) repo: Repo,
    pub(super) state_dir: PathBuf,
    pub(super) pool: Pool,
    pub(super) config: Config,
    pub(super) registry: Registry,
    pub(super) templates: Templates,
    pub(super) tools: Option<PathBuf>,
    pub(super) exe: PathBuf,
    pub(super) environment: BTreeMap<OsString, OsString>,
    pub(super) run: RunId,
    pub(super) layout: Layout,
    pub(super) watch: Watch,
    pub(super) socket: PathBuf,
    pub(super) quotas: Quotas,
    pub(super) trackers: Arc<Trackers>,
    /// `None`: agents are not to be told of earlier failures.
    pub(super) teacher: Option<Teacher>,
    /// Attempts are being looked at.
    pub(super) looking: AtomicBool,
    sender: Sender<Message>,
    /// By task, and not by path: a worktree that one task let go is another's in the next moment.
    workspaces: Mutex<BTreeMap<TaskKey, Workspace>>,
    shell: Arc<KeptShell>,
    tasks: Mutex<BTreeMap<TaskKey, VecDeque<Job>>>,
    tasks_idle: Condvar,
}

type Job = Box<dyn FnOnce(&Arc<Context>) + Send>;

/// The stack of a thread that performs an action: git is another process, nothing recurses here.
const STACK_BYTES: usize = 512 * 1024;

impl Context {
    pub(super) fn new(setup: Setup, run: RunId, socket: PathBuf, sender: Sender<Message>) -> Result<Self, WorkspaceError> {
        let Setup { repo, state_dir, pool_dir, config, registry, exe, environment, templates, tools } = setup;
        let layout = Layout::new(&state_dir, &run);
        let shell = Arc::new(KeptShell::new(&exe, layout.run_dir().join("shell"), config.run.grace, config.output.bytes_max));
        let settings = PoolSettings {
            keep_failed: usize::try_from(config.workspace.keep_failed).unwrap_or(usize::MAX),
            setup: config.workspace.setup.clone(),
            setup_timeout: config.workspace.setup_timeout,
            env: without_our_own(&environment),
        };
        let pool = Pool::open(&repo, pool_dir, settings, Arc::clone(&shell) as Arc<dyn Shell>)?;
        let teacher = config.learning.lessons.then(|| Teacher::new(state_dir.clone()));
        let watch = Watch::new(&repo, pool.dir(), &layout.copies_dir());
        let trackers = Arc::new(Trackers::of(&Place::of(&repo, &state_dir, &environment, &config.tracker)));
        let quotas = Quotas::new(Accounts::of_user(&environment));
        Ok(Self {
            layout,
            quotas,
            trackers,
            watch,
            teacher,
            repo,
            state_dir,
            pool,
            config,
            registry,
            templates,
            tools,
            exe,
            environment,
            run,
            socket,
            looking: AtomicBool::new(false),
            sender,
            workspaces: Mutex::default(),
            shell,
            tasks: Mutex::default(),
            tasks_idle: Condvar::new(),
        })
    }

    /// Tells the driver what was observed. After the run's end nobody listens any more, and that is well.
    pub(super) fn observed(&self, input: Input) {
        drop(self.sender.send(Message::Input(Box::new(input))));
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

    /// Performs what touches a task's worktree: one job after another, in the order in which they were asked for.
    pub(super) fn perform_for(self: &Arc<Self>, key: &TaskKey, job: impl FnOnce(&Arc<Self>) + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = tasks.get_mut(key) {
            queue.push_back(Box::new(job));
            return;
        }
        // An entry, even an empty one, says that a thread is at work for this task.
        tasks.insert(key.clone(), VecDeque::from([Box::new(job) as Job]));
        drop(tasks);
        let (context, key) = (Arc::clone(self), key.clone());
        Self::perform("task", move || context.work_off(&key));
    }

    /// The same, if there is anything to be done: a resume asks for the worktree of every task that ever ended, and hardly any is left.
    pub(super) fn perform_if_held(self: &Arc<Self>, attempt: &AttemptId, job: impl FnOnce(&Arc<Self>) + Send + 'static) {
        let key = &attempt.key;
        let at_work = self.tasks.lock().unwrap_or_else(PoisonError::into_inner).contains_key(key);
        let at_hand = || self.workspaces.lock().unwrap_or_else(PoisonError::into_inner).contains_key(key);
        let busy = || self.layout.workspace_of(attempt).is_some_and(|w| self.pool.is_busy_for(&w.path, &self.run, key));
        if at_work || at_hand() || busy() {
            self.perform_for(key, job);
        }
    }

    fn work_off(self: &Arc<Self>, key: &TaskKey) {
        loop {
            let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
            match tasks.get_mut(key).and_then(VecDeque::pop_front) {
                Some(job) => {
                    drop(tasks);
                    job(self);
                }
                None => {
                    tasks.remove(key);
                    self.tasks_idle.notify_all();
                    return;
                }
            }
        }
    }

    /// Tells the driver once everything that was asked for has been done to the worktrees.
    pub(super) fn tell_when_idle(self: &Arc<Self>) {
        let context = Arc::clone(self);
        Self::perform("idle", move || {
            let mut tasks = context.tasks.lock().unwrap_or_else(PoisonError::into_inner);
            while !tasks.is_empty() {
                tasks = context.tasks_idle.wait(tasks).unwrap_or_else(PoisonError::into_inner);
            }
            drop(context.sender.send(Message::TasksDone));
        });
    }

    /// How much room there is where worktrees and the state lie.
    pub(super) fn room(&self) -> Room {
        room::read(&[self.pool.dir(), &self.state_dir])
    }

    /// Keeps a worktree at hand while its task needs it.
    pub(super) fn hold(&self, key: &TaskKey, workspace: &Workspace) {
        self.workspaces.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), workspace.clone());
    }

    /// Lets go of it.
    pub(super) fn let_go(&self, key: &TaskKey) {
        self.workspaces.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// The worktree in which an attempt works or worked, as long as its task holds it.
    pub(super) fn workspace(&self, attempt: &AttemptId) -> Result<Workspace, String> {
        let unknown = || String::from("it is not known in which worktree it worked");
        let prepared = self.layout.workspace_of(attempt).ok_or_else(unknown)?;
        let held = self.workspaces.lock().unwrap_or_else(PoisonError::into_inner).get(&attempt.key).cloned();
        if let Some(held) = held.filter(|h| h.path == prepared.path) {
            return Ok(held);
        }
        // After a resume: the pool knows from its marks who holds what.
        let workspace = self.pool.reopen_own(&prepared.path, &self.run, &attempt.key).map_err(|e| e.to_string())?;
        self.hold(&attempt.key, &workspace);
        Ok(workspace)
    }

    /// The environment of commands: the user's, what tells them where they are, and the bounds for git's search upwards.
    pub(super) fn command_environment(&self, extra: &BTreeMap<String, String>) -> BTreeMap<OsString, OsString> {
        let mut environment = without_our_own(&self.environment);
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

    /// Where traces are sent: what makes the spans of an agent that traces itself part of its attempt's.
    pub(super) fn trace_of(&self, attempt: &AttemptId) -> Option<(OsString, OsString)> {
        let parent = crate::telemetry::traceparent(&self.state_dir, &self.run, attempt, &self.config.telemetry, &self.environment)?;
        Some(("TRACEPARENT".into(), parent.into()))
    }

    /// The first of the ports of this worktree, where ports are set aside.
    pub(super) fn port_of(&self, worktree: &Path) -> Option<(OsString, OsString)> {
        let port = ports::first(self.config.workspace.port_base?, worktree)?;
        Some(("GREENLANE_PORT".into(), port.to_string().into()))
    }

    /// Runs a line under a keeper that dies with us.
    pub(super) fn run_line(&self, line: &ShellLine) -> io::Result<ShellOutcome> {
        self.shell.run(line)
    }

    /// Ends the lines with this label that run.
    pub(super) fn end_lines(&self, label: &str) {
        self.shell.end(label);
    }

    /// Ends every check, suite and hook that runs, and lets no further one start.
    pub(super) fn abort_gates(&self) {
        self.shell.abort();
    }

    /// The same, and waits until they are gone.
    pub(super) fn end_gates(&self) {
        self.shell.abort_and_wait();
    }

    /// Ends what an earlier coordinator of this run has left of them.
    pub(super) fn end_gates_left_over(&self) {
        self.shell.end_left_over();
    }
}

/// The contract's heartbeat interval.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(30);

/// The user's environment without the variables by which processes find a coordinator: Greenlane may itself be started by an agent.
fn without_our_own(environment: &BTreeMap<OsString, OsString>) -> BTreeMap<OsString, OsString> {
    environment.iter().filter(|(name, _)| !name.to_string_lossy().starts_with("GREENLANE_")).map(|(n, v)| (n.clone(), v.clone())).collect()
}
