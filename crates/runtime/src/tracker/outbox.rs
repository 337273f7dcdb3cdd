//! Draws from the journal what trackers are to be told, and tells them, under a lock: it does not matter whether a coordinator does it or
//! a verb. A tracker that gives no answer is left alone for a while, then longer and longer.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use greenlane_core::event::Event;
use greenlane_core::ids::RunId;
use greenlane_core::time::Time;
use greenlane_core::tracker::letters;

use super::store::{Store, Waiting};
use super::{CLAIM_MAX, Letter, Patience, TrackerKind, Trackers, Trouble, Untold};
use crate::clock;
use crate::journal::{Journal, JournalError};
use crate::subscriber::Runs;

/// Events that are read at once.
const PAGE: u32 = 500;
/// Runs whose letters are remembered: one coordinator at a time, more are never in use.
const RUNS_MAX: usize = 4;
/// Whoever tells holds this file's lock.
const LOCK: &str = "trackers.lock";
/// Another process that tells is done by then, or is stuck.
const LOCK_MAX: Duration = Duration::from_secs(30);
const LOCK_POLL: Duration = Duration::from_millis(20);
/// The wait after the first trouble; each further one in a row is twice as long.
const BACK_OFF: Duration = Duration::from_secs(2);
/// The longest wait.
const BACK_OFF_MAX: Duration = Duration::from_secs(300);
/// Longest that one call may take: it looks first, and then changes.
const TELL_MAX: Duration = CLAIM_MAX;

/// What can go wrong with the outbox. The run is never touched by it.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Its own file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// SQLite's word.
        source: rusqlite::Error,
    },
    /// Its lock cannot be had.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// Somebody else tells the trackers at this moment.
    #[error("another process is telling the trackers")]
    Busy,
}

/// What came of one round of telling.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settled {
    /// So many letters were told.
    pub told: usize,
    /// What is left.
    pub untold: Vec<Untold>,
}

/// What a round is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// What is due.
    Due,
    /// Everything that is not given up, once.
    LastWords,
    /// Everything, once: a person asks for it.
    All,
}

/// How long a tracker is left alone.
#[derive(Default)]
struct Rest {
    until: Time,
    times: u32,
}

/// The letters of a repository.
pub struct Outbox {
    state_dir: PathBuf,
    store: Option<Store>,
    journal: Option<Journal>,
    runs: Runs,
    /// Whether a run has trackers at all.
    tracked: BTreeMap<RunId, bool>,
    /// The letters of each run as they were drawn last: only what differs is looked up.
    drawn: BTreeMap<RunId, Vec<Letter>>,
    resting: BTreeMap<TrackerKind, Rest>,
    hurry: Arc<Mutex<Option<Instant>>>,
}

impl Outbox {
    /// Opens nothing yet.
    #[must_use]
    pub fn new(state_dir: PathBuf) -> Self {
        Self {
            state_dir,
            store: None,
            journal: None,
            runs: Runs::default(),
            tracked: BTreeMap::new(),
            drawn: BTreeMap::new(),
            resting: BTreeMap::new(),
            hurry: Arc::default(),
        }
    }

    /// What makes everybody's patience end by then.
    pub(super) fn hurry(&self) -> Arc<Mutex<Option<Instant>>> {
        Arc::clone(&self.hurry)
    }

    /// There is something to be told, or there was once.
    #[must_use]
    pub fn exists(state_dir: &Path) -> bool {
        Store::path(state_dir).exists()
    }

