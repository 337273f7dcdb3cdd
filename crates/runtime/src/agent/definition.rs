//! What an agent is, as data: the shape of `agents.toml` and of `[agents.NAME]` in the configuration.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use greenlane_core::time::duration_text;
use serde::{Deserialize, Serialize};

use super::tools;
use crate::acp::Permissions;

/// How an agent's standard output is to be understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputKind {
    /// Text for people.
    #[default]
    Plain,
    /// Claude Code's `stream-json`.
    Claude,
    /// `codex exec --json`.
    Codex,
    /// Gemini CLI's `stream-json`.
    Gemini,
    /// `opencode run --format json`.
    Opencode,
    /// Qwen Code's `stream-json`, which is Claude's but for the counting of tokens.
    Qwen,
    /// GitHub Copilot CLI's `--output-format json`.
    Copilot,
    /// pi's `--mode json`.
    Pi,
    /// Cline's `--json`.
    Cline,
    /// Aider's text.
    Aider,
    /// It speaks the Agent Client Protocol; what it tells is written down by Greenlane's client.
    Acp,
    /// What waits for a person: [`crate::hand_off`].
    HandOff,
}

/// An agent as it is started: a built-in one with what the configuration says about it, or a user's own.
///
/// The command line is `command args… model_args… extra_args… resume_args… prompt_args…`. Each may hold `{prompt}`,
/// `{prompt_file}`, `{worktree}`, `{model}` and `{session}`; `model_args` stand only where there is a model, `resume_args`
/// only where there is a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentDef {
    /// As plans and the configuration call it; the key in the file.
    #[serde(skip_deserializing)]
    pub name: String,
    /// A program's name, looked up on the user's PATH, or a path. A hand-off agent has none.
    #[serde(default)]
    pub command: String,
    /// It is nobody's process: the task is put into the hands of a person or of an editor, who gives it back.
    #[serde(default)]
    pub hand_off: bool,
    /// What always follows.
    #[serde(default)]
    pub args: Vec<String>,
    /// What follows where a model is named.
    #[serde(default)]
    pub model_args: Vec<String>,
    /// What follows where it is given the tools of `greenlane mcp`: `{mcp_json}` is the server as `{"mcpServers": …}`, `{mcp_file}` a file of
    /// settings with the same, `{mcp_toml}` the inline table of the server alone, `{mcp_command}` and `{mcp_env}` parts of it as JSON.
    #[serde(default)]
    pub mcp_args: Vec<String>,
    /// Variables that are set then. One that is set already stays, unless both are JSON objects: then this is added.
    #[serde(default)]
    pub mcp_env: BTreeMap<String, String>,
    /// It is given the tools, where it can take them.
    #[serde(default = "yes")]
    pub mcp: bool,
    /// The user's own additions.
    #[serde(default)]
    pub extra_args: Vec<String>,
    /// What follows where a session is gone on with.
    #[serde(default)]
    pub resume_args: Vec<String>,
    /// What comes last.
    #[serde(default)]
    pub prompt_args: Vec<String>,
    /// Template of the text for its standard input; `None`: nothing. Preferred to an argument: no limit, and no `ps` shows it.
    #[serde(default)]
    pub stdin: Option<String>,
    /// How its output is read.
    #[serde(default)]
    pub output: OutputKind,
    /// With `output = "acp"`: what it gets when it asks for permission.
    #[serde(default)]
    pub permissions: Permissions,
    /// With `output = "acp"`: it is offered to have its files read and written by Greenlane, inside the worktree only.
    #[serde(default = "yes")]
    pub client_files: bool,
    /// With `output = "acp"`: it is offered to have its commands run by Greenlane, in the worktree.
    #[serde(default = "yes")]
    pub client_terminals: bool,
    /// The agent that this one is, too, in another way: its account is the same, and it is not assigned where nobody names it.
    #[serde(default)]
    pub variant_of: Option<String>,
    /// Variables that are set.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Globs of the user's variables that pass, besides the general list.
    #[serde(default)]
    pub env_allow: Vec<String>,
    /// Variables that pass too, any of which signs it in.
    #[serde(default)]
    pub credentials: Vec<String>,
    /// Patterns of git's, at the top of its worktree, of what it leaves there for itself: where nobody tracks it, it is taken away before its
    /// work is judged.
    #[serde(default)]
    pub litter: Vec<String>,
    /// Files any of which shows that it is signed in; `~/` and `$VARIABLE/` at the start are filled in.
    #[serde(default)]
    pub credential_files: Vec<String>,
    /// Files that may hold another way to sign in: where one exists, nothing can be said.
    #[serde(default)]
    pub settings_files: Vec<String>,
    /// What to do to sign in; without it nobody is ever told to.
    #[serde(default)]
    pub sign_in_hint: Option<String>,
    /// Whose template its prompt is made of, where none has its own name; `None`: that of its output.
    #[serde(default)]
    pub family: Option<String>,
    /// How to get it.
    #[serde(default)]
    pub install_hint: Option<String>,
    /// The account whose quota it uses up; `None`: one is told from its name and its credentials.
    #[serde(default)]
    pub account: Option<String>,
    /// Most attempts with it at once; `None`: no limit of its own.
    #[serde(default)]
    pub slots: Option<u32>,
    /// Longest silence; `None`: as long as it likes.
    #[serde(default, with = "duration_text::option")]
    pub stall_timeout: Option<Duration>,
    /// The model, where the task names none; `None`: the agent's own choice.
    #[serde(default)]
    pub model: Option<String>,
    /// It reads `{mcp_file}` only where that and all folders above it belong to root, and nobody else may write there.
    #[serde(default)]
    pub mcp_file_of_root: bool,
    /// It was run for real by the project's tests with a pinned version.
    #[serde(default)]
    pub tested: bool,
    /// The configuration changed how it is started, so nothing can be said about its sign-in.
    #[serde(skip)]
    pub customised: bool,
}

