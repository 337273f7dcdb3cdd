//! The coordinator's thread for the logs: it waits a moment for more after it was woken, and catches up.

use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use super::{Logs, LogsError, Patience};
use crate::background::{Background, gather};
use crate::journal::JournalError;

/// What is journalled within this time is written at once.
const GATHER: Duration = Duration::from_millis(500);
/// At the coordinator's end: how long to wait for another process that writes to the logs. It does the same work, and whoever reads
/// the logs next catches up.
const LAST_PATIENCE: Duration = Duration::from_secs(2);

/// Starts it. `complain` is told once of each kind of trouble; the run goes on without logs then. At its end it writes what is left.
///
/// # Errors
/// If no thread can be had.
pub(crate) fn start(state_dir: PathBuf, complain: impl FnMut(String) + Send + 'static) -> std::io::Result<Background> {
    Background::start("logs", move |woken| work(state_dir, woken, complain))
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
