//! A JSON array of `{id, description, title?, …}` with the group's marker in the description. Knows no other shape.

use super::context::Context;
use super::draft::{Draft, Grouping};
use super::foreign::{Ignored, as_texts, is_blank, put, renamed};
use super::marker;
use super::model::Plan;
use super::native::{TASK_KEYS, check_id, task};
use super::node::{Node, Table, Value};
use super::tick::Tick;
use crate::ids::GroupId;

/// Longest title that is made of a description, in characters.
const TITLE_CHARS_MAX: usize = 100;

/// Reads the array.
pub(super) fn draft(ctx: &mut Context<'_>, node: &Node, id: &str) -> Option<Draft> {
    let Some(list) = node.list() else {
        ctx.error(&node.span, format!("the plan must be a list of tasks, not {}", node.kind()));
        return None;
    };
    if list.is_empty() {
        ctx.error_hint(
            &node.span,
            "the plan has no tasks",
            "a task is an object such as {\"id\": \"1\", \"description\": \"[P:Group-A] Add the parser\"}",
        );
        return None;
    }
    let mut draft = Draft::new(Plan::new(id), Grouping::Sequential);
    let mut ignored = Ignored::default();
    for (index, item) in list.iter().enumerate() {
        let Some(fields) = item.table() else {
            ctx.error(&item.span, format!("a task must be an object, not {}", item.kind()));
            continue;
        };
        let mut native = Table::default();
        let mut ticked = false;
        for entry in fields.entries.iter().filter(|e| e.key == "id" || !is_blank(&e.node)) {
            let value = &entry.node.value;
            match entry.key.as_str() {
                "id" => native.entries.push(renamed(entry, "id", as_texts(value))),
                "description" | "prompt" | "details" => put(&mut native, renamed(entry, "prompt", value.clone())),
                "dependencies" | "depends" | "dependsOn" | "depends_on" => put(&mut native, renamed(entry, "depends", as_texts(value))),
                "subagent_type" | "role" => put(&mut native, renamed(entry, "role", value.clone())),
                "applicable_skills" | "skills" => put(&mut native, renamed(entry, "skills", value.clone())),
                "done" | "completed" | "passes" => ticked |= *value == Value::Bool(true),
                "status" => ticked |= matches!(entry.node.text(), Some("done" | "completed" | "closed")),
                key if TASK_KEYS.contains(&key) => put(&mut native, renamed(entry, key, value.clone())),
                _ => ignored.keep(&mut native, entry),
            }
        }
        let (mut task, mut places) =
            task(ctx, &native, None, &item.span, index, &|_| Err(String::from("a list of tasks has no prompt files")));
        for field in ["prompt", "title"] {
            let Some(text) = native.get(field) else { continue };
            let own = if field == "title" { &mut task.title } else { &mut task.prompt };
            match marker::find(own) {
                Ok(marker) => {
                    *own = marker::without(own, marker.as_ref());
                    let name = marker.map(|m| GroupId::from(m.name));
                    if task.group.is_some() && name.is_some() && task.group != name {
                        ctx.error(&text.span, format!("task `{}`: a task can be in one group only", task.id));
                    } else if let Some(name) = name {
                        check_id(ctx, "group", name.as_str(), &text.span);
                        task.group = Some(name);
                        places.group = Some(text.span.clone());
                    }
                }
                Err((_, why)) => ctx.error_hint(&text.span, format!("task `{}`: {why}", task.id), "write it as `[P:Group-NAME]`"),
            }
        }
        if native.get("title").is_none()
            && let Some(line) = task.prompt.lines().find(|l| !l.trim().is_empty())
        {
            task.title = clipped(line.trim());
        }
        task.ticked = ticked;
        places.tick = tick(ctx.text, fields);
        draft.push(task, places);
    }
    ignored.report(ctx);
    Some(draft)
}

/// In the field that is there, else as `done`.
fn tick(text: &str, fields: &Table) -> Option<Tick> {
    let is_truth = |key: &&str| fields.get(key).is_some_and(|n| matches!(n.value, Value::Bool(_)));
    if fields.get("status").is_some_and(|n| n.text().is_some()) {
        return Tick::json(text, fields, "status", &[], "\"done\"", "\"pending\"");
    }
    let key = ["done", "completed", "passes"].into_iter().find(|k| is_truth(k)).unwrap_or("done");
    Tick::json(text, fields, key, &["id", "title"], "true", "false")
}

fn clipped(line: &str) -> String {
    match line.char_indices().nth(TITLE_CHARS_MAX) {
        Some((at, _)) => format!("{}…", line[..at].trim_end()),
        None => String::from(line),
    }
}
