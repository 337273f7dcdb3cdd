//! `prd.json` in three dialects: snarktank, ralph-tui and claude-loop. Their keys do not contradict each other, so one reader takes all.

use std::collections::BTreeMap;
use std::time::Duration;

use super::branch::check_branch;
use super::context::Context;
use super::diagnostic::Severity;
use super::draft::{Draft, Grouping};
use super::foreign::{Ignored, as_texts, described, is_blank, put, renamed, span_of};
use super::model::{Group, PRIORITY_DEFAULT, Plan};
use super::native::{check_id, check_plan_id, task};
use super::node::{Entry, Node, Table, Value};
use super::suggest::{HINTS_MAX, closest};
use super::tick::Tick;
use crate::ids::{GroupId, PlanId};

/// What claude-loop's `estimatedComplexity` is worth where no hours are given: it orders and predicts, nothing else.
const COMPLEXITY: [(&str, u64); 3] = [("simple", 600), ("medium", 1800), ("complex", 3600)];

/// Under which keys the stories stand.
const LISTS: [&str; 3] = ["userStories", "stories", "tasks"];

/// Whether a document with `tasks` is a PRD all the same: a task of it has what only stories have.
pub(super) fn has_stories(top: &Table) -> bool {
    let telling = |t: &Table| ["acceptanceCriteria", "acceptance_criteria", "passes"].iter().any(|k| t.get(k).is_some());
    top.get("tasks").and_then(Node::list).is_some_and(|tasks| tasks.iter().filter_map(Node::table).any(telling))
}

/// A story's status, where it has one instead of `passes`.
fn is_done(status: &str) -> bool {
    ["completed", "complete", "done", "passed"].iter().any(|w| status.trim().eq_ignore_ascii_case(w))
}

/// Reads the PRD.
pub(super) fn draft(ctx: &mut Context<'_>, node: &Node, id: &str) -> Option<Draft> {
    let Some(top) = node.table() else {
        ctx.error(&node.span, format!("a prd.json must be an object, not {}", node.kind()));
        return None;
    };
    let Some(stories) = LISTS.iter().find_map(|key| top.entry(key)) else {
        ctx.error(&(node.span.start..node.span.start + 1), "the PRD has no `userStories`");
        return None;
    };
    let mut ignored = Ignored::default();
    let mut draft = Draft::new(header(ctx, top, id, &mut ignored), Grouping::Named);
    let Some(list) = stories.node.list() else {
        ctx.error(&stories.key_span, format!("`{}` must be a list of stories, not {}", stories.key, stories.node.kind()));
        return None;
    };
    let mut priorities = Vec::new();
    for (index, item) in list.iter().enumerate() {
        let Some(fields) = item.table() else {
            ctx.error(&item.span, format!("a story must be an object, not {}", item.kind()));
            continue;
        };
        let story = story(fields, &mut ignored);
        let (mut task, mut places) = task(ctx, &story.native, None, &item.span, index, &|_| Err(String::from("a PRD has no prompt files")));
        task.ticked = story.passes;
        places.tick = if fields.get("passes").is_none() && fields.get("status").is_some_and(|n| n.text().is_some()) {
            Tick::json(ctx.text, fields, "status", &[], "\"completed\"", "\"pending\"")
        } else {
            Tick::json(ctx.text, fields, "passes", &["priority", "acceptanceCriteria", "title", "id"], "true", "false")
        };
        task.estimate = story.estimate;
        priorities.push(story.priority);
        draft.push(task, places);
    }
    for (task, priority) in draft.plan.tasks.iter_mut().zip(ranks(&priorities)) {
        task.priority = priority;
    }
    if let Some(entry) = top.entry("parallelization") {
        parallelization(ctx, &entry.node, &mut draft, &mut ignored);
    }
    ignored.report(ctx);
    Some(draft)
}

