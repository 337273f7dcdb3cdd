//! The largest set of tasks that can be at work at once: no two of them wait for each other or own a common file. Exact where the plan
//! is small; else found greedily, with a number that it cannot exceed.

use crate::graph::Graph;
use crate::overlap::{Claims, Overlaps};

/// Most open tasks of which every set is considered.
const EXACT_TASKS_MAX: usize = 64;
/// Most tasks of a plan, ticked ones included, that is looked at so closely.
const EXACT_PLAN_MAX: usize = 1_000;
/// Most sets that are considered.
const STEPS_MAX: usize = 200_000;
/// Most pairs that are looked at for the bound.
const PAIRS_MAX: usize = 200_000;

/// A set, and what is known of larger ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Largest {
    /// In the order of the plan.
    pub tasks: Vec<usize>,
    /// No set is larger than this; the set's own size where it is the largest.
    pub bound: usize,
}

/// `waves`: open tasks only.
pub(super) fn largest_set(graph: &Graph, waves: &[Vec<usize>], overlaps: &Overlaps) -> Largest {
    let mut open: Vec<usize> = waves.iter().flatten().copied().collect();
    open.sort_unstable();
    let greedy = greedy(waves, overlaps);
    if open.len() <= EXACT_TASKS_MAX
        && graph.len() <= EXACT_PLAN_MAX
        && let Some(tasks) = exact(graph, &open, overlaps, greedy.len())
    {
        let tasks = tasks.unwrap_or(greedy);
        return Largest { bound: tasks.len(), tasks };
    }
    let bound = bound(graph, &open, overlaps).max(greedy.len());
    Largest { tasks: greedy, bound }
}

/// Of each wave the tasks that do not stand in each other's way, the first in the file first; the largest such set.
fn greedy(waves: &[Vec<usize>], overlaps: &Overlaps) -> Vec<usize> {
    let mut largest = Vec::new();
    for wave in waves {
        let (mut claims, mut set) = (Claims::default(), Vec::new());
        for task in wave {
            if claims.blocker(overlaps, *task).is_none() {
                claims.claim(overlaps, *task);
                set.push(*task);
            }
        }
        if set.len() > largest.len() {
            largest = set;
        }
    }
    largest
}

/// A set larger than `than`, the largest, `Some(None)` where there is none; `None` where that would take too long.
fn exact(graph: &Graph, open: &[usize], overlaps: &Overlaps, than: usize) -> Option<Option<Vec<usize>>> {
    let after: Vec<Vec<bool>> = open.iter().map(|task| leads_to(graph, *task)).collect();
    let mut against: Vec<u64> = vec![0; open.len()];
    for (i, a) in open.iter().enumerate() {
        for (j, b) in open.iter().enumerate().skip(i + 1) {
            if after[i][*b] || after[j][*a] || overlaps.between(*a, *b).is_some() {
                against[i] |= 1 << j;
                against[j] |= 1 << i;
            }
        }
    }
    let all = if open.len() == 64 { u64::MAX } else { (1_u64 << open.len()) - 1 };
    let mut search = Search { against, best: 0, size: u32::try_from(than).unwrap_or(u32::MAX), steps: 0 };
    search.look(all, 0)?;
    let chosen = |i: &usize| search.best & (1 << i) != 0;
    Some((search.best != 0).then(|| (0..open.len()).filter(chosen).map(|i| open[i]).collect()))
}

struct Search {
    /// By task: those that cannot run beside it.
    against: Vec<u64>,
    best: u64,
    size: u32,
    steps: usize,
}

impl Search {
    /// Extends a set by tasks of `left`; `None` when it has taken too long.
    fn look(&mut self, left: u64, set: u64) -> Option<()> {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return None;
        }
        if set.count_ones() + left.count_ones() <= self.size {
            return Some(());
        }
        let members = (0..self.against.len()).filter(|i| left & (1 << i) != 0);
        let Some(most) = members.max_by_key(|i| (self.against[*i] & left).count_ones()) else {
            (self.best, self.size) = (set, set.count_ones());
            return Some(());
        };
        let bit = 1_u64 << most;
        match (self.against[most] & left).count_ones() {
            // Nothing is left that excludes anything else.
            0 => {
                (self.best, self.size) = (set | left, set.count_ones() + left.count_ones());
                Some(())
            }
            _ => {
                self.look(left & !bit & !self.against[most], set | bit)?;
                self.look(left & !bit, set)
            }
        }
    }
}

/// By task: whether it waits for this one, by dependencies or stages.
fn leads_to(graph: &Graph, from: usize) -> Vec<bool> {
    let mut seen = vec![false; graph.len()];
    let mut open = vec![from];
    let mut stage_seen = graph.stages().len();
    while let Some(task) = open.pop() {
        let later = graph.stage_of(task).map_or(stage_seen, |s| s + 1);
        let stages = graph.stages().get(later..stage_seen.max(later)).unwrap_or(&[]);
        stage_seen = stage_seen.min(later);
        for next in graph.dependents(task).iter().chain(stages.iter().flatten()) {
            if !std::mem::replace(&mut seen[*next], true) {
                open.push(*next);
            }
        }
    }
    seen
}

