//! The issues of beads: lines of `issues.jsonl`, or what `bd … --json` prints. Starts nothing, and tells nobody.
//!
//! An epic stands for the issues below it. What is put off is left out, and so is what waits for it.

use std::collections::{BTreeMap, BTreeSet};

use super::context::{Context, Span};
use super::diagnostic::Severity;
use super::draft::{Draft, Grouping};
use super::foreign::{Ignored, Sections, described, is_blank, keep, list_entry, put, renamed, span_of, text_entry, texts};
use super::model::{Group, Plan};
use super::native::task;
use super::node::{Entry, Node, Table, Value};
use super::outline::{self, Line};
use super::tick::{Edit, NOW, Tick, json_insert, json_remove, json_text};
use crate::ids::GroupId;
use crate::tracker::Issue as Tracked;

/// The types of a dependency that one waits for.
const BLOCKING: [&str; 3] = ["blocks", "conditional-blocks", "waits-for"];
/// That one is below an epic, or waits for an issue that is none.
const PARENT: &str = "parent-child";
/// Kept out of the plan without a word: times and counts that say nothing of the work.
const PASSING: [&str; 14] = [
    "created_at",
    "updated_at",
    "closed_at",
    "started_at",
    "close_reason",
    "content_hash",
    "source_repo",
    "compaction_level",
    "original_size",
    "dependency_count",
    "dependent_count",
    "comment_count",
    "dependents",
    "_type",
];

/// The issues of a whole JSON text: a list, one issue, or either in an envelope.
pub(super) fn issues(ctx: &mut Context<'_>, node: &Node) -> Option<Vec<Node>> {
    match &node.value {
        Value::List(list) => Some(list.clone()),
        Value::Table(table) => match table.get("data").or_else(|| table.get("issues")) {
            Some(data) if table.get("id").is_none() => issues(ctx, data),
            _ => Some(vec![node.clone()]),
        },
        _ => {
            ctx.error(&node.span, format!("issues must be a list of objects, not {}", node.kind()));
            None
        }
    }
}

struct Issue {
    line: Line,
    native: Table,
    span: Span,
    group: Option<(String, Span)>,
    /// What it is below of.
    above: Vec<(String, Span)>,
    epic: bool,
    tick: Option<Tick>,
}

/// Reads the issues.
pub(super) fn draft(ctx: &mut Context<'_>, nodes: &[Node], id: &str) -> Option<Draft> {
    let mut ignored = Ignored::default();
    let mut found: Vec<Issue> = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        let Some(fields) = node.table() else {
            ctx.error(&node.span, format!("an issue must be an object, not {}", node.kind()));
            continue;
        };
        // Memories, agents and the like are no work.
        if fields.get("_type").and_then(Node::text).is_some_and(|t| t != "issue") || is_tombstone(fields) {
            continue;
        }
        found.push(issue(ctx, fields, &node.span, index, &mut ignored));
    }
    parents(&mut found);
    unknown(ctx, &mut found);
    let lines: Vec<Line> = found.iter().map(|i| i.line.clone()).collect();
    let resolved = outline::resolve(ctx, &lines);
    let mut draft = Draft::new(Plan::new(id), Grouping::Named);
    for (index, (issue, depends)) in found.into_iter().zip(resolved).enumerate() {
        let Some(depends) = depends else { continue };
        let mut native = issue.native;
        put(&mut native, list_entry("depends", depends, &issue.line.span));
        let (mut task, mut places) = task(ctx, &native, None, &issue.span, index, &|_| Err(String::from("issues have no prompt files")));
        task.ticked = issue.line.done;
        places.tick = issue.tick;
        if let Some((group, span)) = issue.group {
            task.group = Some(GroupId::from(group));
            places.group = Some(span);
        }
        draft.push(task, places);
    }
    if !nodes.is_empty() && draft.plan.tasks.is_empty() && !ctx.has_errors() {
        let hint = "an issue is work where its status is open, in_progress or blocked";
        ctx.whole_file(Severity::Error, "none of the issues is work to do", Some(String::from(hint)));
        return None;
    }
    order_groups(&mut draft);
    ignored.report(ctx);
    Some(draft)
}