/// `[agents.NAME]` of the configuration: what is given replaces or, for `extra_args`, `env` and `env_allow`, adds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentOverride {
    /// Whether its tasks are put into the hands of a person or of an editor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hand_off: Option<bool>,
    /// Replaces the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Replaces the arguments, and with them the built-in way to hand the prompt over where they name it themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Vec<String>>,
    /// Replaces what follows where a model is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_args: Option<Vec<String>>,
    /// Replaces what follows where a session is gone on with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume_args: Option<Vec<String>>,
    /// Replaces what comes last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_args: Option<Vec<String>>,
    /// Added after the built-in arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra_args: Vec<String>,
    /// Whether it is given the tools of `greenlane mcp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mcp: Option<bool>,
    /// Replaces what follows where it is given them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mcp_args: Option<Vec<String>>,
    /// Replaces the variables that are set then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mcp_env: Option<BTreeMap<String, String>>,
    /// Replaces the template of its standard input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<String>,
    /// Replaces the reader.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<OutputKind>,
    /// Replaces what it gets when it asks for permission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Permissions>,
    /// Whether Greenlane reads and writes files for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_files: Option<bool>,
    /// Whether Greenlane runs commands for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_terminals: Option<bool>,
    /// Added to the variables that are set.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Added to the globs of variables that pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env_allow: Vec<String>,
    /// Replaces the family whose template its prompt is made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// Replaces the account that is told from its name and its credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Most attempts with it at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slots: Option<u32>,
    /// Longest silence; `0s` is no limit.
    #[serde(default, with = "duration_text::option", skip_serializing_if = "Option::is_none")]
    pub stall_timeout: Option<Duration>,
    /// The model, where the task names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// Most tasks in the hands of one hand-off agent at once, where nothing else is said: nobody has more than a few open.
const HAND_OFF_SLOTS: u32 = 4;

/// Longest silence of an agent that a user adds and says nothing about: as the built-in ones.
const STALL_TIMEOUT_DEFAULT: Duration = Duration::from_secs(15 * 60);

impl AgentDef {
    /// An agent of the user's own; `None` where its entry names no command and it is nobody to hand a task to.
    pub(super) fn new(name: &str, over: &AgentOverride) -> Option<Self> {
        let hand_off = over.hand_off == Some(true);
        let command = over.command.clone().or_else(|| hand_off.then(String::new))?;
        let mut def = Self {
            name: name.to_owned(),
            command,
            hand_off,
            args: Vec::new(),
            model_args: Vec::new(),
            mcp_args: Vec::new(),
            mcp_env: BTreeMap::new(),
            mcp: true,
            extra_args: Vec::new(),
            resume_args: Vec::new(),
            prompt_args: Vec::new(),
            stdin: None,
            output: if hand_off { OutputKind::HandOff } else { OutputKind::Plain },
            permissions: Permissions::default(),
            client_files: true,
            client_terminals: true,
            variant_of: None,
            env: BTreeMap::new(),
            env_allow: Vec::new(),
            credentials: Vec::new(),
            litter: Vec::new(),
            credential_files: Vec::new(),
            settings_files: Vec::new(),
            sign_in_hint: None,
            family: None,
            install_hint: None,
            account: None,
            // Each has a worktree, however long it waits.
            slots: hand_off.then_some(HAND_OFF_SLOTS),
            stall_timeout: Some(STALL_TIMEOUT_DEFAULT).filter(|_| !hand_off),
            model: None,
            mcp_file_of_root: false,
            tested: false,
            customised: false,
        };
        def.apply(over);
        Some(def)
    }

