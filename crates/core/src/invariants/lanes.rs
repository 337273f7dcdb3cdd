//! Rules about the way to the branch.

use std::collections::BTreeMap;

use super::Found;
use crate::ids::AttemptId;
use crate::state::{BatchPhase, Lane, Phase, State};

/// How often each attempt stands in a lane.
fn members(lane: &Lane) -> BTreeMap<&AttemptId, u32> {
    let mut out = BTreeMap::new();
    let active = lane.active.iter().flat_map(|b| match b.phase {
        // What was not merged has been put back, or ended.
        BatchPhase::Merging => b.attempts.iter().collect::<Vec<_>>(),
        BatchPhase::Verifying | BatchPhase::Moving { .. } => b.merged.iter().map(|(a, _)| a).collect(),
    });
    for entry in lane.queue.iter().chain(lane.splits.iter().flatten()).chain(active) {
        *out.entry(&entry.attempt).or_insert(0) += 1;
    }
    out
}

/// Every task that is landing stands in its plan's lane exactly once, with its newest attempt.
pub(super) fn landing_is_in_a_lane(state: &State) -> Found {
    for plan in &state.plans {
        let mut landing = state.tasks[plan.tasks.clone()].iter().filter(|t| t.phase == Phase::Landing).peekable();
        if landing.peek().is_none() {
            continue;
        }
        let members = members(&plan.lane);
        for task in landing {
            let count = members.get(&task.attempt_id()).copied().unwrap_or(0);
            if count != 1 {
                return Err(format!("{} is landing and stands in the lane {count} times", task.attempt_id()));
            }
        }
    }
    Ok(())
}

/// A lane holds nobody else: what was called off or has ended never lands.
pub(super) fn lanes_hold_only_landing(state: &State) -> Found {
    for plan in state.plans.iter().filter(|p| !p.lane.is_idle()) {
        for attempt in members(&plan.lane).into_keys() {
            if !state.is_current(attempt, Phase::Landing) {
                return Err(format!("{attempt} stands in the lane and is not landing"));
            }
        }
        if plan.lane.splits.iter().any(Vec::is_empty) {
            return Err(format!("plan {} has an empty part of a red batch", plan.submission.plan.id));
        }
    }
    Ok(())
}
