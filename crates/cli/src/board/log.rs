//! An attempt's output as lines for people, read on as it grows. Of a long log the end is enough to begin with.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use greenlane_runtime::agent::{LINE_BYTES_MAX, OutputKind, Readable, Shown};
use greenlane_runtime::keeper;

use crate::transcript;

/// So much of the end is read first.
const BEGIN_BYTES: u64 = 256 * 1024;
/// So much is read at most each time: whoever calls has other things to do.
const MORE_BYTES: u64 = 1024 * 1024;

/// Which of an attempt's two outputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stream {
    /// Standard output: what it said and did.
    #[default]
    Out,
    /// Standard error.
    Err,
}

/// A log that is read on.
pub struct LogTail {
    path: PathBuf,
    offset: u64,
    readable: Readable,
    partial: Vec<u8>,
    skips_to_line: bool,
    /// Its beginning was left out.
    pub cut: bool,
}

impl LogTail {
    /// The log in an attempt's directory, from its end's beginning; or from an offset where somebody has read before.
    #[must_use]
    pub fn open(attempt_dir: &Path, stream: Stream, offset: Option<u64>) -> Self {
        let name = if stream == Stream::Err { "stderr.log" } else { "stdout.log" };
        let path = attempt_dir.join(name);
        // Events are written to standard output alone.
        let kind = if stream == Stream::Err { None } else { keeper::output_kind(attempt_dir) };
        let len = std::fs::metadata(&path).map_or(0, |m| m.len());
        let end = len.saturating_sub(BEGIN_BYTES);
        let offset = offset.unwrap_or(end).min(len);
        Self {
            path,
            skips_to_line: offset == end && end > 0,
            cut: offset == end && end > 0,
            offset,
            readable: Readable::new(kind.unwrap_or(OutputKind::Plain)),
            partial: Vec::new(),
        }
    }

    /// How far it was read, in bytes: where to go on.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset - self.partial.len() as u64
    }

    /// The lines that have come since, none of which a terminal obeys. What cannot be read is not there yet.
    pub fn more(&mut self) -> Vec<String> {
        let Ok(mut file) = File::open(&self.path) else { return Vec::new() };
        let mut bytes = Vec::new();
        if file.seek(SeekFrom::Start(self.offset)).is_err() || file.take(MORE_BYTES).read_to_end(&mut bytes).is_err() {
            return Vec::new();
        }
        self.offset += bytes.len() as u64;
        let mut shown: Vec<Shown> = Vec::new();
        for piece in bytes.split_inclusive(|b| *b == b'\n') {
            let ended = piece.ends_with(b"\n");
            if self.skips_to_line {
                self.skips_to_line = !ended;
                continue;
            }
            self.partial.extend_from_slice(piece);
            if ended || self.partial.len() >= LINE_BYTES_MAX {
                let line = String::from_utf8_lossy(&self.partial).into_owned();
                self.partial.clear();
                shown.extend(self.readable.line(line.trim_end_matches(['\r', '\n'])));
            }
        }
        shown.iter().flat_map(|s| transcript::lines(s, false)).collect()
    }

    /// Nothing more comes: what waited for the end of its line.
    pub fn finish(&mut self) -> Vec<String> {
        let mut shown = Vec::new();
        if !self.partial.is_empty() {
            shown = self.readable.line(&String::from_utf8_lossy(&std::mem::take(&mut self.partial)));
        }
        shown.extend(self.readable.finish());
        shown.iter().flat_map(|s| transcript::lines(s, false)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_log_is_read_on_line_by_line_and_obeyed_by_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = LogTail::open(dir.path(), Stream::Out, None);
        assert!(log.more().is_empty(), "it is not there yet");
        let path = dir.path().join("stdout.log");
        fs::write(&path, "one\n\u{1b}[31mtwo\u{1b}[0m\nthr").unwrap();
        assert_eq!(log.more(), ["one", "two"]);
        assert_eq!(log.offset(), 17);
        fs::write(&path, "one\n\u{1b}[31mtwo\u{1b}[0m\nthree\nfour").unwrap();
        assert_eq!(log.more(), ["three"]);
        assert_eq!(log.finish(), ["four"]);
        assert_eq!(LogTail::open(dir.path(), Stream::Out, Some(17)).more(), ["three"]);
    }

    #[test]
    fn of_a_long_log_the_end_is_read_from_the_beginning_of_a_line() {
        let dir = tempfile::tempdir().unwrap();
        let line = format!("{}\n", "x".repeat(99));
        fs::write(dir.path().join("stderr.log"), line.repeat(5_000)).unwrap();
        let mut log = LogTail::open(dir.path(), Stream::Err, None);
        let lines = log.more();
        assert!(log.cut && lines.len() == 2_621 && lines.iter().all(|l| l.len() == 99), "{}", lines.len());
    }
}
