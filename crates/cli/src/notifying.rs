//! Passes on what is journalled to whoever shows it, and lets those be told who do not look: whoever started this process in the background
//! and waits for the run's beginning, and people, of what is worth it. Decides neither.

use std::time::Duration;

use greenlane_core::ids::RunId;
use greenlane_core::state::State;
use greenlane_core::time::Time;
use greenlane_runtime::driver::Observer;
use greenlane_runtime::journal::Record;
use greenlane_runtime::notify::Notifier;

use crate::commands::detach::begun;

/// An observer and, beside it, those who are told.
pub struct Notifying<'a> {
    inner: &'a mut dyn Observer,
    begins: Option<RunId>,
    notifier: Option<Notifier>,
}

impl<'a> Notifying<'a> {
    /// `begins`: this run's beginning is waited for. `notifier`: `None` where there is nobody to tell.
    pub fn new(inner: &'a mut dyn Observer, begins: Option<RunId>, notifier: Option<Notifier>) -> Self {
        Self { inner, begins, notifier }
    }
}

impl Observer for Notifying<'_> {
    fn journalled(&mut self, state: &State, records: &[Record]) {
        // Once its beginning is in the journal: whoever looks then finds it.
        self.begins.take().iter().for_each(begun);
        self.inner.journalled(state, records);
        if let Some(Err(e)) = self.notifier.as_mut().map(|n| n.journalled(records)) {
            // Once is enough: what cannot be started now cannot be started later.
            self.notifier = None;
            self.inner.warn(&format!("nobody is notified by this run: {e}"));
        }
    }

    fn tick_interval(&self) -> Option<Duration> {
        self.inner.tick_interval()
    }

    fn tick(&mut self, state: &State, now: Time) {
        self.inner.tick(state, now);
    }

    fn warn(&mut self, text: &str) {
        self.inner.warn(text);
    }

    fn detach(&mut self) {
        self.inner.detach();
    }
}
