//! Work packages in JSON: files that each may change, phases, contracts that several share. Knows nothing of roles beyond their names.

use std::collections::{BTreeMap, BTreeSet};

use super::context::{Context, Span};
use super::diagnostic::Severity;
use super::draft::{Draft, Grouping};
use super::foreign::{Ignored, Sections, as_texts, described, is_blank, list_entry, put, renamed, span_of, text_entry, texts};
use super::model::{Group, Plan};
use super::native::task;
use super::node::{Entry, Node, Table, Value};
use super::suggest::{HINTS_MAX, closest};
use super::tick::Tick;
use crate::ids::GroupId;

/// Under which keys the packages stand.
const LISTS: [&str; 3] = ["work_packages", "packages", "workPackages"];
/// What only such a file has beside them.
const TELLING: [&str; 3] = ["package_id", "file_ownership_matrix", "execution_order"];
/// Their priorities, most urgent first, and ours.
const PRIORITIES: [(&str, i64); 4] = [("critical", 0), ("major", 1), ("medium", 2), ("minor", 3)];
/// Most groups of files in the matrix that are looked through for one of its keys.
const MATRIX_DEPTH_MAX: usize = 4;

/// Whether the keys are those of such a file.
pub(super) fn is_document(top: &Table) -> bool {
    let has = |keys: &[&str]| keys.iter().any(|k| top.get(k).is_some());
    // `packages` alone is many a file's.
    let listed =
        |k: &&str| top.get(k).is_some_and(|n| items(n).iter().any(|(_, item)| item.table().is_some_and(|t| t.get("package_id").is_some())));
    has(&TELLING) || has(&["work_packages", "workPackages"]) || LISTS.iter().any(listed)
}

/// Reads the file: an object with the packages in a list or by their ids, a list of them, or a single one.
pub(super) fn draft(ctx: &mut Context<'_>, node: &Node, id: &str) -> Option<Draft> {
    let mut ignored = Ignored::default();
    let mut plan = Plan::new(id);
    let empty = Table::default();
    let (top, listed) = match &node.value {
        Value::List(_) => (&empty, Some(node)),
        Value::Table(t) if t.get("package_id").is_some() => (&empty, Some(node)),
        Value::Table(t) => (t, LISTS.iter().find_map(|k| t.get(k))),
        _ => {
            ctx.error(&node.span, format!("work packages must be an object, not {}", node.kind()));
            return None;
        }
    };
    let Some(listed) = listed else {
        ctx.error_hint(
            &(node.span.start..node.span.start + 1),
            "the file has no `work_packages`",
            "it needs a list of them, each with a `package_id`",
        );
        return None;
    };
    for entry in top.entries.iter().filter(|e| !is_blank(&e.node)) {
        match entry.key.as_str() {
            "title" | "name" | "project" if entry.node.text().is_some() => plan.name = described(&entry.node),
            "execution_order" | "file_ownership_matrix" | "shared_contracts" => {}
            key if LISTS.contains(&key) => {}
            _ => ignored.keep_in_plan(&mut plan, entry),
        }
    }
    let contracts = top.entry("shared_contracts").map(contracts).unwrap_or_default();
    let mut draft = Draft::new(plan, Grouping::Named);
    let mut safe = Vec::new();
    for (index, (name, item)) in items(listed).into_iter().enumerate() {
        let Some(fields) = item.table() else {
            ctx.error(&item.span, format!("a work package must be an object, not {}", item.kind()));
            continue;
        };
        let mut native = package(ctx, fields, &item.span, &contracts, &mut ignored);
        if let Some((name, span)) = name {
            put(&mut native, text_entry("id", name, &span));
        }
        let (mut task, mut places) =
            task(ctx, &native, None, &item.span, index, &|_| Err(String::from("work packages have no prompt files")));
        task.ticked = fields.get("status").and_then(Node::text).is_some_and(is_done);
        places.tick = Tick::json(ctx.text, fields, "status", &["title", "package_id", "id"], "\"completed\"", "\"pending\"");
        safe.push(fields.get("parallel_safe").map(|n| &n.value) != Some(&Value::Bool(false)));
        draft.push(task, places);
    }
    let numbers: BTreeMap<String, usize> = draft.plan.tasks.iter().enumerate().rev().map(|(i, t)| (t.id.to_string(), i)).collect();
    let mut hints = 0;
    if let Some(entry) = top.entry("file_ownership_matrix") {
        matrix(ctx, &mut draft, entry, &numbers, &mut hints);
    }
    if let Some(entry) = top.entry("execution_order") {
        order(ctx, &mut draft, entry, &numbers, &safe, &mut hints);
    } else if let Some(unsafe_one) = safe.iter().position(|s| !s) {
        let (task, places) = (&draft.plan.tasks[unsafe_one], &draft.places[unsafe_one]);
        let hint = "put it into a phase of `execution_order`, or give it `dependencies`";
        let message = format!("`{}` is not safe beside others, but no phase says when it runs", task.id);
        ctx.push(Severity::Warning, &places.id, message, Some(String::from(hint)));
    }
    ignored.report(ctx);
    Some(draft)
}

