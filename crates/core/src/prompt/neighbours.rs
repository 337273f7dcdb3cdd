//! Which other tasks are worth naming to an agent: those whose files lie nearest to its own. Knows nothing of words.

use serde::Serialize;

use crate::plan::{Plan, Task};

/// Most tasks that are named; of thousands of tasks few are near.
const NEIGHBOURS_MAX: usize = 20;
/// Most globs of each.
const GLOBS_MAX: usize = 8;
/// By how many globs of each it is told how near two tasks are: every task is compared with every other where all prompts are made.
const COMPARED_MAX: usize = 3;

/// Another task and its files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Neighbour {
    /// Its id.
    pub task: String,
    /// Its title.
    pub title: String,
    /// The first of its globs.
    pub owns: Vec<String>,
    /// How many more there are.
    pub more: usize,
}

/// The other tasks of these plans that own files and are not ticked off, the nearest first, then in the plans' order. The same for the
/// same plans, whatever has happened to their tasks meanwhile.
#[must_use]
pub fn neighbours<'a>(plans: impl Iterator<Item = &'a Plan>, plan: &Plan, task: &Task) -> Vec<Neighbour> {
    let mut all: Vec<(usize, &Task)> = Vec::new();
    for other_plan in plans {
        for other in other_plan.tasks.iter().filter(|t| !t.ticked && !t.owns.is_empty()) {
            if other_plan.id != plan.id || other.id != task.id {
                all.push((nearness(&task.owns, &other.owns), other));
            }
        }
    }
    // Stable: what is equally near stays in the plans' order.
    all.sort_by_key(|(near, _)| std::cmp::Reverse(*near));
    let named = all.into_iter().take(NEIGHBOURS_MAX).map(|(_, other)| Neighbour {
        task: other.id.to_string(),
        title: other.title.clone(),
        owns: other.owns.iter().take(GLOBS_MAX).cloned().collect(),
        more: other.owns.len().saturating_sub(GLOBS_MAX),
    });
    named.collect()
}

/// How many folders the nearest two globs have in common. Only the first globs are looked at: a task may have thousands.
fn nearness(own: &[String], others: &[String]) -> usize {
    let first = |globs: &'_ [String]| globs.len().min(COMPARED_MAX);
    let pairs = own[..first(own)].iter().flat_map(|a| others[..first(others)].iter().map(move |b| (a, b)));
    pairs.map(|(a, b)| common(a, b)).max().unwrap_or(0)
}

/// Folders in common before the first wildcard; one more where it is the same file.
fn common(a: &str, b: &str) -> usize {
    let mut folders = 0;
    for (x, y) in a.bytes().zip(b.bytes()) {
        match x {
            x if x != y => return folders,
            b'*' | b'?' | b'[' | b'{' => return folders,
            b'/' => folders += 1,
            _ => {}
        }
    }
    folders + usize::from(a.len() == b.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(tasks: &[(&str, &[&str])]) -> Plan {
        let mut plan = Plan::new("p");
        for (id, owns) in tasks {
            let mut task = Task::new(*id);
            task.owns = owns.iter().map(|o| String::from(*o)).collect();
            plan.tasks.push(task);
        }
        plan
    }

    #[test]
    fn the_nearest_stand_first_and_the_task_itself_and_those_without_files_not_at_all() {
        let mut plan = plan(&[
            ("mine", &["src/api/user.rs"]),
            ("docs", &["docs/**"]),
            ("open", &[]),
            ("api", &["tests/a.rs", "src/api/order.rs"]),
            ("src", &["src/*.rs"]),
            ("done", &["src/api/x.rs"]),
        ]);
        plan.tasks[5].ticked = true;
        let named = neighbours([&plan].into_iter(), &plan, &plan.tasks[0]);
        assert_eq!(named.iter().map(|n| n.task.as_str()).collect::<Vec<_>>(), ["api", "src", "docs"]);
    }

    #[test]
    fn folders_are_compared_whole_and_up_to_a_wildcard() {
        for (a, b, want) in [("src/api/x", "src/apis/x", 1), ("src/**", "src/**", 1), ("a/b", "a/b", 2), ("a/b", "a/b/c", 1), ("x", "y", 0)]
        {
            assert_eq!((common(a, b), common(b, a)), (want, want), "{a} {b}");
        }
    }

    #[test]
    fn of_many_a_few_are_named() {
        let globs: Vec<String> = (0..30).map(|n| format!("a/{n}.rs")).collect();
        let globs: Vec<&str> = globs.iter().map(String::as_str).collect();
        let ids: Vec<String> = (0..100).map(|n| format!("t{n}")).collect();
        let tasks: Vec<(&str, &[&str])> = ids.iter().map(|id| (id.as_str(), globs.as_slice())).collect();
        let plan = plan(&tasks);
        let named = neighbours([&plan].into_iter(), &plan, &plan.tasks[0]);
        assert_eq!((named.len(), named[0].owns.len(), named[0].more), (NEIGHBOURS_MAX, GLOBS_MAX, 22));
    }
}
