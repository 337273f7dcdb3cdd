//! One log on disk: the lines, the rotated files, the cursor. Knows nothing of what the lines say but their position.
//!
//! The order that makes it exact: lines are appended, then the cursor is replaced (a rename), then, where the file is full, it is rotated.
//! A process may be killed between any two of these, or in the middle of the first. Whoever opens the log next cuts every
//! line behind the cursor, and a line that is torn, and goes on from the cursor: the same lines come again.
//! Nothing is fsynced: after a loss of power the cursor may be ahead of its file, which its length tells; then the
//! log's own last line says from where to go on.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Position;

/// A log is rotated when it has this size: 10 MB, the ancestor's constant.
pub const BYTES_MAX: u64 = 10 * 1024 * 1024;
/// So many rotated files are kept, `failures.jsonl.1` (the newest) to `.5`; older lines are in the journal only.
pub const ROTATED_MAX: u32 = 5;

/// How much of a file's end is looked at at once, when lines are cut.
const CHUNK_BYTES: u64 = 64 * 1024;

/// How far a log has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Cursor {
    /// Of which journal.
    journal: String,
    /// Everything up to here is in the log.
    at: Position,
    /// The file's length then.
    bytes: u64,
}

/// One log.
pub(super) struct LogFile {
    path: PathBuf,
    cursor_path: PathBuf,
    cursor: Cursor,
    file: File,
    bytes_max: u64,
}

impl LogFile {
    /// Opens it, makes it where there is none, and repairs what a crash left. The caller holds the lock of all logs.
    ///
    /// # Errors
    /// If files cannot be read or written.
    pub(super) fn open(dir: &Path, name: &str, journal: &str, last: Position, bytes_max: u64) -> io::Result<Self> {
        let path = dir.join(format!("{name}.jsonl"));
        let cursor_path = dir.join(format!(".{name}.cursor"));
        let file = OpenOptions::new().read(true).append(true).create(true).open(&path)?;
        let cursor = read_cursor(&cursor_path)?;
        let mut log = Self { path, cursor_path, cursor: Cursor::default(), file, bytes_max };
        match cursor {
            Some(cursor) if cursor.journal == journal && cursor.at <= last => {
                log.cursor = cursor;
                log.repair()?;
            }
            // Another journal's: its lines would not fit to what follows.
            Some(other) => {
                put_aside(dir, name, &other.journal)?;
                log.file = OpenOptions::new().read(true).append(true).create(true).open(&log.path)?;
                log.cursor.journal = journal.to_owned();
                log.save(0)?;
            }
            None => {
                log.cursor.journal = journal.to_owned();
                log.take_up()?;
            }
        }
        Ok(log)
    }

    /// Everything up to here is in the log.
    pub(super) fn at(&self) -> Position {
        self.cursor.at
    }

    /// Appends lines (whole ones, of entries up to `at`) and moves the cursor.
    pub(super) fn append(&mut self, text: &str, at: Position) -> io::Result<()> {
        if !text.is_empty() {
            self.file.write_all(text.as_bytes())?;
        }
        self.cursor.at = at;
        let len = self.len()?;
        self.save(len)?;
        if len >= self.bytes_max {
            self.rotate()?;
            self.save(0)?;
        }
        Ok(())
    }

    /// So many bytes more do not make it longer than a log may be.
    pub(super) fn has_room_for(&self, bytes: usize) -> bool {
        self.cursor.bytes + bytes as u64 <= self.bytes_max
    }

    /// What follows stands in a new file, if there is anything in this one.
    pub(super) fn rotate_now(&mut self) -> io::Result<()> {
        if self.len()? == 0 {
            return Ok(());
        }
        self.rotate()?;
        self.save(0)
    }

    /// Cuts what stands behind the cursor.
    fn repair(&mut self) -> io::Result<()> {
        let len = self.len()?;
        if len == self.cursor.bytes {
            return Ok(());
        }
        if len < self.cursor.bytes {
            // Rotated, and the cursor not told; or emptied by somebody; or lost with the power.
            return self.take_up();
        }
        // A log only ever grows: what was there when the cursor was written is its beginning still.
        self.file.set_len(self.cursor.bytes)?;
        let at = self.cursor.at;
        self.cut_while(|line| line.is_none_or(|position| position > at))?;
        let len = self.len()?;
        self.save(len)
    }

    /// Goes on from what the log itself says: there is no cursor, or it is not to be believed. The entry of the last line may have
    /// had more lines: it is written again.
    fn take_up(&mut self) -> io::Result<()> {
        self.cut_while(|line| line.is_none())?;
        let last = match self.last_position()? {
            Some(last) => {
                self.cut_while(|line| line.is_none_or(|position| position >= last))?;
                before(last)
            }
            // Of a rotated file everything was complete.
            None => self.last_rotated_at()?.unwrap_or_default(),
        };
        self.cursor.at = last;
        let len = self.len()?;
        self.save(len)
    }

    /// Cuts lines from the end as long as they are unwanted; `None` is a line that is torn, or none of ours.
    fn cut_while(&mut self, unwanted: impl Fn(Option<Position>) -> bool) -> io::Result<()> {
        loop {
            let len = self.len()?;
            let Some((start, line)) = last_line(&mut self.file, len)? else { return Ok(()) };
            if !unwanted(position_of(&line)) {
                return Ok(());
            }
            self.file.set_len(start)?;
        }
    }

