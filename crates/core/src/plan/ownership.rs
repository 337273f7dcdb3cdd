//! Who owns which files: the matrix, overlaps and what can be done about them. Declared files are kept apart while tasks run; what
//! was only inferred is told. Data only; knows no terminal.
//!
//! *Approach*: a glob matches only paths that begin with the text before its first wildcard and end with the text behind its last, so
//! of the sorted paths only a stretch is looked at, and of that only what ends right.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::inferred::{Inferred, Paths, as_glob, infer};
use super::model::Plan;
use super::summary::{OverlapSummary, Summary, leads_to};
use crate::graph::Graph;
use crate::ids::TaskId;
use crate::overlap::{Glob, Overlaps};

/// Most overlaps of inferred files that are listed.
const OVERLAPS_MAX: usize = 1000;
/// Most paths that are looked at to count the files of all globs.
const LOOKS_MAX: usize = 20_000_000;
/// Most rows of the matrix.
const ROWS_MAX: usize = 100_000;

/// Files, their owners, and where these meet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ownership {
    /// A row for each glob or inferred file, in the order of the tasks.
    pub matrix: Vec<Row>,
    /// How many files the repository has.
    pub files: usize,
    /// How many of them some open task owns by the plan. `None` where there were too many to look at.
    pub owned: Option<usize>,
    /// How many of them several open tasks own by the plan.
    pub shared: Option<usize>,
    /// Pairs that meet in a file that was inferred for one of them: they are not kept apart. At most 1,000, and one for each two tasks.
    pub inferred_overlaps: Vec<OverlapSummary>,
    /// Whether there are more than are listed.
    pub inferred_truncated: bool,
    /// What could be done about each overlap of declared files that costs time, in the order of the summary's.
    pub suggestions: Vec<Suggestion>,
}

/// Files and those who own them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The glob as the plan has it, or the path.
    pub files: String,
    /// Its owners, in the order of the plan.
    pub tasks: Vec<TaskId>,
    /// It was taken from a task's text.
    pub inferred: bool,
    /// How many files of the repository it stands for; `None` where there were too many to look at.
    pub matches: Option<usize>,
}

/// What could be done about an overlap.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Suggestion {
    /// The one that would go first.
    pub first: TaskId,
    /// The other.
    pub second: TaskId,
    /// What to do.
    pub what: Remedy,
    /// In words.
    pub text: String,
}

/// Ways out of an overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// One depends on the other, so that the order is the plan's.
    Order,
    /// The wider of the two globs leaves out what the other owns.
    Narrow,
    /// They share single files: these, or the work on them, are divided.
    Split,
}

/// Looks at who owns what; `paths` are the repository's files.
#[must_use]
pub fn ownership(plan: &Plan, summary: &Summary, paths: &Paths<'_>) -> Ownership {
    let inferred = infer(plan, paths);
    let (matrix, owned, shared) = matrix(plan, &inferred, paths);
    let (inferred_overlaps, inferred_truncated) = inferred_overlaps(plan, &inferred);
    let open = summary.overlaps.iter().filter(|o| !o.ordered);
    Ownership {
        matrix,
        files: paths.all().len(),
        owned,
        shared,
        inferred_overlaps,
        inferred_truncated,
        suggestions: open.map(suggestion).collect(),
    }
}

