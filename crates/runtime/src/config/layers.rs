//! Lays one set of values over another and remembers where each came from. Knows nothing of files' text or of what keys exist.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use toml::{Table, Value};

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Greenlane's own defaults.
    Default,
    /// A file.
    File {
        /// Which.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable: its name.
    Variable(String),
    /// A flag: its name, with the dashes.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { path, line } => write!(f, "{}:{line}", path.display()),
            Origin::Variable(name) | Origin::Flag(name) => f.write_str(name),
        }
    }
}

/// The values in force so far, and the origin of each by its dotted path.
#[derive(Debug, Default)]
pub(super) struct Layers {
    pub values: Table,
    pub origins: BTreeMap<String, Origin>,
}

impl Layers {
    /// Sets one value. A table (`agents.codex.env`) is joined with what is there, by key; everything else replaces it.
    pub fn set(&mut self, path: &[&str], value: Value, origin: Origin) {
        let Some((last, parents)) = path.split_last() else { return };
        let mut table = &mut self.values;
        for parent in parents {
            let entry = table.entry((*parent).to_owned()).or_insert_with(|| Value::Table(Table::new()));
            if !entry.is_table() {
                *entry = Value::Table(Table::new());
            }
            let Value::Table(inner) = entry else { return };
            table = inner;
        }
        match (table.get_mut(*last), value) {
            (Some(Value::Table(old)), Value::Table(new)) => old.extend(new),
            (_, value) => {
                table.insert((*last).to_owned(), value);
            }
        }
        self.origins.insert(path.join("."), origin);
    }
}
