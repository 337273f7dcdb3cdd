//! Tasks in an outline, where some only stand for those below them, and some are not to be done: what waits for what, in the end.
//! Beads' epics and task-master's tasks with subtasks. Knows neither.

use std::collections::BTreeMap;

use super::context::{Context, Span};
use super::diagnostic::Severity;
use super::tick::{Tick, Whole};

/// Most dependencies that all tasks get together: one on a task of 1,000 parts counts for 1,000.
const DEPENDS_MAX: usize = 1_000_000;

/// One line of the outline.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub id: String,
    pub span: Span,
    pub parent: Option<usize>,
    /// It stands for what is below it, and is no task.
    pub container: bool,
    /// Nothing is to be done about it any more.
    pub done: bool,
    /// Why it is left out: "is deferred".
    pub left_out: Option<String>,
    pub depends: Vec<(String, Span)>,
}

/// By line: what its task waits for, containers resolved; `None` for what is no task.
pub(super) fn resolve(ctx: &mut Context<'_>, lines: &[Line]) -> Vec<Option<Vec<(String, Span)>>> {
    let parents = parents(ctx, lines);
    let mut index: BTreeMap<&str, usize> = BTreeMap::new();
    for (number, line) in lines.iter().enumerate() {
        index.entry(&line.id).or_insert(number);
    }
    let out = left_out(ctx, lines, &parents, &index);
    let mut below: Vec<Vec<usize>> = vec![Vec::new(); lines.len()];
    for (number, line) in lines.iter().enumerate() {
        if !line.container && !out[number] {
            ancestors(&parents, number).for_each(|a| below[a].push(number));
        }
    }
    let mut count = 0;
    let mut told = false;
    let mut resolved = Vec::with_capacity(lines.len());
    for (number, line) in lines.iter().enumerate() {
        if line.container || out[number] {
            resolved.push(None);
            continue;
        }
        let inherited = ancestors(&parents, number).filter(|a| lines[*a].container).flat_map(|a| &lines[a].depends);
        let mut depends: Vec<(String, Span)> = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        for (id, span) in line.depends.iter().chain(inherited) {
            match index.get(id.as_str()) {
                Some(target) if lines[*target].container => {
                    // It is a part of what it waits for: then it waits for nothing.
                    if ancestors(&parents, number).any(|a| a == *target) {
                        continue;
                    }
                    count += below[*target].len();
                    if count > DEPENDS_MAX {
                        if !std::mem::replace(&mut told, true) {
                            ctx.error(span, format!("the tasks wait for more than {DEPENDS_MAX} others, those below other tasks counted"));
                        }
                        continue;
                    }
                    let new = below[*target].iter().filter(|b| seen.insert(lines[**b].id.as_str()));
                    depends.extend(new.map(|b| (lines[*b].id.clone(), span.clone())));
                }
                // Only what is done itself can have waited for something that is left out.
                Some(target) if out[*target] => {}
                _ if seen.insert(id.as_str()) => depends.push((id.clone(), span.clone())),
                _ => {}
            }
        }
        resolved.push(Some(depends));
    }
    resolved
}

/// From its parent upwards.
fn ancestors(parents: &[Option<usize>], of: usize) -> impl Iterator<Item = usize> + '_ {
    std::iter::successors(parents[of], |a| parents[*a])
}

/// Deepest outline: every line costs a step for each level above it.
const DEPTH_MAX: usize = 32;

/// Their parents, where that does not go round in a circle.
fn parents(ctx: &mut Context<'_>, lines: &[Line]) -> Vec<Option<usize>> {
    let all: Vec<Option<usize>> = lines.iter().map(|l| l.parent).collect();
    let mut good = all.clone();
    for (number, line) in lines.iter().enumerate() {
        if ancestors(&all, number).take(DEPTH_MAX + 1).count() > DEPTH_MAX {
            ctx.error(&line.span, format!("`{}` is below itself, or below more than {DEPTH_MAX} others", line.id));
            good[number] = None;
        }
    }
    good
}