fn matrix(plan: &Plan, inferred: &[Vec<Inferred>], paths: &Paths<'_>) -> (Vec<Row>, Option<usize>, Option<usize>) {
    let mut rows: Vec<(Row, Vec<usize>)> = Vec::new();
    let mut numbers: BTreeMap<(&str, bool), usize> = BTreeMap::new();
    for (number, task) in plan.tasks.iter().enumerate().filter(|(_, t)| !t.ticked) {
        let declared = task.owns.iter().map(|g| (g.as_str(), false));
        for (files, inferred) in declared.chain(inferred[number].iter().map(|f| (f.path.as_str(), true))) {
            if rows.len() >= ROWS_MAX && !numbers.contains_key(&(files, inferred)) {
                continue;
            }
            let row = *numbers.entry((files, inferred)).or_insert_with(|| {
                rows.push((Row { files: String::from(files), tasks: Vec::new(), inferred, matches: None }, Vec::new()));
                rows.len() - 1
            });
            if rows[row].1.last() != Some(&number) {
                rows[row].0.tasks.push(task.id.clone());
                rows[row].1.push(number);
            }
        }
    }
    // By file: the first owner, and whether there is another.
    let mut owners: Vec<Option<(usize, bool)>> = vec![None; paths.all().len()];
    let mut looks = 0;
    for (row, tasks) in &mut rows {
        let glob = if row.inferred { as_glob(&row.files) } else { row.files.clone() };
        let Ok(glob) = Glob::new(&glob) else { continue };
        row.matches = matches(&glob, paths, &mut looks, |file| {
            if row.inferred {
                return;
            }
            for task in tasks.iter() {
                let owner = &mut owners[file];
                *owner = Some(owner.map_or((*task, false), |(first, more)| (first, more || first != *task)));
                // Two owners are all that is asked for.
                if owner.is_some_and(|(_, more)| more) {
                    break;
                }
            }
        });
    }
    let counted = rows.iter().all(|(row, _)| row.inferred || row.matches.is_some());
    let count = |wanted: fn(&(usize, bool)) -> bool| counted.then(|| owners.iter().flatten().filter(|o| wanted(o)).count());
    (rows.into_iter().map(|(row, _)| row).collect(), count(|_| true), count(|(_, more)| *more))
}

/// How many files the glob stands for; each is told by its number.
fn matches(glob: &Glob, paths: &Paths<'_>, looks: &mut usize, mut found: impl FnMut(usize)) -> Option<usize> {
    let mut seen: Vec<usize> = Vec::new();
    for (prefix, suffix) in glob.ends() {
        let stretch = paths.beginning_with(prefix);
        *looks += stretch.len();
        if *looks > LOOKS_MAX {
            return None;
        }
        let first = paths.all().partition_point(|p| *p < prefix);
        let fitting = stretch.iter().zip(first..).filter(|(path, _)| path.ends_with(suffix));
        seen.extend(fitting.filter(|(path, _)| glob.matches(path)).map(|(_, number)| number));
    }
    seen.sort_unstable();
    seen.dedup();
    seen.iter().for_each(|number| found(*number));
    Some(seen.len())
}

/// Pairs that meet in an inferred file, in the order of the plan.
fn inferred_overlaps(plan: &Plan, inferred: &[Vec<Inferred>]) -> (Vec<OverlapSummary>, bool) {
    if inferred.iter().all(Vec::is_empty) {
        return (Vec::new(), false);
    }
    let owns: Vec<Vec<String>> = plan
        .tasks
        .iter()
        .zip(inferred)
        .map(|(task, inferred)| match (task.ticked, inferred.is_empty()) {
            (true, _) => Vec::new(),
            (false, true) => task.owns.clone(),
            (false, false) => inferred.iter().map(|f| as_glob(&f.path)).collect(),
        })
        .collect();
    let overlaps = Overlaps::new(owns.iter().map(Vec::as_slice));
    let Ok(graph) = Graph::new(plan) else { return (Vec::new(), false) };
    let mut out = Vec::new();
    for first in (0..plan.tasks.len()).filter(|t| !owns[*t].is_empty()) {
        for second in overlaps.of(first).range(first + 1..).copied().filter(|s| !inferred[first].is_empty() || !inferred[*s].is_empty()) {
            let Some((a, b)) = overlaps.between(first, second) else { continue };
            let (one, other) = (&plan.tasks[first].id, &plan.tasks[second].id);
            if out.len() == OVERLAPS_MAX {
                return (out, true);
            }
            let ordered = leads_to(&graph, first, second) || leads_to(&graph, second, first);
            let plain = |glob: &str| glob.replace('\\', "");
            out.push(OverlapSummary { first: one.clone(), second: other.clone(), first_owns: plain(a), second_owns: plain(b), ordered });
        }
    }
    (out, false)
}

