//! `[agents.NAME]`: what the user changes in a built-in agent, or says of an agent of their own. The registry merges these into
//! its built-in entries; nothing here knows what an agent can do.

use std::collections::BTreeMap;
use std::time::Duration;

use greenlane_core::time::duration_text;
use serde::{Deserialize, Serialize};

/// One `[agents.NAME]` table; what is `None` or empty keeps the built-in value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentOverride {
    /// The program: a name to be found on PATH, or a path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// All arguments, as templates with `{prompt} {prompt_file} {worktree} {model} {session}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Vec<String>>,
    /// Arguments beside those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra_args: Option<Vec<String>>,
    /// Variables that are set for the agent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Names, or patterns ending in `*`, of the user's variables that the agent gets too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env_allow: Option<Vec<String>>,
    /// At most so many of its attempts at once; 1 to 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slots: Option<u32>,
    /// The name of the reader for its output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// The model that it is told to use where a task names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Arguments that are added where a model is chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_args: Option<Vec<String>>,
    /// Arguments that are added where a conversation goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume_args: Option<Vec<String>>,
    /// Longest time without evidence of work.
    #[serde(default, with = "duration_text::option", skip_serializing_if = "Option::is_none")]
    pub stall_timeout: Option<Duration>,
}
