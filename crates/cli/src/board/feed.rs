//! Follows a repository's run on a thread of its own, and hands out a new board whenever something changed.
//!
//! Approach: the journal is replayed once; from there on the coordinator's word that something was written brings the new events. Between
//! two events the thread sleeps, but for a look each second at the files of attempts under way, of which only changed ones are read.
//! Where nobody is at work that look is at the journal's own files: a run that begins is picked up. A board is drawn up at most 30 times
//! a second, and takes at most a tenth of the time. Writes nothing.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use greenlane_core::ids::RunId;
use greenlane_core::time::Time;
use greenlane_core::view::Coordinator;
use greenlane_runtime::clock;
use greenlane_runtime::health::workers;
use greenlane_runtime::journal::{JournalError, Record};

use super::activity::{Seen, said};
use super::lessons::Lessons;
use super::machine::Gauge;
use super::make::{Sources, board};
use super::model::{Board, Repository};
use super::rows::WorkerRow;
use crate::error::Error;
use crate::follow::{Following, News};
use crate::report::{Gatherer, RedSuites, Surroundings, clean};
use crate::session::{Opened, Session};

/// Files are looked at so often.
const TICK: Duration = Duration::from_secs(1);
/// A board stands at least so long.
const BOARD_MIN: Duration = Duration::from_millis(33);
/// What takes longer to draw up is drawn up less often: so many times its cost lie between two boards, ...
const COST_FACTOR: u32 = 10;
/// ... but never more than this.
const BOARD_MAX: Duration = Duration::from_secs(2);
/// What goes on by itself (figures, who waits for what) is drawn up anew so often without any event.
const ANEW: Duration = Duration::from_secs(10);
/// The same of a run that is over: its branches may be landed.
const ANEW_IDLE: Duration = Duration::from_secs(30);
/// Deficiencies are read on so often at most.
const LESSONS_MIN: Duration = Duration::from_secs(5);
/// Events that are read at once.
const PAGE: u32 = 10_000;

/// Which run is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// The living coordinator's, else the latest; when another begins, that one.
    Current,
    /// This one.
    Run(RunId),
}

/// A repository that is followed until this is dropped.
pub struct Feed {
    stop: Arc<AtomicBool>,
    anew: Arc<AtomicBool>,
}

impl Feed {
    /// Begins. `each` is called on the feed's thread, first at once, and ends it by `false`.
    ///
    /// # Errors
    /// If there can be no further thread.
    pub fn start(session: Session, which: Which, each: impl FnMut(Arc<Board>) -> bool + Send + 'static) -> std::io::Result<Self> {
        let (stop, anew) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let feed = Self { stop: Arc::clone(&stop), anew: Arc::clone(&anew) };
        let run = move || Follower::new(session, which, Box::new(each), stop, anew).follow();
        std::thread::Builder::new().name("feed".into()).spawn(run)?;
        Ok(feed)
    }

    /// One board, as of now, on this thread.
    ///
    /// # Errors
    /// If there is no such run, or the journal cannot be read.
    pub fn once(session: Session, which: Which) -> Result<Arc<Board>, Error> {
        let kept = Arc::new(Mutex::new(None));
        let keep = Arc::clone(&kept);
        let each = move |board| {
            *keep.lock().unwrap_or_else(PoisonError::into_inner) = Some(board);
            false
        };
        let (stop, anew) = (Arc::default(), Arc::default());
        let mut follower = Follower::new(session, which, Box::new(each), stop, anew);
        follower.read_lessons();
        // It ends with the first board, which nobody wants a second of.
        let ended = match follower.open()? {
            Some(opened) => follower.try_of_run(opened)?,
            None => follower.without_run(None),
        };
        drop(ended);
        let board = kept.lock().unwrap_or_else(PoisonError::into_inner).take();
        board.ok_or_else(|| Error::environment("the run cannot be looked at"))
    }

    /// Something was done that no event tells of (such as a landing): the next board is drawn up anew, within a second.
    pub fn refresh(&self) {
        self.anew.store(true, Ordering::Relaxed);
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        // Its thread sees it within a second; nobody waits for that.
        self.stop.store(true, Ordering::Relaxed);
    }
}

type Stamps = [Option<(SystemTime, u64)>; 3];

struct Follower {
    session: Session,
    which: Which,
    each: Box<dyn FnMut(Arc<Board>) -> bool + Send>,
    stop: Arc<AtomicBool>,
    anew: Arc<AtomicBool>,
    repository: Repository,
    gauge: Gauge,
    lessons: Lessons,
    lessons_read: Option<Instant>,
    last: Option<Arc<Board>>,
}

/// Nobody wants boards any more.
struct Left;

