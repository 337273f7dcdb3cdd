//! Rules about tasks and their attempts.

use super::Found;
use crate::state::{Phase, State};

/// Two tasks of a plan whose owned files overlap are never both at work or on their way to the branch.
pub(super) fn owned_files_apart(state: &State) -> Found {
    for task in state.tasks.iter().filter(|t| t.phase.active()) {
        if let Some(other) = task.overlaps.iter().map(|o| &state.tasks[*o]).find(|o| o.phase.active()) {
            return Err(format!("{} and {} own some of the same files and are both active", task.key, other.key));
        }
    }
    Ok(())
}

/// An attempt is under way exactly while its task is active; it is the newest, and numbers only grow.
pub(super) fn one_attempt_at_a_time(state: &State) -> Found {
    for task in &state.tasks {
        let under_way = task.attempts.iter().filter(|a| a.outcome.is_none()).count();
        if under_way != usize::from(task.phase.active()) {
            return Err(format!("{} is {:?} and has {under_way} attempts under way", task.key, task.phase));
        }
        if under_way == 1 && task.current().is_some_and(|a| a.outcome.is_some()) {
            return Err(format!("{} has an older attempt under way", task.key));
        }
        if !task.attempts.iter().zip(1..).all(|(a, n)| a.n == n) {
            return Err(format!("{} has attempts out of number", task.key));
        }
    }
    Ok(())
}

/// A task is done because it landed in this run or an earlier one, or was ticked; and nothing else has landed.
pub(super) fn done_means_landed(state: &State) -> Found {
    for task in &state.tasks {
        let settled = task.landed.is_some() || state.definition(task).ticked;
        match task.phase {
            Phase::Done if !settled => return Err(format!("{} is done and has not landed", task.key)),
            Phase::Done => {}
            _ if task.landed_unverified => {
                return Err(format!("{} is {:?}, and its landing is said to be unverified", task.key, task.phase));
            }
            _ if task.landed.is_some() => return Err(format!("{} has landed and is {:?}", task.key, task.phase)),
            _ => {}
        }
    }
    Ok(())
}

/// A task that is active had every dependency on the branch when it was started; those leave it only by a rollback, which needs an idle plan.
pub(super) fn dependencies_have_landed(state: &State) -> Found {
    for plan in &state.plans {
        for (task, definition) in state.tasks[plan.tasks.clone()].iter().zip(&plan.submission.plan.tasks) {
            if !matches!(task.phase, Phase::Ready | Phase::Running | Phase::Gating | Phase::Landing) {
                continue;
            }
            for dependency in &definition.depends {
                let key = crate::ids::TaskKey { plan: task.key.plan.clone(), task: dependency.clone() };
                let rolled_back = |t: &crate::state::TaskState| t.landed.is_none() && t.reason.is_some() && t.phase.ended();
                if state.task(&key).is_some_and(|t| t.phase != Phase::Done && !(rolled_back(t) && task.phase != Phase::Ready)) {
                    return Err(format!("{} is {:?}, and {key} that it depends on is not done", task.key, task.phase));
                }
            }
        }
    }
    Ok(())
}
