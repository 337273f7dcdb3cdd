//! Spec Kitty's work packages: the list `wps.yaml`, or a file `WP01-….md` for each, with its keys in front matter. Knows nothing of
//! branches and worktrees of Spec Kitty's own.

use std::collections::BTreeMap;

use super::context::{Context, Span};
use super::diagnostic::Severity;
use super::draft::{Draft, Grouping};
use super::foreign::{Ignored, Sections, is_blank, list_entry, put, renamed, texts};
use super::model::Plan;
use super::native::{Files, task};
use super::node::{Entry, Node, Table, Value};
use super::suggest::closest;
use super::tick::Tick;
use super::yaml;

/// A lane, and what it makes of the work package.
const LANES: [(&str, Lane); 12] = [
    ("planned", Lane::Open),
    ("claimed", Lane::Begun),
    ("doing", Lane::Begun),
    ("in_progress", Lane::Begun),
    ("for_review", Lane::Begun),
    ("in_review", Lane::Begun),
    ("blocked", Lane::Begun),
    ("approved", Lane::Done),
    ("done", Lane::Done),
    ("genesis", Lane::Open),
    ("canceled", Lane::Given),
    ("cancelled", Lane::Given),
];

#[derive(Clone, Copy, PartialEq)]
enum Lane {
    Open,
    /// Somebody is at it, or was.
    Begun,
    Done,
    /// Given up.
    Given,
}

/// Whether the text is a work package: front matter that names one.
pub(super) fn is_work_package(text: &str) -> bool {
    let mut lines = text.lines();
    lines.next().is_some_and(|l| l.trim_end() == "---")
        && lines.take_while(|l| !matches!(l.trim_end(), "---" | "...")).any(|l| l.starts_with("work_package_id:"))
}

/// Reads the files of the plan, one work package each.
pub(super) fn files(ctx: &mut Context<'_>, id: &str, files: Files<'_>) -> Option<Draft> {
    let log = lanes(files, &["..", "."]);
    let starts = ctx.part_starts();
    let mut ends = starts[1..].to_vec();
    ends.push(ctx.text.len());
    let mut draft = Draft::new(Plan::new(id), Grouping::Named);
    let mut ignored = Ignored::default();
    for (start, end) in starts.into_iter().zip(ends) {
        let first_line = start..start + ctx.text[start..end].lines().next().map_or(0, str::len);
        let Some((front, body)) = yaml::front_matter_at(ctx, start, end) else { continue };
        if front.entry("work_package_id").is_none() {
            ctx.error_hint(
                &first_line,
                "the work package has no `work_package_id`",
                "begin the file with front matter such as `work_package_id: WP01`",
            );
            continue;
        }
        let text = String::from(ctx.text[body..end].trim());
        let from = Package { fields: &front, span: &first_line, text: &text, area: start..body, indent: "", log: &log };
        package(ctx, &mut draft, &from, &mut ignored);
    }
    ignored.report(ctx);
    Some(draft)
}

/// Reads `wps.yaml`. The prompts of its packages lie beside it.
pub(super) fn list(ctx: &mut Context<'_>, top: &Table, id: &str, files: Files<'_>) -> Option<Draft> {
    let mut ignored = Ignored::default();
    let mut plan = Plan::new(id);
    for entry in &top.entries {
        match entry.key.as_str() {
            "work_packages" => {}
            "title" | "name" | "mission" if entry.node.text().is_some_and(|t| !t.trim().is_empty()) => {
                plan.name = super::foreign::described(&entry.node)
            }
            _ => ignored.keep_in_plan(&mut plan, entry),
        }
    }
    let Some(packages) = top.entry("work_packages") else {
        ctx.whole_file(
            Severity::Error,
            "the file has no `work_packages`",
            Some(String::from("it needs a list of them, each with `id` and `title`")),
        );
        return None;
    };
    let Some(list) = packages.node.list() else {
        ctx.error(&packages.key_span, format!("`work_packages` must be a list, not {}", packages.node.kind()));
        return None;
    };
    let log = lanes(files, &["."]);
    let mut draft = Draft::new(plan, Grouping::Named);
    let mut place = packages.key_span.clone();
    for (index, node) in list.iter().enumerate() {
        let Some(fields) = node.table() else {
            ctx.error(&packages.key_span, format!("work package {} must be a table, not {}", index + 1, node.kind()));
            continue;
        };
        place = item_place(ctx, fields, place.end);
        let mut text = String::new();
        if let Some(entry) = fields.entry("prompt_file").filter(|e| !is_blank(&e.node)) {
            let path = super::foreign::described(&entry.node);
            match files(&path) {
                Ok(found) => text = without_front_matter(&found),
                Err(why) => {
                    let at = find_after(ctx.text, place.start, &path).unwrap_or_else(|| place.clone());
                    ctx.error_hint(
                        &at,
                        format!("the prompt file `{path}` cannot be read: {why}"),
                        "the path is relative to the folder of wps.yaml",
                    );
                }
            }
        }
        let (area, indent) = item_area(ctx.text, &place);
        let from = Package { fields, span: &place, text: &text, area, indent: &indent, log: &log };
        package(ctx, &mut draft, &from, &mut ignored);
    }
    ignored.report(ctx);
    Some(draft)
}

