//! Coordinates a run in this process, for `run`, `resume`, `retry` and `demo`: takes the lock, shows progress, says how it ended.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use greenlane_core::ids::{PlanId, RunId};
use greenlane_core::options::RunOptions;
use greenlane_core::prompt::Templates;
use greenlane_core::state::{Phase, State};
use greenlane_core::tracker::Untold;
use greenlane_core::view::{Coordinator, Status, status, status_left, status_of_plans};
use greenlane_runtime::agent::Registry;
use greenlane_runtime::clock;
use greenlane_runtime::config::{Config, Origin};
use greenlane_runtime::driver::{DriverError, Finished, Layout, Setup, Start, coordinate};
use greenlane_runtime::git::Repo;
use greenlane_runtime::journal::Journal;
use greenlane_runtime::lock::Lock;
use greenlane_runtime::notify::{Notifier, Order};
use serde::Serialize;

use crate::context::Context;
use crate::error::{Error, HINT_DISK_FULL, Kind, Outcome};
use crate::live::left_behind;
use crate::notifying::Notifying;
use crate::progress::{Aside, Scope, display};
use crate::report::{self, Look, Surroundings};
use crate::session::{Session, held, untold_of, worktrees_of};

/// A repository that is ready to be worked on.
pub struct Ready {
    /// The repository.
    pub repo: Repo,
    /// `.greenlane`.
    pub state_dir: PathBuf,
    /// What is in force.
    pub config: Config,
    /// The agents.
    pub registry: Registry,
    /// What prompts are made of.
    pub templates: Templates,
    /// Where it stands that caps are to be kept strictly.
    pub strict_from: Option<Origin>,
}

impl Tell {
    /// What the flags ask for.
    #[must_use]
    pub fn of(json: bool, background: bool) -> Self {
        match (json, background) {
            (true, _) => Tell::Json,
            (false, true) => Tell::Background,
            (false, false) => Tell::People,
        }
    }
}

/// Where what goes on is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tell {
    /// To a person.
    People,
    /// Events as JSON Lines on standard output.
    Json,
    /// To a person, in a dashboard that fills the terminal.
    Dashboard,
    /// To a log, and to whoever waits for the run's beginning: see [`crate::commands::detach`].
    Background,
}

impl Ready {
    /// Takes the coordinator's lock.
    ///
    /// # Errors
    /// Exit code 4 if another coordinator has it.
    pub fn lock(&self) -> Result<Lock, Error> {
        Lock::take(&self.state_dir).map_err(held)
    }

    /// The core's options, from the configuration.
    #[must_use]
    pub fn options(&self, context: &Context) -> RunOptions {
        let cores = std::thread::available_parallelism().map_or(2, |n| u32::try_from(n.get()).unwrap_or(u32::MAX));
        let slots = self.registry.iter().filter_map(|a| a.slots.map(|n| (a.name.clone(), n))).collect();
        let options = self.config.run_options(slots, cores, clock::now().0);
        let trackers = self.config.tracker.in_force(self.repo.main_top(), &context.env);
        RunOptions { hand_off: self.registry.hand_off(), trackers, ..options }
    }

    /// Runs it to its end, showing what goes on. The caller holds the lock.
    ///
    /// # Errors
    /// If the journal or the machine fail; the run can then be resumed.
    pub fn coordinate(self, context: &Context, run: &RunId, start: Start, tell: Tell) -> Result<Finished, Error> {
        let layout = Layout::new(&self.state_dir, run);
        let state_dir = self.state_dir.clone();
        let setup = Setup {
            tools: std::env::current_exe().ok().filter(|_| cfg!(feature = "mcp")),
            pool_dir: worktrees_of(&self.repo, &self.config, context)?,
            repo: self.repo,
            state_dir: self.state_dir,
            config: self.config,
            registry: self.registry,
            exe: this_program()?,
            environment: context.env.clone(),
            templates: self.templates,
        };
        let top = setup.repo.main_top().unwrap_or(setup.repo.home()).to_owned();
        let order = Order { state_dir: setup.state_dir.clone(), top, config: setup.config.notify.clone() };
        let notifier = Notifier::new(&setup.exe, order, &context.env);
        let (output, json, of) = (context.output, tell == Tell::Json, run.clone());
        let session = Session { repo: setup.repo.clone(), state_dir: state_dir.clone() };
        let mut aside = Aside::start(move || {
            let shown = display(output, json, layout, Scope::default());
            match tell {
                Tell::Dashboard => crate::progress::in_dashboard(session, of, output, shown),
                Tell::People | Tell::Json | Tell::Background => shown,
            }
        })
        .map_err(|e| Error::environment(format!("cannot start a thread for the display: {e}")))?;
        let begins = (tell == Tell::Background).then(|| run.clone());
        let coordinated = coordinate(setup, run, start, &mut Notifying::new(&mut aside, begins, notifier));
        // Whoever is to go at once, or has failed, does not wait for a terminal that is held.
        let at_once = coordinated.as_ref().map_or(true, |f| f.state.ended_at.is_none());
        let shown = aside.finish(at_once.then_some(HELD_TERMINAL_MAX));
        if let (false, Ok(Finished { signal: Some(signal), .. })) = (shown, &coordinated) {
            // The last words would not get through either.
            std::process::exit(128 + signal);
        }
        coordinated.map_err(|e| match e {
            DriverError::Refused(why) => Error::usage(why),
            DriverError::Journal(e) if e.is_disk_full() => {
                let hint = match stands(&state_dir, run) {
                    Stands::NotBegun => HINT_DISK_FULL,
                    Stands::Idle => "make space, then `greenlane resume` takes the run up",
                    Stands::AtWork => "running attempts go on; make space, then `greenlane resume` takes the run up",
                };
                Error::environment(format!("the disk is full: {e}")).hint(hint)
            }
            DriverError::Journal(e) if e.hint().is_some() => Error::from(e),
            e => match stands(&state_dir, run) {
                Stands::NotBegun => Error::environment(e.to_string()),
                Stands::Idle => Error::environment(e.to_string()).hint("`greenlane resume` takes the run up"),
                Stands::AtWork => Error::environment(e.to_string()).hint("running attempts go on; `greenlane resume` takes the run up"),
            },
        })
    }
}