/// Deleted, but kept for those who have a copy.
fn is_tombstone(fields: &Table) -> bool {
    fields.get("status").and_then(Node::text) == Some("tombstone")
}

fn issue(ctx: &mut Context<'_>, fields: &Table, span: &Span, index: usize, ignored: &mut Ignored) -> Issue {
    let head = span.start..span.start + 1;
    let (id, id_span) = match fields.entry("id").filter(|e| !is_blank(&e.node)) {
        Some(entry) => (described(&entry.node), entry.node.span.clone()),
        None => {
            ctx.error_hint(&head, format!("issue {} has no id", index + 1), "give it an `id` such as `bd-a1b2`");
            (format!("#{}", index + 1), head)
        }
    };
    let mut native = Table::default();
    put(&mut native, text_entry("id", id.clone(), &id_span));
    if let Ok(issue) = Tracked::parse(&format!("beads:{id}")) {
        put(&mut native, text_entry("issue", issue.to_string(), &id_span));
    }
    let line = Line { id, span: id_span, parent: None, container: false, done: false, left_out: None, depends: Vec::new() };
    let mut issue = Issue { line, native, span: span.clone(), group: None, above: Vec::new(), epic: false, tick: tick(ctx.text, fields) };
    let mut sections = Sections::default();
    for entry in fields.entries.iter().filter(|e| !is_blank(&e.node)) {
        match entry.key.as_str() {
            "id" => {}
            "title" => put(&mut issue.native, renamed(entry, "title", entry.node.value.clone())),
            "description" => sections.plain(&described(&entry.node)),
            "design" => sections.add("Design", &described(&entry.node)),
            "notes" => sections.add("Notes", &described(&entry.node)),
            "acceptance_criteria" => put(&mut issue.native, list_entry("criteria", criteria(&entry.node), &entry.key_span)),
            "status" => status(ctx, &mut issue.line, entry),
            "priority" => put(&mut issue.native, renamed(entry, "priority", priority(&entry.node))),
            "issue_type" | "type" => {
                issue.epic = matches!(entry.node.text(), Some("epic" | "molecule"));
                keep(&mut issue.native, "issue_type", described(&entry.node), &entry.key_span);
            }
            "estimated_minutes" => {
                if let Some(time) = span_of(&entry.node, 60.0) {
                    put(&mut issue.native, text_entry("estimate", format!("{}s", time.as_secs()), &entry.node.span));
                }
            }
            "assignee" | "owner" | "created_by" | "external_ref" => {
                keep(&mut issue.native, &entry.key, described(&entry.node), &entry.key_span)
            }
            "labels" => labels(ctx, &mut issue, entry),
            "metadata" => metadata(&mut issue.native, entry, ignored),
            "dependencies" => dependencies(ctx, &mut issue, entry),
            "parent" => issue.above.extend(texts(ctx, entry)),
            key if PASSING.contains(&key) => {}
            _ => ignored.keep(&mut issue.native, entry),
        }
    }
    sections.into_prompt(&mut issue.native, span);
    issue
}

/// Its status, and the times that go with it: `bd` wants to know of a closed issue when it was closed, and takes the younger of two.
fn tick(text: &str, fields: &Table) -> Option<Tick> {
    let now = json_text(NOW);
    let mut tick = Tick::json(text, fields, "status", &["description", "title", "id"], "\"closed\"", "\"open\"")?;
    if let Some(entry) = fields.entry("updated_at") {
        tick = tick.and(Tick::either(entry.node.span.clone(), now.clone(), now.clone()));
    }
    match fields.entry("closed_at") {
        Some(entry) => tick.done.push(Edit { span: entry.node.span.clone(), text: now }),
        None => tick.done.extend(json_insert(text, fields, "closed_at", &["updated_at", "created_at"], &now)),
    }
    tick.open.extend(json_remove(fields, "closed_at"));
    Some(tick)
}

