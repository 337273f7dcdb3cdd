//! Where a plan's text says that a task is done, and the smallest change by which it says so, or no longer does. Every reader leaves
//! such a [`Tick`] beside its tasks; `mark` uses them. Knows no formats, only the layout of JSON, TOML and YAML around a key.

use super::context::Span;
use super::node::{Entry, Table};

/// The changes that make a task done in the text, and those that make it open again.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tick {
    pub done: Vec<Edit>,
    pub open: Vec<Edit>,
}

/// A stretch of the text, and what it becomes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Edit {
    pub span: Span,
    pub text: String,
}

/// Stands for the moment of the change in an [`Edit`].
pub(super) const NOW: &str = "\u{0}now\u{0}";

/// A task that stands for others: a heading with a checkbox, a task with subtasks. It is ticked when all of them are.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    pub tick: Tick,
    /// It is ticked as the text stands.
    pub done: bool,
    /// The places of its parts among the plan's tasks.
    pub parts: Vec<usize>,
}

impl Tick {
    /// One stretch that is either this or that.
    pub fn either(span: Span, done: impl Into<String>, open: impl Into<String>) -> Self {
        Self { done: vec![Edit { span: span.clone(), text: done.into() }], open: vec![Edit { span, text: open.into() }] }
    }

    /// What is put in where nothing says anything yet.
    pub fn insert(at: usize, done: impl Into<String>) -> Self {
        Self { done: vec![Edit { span: at..at, text: done.into() }], open: Vec::new() }
    }

    /// The character between the brackets of a checkbox.
    pub fn checkbox(at: usize) -> Self {
        Self::either(at..at + 1, "x", " ")
    }

    /// A key of a JSON object, which gets one of two values, as JSON writes them; a new key goes behind `after`, laid out as that is.
    pub fn json(text: &str, table: &Table, key: &str, after: &[&str], done: &str, open: &str) -> Option<Self> {
        match table.entry(key) {
            Some(entry) => Some(Self::either(entry.node.span.clone(), done, open)),
            None => json_insert(text, table, key, after, done).map(|edit| Self { done: vec![edit], open: Vec::new() }),
        }
    }

    /// A key of a TOML table: a line of its own behind its `id`, or a further key of an inline table.
    pub fn toml(text: &str, table: &Table, key: &str) -> Option<Self> {
        if let Some(entry) = table.entry(key) {
            return Some(Self::either(entry.node.span.clone(), "true", "false"));
        }
        let end = table.entry("id")?.node.span.end;
        let rest = text.get(end..)?;
        let (line, more) = rest.split_once('\n').map_or((rest, false), |(line, _)| (line, true));
        let trailing = line.trim();
        if trailing.is_empty() || trailing.starts_with('#') {
            let newline = if line.ends_with('\r') { "\r\n" } else { "\n" };
            let indent: String = text[..end].rsplit('\n').next().unwrap_or("").chars().take_while(|c| c.is_whitespace()).collect();
            // Behind the whole line, so that its comment stays with it.
            return Some(if more {
                Self::insert(end + line.len() + 1, format!("{indent}{key} = true{newline}"))
            } else {
                Self::insert(end + line.len(), format!("{newline}{indent}{key} = true"))
            });
        }
        Some(Self::insert(end, format!(", {key} = true")))
    }

    /// A key at a line's begin within a stretch of YAML; a new one goes behind the line of `after`. The rest of the line, such as a
    /// comment, and the quotes stay.
    pub fn yaml(text: &str, within: &Span, key: &str, after: &str, indent: &str, done: &str, open: &str) -> Option<Self> {
        let area = text.get(within.clone())?;
        let mut at = within.start;
        let mut behind = None;
        for line in area.split_inclusive('\n') {
            let start = at;
            at += line.len();
            let body = line.strip_prefix(indent).or_else(|| line.trim_start().strip_prefix("- "));
            let Some(body) = body else { continue };
            let offset = start + line.len() - body.len();
            let value_of = |key: &str| body.strip_prefix(key).and_then(|r| r.strip_prefix(':'));
            if let Some(rest) = value_of(key) {
                let value_at = offset + body.len() - rest.len();
                let span = scalar(rest, value_at);
                let old = &text[span.clone()];
                let quote = old.chars().next().filter(|c| matches!(c, '"' | '\'')).map(String::from).unwrap_or_default();
                let space = if span.is_empty() && !rest.starts_with([' ', '\t']) { " " } else { "" };
                return Some(Self::either(span, format!("{space}{quote}{done}{quote}"), format!("{space}{quote}{open}{quote}")));
            }
            if value_of(after).is_some() && line.ends_with('\n') {
                behind = Some((at, if line.ends_with("\r\n") { "\r\n" } else { "\n" }));
            }
        }
        let (at, newline) = behind?;
        Some(Self::insert(at, format!("{indent}{key}: {done}{newline}")))
    }

    /// Both changes together.
    pub fn and(mut self, other: Self) -> Self {
        self.done.extend(other.done);
        self.open.extend(other.open);
        self
    }
}

/// The value on the rest of a YAML line, without blanks around it and a comment behind it.
fn scalar(rest: &str, at: usize) -> Span {
    let line = rest.trim_end_matches(['\n', '\r']);
    let blanks = line.len() - line.trim_start().len();
    let value = line.trim_start();
    let end = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => value[1..].find(quote).map_or(value.len(), |n| n + 2),
        _ => value.find(" #").unwrap_or(value.len()),
    };
    let value = value[..end].trim_end();
    if value.starts_with('#') { at + 1.min(blanks)..at + 1.min(blanks) } else { at + blanks..at + blanks + value.len() }
}

/// A new key in a JSON object, in the layout of the one that it follows.
pub(super) fn json_insert(text: &str, table: &Table, key: &str, after: &[&str], value: &str) -> Option<Edit> {
    let found = after.iter().find_map(|k| table.entries.iter().position(|e| e.key == *k));
    let place = found.unwrap_or(table.entries.len().checked_sub(1)?);
    let entry = table.entries.get(place)?;
    let end = entry.node.span.end;
    let colon = text.get(entry.key_span.end..entry.node.span.start)?;
    let before = text.get(..entry.key_span.start)?;
    let blanks = before.len() - before.trim_end_matches([' ', '\t', '\r', '\n']).len();
    let mut space = &before[before.len() - blanks..];
    // The first key may stand right behind the brace where the others are divided by a blank.
    if place == 0
        && let Some(next) = table.entries.get(1)
    {
        let between = text.get(end..next.key_span.start)?;
        space = between.trim_start().strip_prefix(',').unwrap_or(space);
    }
    Some(Edit { span: end..end, text: format!(",{space}\"{key}\"{colon}{value}") })
}

/// Takes a key out of a JSON object, with the comma before it; not the first one.
pub(super) fn json_remove(table: &Table, key: &str) -> Option<Edit> {
    let place = table.entries.iter().position(|e| e.key == key)?;
    let before: &Entry = table.entries.get(place.checked_sub(1)?)?;
    Some(Edit { span: before.node.span.end..table.entries.get(place)?.node.span.end, text: String::new() })
}

/// A text as JSON writes it.
pub(super) fn json_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
