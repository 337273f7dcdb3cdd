//! Rules about plans and the run as a whole.

use super::Found;
use crate::state::{Phase, PlanPhase, State};

/// Only a plan that runs has tasks that are ready or active, or work in its lane.
pub(super) fn work_is_in_plans_that_run(state: &State) -> Found {
    for plan in state.plans.iter().filter(|p| p.phase != PlanPhase::Running) {
        if let Some(task) = state.tasks[plan.tasks.clone()].iter().find(|t| t.phase.active() || t.phase == Phase::Ready) {
            return Err(format!("{} is {:?} in a plan that is {:?}", task.key, task.phase, plan.phase));
        }
        if !plan.lane.is_idle() {
            return Err(format!("plan {} is {:?} and its lane is not idle", plan.submission.plan.id, plan.phase));
        }
    }
    Ok(())
}

/// Every task of an ended plan has ended, and it is said to be done only if each of them is.
pub(super) fn ended_plans_are_over(state: &State) -> Found {
    for plan in &state.plans {
        let PlanPhase::Ended { done } = plan.phase else { continue };
        let tasks = &state.tasks[plan.tasks.clone()];
        if let Some(task) = tasks.iter().find(|t| !t.phase.ended()) {
            return Err(format!("plan {} has ended and {} is {:?}", plan.submission.plan.id, task.key, task.phase));
        }
        let all = tasks.iter().all(|t| t.phase == Phase::Done);
        if done && !all {
            return Err(format!("plan {} is said to be done and is not", plan.submission.plan.id));
        }
    }
    Ok(())
}

/// A run that is finished has only ended plans; one that was stopped has no attempt under way.
pub(super) fn ended_runs_are_over(state: &State) -> Found {
    if state.ended_at.is_none() {
        return Ok(());
    }
    if let Some(task) = state.tasks.iter().find(|t| t.phase == Phase::Running) {
        return Err(format!("the run has ended and {} is running", task.key));
    }
    match state.plans.iter().find(|p| !matches!(p.phase, PlanPhase::Ended { .. })) {
        Some(plan) if state.finished => Err(format!("the run is finished and plan {} is {:?}", plan.submission.plan.id, plan.phase)),
        _ => Ok(()),
    }
}
