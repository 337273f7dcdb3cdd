//! The table of every key: its path, the variable and the flag that set it, and what a value must be.
//! Knows nothing of layers.

use super::kind::Kind;

/// One setting.
#[derive(Debug)]
pub struct Key {
    /// `section.key`.
    pub path: &'static str,
    /// The short variable. The long form `GREENLANE_<SECTION>_<KEY>` is always understood too.
    pub variable: &'static str,
    /// The flag of `run` that sets it, where there is one.
    pub flag: Option<&'static str>,
    /// What a value must be.
    pub kind: Kind,
}

/// Variables that Greenlane sets for agents, and the one that turns tracing on. They are never configuration, whoever has set them.
pub const NEVER_CONFIGURATION: &[&str] = &[
    "GREENLANE_RUN",
    "GREENLANE_TASK",
    "GREENLANE_ATTEMPT",
    "GREENLANE_SOCKET",
    "GREENLANE_PORT",
    "GREENLANE_TRACE",
    "GREENLANE_NOTICE_KIND",
    "GREENLANE_NOTICE_TITLE",
    "GREENLANE_NOTICE_TEXT",
    "GREENLANE_NOTICE_RUN",
    "GREENLANE_CRASH_AFTER",
];

const fn key(path: &'static str, variable: &'static str, flag: Option<&'static str>, kind: Kind) -> Key {
    Key { path, variable, flag, kind }
}

