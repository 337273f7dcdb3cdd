//! task-master's `tasks.json`: tags, tasks and subtasks. Knows nothing of its other files but the one that names the current tag.
//!
//! A task with subtasks stands for them: they get its dependencies, and whoever waits for it waits for all of them.

use std::collections::{BTreeMap, BTreeSet};

use super::context::{Context, Span};
use super::diagnostic::Severity;
use super::draft::{Draft, Grouping};
use super::foreign::{Ignored, Sections, described, is_blank, list_entry, put, renamed, text_entry, texts};
use super::model::Plan;
use super::native::{Files, task};
use super::node::{Entry, Node, Table, Value};
use super::outline::{self, Line};
use super::suggest::closest;
use super::tick::Tick;

/// What only task-master's tasks have.
const TELLING: [&str; 3] = ["subtasks", "testStrategy", "details"];
/// The tag that is there from the beginning.
const TAG_DEFAULT: &str = "master";

/// Whether the keys are those of such a file.
pub(super) fn is_document(top: &Table) -> bool {
    let telling = |node: &Node| {
        node.list().is_some_and(|tasks| {
            tasks.iter().filter_map(Node::table).any(|t| {
                let has = |key: &str| t.get(key).is_some();
                TELLING.iter().any(|k| has(k)) || (has("status") && has("dependencies"))
            })
        })
    };
    match top.get("tasks") {
        Some(tasks) => telling(tasks),
        None => top.entries.iter().any(|e| e.node.table().and_then(|t| t.get("tasks")).is_some_and(|n| n.list().is_some())),
    }
}

/// Reads the file's current tag.
pub(super) fn draft(ctx: &mut Context<'_>, node: &Node, id: &str, files: Files<'_>) -> Option<Draft> {
    let Some(top) = node.table() else {
        ctx.error(&node.span, format!("a tasks.json must be an object, not {}", node.kind()));
        return None;
    };
    let mut ignored = Ignored::default();
    let mut plan = Plan::new(id);
    let tasks = if let Some(entry) = top.entry("tasks") {
        top.entries.iter().filter(|e| e.key != "tasks" && e.key != "metadata").for_each(|e| ignored.keep_in_plan(&mut plan, e));
        entry
    } else {
        let tag = tag(ctx, top, files)?;
        if tag.key != TAG_DEFAULT && !tag.key.trim().is_empty() {
            super::native::check_plan_id(ctx, &tag.key, &tag.key_span);
            plan = Plan::new(tag.key.as_str());
        }
        tag.node.table().and_then(|t| t.entry("tasks"))?
    };
    let Some(list) = tasks.node.list() else {
        ctx.error(&tasks.key_span, format!("`tasks` must be a list, not {}", tasks.node.kind()));
        return None;
    };
    let mut items = Vec::new();
    for (index, node) in list.iter().enumerate() {
        let number = items.len();
        let Some(fields) = item(ctx, node, index, None, &mut items, &mut ignored) else { continue };
        let Some(entry) = fields.entry("subtasks").filter(|e| !is_blank(&e.node)) else { continue };
        match entry.node.list() {
            Some(subtasks) => {
                items[number].line.container = true;
                for (index, subtask) in subtasks.iter().enumerate() {
                    item(ctx, subtask, index, Some(number), &mut items, &mut ignored);
                }
            }
            None => ctx.error(&entry.key_span, format!("`subtasks` must be a list, not {}", entry.node.kind())),
        }
    }
    siblings(&mut items);
    let lines: Vec<Line> = items.iter().map(|i| i.line.clone()).collect();
    let resolved = outline::resolve(ctx, &lines);
    let mut draft = Draft::new(plan, Grouping::Named);
    let ticks: Vec<Option<Tick>> = items.iter().map(|i| i.tick.clone()).collect();
    let mut of_line = BTreeMap::new();
    for (index, (item, depends)) in items.into_iter().zip(resolved).enumerate() {
        let Some(depends) = depends else { continue };
        let mut native = item.native;
        put(&mut native, list_entry("depends", depends, &item.line.span));
        let (mut task, mut places) = task(ctx, &native, None, &item.span, index, &|_| Err(String::from("tasks.json has no prompt files")));
        task.ticked = item.line.done;
        places.tick = item.tick;
        of_line.insert(index, draft.plan.tasks.len());
        draft.push(task, places);
    }
    draft.wholes = outline::wholes(&lines, &of_line, |line| ticks[line].clone());
    ignored.report(ctx);
    Some(draft)
}