fn header(ctx: &mut Context<'_>, top: &Table, id: &str, ignored: &mut Ignored) -> Plan {
    let mut plan = Plan::new(PlanId::from(id));
    let mut name = None;
    for entry in top.entries.iter().filter(|e| !is_blank(&e.node)) {
        match (entry.key.as_str(), entry.node.text()) {
            ("project" | "name", Some(text)) => name = name.or(Some(String::from(text.trim()))),
            ("id" | "prdId", Some(text)) => {
                check_plan_id(ctx, text, &entry.node.span);
                plan.id = PlanId::from(text);
            }
            ("branchName", Some(branch)) => {
                if let Err(why) = check_branch(branch) {
                    ctx.error(&entry.node.span, format!("`{}` cannot be a branch: it {why}", branch.escape_debug()));
                }
                plan.branch = Some(String::from(branch));
            }
            ("branchName", None) => ctx.error(&entry.node.span, format!("`branchName` must be text, not {}", entry.node.kind())),
            ("userStories" | "stories" | "tasks" | "parallelization", _) => {}
            ("description", Some(text)) => drop(plan.extra.insert(entry.key.clone(), String::from(text))),
            _ => ignored.keep_in_plan(&mut plan, entry),
        }
    }
    plan.name = name.unwrap_or_else(|| plan.id.to_string());
    plan
}

struct Story {
    native: Table,
    passes: bool,
    priority: Option<i64>,
    estimate: Option<Duration>,
}

/// A story's fields under the native keys.
fn story(fields: &Table, ignored: &mut Ignored) -> Story {
    let mut out = Story { native: Table::default(), passes: false, priority: None, estimate: None };
    let (mut prompt, mut prompt_entry): (Vec<String>, Option<&Entry>) = (Vec::new(), None);
    for entry in fields.entries.iter().filter(|e| e.key == "id" || !is_blank(&e.node)) {
        let value = &entry.node.value;
        match (entry.key.as_str(), value) {
            ("id", _) => out.native.entries.push(renamed(entry, "id", as_texts(value))),
            ("title", _) => put(&mut out.native, renamed(entry, "title", value.clone())),
            ("description" | "notes" | "context", _) => {
                let text = described(&entry.node);
                prompt.push(if entry.key == "description" { text } else { format!("{}: {text}", capitalised(&entry.key)) });
                prompt_entry = prompt_entry.or(Some(entry));
            }
            ("acceptanceCriteria" | "acceptance_criteria", _) => put(&mut out.native, renamed(entry, "criteria", criteria(&entry.node))),
            ("dependencies" | "dependsOn", _) => put(&mut out.native, renamed(entry, "depends", as_texts(value))),
            ("fileScope", _) => put(&mut out.native, renamed(entry, "owns", value.clone())),
            ("suggestedModel", _) => put(&mut out.native, renamed(entry, "model", value.clone())),
            ("passes", Value::Bool(b)) => out.passes = *b,
            ("status", Value::Text(word)) if fields.get("passes").is_none() => out.passes = is_done(word),
            ("priority", Value::Int(p)) => out.priority = Some(*p),
            ("priority", Value::Text(word)) => {
                let place = ["critical", "high", "medium", "low"].iter().position(|w| word.eq_ignore_ascii_case(w));
                out.priority = place.and_then(|p| i64::try_from(p + 1).ok());
            }
            ("estimatedHours", Value::Int(_) | Value::Float(_)) => {
                // Longer than a year is a slip.
                out.estimate = span_of(&entry.node, 3600.0).or(out.estimate);
            }
            ("estimatedComplexity", Value::Text(word)) => {
                let known = COMPLEXITY.iter().find(|(w, _)| word.eq_ignore_ascii_case(w));
                out.estimate = out.estimate.or(known.map(|(_, seconds)| Duration::from_secs(*seconds)));
            }
            _ => ignored.keep(&mut out.native, entry),
        }
    }
    if let Some(entry) = prompt_entry {
        put(&mut out.native, renamed(entry, "prompt", Value::Text(prompt.join("\n\n"))));
    }
    out
}

fn criteria(node: &Node) -> Value {
    let text = |n: &Node| Some(Node { span: n.span.clone(), value: Value::Text(described(n)) }).filter(|n| !is_blank(n));
    match &node.value {
        Value::List(list) => Value::List(list.iter().filter_map(text).collect()),
        _ => Value::List(text(node).into_iter().collect()),
    }
}

fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or(String::new(), |c| c.to_uppercase().chain(chars).collect())
}

