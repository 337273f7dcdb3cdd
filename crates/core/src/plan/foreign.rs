//! What the JSON formats of other tools have in common: their fields become native keys, what has no meaning here is noted.

use std::collections::BTreeMap;

use super::context::{Context, Span};
use super::diagnostic::Severity;
use super::node::{Entry, Node, Table, Value};

/// Fields that were met and not used: by name, where first and how often.
#[derive(Default)]
pub(super) struct Ignored(BTreeMap<String, (Span, usize)>);

impl Ignored {
    pub fn add(&mut self, entry: &Entry) {
        let (_, count) = self.0.entry(entry.key.clone()).or_insert_with(|| (entry.key_span.clone(), 0));
        *count += 1;
    }

    /// One note for each name, however often it stands.
    pub fn report(self, ctx: &mut Context<'_>) {
        for (name, (span, count)) in self.0 {
            let times = if count > 1 { format!(" ({count} times)") } else { String::new() };
            ctx.push(Severity::Note, &span, format!("the field `{}` is not used{times}", name.escape_debug()), None);
        }
    }
}

/// Whether there is anything in the value: other tools write `null` and `""` for nothing.
pub(super) fn is_blank(node: &Node) -> bool {
    match &node.value {
        Value::Null => true,
        Value::Text(t) => t.trim().is_empty(),
        Value::List(l) => l.is_empty(),
        Value::Table(t) => t.entries.is_empty(),
        _ => false,
    }
}

/// The entry under another key.
pub(super) fn renamed(entry: &Entry, key: &str, value: Value) -> Entry {
    Entry { key: String::from(key), key_span: entry.key_span.clone(), node: Node { span: entry.node.span.clone(), value } }
}

/// Ids may be numbers there.
pub(super) fn as_texts(value: &Value) -> Value {
    match value {
        Value::Int(i) => Value::Text(i.to_string()),
        Value::Float(f) => Value::Text(f.to_string()),
        Value::List(list) => {
            Value::List(list.iter().filter(|n| !is_blank(n)).map(|n| Node { span: n.span.clone(), value: as_texts(&n.value) }).collect())
        }
        other => other.clone(),
    }
}

/// Text out of anything: criteria are texts or objects in real files.
pub(super) fn described(node: &Node) -> String {
    match &node.value {
        Value::Null => String::new(),
        Value::Bool(b) => b.to_string(),
        Value::Int(i) => i.to_string(),
        Value::Float(f) => f.to_string(),
        Value::Text(t) => t.trim().to_owned(),
        Value::List(list) => list.iter().map(described).filter(|t| !t.is_empty()).collect::<Vec<_>>().join("; "),
        Value::Table(table) => {
            // The one field that says it, and what else there is behind it.
            const MAIN: [&str; 7] = ["criterion", "description", "text", "title", "statement", "name", "requirement"];
            let main = MAIN.iter().find_map(|k| table.entry(k)).filter(|e| !is_blank(&e.node));
            let rest = table
                .entries
                .iter()
                .filter(|e| main.is_none_or(|m| m.key != e.key) && !matches!(e.node.value, Value::Null | Value::Bool(_)));
            let rest: Vec<String> = rest.map(|e| format!("{}: {}", e.key, described(&e.node))).collect();
            match (main, rest.is_empty()) {
                (Some(m), true) => described(&m.node),
                (Some(m), false) => format!("{} ({})", described(&m.node), rest.join(", ")),
                (None, _) => rest.join(", "),
            }
        }
        Value::Other(_) => String::new(),
    }
}

/// Puts an entry into a table unless its key is there already.
pub(super) fn put(table: &mut Table, entry: Entry) {
    if table.get(&entry.key).is_none() && !is_blank(&entry.node) {
        table.entries.push(entry);
    }
}
