//! The loop: waits for keys, boards and signals, changes the model, draws.

use std::collections::VecDeque;
use std::path::Path;
use std::process::Command as Process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use greenlane_core::ids::{RunId, TaskKey};
use greenlane_core::time::Time;
use greenlane_runtime::clock;
use ratatui::crossterm::event::{self, Event};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP, SIGWINCH};

use super::draw;
use super::job::{self, Ended};
use super::keys::{Action, action};
use super::model::{Asking, Confirm, Model, Runs, View};
use super::open::{Loaded, OpenTask};
use super::terminal::Screen;
use super::theme::Theme;
use super::update::{Effect, update};
use super::wake::{Wake, Waker};
use crate::board::diff::Diff;
use crate::board::{Board, Command, Feed, Target, Which};
use crate::commands::land::branch_here;
use crate::commands::runs::over_time;
use crate::error::Error;
use crate::session::Session;

/// Most pictures a second, as a pause between two.
const PICTURE_MIN: Duration = Duration::from_millis(34);
/// Clocks go on so often.
const CLOCK: Duration = Duration::from_secs(1);
/// A growing log is read on so often while it is in sight.
const LOG: Duration = Duration::from_millis(250);
/// Runs that are looked back on, the newest.
const RUNS_MAX: u32 = 50;
/// Keys that are taken before the next picture.
const KEYS_MAX: usize = 256;

/// Where the dashboard stands.
#[derive(Clone, Debug)]
pub enum Place {
    /// Beside a run, if there is one: it can be left and come back to.
    Beside(Which),
    /// In the process that coordinates this run.
    Inside {
        /// Which.
        run: RunId,
        /// When it is time to go.
        over: Over,
    },
}

/// Tells a dashboard to go.
#[derive(Clone, Default)]
pub struct Over(Arc<(AtomicBool, Mutex<Option<Waker>>)>);

impl Over {
    /// It is over.
    pub fn set(&self) {
        self.0.0.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// There is something to be shown.
    pub fn wake(&self) {
        if let Some(waker) = &*self.0.1.lock().unwrap_or_else(PoisonError::into_inner) {
            waker.wake();
        }
    }

    /// It was said.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.0.load(Ordering::SeqCst)
    }

    fn attach(&self, waker: Waker) {
        *self.0.1.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker);
    }
}

impl std::fmt::Debug for Over {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Over({})", self.is_set())
    }
}

/// What is to be told at the bottom of the dashboard, from other threads.
pub type Warnings = Mutex<VecDeque<String>>;

/// How it was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// By its reader, or because the run inside is over.
    Quit,
    /// By this signal.
    Signal(i32),
}

/// What other threads have for the loop.
#[derive(Default)]
struct Inbox {
    board: Option<Arc<Board>>,
    done: VecDeque<Result<String, Error>>,
    diff: Option<(TaskKey, u32, Result<Diff, String>)>,
    runs: Option<Runs>,
}

/// Shows the dashboard until it is left.
///
/// # Errors
/// If the terminal or the system refuse.
pub fn show(session: &Session, place: Place, color: bool, warnings: &Warnings) -> Result<Left, Error> {
    let refused = |e: std::io::Error| Error::environment(format!("the terminal cannot be drawn on: {e}"));
    // The run's own signals are its coordinator's; here only the terminal's count.
    let signals: &[i32] = match place {
        Place::Inside { .. } => &[SIGWINCH, SIGTSTP, SIGCONT],
        Place::Beside(_) => &[SIGWINCH, SIGTSTP, SIGCONT, SIGINT, SIGTERM, SIGHUP],
    };
    let wake = Wake::new(signals).map_err(refused)?;
    let inbox = Arc::new(Mutex::new(Inbox::default()));
    let (which, over) = match place {
        Place::Beside(which) => (which, None),
        Place::Inside { run, over } => (Which::Run(run), Some(over)),
    };
    let (to, waker) = (Arc::clone(&inbox), wake.waker());
    let each = move |board| {
        to.lock().unwrap_or_else(PoisonError::into_inner).board = Some(board);
        waker.wake();
        true
    };
    over.iter().for_each(|over| over.attach(wake.waker()));
    let feed = Feed::start(clone_of(session), which, each).map_err(refused)?;
    let model = Model::new(Theme { color, utc: false }, over.is_some());
    let screen = Screen::take().map_err(refused)?;
    let mut dashboard = Dashboard { session, model, screen, wake, inbox, feed, over, warnings, log_read: Instant::now() };
    dashboard.show().map_err(refused)
}

