//! The logs that are derived from the journal: each line once, whatever process wrote it, died on it, or took lines away.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use greenlane_core::event::Event;
use greenlane_core::ids::RunId;
use greenlane_core::state::State;
use greenlane_core::time::Time;
use greenlane_runtime::journal::Journal;
use greenlane_runtime::subscriber::{Entry, Fact, Lines, Logs, LogsError, Patience, ROTATED_MAX, Report, Subscriber};
use serde_json::{Value, json};

const WAIT: Patience = Patience::For(Duration::from_secs(10));

/// Two lines for every third event, none for others; one for each report; counts what it has written.
#[derive(Default)]
struct Sample {
    count: u64,
    recalled: Arc<Mutex<u64>>,
}

impl Subscriber for Sample {
    fn name(&self) -> &'static str {
        "sample"
    }

    fn take(&mut self, entry: &Entry, state: &State, lines: &mut Lines) -> Result<(), serde_json::Error> {
        let times = match &entry.fact {
            Fact::Event { .. } if entry.position.seq.is_multiple_of(3) => 2,
            Fact::Event { .. } => 0,
            Fact::Report(_) => 1,
        };
        for part in 0..times {
            self.count += 1;
            lines.push(&json!({"part": part, "n": self.count, "paused": state.paused, "text": "x".repeat(40)}))?;
        }
        Ok(())
    }

    fn has_memory(&self) -> bool {
        true
    }

    fn forget(&mut self) {
        self.count = 0;
    }

    fn recall(&mut self, line: &str) {
        let line: Value = serde_json::from_str(line).unwrap();
        self.count = line["n"].as_u64().unwrap();
        *self.recalled.lock().unwrap() += 1;
    }
}

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    /// A journal with a run of `n` events, the first of which starts it; a report after every tenth.
    fn new(n: u64) -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap() };
        place.journal().append(&RunId::from("r"), Time(1), &[Event::RunStarted { options: Box::default() }]).unwrap();
        place.grow(n - 1);
        place
    }

    fn grow(&self, n: u64) {
        let mut journal = self.journal();
        for _ in 0..n {
            let seq = journal.end().unwrap().seq + 1;
            let event = if seq.is_multiple_of(2) { Event::RunPaused } else { Event::RunUnpaused };
            journal.append(&RunId::from("r"), Time(seq), &[event]).unwrap();
            if seq.is_multiple_of(10) {
                journal.report(Time(seq), &Report { kind: "told".into(), body: json!({}) }).unwrap();
            }
        }
    }

    fn journal(&self) -> Journal {
        Journal::create(self.dir.path()).unwrap()
    }

    fn logs(&self) -> Logs {
        Logs::with(self.dir.path(), vec![Box::<Sample>::default()]).unwrap().rotating_at(4_000)
    }

    fn catch_up(&self) {
        self.logs().catch_up(WAIT).unwrap();
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("logs")
    }

    fn file(&self) -> PathBuf {
        self.folder().join("sample.jsonl")
    }

    /// Everything that is on disk, from the oldest line on.
    fn text(&self) -> String {
        let rotated = (1..=ROTATED_MAX).rev().map(|n| self.folder().join(format!("sample.jsonl.{n}")));
        rotated.chain([self.file()]).map(|p| fs::read_to_string(p).unwrap_or_default()).collect()
    }

    /// What they must be, and are when nothing ever goes wrong.
    fn expected(&self) -> String {
        let other = Self { dir: tempfile::tempdir().unwrap() };
        for name in ["state.db", "state.db-wal"] {
            drop(fs::copy(self.dir.path().join(name), other.dir.path().join(name)));
        }
        Logs::with(other.dir.path(), vec![Box::<Sample>::default()]).unwrap().catch_up(WAIT).unwrap();
        fs::read_to_string(other.file()).unwrap()
    }
}

fn numbers(text: &str) -> Vec<u64> {
    text.lines().map(|l| serde_json::from_str::<Value>(l).unwrap()["n"].as_u64().unwrap()).collect()
}

