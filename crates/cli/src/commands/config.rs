//! `config`: the values in force, each with where it came from.

use std::process::ExitCode;

use greenlane_runtime::config::{DEFAULTS, KEYS, Loaded};
use serde::Serialize;
use serde_json::Value;

use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::output::{Paint, paint};

/// Flags of `config`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane config                             what is in force here, and why
  greenlane config retry                       one section
  greenlane config --defaults > greenlane.toml a file to start from
  GREENLANE_GRACE=5s greenlane config run.grace")]
pub struct ConfigArgs {
    /// Only this key (`run.jobs`) or section (`run`)
    #[arg(value_name = "KEY")]
    pub key: Option<String>,
    /// Print the built-in defaults with their explanations
    #[arg(long, conflicts_with_all = ["key", "json"])]
    pub defaults: bool,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(Serialize)]
struct Document {
    values: Vec<Entry>,
    files: Vec<FileEntry>,
}

#[derive(Serialize)]
struct Entry {
    key: String,
    /// `null`: not set, and there is no default.
    value: Value,
    origin: Option<String>,
    /// `null` for what only files can set.
    variable: Option<&'static str>,
    flag: Option<&'static str>,
}

#[derive(Serialize)]
struct FileEntry {
    path: String,
    exists: bool,
}

/// Prints the values in force.
pub fn run(args: &ConfigArgs, context: &Context) -> Outcome {
    if args.defaults {
        context.output.data(DEFAULTS)?;
        return Ok(ExitCode::SUCCESS);
    }
    let loaded = context.load_config(context.top().as_deref(), &[])?;
    let mut entries = entries(&loaded)?;
    if let Some(wanted) = &args.key {
        entries.retain(|e| e.key == *wanted || e.key.strip_prefix(wanted.as_str()).is_some_and(|rest| rest.starts_with('.')));
        if entries.is_empty() {
            return Err(Error::usage(format!("`{wanted}` is not a setting of Greenlane")).hint("`greenlane config` lists all of them"));
        }
    }
    if args.json {
        let files = loaded.files.iter().map(|(path, exists)| FileEntry { path: path.display().to_string(), exists: *exists }).collect();
        context.output.json(&Document { values: entries, files })?;
    } else {
        context.output.data(&text(&entries, context.output.color))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The known keys in the order of the defaults, then the agents by name.
fn entries(loaded: &Loaded) -> Result<Vec<Entry>, Error> {
    let values = serde_json::to_value(&loaded.config).map_err(|e| Error::environment(format!("cannot show the configuration: {e}")))?;
    let origin = |key: &str| loaded.origins.get(key).map(ToString::to_string);
    let mut entries: Vec<Entry> = KEYS
        .iter()
        .map(|key| Entry {
            key: key.path.to_owned(),
            value: values[key.section()][key.name()].clone(),
            origin: origin(key.path),
            variable: Some(key.variable),
            flag: key.flag,
        })
        .collect();
    for (agent, table) in values["agents"].as_object().into_iter().flatten() {
        for (name, value) in table.as_object().into_iter().flatten() {
            let key = format!("agents.{agent}.{name}");
            let value = if name == "env" { hidden(value) } else { value.clone() };
            entries.push(Entry { origin: origin(&key), key, value, variable: None, flag: None });
        }
    }
    Ok(entries)
}

/// Variables of agents hold keys of accounts, and what `config` prints ends up in bug reports: names only.
fn hidden(env: &Value) -> Value {
    env.as_object().map(|env| env.keys().map(|name| (name.clone(), Value::from("(hidden)"))).collect()).unwrap_or_default()
}

fn text(entries: &[Entry], color: bool) -> String {
    let shown = |value: &Value| if value.is_null() { String::from("(not set)") } else { value.to_string() };
    let width = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or(0).min(40);
    let key_width = width(&mut entries.iter().map(|e| e.key.chars().count()));
    let value_width = width(&mut entries.iter().map(|e| shown(&e.value).chars().count()));
    let mut out = String::new();
    for entry in entries {
        let value = shown(&entry.value);
        match &entry.origin {
            Some(origin) => {
                let origin = if origin == "default" { paint(origin, Paint::Dim, color) } else { origin.clone() };
                out.push_str(&format!("{:key_width$} = {value:value_width$}  # {origin}\n", entry.key));
            }
            None => out.push_str(&format!("{:key_width$} = {value}\n", entry.key)),
        }
    }
    out
}
