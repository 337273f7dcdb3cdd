//! Opens what verbs look at: the repository of the directory, its journal, a run in it, the coordinator if one lives.
//! Changes nothing and formats nothing.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use greenlane_core::ids::{Oid, RunId, TaskKey};
use greenlane_core::state::{PlanState, State};
use greenlane_core::time::Time;
use greenlane_core::tracker::Untold;
use greenlane_core::view::{self, Coordinator, Status};
use greenlane_runtime::clock;
use greenlane_runtime::config::{Config, Loaded};
use greenlane_runtime::control::{Answer, Client, ControlError, Say, socket_path};
use greenlane_runtime::driver::Layout;
use greenlane_runtime::git::{GitError, Repo, RepoError};
use greenlane_runtime::journal::{Journal, JournalError};
use greenlane_runtime::lock::{Lock, LockError};
use greenlane_runtime::tracker::Outbox;
use greenlane_runtime::workspace::{Mark, Pool, PoolSettings, Shell, ShellLine, ShellOutcome, pool_dir, worktrees_dir};

use crate::context::Context;
use crate::error::{Error, HINT_DISK_FULL, Kind};
use crate::live;
use crate::report::{Surroundings, Whereabouts};

/// From taking the lock to listening on the socket it takes a coordinator milliseconds; on a busy machine no longer than this.
const START_MAX: Duration = Duration::from_secs(5);
const START_POLL: Duration = Duration::from_millis(20);

/// What trackers could not be told of a run. While it goes on, only what was tried: the rest is told in a moment. What cannot be
/// read is not there.
#[must_use]
pub fn untold_of(layout: &Layout, run: &RunId, state: &State) -> Vec<Untold> {
    if state.options().trackers.is_empty() {
        return Vec::new();
    }
    let untold = Outbox::untold(layout.state_dir()).unwrap_or_default();
    untold.into_iter().filter(|u| u.run == *run && (u.problem.is_some() || state.ended_at.is_some())).collect()
}

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
    /// Verbs mean another run where none is named.
    pub is_older: bool,
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

    /// Somebody coordinates in this repository, this very process included.
    #[must_use]
    pub fn is_led(&self) -> bool {
        Lock::is_ours(&self.state_dir) || Lock::is_held(&self.state_dir)
    }

    /// Connects to the coordinator, also to one in this very process: for a thread that does not coordinate itself.
    ///
    /// # Errors
    /// As [`Session::connect`].
    pub fn reach(&self) -> Result<Option<Client>, Error> {
        if !Lock::is_ours(&self.state_dir) {
            return self.connect();
        }
        let path = socket_path(&self.state_dir).map_err(|e| Error::environment(format!("no place for the control socket: {e}")))?;
        // It ends, or has not begun to listen.
        Ok(Client::connect(&path).ok())
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
        let (coordinator, is_older) = self.standing_of(&run, journal);
        let (state, last_seq) = journal.load(&run)?;
        Ok(Opened { layout: Layout::new(&self.state_dir, &run), run, state, last_seq, coordinator, is_older })
    }

    /// Whether somebody is at work on this run, and whether it is another one that verbs mean where none is named: the living
    /// coordinator's, else the latest.
    fn standing_of(&self, run: &RunId, journal: &Journal) -> (Coordinator, bool) {
        let held = self.is_held();
        let named = if held { self.live_run() } else { None };
        // There may be one whose socket is out of reach (another XDG_RUNTIME_DIR): it is most likely on the latest run.
        let meant = named.or_else(|| journal.runs(1).ok()?.into_iter().next().map(|r| r.run));
        let is_meant = meant.as_ref() == Some(run);
        (if held && is_meant { Coordinator::Alive } else { Coordinator::Gone }, !is_meant)
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
        let mut shown = if self.is_interrupted() {
            view::status_left(&self.run, &self.state, &live::left_behind(&self.layout, &self.state), now)
        } else {
            view::status(&self.run, &self.state, self.coordinator, now)
        };
        self.look_for_worktrees(&mut shown);
        shown.untold = untold_of(&self.layout, &self.run, &self.state);
        shown
    }

    /// The journal knows where work was left; whether it still lies there, only the disk.
    fn look_for_worktrees(&self, shown: &mut Status) {
        for task in shown.tasks.iter_mut().filter(|t| t.landed.is_none()) {
            let key = TaskKey::new(task.plan.as_str(), task.id.as_str());
            let Some(gone) = task.worktree.take_if(|w| !Mark::is_of(Path::new(w), &self.run, &key)) else { continue };
            if let Some(reason) = &mut task.reason {
                let (is, was) =
                    (format!("the work is kept in {gone}"), format!("the work was left in {gone}, which is not there any more"));
                *reason = reason.replace(&is, &was);
            }
        }
    }

    /// Somebody is at work on it.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.coordinator == Coordinator::Alive && self.state.is_live()
    }

    /// What advice on it depends on beside its document. What git does not tell is left out: advice then is as right after the end.
    #[must_use]
    pub fn surroundings(&self, session: &Session) -> Surroundings {
        let mut branches = BTreeMap::new();
        let landed = |p: &PlanState| p.head != p.submission.base || self.state.tasks[p.tasks.clone()].iter().any(|t| t.landed.is_some());
        let ended = self.state.plans.iter().filter(|p| self.state.ended_at.is_some() && landed(p));
        let here = OnceCell::new();
        for plan in ended {
            let Some(branch) = &plan.branch else { continue };
            let here: &Option<(String, Oid)> = here.get_or_init(|| users_branch(&session.repo));
            let into = here.as_ref().filter(|(name, at)| name != branch && session.repo.descends(at, &plan.head).unwrap_or(false));
            let became = match (into, session.repo.resolve(&format!("refs/heads/{branch}"))) {
                (Some((name, _)), _) => Whereabouts::In(name.clone()),
                (None, Ok(None)) => Whereabouts::Gone,
                (None, _) => continue,
            };
            branches.insert(plan.submission.plan.id.to_string(), became);
        }
        Surroundings { is_older: self.is_older, branches }
    }

    /// It has not ended, and nobody is at work on it.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.coordinator == Coordinator::Gone && self.state.is_live()
    }
}