/// The tag that is current, by `.taskmaster/state.json`; else the only one, or `master`.
fn tag<'t>(ctx: &mut Context<'_>, top: &'t Table, files: Files<'_>) -> Option<&'t Entry> {
    let tags: Vec<&Entry> = top.entries.iter().filter(|e| e.node.table().is_some_and(|t| t.get("tasks").is_some())).collect();
    let current = files("../state.json").ok().and_then(|text| {
        let state: serde_json::Value = serde_json::from_str(&text).ok()?;
        Some(String::from(state.get("currentTag")?.as_str()?))
    });
    let named = |name: &str| tags.iter().copied().find(|t| t.key == name);
    let first = tags.first().copied();
    let (chosen, why) = match (&current, tags.len()) {
        (Some(name), _) => {
            let Some(tag) = named(name) else {
                let near = closest(name, tags.iter().map(|t| t.key.as_str())).map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
                let hint = format!("change `currentTag` in .taskmaster/state.json{near}");
                ctx.error_hint(&(0..1), format!("the current tag `{name}` is not in the file"), hint);
                return None;
            };
            (tag, "it is the current one")
        }
        (None, 0) => {
            ctx.error_hint(&(0..1), "no tag of the file has `tasks`", "a tag is an object such as {\"master\": {\"tasks\": [{…}]}}");
            return None;
        }
        (None, 1) => return first,
        (None, _) => match named(TAG_DEFAULT) {
            Some(tag) => (tag, "nothing says which one is current"),
            None => {
                let names: Vec<&str> = tags.iter().map(|t| t.key.as_str()).collect();
                ctx.error_hint(
                    &(0..1),
                    format!("the file has {} tags, and nothing says which one is current", names.len()),
                    format!("name one of {} as `currentTag` in .taskmaster/state.json", names.join(", ")),
                );
                return None;
            }
        },
    };
    if tags.len() > 1 {
        let others: Vec<&str> = tags.iter().map(|t| t.key.as_str()).filter(|k| *k != chosen.key).collect();
        let message = format!("the tag `{}` is read, as {why}; not {}", chosen.key, others.join(", "));
        ctx.push(Severity::Note, &chosen.key_span, message, None);
    }
    Some(chosen)
}

struct Item {
    line: Line,
    native: Table,
    span: Span,
    tick: Option<Tick>,
}

/// Reads a task or a subtask; its line's dependencies are as they stand there.
fn item<'n>(
    ctx: &mut Context<'_>,
    node: &'n Node,
    index: usize,
    parent: Option<usize>,
    items: &mut Vec<Item>,
    ignored: &mut Ignored,
) -> Option<&'n Table> {
    let Some(fields) = node.table() else {
        ctx.error(&node.span, format!("a task must be an object, not {}", node.kind()));
        return None;
    };
    let above = parent.map(|p| (items[p].line.id.clone(), items[p].native.get("title").map(described).unwrap_or_default()));
    let head = node.span.start..node.span.start + 1;
    let (id, id_span) = match fields.entry("id").filter(|e| !is_blank(&e.node)) {
        Some(entry) => (described(&entry.node), entry.node.span.clone()),
        None => {
            ctx.error_hint(&head, format!("task {} has no id", index + 1), "give it an `id`, a number");
            (format!("#{}", index + 1), head)
        }
    };
    // A subtask's own number counts among its siblings only.
    let id = match &above {
        Some((parent, _)) if !id.starts_with(&format!("{parent}.")) => format!("{parent}.{id}"),
        _ => id,
    };
    let mut native = Table::default();
    put(&mut native, text_entry("id", id.clone(), &id_span));
    let mut line = Line { id, span: id_span, parent, container: false, done: false, left_out: None, depends: Vec::new() };
    let mut sections = Sections::default();
    for entry in fields.entries.iter().filter(|e| !is_blank(&e.node)) {
        match entry.key.as_str() {
            "id" | "subtasks" | "parentTaskId" | "parentId" => {}
            "title" => put(&mut native, renamed(entry, "title", entry.node.value.clone())),
            "description" => sections.plain(&described(&entry.node)),
            "details" => sections.add("Details", &described(&entry.node)),
            "testStrategy" | "acceptanceCriteria" => criteria(&mut native, entry),
            "relevantFiles" => sections.list("Relevant files", &relevant(&entry.node)),
            "dependencies" => line.depends = texts(ctx, entry),
            "priority" => priority(ctx, &mut native, entry),
            "status" => status(ctx, &mut line, entry),
            _ => ignored.keep(&mut native, entry),
        }
    }
    if let Some((_, title)) = above.filter(|(_, title)| !title.is_empty()) {
        sections.add("Part of", &title);
    }
    sections.into_prompt(&mut native, &node.span);
    let tick = Tick::json(ctx.text, fields, "status", &["description", "title", "id"], "\"done\"", "\"pending\"");
    items.push(Item { line, native, span: node.span.clone(), tick });
    Some(fields)
}

