//! Spec Kit's `tasks.md`: `- [ ] T001 [P] [US1] text` under `## Phase N: name`; also cc-sdd's `- [ ] 2.1 (P) text`. Knows nothing of
//! the other files of a feature.
//!
//! A phase is finished before the next begins. Within it a task without `[P]` goes alone; tasks with `[P]` that stand together go
//! together.

use std::collections::{BTreeMap, BTreeSet};

use super::context::{Context, Span};
use super::diagnostic::Severity;
use super::draft::{Draft, Grouping};
use super::foreign::{Sections, keep, list_entry, put, text_entry};
use super::markdown::{Found, body_of, find, leading_id, wholes};
use super::model::Plan;
use super::native::{Files, header_keys, task};
use super::node::Table;
use super::scan::{Line, lines};
use super::{foreign, yaml};
use crate::ids::GroupId;

/// Longest range of ids, `T004-T010`, that is taken for one.
const RANGE_MAX: u32 = 1_000;

/// Whether the text is such a list. Groups' markers, and the keys of a plan in the front matter, are the native plan's.
pub(super) fn is_task_list(text: &str) -> bool {
    let front = text.starts_with("---").then(|| text.lines().skip(1).take_while(|l| !matches!(l.trim_end(), "---" | "...")));
    let is_key = |l: &str| l.split_once(':').is_some_and(|(key, _)| header_keys().contains(&key) || key == "defaults");
    if front.is_some_and(|mut lines| lines.any(is_key)) || text.to_ascii_lowercase().contains("[p:") {
        return false;
    }
    let (mut numbered, mut flagged, mut counted) = (false, false, false);
    for line in lines(text, 0) {
        flagged |= phase_of(&line).is_some();
        // Kiro's lists, and cc-sdd's before it knew `(P)`: numbers, and under them the requirements that they serve.
        if counted && line.item().is_some_and(|(item, _)| item.starts_with("_Requirements:")) {
            return true;
        }
        let Some((item, _)) = line.item() else { continue };
        let Some(rest) = ["[ ]", "[x]", "[X]"].iter().find_map(|mark| item.strip_prefix(mark)) else { continue };
        let rest = rest.trim();
        numbered |= rest.starts_with("TXXX");
        let (Some(id), rest) = leading_id(rest) else { continue };
        let marks = Marks::of(rest);
        if marks.cc_sdd && !id.starts_with('T') {
            return true;
        }
        numbered |= id.starts_with('T');
        counted |= !id.starts_with('T');
        flagged |= marks.parallel || marks.story.is_some();
    }
    numbered && flagged
}

/// What stands between a task's id and its text.
#[derive(Debug, Default, PartialEq)]
struct Marks<'t> {
    parallel: bool,
    cc_sdd: bool,
    story: Option<&'t str>,
    title: &'t str,
}

impl<'t> Marks<'t> {
    fn of(text: &'t str) -> Self {
        let mut marks = Self { title: text, ..Self::default() };
        loop {
            let rest = marks.title;
            if let Some(after) = rest.strip_prefix("[P]").or_else(|| rest.strip_prefix("[p]")) {
                (marks.parallel, marks.title) = (true, after.trim_start());
            } else if let Some(after) = rest.strip_prefix("(P)") {
                (marks.parallel, marks.cc_sdd, marks.title) = (true, true, after.trim_start());
            } else if let Some((name, after)) = rest.strip_prefix('[').and_then(|r| r.split_once(']')).filter(|(n, _)| is_story(n)) {
                (marks.story, marks.title) = (Some(name), after.trim_start());
            } else {
                return marks;
            }
        }
    }
}

/// `US1`, and lists of them.
fn is_story(name: &str) -> bool {
    let one = |n: &str| n.strip_prefix("US").is_some_and(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()));
    name.split(',').all(|n| one(n.trim()))
}

