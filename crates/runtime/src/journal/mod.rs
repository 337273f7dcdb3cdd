//! The journal: events in SQLite, appended before anything is done about them. The only truth about a run.
//!
//! Knows nothing of what events mean, but for the few that later runs look up (see [`history`]).

mod entries;
mod error;
mod history;
mod schema;

use std::path::{Path, PathBuf};
use std::time::Duration;

use greenlane_core::event::Event;
use greenlane_core::failure::Circumstances;
use greenlane_core::ids::RunId;
use greenlane_core::state::{Illegal, State};
use greenlane_core::time::Time;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};

pub use entries::{Entry, Fact, Position, Report};
pub use error::JournalError;
pub use history::{LandedEarlier, PlanHistory};

/// The journal's file under the state directory.
pub const FILE_NAME: &str = "state.db";

/// How long a reader waits for another process that holds the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The same for whoever writes: a coordinator ends if it cannot write, and a backup may hold the file for a while.
const BUSY_TIMEOUT_WRITING: Duration = Duration::from_secs(30);

/// Events lie in the log beside the file that are not in it yet.
fn has_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    Path::new(&log).metadata().is_ok_and(|m| m.len() > 0)
}

/// The name by which SQLite reads a file that nobody changes: without a log beside it, and without making one.
fn unchanging(path: &Path) -> PathBuf {
    let mut name = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => name.push(char::from(*byte)),
            other => name.push_str(&format!("%{other:02x}")),
        }
    }
    PathBuf::from(name + "?immutable=1")
}

/// One line of the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its number, from 1, over all runs.
    pub seq: u64,
    /// Of which run.
    pub run: RunId,
    /// When it was decided.
    pub at: Time,
    /// What happened.
    pub event: Event,
}

/// A run as the list of runs shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct RunEntry {
    /// Its id.
    pub run: RunId,
    /// When it began.
    pub started_at: Time,
    /// The number of its last event.
    pub last_seq: u64,
}

/// An open journal. One process writes, under the coordinator's lock; any number read.
pub struct Journal {
    db: Connection,
    path: PathBuf,
}

impl Journal {
    /// Opens it for writing; makes it where there is none.
    ///
    /// # Errors
    /// If it cannot be made or opened, or is of a newer format.
    pub fn create(state_dir: &Path) -> Result<Self, JournalError> {
        let path = state_dir.join(FILE_NAME);
        let journal = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        schema::prepare(&journal.db, &journal.path)?;
        journal.sqlite(|db| db.busy_timeout(BUSY_TIMEOUT_WRITING))?;
        Ok(journal)
    }

    /// Opens an existing one for reading.
    ///
    /// # Errors
    /// [`JournalError::Missing`] where there is none.
    pub fn read(state_dir: &Path) -> Result<Self, JournalError> {
        let path = state_dir.join(FILE_NAME);
        if !path.exists() {
            return Err(JournalError::Missing(path));
        }
        // Not SQLITE_OPEN_READ_ONLY: a reader of a write-ahead log has to be able to recover it after a crash.
        match Self::reading(path.clone(), OpenFlags::SQLITE_OPEN_READ_WRITE) {
            // A place where nothing can be written can still be looked at; there is nobody who writes at the same time.
            Err(e) if e.is_read_only() => match Self::reading(path.clone(), OpenFlags::SQLITE_OPEN_READ_ONLY) {
                Err(still) if still.is_read_only() && !has_log(&path) => {
                    Self::reading(unchanging(&path), OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI)
                }
                read => read,
            },
            read => read,
        }
        .map_err(|e| e.at(&path))
    }