    fn last_position(&mut self) -> io::Result<Option<Position>> {
        let len = self.len()?;
        Ok(last_line(&mut self.file, len)?.and_then(|(_, line)| position_of(&line)))
    }

    fn last_rotated_at(&self) -> io::Result<Option<Position>> {
        match File::open(rotated(&self.path, 1)) {
            Ok(mut file) => {
                let len = file.metadata()?.len();
                Ok(last_line(&mut file, len)?.and_then(|(_, line)| position_of(&line)))
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn save(&mut self, bytes: u64) -> io::Result<()> {
        self.cursor.bytes = bytes;
        let mut temporary = self.cursor_path.clone().into_os_string();
        temporary.push(".new");
        fs::write(&temporary, serde_json::to_vec(&self.cursor)?)?;
        fs::rename(&temporary, &self.cursor_path)
    }

    /// The file becomes `.1`. Every step is a rename, from the oldest on: whenever it is cut short, no file is lost but the one that is
    /// too old anyway, and there is a gap in the numbers, which the next rotation fills.
    fn rotate(&mut self) -> io::Result<()> {
        let free = (1..=ROTATED_MAX).find(|n| !rotated(&self.path, *n).exists()).unwrap_or(ROTATED_MAX);
        for n in (1..free).rev() {
            fs::rename(rotated(&self.path, n), rotated(&self.path, n + 1))?;
        }
        fs::rename(&self.path, rotated(&self.path, 1))?;
        self.file = OpenOptions::new().read(true).append(true).create(true).open(&self.path)?;
        Ok(())
    }
}

/// All lines of a log that are on disk, the oldest first. The caller holds the lock of all logs.
pub(super) fn read_lines(dir: &Path, name: &str, each: &mut dyn FnMut(&str)) -> io::Result<()> {
    let path = dir.join(format!("{name}.jsonl"));
    let files = (1..=ROTATED_MAX).rev().map(|n| rotated(&path, n)).chain([path.clone()]);
    for file in files {
        let mut reader = match File::open(&file) {
            Ok(file) => BufReader::with_capacity(256 * 1024, file),
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => return Err(e),
        };
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            each(String::from_utf8_lossy(&line).trim_end_matches('\n'));
            line.clear();
        }
    }
    Ok(())
}

/// The names that one log has in the folder of logs: its files and its cursor's.
pub(super) fn is_of(name: &str, file_name: &str) -> bool {
    let rest = file_name.strip_prefix(&format!("{name}.jsonl"));
    let numbered = |rest: &str| rest.strip_prefix('.').is_some_and(|n| n.parse::<u32>().is_ok());
    rest.is_some_and(|rest| rest.is_empty() || numbered(rest)) || file_name.starts_with(&format!(".{name}.cursor"))
}

/// Moves a log with all its rotated files to a folder beside that of the logs, `logs-<journal>`. The cursor stays until it is replaced.
fn put_aside(dir: &Path, name: &str, journal: &str) -> io::Result<()> {
    let word = if journal.chars().all(|c| c.is_ascii_alphanumeric()) { journal } else { "unknown" };
    let to = dir.with_file_name(format!("logs-{word}"));
    fs::create_dir_all(&to)?;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let file = entry.file_name();
        if file.to_string_lossy().starts_with(&format!("{name}.jsonl")) {
            fs::rename(entry.path(), to.join(&file))?;
        }
    }
    Ok(())
}

fn rotated(path: &Path, n: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{n}"));
    name.into()
}

fn read_cursor(path: &Path) -> io::Result<Option<Cursor>> {
    match fs::read(path) {
        // One that cannot be read is none: the log tells how far it is.
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

fn position_of(line: &[u8]) -> Option<Position> {
    let whole = line.strip_suffix(b"\n")?;
    serde_json::from_slice::<Position>(whole).ok()
}

/// Just before a position: everything up to it is done, and the entry at it is not.
fn before(position: Position) -> Position {
    match position.report {
        0 => Position { seq: position.seq.saturating_sub(1), report: u64::MAX >> 1 },
        report => Position { seq: position.seq, report: report - 1 },
    }
}

/// Where the last line starts, and the line with its end, if it has one.
fn last_line(file: &mut File, len: u64) -> io::Result<Option<(u64, Vec<u8>)>> {
    if len == 0 {
        return Ok(None);
    }
    let (mut start, mut tail) = (len, Vec::new());
    while start > 0 {
        let from = start.saturating_sub(CHUNK_BYTES);
        let mut chunk = vec![0; usize::try_from(start - from).unwrap_or(0)];
        file.seek(SeekFrom::Start(from))?;
        file.read_exact(&mut chunk)?;
        chunk.extend_from_slice(&tail);
        tail = chunk;
        start = from;
        // The end of the line before; the very last byte is the end of this one.
        if let Some(end) = tail[..tail.len() - 1].iter().rposition(|b| *b == b'\n') {
            let line = tail.split_off(end + 1);
            return Ok(Some((start + end as u64 + 1, line)));
        }
    }
    Ok(Some((0, tail)))
}
