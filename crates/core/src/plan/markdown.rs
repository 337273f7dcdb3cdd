//! The native plan in Markdown: which lines are tasks, and what belongs to each. Their keys are read next door.
//!
//! A task is a list item with a checkbox or a `[P:Group-X]` marker. What is indented under it is its own: items `- key: value` are
//! keys, all else joins its prompt. A nested item is a task of its own if it has a checkbox and a marker or a number; the item above
//! is then a heading. Fenced code and comments are never tasks.

use std::collections::{BTreeMap, BTreeSet};

use super::context::{Context, Span};
use super::diagnostic::Severity;
use super::draft::{Draft, Grouping};
use super::markdown_keys::{Item, add, classify, is_block};
use super::native::{self, Files};
use super::node::{Entry, Node, Table, Value};
use super::scan::{Line, lines};
use super::tick::{Tick, Whole};
use super::{group_rules, marker, steps, yaml};
use crate::ids::GroupId;

/// Longest id that is made of a title, in characters.
const DERIVED_CHARS_MAX: usize = 40;

/// A list item that is a task.
pub(super) struct Found {
    pub line: usize,
    indent: usize,
    pub ticked: bool,
    /// How it is ticked.
    pub tick: Tick,
    /// It has a checkbox.
    pub boxed: bool,
    /// The text behind the checkbox, and its place.
    pub text: String,
    pub at: usize,
    /// The line behind its last.
    pub end: usize,
    /// The task that it is nested in.
    pub parent: Option<usize>,
}

/// Reads the text.
pub(super) fn draft(ctx: &mut Context<'_>, default_id: &str, files: Files<'_>) -> Option<Draft> {
    let (front, body) = yaml::front_matter(ctx)?;
    native::unknown_keys(ctx, &front, native::header_keys(), "in the front matter");
    let mut plan = native::header(ctx, &front, default_id);
    let defaults = native::defaults(ctx, &front, files);
    let text = ctx.text;
    let lines = lines(text, body);
    if front.get("name").is_none()
        && let Some(title) = lines.iter().find_map(|l| l.text.strip_prefix("# ").filter(|t| !l.code && !t.trim().is_empty()))
    {
        let title = title.trim().trim_end_matches('#').trim();
        plan.name = String::from(if title.is_empty() { plan.id.as_str() } else { title });
    }
    // Where the order of the groups is given, a task without one is outside of them.
    let grouping = if front.get("group_order").is_some() { Grouping::Named } else { Grouping::Sequential };
    let mut draft = Draft::new(plan, grouping);
    draft.group_rules = group_rules::read(ctx, &front);
    let found = find(&lines);
    if let Some(all) = steps::sections(&lines, &found) {
        draft.grouping = Grouping::InOrder;
        steps::read(ctx, &mut draft, &lines, &found, &all, files, defaults);
        return Some(draft);
    }
    let headings: BTreeSet<usize> = found.iter().filter_map(|f| f.parent).collect();
    let mut groups: Vec<Option<(GroupId, Span)>> = Vec::with_capacity(found.len());
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let mut underived = Vec::new();
    let mut of_item = BTreeMap::new();
    for (i, item) in found.iter().enumerate() {
        let span = item.at..item.at + item.text.len();
        let marker = marker::find(&item.text).unwrap_or_else(|(range, why)| {
            ctx.error_hint(&(item.at + range.start..item.at + range.end), why, "write it as `[P:Group-NAME]`");
            None
        });
        if let Some(marker) = &marker {
            native::check_id(ctx, "group", &marker.name, &(item.at + marker.range.start..item.at + marker.range.end));
        }
        let own = marker.as_ref().map(|m| (GroupId::from(&m.name), item.at + m.range.start..item.at + m.range.end));
        let group = own.or_else(|| groups.get(item.parent?).cloned().flatten());
        groups.push(group.clone());
        if headings.contains(&i) {
            let message = format!("`{}` is read as a heading of the tasks below it", marker::without(&item.text, marker.as_ref()));
            ctx.push(Severity::Note, &span, message, None);
            continue;
        }
        let bare = marker::without(&item.text, marker.as_ref());
        let (lead, title) = leading_id(&bare);
        if title.is_empty() && lead.is_none() {
            ctx.error(&span, "the task has no text");
            continue;
        }
        let mut table = Table::default();
        let prompt = body_of(ctx, &lines, item, &mut table);
        let title = String::from(if title.is_empty() { bare.as_str() } else { title });
        if table.get("title").is_none() {
            table.entries.push(entry("title", title.clone(), &span));
        }
        let id = lead.map(String::from);
        let derived = id.is_none() && table.get("id").is_none();
        if table.get("id").is_none() {
            // A derived id is final when all given ones are known.
            table.entries.push(entry("id", id.unwrap_or_else(|| derived_base(&title)), &span));
        }
        let (mut task, mut places) = native::task(ctx, &table, defaults, &span, i, files);
        if derived {
            underived.push((draft.plan.tasks.len(), title));
        } else {
            taken.insert(task.id.to_string());
        }
        if let Some((group, at)) = group {
            if table.get("group").is_some() && task.group.as_ref() != Some(&group) {
                ctx.error(&at, "a task can be in one group only");
            }
            task.group = Some(group);
            places.group = Some(at);
        }
        if !prompt.is_empty() {
            task.prompt = if task.prompt.is_empty() { prompt } else { format!("{}\n\n{prompt}", task.prompt) };
        }
        task.ticked |= item.ticked;
        places.tick = Some(item.tick.clone());
        places.derived = derived;
        of_item.insert(i, draft.plan.tasks.len());
        draft.push(task, places);
    }
    draft.wholes = wholes(&found, &headings, |_| Vec::new(), &of_item);
    let mut next = BTreeMap::new();
    for (index, title) in underived {
        draft.plan.tasks[index].id = derive_id(&title, &mut taken, &mut next).into();
    }
    Some(draft)
}

