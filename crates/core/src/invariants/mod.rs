//! What must hold of every state, whatever happened before: each rule a function with a name, cheap enough to ask after every step.
//! Looks at a state alone; what needs the world beside it (git, processes) is checked by the simulation. All of them are listed in
//! `docs/design/invariants.md`.

mod exchange;
mod lanes;
mod limits;
mod plans;
mod tasks;

use crate::state::State;

/// A rule that does not hold: a fault in the coordinator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {what}")]
pub struct Broken {
    /// The rule's name.
    pub rule: &'static str,
    /// What was found instead.
    pub what: String,
}

/// What a rule says: nothing, or what was found instead.
type Found = Result<(), String>;

/// One rule.
pub type Rule = fn(&State) -> Found;

/// Every rule by its name.
pub const RULES: [(&str, Rule); 20] = [
    ("jobs_are_respected", limits::jobs_are_respected),
    ("agent_slots_are_respected", limits::agent_slots_are_respected),
    ("plan_jobs_are_respected", limits::plan_jobs_are_respected),
    ("backlog_is_respected", limits::backlog_is_respected),
    ("gates_are_respected", limits::gates_are_respected),
    ("retries_are_respected", limits::retries_are_respected),
    ("owned_files_apart", tasks::owned_files_apart),
    ("one_attempt_at_a_time", tasks::one_attempt_at_a_time),
    ("done_means_landed", tasks::done_means_landed),
    ("dependencies_have_landed", tasks::dependencies_have_landed),
    ("work_is_in_plans_that_run", plans::work_is_in_plans_that_run),
    ("ended_plans_are_over", plans::ended_plans_are_over),
    ("ended_runs_are_over", plans::ended_runs_are_over),
    ("landing_is_in_a_lane", lanes::landing_is_in_a_lane),
    ("lanes_hold_only_landing", lanes::lanes_hold_only_landing),
    ("claims_are_apart", exchange::claims_are_apart),
    ("locks_are_of_those_at_work", exchange::locks_are_of_those_at_work),
    ("questions_are_waited_for", exchange::questions_are_waited_for),
    ("what_is_said_is_bounded", exchange::what_is_said_is_bounded),
    ("derived_is_right", derived_is_right),
];

/// Asks every rule.
///
/// # Errors
/// The first one that does not hold.
pub fn check(state: &State) -> Result<(), Broken> {
    for (rule, holds) in RULES {
        holds(state).map_err(|what| Broken { rule, what })?;
    }
    Ok(())
}

/// The indexes that are kept up to date event by event are what they would be if they were made anew.
fn derived_is_right(state: &State) -> Found {
    state.derived_is_right()
}

#[cfg(test)]
mod tests;
