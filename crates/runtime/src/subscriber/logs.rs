//! Brings all logs up to the end of the journal, under a lock; makes them anew. Knows nothing of what they say.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::file::{self, BYTES_MAX, LogFile};
use super::runs::Runs;
use super::{Lines, Subscriber};
use crate::journal::{Entry, Fact, Journal, JournalError, Position};
use greenlane_core::state::State;

/// Entries that are read at once.
const PAGE: u32 = 500;
/// Lines of one log that are gathered before they are written: so far may a log exceed the size at which it is rotated.
const TEXT_BYTES_MAX: usize = 512 * 1024;
const LOCK_POLL: Duration = Duration::from_millis(10);

/// The folder of the logs in the state directory.
const DIR: &str = "logs";
/// Beside the folder and not in it: a rebuild replaces the folder as a whole.
const LOCK: &str = "logs.lock";
/// Where a rebuild works, until it takes the folder's place.
const REBUILD_DIR: &str = "logs.rebuild";

/// What can go wrong with the logs. The run is never touched by it.
#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A file cannot be read or written.
    #[error("the logs in {}: {source}", dir.display())]
    Io {
        /// The folder.
        dir: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// Somebody else writes to them, and does not come to an end.
    #[error("the logs in {} are being written by another process", .0.display())]
    Busy(PathBuf),
}

/// How long to wait for another process that writes to the logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Not at all: it does the same work.
    None,
    /// So long.
    For(Duration),
}

/// All logs of a repository.
pub struct Logs {
    state_dir: PathBuf,
    journal: Journal,
    subscribers: Vec<Reading>,
    runs: Runs,
    bytes_max: u64,
}

/// A subscriber, and what it remembers.
struct Reading {
    subscriber: Box<dyn Subscriber>,
    /// Its memory is that of the log up to here.
    remembers: Option<Position>,
}

/// A log that is open for a while, and its lines that are not written yet.
struct Writing<'a> {
    reading: &'a mut Reading,
    log: LogFile,
    text: String,
    /// The last entry whose lines are in the log or the text.
    taken: Position,
}

/// Held while files are read or written.
struct Held {
    _lock: File,
}

impl Logs {
    /// Opens the logs that Greenlane keeps; writes nothing yet.
    ///
    /// # Errors
    /// If there is no journal.
    pub fn open(state_dir: &Path) -> Result<Self, LogsError> {
        Self::with(state_dir, super::all(state_dir))
    }

    /// The same for these subscribers.
    ///
    /// # Errors
    /// If there is no journal.
    pub fn with(state_dir: &Path, subscribers: Vec<Box<dyn Subscriber>>) -> Result<Self, LogsError> {
        let journal = Journal::read(state_dir)?;
        let subscribers = subscribers.into_iter().map(|subscriber| Reading { subscriber, remembers: None }).collect();
        Ok(Self { state_dir: state_dir.to_owned(), journal, subscribers, runs: Runs::default(), bytes_max: BYTES_MAX })
    }

    /// Rotates at another size.
    #[must_use]
    pub fn rotating_at(mut self, bytes_max: u64) -> Self {
        self.bytes_max = bytes_max;
        self
    }

    /// Writes everything that the journal holds and the logs do not.
    ///
    /// # Errors
    /// See [`LogsError`]; what was not written comes with the next call.
    pub fn catch_up(&mut self, patience: Patience) -> Result<(), LogsError> {
        let _held = self.lock(patience)?;
        let dir = self.state_dir.join(DIR);
        self.write(&dir)
    }

    /// Catches up, then gives every line of a log that is on disk, the oldest first.
    ///
    /// # Errors
    /// See [`LogsError`].
    pub fn read(&mut self, name: &str, patience: Patience, each: &mut dyn FnMut(&str)) -> Result<(), LogsError> {
        let _held = self.lock(patience)?;
        let dir = self.state_dir.join(DIR);
        self.write(&dir)?;
        file::read_lines(&dir, name, each).map_err(|source| LogsError::Io { dir, source })
    }

    /// Makes all logs anew from the journal, and puts them in the old ones' place in one step. Files in the folder that
    /// no subscriber writes stay.
    ///
    /// # Errors
    /// See [`LogsError`]; the old logs are untouched then.
    pub fn rebuild(&mut self, patience: Patience) -> Result<(), LogsError> {
        let _held = self.lock(patience)?;
        let (dir, new) = (self.state_dir.join(DIR), self.state_dir.join(REBUILD_DIR));
        let failed = |source| LogsError::Io { dir: dir.clone(), source };
        remove(&new).map_err(failed)?;
        for reading in &mut self.subscribers {
            reading.remembers = None;
        }
        let built = self.write(&new).and_then(|()| self.replace(&dir, &new).map_err(failed));
        for reading in &mut self.subscribers {
            reading.remembers = None;
        }
        let removed = remove(&new).map_err(failed);
        built.and(removed)
    }

