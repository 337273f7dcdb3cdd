//! Plans in Markdown whose tasks are headings, `## Task N: title`, and whose checkboxes are the steps of each, `- [ ] Step 1: …`: as those
//! who plan for an agent in small steps write them. Read as such only where every checkbox of the file is such a step below such a heading;
//! anything else is the list of tasks that it looks like. Each task builds on the one before it, so they go one after the other.

use super::context::Context;
use super::diagnostic::Severity;
use super::draft::Draft;
use super::markdown::{Found, dedented, entry};
use super::marker;
use super::native::{self, Files};
use super::node::Table;
use super::scan::Line;
use super::tick::Tick;
use crate::ids::GroupId;

/// Longest name of a step that joins the list of activities, in characters.
const STEP_CHARS_MAX: usize = 200;

/// A heading, what belongs to it, and its steps.
pub(super) struct Section {
    /// Its line.
    line: usize,
    /// The line behind its last.
    end: usize,
    number: String,
    title: String,
    /// Which of the items found.
    steps: Vec<usize>,
}

/// The tasks, where all checkboxes are steps of one.
pub(super) fn sections(lines: &[Line<'_>], found: &[Found]) -> Option<Vec<Section>> {
    let mut all: Vec<Section> = Vec::new();
    let mut open: Option<usize> = None;
    for (number, line) in lines.iter().enumerate() {
        let Some(level) = level(line) else { continue };
        if let (Some(above), Some(section)) = (open, all.last_mut())
            && level <= above
        {
            section.end = number;
            open = None;
        }
        if open.is_none()
            && let Some((id, title)) = task_heading(line.text.trim_start_matches('#'))
        {
            let (number_of, title) = (id.to_owned(), title.to_owned());
            all.push(Section { line: number, end: lines.len(), number: number_of, title, steps: Vec::new() });
            open = Some(level);
        }
    }
    for (index, item) in found.iter().enumerate() {
        let section = all.iter_mut().rev().find(|s| s.line < item.line && item.line < s.end)?;
        let is_step = item.boxed && item.parent.is_none() && step_name(&item.text).is_some();
        is_step.then(|| section.steps.push(index))?;
    }
    // Some task without steps is one all the same, but a file without any is another kind.
    all.iter().any(|s| !s.steps.is_empty()).then_some(all)
}

/// Reads them into the draft.
pub(super) fn read(
    ctx: &mut Context<'_>,
    draft: &mut Draft,
    lines: &[Line<'_>],
    found: &[Found],
    all: &[Section],
    files: Files<'_>,
    defaults: Option<&Table>,
) {
    if let Some(first) = all.first() {
        let span = lines[first.line].at..lines[first.line].at + lines[first.line].text.len();
        let message =
            format!("the {} headings `Task N` are the tasks, one after the other; the checkboxes below them are their steps", all.len());
        ctx.push(Severity::Note, &span, message, None);
    }
    for (index, section) in all.iter().enumerate() {
        let line = &lines[section.line];
        let span = line.at..line.at + line.text.len();
        let marker = marker::find(&section.title).unwrap_or_else(|(_, why)| {
            ctx.error_hint(&span, why, "write it as `[P:Group-NAME]`");
            None
        });
        let title = marker::without(&section.title, marker.as_ref());
        let title = if title.is_empty() { format!("Task {}", section.number) } else { title };
        let mut table = Table::default();
        table.entries.push(entry("title", title, &span));
        table.entries.push(entry("id", format!("task-{}", section.number), &span));
        let (mut task, mut places) = native::task(ctx, &table, defaults, &span, index, files);
        let steps = section.steps.iter().map(|s| &found[*s]);
        task.prompt = body(lines, section, found);
        places.has_work |= !task.prompt.is_empty();
        task.activities =
            steps.clone().filter_map(|s| step_name(&s.text)).map(|name| name.chars().take(STEP_CHARS_MAX).collect()).collect();
        task.ticked = !section.steps.is_empty() && steps.clone().all(|s| s.ticked);
        places.tick = steps.map(|s| s.tick.clone()).reduce(Tick::and);
        if let Some(marker) = marker {
            native::check_id(ctx, "group", &marker.name, &span);
            task.group = Some(GroupId::from(&marker.name));
            places.group = Some(span);
        }
        draft.push(task, places);
    }
}

/// What stands below the heading, without the boxes: that one is ticked changes nothing of what is to be done.
fn body(lines: &[Line<'_>], section: &Section, found: &[Found]) -> String {
    let text = (section.line + 1..section.end).map(|number| {
        let step = section.steps.iter().map(|s| &found[*s]).find(|s| s.line == number);
        let line = &lines[number];
        let unboxed = |s: &Found| format!("{}- {}", &line.text[..line.text.len() - line.text.trim_start().len()], s.text);
        Line { at: line.at, text: step.map_or_else(|| line.text.clone(), |s| unboxed(s).into()), indent: line.indent, code: line.code }
    });
    let text: Vec<Line<'_>> = text.collect();
    dedented(&text.iter().collect::<Vec<_>>())
}

fn level(line: &Line<'_>) -> Option<usize> {
    let hashes = line.text.len() - line.text.trim_start_matches('#').len();
    let is_heading = !line.code && (1..=6).contains(&hashes) && line.text[hashes..].starts_with([' ', '\t']);
    is_heading.then_some(hashes)
}

/// Number and title of `Task 3: title`.
fn task_heading(text: &str) -> Option<(&str, &str)> {
    let text = text.trim().trim_end_matches('#').trim_end();
    let (word, rest) = text.split_once(char::is_whitespace)?;
    if !word.eq_ignore_ascii_case("task") {
        return None;
    }
    let rest = rest.trim_start();
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
    let number = rest[..end].trim_end_matches('.');
    let behind = &rest[end..];
    let ends = behind.is_empty() || behind.starts_with([':', ' ', '\t', ')', '-', '–', '—']) || rest[..end].ends_with('.');
    let good = ends && !number.is_empty() && number.len() <= 12 && number.split('.').all(|n| !n.is_empty());
    good.then(|| (number, behind.trim_start_matches([':', ' ', '\t', ')', '-', '–', '—']).trim()))
}

/// What a step says, without the stars around it: `Step 1: Write the test`. `None`: it is none.
fn step_name(text: &str) -> Option<&str> {
    let name = text.trim().trim_matches('*').trim();
    let rest = name.get(..4).filter(|w| w.eq_ignore_ascii_case("step")).map(|_| name[4..].trim_start())?;
    rest.starts_with(|c: char| c.is_ascii_digit()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_and_steps_are_told_from_others() {
        for (text, expected) in [
            (" Task 1: Add it", Some(("1", "Add it"))),
            (" Task 2.1 - Add it ##", Some(("2.1", "Add it"))),
            (" task 3", Some(("3", ""))),
            (" Task 4. Add it", Some(("4", "Add it"))),
            (" Task 5) Add", Some(("5", "Add"))),
            (" Task list", None),
            (" Task 1a: x", None),
            (" Tasks 1: x", None),
            (" Task", None),
            (" Task 1..2: x", None),
        ] {
            assert_eq!(task_heading(text), expected, "{text}");
        }
        assert_eq!(step_name("**Step 1: Write the test**"), Some("Step 1: Write the test"));
        assert_eq!(step_name("step 2. Run"), Some("step 2. Run"));
        for other in ["Steps", "Step back", "Write a step 1", "Stép 1", ""] {
            assert_eq!(step_name(other), None, "{other}");
        }
    }
}
