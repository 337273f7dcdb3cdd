//! `[assign]`: who does what, where agents are assigned by rules.

use std::collections::BTreeMap;

use greenlane_core::classify::TaskType;
use serde::{Deserialize, Serialize};

/// The settings of assignment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignConfig {
    /// The agent of each type of task that has one of its own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub types: BTreeMap<TaskType, String>,
    /// What agents have shown in the repository moves the choice.
    pub history: bool,
}