    fn replace(&self, dir: &Path, new: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)?;
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let name = entry.file_name();
            let text = name.to_string_lossy();
            let ours = self.subscribers.iter().any(|r| file::is_of(r.subscriber.name(), &text));
            if !ours && entry.file_type()?.is_file() {
                // The same file under both names: whoever has it open goes on writing to it.
                let to = new.join(&name);
                fs::hard_link(entry.path(), &to).or_else(|_| fs::copy(entry.path(), &to).map(drop))?;
            }
        }
        exchange(dir, new)
    }

    fn lock(&self, patience: Patience) -> Result<Held, LogsError> {
        let failed = |source| LogsError::Io { dir: self.state_dir.join(DIR), source };
        let file = File::options().create(true).truncate(false).write(true).open(self.state_dir.join(LOCK)).map_err(failed)?;
        let deadline = match patience {
            Patience::None => None,
            Patience::For(wait) => Instant::now().checked_add(wait),
        };
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Held { _lock: file }),
                Err(TryLockError::Error(source)) => return Err(failed(source)),
                Err(TryLockError::WouldBlock) if deadline.is_none_or(|at| Instant::now() >= at) => {
                    return Err(LogsError::Busy(self.state_dir.join(DIR)));
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_POLL),
            }
        }
    }

    /// From the cursors in this folder to the journal's end. The caller holds the lock.
    fn write(&mut self, dir: &Path) -> Result<(), LogsError> {
        let Self { journal, subscribers, runs, bytes_max, .. } = self;
        let failed = |source| LogsError::Io { dir: dir.to_owned(), source };
        fs::create_dir_all(dir).map_err(failed)?;
        let (identity, last) = (journal.identity()?, journal.end()?);
        let mut writing = Vec::with_capacity(subscribers.len());
        for reading in subscribers {
            let log = LogFile::open(dir, reading.subscriber.name(), &identity, last, *bytes_max).map_err(failed)?;
            reading.remember(dir, log.at()).map_err(failed)?;
            let taken = log.at();
            writing.push(Writing { reading, log, text: String::new(), taken });
        }
        let Some(mut from) = writing.iter().map(|w| w.log.at()).min() else { return Ok(()) };
        runs.stand_at(journal, from.seq)?;
        let nothing = State::default();
        loop {
            let page = journal.entries(from, PAGE)?;
            for entry in &page {
                let state = match &entry.fact {
                    Fact::Event { run, event, .. } => runs.after(journal, run, entry.position.seq, entry.at, event)?,
                    Fact::Report(_) => &nothing,
                };
                for w in &mut writing {
                    w.take(entry, state).map_err(failed)?;
                }
                from = entry.position;
            }
            for w in &mut writing {
                w.flush(from).map_err(failed)?;
            }
            if page.len() < PAGE as usize {
                return Ok(());
            }
        }
    }
}

impl Reading {
    /// Makes its memory that of the log, if it has one and somebody else wrote meanwhile.
    fn remember(&mut self, dir: &Path, at: Position) -> io::Result<()> {
        if self.subscriber.has_memory() && self.remembers != Some(at) {
            self.subscriber.forget();
            let subscriber = &mut self.subscriber;
            file::read_lines(dir, subscriber.name(), &mut |line| subscriber.recall(line))?;
        }
        self.remembers = Some(at);
        Ok(())
    }
}

impl Writing<'_> {
    fn take(&mut self, entry: &Entry, state: &State) -> io::Result<()> {
        if entry.position <= self.log.at() {
            return Ok(());
        }
        // Until it is written, what the subscriber remembers is ahead of its log.
        self.reading.remembers = None;
        let mut lines = Lines::at(entry.position);
        self.reading.subscriber.take(entry, state, &mut lines)?;
        // Between two entries, so that a rotated file is complete; one that is too long for any file is alone in its own.
        if !self.log.has_room_for(self.text.len() + lines.text().len()) && !lines.text().is_empty() {
            self.flush(self.taken)?;
            self.log.rotate_now()?;
        }
        self.text.push_str(lines.text());
        self.taken = entry.position;
        if self.text.len() >= TEXT_BYTES_MAX {
            self.flush(entry.position)?;
        }
        Ok(())
    }

    fn flush(&mut self, at: Position) -> io::Result<()> {
        if at > self.log.at() {
            self.log.append(&self.text, at)?;
            self.text.clear();
            self.taken = at;
        }
        self.reading.remembers = Some(self.log.at());
        Ok(())
    }
}

fn remove(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Puts `new` in the place of `dir`, and `dir` in that of `new`.
fn exchange(dir: &Path, new: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        if renameat_with(CWD, dir, CWD, new, RenameFlags::EXCHANGE).is_ok() {
            return Ok(());
        }
    }
    // Where there is no exchange there is a moment without the folder; who dies in it leaves the logs to be made anew.
    let old = dir.with_extension("old");
    remove(&old)?;
    fs::rename(dir, &old)?;
    fs::rename(new, dir)?;
    fs::rename(&old, new)
}