    /// Fills in what the configuration says.
    pub(super) fn apply(&mut self, over: &AgentOverride) {
        self.customised |= over.args.is_some() || !over.extra_args.is_empty() || !over.env.is_empty() || !over.env_allow.is_empty();
        self.customised |= over.command.is_some();
        replace(&mut self.command, over.command.as_ref());
        if let Some(hand_off) = over.hand_off.filter(|h| *h != self.hand_off) {
            self.hand_off = hand_off;
            self.output = if hand_off { OutputKind::HandOff } else { OutputKind::Plain };
        }
        if let Some(args) = &over.args {
            self.args.clone_from(args);
            // The new arguments are the whole command line of the user's: what the built-in ones had besides may not fit.
            self.model_args.clear();
            self.mcp_args.clear();
            self.resume_args.clear();
            self.prompt_args.clear();
            if args.iter().any(|a| a.contains("{prompt}") || a.contains("{prompt_file}")) {
                self.stdin = None;
            }
        }
        replace(&mut self.model_args, over.model_args.as_ref());
        replace(&mut self.mcp, over.mcp.as_ref());
        replace(&mut self.mcp_args, over.mcp_args.as_ref());
        replace(&mut self.mcp_env, over.mcp_env.as_ref());
        replace(&mut self.resume_args, over.resume_args.as_ref());
        replace(&mut self.prompt_args, over.prompt_args.as_ref());
        replace(&mut self.output, over.output.as_ref());
        replace(&mut self.permissions, over.permissions.as_ref());
        replace(&mut self.client_files, over.client_files.as_ref());
        replace(&mut self.client_terminals, over.client_terminals.as_ref());
        self.extra_args.extend(over.extra_args.iter().cloned());
        self.env.extend(over.env.clone());
        self.env_allow.extend(over.env_allow.iter().cloned());
        if over.stdin.is_some() {
            self.stdin.clone_from(&over.stdin);
        }
        if over.family.is_some() {
            self.family.clone_from(&over.family);
        }
        if over.account.is_some() {
            self.account.clone_from(&over.account);
        }
        if over.slots.is_some() {
            self.slots = over.slots;
        }
        if let Some(limit) = over.stall_timeout {
            self.stall_timeout = Some(limit).filter(|l| !l.is_zero());
        }
        if over.model.is_some() {
            self.model.clone_from(&over.model);
        }
    }

    /// It can be given the tools of `greenlane mcp`, and is to be.
    #[must_use]
    pub fn takes_tools(&self) -> bool {
        self.mcp && (self.output == OutputKind::Acp || !(self.mcp_args.is_empty() && self.mcp_env.is_empty()))
    }

    /// The same for tools whose file lies below this folder: whether it would take them from there.
    #[must_use]
    pub fn takes_tools_of(&self, folder: &Path) -> bool {
        let by_file = || self.mcp_args.iter().chain(self.mcp_env.values()).any(|t| t.contains("{mcp_file}"));
        self.takes_tools() && !(self.mcp_file_of_root && by_file() && !tools::is_roots_alone(folder))
    }

    /// Whether any of its templates hands the prompt over.
    pub(super) fn gets_the_prompt(&self) -> bool {
        // In the conversation, or where it lies in the worktree.
        if self.hand_off || self.output == OutputKind::Acp {
            return true;
        }
        let args = [&self.args, &self.extra_args, &self.prompt_args];
        let mut templates = args.into_iter().flatten().chain(&self.stdin);
        templates.any(|t| t.contains("{prompt}") || t.contains("{prompt_file}"))
    }
}

fn yes() -> bool {
    true
}

fn replace<T: Clone>(old: &mut T, new: Option<&T>) {
    if let Some(new) = new {
        old.clone_from(new);
    }
}
