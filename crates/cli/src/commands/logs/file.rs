//! A log on its way to standard output: byte by byte, or line by line as people read it. Does not know whose it is.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use greenlane_runtime::agent::{OutputKind, Readable, Shown};

use crate::context::Context;
use crate::error::Error;
use crate::transcript;

/// So much of a log is in memory at a time.
const CHUNK_BYTES: usize = 64 * 1024;
/// A longer line is shown in parts: as long as the longest that a reader takes.
const LINE_BYTES_MAX: usize = greenlane_runtime::agent::LINE_BYTES_MAX;

/// A file that is copied to standard output piece by piece, and may grow meanwhile.
pub(super) struct Log<'a> {
    path: PathBuf,
    copied: u64,
    /// `None`: each byte as it is.
    lines: Option<Lines>,
    context: &'a Context,
}

/// A text on its way from bytes to lines for people.
struct Lines {
    readable: Readable,
    /// A line whose end has not come yet.
    partial: Vec<u8>,
}

impl<'a> Log<'a> {
    /// Events are made readable; plain text stays as it is for programs, and is made harmless for a terminal.
    pub(super) fn new(path: PathBuf, kind: OutputKind, raw: bool, context: &'a Context) -> Self {
        let as_it_is = raw || (kind == OutputKind::Plain && !io::stdout().is_terminal());
        let lines = (!as_it_is).then(|| Lines { readable: Readable::new(kind), partial: Vec::new() });
        Self { path, copied: 0, lines, context }
    }

    /// Nothing was there so far.
    pub(super) fn is_empty(&self) -> bool {
        self.copied == 0
    }

    /// Copies what has not been copied yet. A file that is not there yet is empty.
    pub(super) fn copy(&mut self) -> Result<(), Error> {
        let path = self.path.clone();
        self.copied = self.copy_from(&path, self.copied)?;
        Ok(())
    }

    /// While an attempt with very much output runs, what comes after the log's first part is kept beside it.
    pub(super) fn copy_tail(&mut self) -> Result<(), Error> {
        let beside = |end: &str| PathBuf::from(format!("{}{end}", self.path.display()));
        let (old, new) = (beside(".tail.old"), beside(".tail"));
        if new.exists() {
            self.finish()?;
            self.context.output.say("… what was printed here is left out; this is the end so far:");
            self.copy_from(&old, 0)?;
            self.copy_from(&new, 0)?;
        }
        Ok(())
    }

    /// Nothing more comes: shows what waited for its end.
    pub(super) fn finish(&mut self) -> Result<(), Error> {
        let Some(lines) = &mut self.lines else { return Ok(()) };
        let mut shown = Vec::new();
        if !lines.partial.is_empty() {
            shown = lines.readable.line(&String::from_utf8_lossy(&std::mem::take(&mut lines.partial)));
        }
        shown.extend(lines.readable.finish());
        self.show(&shown)
    }

    fn copy_from(&mut self, path: &Path, from: u64) -> Result<u64, Error> {
        let unreadable = |e: io::Error| Error::environment(format!("cannot read {}: {e}", path.display()));
        let mut file = match File::open(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(from),
            file => file.map_err(unreadable)?,
        };
        let mut at = file.seek(SeekFrom::Start(from)).map_err(unreadable)?;
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let n = file.read(&mut chunk).map_err(unreadable)?;
            if n == 0 {
                return Ok(at);
            }
            self.take(&chunk[..n])?;
            at += n as u64;
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let Some(lines) = &mut self.lines else { return self.context.output.bytes(bytes) };
        let mut shown = Vec::new();
        for piece in bytes.split_inclusive(|b| *b == b'\n') {
            lines.partial.extend_from_slice(piece);
            if piece.ends_with(b"\n") || lines.partial.len() >= LINE_BYTES_MAX {
                let line = String::from_utf8_lossy(&lines.partial).into_owned();
                lines.partial.clear();
                shown.extend(lines.readable.line(line.trim_end_matches(['\r', '\n'])));
            }
        }
        self.show(&shown)
    }

    fn show(&self, shown: &[Shown]) -> Result<(), Error> {
        let color = self.context.output.color;
        let text: String = shown.iter().flat_map(|s| transcript::lines(s, color)).map(|line| line + "\n").collect();
        if text.is_empty() { Ok(()) } else { self.context.output.bytes(text.as_bytes()) }
    }
}
