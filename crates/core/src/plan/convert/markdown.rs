//! A plan as front matter and a list of tasks. What cannot stand there is written nevertheless; the reader finds it out.

use super::super::markdown::leading_id;
use super::super::marker;
use super::syntax::json_value;
use super::{Keys, Plan, Task, Val, task_keys};

/// Front matter, a title, and an item for each task.
pub(super) fn write(plan_keys: &Keys, plan: &Plan) -> String {
    let mut out = String::from("---\n");
    for (key, value) in plan_keys {
        out.push_str(&format!("{key}: {}\n", json_value(value)));
    }
    out.push_str("---\n\n");
    for task in &plan.tasks {
        item(&mut out, task);
    }
    out
}

fn item(out: &mut String, task: &Task) {
    let mut keys = task_keys(task);
    keys.retain(|(key, _)| *key != "ticked");
    out.push_str(if task.ticked { "- [x] " } else { "- [ ] " });
    let group = task.group.as_ref().map(|g| g.as_str()).filter(|name| {
        let marker = format!("[P:Group-{name}]");
        matches!(marker::find(&marker), Ok(Some(m)) if m.name == *name)
    });
    if let Some(name) = group {
        out.push_str(&format!("[P:Group-{name}] "));
        keys.retain(|(key, _)| *key != "group");
    }
    let (id, title) = (task.id.as_str(), task.title.as_str());
    let plain =
        !title.contains("<!--") && !title.chars().any(char::is_control) && title.trim() == title && matches!(marker::find(title), Ok(None));
    let line = format!("{id} {title}");
    if plain && leading_id(&line) == (Some(id), title) && !title.is_empty() {
        out.push_str(&line);
        keys.retain(|(key, _)| *key != "id" && *key != "title");
    } else if plain && leading_id(title).0.is_none() && !title.is_empty() {
        out.push_str(title);
        keys.retain(|(key, _)| *key != "title");
    } else {
        out.push_str("Task");
    }
    out.push('\n');
    let prompt = keys.iter().position(|(key, _)| *key == "prompt").map(|at| keys.remove(at));
    for (key, value) in &keys {
        nested(out, key, value);
    }
    if let Some((_, Val::Text(text))) = prompt {
        out.push_str("  - prompt: |\n");
        for line in text.lines() {
            let indent = if line.trim().is_empty() { "" } else { "      " };
            out.push_str(&format!("{indent}{line}\n"));
        }
    }
}

/// Keys whose values are divided at commas.
const DIVIDED: [&str; 5] = ["depends", "owns", "candidates", "fallbacks", "skills"];

fn nested(out: &mut String, key: &str, value: &Val) {
    match value {
        Val::Text(text) => out.push_str(&format!("  - {key}: {text}\n")),
        Val::Int(n) => out.push_str(&format!("  - {key}: {n}\n")),
        Val::Bool(b) => out.push_str(&format!("  - {key}: {b}\n")),
        Val::List(list) if DIVIDED.contains(&key) => {
            out.push_str(&format!("  - {key}: {}\n", list.iter().map(|t| undivided(t)).collect::<Vec<_>>().join(", ")));
        }
        Val::List(list) => match list.as_slice() {
            [one] => out.push_str(&format!("  - {key}: {one}\n")),
            many => {
                out.push_str(&format!("  - {key}:\n"));
                many.iter().for_each(|one| out.push_str(&format!("    - {one}\n")));
            }
        },
        // Only the plan has such, in its front matter.
        Val::Tables(_) => {}
        Val::Map(map) => {
            out.push_str(&format!("  - {key}:\n"));
            map.iter().for_each(|(name, value)| out.push_str(&format!("    - {name}={value}\n")));
        }
    }
}

/// In quotes where a comma would divide it, or quotes or brackets would be taken for more than text.
fn undivided(text: &str) -> String {
    if !text.contains(',') && !text.starts_with(['"', '\'', '[', '`']) && !text.ends_with(['"', '\'', ']', '`']) {
        return String::from(text);
    }
    let quote = if text.contains('"') { '\'' } else { '"' };
    format!("{quote}{text}{quote}")
}