/// Every key outside `[agents]`, in the order of `defaults.toml`. The variable is the bare key's name where that name says enough.
pub const KEYS: &[Key] = &[
    key("run.jobs", "GREENLANE_JOBS", Some("--jobs"), Kind::Count { min: 1, max: 1000 }),
    key("run.max_plans", "GREENLANE_MAX_PLANS", Some("--max-plans"), Kind::Count { min: 1, max: 1000 }),
    key("run.agent", "GREENLANE_AGENT", Some("--agent"), Kind::Text),
    key("run.timeout", "GREENLANE_TIMEOUT", Some("--timeout"), Kind::Limit),
    key("run.stall_timeout", "GREENLANE_STALL_TIMEOUT", None, Kind::Limit),
    key("run.check_timeout", "GREENLANE_CHECK_TIMEOUT", None, Kind::Limit),
    key("run.verify", "GREENLANE_VERIFY", None, Kind::Lines),
    key("run.verify_timeout", "GREENLANE_VERIFY_TIMEOUT", None, Kind::Limit),
    key("run.grace", "GREENLANE_GRACE", None, Kind::Delay),
    key("run.heartbeat", "GREENLANE_HEARTBEAT", None, Kind::Limit),
    key("run.health_interval", "GREENLANE_HEALTH_INTERVAL", None, Kind::Limit),
    key("run.hung_after", "GREENLANE_HUNG_AFTER", None, Kind::Limit),
    key("run.dead_after", "GREENLANE_DEAD_AFTER", None, Kind::Limit),
    key("run.keep_going", "GREENLANE_KEEP_GOING", Some("--keep-going"), Kind::Switch),
    key("run.require_verify", "GREENLANE_REQUIRE_VERIFY", Some("--require-verify"), Kind::Switch),
    key("run.base_red", "GREENLANE_BASE_RED", Some("--base-red"), Kind::OneOf(&["stop", "allow"])),
    key("run.check_jobs", "GREENLANE_CHECK_JOBS", None, Kind::Count { min: 1, max: 1000 }),
    key("run.backlog", "GREENLANE_BACKLOG", None, Kind::Count { min: 0, max: 100_000 }),
    key("retry.max", "GREENLANE_RETRIES", Some("--retries"), Kind::Count { min: 0, max: 100 }),
    key("retry.base", "GREENLANE_RETRY_BASE", None, Kind::Delay),
    key("retry.factor", "GREENLANE_RETRY_FACTOR", None, Kind::Number { min: 1.0, max: 100.0 }),
    key("retry.delay_max", "GREENLANE_RETRY_DELAY_MAX", None, Kind::Delay),
    key("retry.jitter", "GREENLANE_RETRY_JITTER", None, Kind::Number { min: 0.0, max: 1.0 }),
    key("retry.retry_types", "GREENLANE_RETRY_TYPES", None, Kind::Words(super::retry::FAILURE_TYPES)),
    key("retry.repairs", "GREENLANE_REPAIRS", Some("--repairs"), Kind::Count { min: 0, max: 100 }),
    key("quota.api_limit", "GREENLANE_API_LIMIT", None, Kind::Count { min: 1, max: 1000 }),
    key("quota.pause", "GREENLANE_QUOTA_PAUSE", None, Kind::Limit),
    key("quota.pause_max", "GREENLANE_QUOTA_PAUSE_MAX", None, Kind::Limit),
    key("quota.calm", "GREENLANE_QUOTA_CALM", None, Kind::Delay),
    key("quota.fallback_after", "GREENLANE_QUOTA_FALLBACK_AFTER", None, Kind::Delay),
    key("quota.wait_max", "GREENLANE_QUOTA_WAIT_MAX", None, Kind::Delay),
    key("workspace.dir", "GREENLANE_WORKSPACE_DIR", None, Kind::Text),
    key("workspace.setup", "GREENLANE_SETUP", None, Kind::Lines),
    key("workspace.setup_timeout", "GREENLANE_SETUP_TIMEOUT", None, Kind::Limit),
    key("workspace.port_base", "GREENLANE_PORT_BASE", None, Kind::Count { min: 1024, max: 60_000 }),
    key("workspace.keep_failed", "GREENLANE_KEEP_FAILED", None, Kind::Count { min: 0, max: 1000 }),
    key("output.bytes_max", "GREENLANE_OUTPUT_BYTES_MAX", None, Kind::Bytes { min: 4096 }),
    key("learning.lessons", "GREENLANE_LESSONS", None, Kind::Switch),
    key("context.source", "GREENLANE_CONTEXT_SOURCE", None, Kind::Text),
    key("context.files", "GREENLANE_CONTEXT_FILES", None, Kind::Words(crate::context_files::KINDS)),
    key("groups.refresh", "GREENLANE_GROUPS_REFRESH", None, Kind::Text),
    key("groups.refresh_timeout", "GREENLANE_GROUPS_REFRESH_TIMEOUT", None, Kind::Limit),
    key("groups.on_failure", "GREENLANE_GROUPS_ON_FAILURE", None, Kind::OneOf(&["keep", "rollback"])),
    key("assign.types", "GREENLANE_ASSIGN_TYPES", None, Kind::AgentOfType),
    key("assign.history", "GREENLANE_ASSIGN_HISTORY", None, Kind::Switch),
    key("budget.run", "GREENLANE_BUDGET", Some("--budget"), Kind::Budget),
    key("budget.task", "GREENLANE_BUDGET_TASK", Some("--task-budget"), Kind::Budget),
    key("budget.strict", "GREENLANE_STRICT_BUDGET", Some("--strict-budget"), Kind::Switch),
    key("mcp.enabled", "GREENLANE_MCP", None, Kind::Switch),
    key("mcp.wait", "GREENLANE_MCP_WAIT", None, Kind::Limit),
    key("mcp.question_max", "GREENLANE_QUESTION_MAX", None, Kind::Limit),
    key("tracker.beads", "GREENLANE_TRACKER_BEADS", None, Kind::OneOf(&["auto", "on", "off"])),
    key("tracker.github", "GREENLANE_TRACKER_GITHUB", None, Kind::OneOf(&["on", "off"])),
    key("tracker.plan", "GREENLANE_UPDATE_PLAN", Some("--update-plan"), Kind::OneOf(&["on", "off"])),
    key("tracker.github_comments", "GREENLANE_TRACKER_GITHUB_COMMENTS", None, Kind::Switch),
    key("notify.desktop", "GREENLANE_NOTIFY_DESKTOP", None, Kind::Switch),
    key("notify.command", "GREENLANE_NOTIFY_COMMAND", None, Kind::Text),
    key("notify.webhook", "GREENLANE_NOTIFY_WEBHOOK", None, Kind::Address),
    key("notify.events", "GREENLANE_NOTIFY_EVENTS", None, Kind::Words(greenlane_core::notice::NoticeKind::WORDS)),
    key("notify.every", "GREENLANE_NOTIFY_EVERY", None, Kind::Limit),
    key("notify.after", "GREENLANE_NOTIFY_AFTER", None, Kind::Delay),
    key("telemetry.endpoint", "GREENLANE_TELEMETRY_ENDPOINT", None, Kind::Address),
    key("bounds.same_calls_max", "GREENLANE_SAME_CALLS_MAX", None, Kind::Count { min: 0, max: 1_000_000 }),
    key("bounds.idle_output_max", "GREENLANE_IDLE_OUTPUT_MAX", None, Kind::Bytes { min: 0 }),
    key("bounds.disk_free_min", "GREENLANE_DISK_FREE_MIN", None, Kind::Bytes { min: 0 }),
    key("bounds.memory_free_min", "GREENLANE_MEMORY_FREE_MIN", None, Kind::Bytes { min: 0 }),
    key("bounds.reserve", "GREENLANE_RESERVE", None, Kind::Bytes { min: 0 }),
];

