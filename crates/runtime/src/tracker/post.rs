//! The coordinator's thread for trackers: it is woken when something was journalled, and by itself when something is due again. The
//! coordinator never waits for it, but for [`LAST_WORDS`] at its end.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Outbox, OutboxError, Round, Trackers};
use crate::background::{Background, gather};
use crate::clock;
use crate::journal::JournalError;

/// What is journalled within this time is told at once, and only the newest word about each item.
const GATHER: Duration = Duration::from_millis(200);
/// Without anything to be told it looks again after so long: another process may have held the lock.
const IDLE: Duration = Duration::from_secs(300);
/// How soon it tries again where another process tells the trackers.
const BUSY: Duration = Duration::from_secs(1);
/// How long the run's last words may take, all of them together.
pub const LAST_WORDS: Duration = Duration::from_secs(4);

/// The thread.
pub struct Post {
    hurry: Arc<Mutex<Option<Instant>>>,
    /// `None`: it has ended.
    thread: Option<Background>,
}

impl Post {
    /// Starts it. `complain` is told once of each kind of trouble with the outbox itself; what trackers say is listed, not complained of.
    ///
    /// # Errors
    /// If no thread can be had.
    pub fn start(outbox: Outbox, trackers: Arc<Trackers>, complain: impl FnMut(String) + Send + 'static) -> std::io::Result<Self> {
        let hurry = outbox.hurry();
        let thread = Background::start("trackers", move |woken| work(outbox, &trackers, woken, complain))?;
        Ok(Self { hurry, thread: Some(thread) })
    }

    /// Something was journalled.
    pub fn wake(&self) {
        self.thread.iter().for_each(Background::wake);
    }

    /// Tells what is left, as far as that takes no longer than [`LAST_WORDS`], and ends. Dropped, it ends at once.
    pub fn finish(mut self) {
        self.end(LAST_WORDS);
    }

    fn end(&mut self, words: Duration) {
        if let Some(mut thread) = self.thread.take() {
            *self.hurry.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now().checked_add(words);
            thread.end();
        }
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        self.end(Duration::ZERO);
    }
}

fn work(mut outbox: Outbox, trackers: &Trackers, woken: &Receiver<()>, mut complain: impl FnMut(String)) {
    let mut told: Vec<String> = Vec::new();
    let mut over = false;
    // What an earlier coordinator could not tell is due at once.
    let mut wait = Duration::ZERO;
    loop {
        match woken.recv_timeout(wait) {
            Ok(()) => over = gather(woken, GATHER),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => over = true,
        }
        let settled = outbox.settle(trackers, over.then_some(LAST_WORDS), if over { Round::LastWords } else { Round::Due });
        wait = match &settled {
            Ok(_) => outbox.next_due().map_or(IDLE, |at| at.since(clock::now()).min(IDLE)),
            Err(_) => BUSY,
        };
        match settled {
            Ok(_) | Err(OutboxError::Busy | OutboxError::Journal(JournalError::Missing(_))) => {}
            Err(e) => {
                let text = format!("trackers are not told: {e}");
                if told.len() < 8 && !told.contains(&text) {
                    told.push(text.clone());
                    complain(text);
                }
            }
        }
        if over {
            return;
        }
    }
}