/// Where the journal has a run that this process could not go on with.
enum Stands {
    /// Nothing of it was written down.
    NotBegun,
    /// Nobody works on it.
    Idle,
    /// Attempts go on.
    AtWork,
}

fn stands(state_dir: &Path, run: &RunId) -> Stands {
    match Journal::read(state_dir).and_then(|journal| journal.load(run)) {
        Ok((state, _)) if !state.is_live() => Stands::NotBegun,
        Ok((state, _)) if state.tasks.iter().all(|t| t.phase != Phase::Running) => Stands::Idle,
        Ok(_) => Stands::AtWork,
        // A journal that a full disk keeps from being read: each attempt left its order to its keeper.
        Err(_) if has_orders(Layout::new(state_dir, run).run_dir()) => Stands::AtWork,
        Err(_) => Stands::NotBegun,
    }
}

/// `TASK/N/spec.json` below a run's directory.
fn has_orders(run_dir: &Path) -> bool {
    let below = |dir: &Path| std::fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path());
    below(run_dir).flat_map(|task| below(&task).collect::<Vec<_>>()).any(|attempt| attempt.join("spec.json").exists())
}

/// How long the last lines may take to get through when this process is told to go.
const HELD_TERMINAL_MAX: Duration = Duration::from_secs(2);

/// This very program, for keepers and for the background: also after its file was replaced by a newer one or removed while it runs, an
/// upgrade. Where the system has it, by the link that stands for the running binary: whoever is being started is still this program
/// when the link is followed. No descriptor is held for it that a keeper could inherit.
///
/// # Errors
/// If the system does not tell.
pub fn this_program() -> Result<PathBuf, Error> {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() {
        return Ok(running);
    }
    std::env::current_exe().map_err(|e| Error::environment(format!("this program cannot find itself: {e}")))
}

/// A run that is over, or over for this process.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'a> {
    /// Which.
    pub run: &'a RunId,
    /// Where it stands.
    pub state: &'a State,
    /// Where its files lie.
    pub layout: &'a Layout,
    /// What ended this process's part in it.
    pub signal: Option<i32>,
    /// Verbs mean another run where none is named.
    pub is_older: bool,
}

/// The last line of a run's events: no event, as nothing of the run changes by it.
#[derive(Serialize)]
struct NotTold<'a> {
    run: &'a RunId,
    event: &'static str,
    untold: &'a [Untold],
}

/// Says how a run ended, and gives its exit code. `plans`: only these count; empty: all.
///
/// # Errors
/// If the result cannot be written.
pub fn conclude(context: &Context, ended: &Ended<'_>, plans: &[PlanId], tell: Tell) -> Outcome {
    let Ended { run, state, layout, signal, is_older } = *ended;
    let mut document = match plans {
        // What the keepers tell of the attempts that go on without this process, or have ended since its last word.
        [] if state.ended_at.is_none() => status_left(run, state, &left_behind(layout, state), clock::now()),
        [] => status(run, state, Coordinator::Alive, clock::now()),
        _ => status_of_plans(run, state, plans, clock::now()),
    };
    document.untold = untold_of(layout, run, state);
    document.untold.retain(|u| plans.is_empty() || plans.contains(&u.letter.item.plan));
    if tell == Tell::Json {
        if !document.untold.is_empty() {
            context.output.json_line(&NotTold { run, event: "trackers_not_told", untold: &document.untold })?;
        }
    } else {
        let look = Look::of_stdout(context.output.color_talk);
        let text = format!(
            "{}{}",
            report::summary(&document, look),
            report::advice(&document, &Surroundings { is_older, ..Surroundings::default() }, look)
        );
        context.output.say(text.trim_end());
    }
    Ok(ExitCode::from(exit_code(&document, signal, plans)))
}

/// 0 where everything that counts is done, 128 + N where a signal ended the run before, else 1.
#[must_use]
pub fn exit_code(document: &Status, signal: Option<i32>, plans: &[PlanId]) -> u8 {
    let counts = |plan: &str| plans.is_empty() || plans.iter().any(|p| p.as_str() == plan);
    let done = document.tasks.iter().filter(|t| counts(&t.plan)).all(|t| t.state == "done");
    match signal {
        _ if done => 0,
        Some(signal) => Kind::Signal(u8::try_from(signal).unwrap_or(u8::MAX)).code(),
        None => Kind::NotDone.code(),
    }
}