/// Lanes by work package, as Spec Kitty's log has them: its last word on each counts, whatever stands in the front matter. Where there
/// is no log, what was made of it. Empty: neither is there, and the front matter counts.
fn lanes(files: Files<'_>, folders: &[&str]) -> BTreeMap<String, String> {
    use serde_json::Value as Json;
    let text = |v: &Json, key: &str| v.get(key).and_then(Json::as_str).map(String::from);
    for folder in folders {
        if let Ok(log) = files(&format!("{folder}/status.events.jsonl")) {
            let mut moves: Vec<(String, String, String)> = log
                .lines()
                .filter_map(|l| serde_json::from_str::<Json>(l).ok())
                .filter_map(|e| Some((text(&e, "at")?, text(&e, "wp_id")?, text(&e, "to_lane")?)))
                .collect();
            // Branches that were merged may have left their moves out of order.
            moves.sort_by(|a, b| a.0.cmp(&b.0));
            let found: BTreeMap<String, String> = moves.into_iter().map(|(_, package, lane)| (package, lane)).collect();
            if !found.is_empty() {
                return found;
            }
        }
        if let Ok(status) = files(&format!("{folder}/status.json"))
            && let Ok(status) = serde_json::from_str::<Json>(&status)
            && let Some(Json::Object(packages)) = status.get("work_packages")
        {
            return packages.iter().filter_map(|(id, p)| Some((id.clone(), text(p, "lane")?))).collect();
        }
    }
    BTreeMap::new()
}

/// The lines of a list's item that a place is in, and the blanks before its keys.
fn item_area(text: &str, place: &Span) -> (Span, String) {
    let starts = |line: &str| line.trim_start().starts_with("- ");
    let mut start = text[..place.start].rfind('\n').map_or(0, |n| n + 1);
    while start > 0 && !starts(&text[start..]) {
        start = text[..start - 1].rfind('\n').map_or(0, |n| n + 1);
    }
    let first = text[start..].lines().next().unwrap_or("");
    let dash = first.len() - first.trim_start().len();
    let key = first.trim_start().trim_start_matches('-').trim_start();
    let indent = " ".repeat(first.len() - key.len());
    let mut end = start + first.len();
    let mut at = start;
    for (number, line) in text[start..].split_inclusive('\n').enumerate() {
        let blanks = line.len() - line.trim_start().len();
        if number > 0 && !line.trim().is_empty() && blanks <= dash {
            break;
        }
        at += line.len();
        if !line.trim().is_empty() {
            end = at;
        }
    }
    (start..end, indent)
}

/// How far a place is looked for, in bytes: an item may begin with a long text, but there may be thousands of them.
const LOOKED_BYTES_MAX: usize = 1 << 16;

fn stretch(text: &str, from: usize) -> &str {
    let mut end = (from + LOOKED_BYTES_MAX).min(text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    text.get(from..end).unwrap_or("")
}

/// Most places at which an id is looked for.
const PLACES_MAX: usize = 1_000;

/// YAML gives a list's items no places of their own; the id is found by looking for it behind the last one.
fn item_place(ctx: &Context<'_>, fields: &Table, from: usize) -> Span {
    let id = fields.get("id").or_else(|| fields.get("work_package_id")).or_else(|| fields.get("title"));
    let Some(id) = id.and_then(Node::text) else { return from..from };
    let text = stretch(ctx.text, from);
    let behind_key = |at: &usize| {
        let line = text[..*at].rsplit('\n').next().unwrap_or("").trim_end_matches(['"', '\'', ' ']);
        line.ends_with("id:") || line.ends_with("title:")
    };
    let at = text.match_indices(id).map(|(at, _)| at).take(PLACES_MAX).find(behind_key);
    at.map_or(from..from, |at| from + at..from + at + id.len())
}

fn find_after(text: &str, from: usize, word: &str) -> Option<Span> {
    let at = stretch(text, from).find(word)? + from;
    Some(at..at + word.len())
}

fn without_front_matter(text: &str) -> String {
    let inner = text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n")).map(|(_, body)| body);
    String::from(inner.unwrap_or(text).trim())
}

/// A work package as it was found.
struct Package<'a> {
    fields: &'a Table,
    span: &'a Span,
    /// What it says beside its fields.
    text: &'a str,
    /// The lines with its fields, and the blanks before them.
    area: Span,
    indent: &'a str,
    /// Lanes as the log has them.
    log: &'a BTreeMap<String, String>,
}

