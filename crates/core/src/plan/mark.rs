//! Ticks tasks off in a plan's own text, or takes the tick back, with the smallest change: everything else stays byte for byte. Pure:
//! texts in, texts out. Nothing is guessed: a task is found by its id and its title, and what comes out is read again and must be the
//! same plan but for these ticks.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::Draft;
use super::model::Plan;
use super::read::{Format, PlanSource, joined, read_with, without_bom};
use super::tick::{Edit, NOW, Tick, Whole};
use crate::ids::TaskId;

/// One task that is to be marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its id.
    pub task: TaskId,
    /// Its title when it ran: under the same id there may be another task by now.
    pub title: String,
    /// Ticked off, or open again.
    pub done: bool,
}

/// What is to be done to a plan's texts.
pub struct MarkRequest<'a> {
    /// The texts as they are now, and the format that the plan was read as.
    pub source: &'a PlanSource<'a>,
    /// Each task once.
    pub marks: &'a [Mark],
    /// The moment, for formats that write it down; as RFC 3339.
    pub now: &'a str,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Marking {
    /// The new texts of those files that change: the file's place (0 is the plan's own, then its further ones), and the text.
    pub texts: BTreeMap<usize, String>,
    /// Tasks whose marks change.
    pub changed: Vec<TaskId>,
    /// Tasks that were marked so already.
    pub already: Vec<TaskId>,
    /// Tasks that cannot be marked, and why, in words that follow "`ID` ".
    pub refused: Vec<(TaskId, String)>,
}

/// A task as the text has it now.
struct Now {
    title: String,
    ticked: bool,
    tick: Option<Tick>,
    derived: bool,
}

/// Marks tasks in the plan's texts.
///
/// # Errors
/// If the texts are no good plan any more: in words, with the place.
pub fn mark(request: &MarkRequest<'_>) -> Result<Marking, String> {
    let (reading, looked) = read_with(request.source, |draft| (tasks(draft), draft.wholes.clone()));
    let (Some(plan), Some((tasks, wholes))) = (reading.plan, looked) else {
        let first = reading.diagnostics.iter().find(|d| d.is_error());
        return Err(first.map_or_else(|| String::from("it is no plan any more"), |d| format!("{}:{}: {}", d.file, d.line, d.message)));
    };
    let format = reading.format;
    let mut marking = Marking::default();
    let mut wanted: BTreeMap<usize, bool> = BTreeMap::new();
    let places: BTreeMap<&str, usize> = plan.tasks.iter().enumerate().map(|(i, t)| (t.id.as_str(), i)).collect();
    for mark in request.marks {
        match found(mark, &places, &tasks) {
            Ok(place) if tasks[place].ticked == mark.done => marking.already.push(mark.task.clone()),
            Ok(place) if tasks[place].tick.is_none() => marking.refused.push((mark.task.clone(), no_place(format))),
            Ok(place) => drop(wanted.insert(place, mark.done)),
            Err(why) => marking.refused.push((mark.task.clone(), why)),
        }
    }
    let files = Files::of(request.source);
    let attempt = |wanted: &BTreeMap<usize, bool>| {
        let texts = files.edited(&edits(wanted, &tasks, &wholes), request.now)?;
        same_but(request.source, &texts, &plan, wanted).then_some(texts)
    };
    let mut search = Search { attempt: &attempt, left: readings(request.source), good: BTreeMap::new(), texts: BTreeMap::new() };
    let all: Vec<(usize, bool)> = wanted.into_iter().collect();
    let bad = search.among(&all);
    marking.refused.extend(bad.into_iter().map(|(place, why)| (plan.tasks[place].id.clone(), why.into())));
    let (wanted, texts) = (search.good, search.texts);
    marking.texts = texts;
    marking.changed = wanted.keys().map(|place| plan.tasks[*place].id.clone()).collect();
    Ok(marking)
}

/// Most text that is read to find out which marks are at fault, in bytes, and how often it is read at least.
const READ_MAX: usize = 8 << 20;
const READINGS_MIN: usize = 4;

/// How often the plan may be read: a long one seldom.
fn readings(source: &PlanSource<'_>) -> usize {
    let bytes = source.text.len() + source.more.iter().map(|(_, text)| text.len()).sum::<usize>();
    (READ_MAX / bytes.max(1)).max(READINGS_MIN)
}

/// Finds the marks that can be made together: all at once, else by halves, since each try reads the whole plan again.
struct Search<'a, F> {
    attempt: &'a F,
    /// So many readings are left.
    left: usize,
    good: BTreeMap<usize, bool>,
    /// The texts with all the good ones.
    texts: BTreeMap<usize, String>,
}

impl<F: Fn(&BTreeMap<usize, bool>) -> Option<BTreeMap<usize, String>>> Search<'_, F> {
    /// Adds the good ones of these to those that are known; returns the others, and why.
    fn among(&mut self, some: &[(usize, bool)]) -> Vec<(usize, &'static str)> {
        if some.is_empty() {
            return Vec::new();
        }
        if self.left == 0 {
            let why = "is one of several marks some of which would change more than themselves, in a plan too long to try each";
            return some.iter().map(|(place, _)| (*place, why)).collect();
        }
        self.left -= 1;
        let mut tried = self.good.clone();
        tried.extend(some.iter().copied());
        if let Some(texts) = (self.attempt)(&tried) {
            (self.good, self.texts) = (tried, texts);
            return Vec::new();
        }
        if let [(place, _)] = some {
            return vec![(*place, "cannot be marked without changing more than its mark")];
        }
        let (first, second) = some.split_at(some.len() / 2);
        let mut bad = self.among(first);
        bad.extend(self.among(second));
        bad
    }
}

