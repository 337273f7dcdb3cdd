//! What has been told and what is still to be told, in a file of its own beside the journal: `trackers.db`. Made when there is something
//! to be told, and made anew from the journal when it is lost: whoever is told twice has said so already. Knows no tracker.

use std::path::{Path, PathBuf};
use std::time::Duration;

use greenlane_core::ids::RunId;
use greenlane_core::time::Time;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{Letter, TrackerKind, Untold};

/// The file's name in the state directory.
pub const STORE_NAME: &str = "trackers.db";

/// How long to wait for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Most letters that are remembered after they were told; the oldest are forgotten.
const TOLD_MAX: u32 = 20_000;
/// Most letters that wait to be told; the oldest are given up.
const WAITING_MAX: u32 = 100_000;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS letters (
        run TEXT NOT NULL,
        tracker TEXT NOT NULL,
        item TEXT NOT NULL,
        seq INTEGER NOT NULL,
        letter TEXT NOT NULL,
        told TEXT,
        tries INTEGER NOT NULL DEFAULT 0,
        due INTEGER NOT NULL DEFAULT 0,
        final INTEGER NOT NULL DEFAULT 0,
        problem TEXT,
        PRIMARY KEY (run, tracker, item)
    ) STRICT;
    CREATE INDEX IF NOT EXISTS letters_item ON letters (tracker, item);
    CREATE INDEX IF NOT EXISTS letters_waiting ON letters (seq) WHERE told IS NOT letter;
    CREATE TABLE IF NOT EXISTS cursor (seq INTEGER NOT NULL) STRICT;
    INSERT INTO cursor (seq) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM cursor);
";

/// A letter that waits, with its place in the store.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub untold: Untold,
    pub due: Time,
}

/// The open file.
pub(super) struct Store {
    db: Connection,
}

impl Store {
    pub fn path(state_dir: &Path) -> PathBuf {
        state_dir.join(STORE_NAME)
    }

