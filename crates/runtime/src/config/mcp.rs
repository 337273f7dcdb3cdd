//! `[mcp]`: the tools that agents are given while they work (`greenlane mcp`).

use std::time::Duration;

use greenlane_core::time::duration_text;
use serde::{Deserialize, Serialize};

/// The settings of the tools.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct McpConfig {
    /// Agents that can take them get them.
    pub enabled: bool,
    /// So long a tool call waits for an answer or a lock before it says that there is none yet.
    #[serde(with = "duration_text")]
    pub wait: Duration,
    /// A question that nobody has answered for so long is withdrawn.
    #[serde(with = "duration_text")]
    pub question_max: Duration,
}
