//! What the JSON formats of other tools have in common: their fields become native keys, what has no meaning here is noted.

use std::collections::BTreeMap;

use super::context::{Context, Span};
use super::diagnostic::Severity;
use super::model::Plan;
use super::node::{Entry, Node, Table, Value};

/// Fields that were met and not used: by name, where first and how often.
#[derive(Default)]
pub(super) struct Ignored(BTreeMap<String, (Span, usize)>);

impl Ignored {
    pub fn add(&mut self, entry: &Entry) {
        let (_, count) = self.0.entry(entry.key.clone()).or_insert_with(|| (entry.key_span.clone(), 0));
        *count += 1;
    }

    /// Notes the field and keeps it with the task.
    pub fn keep(&mut self, native: &mut Table, entry: &Entry) {
        self.add(entry);
        keep(native, &entry.key, as_written(&entry.node), &entry.key_span);
    }

    /// Notes the field and keeps it with the plan.
    pub fn keep_in_plan(&mut self, plan: &mut Plan, entry: &Entry) {
        self.add(entry);
        let text = as_written(&entry.node);
        if !text.trim().is_empty() {
            plan.extra.insert(entry.key.clone(), text);
        }
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

/// The value as JSON on one line; text as it is.
pub(super) fn as_written(node: &Node) -> String {
    match &node.value {
        Value::Text(text) => text.clone(),
        _ => json_of(node).to_string(),
    }
}

fn json_of(node: &Node) -> serde_json::Value {
    use serde_json::Value as Json;
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(b) => Json::from(*b),
        Value::Int(i) => Json::from(*i),
        Value::Float(f) => Json::from(*f),
        Value::Text(text) => Json::from(text.as_str()),
        Value::List(list) => Json::Array(list.iter().map(json_of).collect()),
        Value::Table(table) => Json::Object(table.entries.iter().map(|e| (e.key.clone(), json_of(&e.node))).collect()),
        Value::Other(what) => Json::from(*what),
    }
}

/// Puts a text under a name into the task's `extra`.
pub(super) fn keep(native: &mut Table, name: &str, text: String, span: &Span) {
    // A text that is nothing cannot be read again, and says nothing.
    if text.trim().is_empty() {
        return;
    }
    let entry = |value| Entry { key: String::from(name), key_span: span.clone(), node: Node { span: span.clone(), value } };
    let one = entry(Value::Text(text));
    match native.entries.iter_mut().find(|e| e.key == "extra") {
        Some(Entry { node: Node { value: Value::Table(table), .. }, .. }) => table.entries.push(one),
        _ => {
            let table = Value::Table(Table { entries: vec![one] });
            native.entries.push(Entry { key: String::from("extra"), ..entry(table) });
        }
    }
}

/// A native key with a text of our own making, at a place.
pub(super) fn text_entry(key: &str, text: String, span: &Span) -> Entry {
    Entry { key: String::from(key), key_span: span.clone(), node: Node { span: span.clone(), value: Value::Text(text) } }
}

/// A native key with a list of texts, each at its place.
pub(super) fn list_entry(key: &str, texts: Vec<(String, Span)>, span: &Span) -> Entry {
    let list = texts.into_iter().map(|(text, span)| Node { span, value: Value::Text(text) }).collect();
    Entry { key: String::from(key), key_span: span.clone(), node: Node { span: span.clone(), value: Value::List(list) } }
}

/// A value as a list of texts with their places; a single one is a list of one. What is no text, number or list is reported.
pub(super) fn texts(ctx: &mut Context<'_>, entry: &Entry) -> Vec<(String, Span)> {
    let mut out = Vec::new();
    let list = match &entry.node.value {
        Value::List(list) => list.as_slice(),
        _ => std::slice::from_ref(&entry.node),
    };
    for node in list.iter().filter(|n| !is_blank(n)) {
        match &node.value {
            Value::Text(text) => out.push((String::from(text.trim()), node.span.clone())),
            Value::Int(_) | Value::Float(_) => out.push((described(node), node.span.clone())),
            _ => ctx.error(&node.span, format!("`{}` must be a list of texts, not {}", entry.key.escape_debug(), node.kind())),
        }
    }
    out
}

/// A number of a year's hours at most, as a span of time; anything else is none.
pub(super) fn span_of(node: &Node, unit_seconds: f64) -> Option<std::time::Duration> {
    const SECONDS_MAX: f64 = 365.0 * 24.0 * 3600.0;
    let count = match &node.value {
        Value::Float(f) => *f,
        Value::Int(_) => described(node).parse().ok()?,
        _ => return None,
    };
    let seconds = (count * unit_seconds).round();
    std::time::Duration::try_from_secs_f64(seconds).ok().filter(|_| (1.0..=SECONDS_MAX).contains(&seconds))
}

/// What an agent is told, out of several fields: each under its heading.
#[derive(Default)]
pub(super) struct Sections {
    text: String,
}

impl Sections {
    /// Without a heading.
    pub fn plain(&mut self, text: &str) {
        self.add("", text);
    }

    pub fn add(&mut self, heading: &str, text: &str) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        if !self.text.is_empty() {
            self.text.push_str("\n\n");
        }
        if !heading.is_empty() {
            self.text.push_str(heading);
            let block = text.contains('\n') || super::scan::item_text(text).is_some();
            self.text.push_str(if block { ":\n" } else { ": " });
        }
        self.text.push_str(text);
    }

    /// A list, an item a line.
    pub fn list(&mut self, heading: &str, items: &[String]) {
        let items: Vec<String> = items.iter().filter(|i| !i.trim().is_empty()).map(|i| format!("- {}", i.trim())).collect();
        if !items.is_empty() {
            self.add(heading, &items.join("\n"));
        }
    }

    /// As the native key, if there is anything.
    pub fn into_prompt(self, native: &mut Table, span: &Span) {
        if !self.text.is_empty() {
            put(native, text_entry("prompt", self.text, span));
        }
    }
}
