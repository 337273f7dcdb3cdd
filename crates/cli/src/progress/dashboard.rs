//! The dashboard as a run's display, on a thread of its own; when its reader leaves it, the usual display goes on below.

use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use greenlane_core::ids::RunId;
use greenlane_core::state::State;
use greenlane_core::time::Time;
use greenlane_runtime::driver::Observer;
use greenlane_runtime::journal::Record;

use crate::output::Output;
use crate::session::Session;
use crate::tui::{Over, Place, Warnings, show};

/// The dashboard is looked after so often: whether it was left.
const TICK: Duration = Duration::from_secs(1);

pub(super) struct Dashboard {
    /// Until it is begun.
    begin: Option<(Session, RunId)>,
    output: Output,
    over: Over,
    is_open: Arc<AtomicBool>,
    warnings: Arc<Warnings>,
    thread: Option<JoinHandle<()>>,
    then: Box<dyn Observer>,
}

impl Dashboard {
    pub(super) fn new(session: Session, run: RunId, output: Output, then: Box<dyn Observer>) -> Self {
        let is_open = Arc::new(AtomicBool::new(true));
        Self { begin: Some((session, run)), output, over: Over::default(), is_open, warnings: Arc::default(), thread: None, then }
    }

    /// Once the run is in the journal: only then is there something to be shown.
    fn begin(&mut self) {
        let Some((session, run)) = self.begin.take() else { return };
        let place = Place::Inside { run, over: self.over.clone() };
        let (is_open, warnings, output, over) = (Arc::clone(&self.is_open), Arc::clone(&self.warnings), self.output, self.over.clone());
        let thread = std::thread::Builder::new().name("dashboard".into()).spawn(move || {
            let shown = show(&session, place, output.color, &warnings);
            is_open.store(false, Ordering::SeqCst);
            match shown {
                Err(e) => output.error(&e),
                Ok(_) if over.is_set() => {}
                Ok(_) => output.say("The run goes on here; `greenlane watch` in another terminal shows the dashboard again."),
            }
        });
        match thread {
            Ok(thread) => self.thread = Some(thread),
            Err(_) => self.is_open.store(false, Ordering::SeqCst),
        }
    }

    fn is_open(&self) -> bool {
        self.is_open.load(Ordering::SeqCst)
    }

    fn close(&mut self) {
        self.over.set();
        if let Some(thread) = self.thread.take() {
            // What it drew is gone then, and the last words come on the usual screen.
            drop(thread.join());
        }
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        self.close();
    }
}

impl Observer for Dashboard {
    fn journalled(&mut self, state: &State, records: &[Record]) {
        self.begin();
        if !self.is_open() {
            self.then.journalled(state, records);
        }
    }

    fn tick_interval(&self) -> Option<Duration> {
        Some(TICK)
    }

    fn tick(&mut self, state: &State, now: Time) {
        if !self.is_open() {
            self.then.tick(state, now);
        }
    }

    fn warn(&mut self, text: &str) {
        if self.is_open() {
            self.warnings.lock().unwrap_or_else(PoisonError::into_inner).push_back(text.to_owned());
            self.over.wake();
        } else {
            self.then.warn(text);
        }
    }

    fn detach(&mut self) {
        // The terminal is gone: nobody waits for what cannot be drawn.
        self.over.set();
        self.then.detach();
    }
}