/// Which lines are left out: those that say so, what is below them, and whatever waits for one of these. Each of the latter is told.
fn left_out(ctx: &mut Context<'_>, lines: &[Line], parents: &[Option<usize>], index: &BTreeMap<&str, usize>) -> Vec<bool> {
    let mut waiting: Vec<Vec<usize>> = vec![Vec::new(); lines.len()];
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); lines.len()];
    for (number, line) in lines.iter().enumerate() {
        for target in line.depends.iter().filter_map(|(id, _)| index.get(id.as_str())) {
            waiting[*target].push(number);
        }
        if let Some(parent) = parents[number] {
            children[parent].push(number);
        }
    }
    let mut out = vec![false; lines.len()];
    let mut tainted = vec![false; lines.len()];
    let mut open: Vec<(usize, Option<usize>)> = Vec::new();
    for (number, line) in lines.iter().enumerate().filter(|(_, l)| !l.done) {
        if let Some(why) = &line.left_out {
            ctx.push(Severity::Note, &line.span, format!("`{}` {why}, so it is left out", line.id), None);
            open.push((number, None));
        }
    }
    while let Some((number, because)) = open.pop() {
        if lines[number].done || std::mem::replace(&mut out[number], true) {
            continue;
        }
        let id = &lines[number].id;
        if let Some(other) = because.filter(|_| lines[number].left_out.is_none()) {
            let message = format!("`{id}` waits for `{}`, which is left out, so it is left out too", lines[other].id);
            ctx.push(Severity::Warning, &lines[number].span, message, None);
        }
        open.extend(waiting[number].iter().map(|w| (*w, Some(number))));
        if lines[number].container {
            open.extend(children[number].iter().map(|c| (*c, Some(number))));
        }
        // Who waits for the whole waits for this part of it.
        for above in ancestors(parents, number).filter(|a| lines[*a].container) {
            if !std::mem::replace(&mut tainted[above], true) {
                let outside = waiting[above].iter().filter(|w| !ancestors(parents, **w).any(|a| a == above));
                open.extend(outside.map(|w| (*w, Some(number))));
            }
        }
    }
    out
}

/// The containers that are ticked when all below them are. `of_line` has the place of each line's task in the plan; where a part is
/// left out, the whole stays as it is.
pub(super) fn wholes(lines: &[Line], of_line: &BTreeMap<usize, usize>, tick: impl Fn(usize) -> Option<Tick>) -> Vec<Whole> {
    let mut below: BTreeMap<usize, Option<Vec<usize>>> = BTreeMap::new();
    for (number, _) in lines.iter().enumerate().filter(|(_, l)| !l.container) {
        // Parents may go in a circle, which is told elsewhere.
        let above = std::iter::successors(lines[number].parent, |p| lines[*p].parent).take(DEPTH_MAX);
        for parent in above.filter(|p| lines[*p].container) {
            let parts = below.entry(parent).or_insert_with(|| Some(Vec::new()));
            match (parts.as_mut(), of_line.get(&number)) {
                (Some(parts), Some(task)) => parts.push(*task),
                _ => *parts = None,
            }
        }
    }
    let whole = |(number, parts): (usize, Option<Vec<usize>>)| Some(Whole { tick: tick(number)?, done: lines[number].done, parts: parts? });
    below.into_iter().filter_map(whole).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: &str, parent: Option<usize>, depends: &[&str]) -> Line {
        Line {
            id: String::from(id),
            span: 0..1,
            parent,
            container: false,
            done: false,
            left_out: None,
            depends: depends.iter().map(|d| (String::from(*d), 0..1)).collect(),
        }
    }

    fn shown(lines: &[Line]) -> (Vec<String>, Vec<String>) {
        let mut ctx = Context::new("x", "x");
        let resolved = resolve(&mut ctx, lines);
        let text = |(l, r): (&Line, &Option<Vec<(String, Span)>>)| {
            r.as_ref().map(|d| format!("{}: {}", l.id, d.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>().join(" ")))
        };
        (lines.iter().zip(&resolved).filter_map(text).collect(), ctx.finish().into_iter().map(|d| d.message).collect())
    }

    #[test]
    fn who_waits_for_the_whole_waits_for_its_parts() {
        let mut lines = vec![
            line("epic", None, &["before"]),
            line("one", Some(0), &[]),
            line("two", Some(0), &["one", "epic"]),
            line("before", None, &[]),
            line("after", None, &["epic", "two", "nobody"]),
        ];
        lines[0].container = true;
        let (tasks, told) = shown(&lines);
        assert_eq!(tasks, ["one: before", "two: one before", "before: ", "after: one two nobody"]);
        assert!(told.is_empty(), "{told:?}");
    }

    #[test]
    fn what_waits_for_something_left_out_is_left_out_too() {
        let mut lines = vec![
            line("epic", None, &[]),
            line("put-off", Some(0), &[]),
            line("sibling", Some(0), &[]),
            line("after", None, &["epic"]),
            line("later", None, &["after"]),
            line("done", None, &["put-off"]),
        ];
        lines[0].container = true;
        lines[1].left_out = Some(String::from("is deferred"));
        lines[5].done = true;
        let (tasks, told) = shown(&lines);
        assert_eq!(tasks, ["sibling: ", "done: "]);
        assert_eq!(
            told,
            [
                "`put-off` is deferred, so it is left out",
                "`after` waits for `put-off`, which is left out, so it is left out too",
                "`later` waits for `after`, which is left out, so it is left out too"
            ]
        );
    }

    #[test]
    fn a_circle_of_parents_is_told() {
        let lines = [line("a", Some(1), &[]), line("b", Some(0), &[])];
        let (tasks, told) = shown(&lines);
        assert_eq!((tasks.len(), told.len()), (2, 2), "{told:?}");
    }
}
