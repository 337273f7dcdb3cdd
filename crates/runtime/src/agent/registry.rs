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
    /// An entry of the configuration that makes no agent, and where it stands.
    #[error("{fault}{}", .place.as_ref().map(|p| format!(" ({p})")).unwrap_or_default())]
    Faulty {
        /// What is wrong with it.
        fault: Box<RegistryError>,
        /// File and line, where it is known.
        place: Option<String>,
    },
    /// The embedded definitions are broken: a fault of the build, not of the user.
    #[error("the built-in agents cannot be read: {message}")]
    BuiltIn {
        /// What the reader of the file said.
        message: String,
    },
}

impl RegistryError {
    /// The keys of the entry that the fault is about, the likeliest first.
    fn keys(&self) -> &'static [&'static str] {
        match self {
            Self::NoPrompt { .. } => &["args", "prompt_args", "stdin", "command"],
            Self::HandOffCommand { .. } => &["command", "hand_off"],
            _ => &[],
        }
    }

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
            Self::Faulty { fault, .. } => fault.hint(),
            Self::BuiltIn { .. } => String::from("this is a fault in Greenlane: please report it"),
        }
    }
}

/// The agents of one configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Registry {
    agents: BTreeMap<String, AgentDef>,
    /// Entries that make no agent: nobody who does not use them is kept from work by them.
    faulty: BTreeMap<String, RegistryError>,
}

impl Registry {
    /// The built-in agents with what the configuration says about them, and the configuration's own. What makes no agent is kept apart, and is
    /// an error for whoever asks for it.
    ///
    /// # Errors
    /// Where the build is at fault.
    pub fn load(overrides: &BTreeMap<String, AgentOverride>) -> Result<Self, RegistryError> {
        let built_in = BUILT_INS.as_ref().map_err(|message| RegistryError::BuiltIn { message: message.clone() })?;
        let mut agents = built_in.clone();
        for (name, def) in &mut agents {
            def.name.clone_from(name);
        }
        let mut faulty = BTreeMap::new();
        for (name, over) in overrides {
            let made = match agents.remove(name) {
                _ if name == COMMAND => Err(RegistryError::Reserved),
                _ if name == AUTO => Err(RegistryError::Auto),
                Some(mut def) => {
                    def.apply(over);
                    Ok(def)
                }
                None => AgentDef::new(name, over).ok_or_else(|| RegistryError::NoCommand {
                    name: name.clone(),
                    suggestion: closest(name, built_in.keys().map(String::as_str)).map(str::to_owned),
                }),
            };
            match made.and_then(sound) {
                Ok(def) => drop(agents.insert(name.clone(), def)),
                Err(fault) => drop(faulty.insert(name.clone(), RegistryError::Faulty { fault: Box::new(fault), place: None })),
            }
        }
        Ok(Self { agents, faulty })
    }

    /// The same with the places of the faulty entries: `place` is given an agent's name, and the keys that it is about, the likeliest first.
    #[must_use]
    pub fn placed(mut self, place: impl Fn(&str, &[&str]) -> Option<String>) -> Self {
        for (name, faulty) in &mut self.faulty {
            if let RegistryError::Faulty { fault, place: at } = faulty {
                *at = place(name, fault.keys());
            }
        }
        self
    }

    /// Entries of the configuration that make no agent, by name.
    pub fn faults(&self) -> impl Iterator<Item = (&str, &RegistryError)> {
        self.faulty.iter().map(|(name, fault)| (name.as_str(), fault))
    }

    /// The agent with this name.
    ///
    /// # Errors
    /// [`RegistryError::Unknown`], with the name that may have been meant; [`RegistryError::Faulty`] for an entry that makes none.
    pub fn get(&self, name: &str) -> Result<&AgentDef, RegistryError> {
        if let Some(fault) = self.faulty.get(name) {
            return Err(fault.clone());
        }
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

fn sound(def: AgentDef) -> Result<AgentDef, RegistryError> {
    match &def {
        def if def.hand_off && !def.command.is_empty() => Err(RegistryError::HandOffCommand { name: def.name.clone() }),
        def if !def.gets_the_prompt() => Err(RegistryError::NoPrompt { name: def.name.clone() }),
        _ => Ok(def),
    }
}
