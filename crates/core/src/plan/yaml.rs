//! YAML front matter as nodes. Knows no plan keys.
//!
//! The YAML reader gives values without places; a key's place is found by looking for its line, which is exact for plain front matter.

use super::context::{Context, Span};
use super::node::{Entry, Node, Table, Value};

/// Front matter at the text's begin: its table, and where the text goes on. `None` after an error that was reported.
pub(super) fn front_matter(ctx: &mut Context<'_>) -> Option<(Table, usize)> {
    let text = ctx.text;
    let mut at = text.split_inclusive('\n').next().map_or(0, str::len);
    if text.get(..at).map(str::trim_end) != Some("---") {
        return Some((Table::default(), 0));
    }
    let start = at;
    for line in text[start..].split_inclusive('\n') {
        let end = at;
        at += line.len();
        if matches!(line.trim_end(), "---" | "...") {
            return Some((parse(ctx, start..end)?, at));
        }
    }
    ctx.error_hint(&(0..3), "the front matter is not closed", "end it with a line `---`");
    None
}

fn parse(ctx: &mut Context<'_>, span: Span) -> Option<Table> {
    let text = &ctx.text[span.clone()];
    if text.lines().all(|l| l.trim().is_empty() || l.trim_start().starts_with('#')) {
        return Some(Table::default());
    }
    match serde_saphyr::from_str::<serde_json::Value>(text) {
        Ok(serde_json::Value::Object(map)) => {
            let mut table = convert_map(text, span.start, span.clone(), map);
            table.entries.sort_by_key(|e| e.key_span.start);
            Some(table)
        }
        Ok(_) => {
            ctx.error(&span, "the front matter must be a table of keys");
            None
        }
        Err(error) => {
            let line = error.location().map_or(1, |l| l.line()) as usize;
            let at = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum::<usize>();
            let message = error.without_snippet().to_string();
            let message = message.lines().next().unwrap_or("it cannot be read").trim_start_matches("error: ").to_owned();
            ctx.error(&(span.start + at..span.start + at + 1), format!("this front matter is not YAML: {}", without_place(&message)));
            None
        }
    }
}

/// The reader's message counts lines from the front matter's begin; ours has the place already.
fn without_place(message: &str) -> &str {
    let message = message.split(" at line ").next().unwrap_or(message);
    match message.strip_prefix("line ").and_then(|m| m.split_once(": ")) {
        Some((_, rest)) => rest,
        None => message,
    }
}

fn convert_map(text: &str, base: usize, within: Span, map: serde_json::Map<String, serde_json::Value>) -> Table {
    let mut table = Table::default();
    for (key, value) in map {
        let (key_span, value_span) = locate(text, base, &within, &key);
        let node = convert(text, base, key_span.end..within.end, value_span, value);
        table.entries.push(Entry { key, key_span, node });
    }
    table
}

fn convert(text: &str, base: usize, within: Span, span: Span, value: serde_json::Value) -> Node {
    use serde_json::Value as Json;
    let value = match value {
        Json::Null => Value::Null,
        Json::Bool(b) => Value::Bool(b),
        Json::Number(n) => match (n.as_i64(), n.as_f64()) {
            (Some(i), _) => Value::Int(i),
            (None, Some(f)) => Value::Float(f),
            (None, None) => Value::Other("a number beyond all bounds"),
        },
        Json::String(s) => Value::Text(s),
        Json::Array(list) => Value::List(list.into_iter().map(|v| convert(text, base, within.clone(), span.clone(), v)).collect()),
        Json::Object(map) => Value::Table(convert_map(text, base, within, map)),
    };
    Node { span, value }
}

/// The first `key:` behind a line's begin or within braces, and the rest of that line.
fn locate(text: &str, base: usize, within: &Span, key: &str) -> (Span, Span) {
    let from = within.start - base;
    let to = (within.end - base).min(text.len());
    let area = text.get(from..to).unwrap_or("");
    for (at, _) in area.match_indices(key) {
        let start = from + at;
        let before = text[..start].trim_end_matches(['"', '\'']).trim_end_matches(' ');
        let after = text[start + key.len()..].trim_start_matches(['"', '\'']);
        if (before.is_empty() || before.ends_with(['\n', '{', ',', '-'])) && after.starts_with(':') {
            let line_end = text[start..].find('\n').map_or(text.len(), |n| start + n);
            let value = text[start..line_end].find(':').map_or(start, |c| start + c + 1);
            let blanks = text[value..line_end].len() - text[value..line_end].trim_start().len();
            let value_start = if value + blanks == line_end { start } else { value + blanks };
            return (base + start..base + start + key.len(), base + value_start..base + line_end);
        }
    }
    (within.start..within.start, within.start..within.start)
}
