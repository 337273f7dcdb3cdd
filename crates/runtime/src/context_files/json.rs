//! Names a file in `context.fileName` of Gemini CLI's settings, as an edit of the text: order, spaces and all other keys stay as they
//! are. Knows no files.

use std::ops::Range;

use serde_json::Value;

/// What Gemini CLI reads where nothing is said.
const DEFAULT: &str = "GEMINI.md";

/// The settings with `name` among the files that are read; `None` where it is already.
///
/// # Errors
/// Says why the text cannot be edited: what follows "it".
pub(super) fn with_file_name(text: &str, name: &str) -> Result<Option<String>, String> {
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        // With comments, which it allows: what is there can be seen, but not edited with certainty.
        Err(_) if text.contains(&format!("\"{name}\"")) => return Ok(None),
        Err(e) => return Err(format!("is no plain JSON ({e})")),
    };
    let Value::Object(root) = &value else { return Err(String::from("is no JSON object")) };
    let top = members(text, text.find('{').unwrap_or(0));
    let context = last(&top, "context");
    let (old, at) = match (root.get("context"), context) {
        (Some(Value::Object(context)), Some(at)) => {
            let inner = members(text, at.start);
            match (context.get("fileName"), last(&inner, "fileName")) {
                (Some(old), Some(at)) => (old, at),
                _ if root.contains_key("contextFileName") => return legacy(text, root, &top, name),
                _ => return Ok(Some(inserted(text, at.start, inner.is_empty(), 4, &format!("\"fileName\": {}", list(name))))),
            }
        }
        (Some(_), _) => return Err(String::from("has a `context` that is no object")),
        (None, _) if root.contains_key("contextFileName") => return legacy(text, root, &top, name),
        (None, _) => {
            let member = format!("\"context\": {{\n    \"fileName\": {}\n  }}", list(name));
            return Ok(Some(inserted(text, text.find('{').unwrap_or(0), top.is_empty(), 2, &member)));
        }
    };
    extended(text, old, at, name)
}

/// The name of the setting in earlier versions.
fn legacy(text: &str, root: &serde_json::Map<String, Value>, top: &[(String, Range<usize>)], name: &str) -> Result<Option<String>, String> {
    match (root.get("contextFileName"), last(top, "contextFileName")) {
        (Some(old), Some(at)) => extended(text, old, at, name),
        _ => Err(String::from("cannot be read")),
    }
}

fn extended(text: &str, old: &Value, at: Range<usize>, name: &str) -> Result<Option<String>, String> {
    let with = |range: Range<usize>, new: &str| Some(format!("{}{new}{}", &text[..range.start], &text[range.end..]));
    match old {
        Value::String(one) if one == name => Ok(None),
        Value::String(_) => Ok(with(at.clone(), &format!("[{}, \"{name}\"]", &text[at]))),
        Value::Array(all) if all.iter().any(|v| v == name) => Ok(None),
        Value::Array(all) if all.is_empty() => Ok(with(at, &list(name))),
        Value::Array(_) => {
            let last = text[at.start..at.end - 1].trim_end().len() + at.start;
            Ok(with(last..last, &format!(", \"{name}\"")))
        }
        _ => Err(String::from("has a `fileName` that is neither text nor a list")),
    }
}

fn list(name: &str) -> String {
    format!("[\"{name}\", \"{DEFAULT}\"]")
}

/// The text with a first member in the object that begins at `brace`.
fn inserted(text: &str, brace: usize, empty: bool, indent: usize, member: &str) -> String {
    let (before, after) = text.split_at(brace + 1);
    let (pad, outer) = (" ".repeat(indent), " ".repeat(indent - 2));
    if empty { format!("{before}\n{pad}{member}\n{outer}{}", after.trim_start()) } else { format!("{before}\n{pad}{member},{after}") }
}

/// The value of the last member of that name, which is the one that counts.
fn last(members: &[(String, Range<usize>)], key: &str) -> Option<Range<usize>> {
    members.iter().rev().find(|(k, _)| k == key).map(|(_, at)| at.clone())
}

