//! JSON-RPC 2.0 in lines: what comes from the agent, bounded, and what goes to it. Knows no method.

use std::io::{self, BufRead, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender, SyncSender};
use std::thread;

use serde_json::{Value, json};

use super::place::Refused;

/// Longest message that is read: 16 MiB. The longest real ones hold a whole file. A longer one is passed over, to its end.
pub(super) const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Most bytes that wait for an agent that does not read: 64 MiB.
const WAITING_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Of a line that is no message so much is kept.
const STRAY_CHARS_MAX: usize = 1_000;

/// What the conversation is woken by.
#[derive(Debug)]
pub(super) enum Heard {
    /// A message.
    Message(Value),
    /// A line that is none.
    Stray(String),
    /// A message of so many bytes that was passed over.
    TooLong(u64),
    /// The agent has closed its output.
    Closed,
    /// The agent's process has ended: the exit code that a shell would tell.
    Ended(i32),
    /// The command of this terminal has ended.
    TerminalEnded(u64),
    /// Somebody wants this to end.
    Terminate,
}

/// Reads messages until the end of the agent's output.
pub(super) fn listen(output: impl Read + Send + 'static, heard: SyncSender<Heard>) {
    thread::spawn(move || {
        let mut output = io::BufReader::new(output);
        let mut line = Vec::new();
        while let Ok(Some(bytes)) = next_line(&mut output, &mut line, MESSAGE_BYTES_MAX) {
            let said = if bytes > line.len() as u64 {
                Heard::TooLong(bytes)
            } else if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            } else {
                match serde_json::from_slice::<Value>(&line) {
                    Ok(message) if message.is_object() => Heard::Message(message),
                    _ => Heard::Stray(String::from_utf8_lossy(&line).trim_end().chars().take(STRAY_CHARS_MAX).collect()),
                }
            };
            // A long line's memory is not kept for the short ones that follow.
            line.shrink_to(64 * 1024);
            if heard.send(said).is_err() {
                return;
            }
        }
        drop(heard.send(Heard::Closed));
    });
}

/// The next line without its end, as much of it as fits, and how long it was. `None`: there is none.
fn next_line(output: &mut impl BufRead, line: &mut Vec<u8>, bytes_max: usize) -> io::Result<Option<u64>> {
    line.clear();
    let mut bytes = 0;
    loop {
        let available = match output.fill_buf() {
            Ok(available) => available,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        if available.is_empty() {
            return Ok((bytes > 0).then_some(bytes));
        }
        let end = available.iter().position(|b| *b == b'\n');
        let part = &available[..end.unwrap_or(available.len())];
        bytes += part.len() as u64;
        line.extend_from_slice(&part[..part.len().min(bytes_max - line.len())]);
        let used = end.map_or(part.len(), |end| end + 1);
        output.consume(used);
        if end.is_some() {
            return Ok(Some(bytes));
        }
    }
}

/// Messages to the agent. A thread writes them, so that an agent that does not read holds up nobody who has to hear it.
pub(super) struct Outbox {
    lines: Sender<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
}

impl Outbox {
    /// To this input of the agent, which is closed once the outbox is dropped and empty.
    pub(super) fn new(mut input: impl Write + Send + 'static) -> Self {
        let (lines, queue) = mpsc::channel::<Vec<u8>>();
        let waiting = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&waiting);
        thread::spawn(move || {
            for line in queue {
                // Its end is told by its output and its process.
                if input.write_all(&line).and_then(|()| input.flush()).is_err() {
                    return;
                }
                counted.fetch_sub(line.len(), Ordering::Relaxed);
            }
        });
        Self { lines, waiting }
    }

    /// Sends a message. `false`: it does not read what it was sent before.
    pub(super) fn send(&self, message: &Value) -> bool {
        let mut line = message.to_string().into_bytes();
        line.push(b'\n');
        if self.waiting.fetch_add(line.len(), Ordering::Relaxed) + line.len() > WAITING_BYTES_MAX {
            return false;
        }
        drop(self.lines.send(line));
        true
    }
}

/// Codes of errors, of JSON-RPC and of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// There is no such method here.
    Method,
    /// What is asked for is not to be had, or is refused.
    Params,
    /// It was tried and failed.
    Internal,
    /// The file is not there.
    NotFound,
}

/// Why a request of the agent's is not fulfilled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: Code,
    pub(super) message: String,
    /// It wanted out of the worktree: people are told.
    pub(super) outside: bool,
}

impl Refusal {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), outside: false }
    }
}

impl From<Refused> for Refusal {
    fn from(why: Refused) -> Self {
        Self { outside: true, ..Self::new(Code::Params, why.to_string()) }
    }
}

/// The answer to the request with this id.
pub(super) fn answer(id: &Value, result: Result<Value, Refusal>) -> Value {
    match result {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err(Refusal { code, message, .. }) => {
            let code = match code {
                Code::Method => -32601,
                Code::Params => -32602,
                Code::Internal => -32603,
                Code::NotFound => -32002,
            };
            json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_passed_over_and_the_next_one_is_whole() {
        let text = format!("short\n{}\n\nlast", "x".repeat(100));
        for capacity in [1, 7, 1_000] {
            let mut output = io::BufReader::with_capacity(capacity, text.as_bytes());
            let (mut line, mut got) = (Vec::new(), Vec::new());
            while let Some(bytes) = next_line(&mut output, &mut line, 10).unwrap() {
                got.push((String::from_utf8(line.clone()).unwrap(), bytes));
            }
            // An empty line in the middle is a line; nothing at the end is none.
            let expected = [("short", 5), ("xxxxxxxxxx", 100), ("", 0), ("last", 4)];
            assert_eq!(got, expected.map(|(text, bytes)| (text.to_owned(), bytes)));
        }
    }

    #[test]
    fn an_agent_that_does_not_read_is_noticed() {
        let (input_end, input) = io::pipe().unwrap();
        let outbox = Outbox::new(input);
        let large = json!("x".repeat(1 << 20));
        let sent = (0..100).take_while(|_| outbox.send(&large)).count();
        assert!((60..=64).contains(&sent), "{sent}");
        drop(input_end);
    }
}
