//! The journal as its subscribers read it: events and what other processes reported, in one order that never changes.
//!
//! A report is given the number of the event before it in the transaction that writes it. Transactions follow on one another, so
//! whoever has read up to a position finds everything that is written later behind it.

use greenlane_core::event::Event;
use greenlane_core::failure::Circumstances;
use greenlane_core::ids::RunId;
use greenlane_core::time::Time;
use rusqlite::{TransactionBehavior, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Journal, JournalError, as_i64, as_u64};

/// A place in the order of all entries: behind this event and this report. Events have no report's number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// The event's number, or that of the last event before a report.
    pub seq: u64,
    /// The report's number; 0 for an event.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub report: u64,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// Something that a script or an external worker told, as opposed to what the coordinator decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Which verb wrote it: `failure`, `deficiency`, ….
    pub kind: String,
    /// What it said; its shape is the verb's own.
    pub body: Value,
}

/// What an entry holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// An event of a run.
    Event {
        /// Of which.
        run: RunId,
        /// What happened.
        event: Box<Event>,
        /// What was seen beside it.
        circumstances: Option<Box<Circumstances>>,
    },
    /// Another process's word.
    Report(Report),
}

/// One entry of the journal, in the order of all.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its place.
    pub position: Position,
    /// When it was written.
    pub at: Time,
    /// What it holds.
    pub fact: Fact,
}

type Row = (i64, i64, String, i64, String, String, Option<String>);

impl Journal {
    /// Which journal this is: a random word, made with it. A log that was written from another one is told by it.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn identity(&self) -> Result<String, JournalError> {
        self.sqlite(|db| db.query_row("SELECT id FROM identity LIMIT 1", [], |row| row.get(0)))
    }

    /// The place of the last entry.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn end(&self) -> Result<Position, JournalError> {
        self.sqlite(|db| {
            db.query_row(
                "SELECT coalesce((SELECT max(seq) FROM events), 0), coalesce((SELECT max(after_seq) FROM reports), 0), coalesce((SELECT max(id) FROM reports), 0)",
                [],
                |row| {
                    let (seq, after, id) = (as_u64(row.get(0)?), as_u64(row.get(1)?), as_u64(row.get(2)?));
                    Ok(Position { seq, report: if after == seq { id } else { 0 } })
                },
            )
        })
    }

    /// The entries after a position, at most `limit`.
    ///
    /// # Errors
    /// If it cannot be read, or holds what is no event.
    pub fn entries(&self, after: Position, limit: u32) -> Result<Vec<Entry>, JournalError> {
        let rows: Vec<Row> = self.sqlite(|db| {
            let mut query = db.prepare_cached(
                "SELECT e.seq AS s, 0 AS r, e.run, e.at, e.kind, e.body, c.body FROM events e
                   LEFT JOIN circumstances c ON c.seq = e.seq WHERE e.seq > ?1
                 UNION ALL
                 SELECT after_seq, id, '', at, kind, body, NULL FROM reports WHERE after_seq >= ?1 AND (after_seq > ?1 OR id > ?2)
                 ORDER BY s, r LIMIT ?3",
            )?;
            let rows = query.query_map(params![as_i64(after.seq), as_i64(after.report), limit], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?))
            })?;
            rows.collect()
        })?;
        rows.into_iter().map(|row| self.entry(row)).collect()
    }

    fn entry(&self, (seq, report, run, at, kind, body, beside): Row) -> Result<Entry, JournalError> {
        let position = Position { seq: as_u64(seq), report: as_u64(report) };
        let bad = |e: serde_json::Error| JournalError::Event { path: self.path.clone(), seq: position.seq, message: e.to_string() };
        let fact = if position.report == 0 {
            let circumstances = beside.map(|text| serde_json::from_str(&text)).transpose().map_err(bad)?;
            Fact::Event { run: RunId::from(run), event: serde_json::from_str(&body).map_err(bad)?, circumstances }
        } else {
            Fact::Report(Report { kind, body: serde_json::from_str(&body).map_err(bad)? })
        };
        Ok(Entry { position, at: Time(as_u64(at)), fact })
    }

    /// Writes down, durably, what another process has to say; also while a coordinator is at work. Gives its place.
    ///
    /// # Errors
    /// If SQLite cannot write.
    pub fn report(&mut self, at: Time, report: &Report) -> Result<Position, JournalError> {
        let path = self.path.clone();
        let body = report.body.to_string();
        let write = |db: &mut rusqlite::Connection| -> rusqlite::Result<Position> {
            // At once for writing: what is read here must be the last event when the report is written.
            let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let seq: i64 = tx.query_row("SELECT coalesce(max(seq), 0) FROM events", [], |row| row.get(0))?;
            tx.execute(
                "INSERT INTO reports (after_seq, at, kind, body) VALUES (?1, ?2, ?3, ?4)",
                params![seq, as_i64(at.0), report.kind, body],
            )?;
            let id = tx.last_insert_rowid();
            tx.commit()?;
            Ok(Position { seq: as_u64(seq), report: as_u64(id) })
        };
        write(&mut self.db).map_err(|source| JournalError::Sqlite { path, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_stand_behind_the_events_that_were_there_when_they_came() -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        let mut journal = Journal::create(dir.path())?;
        let report = |n: u32| Report { kind: "failure".into(), body: serde_json::json!({ "n": n }) };
        assert_eq!(journal.report(Time(1), &report(1))?, Position { seq: 0, report: 1 });
        let run = RunId::from("r");
        journal.append(&run, Time(2), &[Event::RunStarted { options: Box::default() }, Event::RunPaused])?;
        journal.report(Time(3), &report(2))?;
        journal.report(Time(3), &report(3))?;
        journal.append(&run, Time(4), &[Event::RunUnpaused])?;
        let all: Vec<Position> = journal.entries(Position::default(), 100)?.into_iter().map(|e| e.position).collect();
        let places = [(0, 1), (1, 0), (2, 0), (2, 2), (2, 3), (3, 0)].map(|(seq, report)| Position { seq, report });
        assert_eq!(all, places);
        for (n, place) in places.iter().enumerate() {
            let rest: Vec<Position> = journal.entries(*place, 2)?.into_iter().map(|e| e.position).collect();
            assert_eq!(rest, places[n + 1..].iter().take(2).copied().collect::<Vec<_>>(), "after {place:?}");
        }
        Ok(())
    }
}