/// A stretch of the file that is finished before the next one begins.
#[derive(Clone, Default)]
struct Phase {
    /// The heading, `Phase 3: User Story 1`; empty before the first.
    heading: String,
    /// `3`, for the names of its groups.
    number: String,
    goal: String,
    test: String,
    checkpoint: String,
    /// A section that is no phase: what is listed there is no task unless it has an id.
    aside: bool,
}

/// The rest of a heading `## Phase …`, the number first.
fn phase_of<'l>(line: &'l Line<'_>) -> Option<&'l str> {
    let heading = line.text.strip_prefix("##").filter(|_| !line.code)?.trim_start_matches('#').trim();
    let rest = heading.strip_prefix("Phase ")?;
    rest.starts_with(|c: char| c.is_ascii_digit()).then_some(heading)
}

fn phases(lines: &[Line<'_>]) -> Vec<(usize, Phase)> {
    let mut phases = vec![(0, Phase::default())];
    for (number, line) in lines.iter().enumerate().filter(|(_, l)| !l.code) {
        let text = line.text.trim();
        if let Some(heading) = phase_of(line) {
            let number_text: String = heading["Phase ".len()..].chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect::<String>();
            let (heading, number_text) = (String::from(heading), String::from(number_text.trim_end_matches('.')));
            phases.push((number, Phase { heading, number: number_text, ..Phase::default() }));
        } else if line.text.starts_with("## ") {
            phases.push((number, Phase { aside: true, ..Phase::default() }));
        } else if let Some((_, phase)) = phases.last_mut() {
            let after = |label: &str| {
                let rest = text.strip_prefix("**")?.strip_prefix(label)?;
                let rest = rest.strip_prefix("**:").or_else(|| rest.strip_prefix(":**"))?;
                Some(String::from(rest.trim()))
            };
            if let Some(goal) = after("Goal").or_else(|| after("Purpose")) {
                phase.goal = goal;
            } else if let Some(test) = after("Independent Test") {
                phase.test = test;
            } else if let Some(checkpoint) = after("Checkpoint") {
                phase.checkpoint = checkpoint;
            }
        }
    }
    phases
}

/// Reads the text.
pub(super) fn draft(ctx: &mut Context<'_>, default_id: &str, files: Files<'_>) -> Option<Draft> {
    let (front, body) = yaml::front_matter(ctx)?;
    let mut ignored = foreign::Ignored::default();
    let mut plan = Plan::new(default_id);
    front.entries.iter().filter(|e| e.key != "description").for_each(|e| ignored.keep_in_plan(&mut plan, e));
    let text = ctx.text;
    let lines = lines(text, body);
    if let Some(title) = lines.iter().filter(|l| !l.code).find_map(|l| l.text.strip_prefix("# ")) {
        let title = title.trim().trim_end_matches('#').trim();
        plan.name = String::from(title.strip_prefix("Tasks:").unwrap_or(title).trim());
    }
    if plan.name.is_empty() {
        plan.name = plan.id.to_string();
    }
    let mut draft = Draft::new(plan, Grouping::InOrder);
    let found = find(&lines);
    let phases = phases(&lines);
    let majors = majors(&found);
    let mut groups = Groups::default();
    let mut of_item = BTreeMap::new();
    for (index, item) in found.iter().enumerate() {
        let span = item.at..item.at + item.text.len();
        let (_, phase) = &phases[phases.partition_point(|(line, _)| *line <= item.line) - 1];
        let (Some(id), rest) = leading_id(&item.text) else {
            without_id(ctx, &item.text, phase, &span);
            continue;
        };
        let marks = Marks::of(rest);
        if majors.contains(&index) {
            ctx.push(Severity::Note, &span, format!("`{}` is read as a heading of the tasks below it", item.text.trim()), None);
            continue;
        }
        if marks.title.is_empty() {
            ctx.error_hint(&span, format!("task `{id}` has no text"), "write what is to be done behind its id");
            continue;
        }
        let mut table = Table::default();
        let nested = body_of(ctx, &lines, item, &mut table);
        put(&mut table, text_entry("id", String::from(id), &span));
        put(&mut table, text_entry("title", String::from(marks.title), &span));
        let depends = depends_of(ctx, marks.title, &span);
        if !depends.is_empty() {
            put(&mut table, list_entry("depends", depends, &span));
        }
        if let Some(story) = marks.story {
            keep(&mut table, "story", String::from(story), &span);
        }
        let mut sections = Sections::default();
        sections.plain(&nested);
        sections.add("Part of", &phase.heading);
        sections.add("Goal of this phase", &phase.goal);
        sections.add("How the phase is tested on its own", &phase.test);
        sections.add("What holds after the phase", &phase.checkpoint);
        sections.into_prompt(&mut table, &span);
        let (mut task, mut places) = task(ctx, &table, None, &span, index, files);
        task.ticked |= item.ticked;
        places.tick = Some(item.tick.clone());
        of_item.insert(index, draft.plan.tasks.len());
        let major = id.split_once('.').map_or("", |(major, _)| major);
        if let Some(group) = groups.of(phase, major, marks.parallel) {
            task.group = Some(group);
            places.group = Some(span);
        }
        draft.push(task, places);
    }
    draft.wholes = wholes(&found, &majors, numbered(&found, &majors), &of_item);
    ignored.report(ctx);
    Some(draft)
}

/// The headings that an item's number puts it under: `2` for `2.1`. Of several with one number, the last before the item.
fn numbered(found: &[Found], majors: &BTreeSet<usize>) -> impl Fn(usize) -> Vec<usize> {
    let number = |item: usize| leading_id(&found[item].text).0;
    let mut of_number: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for major in majors {
        number(*major).into_iter().for_each(|n| of_number.entry(n).or_default().push(*major));
    }
    move |item| {
        let Some(own) = number(item) else { return Vec::new() };
        let prefixes = own.match_indices('.').map(|(at, _)| &own[..at]);
        let last = |same: &Vec<usize>| same[..same.partition_point(|m| *m < item)].last().or(same.first()).copied();
        prefixes.filter_map(|n| of_number.get(n)).filter_map(last).collect()
    }
}

/// Items that only head others: those with tasks nested in them, and `2` where there is a `2.1`.
fn majors(found: &[Found]) -> BTreeSet<usize> {
    let numbers: BTreeSet<&str> = found.iter().filter_map(|f| leading_id(&f.text).0).collect();
    let heads = |id: &str| {
        let below = format!("{id}.");
        id.bytes().all(|b| b.is_ascii_digit()) && numbers.range(below.as_str()..).next().is_some_and(|n| n.starts_with(&below))
    };
    let numbered = found.iter().enumerate().filter(|(_, f)| leading_id(&f.text).0.is_some_and(heads)).map(|(i, _)| i);
    found.iter().filter_map(|f| f.parent).chain(numbered).collect()
}

fn without_id(ctx: &mut Context<'_>, text: &str, phase: &Phase, span: &Span) {
    let first = text.split_whitespace().next().unwrap_or("");
    // The template's own examples.
    let template = first.len() > 1 && first.starts_with('T') && first[1..].bytes().all(|b| b == b'X');
    if template || phase.aside {
        let why = if template { "it is an example" } else { "it has no id and stands in no phase" };
        ctx.push(Severity::Note, span, format!("this item is not read as a task: {why}"), None);
    } else {
        ctx.error_hint(span, "the task has no id", "begin it with one, such as `T012`");
    }
}

/// `(depends on T012, T013)` in a task's text.
fn depends_of(ctx: &mut Context<'_>, title: &str, span: &Span) -> Vec<(String, Span)> {
    let lower = title.to_ascii_lowercase();
    let Some(start) = lower.find("depends on ").map(|at| at + "depends on ".len()) else { return Vec::new() };
    let text = title.get(start..).unwrap_or("");
    let end = text.find([')', ';']).unwrap_or(text.len());
    let at = ctx.text[span.clone()].find(title).map_or(span.start, |offset| span.start + offset) + start;
    let mut out = Vec::new();
    for word in text[..end].split([' ', ',', '&', '+']) {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        let from = at + (word.as_ptr() as usize - text.as_ptr() as usize);
        let place = from..from + word.len();
        match word.split_once(['-', '–', '…']).or_else(|| word.split_once("..")) {
            Some((first, last)) if number(first).is_some() => match (number(first), number(last.trim_start_matches('.'))) {
                (Some(a), Some(b)) if a <= b && b - a <= RANGE_MAX => {
                    let width = first.len() - 1;
                    out.extend((a..=b).map(|n| (format!("T{n:0width$}"), place.clone())));
                }
                _ => ctx.error_hint(&place, format!("`{word}` is no range of tasks"), "write it as `T004-T010`, or name each task"),
            },
            _ if number(word).is_some() => out.push((String::from(word), place)),
            _ => {}
        }
    }
    out
}

fn number(id: &str) -> Option<u32> {
    let digits = id.strip_prefix('T')?;
    if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|b| b.is_ascii_digit()) { None } else { digits.parse().ok() }
}