    /// Reads it through, as SQLite's own check does; gives what is wrong in SQLite's words.
    ///
    /// # Errors
    /// If it cannot be opened or read at all.
    pub fn examine(state_dir: &Path) -> Result<Option<String>, JournalError> {
        let journal = Self::read(state_dir)?;
        let word: String = journal.sqlite(|db| db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)))?;
        Ok((word != "ok").then_some(word))
    }

    fn reading(path: PathBuf, flags: OpenFlags) -> Result<Self, JournalError> {
        let journal = Self::connect(path, flags)?;
        schema::check(&journal.db, &journal.path)?;
        schema::upgrade(&journal.db, &journal.path)?;
        if !schema::is_prepared(&journal.db, &journal.path)? {
            // Its first coordinator has made the file and not yet its tables: nothing has been written down.
            return Err(JournalError::Missing(journal.path));
        }
        Ok(journal)
    }

    fn connect(path: PathBuf, flags: OpenFlags) -> Result<Self, JournalError> {
        let open = || {
            let db = Connection::open_with_flags(&path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
            db.busy_timeout(BUSY_TIMEOUT)?;
            Ok(db)
        };
        let db = open().map_err(|source| JournalError::Sqlite { path: path.clone(), source })?;
        Ok(Self { db, path })
    }

    /// Appends in one transaction, durably; gives the number of the last event.
    ///
    /// # Errors
    /// If SQLite cannot write; nothing was appended then.
    pub fn append(&mut self, run: &RunId, at: Time, events: &[Event]) -> Result<u64, JournalError> {
        self.append_with(run, at, events, &[])
    }

    /// The same, with what was seen beside some of them, each with its event's place in `events`.
    ///
    /// # Errors
    /// As [`Journal::append`].
    pub fn append_with(&mut self, run: &RunId, at: Time, events: &[Event], beside: &[(usize, Circumstances)]) -> Result<u64, JournalError> {
        let path = self.path.clone();
        let mut bodies = Vec::with_capacity(events.len());
        for event in events {
            let body =
                serde_json::to_string(event).map_err(|e| JournalError::Event { path: path.clone(), seq: 0, message: e.to_string() })?;
            bodies.push(body);
        }
        let mut texts = Vec::with_capacity(beside.len());
        for (index, circumstances) in beside {
            let text = serde_json::to_string(circumstances);
            texts.push((*index, text.map_err(|e| JournalError::Event { path: path.clone(), seq: 0, message: e.to_string() })?));
        }
        let write = |db: &mut Connection| -> rusqlite::Result<u64> {
            let tx = db.transaction()?;
            let mut last = 0;
            {
                let mut insert = tx.prepare_cached("INSERT INTO events (run, at, kind, body) VALUES (?1, ?2, ?3, ?4)")?;
                for (index, body) in bodies.iter().enumerate() {
                    insert.execute(params![run.as_str(), as_i64(at.0), history::kind_of(body), body])?;
                    last = tx.last_insert_rowid();
                    for (_, text) in texts.iter().filter(|(at, _)| *at == index) {
                        tx.prepare_cached("INSERT INTO circumstances (seq, body) VALUES (?1, ?2)")?.execute(params![last, text])?;
                    }
                }
            }
            tx.commit()?;
            Ok(as_u64(last))
        };
        write(&mut self.db).map_err(|source| JournalError::Sqlite { path, source })
    }

    /// The events of a run (or of all) after a number, in order, at most `limit`.
    ///
    /// # Errors
    /// If it cannot be read, or holds what is no event.
    pub fn since(&self, run: Option<&RunId>, seq: u64, limit: u32) -> Result<Vec<Record>, JournalError> {
        let rows = self.sqlite(|db| {
            let mut query = db.prepare_cached(
                "SELECT seq, run, at, body FROM events WHERE seq > ?1 AND (?2 IS NULL OR run = ?2) ORDER BY seq LIMIT ?3",
            )?;
            let rows = query.query_map(params![as_i64(seq), run.map(RunId::as_str), limit], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?, row.get::<_, String>(3)?))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        rows.into_iter()
            .map(|(seq, run, at, body)| {
                let seq = as_u64(seq);
                let event = serde_json::from_str(&body).map_err(|e| JournalError::Event {
                    path: self.path.clone(),
                    seq,
                    message: e.to_string(),
                })?;
                Ok(Record { seq, run: RunId::from(run), at: Time(as_u64(at)), event })
            })
            .collect()
    }

    /// Replays a run; gives its state and the number of its last event.
    ///
    /// # Errors
    /// If it cannot be read, or its events do not follow on one another.
    pub fn load(&self, run: &RunId) -> Result<(State, u64), JournalError> {
        let mut state = State::default();
        let mut seq = 0;
        loop {
            const PAGE: u32 = 10_000;
            let page = self.since(Some(run), seq, PAGE)?;
            for record in &page {
                state.apply(record.at, &record.event).map_err(|e: Illegal| JournalError::Event {
                    path: self.path.clone(),
                    seq: record.seq,
                    message: e.to_string(),
                })?;
                seq = record.seq;
            }
            if page.len() < PAGE as usize {
                return Ok((state, seq));
            }
        }
    }

    /// The runs, the newest first, at most `limit`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn runs(&self, limit: u32) -> Result<Vec<RunEntry>, JournalError> {
        self.sqlite(|db| {
            let mut query = db.prepare_cached(
                "SELECT run, at, (SELECT max(seq) FROM events e WHERE e.run = s.run) FROM events s
                 WHERE kind = 'run_started' ORDER BY seq DESC LIMIT ?1",
            )?;
            let rows = query.query_map(params![limit], |row| {
                Ok(RunEntry {
                    run: RunId::from(row.get::<_, String>(0)?),
                    started_at: Time(as_u64(row.get(1)?)),
                    last_seq: as_u64(row.get(2)?),
                })
            })?;
            rows.collect()
        })
    }

    /// The suite was green on this tree before, with these commands.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn is_green(&self, tree: &str, suite: &str) -> Result<bool, JournalError> {
        self.sqlite(|db| {
            let mut query = db.prepare_cached("SELECT 1 FROM green_trees WHERE tree = ?1 AND suite = ?2")?;
            Ok(query.query_row(params![tree, suite], |_| Ok(())).optional()?.is_some())
        })
    }

    /// Remembers that the suite was green on this tree. A cache: losing it costs a run of the suite, nothing else.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn remember_green(&self, tree: &str, suite: &str, at: Time) -> Result<(), JournalError> {
        self.sqlite(|db| {
            db.execute("INSERT OR REPLACE INTO green_trees (tree, suite, at) VALUES (?1, ?2, ?3)", params![tree, suite, as_i64(at.0)])?;
            // Bounded: the newest ten thousand are plenty.
            db.execute("DELETE FROM green_trees WHERE rowid <= (SELECT max(rowid) - 10000 FROM green_trees)", [])?;
            Ok(())
        })
    }

    fn sqlite<T>(&self, call: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, JournalError> {
        call(&self.db).map_err(|source| JournalError::Sqlite { path: self.path.clone(), source })
    }
}