fn package(ctx: &mut Context<'_>, draft: &mut Draft, from: &Package<'_>, ignored: &mut Ignored) {
    let Package { fields, span, text, .. } = *from;
    let mut native = Table::default();
    let (mut owns, mut created, mut sections, mut own_lane) = (Vec::new(), Vec::new(), Sections::default(), None);
    sections.plain(text);
    for entry in fields.entries.iter().filter(|e| !is_blank(&e.node)) {
        // Of a list's item the place is the package's own: YAML's fields have none.
        let entry = &Entry { key_span: placed(&entry.key_span, span), node: replaced(&entry.node, span), key: entry.key.clone() };
        match entry.key.as_str() {
            "id" | "work_package_id" => put(&mut native, renamed(entry, "id", super::foreign::as_texts(&entry.node.value))),
            // YAML takes `title: yes` for a truth value.
            "title" => put(&mut native, renamed(entry, "title", Value::Text(super::foreign::described(&entry.node)))),
            "dependencies" | "depends_on" => put(&mut native, list_entry("depends", texts(ctx, entry), &entry.key_span)),
            "owned_files" => owns = texts(ctx, entry),
            "create_intent" => created = texts(ctx, entry),
            "requirement_refs" => sections.list("Requirements", &plain(texts(ctx, entry))),
            "subtasks" => sections.list("Subtasks", &plain(texts(ctx, entry))),
            "prompt_file" | "history" | "shell_pid" => {}
            "lane" | "status" => own_lane = Some(lane_of(ctx, entry)),
            _ => ignored.keep(&mut native, entry),
        }
    }
    owns.append(&mut created);
    if !owns.is_empty() {
        let mut seen = std::collections::BTreeSet::new();
        owns.retain(|(glob, _)| seen.insert(glob.clone()));
        put(&mut native, list_entry("owns", owns, span));
    }
    sections.into_prompt(&mut native, span);
    let name = native.get("id").and_then(Node::text).unwrap_or("?").to_owned();
    let logged = from.log.get(&name);
    let lane = match logged {
        Some(word) => LANES.iter().find(|(known, _)| word.eq_ignore_ascii_case(known)).map_or(Lane::Begun, |(_, lane)| *lane),
        None => own_lane.unwrap_or(Lane::Open),
    };
    match lane {
        Lane::Given => {
            ctx.push(Severity::Note, span, format!("`{name}` is cancelled, so it is left out"), None);
            return;
        }
        Lane::Begun => {
            let hint = "move it to the lane `done` if there is nothing left to do";
            ctx.push(
                Severity::Warning,
                span,
                format!("`{name}` was begun elsewhere, and is done from its start here"),
                Some(String::from(hint)),
            );
        }
        Lane::Open | Lane::Done => {}
    }
    let index = draft.plan.tasks.len();
    let (mut task, mut places) = task(ctx, &native, None, span, index, &|_| Err(String::from("prompt files are read before")));
    task.ticked = lane == Lane::Done;
    // What its log says is Spec Kitty's own to change: a move there has a reviewer.
    if logged.is_none() {
        let key = if fields.get("lane").is_none() && fields.get("status").is_some() { "status" } else { "lane" };
        let after = ["work_package_id", "id"].into_iter().find(|k| fields.get(k).is_some()).unwrap_or("title");
        places.tick = Tick::yaml(ctx.text, &from.area, key, after, from.indent, "done", "planned");
    }
    draft.push(task, places);
}

fn lane_of(ctx: &mut Context<'_>, entry: &Entry) -> Lane {
    let word = super::foreign::described(&entry.node);
    let found = LANES.iter().find(|(name, _)| word.eq_ignore_ascii_case(name));
    let Some((_, lane)) = found else {
        let near = closest(&word, LANES.iter().map(|(name, _)| *name));
        let hint = near.map_or_else(|| String::from("there are planned, doing, for_review and done"), |n| format!("did you mean `{n}`?"));
        ctx.error_hint(&entry.node.span, format!("`{}`: there is no lane `{word}`", entry.key), hint);
        return Lane::Open;
    };
    *lane
}

fn plain(texts: Vec<(String, Span)>) -> Vec<String> {
    texts.into_iter().map(|(text, _)| text).collect()
}

/// The place itself, or the package's where it is before it (then it is another package's, found by its name).
fn placed(own: &Span, package: &Span) -> Span {
    if own.start >= package.start { own.clone() } else { package.clone() }
}

fn replaced(node: &Node, package: &Span) -> Node {
    let value = match &node.value {
        Value::List(list) => Value::List(list.iter().map(|n| replaced(n, package)).collect()),
        other => other.clone(),
    };
    Node { span: placed(&node.span, package), value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_work_package_shows_in_its_front_matter() {
        assert!(is_work_package("---\ntitle: x\nwork_package_id: WP01\n---\nbody"));
        assert!(!is_work_package("---\ntitle: x\n---\nwork_package_id: WP01"));
        assert!(!is_work_package("work_package_id: WP01"));
        assert_eq!(without_front_matter("---\na: b\n---\n\n# Title\n"), "# Title");
    }
}
