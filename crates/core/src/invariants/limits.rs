//! Rules about limits: slots, gates, retries.

use std::collections::BTreeMap;

use super::Found;
use crate::state::{Phase, State, TaskState};

fn running(state: &State) -> impl Iterator<Item = &TaskState> {
    state.tasks.iter().filter(|t| t.phase == Phase::Running)
}

/// At most `jobs` attempts are under way, from the decision to start one to its exit; what is in a
/// person's hands, or has asked one, is not among them.
pub(super) fn jobs_are_respected(state: &State) -> Found {
    let (count, jobs) =
        (running(state).filter(|t| !state.may_be_beside_the_slots(t)).count(), state.options.as_ref().map_or(0, |o| o.jobs.max(1)));
    if count > jobs as usize { Err(format!("{count} attempts on {jobs} slots")) } else { Ok(()) }
}

/// At most as many of one agent as it has slots.
pub(super) fn agent_slots_are_respected(state: &State) -> Found {
    let Some(options) = state.options.as_ref().filter(|o| !o.agent_slots.is_empty()) else { return Ok(()) };
    let mut by_agent: BTreeMap<&str, u32> = BTreeMap::new();
    for task in running(state) {
        *by_agent.entry(task.current().map_or("", |a| a.agent.as_str())).or_default() += 1;
    }
    for (agent, slots) in &options.agent_slots {
        let count = by_agent.get(agent.as_str()).copied().unwrap_or(0);
        if count > (*slots).max(1) {
            return Err(format!("{count} attempts of {agent} on {slots} slots"));
        }
    }
    Ok(())
}

/// At most as many of one plan as it allows itself.
pub(super) fn plan_jobs_are_respected(state: &State) -> Found {
    for plan in &state.plans {
        let Some(jobs) = plan.submission.plan.jobs else { continue };
        let count =
            state.tasks[plan.tasks.clone()].iter().filter(|t| t.phase == Phase::Running && !state.may_be_beside_the_slots(t)).count();
        if count > jobs.max(1) as usize {
            return Err(format!("{count} attempts of plan {} on {jobs} slots", plan.submission.plan.id));
        }
    }
    Ok(())
}

/// Agents do not run away from verification: when one starts, fewer than `backlog_max` tasks of its plan wait for that. What a person
/// gives back comes on top, as it was started beside the slots.
pub(super) fn backlog_is_respected(state: &State) -> Found {
    let Some(options) = &state.options else { return Ok(()) };
    let most = options.backlog_max() as usize - 1 + options.jobs.max(1) as usize;
    let by_hand = |t: &TaskState| t.current().is_some_and(|a| state.is_hand_off(&a.agent)) || state.may_be_beside_the_slots(t);
    for plan in &state.plans {
        let count = state.tasks[plan.tasks.clone()].iter().filter(|t| t.phase.active() && !by_hand(t)).count();
        if count > most {
            return Err(format!("{count} tasks of plan {} between start and landing, where {most} may be", plan.submission.plan.id));
        }
    }
    Ok(())
}

/// At most `check_jobs` gates were asked at once.
pub(super) fn gates_are_respected(state: &State) -> Found {
    let max = state.options.as_ref().map_or(0, |o| o.check_jobs.max(1));
    let asked = |t: &&TaskState| t.phase == Phase::Gating && t.current().is_some_and(|a| a.gate_started);
    let count = state.tasks.iter().filter(asked).count();
    if count > max as usize { Err(format!("{count} gates on {max} places")) } else { Ok(()) }
}

/// No task used up more retries than it has.
pub(super) fn retries_are_respected(state: &State) -> Found {
    let max = state.options.as_ref().map_or(0, |o| o.retry.max);
    for task in state.tasks.iter().filter(|t| t.retries > 0) {
        let max = state.definition(task).retries.unwrap_or(max);
        if task.retries > max {
            return Err(format!("{} had {} retries of {max}", task.key, task.retries));
        }
    }
    Ok(())
}
