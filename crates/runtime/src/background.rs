//! A thread beside the coordinator that is woken when something was journalled. The coordinator never waits for it, but for a moment at
//! its end. Knows nothing of what the thread does.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The thread. Dropped, it is waited for.
pub(crate) struct Background {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    /// Nothing is ever sent: the other end goes with the thread.
    #[cfg(feature = "telemetry")]
    gone: Receiver<()>,
}

impl Background {
    /// Starts it. `work` ends soon after its receiver is disconnected.
    ///
    /// # Errors
    /// If no thread can be had.
    pub(crate) fn start(name: &str, work: impl FnOnce(&Receiver<()>) + Send + 'static) -> std::io::Result<Self> {
        let (wake, woken) = sync_channel(1);
        #[cfg(feature = "telemetry")]
        let (lives, gone) = sync_channel::<()>(0);
        let thread = std::thread::Builder::new().name(name.into()).spawn(move || {
            #[cfg(feature = "telemetry")]
            let _lives = lives;
            work(&woken);
        })?;
        Ok(Self {
            wake: Some(wake),
            thread: Some(thread),
            #[cfg(feature = "telemetry")]
            gone,
        })
    }

    /// Something was journalled.
    pub(crate) fn wake(&self) {
        if let Some(wake) = &self.wake {
            // One wake that has not been heard yet is enough.
            let _ = wake.try_send(());
        }
    }

    /// Tells it that nothing comes any more, and waits for it.
    pub(crate) fn end(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }

    /// The same, but not for longer than this: then the thread is left to itself, and goes with the process.
    #[cfg(feature = "telemetry")]
    pub(crate) fn end_within(&mut self, long: Duration) {
        self.wake = None;
        if self.gone.recv_timeout(long) == Err(RecvTimeoutError::Timeout) {
            self.thread = None;
        }
        self.end();
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.end();
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
