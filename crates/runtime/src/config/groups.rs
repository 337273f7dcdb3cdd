//! `[groups]`: what happens before and after each group of tasks.

use std::time::Duration;

use greenlane_core::plan::OnFailure;
use greenlane_core::time::duration_text;
use serde::{Deserialize, Serialize};

/// The settings of groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupsConfig {
    /// A `sh -c` line that runs before each group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh: Option<String>,
    /// Its limit.
    #[serde(with = "duration_text")]
    pub refresh_timeout: Duration,
    /// What becomes of what landed of a group that failed, where its plan says nothing.
    pub on_failure: OnFailure,
}
