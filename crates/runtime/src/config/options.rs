//! From configuration to what the core decides by. Reads nothing.

use std::collections::BTreeMap;

use greenlane_core::health::HealthPolicy;
use greenlane_core::options::{RetryPolicy, RunOptions};
use greenlane_core::plan::OnFailure;
use greenlane_core::room::RoomPolicy;

use super::{BaseRed, Config};
use crate::agent::AUTO;

impl Config {
    /// What of the configuration decisions depend on. `agent_slots`: of the agents that have a limit of their own. `processors`:
    /// how many tasks are checked at once where nothing else is said. `seed`: of the retries' jitter.
    #[must_use]
    pub fn run_options(&self, agent_slots: BTreeMap<String, u32>, processors: u32, seed: u64) -> RunOptions {
        let Config { run, retry, quota, .. } = self;
        // In two steps, since the core has a field more when it is built with its planted bugs.
        let options = RunOptions {
            jobs: run.jobs,
            max_plans: run.max_plans,
            check_jobs: run.check_jobs.unwrap_or(processors).max(1),
            backlog: run.backlog,
            // Whoever hands in a plan has assigned its tasks by then.
            agent: run.agent.clone().filter(|agent| agent != AUTO),
            agent_slots,
            keep_going: run.keep_going,
            require_verify: run.require_verify,
            base_red_allowed: run.base_red == BaseRed::Allow,
            retry: RetryPolicy {
                max: retry.max,
                base: retry.base,
                factor: retry.factor,
                delay_max: retry.delay_max,
                jitter: retry.jitter,
                types: retry.retry_types.clone(),
                repairs: retry.repairs,
            },
            health: HealthPolicy { interval: run.health_interval, hung_after: run.hung_after, dead_after: run.dead_after },
            budget: self.budget.run.clone(),
            task_budget: self.budget.task.clone(),
            room: self.room(),
            quota: quota.clone(),
            group_refresh: self.groups.refresh.clone(),
            group_rollback: self.groups.on_failure == OnFailure::Rollback,
            question_max: self.mcp.question_max,
            ..RunOptions::default()
        };
        RunOptions { seed, ..options }
    }

    /// The floors of disk and memory.
    #[must_use]
    pub fn room(&self) -> RoomPolicy {
        RoomPolicy { disk_free_min: self.bounds.disk_free_min, memory_free_min: self.bounds.memory_free_min }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_the_cores_own() {
        let options = Config::defaults().unwrap().run_options(BTreeMap::new(), 5, 0);
        assert_eq!(options, RunOptions::default());
    }
}