/// No set is larger. Of two tasks that exclude each other only one can be in it, so each such pair, none twice, takes one away; and of
/// all stages only one can be at work.
fn bound(graph: &Graph, open: &[usize], overlaps: &Overlaps) -> usize {
    let is_open: std::collections::BTreeSet<usize> = open.iter().copied().collect();
    let mut paired = vec![false; graph.len()];
    let (mut pairs, mut looked_at) = (0, 0);
    for task in open {
        if paired[*task] || looked_at > PAIRS_MAX {
            continue;
        }
        let others = overlaps.of(*task);
        looked_at += others.len() + graph.dependents(*task).len();
        let mut others = graph.dependents(*task).iter().copied().chain(others);
        if let Some(other) = others.find(|o| is_open.contains(o) && !paired[*o]) {
            (paired[*task], paired[other]) = (true, true);
            pairs += 1;
        }
    }
    let outside = open.iter().filter(|t| graph.stage_of(**t).is_none()).count();
    let staged = graph.stages().iter().map(|s| s.iter().filter(|t| is_open.contains(t)).count()).max().unwrap_or(0);
    (open.len() - pairs).min(outside + staged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TaskId;
    use crate::plan::{Plan, Task};

    fn looked_at(plan: &Plan) -> (Largest, Graph, Overlaps) {
        let graph = Graph::new(plan).expect("no cycle");
        let overlaps = Overlaps::new(plan.tasks.iter().map(|t| t.owns.as_slice()));
        (largest_set(&graph, &graph.waves(), &overlaps), graph, overlaps)
    }

    fn random(rng: &mut fastrand::Rng, tasks: usize) -> Plan {
        let mut plan = Plan::new("p");
        for n in 0..tasks {
            let mut task = Task::new(format!("t{n}").as_str());
            task.depends = (0..n).filter(|_| rng.usize(..tasks) == 0).map(|d| TaskId::from(format!("t{d}"))).collect();
            task.owns = (0..rng.usize(..3)).map(|_| format!("f{}", rng.usize(..tasks))).collect();
            plan.tasks.push(task);
        }
        plan
    }

    #[test]
    fn the_set_is_the_largest_of_all_sets() {
        let mut rng = greenlane_testkit::fuzz::seeded();
        for _ in 0..200 {
            let tasks = rng.usize(1..10);
            let plan = random(&mut rng, tasks);
            let (found, graph, overlaps) = looked_at(&plan);
            let after: Vec<Vec<bool>> = (0..plan.tasks.len()).map(|t| leads_to(&graph, t)).collect();
            let fits = |a: usize, b: usize| !after[a][b] && !after[b][a] && overlaps.between(a, b).is_none();
            let is_set = |set: &[usize]| set.iter().enumerate().all(|(i, a)| set[i + 1..].iter().all(|b| fits(*a, *b)));
            let sets =
                (0_usize..1 << plan.tasks.len()).map(|bits| (0..plan.tasks.len()).filter(|i| bits & (1 << i) != 0).collect::<Vec<_>>());
            let most = sets.filter(|s| is_set(s)).map(|s| s.len()).max().unwrap_or(0);
            assert!(is_set(&found.tasks), "{found:?}");
            assert_eq!((found.tasks.len(), found.bound), (most, most), "{plan:?}");
            let open: Vec<usize> = (0..plan.tasks.len()).collect();
            assert!(bound(&graph, &open, &overlaps) >= most);
        }
    }

    #[test]
    fn across_waves_and_where_a_wide_glob_comes_first() {
        let mut plan = Plan::new("p");
        plan.tasks = ["wide", "a", "b", "c"].iter().map(|id| Task::new(*id)).collect();
        plan.tasks[0].owns.push(String::from("src/**"));
        for n in 1..4 {
            plan.tasks[n].owns.push(format!("src/{n}.rs"));
        }
        assert_eq!(looked_at(&plan).0, Largest { tasks: vec![1, 2, 3], bound: 3 });
        let mut plan = Plan::new("p");
        plan.tasks = ["a", "b", "c"].iter().map(|id| Task::new(*id)).collect();
        plan.tasks[2].depends.push(TaskId::from("a"));
        assert_eq!(looked_at(&plan).0.tasks.len(), 2);
    }

    #[test]
    fn of_many_tasks_a_bound_is_given() {
        let mut plan = Plan::new("p");
        for n in 0..100 {
            let mut task = Task::new(format!("t{n}").as_str());
            task.owns.push(format!("src/{}.rs", n / 2));
            plan.tasks.push(task);
        }
        let found = looked_at(&plan).0;
        assert_eq!((found.tasks.len(), found.bound), (50, 50));
    }
}