fn clone_of(session: &Session) -> Session {
    Session { repo: session.repo.clone(), state_dir: session.state_dir.clone() }
}

struct Dashboard<'a> {
    session: &'a Session,
    model: Model,
    screen: Screen,
    wake: Wake,
    inbox: Arc<Mutex<Inbox>>,
    feed: Feed,
    over: Option<Over>,
    warnings: &'a Warnings,
    log_read: Instant,
}

impl Dashboard<'_> {
    fn show(&mut self) -> std::io::Result<Left> {
        let mut drawn: Option<Instant> = None;
        let mut changed = true;
        loop {
            let pause = drawn.map_or(Duration::ZERO, |at| PICTURE_MIN.saturating_sub(at.elapsed()));
            if changed && pause.is_zero() {
                let now = clock::now();
                self.screen.draw(|frame| draw::draw(frame, &mut self.model, now))?;
                (drawn, changed) = (Some(Instant::now()), false);
            }
            if !self.over.as_ref().is_some_and(Over::is_set) {
                let patience = self.patience(changed, drawn);
                // Its signal may be on its way, or is the coordinator's inside a run.
                if !self.wake.wait(patience) {
                    return Ok(Left::Signal(SIGHUP));
                }
            }
            if let Some(signal) = [SIGTERM, SIGINT, SIGHUP].into_iter().find(|s| self.wake.came(*s)) {
                return Ok(Left::Signal(signal));
            }
            if self.over.as_ref().is_some_and(Over::is_set) {
                return Ok(Left::Quit);
            }
            if self.wake.came(SIGTSTP) {
                self.suspend()?;
                changed = true;
            }
            changed |= self.wake.came(SIGWINCH) | self.wake.came(SIGCONT) | self.take_in();
            let mut keys = 0;
            while keys < KEYS_MAX && self.wake.has_terminal() && event::poll(Duration::ZERO)? {
                keys += 1;
                changed = true;
                let effect = self.event(event::read()?);
                if let Some(left) = self.perform(effect)? {
                    return Ok(left);
                }
            }
            changed |= self.read_on();
            let now = clock::now();
            self.model.forget_message(now);
            // Clocks go on.
            changed |= self.model.ticks() && drawn.is_none_or(|at| at.elapsed() >= CLOCK);
        }
    }

    /// How long nothing can happen that nobody tells of.
    fn patience(&self, changed: bool, drawn: Option<Instant>) -> Option<Duration> {
        if changed {
            return Some(drawn.map_or(Duration::ZERO, |at| PICTURE_MIN.saturating_sub(at.elapsed())));
        }
        let clock = self.model.ticks().then(|| drawn.map_or(CLOCK, |at| CLOCK.saturating_sub(at.elapsed())));
        let log = self.grows().then(|| LOG.saturating_sub(self.log_read.elapsed()));
        clock.into_iter().chain(log).min()
    }

    /// A text of an attempt under way is in sight.
    fn grows(&self) -> bool {
        if let (View::Suite, Some(suite), Some(run)) = (self.model.view, &self.model.suite, self.model.run()) {
            return run.alive && run.plans.iter().any(|p| p.id == suite.plan && p.state == "running");
        }
        let shown = self.model.open.as_ref().filter(|_| self.model.view == View::Task);
        let task = shown.and_then(|open| self.model.run()?.task(&open.key).map(|task| (open, task)));
        task.and_then(|(open, task)| open.attempt(task)).is_some_and(|a| a.under_way)
    }

    /// What other threads have brought. `true`: something.
    fn take_in(&mut self) -> bool {
        let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        let (board, done, diff) = (inbox.board.take(), std::mem::take(&mut inbox.done), inbox.diff.take());
        let runs = inbox.runs.take();
        drop(inbox);
        let warnings = std::mem::take(&mut *self.warnings.lock().unwrap_or_else(PoisonError::into_inner));
        let changed = board.is_some() || diff.is_some() || runs.is_some() || !done.is_empty() || !warnings.is_empty();
        board.into_iter().for_each(|board| self.model.take(board));
        if let Some(runs) = runs {
            self.model.runs = runs;
        }
        let now = clock::now();
        warnings.iter().for_each(|w| self.model.say(w, true, now));
        for done in done {
            match done {
                Ok(said) => self.model.say(&said, false, now),
                Err(error) => self.model.say(&words_of(&error), true, now),
            }
        }
        if let (Some((key, n, diff)), Some(open)) = (diff, &mut self.model.open)
            && open.key == key
        {
            let same = |task: &crate::board::TaskRow| open.attempt(task).is_some_and(|a| a.n == n);
            if self.model.board.as_ref().and_then(|b| b.run.as_ref()?.task(&key)).is_some_and(same) {
                open.diff = diff.map_or_else(Loaded::Failed, Loaded::Ready);
            }
        }
        changed
    }

    /// Reads the texts in sight. `true`: there is more.
    fn read_on(&mut self) -> bool {
        let due = self.log_read.elapsed() >= LOG;
        let Some(board) = self.model.board.clone() else { return false };
        if let (View::Suite, Some(suite)) = (self.model.view, &mut self.model.suite) {
            let plan = board.run.as_ref().and_then(|run| run.plans.iter().find(|p| p.id == suite.plan));
            let Some(plan) = plan.filter(|_| due || suite.papers.is_none()) else { return false };
            self.log_read = Instant::now();
            return suite.read(plan);
        }
        if self.model.view != View::Task {
            return false;
        }
        let Some(open) = &mut self.model.open else { return false };
        let Some(task) = board.run.as_ref().and_then(|run| run.task(&open.key)) else { return false };
        let unread = OpenTask::is_unread(open);
        if !due && !unread {
            return false;
        }
        self.log_read = Instant::now();
        open.read(task)
    }

    fn event(&mut self, event: Event) -> Effect {
        let now = clock::now();
        match event {
            Event::Key(key) => match action(&self.model.asking, self.model.view, key) {
                Some(action) => update(&mut self.model, action, now),
                None => Effect::Nothing,
            },
            Event::Paste(text) => {
                let typed = |c| Action::Type(if c == '\r' { '\n' } else { c });
                text.chars().for_each(|c| drop(update(&mut self.model, typed(c), now)));
                Effect::Nothing
            }
            _ => Effect::Nothing,
        }
    }

    fn perform(&mut self, effect: Effect) -> std::io::Result<Option<Left>> {
        match effect {
            Effect::Nothing => {}
            Effect::Quit => return Ok(Some(Left::Quit)),
            Effect::Do(command) => self.spawn(command),
            Effect::Diff => self.ask_for_diff(),
            Effect::Runs => self.ask_for_runs(),
            Effect::AskLand => self.ask_land(),
            Effect::Edit(path) => return self.edit(&path),
            Effect::Interrupt => drop(signal_hook::low_level::raise(SIGINT)),
            Effect::Suspend => self.suspend()?,
            Effect::Redraw => self.screen.terminal.clear()?,
        }
        Ok(None)
    }

    /// Does it on a thread of its own: a coordinator that is busy must not hold up the picture.
    fn spawn(&mut self, command: Command) {
        let Some(run) = self.model.run().map(|run| run.id.clone()) else { return };
        let (session, inbox, waker) = (clone_of(self.session), Arc::clone(&self.inbox), self.wake.waker());
        let perform = move || {
            let done = command.perform(Target { session: &session, run: &run });
            deliver(&inbox, &waker, |inbox| inbox.done.push_back(done));
        };
        if std::thread::Builder::new().name("command".into()).spawn(perform).is_err() {
            self.model.say("there can be no further thread", true, clock::now());
        }
        // A landing changes no journal.
        self.feed.refresh();
    }

    fn ask_for_diff(&mut self) {
        let Some((task, open)) = self.model.task().cloned().zip(self.model.open.as_ref()) else { return };
        let Some(attempt) = open.attempt(&task).cloned() else { return };
        let (repo, inbox, waker) = (self.session.repo.clone(), Arc::clone(&self.inbox), self.wake.waker());
        let ask = move || {
            let diff = Diff::of(&repo, &task, &attempt);
            deliver(&inbox, &waker, |inbox| inbox.diff = Some((task.key.clone(), attempt.n, diff)));
        };
        drop(std::thread::Builder::new().name("diff".into()).spawn(ask));
    }

    /// Replays them on a thread of its own, each time they come in sight.
    fn ask_for_runs(&mut self) {
        let (session, inbox, waker) = (clone_of(self.session), Arc::clone(&self.inbox), self.wake.waker());
        let ask = move || {
            let runs = over_time(&session, RUNS_MAX).map_or_else(|e| Runs::Failed(words_of(&e)), Runs::Ready);
            deliver(&inbox, &waker, |inbox| inbox.runs = Some(runs));
        };
        drop(std::thread::Builder::new().name("runs".into()).spawn(ask));
    }

    fn ask_land(&mut self) {
        let now = clock::now();
        let into = match branch_here(&self.session.repo) {
            Ok(into) => into,
            Err(e) => return self.model.say(&words_of(&e), true, now),
        };
        let Some(run) = self.model.run() else { return };
        let plan = self.model.task().and_then(|t| run.plan_of(t)).or(run.plans.first());
        let Some(plan) = plan.cloned() else { return };
        if !plan.landable {
            return self.model.say(&format!("`{}` has nothing to land yet", plan.name), true, now);
        }
        let mut lines = vec![format!("{} of {} tasks have landed on {}.", plan.done, plan.total, plan.branch.clone().unwrap_or_default())];
        if !plan.verified {
            lines.push(String::from("Not all of it was verified by a test suite."));
        }
        lines.push(format!("It is merged into {into}, where you stand; a checkout with changes of yours is left alone."));
        let yes = Command::Land { plan: Some(plan.id.clone()), into: Some(into.clone()), squash: false };
        self.model.asking =
            Asking::Confirm(Confirm { title: format!("Land `{}` on {into}?", plan.name), lines, yes: Some(yes), at_once: None });
    }

    /// The editor has the terminal until it ends.
    fn edit(&mut self, worktree: &Path) -> std::io::Result<Option<Left>> {
        let editor = ["VISUAL", "EDITOR"].iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.trim().is_empty()));
        let editor = editor.unwrap_or_else(|| String::from("vi"));
        // As git starts it: a command line that gets the path as its last word.
        let mut command = Process::new("sh");
        command.arg("-c").arg(format!("{editor} \"$@\"")).arg(&editor).arg(worktree).current_dir(worktree);
        let wake = &mut self.wake;
        let ended = self.screen.without(|| job::run(command, wake))?;
        let now = clock::now();
        match ended {
            Ok(Ended::Well) => {}
            Ok(Ended::Badly(how)) => self.model.say(&format!("`{editor}` {how}"), true, now),
            Ok(Ended::Signal(signal)) => return Ok(Some(Left::Signal(signal))),
            Err(e) => self.model.say(&format!("`{editor}` cannot be started: {e}"), true, now),
        }
        Ok(None)
    }

    /// As Ctrl-Z does: stands still, with the terminal given back, until it is woken.
    fn suspend(&mut self) -> std::io::Result<()> {
        self.screen.without(|| drop(signal_hook::low_level::emulate_default_handler(SIGTSTP)))
    }
}