/// The packages; by their ids where they stand under them.
fn items(node: &Node) -> Vec<(Option<(String, Span)>, &Node)> {
    match &node.value {
        Value::List(list) => list.iter().map(|n| (None, n)).collect(),
        Value::Table(t) if t.get("package_id").is_none() => {
            t.entries.iter().map(|e| (Some((e.key.clone(), e.key_span.clone())), &e.node)).collect()
        }
        _ => vec![(None, node)],
    }
}

fn package(ctx: &mut Context<'_>, fields: &Table, span: &Span, contracts: &[(String, Span)], ignored: &mut Ignored) -> Table {
    let mut native = Table::default();
    let (mut owns, mut criteria, mut sections, mut shared) = (Vec::new(), Vec::new(), Sections::default(), contracts.to_vec());
    for entry in fields.entries.iter().filter(|e| e.key == "package_id" || !is_blank(&e.node)) {
        match entry.key.as_str() {
            "package_id" | "id" => put(&mut native, renamed(entry, "id", as_texts(&entry.node.value))),
            "title" => put(&mut native, renamed(entry, "title", entry.node.value.clone())),
            "description" => sections.plain(&described(&entry.node)),
            "objective" | "goal" => put(&mut native, text_entry("objective", described(&entry.node), &entry.node.span)),
            "deliverables" => put(&mut native, list_entry("deliverables", each(&entry.node), &entry.key_span)),
            "activities" | "steps" => put(&mut native, list_entry("activities", each(&entry.node), &entry.key_span)),
            "contracts" | "interfaces" => shared.extend(self::contracts(entry)),
            "polly_role" => put(&mut native, renamed(entry, "role", entry.node.value.clone())),
            "priority" => priority(ctx, &mut native, entry),
            "estimated_hours" => match span_of(&entry.node, 3600.0) {
                Some(time) => put(&mut native, text_entry("estimate", format!("{}s", time.as_secs()), &entry.node.span)),
                None => ctx.error(&entry.node.span, "`estimated_hours` must be a number of hours, more than 0"),
            },
            "files_to_modify" | "files_to_create" => {
                let (elsewhere, inside): (Vec<_>, Vec<_>) = files(ctx, entry).into_iter().partition(|(path, _)| path.starts_with('/'));
                owns.extend(inside);
                if let Some((first, place)) = elsewhere.first() {
                    let message = format!("`{}`: `{first}` is a path of one machine only, and owns nothing here", entry.key);
                    let hint = String::from("write it from the repository's root; file_ownership_matrix counts, too");
                    ctx.push(Severity::Warning, place, message, Some(hint));
                    let names: Vec<String> = elsewhere.into_iter().map(|(path, _)| path).collect();
                    sections.list(if entry.key == "files_to_create" { "Files to create" } else { "Files to modify" }, &names);
                }
            }
            "dependencies" => put(&mut native, list_entry("depends", texts(ctx, entry), &entry.key_span)),
            "test_requirements" | "success_criteria" => criteria.extend(each(&entry.node)),
            "issue_details" => sections.list("Issues", &issues(&entry.node)),
            "key_changes" => sections.list("Changes", &changes(&entry.node)),
            "imports_required" => sections.list("Imports", &each(&entry.node).into_iter().map(|(t, _)| t).collect::<Vec<_>>()),
            "parallel_safe" if matches!(entry.node.value, Value::Bool(_)) => {}
            "parallel_safe" => ctx.error(&entry.node.span, format!("`parallel_safe` must be true or false, not {}", entry.node.kind())),
            "status" if entry.node.text().is_some() => {}
            "issues_fixed" => super::foreign::keep(&mut native, "issues_fixed", described(&entry.node), &entry.key_span),
            _ => ignored.keep(&mut native, entry),
        }
    }
    let mut seen = BTreeSet::new();
    owns.retain(|(path, _)| seen.insert(path.clone()));
    put(&mut native, list_entry("owns", owns, span));
    put(&mut native, list_entry("criteria", criteria, span));
    put(&mut native, list_entry("contracts", shared, span));
    sections.into_prompt(&mut native, span);
    native
}

