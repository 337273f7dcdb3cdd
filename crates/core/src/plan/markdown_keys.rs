//! `- key: value` items under a Markdown task. Values are taken verbatim from the source line: nothing in them is formatting.

use super::context::{Context, Span};
use super::diagnostic::Severity;
use super::native::{TASK_KEYS, meant};
use super::node::{Entry, Node, Table, Value};
use super::suggest;

/// Keys whose value is a list divided by commas.
const DIVIDED: [&str; 5] = ["depends", "owns", "candidates", "fallbacks", "skills"];
/// Keys that hold one whole text for each item: commands and sentences have commas of their own.
const REPEATED: [&str; 5] = ["check", "criteria", "activities", "deliverables", "contracts"];
/// How YAML begins a text of several lines. Prompts may have several here, too.
const BLOCKS: [&str; 6] = ["|", "|-", "|+", ">", ">-", ">+"];
const NUMBERS: [&str; 3] = ["priority", "retries", "repairs"];

/// Whether the value only says that it follows on lines of its own.
pub(super) fn is_block(value: &str) -> bool {
    BLOCKS.contains(&value)
}

/// What a nested item turns out to be.
pub(super) enum Item<'a> {
    /// A key of the plan's, and the text behind its colon (maybe none).
    Key { key: &'static str, value: &'a str, value_at: usize },
    /// Part of the prompt.
    Text,
}

/// Looks at an item's text. A word that is close to a key, but none, is an error: read as text it would be lost.
pub(super) fn classify<'a>(ctx: &mut Context<'_>, item: &'a str, at: usize) -> Item<'a> {
    let Some((word, rest)) = item.split_once(':') else { return Item::Text };
    let one_word = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if !one_word || !(rest.is_empty() || rest.starts_with([' ', '\t'])) {
        return Item::Text;
    }
    let span = at..at + word.len();
    if let Some(key) = TASK_KEYS.iter().find(|k| **k == word) {
        let value = rest.trim();
        let value_at = at + word.len() + 1 + (rest.len() - rest.trim_start().len());
        return Item::Key { key, value, value_at };
    }
    if word.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '_' | '-')) {
        if let Some(key) = suggest::one_letter_off(word, TASK_KEYS) {
            // `rum`, but also `rule`: a word of its own as likely as a slip.
            let hint = format!("if you meant `{key}`, write `{key}:`");
            ctx.push(Severity::Note, &span, format!("`{word}:` is read as text for the agent"), Some(hint));
            return Item::Text;
        }
        // `- retry: 2` is a slip, `- retry: with backoff` are words for the agent.
        let counts = rest.trim().parse::<u64>().is_ok();
        if let Some(key) = meant(word, &TASK_KEYS).filter(|key| counts || !NUMBERS.contains(key)) {
            ctx.error_hint(
                &span,
                format!("unknown key `{word}`"),
                format!("did you mean `{key}`? If it is text for the agent, begin it with a capital"),
            );
        }
    } else if let Some(key) = TASK_KEYS.iter().find(|k| k.eq_ignore_ascii_case(word)) {
        let hint = format!("if it is the key, write `{key}:`");
        ctx.push(Severity::Note, &span, format!("`{word}:` is read as text for the agent"), Some(hint));
    }
    Item::Text
}

