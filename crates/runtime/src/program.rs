//! Runs another's program within limits of time and output; whatever it started goes with it. Knows none of them.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::agent::which;

/// Most bytes that are taken of what it prints: all issues of a store may be as long as a plan.
const OUTPUT_BYTES_MAX: u64 = 10 << 20;
/// How often the patience is looked at, which may end earlier than was said.
const LOOK: Duration = Duration::from_millis(50);

/// What a program said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// How it ended.
    pub status: ExitStatus,
    /// On its standard output.
    pub out: String,
    /// On its standard error.
    pub err: String,
}

impl Said {
    /// It ended with code 0.
    pub fn is_good(&self) -> bool {
        self.status.success()
    }

    /// What went wrong, in a line: the last that it said on standard error, else on standard output, else how it ended.
    pub fn complaint(&self) -> String {
        let last = |text: &str| text.lines().rev().map(str::trim).find(|l| !l.is_empty()).map(str::to_owned);
        let line = last(&self.err).or_else(|| last(&self.out)).unwrap_or_else(|| self.status.to_string());
        line.chars().filter(|c| !c.is_control()).take(300).collect()
    }
}

/// Why nothing came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// There is no such program.
    Missing,
    /// For people; follows on the program's name.
    Other(String),
}

/// How long a call may take, at most.
#[derive(Clone, Debug)]
pub struct Patience {
    until: Instant,
    /// What makes it shorter while the call is under way: nobody waits any more.
    hurry: Arc<Mutex<Option<Instant>>>,
}

impl Patience {
    /// So long from now.
    #[must_use]
    pub fn of(limit: Duration) -> Self {
        let now = Instant::now();
        Self { until: now.checked_add(limit).unwrap_or(now), hurry: Arc::default() }
    }

    pub(crate) fn hurried_by(limit: Duration, hurry: &Arc<Mutex<Option<Instant>>>) -> Self {
        Self { hurry: Arc::clone(hurry), ..Self::of(limit) }
    }

    /// What is left of it.
    #[must_use]
    pub fn left(&self) -> Duration {
        let hurry = *self.hurry.lock().unwrap_or_else(PoisonError::into_inner);
        hurry.map_or(self.until, |h| h.min(self.until)).saturating_duration_since(Instant::now())
    }
}

/// A program, where it is run and with what.
pub(crate) struct Program<'a> {
    /// Its name, looked up on the environment's PATH.
    pub name: &'a str,
    /// Where it is run.
    pub directory: &'a Path,
    /// All of its environment.
    pub environment: &'a BTreeMap<OsString, OsString>,
}

impl Program<'_> {
    /// Runs it; ends it, and all that it started in its process group, when the patience is used up.
    pub fn run<S: AsRef<OsStr>>(&self, args: &[S], patience: &Patience) -> Result<Said, Failed> {
        self.run_with(args, &[], patience)
    }

    /// The same, with this on its standard input; whether it reads it is its own affair.
    pub fn run_with<S: AsRef<OsStr>>(&self, args: &[S], input: &[u8], patience: &Patience) -> Result<Said, Failed> {
        let path = which(Path::new(self.name), self.environment, self.directory).ok_or(Failed::Missing)?;
        let mut command = Command::new(path);
        command.args(args).current_dir(self.directory).env_clear().envs(self.environment);
        command
            .stdin(if input.is_empty() { Stdio::null() } else { Stdio::piped() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let mut child = command.spawn().map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => Failed::Missing,
            _ => Failed::Other(format!("cannot be started: {e}")),
        })?;
        if let Some(mut to) = child.stdin.take() {
            let input = input.to_vec();
            // It may never read: the thread ends with the pipe.
            drop(std::thread::Builder::new().name("input".into()).spawn(move || drop(to.write_all(&input))));
        }
        let (out, err) = (Stream::of(child.stdout.take()), Stream::of(child.stderr.take()));
        let status = wait(&mut child, [&out, &err], patience);
        if status.is_err() {
            end(&mut child);
        }
        let status = status.map_err(Failed::Other)?;
        let (out, err) = (out.taken(), err.taken());
        if out.len().max(err.len()) as u64 > OUTPUT_BYTES_MAX {
            return Err(Failed::Other(format!("said more than {} MB", OUTPUT_BYTES_MAX >> 20)));
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Said { status, out: text(&out), err: text(&err) })
    }
}

/// Until it has ended and its output was read. A helper that it left behind may hold its output open: that is not waited for.
fn wait(child: &mut Child, streams: [&Stream; 2], patience: &Patience) -> Result<ExitStatus, String> {
    for stream in streams {
        loop {
            match stream.read_all.recv_timeout(patience.left().min(LOOK)) {
                Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if let Some(status) = ended(child)? {
                let _ = stream.read_all.recv_timeout(LOOK);
                return Ok(status);
            }
            if patience.left().is_zero() {
                return Err(String::from("gave no answer in time"));
            }
        }
    }
    loop {
        if let Some(status) = ended(child)? {
            return Ok(status);
        }
        if patience.left().is_zero() {
            return Err(String::from("did not end in time"));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn ended(child: &mut Child) -> Result<Option<ExitStatus>, String> {
    child.try_wait().map_err(|e| format!("cannot be waited for: {e}"))
}

fn end(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    drop(child.kill());
    drop(child.wait());
}

/// What a pipe gives, read on a thread of its own, which ends with the pipe.
struct Stream {
    bytes: Arc<Mutex<Vec<u8>>>,
    read_all: Receiver<()>,
}

impl Stream {
    fn of(from: Option<impl Read + Send + 'static>) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let (done, read_all) = sync_channel(1);
        let to = Arc::clone(&bytes);
        let read = move || {
            let mut chunk = [0; 8192];
            let Some(mut from) = from else { return };
            while let Ok(n) = from.read(&mut chunk) {
                let mut bytes = to.lock().unwrap_or_else(PoisonError::into_inner);
                // One more than is taken tells that there was more; the rest is read and dropped.
                let room = (OUTPUT_BYTES_MAX as usize + 1).saturating_sub(bytes.len());
                bytes.extend_from_slice(&chunk[..n.min(room)]);
                if n == 0 {
                    break;
                }
            }
            let _ = done.send(());
        };
        // Without a thread nothing is read, which is told as an answer that says nothing.
        drop(std::thread::Builder::new().name("output".into()).spawn(read));
        Self { bytes, read_all }
    }

    fn taken(&self) -> Vec<u8> {
        std::mem::take(&mut *self.bytes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