fn priority(ctx: &mut Context<'_>, native: &mut Table, entry: &Entry) {
    let word = described(&entry.node);
    match PRIORITIES.iter().find(|(name, _)| word.eq_ignore_ascii_case(name)) {
        Some((_, ours)) => put(native, renamed(entry, "priority", Value::Int(*ours))),
        None => ctx.error_hint(&entry.node.span, format!("`priority`: there is no `{word}`"), "write Critical, Major or Minor"),
    }
}

/// What packages have agreed on: `{name: text}`, or a list.
fn contracts(entry: &Entry) -> Vec<(String, Span)> {
    match entry.node.table() {
        Some(table) => {
            let named = table.entries.iter().filter(|e| !is_blank(&e.node));
            named.map(|e| (format!("{}: {}", e.key, described(&e.node)), e.key_span.clone())).collect()
        }
        None => each(&entry.node),
    }
}

/// A word that says that nothing is left to do; any other is none.
fn is_done(status: &str) -> bool {
    ["completed", "complete", "done"].iter().any(|w| status.trim().eq_ignore_ascii_case(w))
}

/// Paths, or objects with one.
fn files(ctx: &mut Context<'_>, entry: &Entry) -> Vec<(String, Span)> {
    let Some(list) = entry.node.list() else { return texts(ctx, entry) };
    let mut out = Vec::new();
    for node in list.iter().filter(|n| !is_blank(n)) {
        let path = match node.table() {
            Some(t) => t.get("path").or_else(|| t.get("file")).and_then(Node::text),
            None => node.text(),
        };
        match path {
            Some(path) => out.push((String::from(path.trim()), node.span.clone())),
            None => ctx.error(&node.span, format!("`{}` must be a list of paths, not of {}", entry.key, node.kind())),
        }
    }
    out
}

fn each(node: &Node) -> Vec<(String, Span)> {
    let list = node.list().unwrap_or(std::slice::from_ref(node));
    list.iter().map(|n| (described(n), n.span.clone())).filter(|(t, _)| !t.is_empty()).collect()
}

/// `ID (severity): description. Impact: …`
fn issues(node: &Node) -> Vec<String> {
    let Some(table) = node.table() else { return each(node).into_iter().map(|(t, _)| t).collect() };
    let one = |e: &Entry| match e.node.table() {
        Some(t) => {
            let field = |key: &str| t.get(key).map(described).unwrap_or_default();
            let (severity, impact) = (field("severity"), field("impact"));
            let severity = if severity.is_empty() { severity } else { format!(" ({severity})") };
            let impact = if impact.is_empty() { impact } else { format!(" Impact: {impact}") };
            format!("{}{severity}: {}{impact}", e.key, field("description"))
        }
        None => format!("{}: {}", e.key, described(&e.node)),
    };
    table.entries.iter().map(one).collect()
}

