//! YAML front matter as nodes. Knows no plan keys.
//!
//! The YAML reader gives values without places; a key's place is found by looking for its line, which is exact for plain front matter.

use std::cell::Cell;

use super::context::{Context, Span};
use super::node::{Entry, Node, Table, Value};

/// Front matter at the text's begin: its table, and where the text goes on. `None` after an error that was reported.
pub(super) fn front_matter(ctx: &mut Context<'_>) -> Option<(Table, usize)> {
    let end = ctx.text.len();
    front_matter_at(ctx, 0, end)
}

/// A whole text of YAML.
pub(super) fn document(ctx: &mut Context<'_>) -> Option<Table> {
    let end = ctx.text.len();
    parse(ctx, 0..end, "file")
}

/// Front matter that begins at `start`, in a plan of several files: its table, and where the text goes on. `end` is the file's.
pub(super) fn front_matter_at(ctx: &mut Context<'_>, start: usize, end: usize) -> Option<(Table, usize)> {
    let mut at = start + ctx.text[start..end].split_inclusive('\n').next().map_or(0, str::len);
    if ctx.text[start..at].trim_end() != "---" {
        return Some((Table::default(), start));
    }
    let first = at;
    for line in ctx.text[first..end].split_inclusive('\n') {
        let line_start = at;
        at += line.len();
        if matches!(line.trim_end(), "---" | "...") {
            return Some((parse(ctx, first..line_start, "front matter")?, at));
        }
    }
    ctx.error_hint(&(start..start + 3), "the front matter is not closed", "end it with a line `---`");
    None
}

fn parse(ctx: &mut Context<'_>, span: Span, what: &str) -> Option<Table> {
    let text = &ctx.text[span.clone()];
    if text.lines().all(|l| l.trim().is_empty() || l.trim_start().starts_with('#')) {
        return Some(Table::default());
    }
    match serde_saphyr::from_str::<serde_json::Value>(text) {
        Ok(serde_json::Value::Object(map)) => {
            let area = Area { text, base: span.start, budget: Cell::new(SEARCHED_BYTES_MAX) };
            let mut table = convert_map(&area, span.clone(), map);
            table.entries.sort_by_key(|e| e.key_span.start);
            Some(table)
        }
        Ok(_) => {
            ctx.error(&span, format!("the {what} must be a table of keys"));
            None
        }
        Err(error) => {
            let line = error.location().map_or(1, |l| l.line()) as usize;
            let at = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum::<usize>();
            let message = error.without_snippet().to_string();
            let message = message.lines().next().unwrap_or("it cannot be read").trim_start_matches("error: ").to_owned();
            ctx.error(&(span.start + at..span.start + at + 1), format!("this {what} is not YAML: {}", without_place(&message)));
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

fn convert_map(area: &Area<'_>, within: Span, map: serde_json::Map<String, serde_json::Value>) -> Table {
    let mut table = Table::default();
    for (key, value) in map {
        let (key_span, value_span) = area.locate(&within, &key);
        let node = convert(area, key_span.end..within.end, value_span, value);
        table.entries.push(Entry { key, key_span, node });
    }
    table
}

fn convert(area: &Area<'_>, within: Span, span: Span, value: serde_json::Value) -> Node {
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
        Json::Array(list) => Value::List(list.into_iter().map(|v| convert(area, within.clone(), span.clone(), v)).collect()),
        Json::Object(map) => Value::Table(convert_map(area, within, map)),
    };
    Node { span, value }
}

/// Bytes that are looked through for the places of all keys. Front matter of a thousand keys needs less; beyond it places are those of
/// what the keys stand in.
const SEARCHED_BYTES_MAX: usize = 1 << 27;

/// The front matter's text, from `base` on in the plan's.
struct Area<'t> {
    text: &'t str,
    base: usize,
    budget: Cell<usize>,
}

impl Area<'_> {
    /// The first `key:` behind a line's begin or within braces, and the rest of that line.
    fn locate(&self, within: &Span, key: &str) -> (Span, Span) {
        let Self { text, base, .. } = *self;
        let from = within.start - base;
        let to = (within.end - base).min(text.len()).min(from.saturating_add(self.budget.get()));
        let area = text.get(from..to).unwrap_or("");
        for (at, _) in area.match_indices(key) {
            let start = from + at;
            let before = text[..start].trim_end_matches(['"', '\'']).trim_end_matches(' ');
            let after = text[start + key.len()..].trim_start_matches(['"', '\'']);
            if (before.is_empty() || before.ends_with(['\n', '{', ',', '-'])) && after.starts_with(':') {
                self.budget.set(self.budget.get().saturating_sub(at));
                let line_end = text[start..].find('\n').map_or(text.len(), |n| start + n);
                let value = text[start..line_end].find(':').map_or(start, |c| start + c + 1);
                let blanks = text[value..line_end].len() - text[value..line_end].trim_start().len();
                let value_start = if value + blanks == line_end { start } else { value + blanks };
                return (base + start..base + start + key.len(), base + value_start..base + line_end);
            }
        }
        self.budget.set(self.budget.get().saturating_sub(area.len()));
        (within.start..within.start, within.start..within.start)
    }
}
