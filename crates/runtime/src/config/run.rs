//! `[run]`: how many at once, how long, and when to stop. Knows nothing of where a value came from.

use std::time::Duration;

use greenlane_core::time::duration_text;
use serde::{Deserialize, Serialize};

/// The settings of a run as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunConfig {
    /// Attempts at once, over all plans; 1 to 1,000.
    pub jobs: u32,
    /// Plans at once; 1 to 1,000.
    pub max_plans: u32,
    /// The agent of tasks that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Wall-clock limit of one attempt.
    #[serde(with = "duration_text")]
    pub timeout: Duration,
    /// Longest time without evidence of work, for model agents.
    #[serde(with = "duration_text")]
    pub stall_timeout: Duration,
    /// Limit of each check.
    #[serde(with = "duration_text")]
    pub check_timeout: Duration,
    /// The test suite of plans that name none, as `sh -c` lines; empty: none; `None`: detected from the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Vec<String>>,
    /// Limit of one verification of a combined tree.
    #[serde(with = "duration_text")]
    pub verify_timeout: Duration,
    /// From the polite signal to the forced end.
    #[serde(with = "duration_text")]
    pub grace: Duration,
    /// From one heartbeat of an attempt to the next.
    #[serde(with = "duration_text")]
    pub heartbeat: Duration,
    /// How often the health of attempts under way is looked at.
    #[serde(with = "duration_text")]
    pub health_interval: Duration,
    /// Without evidence for so long an attempt is shown as hung.
    #[serde(with = "duration_text")]
    pub hung_after: Duration,
    /// Without a heartbeat for so long it is shown as dead.
    #[serde(with = "duration_text")]
    pub dead_after: Duration,
    /// Later groups go on when a member of a group failed.
    pub keep_going: bool,
    /// Work without a test suite needs a human.
    pub require_verify: bool,
    /// What a red suite on the base does.
    pub base_red: BaseRed,
    /// Tasks whose checks run at once; `None`: as many as there are processors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_jobs: Option<u32>,
    /// Tasks of a plan that may wait to be verified when another one starts; 0: four for each of `jobs`, at least 16.
    pub backlog: u32,
}

/// What happens when the suite is red before any work was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BaseRed {
    /// The run ends before money is spent.
    Stop,
    /// The run goes on: the plan may be there to make it green.
    Allow,
}
