//! What is to be done with an agent that is talked to, in one attempt.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What an agent gets when it asks for permission.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permissions {
    /// What names no path outside of the worktree is allowed; what does is rejected.
    #[default]
    Worktree,
    /// Everything is allowed.
    All,
    /// Everything is rejected.
    None,
}

/// One conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The whole prompt.
    pub prompt: String,
    /// The session to go on with, as the agent named it.
    #[serde(default)]
    pub session: Option<String>,
    /// The model to ask for; `None`: its command line has named it, or the agent chooses.
    #[serde(default)]
    pub model: Option<String>,
    /// Servers of tools that its session is given, as the protocol has them.
    #[serde(default)]
    pub servers: Vec<Value>,
    /// What it gets when it asks for permission.
    pub permissions: Permissions,
    /// It is offered to have its files read and written, inside the worktree only.
    pub files: bool,
    /// It is offered to have its commands run.
    pub terminals: bool,
}