/// Names for the tasks that go together: those with `[P]` that stand together in one phase.
#[derive(Default)]
struct Groups {
    last: Option<(String, GroupId)>,
    used: std::collections::BTreeMap<String, u32>,
}

impl Groups {
    fn of(&mut self, phase: &Phase, major: &str, parallel: bool) -> Option<GroupId> {
        if !parallel {
            self.last = None;
            return None;
        }
        let base = match (phase.number.as_str(), major) {
            ("", "") => String::from("parallel"),
            ("", major) => format!("part-{major}"),
            (number, _) => format!("phase-{number}"),
        };
        if let Some((_, group)) = self.last.as_ref().filter(|(b, _)| *b == base) {
            return Some(group.clone());
        }
        let count = self.used.entry(base.clone()).or_insert(0);
        *count += 1;
        let group = GroupId::from(if *count == 1 { base.clone() } else { format!("{base}-{count}") });
        self.last = Some((base, group.clone()));
        Some(group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_shows_in_its_ids_and_marks() {
        for (text, is) in [
            ("## Phase 1: Setup\n- [ ] T001 Create the project\n", true),
            ("- [ ] T001 [P] x\n", true),
            ("- [x] T001 [US1] x\n", true),
            ("- [ ] 2.1 (P) x\n", true),
            ("- [ ] T001 x\n", false),
            ("- [ ] T001 [P:Group-A] x\n## Phase 1: y\n", false),
            ("---\nname: x\n---\n## Phase 1: y\n- [ ] T001 [P] x\n", false),
            ("---\ndescription: x\n---\n## Phase 1: y\n- [ ] T001 [P] x\n", true),
            ("```\n- [ ] T001 [P] x\n```\n- [ ] y\n", false),
        ] {
            assert_eq!(is_task_list(text), is, "{text}");
        }
    }

    #[test]
    fn dependencies_stand_in_the_text() {
        let of = |title: &str| {
            let mut ctx = Context::new("x", title);
            let found = depends_of(&mut ctx, title, &(0..title.len()));
            (found.into_iter().map(|(id, at)| format!("{id}@{}", &title[at])).collect::<Vec<_>>(), ctx.finish().len())
        };
        assert_eq!(of("Wire it (depends on T012, T013 and T1)").0, ["T012@T012", "T013@T013", "T1@T1"]);
        assert_eq!(of("x (Depends on T008-T010) in src/a").0, ["T008@T008-T010", "T009@T008-T010", "T010@T008-T010"]);
        assert_eq!(of("It depends on the weather"), (vec![], 0));
        assert_eq!(of("x (depends on T9-T2)").1, 1);
    }
}
