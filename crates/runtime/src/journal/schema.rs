//! The journal's tables and their format number. Knows no events.

use std::path::Path;

use rusqlite::Connection;

use super::JournalError;

/// The newest format that this version reads and writes. 2 added `circumstances`, `reports` and `identity`.
const FORMAT: i64 = 2;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS events (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        run TEXT NOT NULL,
        at INTEGER NOT NULL,
        kind TEXT NOT NULL,
        body TEXT NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS events_run ON events (run, seq);
    CREATE INDEX IF NOT EXISTS events_kind ON events (kind, seq) WHERE kind IN ('run_started', 'plan_queued');
    CREATE TABLE IF NOT EXISTS green_trees (
        tree TEXT NOT NULL,
        suite TEXT NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (tree, suite)
    ) STRICT;
    CREATE TABLE IF NOT EXISTS circumstances (
        seq INTEGER PRIMARY KEY,
        body TEXT NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS reports (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        after_seq INTEGER NOT NULL,
        at INTEGER NOT NULL,
        kind TEXT NOT NULL,
        body TEXT NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS reports_order ON reports (after_seq, id);
    CREATE TABLE IF NOT EXISTS identity (
        id TEXT NOT NULL
    ) STRICT;
    INSERT INTO identity (id) SELECT lower(hex(randomblob(8))) WHERE NOT EXISTS (SELECT 1 FROM identity);
";

/// Makes the tables, where they are missing, and sets durability: a committed event survives the loss of power.
pub(super) fn prepare(db: &Connection, path: &Path) -> Result<(), JournalError> {
    check(db, path)?;
    let all = || -> rusqlite::Result<()> {
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        let format: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if format < FORMAT {
            db.execute_batch(&format!("BEGIN IMMEDIATE; {TABLES} PRAGMA user_version = {FORMAT}; COMMIT;"))?;
        }
        Ok(())
    };
    all().map_err(|source| JournalError::Sqlite { path: path.to_owned(), source })
}

/// Brings a journal that an older version wrote up to date; one that is not prepared at all is left alone.
pub(super) fn upgrade(db: &Connection, path: &Path) -> Result<(), JournalError> {
    match format_of(db, path)? {
        0 | FORMAT.. => Ok(()),
        _ => prepare(db, path),
    }
}

/// Refuses a journal that a newer version wrote.
pub(super) fn check(db: &Connection, path: &Path) -> Result<(), JournalError> {
    let found = format_of(db, path)?;
    if found > FORMAT {
        return Err(JournalError::TooNew { path: path.to_owned(), found, known: FORMAT });
    }
    Ok(())
}

/// The tables are there: file and tables are not made in one step, and a reader may come in between.
pub(super) fn is_prepared(db: &Connection, path: &Path) -> Result<bool, JournalError> {
    Ok(format_of(db, path)? > 0)
}

fn format_of(db: &Connection, path: &Path) -> Result<i64, JournalError> {
    db.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(|source| JournalError::Sqlite { path: path.to_owned(), source })
}
