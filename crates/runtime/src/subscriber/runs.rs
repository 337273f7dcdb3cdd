//! The state of each run at the entry that is being read. Keeps the few runs that are in use, and replays one when it is first met.

use std::collections::BTreeMap;

use greenlane_core::event::Event;
use greenlane_core::ids::RunId;
use greenlane_core::state::State;
use greenlane_core::time::Time;

use crate::journal::{Journal, JournalError};

/// One coordinator at a time: more than the last few runs are never in use.
const RUNS_MAX: usize = 4;
const PAGE: u32 = 1_000;

#[derive(Default)]
pub(crate) struct Runs {
    held: BTreeMap<RunId, State>,
    /// Every held state has taken in every event of its run up to this one.
    through: u64,
}

impl Runs {
    /// Makes the held states stand at this event; what is ahead of it is dropped and replayed when it is needed.
    pub(crate) fn stand_at(&mut self, journal: &Journal, seq: u64) -> Result<(), JournalError> {
        if self.through > seq {
            self.held.clear();
        }
        for (run, state) in &mut self.held {
            replay(journal, run, state, self.through, seq)?;
        }
        self.through = seq;
        Ok(())
    }

    /// Takes in the next event of the journal and gives its run's state after it.
    pub(crate) fn after(&mut self, journal: &Journal, run: &RunId, seq: u64, at: Time, event: &Event) -> Result<&State, JournalError> {
        if !self.held.contains_key(run) {
            if self.held.len() >= RUNS_MAX {
                // Run ids sort by time: the oldest goes.
                self.held.pop_first();
            }
            let mut state = State::default();
            if !matches!(event, Event::RunStarted { .. }) {
                replay(journal, run, &mut state, 0, seq.saturating_sub(1))?;
            }
            self.held.insert(run.clone(), state);
        }
        self.through = seq;
        let state = self.held.entry(run.clone()).or_default();
        take_in(state, at, event);
        Ok(state)
    }
}

/// The run's events after `from`, up to and with `to`.
fn replay(journal: &Journal, run: &RunId, state: &mut State, from: u64, to: u64) -> Result<(), JournalError> {
    let mut seq = from;
    while seq < to {
        let page = journal.since(Some(run), seq, PAGE)?;
        for record in page.iter().take_while(|r| r.seq <= to) {
            take_in(state, record.at, &record.event);
        }
        match page.last() {
            Some(last) if page.len() == PAGE as usize => seq = last.seq,
            _ => break,
        }
    }
    Ok(())
}

/// A journal that contradicts itself is the coordinator's trouble; a log tells what it can of it.
fn take_in(state: &mut State, at: Time, event: &Event) {
    let _ = state.apply(at, event);
}