#[test]
fn each_entry_has_its_lines_once_however_often_and_by_whom_they_are_caught_up() {
    let place = Place::new(20);
    let mut first = place.logs();
    first.catch_up(WAIT).unwrap();
    place.grow(7);
    place.catch_up();
    place.grow(5);
    first.catch_up(WAIT).unwrap();
    first.catch_up(WAIT).unwrap();
    let text = place.text();
    assert_eq!(text, place.expected());
    // 32 events: two lines for 3, 6, …, 30, and one for each of three reports.
    assert_eq!(numbers(&text), (1..=23).collect::<Vec<_>>());
    assert!(text.starts_with("{\"schema\":1,\"seq\":3,\"n\":1,\"part\":0,\"paused\":false,\"text\":"), "{text}");
    assert!(text.contains("{\"schema\":1,\"seq\":10,\"report\":1,\"n\":"), "{text}");
}

#[test]
fn a_log_that_was_cut_anywhere_is_completed_without_a_line_twice() {
    let place = Place::new(40);
    place.catch_up();
    let (whole, cursor) = (fs::read(place.file()).unwrap(), fs::read(place.folder().join(".sample.cursor")).unwrap());
    // Killed while it wrote: the cursor is that of an earlier moment, the file holds any part of what came after.
    let early = Place::new(19);
    early.catch_up();
    let early_cursor = fs::read_to_string(early.folder().join(".sample.cursor")).unwrap();
    let early_len = fs::metadata(early.file()).unwrap().len();
    let journal = serde_json::from_slice::<Value>(&cursor).unwrap()["journal"].clone();
    let mut early_cursor: Value = serde_json::from_str(&early_cursor).unwrap();
    early_cursor["journal"] = journal;
    for len in (early_len..=whole.len() as u64).step_by(13) {
        fs::write(place.file(), &whole[..usize::try_from(len).unwrap()]).unwrap();
        fs::write(place.folder().join(".sample.cursor"), early_cursor.to_string()).unwrap();
        place.catch_up();
        assert_eq!(fs::read(place.file()).unwrap(), whole, "cut at {len}");
    }
    // The power went: the cursor is ahead of what is left of the file, or there is no cursor, or it is garbage.
    for len in (0..=whole.len()).step_by(13) {
        for cursor in [Some(cursor.as_slice()), None, Some(b"{\"jour")] {
            fs::write(place.file(), &whole[..len]).unwrap();
            let path = place.folder().join(".sample.cursor");
            match cursor {
                Some(bytes) => fs::write(&path, bytes).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            place.catch_up();
            assert_eq!(fs::read(place.file()).unwrap(), whole, "{len} bytes left, cursor {cursor:?}");
        }
    }
    // Blocks that were never written are zeros.
    let mut holed = whole[..whole.len() / 2].to_vec();
    holed.extend([0; 300]);
    fs::write(place.file(), &holed).unwrap();
    place.catch_up();
    assert_eq!(fs::read(place.file()).unwrap(), whole);
}

#[test]
fn a_full_log_is_rotated_and_no_line_is_lost_or_doubled_at_its_edges() {
    let place = Place::new(3);
    for _ in 0..90 {
        place.grow(2);
        place.catch_up();
    }
    assert!(place.folder().join("sample.jsonl.2").exists() && !place.folder().join("sample.jsonl.9").exists());
    let text = place.text();
    assert_eq!(text, place.expected());
    // Killed right after a file was rotated, before the new one and the cursor were written.
    let cursor = fs::read_to_string(place.folder().join(".sample.cursor")).unwrap();
    let held = fs::metadata(place.file()).unwrap().len();
    let mut both = fs::read(place.folder().join("sample.jsonl.1")).unwrap();
    both.extend(fs::read(place.file()).unwrap());
    fs::write(place.folder().join("sample.jsonl.1"), &both).unwrap();
    fs::remove_file(place.file()).unwrap();
    assert!(held > 0 && cursor.contains(&format!("\"bytes\":{held}")), "{cursor}");
    place.catch_up();
    assert_eq!(place.text(), text);
}

#[test]
fn of_old_lines_a_bounded_number_is_kept() {
    let place = Place::new(3);
    for _ in 0..120 {
        place.grow(6);
        place.catch_up();
    }
    assert!(place.folder().join(format!("sample.jsonl.{ROTATED_MAX}")).exists());
    assert!(!place.folder().join(format!("sample.jsonl.{}", ROTATED_MAX + 1)).exists());
    let (text, all) = (place.text(), place.expected());
    assert!(text.len() < all.len() && all.ends_with(&text), "the newest lines, without a gap");
}

#[test]
fn what_a_subscriber_remembers_is_its_log_also_when_others_write_it() {
    let place = Place::new(30);
    let recalled = Arc::new(Mutex::new(0));
    let sample = Sample { count: 0, recalled: Arc::clone(&recalled) };
    let mut mine = Logs::with(place.dir.path(), vec![Box::new(sample)]).unwrap();
    mine.catch_up(WAIT).unwrap();
    place.grow(3);
    mine.catch_up(WAIT).unwrap();
    assert_eq!(*recalled.lock().unwrap(), 0, "nobody else wrote");
    place.grow(3);
    place.catch_up();
    place.grow(3);
    mine.catch_up(WAIT).unwrap();
    assert!(*recalled.lock().unwrap() > 0);
    let count = numbers(&place.text()).len() as u64;
    assert_eq!(numbers(&place.text()), (1..=count).collect::<Vec<_>>());
}

#[test]
fn no_file_is_longer_than_a_log_may_be_however_much_is_written_at_once() {
    let place = Place::new(150);
    // All of it in one go, then bit by bit.
    place.catch_up();
    let sizes = || {
        let logs = names(&place.folder()).into_iter().filter(|n| n.starts_with("sample.jsonl"));
        logs.map(|n| fs::metadata(place.folder().join(n)).unwrap().len()).collect::<Vec<_>>()
    };
    assert!(sizes().len() > 2 && sizes().iter().all(|n| *n <= 4_000), "{:?}", sizes());
    place.logs().rebuild(WAIT).unwrap();
    assert!(sizes().len() > 2 && sizes().iter().all(|n| *n <= 4_000), "{:?}", sizes());
    for _ in 0..20 {
        place.grow(4);
        place.catch_up();
    }
    assert!(sizes().iter().all(|n| *n <= 4_000), "{:?}", sizes());
    assert!(place.expected().ends_with(&place.text()));
}

#[test]
fn a_rebuild_gives_the_same_lines_and_leaves_what_is_not_a_subscribers() {
    let place = Place::new(200);
    place.catch_up();
    let before = place.text();
    fs::write(place.folder().join("notes.jsonl"), "mine\n").unwrap();
    place.logs().rebuild(WAIT).unwrap();
    assert_eq!(place.text(), before);
    fs::write(place.file(), "{\"seq\":1,\"n\":900}\n").unwrap();
    place.logs().rebuild(WAIT).unwrap();
    assert_eq!(place.text(), before, "whatever was there");
    assert_eq!(fs::read_to_string(place.folder().join("notes.jsonl")).unwrap(), "mine\n");
    place.grow(9);
    place.catch_up();
    assert_eq!(place.text(), place.expected(), "and it goes on from there");
    assert_eq!(names(place.dir.path()).iter().filter(|n| n.starts_with("logs")).count(), 2, "{:?}", names(place.dir.path()));
}

fn names(dir: &Path) -> Vec<String> {
    fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn the_log_of_another_journal_is_put_aside() {
    let place = Place::new(30);
    place.catch_up();
    let old = place.text();
    let other = Place::new(12);
    for name in names(&place.folder()) {
        fs::create_dir_all(other.folder()).unwrap();
        fs::copy(place.folder().join(&name), other.folder().join(&name)).unwrap();
    }
    let journal = place.journal().identity().unwrap();
    other.catch_up();
    assert_eq!(fs::read_to_string(other.dir.path().join(format!("logs-{journal}/sample.jsonl"))).unwrap(), old);
    assert_eq!(fs::read_to_string(other.file()).unwrap(), other.expected());
}

#[test]
fn one_writer_at_a_time() {
    let place = Place::new(30);
    place.catch_up();
    let lock = fs::File::open(place.dir.path().join("logs.lock")).unwrap();
    lock.lock().unwrap();
    assert!(matches!(place.logs().catch_up(Patience::None), Err(LogsError::Busy(_))));
    assert!(matches!(place.logs().catch_up(Patience::For(Duration::from_millis(30))), Err(LogsError::Busy(_))));
    lock.unlock().unwrap();
    place.grow(30);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..5).for_each(|_| place.catch_up()));
        }
    });
    assert_eq!(place.text(), place.expected());
}