/// Of a plan without errors: a list looks like an order to whoever wrote it; without markers it is none.
pub(super) fn say_that_nothing_waits(ctx: &mut Context<'_>, draft: &Draft) {
    let open = draft.plan.tasks.iter().filter(|t| !t.ticked).count();
    let ordered = draft.plan.tasks.iter().any(|t| t.stage.is_some() || !t.depends.is_empty());
    if let Some(first) = draft.places.first().filter(|_| open > 1 && !ordered) {
        let message = format!("nothing here says an order: the {open} open tasks wait for nobody, and may all run at once");
        let hint = "mark those that may go together with `[P:Group-X]`, and all others go alone, in their order; or write `- depends: ID` below a task";
        ctx.push(Severity::Note, &first.id, message, Some(String::from(hint)));
    }
}

pub(super) fn entry(key: &str, text: String, span: &Span) -> Entry {
    Entry { key: String::from(key), key_span: span.clone(), node: Node { span: span.clone(), value: Value::Text(text) } }
}

/// The headings with a checkbox, and the tasks that each stands for: those nested in it, and where it has one `by_number`.
pub(super) fn wholes(
    found: &[Found],
    headings: &BTreeSet<usize>,
    by_number: impl Fn(usize) -> Vec<usize>,
    of_item: &BTreeMap<usize, usize>,
) -> Vec<Whole> {
    let mut parts: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (item, task) in of_item {
        let above = std::iter::successors(found[*item].parent, |p| found[*p].parent);
        let above: BTreeSet<usize> = above.filter(|p| headings.contains(p)).chain(by_number(*item)).collect();
        above.into_iter().for_each(|heading| parts.entry(heading).or_default().push(*task));
    }
    let boxed = parts.into_iter().filter(|(heading, _)| found[*heading].boxed);
    boxed.map(|(heading, parts)| Whole { tick: found[heading].tick.clone(), done: found[heading].ticked, parts }).collect()
}