/// The members of the object that begins at `brace`: names and the places of the values. The text is valid JSON.
fn members(text: &str, brace: usize) -> Vec<(String, Range<usize>)> {
    let bytes = text.as_bytes();
    let (mut found, mut at) = (Vec::new(), brace + 1);
    loop {
        while bytes.get(at).is_some_and(|b| b.is_ascii_whitespace() || *b == b',') {
            at += 1;
        }
        if bytes.get(at) != Some(&b'"') {
            return found;
        }
        let key_end = string_end(bytes, at);
        let key = serde_json::from_str(&text[at..key_end]).unwrap_or_default();
        at = key_end;
        while bytes.get(at).is_some_and(|b| b.is_ascii_whitespace() || *b == b':') {
            at += 1;
        }
        let end = value_end(bytes, at);
        found.push((key, at..end));
        at = end;
    }
}

/// Behind the closing quote.
fn string_end(bytes: &[u8], quote: usize) -> usize {
    let mut at = quote + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn value_end(bytes: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0_usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = string_end(bytes, at);
                if depth == 0 {
                    return at;
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth <= 1 => return if depth == 1 { at + 1 } else { at },
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => return at,
            b if depth == 0 && b.is_ascii_whitespace() => return at,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(text: &str) -> String {
        let new = with_file_name(text, "AGENTS.md").unwrap().unwrap();
        serde_json::from_str::<Value>(&new).unwrap_or_else(|e| panic!("{e}: {new}"));
        assert_eq!(with_file_name(&new, "AGENTS.md"), Ok(None), "twice is once: {new}");
        new
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        assert_eq!(edit("{}"), "{\n  \"context\": {\n    \"fileName\": [\"AGENTS.md\", \"GEMINI.md\"]\n  }\n}");
        let theirs = "{\n  \"z\": 1, \"a\" : [ \"}\", \"\\\"{\" ],\n\t\"ui\":{\"theme\":\"x\"}\n}\n";
        let new = edit(theirs);
        assert_eq!(new, theirs.replacen("{\n", "{\n  \"context\": {\n    \"fileName\": [\"AGENTS.md\", \"GEMINI.md\"]\n  },\n", 1));
        assert_eq!(
            edit("{\"b\":2,\"context\":{\"x\":1}}"),
            "{\"b\":2,\"context\":{\n    \"fileName\": [\"AGENTS.md\", \"GEMINI.md\"],\"x\":1}}"
        );
        assert_eq!(
            edit("{\"context\":{\"fileName\":\"RULES.md\"},\"b\":2}"),
            "{\"context\":{\"fileName\":[\"RULES.md\", \"AGENTS.md\"]},\"b\":2}"
        );
        assert_eq!(edit("{\"context\":{\"fileName\":[ \"A\" ]}}"), "{\"context\":{\"fileName\":[ \"A\", \"AGENTS.md\" ]}}");
        assert_eq!(edit("{\"context\":{\"fileName\":[]}}"), "{\"context\":{\"fileName\":[\"AGENTS.md\", \"GEMINI.md\"]}}");
        assert_eq!(edit("{\"contextFileName\": \"OLD.md\"}"), "{\"contextFileName\": [\"OLD.md\", \"AGENTS.md\"]}");
        assert_eq!(
            edit("{\"n\": -1.5e3 ,\"t\":true}"),
            "{\n  \"context\": {\n    \"fileName\": [\"AGENTS.md\", \"GEMINI.md\"]\n  },\"n\": -1.5e3 ,\"t\":true}"
        );
    }

    #[test]
    fn what_cannot_be_edited_with_certainty_is_refused() {
        for (text, why) in [
            ("[]", "no JSON object"),
            ("{ // mine\n}", "no plain JSON"),
            ("{\"context\":1}", "no object"),
            ("{\"context\":{\"fileName\":1}}", "neither"),
        ] {
            let refused = with_file_name(text, "AGENTS.md").unwrap_err();
            assert!(refused.contains(why), "{text}: {refused}");
        }
        assert_eq!(with_file_name("{ // mine\n \"context\": {\"fileName\": \"AGENTS.md\"} }", "AGENTS.md"), Ok(None));
    }
}