impl Follower {
    fn new(
        session: Session,
        which: Which,
        each: Box<dyn FnMut(Arc<Board>) -> bool + Send>,
        stop: Arc<AtomicBool>,
        anew: Arc<AtomicBool>,
    ) -> Self {
        let home = session.repo.home();
        let repository = Repository {
            name: home.file_name().map(|n| clean(&n.to_string_lossy())).unwrap_or_default(),
            path: clean(&home.to_string_lossy()),
        };
        let gauge = Gauge::new(&session.state_dir);
        Self { session, which, each, stop, anew, repository, gauge, lessons: Lessons::default(), lessons_read: None, last: None }
    }

    /// Until nobody wants boards any more.
    fn follow(mut self) {
        loop {
            let before = stamps(&self.session.state_dir);
            let ended = match self.open() {
                Ok(Some(opened)) => self.of_run(opened),
                Ok(None) => self.without_run(None),
                Err(e) => self.without_run(Some(&e)),
            };
            if ended.is_err() || self.wait_for_news(before).is_err() {
                return;
            }
        }
    }

    fn open(&self) -> Result<Option<Opened>, Error> {
        let journal = match self.session.journal_if_any() {
            Ok(Some(journal)) => journal,
            Ok(None) => return Ok(None),
            Err(e) => return Err(e),
        };
        let run = match &self.which {
            Which::Run(run) => run.clone(),
            Which::Current if journal.runs(1)?.is_empty() => return Ok(None),
            Which::Current => self.session.find_run(&journal, None)?,
        };
        let mut opened = self.session.load(&journal, run)?;
        if self.session.is_led() && !self.session.is_held() && !opened.is_older {
            // This very process coordinates it.
            opened.coordinator = Coordinator::Alive;
        }
        Ok(Some(opened))
    }

    fn give(&mut self, board: Board) -> Result<(), Left> {
        let board = Arc::new(board);
        self.last = Some(Arc::clone(&board));
        if !self.stop.load(Ordering::Relaxed) && (self.each)(board) { Ok(()) } else { Err(Left) }
    }

    /// Where nothing but the machine has changed, the board stays as it is but for that.
    fn give_machine(&mut self, seen: &Seen) -> Result<(), Left> {
        let mut machine = self.gauge.read();
        seen.add_to(&mut machine);
        let Some(last) = &self.last else { return Ok(()) };
        if last.run.as_ref().is_none_or(|run| run.machine == machine) {
            return Ok(());
        }
        let mut board = Board::clone(last);
        if let Some(run) = &mut board.run {
            run.machine = machine;
        }
        self.give(board)
    }

    fn without_run(&mut self, trouble: Option<&Error>) -> Result<(), Left> {
        let trouble = trouble.and_then(|e| said(Some(e.render(false).trim_start_matches("error: "))));
        self.give(Board { at: clock::now(), repository: self.repository.clone(), run: None, trouble })
    }

    /// Sleeps until the journal has changed, or somebody takes the repository.
    fn wait_for_news(&self, before: Stamps) -> Result<(), Left> {
        let held = self.session.is_led();
        loop {
            std::thread::sleep(TICK);
            if self.stop.load(Ordering::Relaxed) {
                return Err(Left);
            }
            let changed = stamps(&self.session.state_dir) != before || self.session.is_led() != held;
            if changed || self.anew.swap(false, Ordering::Relaxed) {
                return Ok(());
            }
        }
    }

    /// Shows a run until nobody is at work on it.
    fn of_run(&mut self, opened: Opened) -> Result<(), Left> {
        match self.try_of_run(opened) {
            Ok(ended) => ended,
            Err(e) => self.without_run(Some(&e)),
        }
    }

