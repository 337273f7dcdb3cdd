//! A run's clock: the time since its start in which somebody was at work on it. It stands between an end and the retry after it, and
//! between the death of a coordinator and the resume, as far as no agent went on alone.

use std::time::Duration;

use crate::state::{AttemptState, State};
use crate::time::Time;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct RunClock {
    started: Time,
    /// When it stood still, and for how long; in order.
    stood: Vec<(Time, Duration)>,
}

impl RunClock {
    /// The clock of this run.
    #[must_use]
    pub fn of(state: &State) -> Self {
        let stood = state.absences.iter().map(|absence| {
            // Agents need no coordinator: it went on until the last of them ended.
            let ends = state.tasks.iter().flat_map(|t| &t.attempts).filter_map(|a| {
                let ran = a.spawned.is_some() && a.started_at <= absence.from && seen_gone(a).is_none_or(|at| at >= absence.to);
                ran.then(|| gone_at(state, a).unwrap_or(absence.to))
            });
            let from = ends.max().unwrap_or(absence.from).max(absence.from);
            (from, absence.to.since(from))
        });
        Self { started: state.started_at, stood: stood.filter(|(_, long)| !long.is_zero()).collect() }
    }

    /// What it showed then.
    #[must_use]
    pub fn at(&self, at: Time) -> Duration {
        self.between(self.started, at)
    }

    /// How far it went from one moment to another.
    #[must_use]
    pub fn between(&self, from: Time, to: Time) -> Duration {
        let stood = self.stood.iter().map(|(since, long)| {
            let end = *since + *long;
            end.min(to).since((*since).max(from))
        });
        to.since(from).saturating_sub(stood.sum())
    }

    /// The last moment at which it showed so much.
    #[must_use]
    pub fn when(&self, shown: Duration) -> Time {
        self.stood.iter().fold(self.started + shown, |at, (since, long)| if *since <= at { at + *long } else { at })
    }
}

/// When a coordinator saw that its processes were gone.
fn seen_gone(attempt: &AttemptState) -> Option<Time> {
    attempt.exited_at.or(attempt.ended_at)
}

/// When its processes were gone: by the keeper's record, since while nobody coordinated the end was seen later than it was. Of one that
/// was lost while nobody coordinated nothing is known after the last coordinator's words. `None`: they still run.
pub(super) fn gone_at(state: &State, attempt: &AttemptState) -> Option<Time> {
    let seen = seen_gone(attempt)?;
    Some(match &attempt.record {
        Some(record) => record.ended_at.max(attempt.started_at).min(seen),
        None => {
            let lost_in = state.absences.iter().find(|a| a.from >= attempt.started_at && a.to <= seen);
            lost_in.map_or(seen, |a| a.from)
        }
    })
}