/// A text of lines, or a list.
fn criteria(node: &Node) -> Vec<(String, Span)> {
    match &node.value {
        Value::List(list) => list.iter().map(|n| (described(n), n.span.clone())).filter(|(t, _)| !t.is_empty()).collect(),
        _ => {
            let text = described(node);
            let bare = |line: &str| {
                let item = super::scan::item_text(line.trim()).unwrap_or(line.trim());
                String::from(["[ ] ", "[x] ", "[X] "].iter().find_map(|m| item.strip_prefix(m)).unwrap_or(item).trim())
            };
            text.lines().map(bare).filter(|l| !l.is_empty()).map(|l| (l, node.span.clone())).collect()
        }
    }
}

/// Numbers as they are; `P1` is 1.
fn priority(node: &Node) -> Value {
    let word = node.text().and_then(|t| t.trim().trim_start_matches(['P', 'p']).parse().ok());
    word.map_or_else(|| node.value.clone(), Value::Int)
}

fn status(ctx: &mut Context<'_>, line: &mut Line, entry: &Entry) {
    match described(&entry.node).as_str() {
        "open" | "blocked" => {}
        "closed" => line.done = true,
        "in_progress" => {
            let message = format!("`{}` is in progress already, and is done from its start here", line.id);
            let hint = "close it, or give it to somebody, if it is not Greenlane's to do";
            ctx.push(Severity::Warning, &entry.node.span, message, Some(String::from(hint)));
        }
        // Put off, kept in view, on somebody's hook, or a status of the user's own: not work to be taken.
        other => line.left_out = Some(format!("is `{}`", other.escape_debug())),
    }
}

fn labels(ctx: &mut Context<'_>, issue: &mut Issue, entry: &Entry) {
    let mut others = Vec::new();
    for (label, span) in texts(ctx, entry) {
        let Some(name) = label.strip_prefix("parallel:") else {
            others.push(label);
            continue;
        };
        let prefixed = name.get(..6).is_some_and(|p| p.eq_ignore_ascii_case("group-"));
        let name = if prefixed { &name[6..] } else { name };
        if name.trim().is_empty() {
            ctx.error_hint(&span, format!("the label `{label}` names no group"), "write it as `parallel:Group-NAME`");
        } else if issue.group.as_ref().is_some_and(|(other, _)| other != name) {
            ctx.error(&span, format!("`{}`: an issue can be in one group only", issue.line.id));
        } else {
            super::native::check_id(ctx, "group", name, &span);
            issue.group = Some((String::from(name), span));
        }
    }
    keep(&mut issue.native, "labels", others.join(", "), &entry.key_span);
}

/// What Maestro has there is ours, the rest is kept.
fn metadata(native: &mut Table, entry: &Entry, ignored: &mut Ignored) {
    let Some(table) = entry.node.table() else {
        ignored.keep(native, entry);
        return;
    };
    for field in table.entries.iter().filter(|e| !is_blank(&e.node)) {
        match field.key.as_str() {
            "subagent_type" => put(native, renamed(field, "role", field.node.value.clone())),
            "fallback_agents" => put(native, renamed(field, "fallbacks", field.node.value.clone())),
            "applicable_skills" => put(native, renamed(field, "skills", field.node.value.clone())),
            "owns" | "check" | "agent" | "run" => put(native, renamed(field, &field.key, field.node.value.clone())),
            _ => ignored.keep(native, field),
        }
    }
}

/// `{depends_on_id, type}`, whole issues with `dependency_type`, or ids.
fn dependencies(ctx: &mut Context<'_>, issue: &mut Issue, entry: &Entry) {
    let Some(list) = entry.node.list() else {
        ctx.error(&entry.node.span, format!("`dependencies` must be a list, not {}", entry.node.kind()));
        return;
    };
    for node in list {
        let Some(fields) = node.table() else {
            match node.text() {
                Some(id) => issue.line.depends.push((String::from(id), node.span.clone())),
                None => ctx.error(&node.span, format!("a dependency must be an object, not {}", node.kind())),
            }
            continue;
        };
        let target = fields.get("depends_on_id").or_else(|| fields.get("id")).filter(|n| !is_blank(n));
        let Some(target) = target else {
            let message = format!("a dependency of `{}` has no `depends_on_id`, and is passed over", issue.line.id);
            ctx.push(Severity::Warning, &node.span, message, Some(String::from("name the issue that it waits for")));
            continue;
        };
        if fields.get("issue_id").map(described).is_some_and(|own| own != issue.line.id) {
            ctx.error(&node.span, format!("the dependency belongs to another issue than `{}`", issue.line.id));
            continue;
        }
        let kind = fields.get("type").or_else(|| fields.get("dependency_type")).map_or_else(|| String::from("blocks"), described);
        // `bd ready` and `bd show` tell of issues that are not in their list.
        if is_tombstone(fields) || fields.get("status").and_then(Node::text) == Some("closed") {
            continue;
        }
        let target = (described(target), target.span.clone());
        if kind == PARENT {
            issue.above.push(target);
        } else if BLOCKING.contains(&kind.as_str()) {
            issue.line.depends.push(target);
        }
    }
}