fn as_i64(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn as_u64(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_appended_is_read_back_and_replays() -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        let run = RunId::from("r1");
        let mut journal = Journal::create(dir.path())?;
        let events = [Event::RunStarted { options: Box::default() }, Event::RunPaused, Event::RunEnded { finished: true }];
        let last = journal.append(&run, Time(5), &events)?;
        assert_eq!(last, 3);

        let reader = Journal::read(dir.path())?;
        let got: Vec<Event> = reader.since(Some(&run), 0, 100)?.into_iter().map(|r| r.event).collect();
        assert_eq!(got, events);
        assert_eq!(reader.since(Some(&run), 2, 100)?.len(), 1, "only what is after the number");
        assert_eq!(reader.since(Some(&RunId::from("other")), 0, 100)?.len(), 0);
        let (state, seq) = reader.load(&run)?;
        assert!(state.paused && state.finished);
        assert_eq!(seq, 3);
        assert_eq!(reader.runs(10)?, [RunEntry { run, started_at: Time(5), last_seq: 3 }]);
        Ok(())
    }

    #[test]
    fn an_event_is_stored_under_the_kind_that_its_json_says() -> Result<(), Box<dyn std::error::Error>> {
        let body = serde_json::to_string(&Event::RunStarted { options: Box::default() })?;
        assert_eq!(history::kind_of(&body), "run_started");
        Ok(())
    }

    #[test]
    fn a_journal_of_a_newer_format_is_refused() -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        drop(Journal::create(dir.path())?);
        Connection::open(dir.path().join(FILE_NAME))?.pragma_update(None, "user_version", 99)?;
        assert!(matches!(Journal::read(dir.path()), Err(JournalError::TooNew { found: 99, .. })));
        assert!(matches!(Journal::create(dir.path()), Err(JournalError::TooNew { found: 99, .. })));
        Ok(())
    }

    #[test]
    fn a_journal_whose_tables_are_still_to_be_made_holds_nothing_yet() -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        drop(Connection::open(dir.path().join(FILE_NAME))?.pragma_update(None, "journal_mode", "WAL"));
        assert!(matches!(Journal::read(dir.path()), Err(JournalError::Missing(_))));
        drop(Journal::create(dir.path())?);
        assert_eq!(Journal::read(dir.path())?.since(None, 0, 10)?.len(), 0);
        Ok(())
    }

    #[test]
    fn a_green_tree_is_remembered_for_its_suite_only() -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        let journal = Journal::create(dir.path())?;
        journal.remember_green("tree", "suite", Time(1))?;
        assert!(journal.is_green("tree", "suite")?);
        assert!(!journal.is_green("tree", "another suite")?);
        assert!(!journal.is_green("another tree", "suite")?);
        Ok(())
    }
}
