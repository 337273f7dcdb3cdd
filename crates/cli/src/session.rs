//! Opens what verbs look at: the repository of the directory, its journal, a run in it, the coordinator if one lives.
//! Changes nothing and formats nothing.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use greenlane_core::ids::RunId;
use greenlane_core::state::State;
use greenlane_core::time::Time;
use greenlane_core::view::{self, Coordinator, Status};
use greenlane_runtime::clock;
use greenlane_runtime::config::Config;
use greenlane_runtime::control::{Answer, Client, ControlError, Say, socket_path};
use greenlane_runtime::driver::Layout;
use greenlane_runtime::git::{GitError, Repo, RepoError};
use greenlane_runtime::journal::{Journal, JournalError};
use greenlane_runtime::lock::{Lock, LockError};
use greenlane_runtime::workspace::{Pool, PoolSettings, Shell, ShellLine, ShellOutcome, pool_dir, worktrees_dir};

use crate::context::Context;
use crate::error::{Error, HINT_DISK_FULL, Kind};
use crate::live;

/// From taking the lock to listening on the socket it takes a coordinator milliseconds; on a busy machine no longer than this.
const START_MAX: Duration = Duration::from_secs(5);
const START_POLL: Duration = Duration::from_millis(20);

/// Most runs among which a name is looked up, or which are listed.
pub const RUNS_MAX: u32 = 100_000;

/// A repository, seen from a verb.
pub struct Session {
    /// The repository.
    pub repo: Repo,
    /// `.greenlane` in its main checkout.
    pub state_dir: PathBuf,
}

/// One run of the journal, replayed.
pub struct Opened {
    /// Its id.
    pub run: RunId,
    /// Where it stands.
    pub state: State,
    /// The number of its last event.
    pub last_seq: u64,
    /// Whether somebody is at work on it.
    pub coordinator: Coordinator,
    /// Where its files lie.
    pub layout: Layout,
}

impl Session {
    /// Finds the repository of the directory that the verb stands in.
    ///
    /// # Errors
    /// Exit code 3 where there is none, or git is too old.
    pub fn open(context: &Context) -> Result<Self, Error> {
        let repo = Repo::discover(&context.directory)?;
        let state_dir = repo.state_dir().to_owned();
        Ok(Self { repo, state_dir })
    }

    /// The journal.
    ///
    /// # Errors
    /// Exit code 2 where nothing ever ran.
    pub fn journal(&self) -> Result<Journal, Error> {
        Ok(Journal::read(&self.state_dir)?)
    }

    /// Another process coordinates in this repository.
    #[must_use]
    pub fn is_held(&self) -> bool {
        !Lock::is_ours(&self.state_dir) && Lock::is_held(&self.state_dir)
    }

    /// Connects to the coordinator; `None` where nobody holds the repository.
    ///
    /// # Errors
    /// If there is one and it cannot be reached.
    pub fn connect(&self) -> Result<Option<Client>, Error> {
        if !self.is_held() {
            return Ok(None);
        }
        let path = socket_path(&self.state_dir).map_err(|e| Error::environment(format!("no place for the control socket: {e}")))?;
        loop {
            let error = match Client::connect(&path) {
                Ok(client) => return Ok(Some(client)),
                // It ended between the two looks.
                Err(_) if !self.is_held() => return Ok(None),
                Err(e) => e,
            };
            // It has the lock before it listens: right after its start it is waited for.
            if Lock::age(&self.state_dir).is_none_or(|age| age > START_MAX) {
                return Err(Error::environment(format!(
                    "a coordinator holds this repository, and does not answer at {}: {error}",
                    path.display()
                ))
                .hint("if it was started with another XDG_RUNTIME_DIR, set the same here; before its end, try again"));
            }
            std::thread::sleep(START_POLL);
        }
    }