/// A change with its file, lines, code before and after, and steps.
fn changes(node: &Node) -> Vec<String> {
    let one = |n: &Node| {
        let Some(t) = n.table() else { return described(n) };
        let field = |key: &str| t.get(key).filter(|n| !is_blank(n)).map(described);
        let mut text = [field("change_id"), field("description")].into_iter().flatten().collect::<Vec<_>>().join(": ");
        if let Some(file) = field("file") {
            let lines = field("lines").map(|l| format!(", lines {l}")).unwrap_or_default();
            text.push_str(&format!(" [{file}{lines}]"));
        }
        for (label, key) in [("before", "before"), ("after", "after")] {
            if let Some(code) = field(key) {
                text.push_str(&format!("\n  {label}: {}", code.replace('\n', "\n    ")));
            }
        }
        for step in t.get("specific_steps").and_then(Node::list).unwrap_or(&[]) {
            text.push_str(&format!("\n  - {}", described(step)));
        }
        text
    };
    node.list().map_or_else(|| vec![one(node)], |list| list.iter().map(one).collect())
}

fn unknown(ctx: &mut Context<'_>, span: &Span, what: &str, wanted: &str, numbers: &BTreeMap<String, usize>, hints: &mut usize) {
    *hints += 1;
    let near = (*hints <= HINTS_MAX).then(|| closest(wanted, numbers.keys().map(String::as_str))).flatten();
    let hint = near.map(|id| format!("did you mean `{id}`?"));
    ctx.push(Severity::Error, span, format!("{what} names the work package `{wanted}`, which the file does not define"), hint);
}

/// Who owns which file: `{path: package}` or `{package: [paths]}`. It adds to what the packages say themselves, and a file that it gives
/// to somebody else than the one that wants to change it is told.
fn matrix(ctx: &mut Context<'_>, draft: &mut Draft, entry: &Entry, numbers: &BTreeMap<String, usize>, hints: &mut usize) {
    let mut claims: Vec<(String, String, Span)> = Vec::new();
    claims_of(ctx, entry, numbers, &mut claims, 0);
    let mut given: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for (path, package, span) in claims {
        let Some(number) = numbers.get(&package) else {
            unknown(ctx, &span, "`file_ownership_matrix`", &package, numbers, hints);
            continue;
        };
        super::native::check_glob(ctx, "file_ownership_matrix", &path, &span);
        given.entry(path.clone()).or_default().insert(*number);
        let task = &mut draft.plan.tasks[*number];
        if !task.owns.contains(&path) {
            task.owns.push(path);
        }
    }
    for (number, (task, places)) in draft.plan.tasks.iter().zip(&draft.places).enumerate() {
        for path in &task.owns {
            let Some(owners) = given.get(path).filter(|owners| !owners.contains(&number)) else { continue };
            let names: Vec<&str> = owners.iter().map(|o| draft.plan.tasks[*o].id.as_str()).collect();
            let message = format!("`{}` changes `{path}`, which the matrix gives to `{}`", task.id, names.join("`, `"));
            let hint = String::from("they will not run at once; better, one of them leaves the file alone");
            ctx.push(Severity::Warning, &places.id, message, Some(hint));
        }
    }
}

/// Gathers path, package and place.
fn claims_of(ctx: &mut Context<'_>, entry: &Entry, numbers: &BTreeMap<String, usize>, out: &mut Vec<(String, String, Span)>, depth: usize) {
    let Some(table) = entry.node.table() else {
        ctx.error(&entry.node.span, format!("`{}` must be an object, not {}", entry.key.escape_debug(), entry.node.kind()));
        return;
    };
    for e in
        table.entries.iter().filter(|e| !is_blank(&e.node) && !matches!(e.key.as_str(), "conflicts" | "description" | "note" | "notes"))
    {
        // `WP1` and `WP1_owns` are the same package; a number beside them counts something.
        let bare = ["_owns", "_files"].iter().find_map(|s| e.key.strip_suffix(s)).filter(|k| numbers.contains_key(*k));
        let owner_key = bare.unwrap_or(&e.key);
        let by_package = numbers.contains_key(owner_key);
        if !by_package && matches!(e.node.value, Value::Int(_) | Value::Float(_) | Value::Bool(_)) {
            continue;
        }
        match &e.node.value {
            Value::Table(t) => {
                let owner = t.get("owner").or_else(|| t.get("package_id")).or_else(|| t.get("package"));
                match owner.filter(|_| !by_package) {
                    Some(owner) => out.push((e.key.clone(), described(owner), owner.span.clone())),
                    None if by_package => {
                        for list in t.entries.iter().filter(|e| e.node.list().is_some()) {
                            out.extend(files(ctx, list).into_iter().map(|(path, span)| (path, String::from(owner_key), span)));
                        }
                    }
                    None if depth < MATRIX_DEPTH_MAX => claims_of(ctx, e, numbers, out, depth + 1),
                    None => ctx.error(&e.key_span, "the matrix is nested too deep"),
                }
            }
            _ => {
                for (text, span) in texts(ctx, e) {
                    out.push(if by_package { (text, String::from(owner_key), span) } else { (e.key.clone(), text, span) });
                }
            }
        }
    }
}

