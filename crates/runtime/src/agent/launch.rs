//! From a definition to a command line: templates filled in, what has no value left out.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use serde_json::Value;

use super::definition::{AgentDef, OutputKind};
use super::tools::Tools;
use crate::acp::Order;

/// The name of the command agent: no model, just the task's `run` line.
pub const COMMAND: &str = "command";

/// Above this a prompt does not go into an argument but is pointed at in its file. Linux takes 128 KiB for one argument
/// (`MAX_ARG_STRLEN`, 32 pages), and the template may add to it.
pub const PROMPT_ARGUMENT_BYTES_MAX: usize = 100 * 1024;

/// What one start of an agent fills in.
#[derive(Clone, Copy, Debug)]
pub struct Launch<'a> {
    /// The whole prompt.
    pub prompt: &'a str,
    /// Where the same text lies; absolute.
    pub prompt_file: &'a Path,
    /// The worktree's root; absolute.
    pub worktree: &'a Path,
    /// The task's model, which goes before the agent's.
    pub model: Option<&'a str>,
    /// The session to go on with, as the agent itself named it.
    pub session: Option<&'a str>,
    /// The tools that it is given.
    pub tools: Option<&'a Tools>,
}

/// The command agent's command line.
#[must_use]
pub fn command_argv(run: &str) -> Vec<String> {
    ["sh", "-c", run].map(str::to_owned).to_vec()
}

impl AgentDef {
    /// The command line. An argument whose placeholder has no value is left out, and the option before it with it.
    #[must_use]
    pub fn argv(&self, launch: &Launch<'_>) -> Vec<String> {
        let values = Values::new(self, launch);
        let mut argv = vec![self.command.clone()];
        let model_args = if values.model.is_some() { &*self.model_args } else { &[] };
        let resume_args = if values.session.is_some() { &*self.resume_args } else { &[] };
        let mcp_args = if launch.tools.is_some() { &*self.mcp_args } else { &[] };
        for templates in [&self.args, model_args, mcp_args, &self.extra_args, resume_args, &self.prompt_args] {
            let start = argv.len();
            for template in templates {
                match values.fill(template, Place::Argument) {
                    Some(argument) => argv.push(argument),
                    None if argv.len() > start && argv.last().is_some_and(|a| is_bare_option(a)) => drop(argv.pop()),
                    None => {}
                }
            }
        }
        argv
    }

    /// What a client of the Agent Client Protocol has to do; `None`: the agent is not talked to.
    #[must_use]
    pub fn conversation(&self, launch: &Launch<'_>) -> Option<Order> {
        let Values { model, session, .. } = Values::new(self, launch);
        (self.output == OutputKind::Acp).then(|| Order {
            prompt: launch.prompt.to_owned(),
            session: session.map(str::to_owned),
            model: model.filter(|_| self.model_args.is_empty()).map(str::to_owned),
            servers: launch.tools.map(|tools| vec![tools.server()]).unwrap_or_default(),
            permissions: self.permissions,
            files: self.client_files,
            terminals: self.client_terminals,
        })
    }

    /// The text for its standard input; `None`: it gets nothing.
    #[must_use]
    pub fn stdin_text(&self, launch: &Launch<'_>) -> Option<String> {
        Values::new(self, launch).fill(self.stdin.as_ref()?, Place::Stdin)
    }

    /// The variables that give it its tools; `environment`: what is set already.
    #[must_use]
    pub fn tools_environment(&self, launch: &Launch<'_>, environment: &BTreeMap<OsString, OsString>) -> BTreeMap<OsString, OsString> {
        let values = Values::new(self, launch);
        let wanted = self.mcp_env.iter().filter(|_| launch.tools.is_some());
        wanted
            .filter_map(|(name, template)| {
                let value = values.fill(template, Place::Argument)?;
                let known = environment.get(OsStr::new(name));
                let value = known.map_or(Some(value.clone()), |known| joined(known.to_str()?, &value))?;
                Some((name.into(), value.into()))
            })
            .collect()
    }
}

/// One JSON object within the other. `None`: they are not both objects.
fn joined(known: &str, more: &str) -> Option<String> {
    let (known, more) = (serde_json::from_str(known).ok()?, serde_json::from_str(more).ok()?);
    if let (Value::Object(_), Value::Object(_)) = (&known, &more) { Some(merged(known, more).to_string()) } else { None }
}

fn merged(known: Value, more: Value) -> Value {
    match (known, more) {
        (Value::Object(mut known), Value::Object(more)) => {
            for (name, value) in more {
                let value = known.remove(&name).map_or(value.clone(), |before| merged(before, value));
                known.insert(name, value);
            }
            Value::Object(known)
        }
        // What the user has set stays.
        (known, _) => known,
    }
}

fn is_bare_option(argument: &str) -> bool {
    argument.starts_with('-') && argument.len() > 1 && !argument.contains('=')
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Argument,
    Stdin,
}

struct Values<'a> {
    launch: Launch<'a>,
    model: Option<&'a str>,
    session: Option<&'a str>,
}

impl<'a> Values<'a> {
    fn new(def: &'a AgentDef, launch: &Launch<'a>) -> Self {
        let model = launch.model.or(def.model.as_deref()).filter(|m| !m.is_empty());
        Self { launch: *launch, model, session: launch.session.filter(|s| !s.is_empty()) }
    }

    /// One pass from left to right, so that a placeholder within the prompt's own text stays what it is.
    fn fill(&self, template: &str, place: Place) -> Option<String> {
        let mut out = String::new();
        let mut rest = template;
        while let Some(open) = rest.find('{') {
            out.push_str(&rest[..open]);
            rest = &rest[open..];
            let known = rest.find('}').and_then(|close| Some((self.value(&rest[1..close], place)?, close)));
            match known {
                Some((value, close)) => {
                    out.push_str(&value?);
                    rest = &rest[close + 1..];
                }
                None => {
                    out.push('{');
                    rest = &rest[1..];
                }
            }
        }
        out.push_str(rest);
        Some(out)
    }

    /// `None`: no such placeholder. `Some(None)`: it has no value.
    fn value(&self, name: &str, place: Place) -> Option<Option<String>> {
        Some(match name {
            "prompt" if place == Place::Argument && self.launch.prompt.len() > PROMPT_ARGUMENT_BYTES_MAX => {
                Some(format!("Your task stands in the file {}: read all of it and do what it says.", self.launch.prompt_file.display()))
            }
            "prompt" => Some(self.launch.prompt.to_owned()),
            "prompt_file" => Some(self.launch.prompt_file.display().to_string()),
            "worktree" => Some(self.launch.worktree.display().to_string()),
            "model" => self.model.map(str::to_owned),
            "session" => self.session.map(str::to_owned),
            "mcp_json" => self.launch.tools.map(Tools::json),
            "mcp_toml" => self.launch.tools.map(Tools::toml),
            "mcp_command" => self.launch.tools.map(Tools::command_json),
            "mcp_env" => self.launch.tools.map(Tools::env_json),
            "mcp_file" => self.launch.tools.map(|t| t.file.display().to_string()),
            _ => return None,
        })
    }
}