    /// Connects to the coordinator.
    ///
    /// # Errors
    /// Exit code 2 where there is none, with what can be done instead.
    pub fn require_coordinator(&self) -> Result<Client, Error> {
        if let Some(client) = self.connect()? {
            return Ok(client);
        }
        let error = Error::usage("nothing runs in this repository");
        let interrupted = self.open_run(None).is_ok_and(|opened| opened.is_interrupted());
        Err(error.hint(if interrupted {
            "`greenlane resume` goes on with the interrupted run"
        } else {
            "`greenlane run PLAN` starts a run"
        }))
    }

    /// The run that the living coordinator has; `None` where there is none, or it cannot be reached.
    #[must_use]
    pub fn live_run(&self) -> Option<RunId> {
        match self.connect().ok()??.say(&Say::Who) {
            Ok(Answer::Run { run, .. }) => Some(run),
            _ => None,
        }
    }

    /// The run of this name (an id, or an unmistakable beginning of one); without a name the living coordinator's, else the latest.
    ///
    /// # Errors
    /// Exit code 2 if there is no such run, or several.
    pub fn find_run(&self, journal: &Journal, name: Option<&str>) -> Result<RunId, Error> {
        let Some(name) = name else {
            if let Some(run) = self.live_run() {
                return Ok(run);
            }
            let latest = journal.runs(1)?.into_iter().next();
            return latest.map(|r| r.run).ok_or_else(nothing_ran);
        };
        let runs: Vec<RunId> = journal.runs(RUNS_MAX)?.into_iter().map(|r| r.run).collect();
        pick_run(name, &runs)
    }

    /// Replays a run; see [`Session::find_run`] for the name.
    ///
    /// # Errors
    /// If there is no such run, or the journal cannot be read.
    pub fn open_run(&self, name: Option<&str>) -> Result<Opened, Error> {
        let journal = self.journal()?;
        let run = self.find_run(&journal, name)?;
        self.load(&journal, run)
    }

    /// Replays this run.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn load(&self, journal: &Journal, run: RunId) -> Result<Opened, Error> {
        // Asked before the journal is read: a run that ends in between is then shown as ended, never as interrupted.
        let coordinator = self.coordinator_of(&run, journal);
        let (state, last_seq) = journal.load(&run)?;
        Ok(Opened { layout: Layout::new(&self.state_dir, &run), run, state, last_seq, coordinator })
    }

    /// Whether somebody is at work on this run.
    fn coordinator_of(&self, run: &RunId, journal: &Journal) -> Coordinator {
        if !self.is_held() {
            return Coordinator::Gone;
        }
        let its_run = self.live_run().or_else(|| {
            // There is one whose socket is out of reach (another XDG_RUNTIME_DIR): it is most likely on the latest run.
            journal.runs(1).ok()?.into_iter().next().map(|r| r.run)
        });
        if its_run.as_ref() == Some(run) { Coordinator::Alive } else { Coordinator::Gone }
    }
}

impl Opened {
    /// The document of `status --json` at this moment.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status_at(clock::now())
    }

    /// The same at a given time.
    #[must_use]
    pub fn status_at(&self, now: Time) -> Status {
        if self.is_interrupted() {
            return view::status_left(&self.run, &self.state, &live::left_behind(&self.layout, &self.state), now);
        }
        view::status(&self.run, &self.state, self.coordinator, now)
    }

    /// Somebody is at work on it.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.coordinator == Coordinator::Alive && self.state.is_live()
    }

    /// It has not ended, and nobody is at work on it.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.coordinator == Coordinator::Gone && self.state.is_live()
    }
}

fn pick_run(name: &str, runs: &[RunId]) -> Result<RunId, Error> {
    if let Some(exact) = runs.iter().find(|r| r.as_str() == name) {
        return Ok(exact.clone());
    }
    let found: Vec<&RunId> = runs.iter().filter(|r| !name.is_empty() && r.as_str().starts_with(name)).collect();
    match found.as_slice() {
        [only] => Ok((*only).clone()),
        [] => Err(Error::usage(format!("there is no run `{name}` in this repository")).hint("`greenlane runs` lists them")),
        many => {
            let listed: Vec<String> = many.iter().take(5).map(|r| format!("`{r}`")).collect();
            let more = if many.len() > 5 { format!(" and {} more", many.len() - 5) } else { String::new() };
            Err(Error::usage(format!("`{name}` may be {} runs: {}{more}", many.len(), listed.join(", "))).hint("give more of the id"))
        }
    }
}

