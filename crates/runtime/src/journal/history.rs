//! What earlier runs of a plan landed. Reads the journal; does not know whether that work is still on any branch.

use std::collections::BTreeMap;

use greenlane_core::ids::{Oid, PlanId, RunId};
use greenlane_core::state::{PlanPhase, State};
use rusqlite::params;

use super::{Journal, JournalError};

/// How many earlier runs of a plan are looked at.
const RUNS_MAX: u32 = 20;

/// An earlier run of the same plan.
#[derive(Clone, Debug)]
pub struct PlanHistory {
    /// That run.
    pub run: RunId,
    /// It ended, or was stopped; `false`: nobody has ended it, it can be resumed (or goes on right now).
    pub ended: bool,
    /// It ended by itself, with nothing left to do.
    pub finished: bool,
    /// The plan's branch in that run, where it was made.
    pub branch: Option<String>,
    /// That branch's head.
    pub head: Oid,
    /// What landed, by the digest of definition and inputs.
    pub landed: BTreeMap<String, LandedEarlier>,
    /// Tasks of the plan in that run.
    pub tasks: usize,
}

/// Where a task landed.
#[derive(Clone, Debug, PartialEq)]
pub struct LandedEarlier {
    /// The run that did the work.
    pub run: RunId,
    /// The merge commit.
    pub commit: Oid,
}

/// The word for an event's kind: the `event` field, which stands first in its JSON.
pub(super) fn kind_of(body: &str) -> &str {
    body.strip_prefix("{\"event\":\"").and_then(|rest| rest.split('"').next()).unwrap_or("")
}

impl Journal {
    /// Earlier runs of the plan with this id, the newest first.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn history(&self, plan: &PlanId) -> Result<Vec<PlanHistory>, JournalError> {
        let runs: Vec<String> = self.sqlite(|db| {
            let mut query = db.prepare_cached(
                "SELECT DISTINCT run FROM events WHERE kind = 'plan_queued' AND json_extract(body, '$.definition.id') = ?1
                 ORDER BY seq DESC LIMIT ?2",
            )?;
            let rows = query.query_map(params![plan.as_str(), RUNS_MAX], |row| row.get(0))?;
            rows.collect()
        })?;
        let mut found = Vec::new();
        for run in runs.into_iter().map(RunId::from) {
            let (state, _) = self.load(&run)?;
            if let Some(history) = of_plan(&run, &state, plan) {
                found.push(history);
            }
        }
        Ok(found)
    }
}

fn of_plan(run: &RunId, state: &State, plan: &PlanId) -> Option<PlanHistory> {
    let p = state.plan(plan)?;
    let mut landed = BTreeMap::new();
    for task in &state.tasks[p.tasks.clone()] {
        if let (Some(commit), Some(digest)) = (&task.landed, p.submission.digests.get(&task.key.task)) {
            let by = task.landed_before.as_ref().map_or_else(|| run.clone(), |b| b.run.clone());
            landed.insert(digest.clone(), LandedEarlier { run: by, commit: commit.clone() });
        }
    }
    Some(PlanHistory {
        run: run.clone(),
        ended: state.ended_at.is_some() || matches!(p.phase, PlanPhase::Ended { .. }),
        finished: state.finished || matches!(p.phase, PlanPhase::Ended { .. }),
        branch: p.branch.clone(),
        head: p.head.clone(),
        landed,
        tasks: p.tasks.len(),
    })
}