    fn try_of_run(&mut self, opened: Opened) -> Result<Result<(), Left>, Error> {
        let mut gatherer = Gatherer::default();
        self.look_back(&opened, &mut gatherer)?;
        let mut shown = Shown::new(gatherer, Following::begin(&self.session, opened)?);
        if self.show(&mut shown).is_err() {
            return Ok(Err(Left));
        }
        // The book of deficiencies may take a while, and nobody waits for it to see the run.
        self.read_lessons();
        shown.changed = true;
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(Err(Left));
            }
            let patience = if shown.changed {
                shown.pause().saturating_sub(shown.drawn.elapsed())
            } else {
                TICK.saturating_sub(shown.ticked.elapsed())
            };
            let over = match shown.following.next(Some(patience))? {
                News::Events(records) => {
                    shown.take(&records);
                    false
                }
                News::Nothing => false,
                News::Over => true,
            };
            if shown.ticked.elapsed() >= TICK {
                shown.ticked = Instant::now();
                shown.changed |= shown.seen.look(&shown.following.opened, clock::now());
                shown.changed |= shown.drawn.elapsed() >= ANEW || self.anew.swap(false, Ordering::Relaxed);
                if !shown.changed && self.give_machine(&shown.seen).is_err() {
                    return Ok(Err(Left));
                }
            }
            if over || shown.changed && shown.drawn.elapsed() >= shown.pause() {
                if self.show(&mut shown).is_err() {
                    return Ok(Err(Left));
                }
                if self.lessons_read.is_none_or(|at| at.elapsed() >= LESSONS_MIN) {
                    self.read_lessons();
                }
            }
            if over {
                return Ok(self.after(shown));
            }
        }
    }

    /// Nobody is at work on it: what agents do that were left behind, and what becomes of its branches, is looked at now and then.
    fn after(&mut self, mut shown: Shown) -> Result<(), Left> {
        let look = |follower: &Self| (stamps(&follower.session.state_dir), follower.session.is_led());
        let mut before = look(self);
        let left = shown.following.opened.is_interrupted();
        let anew = if left { TICK * 2 } else { ANEW_IDLE };
        loop {
            std::thread::sleep(TICK);
            if self.stop.load(Ordering::Relaxed) {
                return Err(Left);
            }
            let now = look(self);
            if now != before && self.has_moved_on(&shown.following) {
                return Ok(());
            }
            before = now;
            if self.anew.swap(false, Ordering::Relaxed) || shown.drawn.elapsed() >= anew {
                shown.seen.look(&shown.following.opened, clock::now());
                self.show(&mut shown)?;
            }
        }
    }

    /// Something was written: of this run, or it is another one now that is wanted. What other runs do is no news for an older one.
    fn has_moved_on(&self, following: &Following) -> bool {
        let opened = &following.opened;
        let other = || match (&self.which, self.session.journal_if_any()) {
            (Which::Current, Ok(Some(journal))) => self.session.find_run(&journal, None).is_ok_and(|run| run != opened.run),
            _ => false,
        };
        // Who has taken it up has written nothing yet, but is there to be asked.
        let taken_up = || !opened.is_older && self.session.live_run().as_ref() == Some(&opened.run);
        following.has_more() || taken_up() || other()
    }

    fn read_lessons(&mut self) {
        self.lessons.read(&self.session.state_dir, clock::now());
        self.lessons_read = Some(Instant::now());
    }

    /// What suites said in the part of the run that lies behind.
    fn look_back(&self, opened: &Opened, gatherer: &mut Gatherer) -> Result<(), Error> {
        let (journal, mut seq) = (self.session.journal()?, 0);
        loop {
            let page = journal.since(Some(&opened.run), seq, PAGE)?;
            for record in page.iter().take_while(|r| r.seq <= opened.last_seq) {
                gatherer.take(&record.event);
                seq = record.seq;
            }
            if page.len() < PAGE as usize || seq >= opened.last_seq {
                return Ok(());
            }
        }
    }

    fn show(&mut self, shown: &mut Shown) -> Result<(), Left> {
        let (began, now) = (Instant::now(), clock::now());
        let opened = &shown.following.opened;
        if opened.state.ended_at.is_some() {
            shown.around = opened.surroundings(&self.session);
        } else {
            shown.around.is_older = opened.is_older;
        }
        let workers = self.workers(opened, now);
        let sources = Sources {
            opened,
            suites: shown.gatherer.suites(),
            seen: &shown.seen,
            lessons: &self.lessons.rows,
            workers: &workers,
            around: &shown.around,
            machine: self.gauge.read(),
        };
        let run = board(&sources, now);
        let board = Board { at: now, repository: self.repository.clone(), run: Some(run), trouble: None };
        (shown.cost, shown.drawn, shown.changed) = (began.elapsed(), Instant::now(), false);
        self.give(board)
    }

    fn workers(&self, opened: &Opened, now: Time) -> Vec<WorkerRow> {
        let policy = opened.state.options().health;
        let row = |w: &workers::Worker| {
            let (status, reason) = w.judged(&policy, now);
            WorkerRow {
                name: clean(&w.name),
                status,
                message: said(reason.as_deref()).or_else(|| said(w.message.as_deref())),
                task: said(w.task.as_deref()),
                at: w.at,
            }
        };
        workers::workers(&self.session.state_dir, now).unwrap_or_default().iter().map(row).collect()
    }
}

/// A run on its way to boards.
struct Shown {
    following: Following,
    gatherer: Gatherer,
    seen: Seen,
    around: Surroundings,
    changed: bool,
    drawn: Instant,
    ticked: Instant,
    cost: Duration,
}

