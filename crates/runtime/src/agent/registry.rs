//! All agents by name: the built-in ones, extended and added to by the configuration. Reads nothing from disk.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use greenlane_core::plan::closest;

use super::definition::{AgentDef, AgentOverride};
use super::launch::COMMAND;

/// What stands for an agent where one is to be assigned by rules.
pub const AUTO: &str = "auto";

const BUILT_IN: &str = include_str!("agents.toml");

static BUILT_INS: LazyLock<Result<BTreeMap<String, AgentDef>, String>> =
    LazyLock::new(|| toml::from_str(BUILT_IN).map_err(|e| e.to_string()));

/// Why there is no such agent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Nothing goes by this name.
    #[error("there is no agent `{name}`")]
    Unknown {
        /// As asked for.
        name: String,
        /// The most similar one, where one is similar.
        suggestion: Option<String>,
        /// All there are.
        known: Vec<String>,
    },
    /// `[agents.NAME]` adds an agent but does not say what to start.
    #[error("agent `{name}` is not built in, and its entry in the configuration names no command")]
    NoCommand {
        /// Its name.
        name: String,
        /// A built-in one that may have been meant.
        suggestion: Option<String>,
    },
    /// `auto` says that an agent is assigned by rules.
    #[error("`auto` is not an agent: it has each task assigned to one")]
    Auto,
    /// None of its arguments hands over the prompt.
    #[error("agent `{name}` would never get its prompt")]
    NoPrompt {
        /// Its name.
        name: String,
    },
    /// Nothing is started for a hand-off agent.
    #[error("agent `{name}` is handed its tasks (`hand_off`), and has a command that would never be started")]
    HandOffCommand {
        /// Its name.
        name: String,
    },
    /// `command` is the agent without a model and takes no configuration.
    #[error("`command` is not an agent that can be configured: it runs a task's own `run` line")]
    Reserved,
    /// The embedded definitions are broken: a fault of the build, not of the user.
    #[error("the built-in agents cannot be read: {message}")]
    BuiltIn {
        /// What the reader of the file said.
        message: String,
    },
}

impl RegistryError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Unknown { suggestion: Some(s), .. } => format!("did you mean `{s}`?"),
            Self::Unknown { name, known, .. } => {
                format!("known are {}; another one is added with `[agents.{name}]` in greenlane.toml", known.join(", "))
            }
            Self::NoCommand { name, suggestion } => {
                let own = format!("give it `command = \"…\"` under [agents.{name}], or `hand_off = true` if that is a person or an editor");
                suggestion.as_ref().map_or(own.clone(), |s| format!("did you mean [agents.{s}]? Else {own}"))
            }
            Self::NoPrompt { name } => {
                format!("put {{prompt}} or {{prompt_file}} into `args` under [agents.{name}], or set `stdin = \"{{prompt}}\"`")
            }
            Self::HandOffCommand { name } => format!("remove `command` under [agents.{name}], or set `hand_off = false`"),
            Self::Auto => String::from("name one of your agents, or rename [agents.auto]"),
            Self::Reserved => String::from("remove [agents.command]; a task's `run`, `env` and `timeout` say all there is"),
            Self::BuiltIn { .. } => String::from("this is a fault in Greenlane: please report it"),
        }
    }
}

/// The agents of one configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Registry {
    agents: BTreeMap<String, AgentDef>,
}

impl Registry {
    /// The built-in agents with what the configuration says about them, and the configuration's own.
    ///
    /// # Errors
    /// Where an entry cannot be an agent.
    pub fn load(overrides: &BTreeMap<String, AgentOverride>) -> Result<Self, RegistryError> {
        let built_in = BUILT_INS.as_ref().map_err(|message| RegistryError::BuiltIn { message: message.clone() })?;
        let mut agents = built_in.clone();
        for (name, def) in &mut agents {
            def.name.clone_from(name);
        }
        for (name, over) in overrides {
            if name == COMMAND {
                return Err(RegistryError::Reserved);
            }
            if name == AUTO {
                return Err(RegistryError::Auto);
            }
            match agents.get_mut(name) {
                Some(def) => def.apply(over),
                None => {
                    let missing = || RegistryError::NoCommand {
                        name: name.clone(),
                        suggestion: closest(name, built_in.keys().map(String::as_str)).map(str::to_owned),
                    };
                    agents.insert(name.clone(), AgentDef::new(name, over).ok_or_else(missing)?);
                }
            }
        }
        if let Some(def) = agents.values().find(|def| def.hand_off && !def.command.is_empty()) {
            return Err(RegistryError::HandOffCommand { name: def.name.clone() });
        }
        match agents.values().find(|def| !def.gets_the_prompt()) {
            Some(def) => Err(RegistryError::NoPrompt { name: def.name.clone() }),
            None => Ok(Self { agents }),
        }
    }

    /// The agent with this name.
    ///
    /// # Errors
    /// [`RegistryError::Unknown`], with the name that may have been meant.
    pub fn get(&self, name: &str) -> Result<&AgentDef, RegistryError> {
        if name == AUTO {
            return Err(RegistryError::Auto);
        }
        self.agents.get(name).ok_or_else(|| RegistryError::Unknown {
            name: name.to_owned(),
            suggestion: closest(name, self.agents.keys().map(String::as_str)).map(str::to_owned),
            known: self.agents.keys().cloned().collect(),
        })
    }

    /// Those whose tasks are put into somebody's hands.
    #[must_use]
    pub fn hand_off(&self) -> BTreeSet<String> {
        self.agents.values().filter(|a| a.hand_off).map(|a| a.name.clone()).collect()
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &AgentDef> {
        self.agents.values()
    }
}
