//! Watches a run that another process coordinates: replays its journal, told by the socket when there is more.

use std::path::Path;
use std::time::{Duration, Instant};

use greenlane_core::ids::{PlanId, RunId};
use greenlane_core::state::{PlanPhase, State};
use greenlane_runtime::clock;
use greenlane_runtime::control::{Client, Followed, socket_path};
use greenlane_runtime::driver::Observer;
use greenlane_runtime::journal::Journal;

use crate::error::Error;

/// When to stop watching.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Until {
    /// The run has ended.
    RunEnds,
    /// These plans have ended.
    PlansEnd(Vec<PlanId>),
}

impl Until {
    fn reached(&self, state: &State) -> bool {
        match self {
            Until::RunEnds => state.ended_at.is_some(),
            Until::PlansEnd(plans) => {
                state.ended_at.is_some()
                    || plans.iter().all(|id| state.plan(id).is_some_and(|p| matches!(p.phase, PlanPhase::Ended { .. })))
            }
        }
    }
}

/// How watching ended, with the run's state then.
pub struct Watched {
    /// The last state that was seen.
    pub state: State,
    /// What was waited for has come; `false`: the coordinator is gone, or the patience.
    pub reached: bool,
    /// The patience was at its end.
    pub timed_out: bool,
}

/// Watches until then, for at most `patience`. What was journalled up to `known` is not shown again.
///
/// # Errors
/// If the journal cannot be read.
pub fn follow(
    state_dir: &Path,
    run: &RunId,
    known: u64,
    until: &Until,
    patience: Option<Duration>,
    observer: &mut dyn Observer,
) -> Result<Watched, Error> {
    let journal = Journal::read(state_dir).map_err(|e| Error::environment(e.to_string()))?;
    let began = Instant::now();
    // Connected before the first look, so that nothing is journalled between the look and the listening.
    let mut client = socket_path(state_dir).ok().and_then(|path| Client::connect(&path).ok());
    if let Some(c) = &mut client
        && c.follow().is_err()
    {
        client = None;
    }
    let (mut state, mut seq) = (State::default(), 0);
    loop {
        let records = journal.since(Some(run), seq, 10_000).map_err(|e| Error::environment(e.to_string()))?;
        for record in &records {
            state.apply(record.at, &record.event).map_err(|e| Error::environment(e.to_string()))?;
            seq = record.seq;
        }
        let new = records.partition_point(|r| r.seq <= known);
        if new < records.len() {
            observer.journalled(&state, &records[new..]);
        }
        let reached = until.reached(&state);
        let timed_out = patience.is_some_and(|p| began.elapsed() >= p);
        if reached || timed_out {
            return Ok(Watched { state, reached, timed_out: timed_out && !reached });
        }
        let Some(c) = &mut client else { return Ok(Watched { state, reached: false, timed_out: false }) };
        let left = patience.map(|p| p.saturating_sub(began.elapsed()));
        let wait = [left, observer.tick_interval()].into_iter().flatten().min();
        match c.next(wait).map_err(|e| Error::environment(e.to_string()))? {
            Followed::Journalled(_) => {}
            Followed::Nothing => observer.tick(&state, clock::now()),
            // One more look: its last words may have come in between.
            Followed::Ended => client = None,
        }
    }
}