/// The number behind `phase_` of a key; phases are in the order of their numbers.
fn phase_number(key: &str) -> Option<u32> {
    let digits: String = key.strip_prefix("phase_")?.chars().take_while(char::is_ascii_digit).take(6).collect();
    digits.parse().ok()
}

/// Phases become groups. A package that is not safe beside others, and each of a sequential phase, goes alone.
fn order(ctx: &mut Context<'_>, draft: &mut Draft, entry: &Entry, numbers: &BTreeMap<String, usize>, safe: &[bool], hints: &mut usize) {
    let Some(table) = entry.node.table() else {
        ctx.error(&entry.node.span, format!("`execution_order` must be an object of phases, not {}", entry.node.kind()));
        return;
    };
    let mut phases: Vec<(u32, &Entry)> = Vec::new();
    for phase in &table.entries {
        match phase_number(&phase.key) {
            Some(number) => phases.push((number, phase)),
            None if is_blank(&phase.node) || !matches!(phase.node.value, Value::List(_) | Value::Table(_)) => {}
            None => {
                ctx.error_hint(&phase.key_span, format!("`{}` is no phase", phase.key.escape_debug()), "name it such as `phase_1_parallel`")
            }
        }
    }
    phases.sort_by_key(|(number, _)| *number);
    for (_, phase) in phases {
        let list = match &phase.node.value {
            Value::Table(t) => t.get("packages").or_else(|| t.get("work_packages")),
            _ => Some(&phase.node),
        };
        // What is to be done there is no work of a package's: the verification of the plan, and a person, do it.
        if list.is_none()
            && let Some(steps) = phase.node.table().and_then(|t| t.get("tasks")).and_then(Node::list)
        {
            let message =
                format!("`{}` names no work packages; its {} steps are kept with the plan", phase.key.escape_debug(), steps.len());
            ctx.push(Severity::Note, &phase.key_span, message, None);
            draft.plan.extra.insert(phase.key.clone(), steps.iter().map(described).collect::<Vec<_>>().join("\n"));
            continue;
        }
        let Some(list) = list.and_then(Node::list) else {
            ctx.error(&phase.node.span, format!("`{}` must be a list of work packages", phase.key.escape_debug()));
            continue;
        };
        let sequential = phase.key.contains("sequential");
        let mut together: Option<GroupId> = None;
        for node in list {
            let wanted = node.table().and_then(|t| t.get("package_id").or_else(|| t.get("id"))).map_or_else(|| described(node), described);
            let Some(number) = numbers.get(&wanted).copied() else {
                unknown(ctx, &node.span, &format!("`{}`", phase.key.escape_debug()), &wanted, numbers, hints);
                continue;
            };
            if let Some(other) = &draft.plan.tasks[number].group {
                ctx.error(&node.span, format!("`{wanted}` is in `{other}` already: a work package is in one phase only"));
                continue;
            }
            let alone = sequential || !safe[number];
            let group = if alone { GroupId::from(format!("{}: {wanted}", phase.key)) } else { GroupId::from(phase.key.as_str()) };
            super::native::check_id(ctx, "group", group.as_str(), &node.span);
            if alone || together.is_none() {
                let stage = u32::try_from(draft.plan.groups.len()).unwrap_or(u32::MAX);
                draft.plan.groups.push(Group::new(group.clone(), stage));
            }
            if !alone {
                together = Some(group.clone());
            }
            draft.plan.tasks[number].group = Some(group);
            draft.places[number].group = Some(node.span.clone());
        }
    }
}