/// Their priorities, of which 1 is first, as ours, of which 0 is first and 4 last. More than five values are spread evenly, so that
/// a story is never put before one that was to be before it.
fn ranks(priorities: &[Option<i64>]) -> Vec<u8> {
    const LEVELS: usize = 5;
    let mut values: Vec<i64> = priorities.iter().flatten().copied().collect();
    values.sort_unstable();
    values.dedup();
    let spread = values.len() > LEVELS;
    let rank = |p: i64| match values.binary_search(&p) {
        Ok(place) if spread => u8::try_from(place * LEVELS / values.len()).unwrap_or(4),
        _ => u8::try_from((p.saturating_sub(1)).clamp(0, 4)).unwrap_or(4),
    };
    priorities.iter().map(|p| p.map_or(PRIORITY_DEFAULT, rank)).collect()
}

/// claude-loop's groups are stages in the order of their list; its workers are our jobs.
fn parallelization(ctx: &mut Context<'_>, node: &Node, draft: &mut Draft, ignored: &mut Ignored) {
    let Some(table) = node.table() else {
        ctx.error(&node.span, format!("`parallelization` must be an object, not {}", node.kind()));
        return;
    };
    if table.get("enabled").map(|n| &n.value) != Some(&Value::Bool(true)) {
        return;
    }
    for entry in &table.entries {
        match (entry.key.as_str(), &entry.node.value) {
            ("enabled", _) => {}
            ("maxWorkers", Value::Int(n)) if (1..=1000).contains(n) => draft.plan.jobs = u32::try_from(*n).ok(),
            ("maxWorkers", _) => ctx.error(&entry.node.span, "`maxWorkers` must be a number from 1 to 1000"),
            ("groups", Value::List(list)) => groups(ctx, list, draft, ignored),
            ("groups", _) => ctx.error(&entry.node.span, format!("`groups` must be a list, not {}", entry.node.kind())),
            _ => ignored.add(entry),
        }
    }
}

fn groups(ctx: &mut Context<'_>, list: &[Node], draft: &mut Draft, ignored: &mut Ignored) {
    let numbers: BTreeMap<String, usize> = draft.plan.tasks.iter().enumerate().rev().map(|(i, t)| (t.id.to_string(), i)).collect();
    let mut hints = 0;
    for (index, node) in list.iter().enumerate() {
        let Some(group) = node.table() else {
            ctx.error(&node.span, format!("a group must be an object, not {}", node.kind()));
            continue;
        };
        group.entries.iter().filter(|e| !matches!(e.key.as_str(), "name" | "stories")).for_each(|e| ignored.add(e));
        let name = group.get("name").map(described).filter(|n| !n.is_empty()).unwrap_or_else(|| format!("{}", index + 1));
        check_id(ctx, "group", &name, &node.span);
        let id = GroupId::from(&name);
        let stage = u32::try_from(draft.plan.groups.len()).unwrap_or(u32::MAX);
        draft.plan.groups.push(Group::new(id.clone(), stage));
        for story in group.get("stories").and_then(Node::list).unwrap_or(&[]) {
            let wanted = described(story);
            let Some(number) = numbers.get(&wanted) else {
                hints += 1;
                let near = (hints <= HINTS_MAX).then(|| closest(&wanted, numbers.keys().map(String::as_str)));
                let hint = near.flatten().map(|id| format!("did you mean `{id}`?"));
                let message = format!("group `{name}` names the story `{wanted}`, which the PRD does not define");
                ctx.push(Severity::Error, &story.span, message, hint);
                continue;
            };
            let task = &mut draft.plan.tasks[*number];
            if let Some(other) = &task.group {
                let message = format!("story `{wanted}` is in group `{other}` already; `{name}` is ignored");
                ctx.push(Severity::Warning, &story.span, message, None);
            } else {
                task.group = Some(id.clone());
                draft.places[*number].group = Some(story.span.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_keep_their_order() {
        assert_eq!(ranks(&[Some(1), Some(3), None, Some(0), Some(9)]), [0, 2, PRIORITY_DEFAULT, 0, 4]);
        let many: Vec<Option<i64>> = (1..=20).map(Some).collect();
        let ours = ranks(&many);
        assert!(ours.is_sorted() && ours[0] == 0 && ours[19] == 4, "{ours:?}");
    }
}
