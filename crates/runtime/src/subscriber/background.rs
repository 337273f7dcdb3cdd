//! The coordinator's thread for the logs: it is woken when something was journalled, waits a moment for more, and catches up.
//! The coordinator itself never waits for it, but for a moment at its end.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{Logs, LogsError, Patience};
use crate::journal::JournalError;

/// What is journalled within this time is written at once.
const GATHER: Duration = Duration::from_millis(500);
/// At the coordinator's end: how long to wait for another process that writes to the logs. It does the same work, and whoever reads
/// the logs next catches up.
const LAST_PATIENCE: Duration = Duration::from_secs(2);

/// The thread.
pub struct Background {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Starts it. `complain` is told once of each kind of trouble; the run goes on without logs then.
    ///
    /// # Errors
    /// If no thread can be had.
    pub fn start(state_dir: PathBuf, complain: impl FnMut(String) + Send + 'static) -> std::io::Result<Self> {
        let (wake, woken) = sync_channel(1);
        let thread = std::thread::Builder::new().name("logs".into()).spawn(move || work(state_dir, &woken, complain))?;
        Ok(Self { wake: Some(wake), thread: Some(thread) })
    }

    /// Something was journalled.
    pub fn wake(&self) {
        if let Some(wake) = &self.wake {
            // One wake that has not been heard yet is enough.
            let _ = wake.try_send(());
        }
    }

    /// Writes what is left, and ends.
    pub fn finish(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.end();
    }
}

fn work(state_dir: PathBuf, woken: &Receiver<()>, mut complain: impl FnMut(String)) {
    let mut logs: Option<Logs> = None;
    let mut told: Vec<String> = Vec::new();
    let mut over = false;
    while !over {
        over = woken.recv().is_err() || gather(woken, GATHER);
        let patience = if over { Patience::For(LAST_PATIENCE) } else { Patience::None };
        let result = match &mut logs {
            Some(logs) => logs.catch_up(patience),
            None => Logs::open(&state_dir).and_then(|opened| logs.insert(opened).catch_up(patience)),
        };
        match result {
            Ok(()) | Err(LogsError::Busy(_) | LogsError::Journal(JournalError::Missing(_))) => {}
            Err(e) => {
                // What it holds may be behind by now.
                logs = None;
                let text = format!("{e}; `greenlane events rebuild` makes the logs anew");
                if told.len() < 8 && !told.contains(&text) {
                    told.push(text.clone());
                    complain(text);
                }
            }
        }
    }
}

/// Waits for more for so long. `true`: nothing comes any more.
pub(crate) fn gather(woken: &Receiver<()>, long: Duration) -> bool {
    let until = Instant::now() + long;
    loop {
        match woken.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => return false,
            Err(RecvTimeoutError::Disconnected) => return true,
        }
    }
}
