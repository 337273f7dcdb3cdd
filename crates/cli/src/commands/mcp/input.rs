//! Holds a tool's input against its schema, and says in words what does not fit: which field, what was given, what is allowed.

use serde_json::{Map, Value};

use super::tools::ToolText;

/// So much is repeated of a value that does not fit, in characters.
const SHOWN_MAX: usize = 60;
/// So many faults are told at once.
const TOLD_MAX: usize = 5;

/// Whether the input fits.
///
/// # Errors
/// For the model: all that does not.
pub fn check(tool: &ToolText, input: &Map<String, Value>) -> Result<(), String> {
    let properties = (tool.properties)();
    let known = properties.as_object().cloned().unwrap_or_default();
    let mut faults = Vec::new();
    for name in tool.required {
        if !input.contains_key(*name) {
            faults.push(format!("`{name}` is missing, {}", known.get(*name).map(allowed).unwrap_or_default()));
        }
    }
    for (name, value) in input {
        match known.get(name) {
            None if known.is_empty() => faults.push(format!("there is no `{}`: `{}` takes nothing", shown(name), tool.name)),
            None => {
                let names: Vec<String> = known.keys().map(|n| format!("`{n}`")).collect();
                faults.push(format!("there is no `{}`: `{}` takes {}", shown(name), tool.name, names.join(", ")));
            }
            // Said with null is not said.
            Some(_) if value.is_null() && !tool.required.contains(&name.as_str()) => {}
            Some(schema) if fits(schema, value) => {}
            Some(schema) => faults.push(format!("`{name}` must be {}, not {}", allowed(schema), shown(&value.to_string()))),
        }
    }
    faults.truncate(TOLD_MAX);
    if faults.is_empty() { Ok(()) } else { Err(format!("this input does not fit the tool: {}", faults.join("; "))) }
}

fn types(schema: &Value) -> Vec<&str> {
    match &schema["type"] {
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

fn fits(schema: &Value, value: &Value) -> bool {
    let number = value.as_f64();
    let of_type = types(schema).iter().any(|kind| match *kind {
        "string" => value.is_string(),
        "null" => value.is_null(),
        "integer" => value.is_u64(),
        _ => number.is_some(),
    });
    let within = |bound: &str, ok: fn(f64, f64) -> bool| match (number, schema[bound].as_f64()) {
        (Some(n), Some(bound)) => ok(n, bound),
        _ => true,
    };
    of_type && within("minimum", |n, min| n >= min) && within("maximum", |n, max| n <= max)
}

/// What a field may be, in words that follow on "must be".
fn allowed(schema: &Value) -> String {
    let kinds = types(schema).into_iter().map(|kind| match kind {
        "string" => "text",
        "integer" => "a whole number",
        "null" => "null",
        _ => "a number",
    });
    let kinds = kinds.collect::<Vec<_>>().join(" or ");
    match (&schema["minimum"], &schema["maximum"]) {
        (Value::Null, _) => kinds,
        (min, Value::Null) => format!("{kinds} from {min} on"),
        (min, max) => format!("{kinds} from {min} to {max}"),
    }
}

fn shown(text: &str) -> String {
    let mut short: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN_MAX).collect();
    if text.chars().nth(SHOWN_MAX).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tools::TOOLS;
    use super::*;

    fn told(tool: &str, input: Value) -> String {
        let tool = TOOLS.iter().find(|t| t.name == tool).unwrap();
        let said = check(tool, input.as_object().unwrap()).err().unwrap_or_default();
        said.strip_prefix("this input does not fit the tool: ").unwrap_or(&said).to_owned()
    }

    #[test]
    fn the_field_is_named_with_what_was_given_and_what_is_allowed() {
        for (tool, input, expected) in [
            ("progress", json!({"percent": 40}), ""),
            ("progress", json!({"percent": 40.5, "text": null}), ""),
            ("progress", json!({"percent": "40"}), "`percent` must be a number from 0 to 100, not \"40\""),
            ("progress", json!({"percent": 101}), "`percent` must be a number from 0 to 100, not 101"),
            ("progress", json!({}), "`percent` is missing, a number from 0 to 100"),
            ("progress", json!({"percent": 1, "txet": "a"}), "there is no `txet`: `progress` takes `percent`, `text`"),
            ("task", json!({"id": "a"}), "there is no `id`: `task` takes nothing"),
            ("answer", json!({"question": 1.5}), "`question` must be a whole number from 1 on, not 1.5"),
            ("note", json!({"task": 7}), "`text` is missing, text; `task` must be text, not 7"),
            ("lock", json!({"name": "a", "lease_seconds": 0}), "`lease_seconds` must be a whole number from 1 to 7200, not 0"),
            ("set_value", json!({"name": "a", "value": null, "if_version": 0}), ""),
            ("set_value", json!({"name": "a", "value": 3}), "`value` must be text or null, not 3"),
            ("set_value", json!({"name": "a"}), "`value` is missing, text or null"),
        ] {
            assert_eq!(told(tool, input.clone()), expected, "{tool} {input}");
        }
        assert!(told("ask", json!({"question": ["x".repeat(1_000)]})).len() < 120);
    }
}
