//! What the agent prints: from its pipes to the logs, the reader and the last lines. Knows nothing of processes.

use std::io::{self, PipeReader, Read as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::Path;

use greenlane_core::attempt::AgentReport;

use super::lines::Lines;
use super::output::CappedLog;
use crate::agent::{OutputKind, Reader, ToolCall, reader};

const READ_BYTES: usize = 64 * 1024;
/// Reads in a row from one pipe; then time and signals get their turn, however much the agent prints.
const READS_MAX: u32 = 16;
/// The tails of an exit record: 20 lines and 4,000 characters, see `ExitRecord`.
const TAIL_LINES: usize = 20;
const TAIL_CHARS: usize = 4_000;
const TAIL_BYTES: usize = 4 * TAIL_CHARS;

/// Both output streams of an agent.
pub(super) struct Streams {
    stdout: Stream,
    stderr: Stream,
    reader: Option<Box<dyn Reader>>,
    buffer: Vec<u8>,
    complaint: Option<String>,
}

struct Stream {
    /// How its lines reach the reader.
    take: fn(&mut dyn Reader, &str),
    pipe: Option<PipeReader>,
    log: CappedLog,
    lines: Option<Lines>,
    tail: Tail,
}

impl Streams {
    /// Creates the logs; the pipes come with [`Streams::connect`].
    pub(super) fn create(dir: &Path, output_bytes_max: u64, kind: Option<OutputKind>) -> io::Result<Self> {
        Self::with_reader(dir, output_bytes_max, kind.map(reader))
    }

    fn with_reader(dir: &Path, output_bytes_max: u64, reader: Option<Box<dyn Reader>>) -> io::Result<Self> {
        let lines = reader.is_some();
        let stream = |name: &str, take: fn(&mut dyn Reader, &str)| {
            io::Result::Ok(Stream {
                take,
                pipe: None,
                log: CappedLog::create(dir.join(name), output_bytes_max)?,
                lines: lines.then(Lines::default),
                tail: Tail::default(),
            })
        };
        Ok(Self {
            stdout: stream("stdout.log", |reader, line| reader.line(line))?,
            stderr: stream("stderr.log", |reader, line| reader.error_line(line))?,
            reader,
            buffer: Vec::new(),
            complaint: None,
        })
    }

    /// The pipes' ends to read from; they become non-blocking.
    pub(super) fn connect(&mut self, stdout: PipeReader, stderr: PipeReader) -> io::Result<()> {
        for pipe in [&stdout, &stderr] {
            // Only our end: the agent's is another open file, and stays as programs expect it.
            rustix::io::ioctl_fionbio(pipe, true)?;
        }
        self.stdout.pipe = Some(stdout);
        self.stderr.pipe = Some(stderr);
        self.buffer = vec![0; READ_BYTES];
        Ok(())
    }

    /// The descriptors that are worth waiting for.
    pub(super) fn open(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        [&self.stdout, &self.stderr].into_iter().filter_map(|s| s.pipe.as_ref()).map(|p| p.as_fd())
    }

    /// Takes what the pipes hold at present. `true`: there was something.
    pub(super) fn read(&mut self) -> bool {
        let before = self.total();
        for stream in [&mut self.stdout, &mut self.stderr] {
            for _ in 0..READS_MAX {
                let Some(pipe) = &mut stream.pipe else { break };
                match pipe.read(&mut self.buffer) {
                    Ok(0) => stream.pipe = None,
                    Ok(n) => {
                        let bytes = &self.buffer[..n];
                        // The agent is never held up because its log cannot be written.
                        if let Err(e) = stream.log.append(bytes) {
                            self.complaint.get_or_insert_with(|| format!("output is lost: {e}"));
                        }
                        stream.tail.push(bytes);
                        if let (Some(lines), Some(reader)) = (&mut stream.lines, &mut self.reader) {
                            lines.feed(bytes, &mut |line| (stream.take)(&mut **reader, line));
                        }
                    }
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                    Err(_) => stream.pipe = None,
                }
            }
        }
        self.total() > before
    }

    /// The tree is gone: takes what is left in the pipes and completes the logs. A pipe that somebody outside of the tree still holds open is
    /// not waited for.
    pub(super) fn finish(&mut self) {
        while self.read() {}
        for stream in [&mut self.stdout, &mut self.stderr] {
            stream.pipe = None;
            if let (Some(lines), Some(reader)) = (&mut stream.lines, &mut self.reader) {
                lines.finish(&mut |line| (stream.take)(&mut **reader, line));
            }
            if let Err(e) = stream.log.finish() {
                self.complaint.get_or_insert_with(|| format!("the end of the output is in a file beside its log: {e}"));
            }
        }
    }

    /// Bytes that the agent has printed.
    pub(super) fn total(&self) -> u64 {
        self.stdout.log.total() + self.stderr.log.total()
    }

    pub(super) fn report(&self) -> AgentReport {
        self.reader.as_ref().map(|r| r.report()).unwrap_or_default()
    }

    pub(super) fn activity(&self) -> Option<&str> {
        self.reader.as_ref().and_then(|r| r.activity())
    }

    /// The calls of tools that have got their result since this was last asked.
    pub(super) fn take_calls(&mut self) -> Vec<ToolCall> {
        self.reader.as_mut().map(|r| r.take_calls()).unwrap_or_default()
    }

    /// The last lines of standard output and standard error.
    pub(super) fn tails(&self) -> (String, String) {
        (self.stdout.tail.text(), self.stderr.tail.text())
    }

    /// What went wrong with the logs since it was last asked.
    pub(super) fn complaint(&mut self) -> Option<String> {
        self.complaint.take()
    }
}

/// The last bytes of a stream.
#[derive(Default)]
struct Tail {
    bytes: Vec<u8>,
}

impl Tail {
    fn push(&mut self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(TAIL_BYTES)..];
        // Shifted down only now and then, not for each line.
        if self.bytes.len() + bytes.len() > 2 * TAIL_BYTES {
            let keep = TAIL_BYTES.saturating_sub(bytes.len()).min(self.bytes.len());
            self.bytes.drain(..self.bytes.len() - keep);
        }
        self.bytes.extend_from_slice(bytes);
    }

    fn text(&self) -> String {
        let mut bytes = &self.bytes[self.bytes.len().saturating_sub(TAIL_BYTES)..];
        if bytes.len() < self.bytes.len() {
            // The cut may be inside a character.
            while bytes.first().is_some_and(|b| b & 0b1100_0000 == 0b1000_0000) {
                bytes = &bytes[1..];
            }
        }
        let text = String::from_utf8_lossy(bytes);
        let lines: Vec<&str> = text.lines().rev().take(TAIL_LINES).collect();
        let text = lines.into_iter().rev().collect::<Vec<_>>().join("\n");
        let surplus = text.chars().count().saturating_sub(TAIL_CHARS);
        text.chars().skip(surplus).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// Takes every line for a call of a tool.
    #[derive(Default)]
    struct Counting(AgentReport);

    impl Reader for Counting {
        fn line(&mut self, line: &str) {
            self.0.tool_calls += 1;
            self.0.last_message = line.to_owned();
        }

        fn error_line(&mut self, _: &str) {
            self.0.model_retries += 1;
        }

        fn report(&self) -> AgentReport {
            self.0.clone()
        }

        fn activity(&self) -> Option<&str> {
            Some(&self.0.last_message)
        }
    }

    #[test]
    fn the_reader_gets_the_events_and_the_logs_everything() {
        let dir = tempfile::tempdir().unwrap();
        let mut streams = Streams::with_reader(dir.path(), 1 << 20, Some(Box::<Counting>::default())).unwrap();
        let ((out, mut out_end), (err, mut err_end)) = (io::pipe().unwrap(), io::pipe().unwrap());
        streams.connect(out, err).unwrap();
        assert!(!streams.read(), "nothing yet, and no waiting for it");
        out_end.write_all(b"one\ntwo\nthr").unwrap();
        err_end.write_all(b"noise\n").unwrap();
        assert!(streams.read());
        assert_eq!((streams.report().tool_calls, streams.activity(), streams.total()), (2, Some("two"), 17));
        drop(err_end);
        // The agent's end of standard output stays open: somebody outside of the tree has it.
        streams.finish();
        assert_eq!((streams.report().tool_calls, streams.activity()), (3, Some("thr")));
        assert_eq!(streams.report().model_retries, 1, "standard error is told apart");
        assert_eq!(streams.tails(), ("one\ntwo\nthr".into(), "noise".into()));
        assert_eq!(std::fs::read_to_string(dir.path().join("stderr.log")).unwrap(), "noise\n");
        assert_eq!(streams.complaint(), None);
    }

    fn tail(chunks: &[&str]) -> String {
        let mut tail = Tail::default();
        for chunk in chunks {
            tail.push(chunk.as_bytes());
            assert!(tail.bytes.len() <= 2 * TAIL_BYTES);
        }
        tail.text()
    }

    #[test]
    fn the_tail_is_the_last_twenty_lines() {
        assert_eq!(tail(&["a\nb", "c\n"]), "a\nbc");
        let many: Vec<String> = (0..10_000).map(|n| format!("{n}\n")).collect();
        let expected: Vec<String> = (9_980..10_000).map(|n| n.to_string()).collect();
        assert_eq!(tail(&many.iter().map(String::as_str).collect::<Vec<_>>()), expected.join("\n"));
    }

    #[test]
    fn the_tail_of_an_endless_line_is_its_last_characters() {
        let text = tail(&["ü".repeat(50_000).as_str(), "x"]);
        assert_eq!(text.chars().count(), TAIL_CHARS);
        assert!(text.starts_with('ü') && text.ends_with("üx") && !text.contains('\u{fffd}'));
    }
}