    /// What could not be told so far, as the last round left it; reads the outbox alone.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn untold(state_dir: &Path) -> Result<Vec<Untold>, OutboxError> {
        if !Self::exists(state_dir) {
            return Ok(Vec::new());
        }
        let path = Store::path(state_dir);
        let read = Store::create(state_dir).and_then(|s| s.waiting());
        Ok(read.map_err(|source| OutboxError::Sqlite { path, source })?.into_iter().map(|w| w.untold).collect())
    }

    /// Draws the letters that are new, and tells what this round is about, as long as `limit` allows.
    ///
    /// # Errors
    /// See [`OutboxError`]; what was not told waits.
    pub fn settle(&mut self, trackers: &Trackers, limit: Option<Duration>, round: Round) -> Result<Settled, OutboxError> {
        let deadline = limit.and_then(|l| Instant::now().checked_add(l));
        let _lock = self.lock(if round == Round::Due { None } else { limit.or(Some(LOCK_MAX)) })?;
        self.draw()?;
        if round == Round::All {
            self.with_store(|s| s.revive())?;
        }
        let mut told = 0;
        loop {
            // What was refused may go well after the others: as long as something does, once more.
            let (now, again) = self.tell_due(trackers, deadline, round != Round::Due)?;
            told += now;
            if now == 0 || !again {
                break;
            }
        }
        let untold = self.with_store(|s| s.waiting())?.into_iter().map(|w| w.untold).collect();
        Ok(Settled { told, untold })
    }

    /// When there is something to be told again; `None`: nothing waits that will be tried by itself.
    pub(super) fn next_due(&mut self) -> Option<Time> {
        let waiting = self.with_store(|s| s.waiting()).ok()?;
        let due = |w: &Waiting| w.due.max(self.resting.get(&w.untold.letter.item.tracker).map_or(Time(0), |r| r.until));
        waiting.iter().filter(|w| !w.untold.given_up).map(due).min()
    }

    /// Nobody is told any more of what waits; gives how many letters that were.
    ///
    /// # Errors
    /// If the outbox cannot be written.
    pub fn give_up(&mut self, run: Option<&RunId>, tracker: Option<TrackerKind>) -> Result<usize, OutboxError> {
        let _lock = self.lock(Some(LOCK_MAX))?;
        self.draw()?;
        self.with_store(|s| s.drop_waiting(run, tracker))
    }

    /// Tells each letter that is due; gives how many were told, and whether some were refused that may go well now.
    fn tell_due(&mut self, trackers: &Trackers, deadline: Option<Instant>, all: bool) -> Result<(usize, bool), OutboxError> {
        let waiting = self.with_store(|s| s.waiting())?;
        let (mut told, mut again) = (0, false);
        let mut away: BTreeSet<TrackerKind> = BTreeSet::new();
        for Waiting { untold, due } in waiting {
            let (kind, now) = (untold.letter.item.tracker, clock::now());
            let rests = self.resting.get(&kind).is_some_and(|r| r.until > now);
            if untold.given_up || away.contains(&kind) || (!all && (due > now || rests)) {
                continue;
            }
            let left = deadline.map_or(TELL_MAX, |d| d.saturating_duration_since(Instant::now()).min(TELL_MAX));
            let patience = Patience::hurried_by(left, &self.hurry);
            if patience.left().is_zero() {
                break;
            }
            match trackers.tell(&untold.run, &untold.letter, &patience) {
                Ok(_) => {
                    told += 1;
                    self.resting.remove(&kind);
                    self.with_store(|s| s.told(&untold))?;
                }
                Err(Trouble::Away { why, wait }) => {
                    away.insert(kind);
                    let rest = self.resting.entry(kind).or_default();
                    let pause = wait.unwrap_or_else(|| back_off(rest.times));
                    (rest.until, rest.times) = (now + pause, rest.times.saturating_add(1));
                    self.with_store(|s| s.failed(&untold, &why, Time(0), false).and_then(|()| s.away(kind, &why)))?;
                }
                Err(Trouble::NotYet { why }) => {
                    // Another letter may be what it waits for: in this round without a wait.
                    again = true;
                    let due = now + back_off(untold.tries);
                    self.with_store(|s| s.failed(&untold, &why, if told > 0 && untold.tries == 0 { Time(0) } else { due }, false))?;
                }
                Err(Trouble::Never { why }) => self.with_store(|s| s.failed(&untold, &why, Time(0), true))?,
            }
        }
        Ok((told, again))
    }

    /// Draws letters from the journal, from the cursor to its end.
    fn draw(&mut self) -> Result<(), OutboxError> {
        if self.journal.is_none() {
            self.journal = Some(Journal::read(&self.state_dir)?);
        }
        let mut seq = self.with_store(|s| s.cursor())?;
        let Self { journal: Some(journal), runs, .. } = self else { return Ok(()) };
        runs.stand_at(journal, seq)?;
        loop {
            let Self { journal: Some(journal), runs, tracked, .. } = &mut *self else { return Ok(()) };
            let page = journal.since(None, seq, PAGE)?;
            let mut touched: BTreeMap<RunId, Vec<Letter>> = BTreeMap::new();
            for (at, record) in page.iter().enumerate() {
                seq = record.seq;
                if !is_tracked(journal, tracked, &record.run)? {
                    continue;
                }
                let state = runs.after(journal, &record.run, record.seq, record.at, &record.event)?;
                let last_of_run = !page[at + 1..].iter().any(|r| r.run == record.run);
                if last_of_run {
                    touched.insert(record.run.clone(), letters(state));
                }
            }
            let mut news = Vec::new();
            for (run, letters) in &touched {
                let known: BTreeSet<&Letter> = self.drawn.get(run).into_iter().flatten().collect();
                news.extend(letters.iter().filter(|l| !known.contains(l)).map(|l| (run, l.clone())));
            }
            if !page.is_empty() {
                self.with_store(|_| Ok(()))?;
                let Self { journal: Some(journal), store: Some(store), state_dir, .. } = &mut *self else { return Ok(()) };
                let began = |run: &RunId| Some(journal.since(Some(run), 0, 1).ok()?.first()?.seq);
                store.take(&news, seq, &began).map_err(|source| OutboxError::Sqlite { path: Store::path(state_dir), source })?;
            }
            drop(news);
            self.drawn.extend(touched);
            while self.drawn.len() > RUNS_MAX {
                // Run ids sort by time: the oldest goes.
                self.drawn.pop_first();
            }
            if page.len() < PAGE as usize {
                return Ok(());
            }
        }
    }

    fn with_store<T>(&mut self, call: impl FnOnce(&mut Store) -> rusqlite::Result<T>) -> Result<T, OutboxError> {
        let path = Store::path(&self.state_dir);
        let failed = |source| OutboxError::Sqlite { path: path.clone(), source };
        let store = match &mut self.store {
            Some(store) => store,
            none => none.insert(Store::create(&self.state_dir).map_err(failed)?),
        };
        call(store).map_err(failed)
    }

    fn lock(&self, patience: Option<Duration>) -> Result<File, OutboxError> {
        let path = self.state_dir.join(LOCK);
        let failed = |source| OutboxError::Io { path: path.clone(), source };
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        let deadline = patience.and_then(|p| Instant::now().checked_add(p));
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(source)) => return Err(failed(source)),
                Err(TryLockError::WouldBlock) if deadline.is_none_or(|at| Instant::now() >= at) => return Err(OutboxError::Busy),
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_POLL),
            }
        }
    }
}

/// Whether the run was begun with any tracker.
fn is_tracked(journal: &Journal, known: &mut BTreeMap<RunId, bool>, run: &RunId) -> Result<bool, JournalError> {
    if let Some(is) = known.get(run) {
        return Ok(*is);
    }
    let first = journal.since(Some(run), 0, 1)?;
    let is = first.iter().any(|r| matches!(&r.event, Event::RunStarted { options } if !options.trackers.is_empty()));
    known.insert(run.clone(), is);
    Ok(is)
}

fn back_off(times: u32) -> Duration {
    BACK_OFF.saturating_mul(2_u32.saturating_pow(times.min(16))).min(BACK_OFF_MAX)
}