fn nothing_ran() -> Error {
    Error::usage("nothing has run in this repository yet").hint("`greenlane run PLAN` starts a run; `greenlane demo` shows one on a sample")
}

/// Where a repository's worktrees lie.
///
/// # Errors
/// If not even a home is known.
pub fn worktrees_of(repo: &Repo, config: &Config, context: &Context) -> Result<PathBuf, Error> {
    let top = repo.home();
    let all = worktrees_dir(config.workspace.dir.as_deref(), top, &context.env).ok_or_else(|| {
        Error::environment("it is not known where worktrees may lie").hint("set HOME or XDG_STATE_HOME, or `dir` under [workspace]")
    })?;
    Ok(pool_dir(&all, top, repo.common_dir()))
}

/// Runs no commands.
struct NoShell;

impl Shell for NoShell {
    fn run(&self, _: &ShellLine) -> std::io::Result<ShellOutcome> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
}

/// A repository's worktrees, for verbs that look after them without preparing any.
///
/// # Errors
/// If their directory cannot be made.
pub fn idle_pool(repo: &Repo, config: &Config, context: &Context) -> Result<Pool, Error> {
    let dir = worktrees_of(repo, config, context)?;
    Pool::open(repo, dir, PoolSettings::default(), Arc::new(NoShell)).map_err(|e| Error::environment(e.to_string()))
}

/// Why the coordinator's lock could not be had: exit code 4 where another coordinator has it.
#[must_use]
pub fn held(e: LockError) -> Error {
    match e {
        LockError::Held { .. } => Error::new(Kind::Held, e.to_string())
            .hint("`greenlane status` shows what it does; `greenlane wait` waits for its end, `greenlane stop --all` ends it"),
        LockError::Io { ref source, .. } => Error::file(e.to_string(), source),
    }
}

impl From<RepoError> for Error {
    fn from(e: RepoError) -> Self {
        let kind = if matches!(e, RepoError::UnknownRevision(_)) { Kind::Usage } else { Kind::Environment };
        let error = Error::new(kind, e.to_string());
        match e.hint() {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

impl From<GitError> for Error {
    fn from(e: GitError) -> Self {
        Error::environment(e.to_string())
    }
}

impl From<JournalError> for Error {
    fn from(e: JournalError) -> Self {
        match e {
            JournalError::Missing(_) => nothing_ran(),
            full if full.is_disk_full() => Error::environment(full.to_string()).hint(HINT_DISK_FULL),
            other => {
                let error = Error::environment(other.to_string());
                match other.hint() {
                    Some(hint) => error.hint(hint),
                    None => error,
                }
            }
        }
    }
}

impl From<ControlError> for Error {
    fn from(e: ControlError) -> Self {
        match e {
            ControlError::Refused(why) => Error::usage(why),
            other => Error::environment(other.to_string()).hint("`greenlane status` shows whether the run goes on"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_named_by_its_id_or_the_beginning_of_it() {
        let runs: Vec<RunId> = ["260102-030405-abcd", "260102-030405-abce", "260103-000000-zzzz"].map(RunId::from).to_vec();
        let picked = |name: &str| pick_run(name, &runs).map(|r| r.to_string()).map_err(|e| (e.kind.code(), e.render(false)));
        assert_eq!(picked("260102-030405-abce").as_deref(), Ok("260102-030405-abce"));
        assert_eq!(picked("260103").as_deref(), Ok("260103-000000-zzzz"));
        let (code, said) = picked("2601").unwrap_err();
        assert!(code == 2 && said.contains("may be 3 runs") && said.contains("give more of the id"), "{said}");
        for unknown in ["", "nope"] {
            let (code, said) = picked(unknown).unwrap_err();
            assert!(code == 2 && said.contains("greenlane runs"), "{said}");
        }
    }
}