/// An export may name issues that were deleted, or that live in another store. What is done waited for them long ago; for the rest it is
/// told, as nobody here can say whether they are done.
fn unknown(ctx: &mut Context<'_>, found: &mut [Issue]) {
    let ids: BTreeSet<String> = found.iter().map(|i| i.line.id.clone()).collect();
    for issue in found {
        let (id, done) = (issue.line.id.clone(), issue.line.done);
        issue.line.depends.retain(|(target, span)| {
            let known = ids.contains(target);
            if !known && !done {
                let message = format!("`{id}` waits for `{target}`, which is none of the issues, and is not waited for");
                let hint = String::from("name all of the issues, or the folder .beads, if it is still open");
                ctx.push(Severity::Warning, span, message, Some(hint));
            }
            known
        });
    }
}

/// What is below an epic belongs to it; what is below another issue waits for it.
fn parents(found: &mut [Issue]) {
    let index: BTreeMap<String, usize> = found.iter().enumerate().rev().map(|(i, issue)| (issue.line.id.clone(), i)).collect();
    for number in 0..found.len() {
        for (id, span) in std::mem::take(&mut found[number].above) {
            match index.get(&id).copied() {
                Some(above) if found[above].epic => {
                    found[number].line.parent = Some(above);
                    found[above].line.container = true;
                }
                // A parent that is not among the issues was not asked for.
                None => {}
                Some(_) => found[number].line.depends.push((id, span)),
            }
        }
    }
    // An epic that is done is done with all of its issues, or they would be open.
    for epic in found.iter_mut().filter(|i| i.line.container && i.line.done) {
        epic.line.depends.clear();
    }
}

/// The order of lines in an export says nothing: a group whose issues wait for another group's comes after it.
fn order_groups(draft: &mut Draft) {
    // Groups by number, as they appear; the first spelling of a name counts.
    let mut names: Vec<GroupId> = Vec::new();
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    let mut of_task: BTreeMap<&str, usize> = BTreeMap::new();
    for task in &draft.plan.tasks {
        let Some(group) = &task.group else { continue };
        let number = *numbers.entry(group.as_str().to_lowercase()).or_insert(names.len());
        if number == names.len() {
            names.push(group.clone());
        }
        of_task.insert(task.id.as_str(), number);
    }
    let mut waits: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); names.len()];
    let mut leads: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); names.len()];
    for task in &draft.plan.tasks {
        let Some(own) = of_task.get(task.id.as_str()) else { continue };
        for other in task.depends.iter().filter_map(|d| of_task.get(d.as_str())).filter(|g| *g != own) {
            waits[*own].insert(*other);
            leads[*other].insert(*own);
        }
    }
    let mut left: BTreeSet<usize> = (0..names.len()).collect();
    let mut ready: BTreeSet<usize> = left.iter().copied().filter(|g| waits[*g].is_empty()).collect();
    let mut groups = Vec::with_capacity(names.len());
    // Where groups wait for each other in a circle, the first in the file goes first; the check of all dependencies tells it.
    while let Some(next) = ready.pop_first().or_else(|| left.first().copied()) {
        left.remove(&next);
        groups.push(names[next].clone());
        for after in &leads[next] {
            waits[*after].remove(&next);
            if waits[*after].is_empty() && left.contains(after) {
                ready.insert(*after);
            }
        }
    }
    draft.plan.groups = groups.into_iter().zip(0..).map(|(id, stage)| Group::new(id, stage)).collect();
}
