//! `[budget]`: what may be spent. `[bounds]`: what is let pass of agents, disk and memory.

use greenlane_core::budget::Budget;
use serde::{Deserialize, Serialize};

/// Caps where the plan has none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BudgetConfig {
    /// Of a whole run.
    #[serde(default, skip_serializing_if = "Budget::is_empty")]
    pub run: Budget,
    /// Of each task, over all of its attempts.
    #[serde(default, skip_serializing_if = "Budget::is_empty")]
    pub task: Budget,
    /// A cap that cannot be kept because an agent does not tell what it uses keeps the run from starting.
    pub strict: bool,
}

/// Where things end that make no progress, or for which there is no room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundsConfig {
    /// The same call of a tool with the same result so often, without anything new between, ends an attempt; 0: never.
    pub same_calls_max: u32,
    /// So many bytes of output in a row without a call of a tool end an attempt; 0: never. Only of agents that tell their calls.
    pub idle_output_max: u64,
    /// Least free disk for an attempt to start, in bytes; 0: no floor.
    pub disk_free_min: u64,
    /// Least available memory for an attempt to start, in bytes; 0: no floor.
    pub memory_free_min: u64,
    /// Disk that is kept for writing down how a run ended, in bytes; 0: none.
    pub reserve: u64,
}