fn suggestion(overlap: &OverlapSummary) -> Suggestion {
    let (first, second) = (&overlap.first, &overlap.second);
    let wild = |glob: &str| glob.contains(['*', '?', '[', '{']) || glob.ends_with('/');
    let (a, b) = (overlap.first_owns.as_str(), overlap.second_owns.as_str());
    let (what, text) = match (wild(a), wild(b)) {
        (false, false) if a == b => (
            Remedy::Split,
            format!("move what `{second}` changes in `{a}` to a file of its own, or make one task of `{first}` and `{second}`"),
        ),
        (true, false) => (Remedy::Narrow, format!("name the files of `{first}` instead of `{a}`, without `{b}`")),
        (false, true) => (Remedy::Narrow, format!("name the files of `{second}` instead of `{b}`, without `{a}`")),
        (true, true) if a != b => {
            let (wide, glob, other) = if a.len() <= b.len() { (first, a, b) } else { (second, b, a) };
            (Remedy::Narrow, format!("name the files of `{wide}` instead of `{glob}`, without `{other}`"))
        }
        _ => (Remedy::Order, format!("let `{second}` depend on `{first}` if the order matters: they take turns anyway")),
    };
    Suggestion { first: first.clone(), second: second.clone(), what, text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Task, summary};

    fn task(id: &str, title: &str, owns: &[&str]) -> Task {
        let owns = owns.iter().map(|g| String::from(*g)).collect();
        Task { title: String::from(title), owns, ..Task::new(id) }
    }

    fn looked_at(tasks: Vec<Task>, paths: &[&str]) -> Ownership {
        let mut plan = Plan::new("p");
        plan.tasks = tasks;
        ownership(&plan, &summary(&plan, 5).expect("no cycle"), &Paths::new(paths.iter().copied()))
    }

    #[test]
    fn the_matrix_has_a_row_for_each_glob() {
        let tasks = vec![
            task("a", "", &["src/**", "{x,y}.md"]),
            task("b", "", &["src/b.rs"]),
            task("c", "Create src/b.rs and docs/c.md", &[]),
            task("d", "", &["src/**"]),
        ];
        let seen = looked_at(tasks, &["src/a.rs", "src/b.rs", "x.md", "z.md"]);
        let rows: Vec<String> = seen
            .matrix
            .iter()
            .map(|r| {
                let tasks: Vec<&str> = r.tasks.iter().map(TaskId::as_str).collect();
                format!("{}{} {} {:?}", if r.inferred { "?" } else { "" }, r.files, tasks.join("+"), r.matches)
            })
            .collect();
        let expected = ["src/** a+d Some(2)", "{x,y}.md a Some(1)", "src/b.rs b Some(1)", "?docs/c.md c Some(0)", "?src/b.rs c Some(1)"];
        assert_eq!(rows, expected);
        assert_eq!((seen.files, seen.owned, seen.shared), (4, Some(3), Some(2)));
        let pairs: Vec<String> =
            seen.inferred_overlaps.iter().map(|o| format!("{} {} {} {}", o.first, o.second, o.first_owns, o.second_owns)).collect();
        assert_eq!(pairs, ["a c src/** src/b.rs", "b c src/b.rs src/b.rs", "c d src/b.rs src/**"]);
    }

    #[test]
    fn each_overlap_has_a_way_out() {
        let told = |a: &str, b: &str| {
            let seen = looked_at(vec![task("a", "", &[a]), task("b", "", &[b])], &[]);
            format!("{:?}: {}", seen.suggestions[0].what, seen.suggestions[0].text)
        };
        assert_eq!(told("x.rs", "x.rs"), "Split: move what `b` changes in `x.rs` to a file of its own, or make one task of `a` and `b`");
        assert_eq!(told("src/**", "src/b.rs"), "Narrow: name the files of `a` instead of `src/**`, without `src/b.rs`");
        assert_eq!(told("src/b.rs", "src/"), "Narrow: name the files of `b` instead of `src/`, without `src/b.rs`");
        assert_eq!(told("src/**", "src/x/**"), "Narrow: name the files of `a` instead of `src/**`, without `src/x/**`");
        assert_eq!(told("src/**", "src/**"), "Order: let `b` depend on `a` if the order matters: they take turns anyway");
    }
}
