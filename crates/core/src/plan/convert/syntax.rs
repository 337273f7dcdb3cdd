//! Keys and values as TOML and as JSON. Knows no plan.

use super::{Keys, Val};

/// A table and its `[[task]]`s.
pub(super) fn toml(plan: &Keys, tasks: &[Keys]) -> String {
    let mut out = String::new();
    for (key, value) in plan {
        out.push_str(&format!("{key} = {}\n", toml_value(value, false)));
    }
    for task in tasks {
        out.push_str("\n[[task]]\n");
        for (key, value) in task {
            out.push_str(&format!("{key} = {}\n", toml_value(value, *key == "prompt")));
        }
    }
    out
}

fn toml_value(value: &Val, long: bool) -> String {
    match value {
        Val::Text(text) if long && text.contains('\n') => long_string(text),
        Val::Text(text) => quoted(text),
        Val::Int(n) => n.to_string(),
        Val::Bool(b) => b.to_string(),
        Val::List(list) => format!("[{}]", list.iter().map(|t| quoted(t)).collect::<Vec<_>>().join(", ")),
        Val::Map(map) => inline(map.iter().map(|(key, value)| (key.as_str(), quoted(value)))),
        Val::Tables(tables) => inline(tables.iter().map(|(name, keys)| {
            let table = inline(keys.iter().map(|(key, value)| (*key, toml_value(value, false))));
            (name.as_str(), table)
        })),
    }
}

/// A table on one line; its values are written already.
fn inline<'a>(entries: impl Iterator<Item = (&'a str, String)>) -> String {
    let bare = |key: &str| !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    let one = |(key, value): (&str, String)| format!("{} = {value}", if bare(key) { key.to_owned() } else { quoted(key) });
    format!("{{ {} }}", entries.map(one).collect::<Vec<_>>().join(", "))
}

/// On one line; what JSON escapes, TOML and YAML escape the same way.
pub(super) fn quoted(text: &str) -> String {
    // A text always has a form in JSON.
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

/// Between three quotes, lines as they are.
fn long_string(text: &str) -> String {
    let mut out = String::from("\"\"\"\n");
    for line in text.split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |l| (l, "\n"));
        let escaped = quoted(line);
        // Single quotes need no escape here, and code reads better without.
        let inner = escaped[1..escaped.len() - 1].replace("\\t", "\t");
        out.push_str(&plain_quotes(&inner));
        out.push_str(end);
    }
    if out.ends_with('"') && !out.ends_with("\\\"") {
        out.pop();
        out.push_str("\\\"");
    }
    out.push_str("\"\"\"");
    out
}

/// Takes back the escape of quotes, but not of every third in a row.
fn plain_quotes(escaped: &str) -> String {
    let mut out = String::with_capacity(escaped.len());
    let mut chars = escaped.chars();
    let mut row = 0;
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            row = 0;
            continue;
        }
        match chars.next() {
            Some('"') if row < 2 => {
                out.push('"');
                row += 1;
            }
            Some(next) => {
                out.push('\\');
                out.push(next);
                row = 0;
            }
            None => out.push('\\'),
        }
    }
    out
}

/// An object with `"tasks"`.
pub(super) fn json(plan: &Keys, tasks: &[Keys]) -> String {
    let object = |keys: &Keys, indent: &str| {
        keys.iter().map(|(key, value)| format!("{indent}{}: {}", quoted(key), json_value(value))).collect::<Vec<_>>().join(",\n")
    };
    let tasks: Vec<String> = tasks.iter().map(|task| format!("    {{\n{}\n    }}", object(task, "      "))).collect();
    format!("{{\n{},\n  \"tasks\": [\n{}\n  ]\n}}\n", object(plan, "  "), tasks.join(",\n"))
}

/// As a flow that YAML reads, too.
pub(super) fn json_value(value: &Val) -> String {
    match value {
        Val::Text(text) => quoted(text),
        Val::Int(n) => n.to_string(),
        Val::Bool(b) => b.to_string(),
        Val::List(list) => format!("[{}]", list.iter().map(|t| quoted(t)).collect::<Vec<_>>().join(", ")),
        Val::Map(map) => {
            format!("{{{}}}", map.iter().map(|(k, v)| format!("{}: {}", quoted(k), quoted(v))).collect::<Vec<_>>().join(", "))
        }
        Val::Tables(tables) => {
            let table = |keys: &Keys| keys.iter().map(|(k, v)| format!("{}: {}", quoted(k), json_value(v))).collect::<Vec<_>>().join(", ");
            format!(
                "{{{}}}",
                tables.iter().map(|(name, keys)| format!("{}: {{{}}}", quoted(name), table(keys))).collect::<Vec<_>>().join(", ")
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_come_back_whatever_is_in_them() {
        let mut rng = greenlane_testkit::fuzz::seeded();
        let pieces = ["a", "\"", "\"\"\"", "\\", "\n", "\t", "\r", "\u{7f}", "\u{1}", "é", "日", " ", "'", "\\\"", "#", "\u{2028}"];
        for _ in 0..5_000 {
            let text: String = (0..rng.usize(..8)).map(|_| pieces[rng.usize(..pieces.len())]).collect();
            for long in [false, true] {
                let toml = format!("x = {}", toml_value(&Val::Text(text.clone()), long));
                let read: Result<toml::Table, _> = toml.parse();
                let read = read.unwrap_or_else(|e| panic!("{text:?}: {e}"));
                assert_eq!(read["x"].as_str(), Some(text.as_str()), "{toml}");
            }
        }
    }
}
