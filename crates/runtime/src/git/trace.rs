//! Writes every call of git where `GREENLANE_TRACE` asks for it: how long it took, how it ended, where, what. Off, a call costs
//! one look at a value that was read once. Knows nothing of what the calls are for.
//!
//! `GREENLANE_TRACE=git` writes to standard error, `GREENLANE_TRACE=git:FILE` adds to a file, which several processes may share.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::door::SHIELD;

/// The variable that turns it on.
const VARIABLE: &str = "GREENLANE_TRACE";

/// The longest line; what goes beyond (a long list of paths) is cut off.
const LINE_BYTES_MAX: usize = 4096;

/// What one process writes at most; a coordinator may live for days.
const TRACE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Where lines go, and since when.
struct Trace {
    file: Option<File>,
    written: AtomicU64,
    since: Instant,
}

/// A call that is being traced.
pub(super) struct Traced {
    trace: &'static Trace,
    began: Instant,
    what: String,
}

impl Traced {
    /// Notes a call that is about to be made; `None` where nothing is traced.
    pub(super) fn begin(command: &Command) -> Option<Self> {
        static TRACE: OnceLock<Option<Trace>> = OnceLock::new();
        let trace = TRACE.get_or_init(open).as_ref()?;
        Some(Self { trace, began: Instant::now(), what: describe(command) })
    }

    /// The process has started and will answer many questions.
    pub(super) fn lives_on(&self) {
        self.write("lives on");
    }

    /// The process has ended, with this exit code; `None`: by a signal, or it could not be started.
    pub(super) fn ended(&self, code: Option<i32>) {
        let took = self.began.elapsed().as_secs_f64() * 1000.0;
        let code = code.map_or_else(|| String::from("no exit code"), |c| format!("exit {c}"));
        self.write(&format!("{took:.1} ms, {code}"));
    }

    fn write(&self, how: &str) {
        let at = self.trace.since.elapsed().as_secs_f64();
        let mut line = format!("git[{}] +{at:.3} s: {how}, {}", std::process::id(), self.what);
        if line.len() > LINE_BYTES_MAX {
            let end = (0..=LINE_BYTES_MAX).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
            line.truncate(end);
            line.push('…');
        }
        line.push('\n');
        let written = self.trace.written.fetch_add(line.len() as u64, Ordering::Relaxed);
        if written > TRACE_BYTES_MAX {
            return;
        }
        // One write a line: lines of several threads and processes do not mix. A trace that cannot be written stops nothing.
        drop(match &self.trace.file {
            Some(file) => (&*file).write_all(line.as_bytes()),
            None => io::stderr().write_all(line.as_bytes()),
        });
    }
}

fn open() -> Option<Trace> {
    let value = std::env::var_os(VARIABLE).filter(|v| !v.is_empty())?;
    let trace = |file| Some(Trace { file, written: AtomicU64::new(0), since: Instant::now() });
    let warn = |what: &str| drop(writeln!(io::stderr(), "warning: {VARIABLE}: {what}"));
    match value.as_bytes().strip_prefix(b"git") {
        Some(b"") => trace(None),
        Some([b':', path @ ..]) if !path.is_empty() => {
            let opened = File::options().create(true).append(true).open(OsStr::from_bytes(path));
            match opened {
                Ok(file) => trace(Some(file)),
                Err(error) => {
                    warn(&format!("cannot write {}: {error}", String::from_utf8_lossy(path)));
                    None
                }
            }
        }
        _ => {
            warn("only `git` and `git:FILE` can be traced");
            None
        }
    }
}

/// Where and what, as one would type it. The settings that every call gets are left out.
fn describe(command: &Command) -> String {
    let mut text = String::new();
    if let Some(dir) = command.get_current_dir() {
        text.push_str("in ");
        text.push_str(&quoted(dir.as_os_str()));
        text.push_str(": ");
    }
    for (name, value) in command.get_envs() {
        if let (true, Some(value)) = (name == "GIT_INDEX_FILE", value) {
            text.push_str("GIT_INDEX_FILE=");
            text.push_str(&quoted(value));
            text.push(' ');
        }
    }
    text.push_str(&quoted(command.get_program()));
    let mut args = command.get_args().peekable();
    while let Some(arg) = args.next() {
        if arg == "-c" && args.next_if(|s| SHIELD.iter().any(|shield| *s == *shield)).is_some() {
            continue;
        }
        text.push(' ');
        text.push_str(&quoted(arg));
    }
    text
}

/// As a shell would take it back, on one line.
fn quoted(text: &OsStr) -> String {
    let text = text.to_string_lossy();
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,@%+^~{}".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.into_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''").replace('\n', "\\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_told_as_one_would_type_it() {
        let mut command = Command::new("git");
        command.args(["-c", SHIELD[0], "-c", "user.x=y z", "--git-dir=/r/.git", "log", "", "it's"]);
        command.current_dir("/r").env("GIT_INDEX_FILE", "/i").env("LC_ALL", "C");
        assert_eq!(describe(&command), "in /r: GIT_INDEX_FILE=/i git -c 'user.x=y z' --git-dir=/r/.git log '' 'it'\\''s'");
    }
}