/// The keys of an `[agents.NAME]` table.
pub const AGENT_KEYS: &[(&str, Kind)] = &[
    ("command", Kind::Text),
    ("args", Kind::Lines),
    ("extra_args", Kind::Lines),
    ("model", Kind::Text),
    ("model_args", Kind::Lines),
    ("resume_args", Kind::Lines),
    ("prompt_args", Kind::Lines),
    ("stdin", Kind::Text),
    ("output", Kind::OneOf(&["plain", "claude", "codex", "gemini", "opencode", "qwen", "copilot", "pi", "cline", "aider", "acp"])),
    ("hand_off", Kind::Switch),
    ("permissions", Kind::OneOf(&["worktree", "all", "none"])),
    ("client_files", Kind::Switch),
    ("client_terminals", Kind::Switch),
    ("env", Kind::Variables),
    ("env_allow", Kind::Lines),
    ("family", Kind::Text),
    ("account", Kind::Text),
    ("mcp", Kind::Switch),
    ("mcp_args", Kind::Lines),
    ("mcp_env", Kind::Variables),
    ("slots", Kind::Count { min: 1, max: 1000 }),
    ("stall_timeout", Kind::Delay),
];

/// The sections of a file.
pub const SECTIONS: &[&str] = &[
    "run",
    "retry",
    "quota",
    "workspace",
    "output",
    "learning",
    "context",
    "groups",
    "assign",
    "budget",
    "tracker",
    "mcp",
    "notify",
    "telemetry",
    "bounds",
    "agents",
];

impl Key {
    /// The section.
    #[must_use]
    pub fn section(&self) -> &'static str {
        self.path.split_once('.').map_or(self.path, |(section, _)| section)
    }

    /// The name inside its section.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.path.split_once('.').map_or(self.path, |(_, name)| name)
    }

    /// `GREENLANE_<SECTION>_<KEY>`.
    #[must_use]
    pub fn variable_long(&self) -> String {
        format!("GREENLANE_{}", self.path.replace('.', "_").to_ascii_uppercase())
    }
}

/// The key with this path.
#[must_use]
pub fn key_of_path(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|k| k.path == path)
}

/// The key that this variable sets.
#[must_use]
pub fn key_of_variable(variable: &str) -> Option<&'static Key> {
    KEYS.iter().find(|k| k.variable == variable).or_else(|| KEYS.iter().find(|k| k.variable_long() == variable))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::AgentOverride;

    #[test]
    fn an_agents_keys_are_those_of_the_registry() {
        for (name, kind) in AGENT_KEYS {
            let value = match kind {
                Kind::OneOf(words) => words.iter().map(|w| toml::Value::from(*w)).collect(),
                Kind::Count { .. } => vec![toml::Value::from(1)],
                Kind::Delay => vec![toml::Value::from("0s")],
                Kind::Switch => vec![toml::Value::from(true)],
                Kind::Lines => vec![toml::Value::from(vec!["a"])],
                Kind::Variables => vec![toml::Value::Table(toml::Table::new())],
                _ => vec![toml::Value::from("a")],
            };
            for value in value {
                let checked = kind.check(&value).map_err(|r| r.message).unwrap();
                let table = toml::Table::from_iter([((*name).to_owned(), checked)]);
                assert!(table.try_into::<AgentOverride>().is_ok(), "{name} = {value}");
            }
        }
    }
}
