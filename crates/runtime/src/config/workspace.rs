//! `[workspace]`: where worktrees lie and how they are made ready. Makes none.

use std::path::PathBuf;
use std::time::Duration;

use greenlane_core::time::duration_text;
use serde::{Deserialize, Serialize};

/// The settings of worktrees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkspaceConfig {
    /// Where they lie; `None`: the state directory of the user. A relative path counts from the repository's top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dir: Option<PathBuf>,
    /// `sh -c` lines that make a new worktree ready.
    pub setup: Vec<String>,
    /// Limit of each of them.
    #[serde(with = "duration_text")]
    pub setup_timeout: Duration,
    /// The first port that is set aside for worktrees, ten for each; `None`: none are. 1,024 to 60,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port_base: Option<u32>,
    /// Worktrees of failed tasks that are kept as they are; 0 to 1,000.
    pub keep_failed: u32,
}