    pub fn create(state_dir: &Path) -> rusqlite::Result<Self> {
        let db = Connection::open(Self::path(state_dir))?;
        db.busy_timeout(BUSY_TIMEOUT)?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "NORMAL")?;
        db.execute_batch(&format!("BEGIN IMMEDIATE; {TABLES} COMMIT;"))?;
        Ok(Self { db })
    }

    /// Up to which event of the journal the letters are drawn.
    pub fn cursor(&self) -> rusqlite::Result<u64> {
        let seq: i64 = self.db.query_row("SELECT seq FROM cursor", [], |row| row.get(0))?;
        Ok(u64::try_from(seq).unwrap_or(0))
    }

    /// Takes letters in, each with its run, drawn from the journal up to this event; all of it or nothing. One whose words are known
    /// changes nothing. `began`: the event with which a run began. What a newer run says of the same thing is all that is told of it: the older run's word counts as told.
    pub fn take(&mut self, letters: &[(&RunId, Letter)], seq: u64, began: &dyn Fn(&RunId) -> Option<u64>) -> rusqlite::Result<()> {
        let tx = self.db.transaction()?;
        {
            let mut known = tx.prepare_cached("SELECT letter FROM letters WHERE run = ?1 AND tracker = ?2 AND item = ?3")?;
            let mut write = tx.prepare_cached(
                "INSERT INTO letters (run, tracker, item, seq, letter) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (run, tracker, item) DO UPDATE SET
                    seq = excluded.seq, letter = excluded.letter, tries = 0, due = 0, final = 0, problem = NULL",
            )?;
            for (run, letter) in letters {
                let (tracker, item) = (letter.item.tracker.as_str(), &letter.item.id);
                let text = serde_json::to_string(letter).unwrap_or_default();
                let before: Option<String> = known.query_row(params![run.as_str(), tracker, item], |row| row.get(0)).optional()?;
                if before.as_deref() != Some(&text) {
                    write.execute(params![run.as_str(), tracker, item, as_i64(seq), text])?;
                    settle_runs(&tx, run, letter, began)?;
                }
            }
        }
        tx.execute("UPDATE cursor SET seq = ?1", params![as_i64(seq)])?;
        for (told, max) in [("IS", TOLD_MAX), ("IS NOT", WAITING_MAX)] {
            let oldest = format!("SELECT rowid FROM letters WHERE told {told} letter ORDER BY seq DESC LIMIT -1 OFFSET {max}");
            tx.execute(&format!("DELETE FROM letters WHERE rowid IN ({oldest})"), [])?;
        }
        tx.commit()
    }

    /// What waits to be told, in the order in which it happened.
    pub fn waiting(&self) -> rusqlite::Result<Vec<Waiting>> {
        let mut query = self
            .db
            .prepare_cached("SELECT run, letter, tries, due, final, problem FROM letters WHERE told IS NOT letter ORDER BY seq, rowid")?;
        let rows = query.query_map([], waiting)?;
        // A letter of a newer version cannot be told by this one, and waits.
        Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// This very letter was told.
    pub fn told(&self, untold: &Untold) -> rusqlite::Result<()> {
        self.update(untold, "told = ?4, problem = NULL, final = 0", params![])
    }

    /// It could not be told.
    pub fn failed(&self, untold: &Untold, why: &str, due: Time, is_final: bool) -> rusqlite::Result<()> {
        self.update(untold, "problem = ?5, due = ?6, final = ?7, tries = tries + 1", params![why, as_i64(due.0), is_final])
    }

    /// Nothing can be told to this tracker at present.
    pub fn away(&self, tracker: TrackerKind, why: &str) -> rusqlite::Result<()> {
        let sql = "UPDATE letters SET problem = ?2 WHERE told IS NOT letter AND tracker = ?1 AND problem IS NULL";
        self.db.prepare_cached(sql)?.execute(params![tracker.as_str(), why]).map(drop)
    }

    /// Unless there is a newer one about the same item by now.
    fn update(&self, untold: &Untold, set: &str, more: &[&dyn rusqlite::ToSql]) -> rusqlite::Result<()> {
        let (item, text) = (&untold.letter.item, serde_json::to_string(&untold.letter).unwrap_or_default());
        let mut params: Vec<&dyn rusqlite::ToSql> = Vec::new();
        let (run, tracker) = (untold.run.as_str(), item.tracker.as_str());
        params.extend([&run as &dyn rusqlite::ToSql, &tracker, &item.id, &text]);
        params.extend(more);
        let sql = format!("UPDATE letters SET {set} WHERE run = ?1 AND tracker = ?2 AND item = ?3 AND letter = ?4");
        self.db.prepare_cached(&sql)?.execute(params.as_slice()).map(drop)
    }

    /// Everything that was given up is tried again.
    pub fn revive(&self) -> rusqlite::Result<()> {
        self.db.execute("UPDATE letters SET final = 0, due = 0 WHERE told IS NOT letter", []).map(drop)
    }

    /// Nobody is told any more of what waits of this run and tracker; `None`: of any. Gives how many letters that were.
    pub fn drop_waiting(&self, run: Option<&RunId>, tracker: Option<TrackerKind>) -> rusqlite::Result<usize> {
        self.db.execute(
            "UPDATE letters SET told = letter WHERE told IS NOT letter AND (?1 IS NULL OR run = ?1) AND (?2 IS NULL OR tracker = ?2)",
            params![run.map(RunId::as_str), tracker.map(TrackerKind::as_str)],
        )
    }
}

/// Between several runs that speak of the same thing.
fn settle_runs(db: &Connection, run: &RunId, letter: &Letter, began: &dyn Fn(&RunId) -> Option<u64>) -> rusqlite::Result<()> {
    let (tracker, item) = (letter.item.tracker.as_str(), &letter.item.id);
    let mut query = db.prepare_cached("SELECT run, letter FROM letters WHERE tracker = ?1 AND item = ?2 AND run <> ?3")?;
    let others = query.query_map(params![tracker, item, run.as_str()], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    let mut done = db.prepare_cached("UPDATE letters SET told = letter WHERE tracker = ?1 AND item = ?2 AND run = ?3")?;
    for (other, text) in others.collect::<rusqlite::Result<Vec<_>>>()? {
        let Ok(theirs) = serde_json::from_str::<Letter>(&text) else { continue };
        // Ids of runs tell no more than the second.
        if began(&RunId::from(other.as_str())) < began(run) {
            if letter.supersedes(&theirs) {
                done.execute(params![tracker, item, other])?;
            }
        } else if letter.is_moot_after(&theirs) {
            done.execute(params![tracker, item, run.as_str()])?;
        }
    }
    Ok(())
}

fn waiting(row: &Row<'_>) -> rusqlite::Result<Option<Waiting>> {
    let (run, text, tries): (String, String, u32) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let (due, is_final, problem): (i64, bool, Option<String>) = (row.get(3)?, row.get(4)?, row.get(5)?);
    let Ok(letter) = serde_json::from_str(&text) else { return Ok(None) };
    let untold = Untold { run: RunId::from(run), letter, tries, problem, given_up: is_final };
    Ok(Some(Waiting { untold, due: Time(u64::try_from(due).unwrap_or(0)) }))
}

fn as_i64(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