fn deliver(inbox: &Mutex<Inbox>, waker: &Waker, put: impl FnOnce(&mut Inbox)) {
    put(&mut inbox.lock().unwrap_or_else(PoisonError::into_inner));
    waker.wake();
}

/// An error in one line: what happened, then what to do.
fn words_of(error: &Error) -> String {
    let first = error.problems.first();
    let parts = first.into_iter().flat_map(|p| std::iter::once(&p.message).chain(&p.hints).cloned());
    parts.collect::<Vec<_>>().join("; ")
}

/// Kept here for the sum of times that is drawn: a board's clock and what has passed since.
#[must_use]
pub(super) fn clock_of(seconds: f64, passed: f64, ticks: bool) -> Duration {
    Duration::try_from_secs_f64(if ticks { seconds + passed } else { seconds }).unwrap_or_default()
}

/// How long until then, and when that is.
#[must_use]
pub(super) fn until_words(theme: Theme, until: Time, now: Time) -> String {
    let left = until.since(now);
    if left.is_zero() {
        return String::from("now");
    }
    // To the second, as everything that is counted down: a fraction would only flicker.
    let left = Duration::from_secs(left.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX));
    let at = if left < Duration::from_secs(120) { String::new() } else { format!(" ({})", theme.at(until, now)) };
    format!("in {}{at}", crate::report::humane(left))
}