/// The branch that the user stands on, or `HEAD` where that is none, and its commit.
fn users_branch(repo: &Repo) -> Option<(String, Oid)> {
    let at = repo.resolve("HEAD").ok()??;
    let head = repo.git_in(repo.git_dir(), repo.top()?).run_allowing(&["symbolic-ref", "--quiet", "--short", "HEAD"], &[0, 1]).ok()?;
    let name = head.text();
    Some((if name.is_empty() { String::from("HEAD") } else { name }, at))
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

/// Worktrees inside a checkout would be the user's untracked files, and what searches for configuration upwards would find the user's: only
/// a folder that git ignores may hold them there.
///
/// # Errors
/// Exit code 2, with the place that names the folder.
pub fn require_outside(repo: &Repo, loaded: &Loaded, worktrees: &Path) -> Result<(), Error> {
    let Some(configured) = &loaded.config.workspace.dir else { return Ok(()) };
    // What is not there yet lies where its nearest parent does.
    let there = worktrees.ancestors().find_map(|a| Some((a.canonicalize().ok()?, worktrees.strip_prefix(a).ok()?)));
    let place = there.map_or_else(|| worktrees.to_owned(), |(real, rest)| real.join(rest));
    let refuse = |why: String, hint: &str| {
        let origin = loaded.origins.get("workspace.dir").map(ToString::to_string).unwrap_or_default();
        Err(Error::usage(format!("`[workspace] dir = \"{}\"` {why}", configured.display())).at(origin).hint(hint))
    };
    if place.starts_with(repo.common_dir()) {
        return refuse(String::from("lies inside the git directory"), "name a folder outside the repository, such as \"../worktrees\"");
    }
    let git_dirs = [(repo.top(), repo.git_dir()), (repo.main_top(), repo.common_dir())];
    for (top, git_dir) in git_dirs.into_iter().filter_map(|(top, git_dir)| Some((top?, git_dir))) {
        let Ok(inside) = place.strip_prefix(top.canonicalize().unwrap_or_else(|_| top.to_owned())) else { continue };
        let inside = inside.join("1");
        let ignored =
            repo.git_in(git_dir, top).run_allowing(&["check-ignore".as_ref(), "-q".as_ref(), inside.as_os_str()], &[0, 1, 128])?;
        if ignored.code != 0 {
            return refuse(
                format!("lies inside the checkout {}, and git does not ignore it", top.display()),
                "name a folder outside, such as \"../worktrees\" (a relative one counts from the repository's top), or add it to .gitignore",
            );
        }
    }
    Ok(())
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
