//! Runs checks, suites and hooks under a keeper that dies with us, so that nothing of them is left behind.
//! Knows nothing of what the lines are for.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use greenlane_core::attempt::Exit;
use greenlane_core::budget::Allowance;

use super::context::HEARTBEAT;
use crate::keeper::{self, Cancel, KeeperLost, Lifetime, Limits, Spec};
use crate::workspace::{Shell, ShellLine, ShellOutcome};

/// The longest grace of a check: it has no work to save.
const GRACE_MAX: Duration = Duration::from_secs(5);

/// How often a line is run whose keeper is killed each time.
const LOST_MAX: u32 = 3;

/// Lines that are killed are gone in milliseconds; what is stuck in the kernel is not waited for.
const ABORT_MAX: Duration = Duration::from_secs(10);
const ABORT_ROUND: Duration = Duration::from_millis(100);

/// The shell of one run.
pub(super) struct KeptShell {
    exe: PathBuf,
    dir: PathBuf,
    grace: Duration,
    output_bytes_max: u64,
    /// The keeper's directory of each line that runs, and the line's label.
    running: Mutex<BTreeMap<PathBuf, String>>,
    one_ended: Condvar,
    count: AtomicU64,
    aborted: AtomicBool,
}

impl KeptShell {
    /// `dir`: where keepers of lines work while they run.
    pub(super) fn new(exe: &Path, dir: PathBuf, grace: Duration, output_bytes_max: u64) -> Self {
        Self {
            exe: exe.to_owned(),
            dir,
            grace: grace.min(GRACE_MAX),
            output_bytes_max,
            running: Mutex::default(),
            one_ended: Condvar::new(),
            count: AtomicU64::new(0),
            aborted: AtomicBool::new(false),
        }
    }

    /// Ends every line that runs, and lets no further one start.
    pub(super) fn abort(&self) {
        self.aborted.store(true, Ordering::SeqCst);
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for dir in running.into_keys() {
            drop(keeper::cancel(&dir, Cancel::Kill));
        }
    }

    /// Ends the lines with this label that run.
    pub(super) fn end(&self, label: &str) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (dir, _) in running.into_iter().filter(|(_, l)| l == label) {
            drop(keeper::cancel(&dir, Cancel::Kill));
        }
    }

    /// The same, and waits until they are gone: whoever takes the run up next works in the same worktrees.
    pub(super) fn abort_and_wait(&self) {
        let began = Instant::now();
        loop {
            self.abort();
            let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            if running.is_empty() || began.elapsed() > ABORT_MAX {
                return;
            }
            // One whose keeper had not begun when it was asked is asked again.
            drop(self.one_ended.wait_timeout(running, ABORT_ROUND));
        }
    }

    /// Ends what a coordinator that was killed has left: its lines die with it, but not at the same instant.
    pub(super) fn end_left_over(&self) {
        for entry in std::fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let dir = entry.path();
            drop(keeper::end_left_over(&dir));
            drop(std::fs::remove_dir_all(&dir));
        }
    }

    fn run_kept(&self, line: &ShellLine, dir: &Path, id: &str) -> io::Result<ShellOutcome> {
        let spec = Spec {
            label: format!("{} {id}", line.label),
            argv: ["sh", "-c", line.command.as_str()].map(str::to_owned).to_vec(),
            cwd: line.cwd.clone(),
            stdin: None,
            hand_off: false,
            timeout: Some(line.timeout),
            stall_timeout: None,
            grace: self.grace,
            output_bytes_max: self.output_bytes_max,
            reader: None,
            lifetime: Lifetime::WithParent,
            heartbeat: HEARTBEAT,
            allowance: Allowance::default(),
            acp: None,
            runaway: Limits::default(),
        };
        let record = keeper::run_supervised(&self.exe, dir, &spec, &line.env)?;
        let mut tail = record.stdout_tail;
        if !record.stderr_tail.is_empty() {
            if !tail.is_empty() {
                tail.push('\n');
            }
            tail.push_str(&record.stderr_tail);
        }
        let (exit_code, signal, timed_out) = match record.exit {
            Exit::Code { code } => (Some(code), None, false),
            Exit::Signal { signal } => (None, Some(signal), false),
            Exit::TimedOut | Exit::Stalled | Exit::OverBudget { .. } | Exit::Runaway { .. } => (None, None, true),
            Exit::Cancelled => return Err(stopping()),
            Exit::FailedToStart { message } => return Err(io::Error::other(message)),
        };
        Ok(ShellOutcome { exit_code, signal, timed_out, output_tail: tail })
    }
}

impl KeptShell {
    fn run_once(&self, line: &ShellLine) -> io::Result<ShellOutcome> {
        // A keeper's directory is used once; what it holds goes to the log, and the directory goes.
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let id = format!("{}-{number}", std::process::id());
        let dir = self.dir.join(&id);
        std::fs::create_dir_all(&dir)?;
        self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(dir.clone(), line.label.clone());
        let result = if self.aborted.load(Ordering::SeqCst) { Err(stopping()) } else { self.run_kept(line, &dir, &id) };
        self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&dir);
        self.one_ended.notify_all();
        let logged = append_logs(&dir, line);
        std::fs::remove_dir_all(&dir)?;
        logged?;
        result
    }
}

impl Shell for KeptShell {
    fn run(&self, line: &ShellLine) -> io::Result<ShellOutcome> {
        // A keeper that was killed (want of memory, a careless `kill`) says nothing about the command: that is run again.
        for _ in 1..LOST_MAX {
            match self.run_once(line) {
                Err(e) if e.get_ref().is_some_and(|inner| inner.is::<KeeperLost>()) => {}
                result => return result,
            }
        }
        self.run_once(line)
    }
}

fn stopping() -> io::Error {
    io::Error::new(io::ErrorKind::Interrupted, "ended because the run is being stopped")
}

/// Puts what a command printed at the end of the log that it belongs to, under the command itself.
fn append_logs(dir: &Path, line: &ShellLine) -> io::Result<()> {
    if let Some(parent) = line.log.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let mut log = File::options().create(true).append(true).open(&line.log)?;
    writeln!(log, "$ {}", line.command)?;
    for stream in ["stdout.log", "stderr.log"] {
        if let Ok(mut file) = File::open(dir.join(stream)) {
            io::copy(&mut file, &mut log)?;
        }
    }
    Ok(())
}