impl Shown {
    fn new(gatherer: Gatherer, following: Following) -> Self {
        let mut seen = Seen::default();
        seen.look(&following.opened, clock::now());
        let now = Instant::now();
        Self { following, gatherer, seen, around: Surroundings::default(), changed: true, drawn: now, ticked: now, cost: Duration::ZERO }
    }

    fn take(&mut self, records: &[Record]) {
        records.iter().for_each(|r| self.gatherer.take(&r.event));
        self.seen.look(&self.following.opened, clock::now());
        self.changed = true;
    }

    /// How long the last board stands.
    fn pause(&self) -> Duration {
        (self.cost * COST_FACTOR).clamp(BOARD_MIN, BOARD_MAX)
    }
}

impl Gatherer {
    /// What suites said so far of single attempts.
    #[must_use]
    pub fn suites(&self) -> &RedSuites {
        &self.so_far().suites
    }
}

/// The journal's files, and the lock's: whatever happens in the repository changes one of them.
fn stamps(state_dir: &Path) -> Stamps {
    ["state.db", "state.db-wal", "coordinator.lock"].map(|name| {
        let meta = std::fs::metadata(state_dir.join(name)).ok()?;
        Some((meta.modified().ok()?, meta.len()))
    })
}

impl Session {
    /// The journal; `None` where nothing ever ran.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn journal_if_any(&self) -> Result<Option<greenlane_runtime::journal::Journal>, Error> {
        match greenlane_runtime::journal::Journal::read(&self.state_dir) {
            Ok(journal) => Ok(Some(journal)),
            Err(JournalError::Missing(_)) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;
    use greenlane_runtime::git::Repo;
    use greenlane_runtime::journal::Journal;
    use std::process::Command;
    use std::sync::mpsc::{Receiver, channel};

    const PATIENCE: Duration = Duration::from_secs(60);

    fn repository() -> (tempfile::TempDir, Session) {
        let dir = tempfile::tempdir().unwrap();
        let git = Command::new("git").args(["init", "-q"]).arg(dir.path()).status().unwrap();
        assert!(git.success());
        let repo = Repo::discover(dir.path()).unwrap();
        let state_dir = repo.state_dir().to_owned();
        std::fs::create_dir_all(&state_dir).unwrap();
        (dir, Session { repo, state_dir })
    }

    fn write(session: &Session, run: &str, sample: &samples::Sample) {
        let mut journal = Journal::create(&session.state_dir).unwrap();
        for record in &sample.records {
            journal.append(&RunId::from(run), record.at, std::slice::from_ref(&record.event)).unwrap();
        }
    }

    fn boards(session: &Session, which: Which) -> (Feed, Receiver<Arc<Board>>) {
        let (sender, receiver) = channel();
        let session = Session { repo: session.repo.clone(), state_dir: session.state_dir.clone() };
        (Feed::start(session, which, move |board| sender.send(board).is_ok()).unwrap(), receiver)
    }

    fn until(boards: &Receiver<Arc<Board>>, what: &str, holds: impl Fn(&Board) -> bool) {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if boards.recv_timeout(PATIENCE).is_ok_and(|b| holds(&b)) {
                return;
            }
        }
        panic!("never: {what}");
    }

    #[test]
    fn the_first_run_is_picked_up_and_then_the_next_but_not_where_one_is_named() {
        let (_dir, session) = repository();
        let (_feed, current) = boards(&session, Which::Current);
        until(&current, "nothing has run", |b| b.run.is_none());
        write(&session, "r1", &samples::ended());
        let id = |b: &Board| b.run.as_ref().map(|r| r.id.to_string());
        until(&current, "the first run", |b| id(b).as_deref() == Some("r1"));
        let (_named_feed, named) = boards(&session, Which::Run("r1".into()));
        until(&named, "the named run", |b| id(b).as_deref() == Some("r1"));
        write(&session, "r2", &samples::half_way());
        until(&current, "the next run", |b| id(b).as_deref() == Some("r2") && b.run.as_ref().is_some_and(|r| r.state == "interrupted"));
        // Whatever came for the named one meanwhile is still of it.
        assert!(named.try_iter().all(|b| id(&b).as_deref() == Some("r1")));
    }

    #[test]
    fn one_that_is_dropped_ends_its_thread() {
        let (_dir, session) = repository();
        let (feed, boards) = boards(&session, Which::Current);
        until(&boards, "the first board", |_| true);
        drop(feed);
        // The sender goes with the thread.
        let ended = loop {
            match boards.recv_timeout(PATIENCE) {
                Ok(_) => {}
                Err(e) => break e,
            }
        };
        assert_eq!(ended, std::sync::mpsc::RecvTimeoutError::Disconnected);
    }
}