/// Adds a key's value to the task's table; `below` are the items or lines under it.
pub(super) fn add(
    ctx: &mut Context<'_>,
    table: &mut Table,
    key: &'static str,
    key_span: Span,
    value: (&str, usize),
    below: &[(String, usize)],
) {
    if BLOCKS.contains(&value.0) && key != "prompt" {
        let hint = "a value is one line here: join commands with `&&`, or put them into a script and run that";
        ctx.error_hint(&(value.1..value.1 + value.0.len()), format!("`{}` begins no block in a Markdown plan", value.0), hint);
        return;
    }
    let value = if BLOCKS.contains(&value.0) { ("", value.1) } else { value };
    let mut nodes = Vec::new();
    for (text, at) in std::iter::once((value.0, value.1)).chain(below.iter().map(|(t, at)| (t.as_str(), *at))) {
        let span = at..at + text.len();
        if text.len() > 2 && text.starts_with('`') && text.ends_with('`') {
            let hint = format!("write {} without them", text.trim_matches('`'));
            ctx.push(Severity::Warning, &span, format!("the backticks are part of the value of `{key}`"), Some(hint));
        }
        if DIVIDED.contains(&key) {
            let inner = unbracketed(key, text);
            nodes.extend(divide(inner, at + usize::from(inner.len() < text.len())));
        } else if REPEATED.contains(&key) && (text.starts_with("[\"") || text.starts_with("['")) && text.ends_with(']') {
            nodes.extend(divide(&text[1..text.len() - 1], at + 1));
        } else if !text.is_empty() {
            nodes.push(Node { span, value: Value::Text(String::from(text)) });
        }
    }
    let list_key = DIVIDED.contains(&key) || REPEATED.contains(&key);
    let whole = nodes.first().map_or(key_span.clone(), |n| n.span.start..nodes.last().map_or(n.span.end, |l| l.span.end));
    let value = if key == "env" || key == "extra" {
        Value::Table(variables(ctx, &nodes))
    } else if list_key {
        Value::List(nodes)
    } else if key == "prompt" {
        let texts: Vec<&str> = nodes.iter().filter_map(Node::text).collect();
        Value::Text(texts.join("\n"))
    } else {
        match nodes.as_slice() {
            [] => Value::Text(String::new()),
            [one] => {
                let number = one.text().and_then(|t| t.parse().ok()).filter(|_| NUMBERS.contains(&key));
                let truth = one.text().and_then(|t| t.parse().ok()).filter(|_| key == "ticked");
                number.map(Value::Int).or(truth.map(Value::Bool)).unwrap_or_else(|| one.value.clone())
            }
            [_, second, ..] => {
                ctx.error(&second.span, format!("`{key}` has one value only"));
                return;
            }
        }
    };
    if list_key && matches!(&value, Value::List(l) if l.is_empty()) && key != "depends" {
        ctx.error(&key_span, format!("`{key}` is empty"));
        return;
    }
    if let Some(entry) = table.entries.iter_mut().find(|e| e.key == key) {
        match (&mut entry.node.value, value) {
            (Value::List(all), Value::List(more)) => all.extend(more),
            (Value::Table(all), Value::Table(more)) => all.entries.extend(more.entries),
            _ => ctx.error(&key_span, format!("the key `{key}` stands twice in one task")),
        }
        return;
    }
    table.entries.push(Entry { key: String::from(key), key_span, node: Node { span: whole, value } });
}

/// Without the brackets around a list. `[ab].rs` and `[a-z]` are globs and keep theirs.
fn unbracketed<'a>(key: &str, text: &'a str) -> &'a str {
    let inner = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    inner.filter(|i| key != "owns" || i.contains([',', '"', '\''])).unwrap_or(text)
}

/// Divides at commas that are not within quotes, braces or brackets.
fn divide(text: &str, at: usize) -> Vec<Node> {
    let (mut depth, mut quote, mut start) = (0_usize, None, 0);
    let mut cuts = Vec::new();
    for (i, c) in text.char_indices() {
        match (quote, c) {
            (Some(q), c) => quote = Some(q).filter(|q| *q != c),
            (None, '"' | '\'') => quote = Some(c),
            (None, '{' | '[') => depth += 1,
            (None, '}' | ']') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                cuts.push(start..i);
                start = i + 1;
            }
            _ => {}
        }
    }
    cuts.push(start..text.len());
    let mut out = Vec::new();
    for cut in cuts {
        let piece = &text[cut.clone()];
        let trimmed = piece.trim();
        if trimmed.is_empty() {
            continue;
        }
        let from = at + cut.start + (piece.len() - piece.trim_start().len());
        let bare = ['"', '\''].iter().find_map(|q| trimmed.strip_prefix(*q).and_then(|t| t.strip_suffix(*q))).unwrap_or(trimmed);
        out.push(Node { span: from..from + trimmed.len(), value: Value::Text(String::from(bare)) });
    }
    out
}

/// `NAME=value`, `NAME: value`, or several in braces.
fn variables(ctx: &mut Context<'_>, nodes: &[Node]) -> Table {
    let mut table = Table::default();
    for node in nodes {
        let text = node.text().unwrap_or("");
        let inner = text.strip_prefix('{').and_then(|t| t.strip_suffix('}'));
        let parts = inner.map_or_else(|| vec![node.clone()], |inner| divide(inner, node.span.start + 1));
        for part in parts {
            let text = part.text().unwrap_or("");
            let Some((name, value)) = text.split_once(['=', ':']) else {
                ctx.error_hint(&part.span, format!("`{text}` sets no variable"), "write it as `NAME=value`");
                continue;
            };
            let value = value.trim();
            let value = ['"', '\''].iter().find_map(|q| value.strip_prefix(*q).and_then(|t| t.strip_suffix(*q))).unwrap_or(value);
            let node = Node { span: part.span.clone(), value: Value::Text(String::from(value)) };
            table.entries.push(Entry { key: String::from(name.trim()), key_span: part.span.clone(), node });
        }
    }
    table
}