fn tasks(draft: &Draft) -> Vec<Now> {
    let one = |(task, places): (&super::model::Task, &super::draft::Places)| Now {
        title: task.title.clone(),
        ticked: task.ticked,
        tick: places.tick.clone(),
        derived: places.derived,
    };
    draft.plan.tasks.iter().zip(&draft.places).map(one).collect()
}

/// The task's place in the plan, if it is surely the same one.
fn found(mark: &Mark, places: &BTreeMap<&str, usize>, tasks: &[Now]) -> Result<usize, String> {
    let Some(place) = places.get(mark.task.as_str()).copied() else { return Err(String::from("is not in the plan any more")) };
    let same = |title: &str| title.split_whitespace().eq(mark.title.split_whitespace());
    if !same(&tasks[place].title) {
        return Err(format!("is called \"{}\" there now, and may be another task", tasks[place].title.trim()));
    }
    if tasks[place].derived && tasks.iter().filter(|t| same(&t.title)).count() > 1 {
        return Err(String::from("has no id, and there are several of its title"));
    }
    Ok(place)
}

fn no_place(format: Option<Format>) -> String {
    String::from(match format {
        Some(Format::SpecKitty) => {
            "has its lane in status.events.jsonl, which is Spec Kitty's: `spec-kitty agent tasks move-task` moves it"
        }
        _ => "has no place in the text that says whether it is done",
    })
}

/// All changes, those of the wholes included.
fn edits(wanted: &BTreeMap<usize, bool>, tasks: &[Now], wholes: &[Whole]) -> Vec<Edit> {
    let done = |place: usize| wanted.get(&place).copied().unwrap_or(tasks[place].ticked);
    let mut edits = Vec::new();
    let mut own = |place: usize, to: bool| {
        if let Some(tick) = &tasks[place].tick {
            edits.extend(if to { tick.done.clone() } else { tick.open.clone() });
        }
    };
    let mut set: BTreeSet<usize> = BTreeSet::new();
    for (place, to) in wanted {
        set.insert(*place);
        own(*place, *to);
    }
    let mut of_wholes = Vec::new();
    for whole in wholes {
        let all = whole.parts.iter().all(|p| done(*p));
        if all && !whole.done && whole.parts.iter().any(|p| wanted.contains_key(p)) {
            of_wholes.extend(whole.tick.done.clone());
        } else if !all && whole.done {
            of_wholes.extend(whole.tick.open.clone());
            // What was done by the whole's mark alone has to say so itself from now on.
            for part in whole.parts.iter().filter(|p| done(**p) && set.insert(**p)) {
                own(*part, true);
            }
        }
    }
    edits.extend(of_wholes);
    edits
}

/// The texts of a plan as they lie one behind the other.
struct Files<'a> {
    texts: Vec<&'a str>,
    /// Where each begins in all of them together.
    starts: Vec<usize>,
}

impl<'a> Files<'a> {
    fn of(source: &'a PlanSource<'a>) -> Self {
        let texts: Vec<&str> = std::iter::once(source.text.as_str()).chain(source.more.iter().map(|(_, t)| t.as_str())).collect();
        let starts = joined(without_bom(&source.text), &source.path, &source.more)
            .map_or_else(|| vec![0], |(_, parts)| parts.into_iter().map(|(at, _)| at).collect());
        Self { texts, starts }
    }

    /// The new texts of those that change; none where changes would fall on each other.
    fn edited(&self, edits: &[Edit], now: &str) -> Option<BTreeMap<usize, String>> {
        let mut of_file: BTreeMap<usize, Vec<&Edit>> = BTreeMap::new();
        for edit in edits {
            let file = self.starts.partition_point(|start| *start <= edit.span.start).checked_sub(1)?;
            of_file.entry(file).or_default().push(edit);
        }
        let mut out = BTreeMap::new();
        for (file, mut edits) in of_file {
            let old = self.texts.get(file)?;
            let bom = old.len() - without_bom(old).len();
            edits.sort_by_key(|e| (e.span.start, e.span.end));
            edits.dedup();
            let mut new = String::from(&old[..bom]);
            let mut at = bom;
            for edit in edits {
                let (from, to) = (edit.span.start - self.starts[file] + bom, edit.span.end - self.starts[file] + bom);
                new.push_str(old.get(at..from)?);
                new.push_str(&edit.text.replace("\\u0000now\\u0000", now).replace(NOW, now));
                at = to;
            }
            new.push_str(old.get(at..)?);
            if new != **old {
                out.insert(file, new);
            }
        }
        Some(out)
    }
}

/// Whether the new texts are the same plan but for these marks.
fn same_but(source: &PlanSource<'_>, texts: &BTreeMap<usize, String>, plan: &Plan, wanted: &BTreeMap<usize, bool>) -> bool {
    let text = |file: usize, old: &str| texts.get(&file).cloned().unwrap_or_else(|| String::from(old));
    let more = source.more.iter().enumerate().map(|(i, (path, old))| (path.clone(), text(i + 1, old))).collect();
    let new = PlanSource {
        path: source.path.clone(),
        text: text(0, &source.text),
        more,
        folder_id: source.folder_id.clone(),
        files: source.files,
        format: source.format,
    };
    let Some(mut found) = super::read::read(&new).plan else { return false };
    let mut expected = plan.clone();
    for (place, done) in wanted {
        expected.tasks[*place].ticked = *done;
    }
    // A line that is put in moves those below it.
    found.tasks.iter_mut().chain(&mut expected.tasks).for_each(|t| t.line = 0);
    found == expected
}