/// All tasks, nested ones behind the one that they are nested in.
pub(super) fn find(lines: &[Line<'_>]) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut list_seen = false;
    let mut blank_before = true;
    for (number, line) in lines.iter().enumerate() {
        if line.is_blank() {
            blank_before = true;
            continue;
        }
        let item = line.item();
        let heading = !line.code && line.text.starts_with('#');
        // A line of a paragraph may begin further left than its item; after a blank line, or as an item, it may not.
        let lazy = !blank_before && item.is_none() && !heading && !line.code;
        while let Some(top) = open.last().copied() {
            if heading || line.indent <= found[top].indent && !lazy {
                open.pop();
            } else {
                break;
            }
        }
        open.iter().for_each(|o| found[*o].end = number + 1);
        blank_before = false;
        list_seen = (list_seen || item.is_some()) && !heading;
        let Some((text, text_at)) = item else { continue };
        let (checkbox, rest) = checkbox(text);
        let marked = !matches!(marker::find(rest), Ok(None));
        let nested = !open.is_empty();
        let is_task = match checkbox {
            Some(_) => !nested || marked || leading_id(&marker::without(rest, None)).0.is_some(),
            None => marked && !nested,
        };
        // Four blanks without a list above are a block of code.
        if !is_task || (line.indent >= 4 && !list_seen) || (line.indent >= 4 && !nested && found.is_empty() && number == 0) {
            continue;
        }
        let at = line.at + text_at + (text.len() - rest.len());
        let parent = open.last().copied();
        open.push(found.len());
        found.push(Found {
            line: number,
            indent: line.indent,
            ticked: checkbox == Some(true),
            tick: match checkbox {
                Some(_) => Tick::checkbox(line.at + text_at + 1),
                None => Tick::insert(line.at + text_at, "[x] "),
            },
            boxed: checkbox.is_some(),
            text: String::from(rest.trim_end()),
            at,
            end: number + 1,
            parent,
        });
    }
    found
}

/// Whether there is a checkbox, whether it is ticked, and the text behind it.
fn checkbox(text: &str) -> (Option<bool>, &str) {
    for (mark, ticked) in [("[ ]", false), ("[x]", true), ("[X]", true)] {
        if let Some(rest) = text.strip_prefix(mark)
            && (rest.is_empty() || rest.starts_with([' ', '\t']))
        {
            return (Some(ticked), rest.trim_start());
        }
    }
    (None, text)
}

/// The id that a task's text begins with, `1.2`, `T001` or `US-001`, and the text behind it.
pub(super) fn leading_id(text: &str) -> (Option<&str>, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let plain = word.trim_matches('*');
    let id = plain.trim_end_matches([':', '.', ')']);
    let digits = |s: &str| !s.is_empty() && s.len() <= 9 && s.bytes().all(|b| b.is_ascii_digit());
    let numbered = id.split('.').all(digits);
    let spec_kit = id.strip_prefix('T').is_some_and(digits);
    let hyphenated = id.split_once('-').is_some_and(|(letters, number)| {
        let upper = !letters.is_empty() && letters.bytes().all(|b| b.is_ascii_uppercase());
        // `UTF-8` is a word; `US-001` and `X-1:` are ids.
        upper && digits(number) && (number.len() >= 3 || plain.ends_with(':'))
    });
    if numbered || spec_kit || hyphenated { (Some(id), rest.trim_start_matches([' ', '\t', '-', '–', ':']).trim()) } else { (None, text) }
}

/// Reads what stands under a task: keys into the table, the rest as the text that is given back.
pub(super) fn body_of(ctx: &mut Context<'_>, lines: &[Line<'_>], task: &Found, table: &mut Table) -> String {
    let body = &lines[task.line + 1..task.end];
    let level = body.iter().find(|l| l.item().is_some()).map(|l| l.indent);
    let mut prose: Vec<&Line<'_>> = Vec::new();
    let mut number = 0;
    while let Some(line) = body.get(number) {
        number += 1;
        let kind = match line.item().filter(|_| Some(line.indent) == level) {
            Some((text, at)) => classify(ctx, text, line.at + at),
            None => Item::Text,
        };
        let Item::Key { key, value, value_at } = kind else {
            prose.push(line);
            continue;
        };
        let mut below = Vec::new();
        if key == "prompt" && is_block(value) {
            // A text of its own, as it stands there: only the indentation of all of it is taken away.
            let rest = &body[number..];
            let end = rest.iter().position(|l| !(l.is_blank() || l.code || Some(l.indent) > level)).unwrap_or(rest.len());
            let block = dedented(&rest[..end].iter().collect::<Vec<_>>());
            if !block.is_empty() {
                below.push((block, rest.first().map_or(line.at, |l| l.at)));
            }
            number += end;
        }
        while let Some(next) = body.get(number).filter(|l| l.is_blank() || l.code || Some(l.indent) > level) {
            number += 1;
            let (text, at) = next.item().unwrap_or_else(|| (next.text.trim(), next.text.len() - next.text.trim_start().len()));
            if key == "prompt" && !(below.is_empty() && text.is_empty()) {
                below.push((String::from(next.text.trim()), next.at + next.text.len() - next.text.trim_start().len()));
            } else if !text.is_empty() {
                below.push((String::from(text.trim_end()), next.at + at));
            }
        }
        let key_at = line.item().map_or(line.at, |(_, at)| line.at + at);
        add(ctx, table, key, key_at..key_at + key.len(), (value, value_at), &below);
    }
    dedented(&prose)
}

/// The lines without the blanks that all of them begin with.
pub(super) fn dedented(lines: &[&Line<'_>]) -> String {
    let margin = lines.iter().filter(|l| !l.is_blank()).map(|l| l.text.len() - l.text.trim_start().len()).min().unwrap_or(0);
    let text: Vec<&str> = lines.iter().map(|l| l.text.get(margin..).unwrap_or("").trim_end()).collect();
    String::from(text.join("\n").trim_matches('\n'))
}

/// An id made of a title's first words.
fn derived_base(title: &str) -> String {
    let mut id = String::new();
    for word in title.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()) {
        if !id.is_empty() && id.chars().count() + 1 + word.chars().count() > DERIVED_CHARS_MAX {
            break;
        }
        id.push_str(if id.is_empty() { "" } else { "-" });
        id.extend(word.chars().flat_map(char::to_lowercase).take(DERIVED_CHARS_MAX));
    }
    if id.is_empty() { String::from("task") } else { id }
}

/// The same with a number where it is taken. `next` remembers the numbers that were given, as a plan may hold one title 100,000 times.
fn derive_id(title: &str, taken: &mut BTreeSet<String>, next: &mut BTreeMap<String, u32>) -> String {
    let base = derived_base(title);
    let mut id = base.clone();
    let number = next.entry(base.clone()).or_insert(2);
    while !taken.insert(id.clone()) {
        id = format!("{base}-{number}");
        *number += 1;
    }
    id
}
