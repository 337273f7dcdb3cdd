//! Configuration: built-in defaults, the user's file, the repository's `greenlane.toml`, `GREENLANE_*` variables, flags; later
//! layers win. Every value knows where it came from. Acts on nothing.

mod assign;
mod budget;
mod context;
mod error;
mod file;
mod groups;
mod keys;
mod kind;
mod layers;
mod learning;
mod load;
mod mcp;
mod notify;
mod options;
mod output;
mod retry;
mod run;
mod telemetry;
mod tracker;
mod workspace;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use greenlane_core::options::QuotaPolicy;
use serde::{Deserialize, Serialize};

pub use crate::agent::AgentOverride;
pub use assign::AssignConfig;
pub use budget::{BoundsConfig, BudgetConfig};
pub use context::ContextConfig;
pub use error::{ConfigError, Location, Problem};
pub use groups::GroupsConfig;
pub use keys::{KEYS, Key, NEVER_CONFIGURATION, key_of_path};
pub use kind::{Kind, Refusal};
pub use layers::Origin;
pub use learning::LearningConfig;
pub use load::{Environment, FILE_NAME, Flags, Loaded, user_file};
pub use mcp::McpConfig;
pub use notify::NotifyConfig;
pub use output::OutputConfig;
pub use retry::RetryConfig;
pub use run::{BaseRed, RunConfig};
pub use telemetry::TelemetryConfig;
pub use tracker::{TrackerConfig, Use};
pub use workspace::WorkspaceConfig;

/// The built-in defaults with their comments: the reference of every setting.
pub const DEFAULTS: &str = include_str!("defaults.toml");

/// What is in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// `[run]`.
    pub run: RunConfig,
    /// `[retry]`.
    pub retry: RetryConfig,
    /// `[quota]`: the core's own policy, since there is nothing to translate.
    pub quota: QuotaPolicy,
    /// `[workspace]`.
    pub workspace: WorkspaceConfig,
    /// `[output]`.
    pub output: OutputConfig,
    /// `[learning]`.
    pub learning: LearningConfig,
    /// `[context]`.
    pub context: ContextConfig,
    /// `[assign]`.
    pub assign: AssignConfig,
    /// `[budget]`.
    pub budget: BudgetConfig,
    /// `[groups]`.
    pub groups: GroupsConfig,
    /// `[mcp]`.
    pub mcp: McpConfig,
    /// `[notify]`.
    pub notify: NotifyConfig,
    /// `[telemetry]`. Nothing of it has a default.
    #[serde(default)]
    pub telemetry: TelemetryConfig,
    /// `[tracker]`.
    pub tracker: TrackerConfig,
    /// `[bounds]`.
    pub bounds: BoundsConfig,
    /// `[agents.NAME]`, by name.
    #[serde(default)]
    pub agents: BTreeMap<String, AgentOverride>,
}