/// What is to be true at the end; each field of it one sentence, or a list.
fn criteria(native: &mut Table, entry: &Entry) {
    let more: Vec<(String, Span)> = match &entry.node.value {
        Value::List(list) => list.iter().map(|n| (described(n), n.span.clone())).filter(|(t, _)| !t.is_empty()).collect(),
        _ => vec![(described(&entry.node), entry.node.span.clone())],
    };
    match native.entries.iter_mut().find(|e| e.key == "criteria") {
        Some(Entry { node: Node { value: Value::List(list), .. }, .. }) => {
            list.extend(more.into_iter().map(|(text, span)| Node { span, value: Value::Text(text) }));
        }
        _ => put(native, list_entry("criteria", more, &entry.key_span)),
    }
}

/// `path (modify): why`. They are no ownership: other files may have to change, too.
fn relevant(node: &Node) -> Vec<String> {
    let one = |n: &Node| match n.table() {
        Some(t) => {
            let field = |key: &str| t.get(key).map(described).unwrap_or_default();
            let (action, why) = (field("action"), field("description"));
            let action = if action.is_empty() { action } else { format!(" ({action})") };
            let why = if why.is_empty() { why } else { format!(": {why}") };
            format!("{}{action}{why}", field("path"))
        }
        None => described(n),
    };
    node.list().map_or_else(|| vec![one(node)], |list| list.iter().map(one).collect())
}

fn priority(ctx: &mut Context<'_>, native: &mut Table, entry: &Entry) {
    const WORDS: [&str; 4] = ["critical", "high", "medium", "low"];
    let word = described(&entry.node);
    match WORDS.iter().position(|w| word.eq_ignore_ascii_case(w)).and_then(|p| i64::try_from(p).ok()) {
        Some(p) => put(native, renamed(entry, "priority", Value::Int(p))),
        None => {
            let hint = format!("write one of {}", WORDS.join(", "));
            ctx.error_hint(&entry.node.span, format!("`priority`: there is no `{word}`"), hint);
        }
    }
}

fn status(ctx: &mut Context<'_>, line: &mut Line, entry: &Entry) {
    const WORDS: [&str; 8] = ["pending", "in-progress", "done", "completed", "deferred", "cancelled", "blocked", "review"];
    let word = described(&entry.node);
    match word.to_lowercase().replace('_', "-").as_str() {
        "pending" | "blocked" => {}
        "in-progress" | "review" => {
            let hint = "set it to `done` if there is nothing left to do";
            let message = format!("`{}` is `{word}` already, and is done from its start here", line.id);
            ctx.push(Severity::Warning, &entry.node.span, message, Some(String::from(hint)));
        }
        "done" | "completed" => line.done = true,
        "deferred" => line.left_out = Some(String::from("is deferred")),
        "cancelled" | "canceled" => line.left_out = Some(String::from("is cancelled")),
        _ => {
            let near = closest(&word, WORDS);
            let hint = near.map_or_else(|| format!("there are {}", WORDS.join(", ")), |n| format!("did you mean `{n}`?"));
            ctx.error_hint(&entry.node.span, format!("`status`: there is no `{word}`"), hint);
        }
    }
}

/// A subtask's `2` is its sibling where there is one, else the main task. A task that is done is done with all of its subtasks.
fn siblings(items: &mut [Item]) {
    let ids: BTreeSet<String> = items.iter().map(|i| i.line.id.clone()).collect();
    for number in 0..items.len() {
        let Some(parent) = items[number].line.parent else { continue };
        let (above, done, left_out) = (items[parent].line.id.clone(), items[parent].line.done, items[parent].line.left_out.clone());
        let line = &mut items[number].line;
        line.done |= done;
        line.left_out = line.left_out.take().or(left_out);
        let priority = items[parent].native.entry("priority").cloned();
        let line = &mut items[number].line;
        for (id, _) in &mut line.depends {
            let sibling = format!("{above}.{id}");
            if ids.contains(&sibling) {
                *id = sibling;
            }
        }
        if let Some(priority) = priority {
            put(&mut items[number].native, priority);
        }
    }
}
