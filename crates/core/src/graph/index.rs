//! A plan's tasks by number, with their edges in both directions. Knows nothing of states.
//!
//! A stage barrier is a node of its own between two stages, so that `n` tasks that wait for `m` others cost `n + m` edges and not
//! `n × m`. Those nodes have numbers from the count of tasks upward and never leave this room.

use std::collections::BTreeMap;
use std::time::Duration;

use super::cycle::{Cycle, find_cycles};
use super::frontier::Frontier;
use crate::ids::TaskId;
use crate::plan::Plan;

/// How long a task is thought to take that carries no estimate: a small task of a coding agent. It only orders and predicts.
pub const ESTIMATE_DEFAULT: Duration = Duration::from_secs(600);

/// The dependencies and barriers of one plan. Tasks are numbered in the order of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    numbers: BTreeMap<TaskId, usize>,
    depends: Vec<Vec<usize>>,
    dependents: Vec<Vec<usize>>,
    /// By task: the place of its stage in `stages`.
    stage_of: Vec<Option<usize>>,
    /// The tasks of each stage that has any, in order.
    stages: Vec<Vec<usize>>,
    /// By node: nodes that it waits for, and nodes that wait for it; barriers included.
    pub(super) before: Vec<Vec<usize>>,
    pub(super) after: Vec<Vec<usize>>,
    weight: Vec<Duration>,
    remaining: Vec<Duration>,
    order: Vec<usize>,
}

impl Graph {
    /// Indexes a plan. A dependency on a task that the plan does not define is left out, of equal ids the first counts: both are
    /// validation's to report.
    ///
    /// # Errors
    /// One cycle for each knot of tasks that wait for each other.
    pub fn new(plan: &Plan) -> Result<Self, Vec<Cycle>> {
        let n = plan.tasks.len();
        let mut numbers = BTreeMap::new();
        for (i, task) in plan.tasks.iter().enumerate() {
            numbers.entry(task.id.clone()).or_insert(i);
        }
        let mut places: BTreeMap<u32, usize> = plan.tasks.iter().filter_map(|t| Some((t.stage?, 0))).collect();
        places.values_mut().enumerate().for_each(|(place, slot)| *slot = place);
        let mut stages: Vec<Vec<usize>> = vec![Vec::new(); places.len()];
        let stage_of: Vec<Option<usize>> = plan.tasks.iter().map(|t| t.stage.and_then(|s| places.get(&s).copied())).collect();
        // Barrier `b` stands before stage `b + 1`.
        let barriers = stages.len().saturating_sub(1);
        let mut graph = Self {
            depends: vec![Vec::new(); n],
            dependents: vec![Vec::new(); n],
            before: vec![Vec::new(); n + barriers],
            after: vec![Vec::new(); n + barriers],
            weight: vec![Duration::ZERO; n + barriers],
            remaining: Vec::new(),
            order: Vec::new(),
            numbers,
            stage_of: Vec::new(),
            stages: Vec::new(),
        };
        for (i, task) in plan.tasks.iter().enumerate() {
            graph.weight[i] = if task.ticked { Duration::ZERO } else { task.estimate.unwrap_or(ESTIMATE_DEFAULT) };
            let mut depends: Vec<usize> = task.depends.iter().filter_map(|d| graph.numbers.get(d).copied()).collect();
            depends.sort_unstable();
            depends.dedup();
            for d in &depends {
                graph.dependents[*d].push(i);
                graph.edge(i, *d);
            }
            graph.depends[i] = depends;
            if let Some(place) = stage_of[i] {
                stages[place].push(i);
                if place > 0 {
                    graph.edge(i, n + place - 1);
                }
                if place < barriers {
                    graph.edge(n + place, i);
                }
            }
        }
        for b in 1..barriers {
            graph.edge(n + b, n + b - 1);
        }
        graph.stage_of = stage_of;
        graph.stages = stages;
        graph.order = graph.topological();
        if graph.order.len() < graph.before.len() {
            return Err(find_cycles(&graph));
        }
        graph.remaining = vec![Duration::ZERO; graph.before.len()];
        for node in graph.order.clone().into_iter().rev() {
            let longest = graph.after[node].iter().map(|a| graph.remaining[*a]).max().unwrap_or_default();
            graph.remaining[node] = graph.weight[node].saturating_add(longest);
        }
        Ok(graph)
    }

    fn edge(&mut self, from: usize, waits_for: usize) {
        self.before[from].push(waits_for);
        self.after[waits_for].push(from);
    }

    /// Nodes so that each stands after all it waits for; shorter than all of them where there is a cycle.
    fn topological(&self) -> Vec<usize> {
        let mut open: Vec<usize> = self.before.iter().map(Vec::len).collect();
        let mut order: Vec<usize> = (0..open.len()).filter(|i| open[*i] == 0).collect();
        let mut next = 0;
        while let Some(node) = order.get(next).copied() {
            next += 1;
            for a in &self.after[node] {
                open[*a] -= 1;
                if open[*a] == 0 {
                    order.push(*a);
                }
            }
        }
        order
    }

    /// How many tasks there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.depends.len()
    }

    /// Whether there are no tasks.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.depends.is_empty()
    }

    /// The number of a task: its place in the plan, from 0.
    #[must_use]
    pub fn number(&self, id: &TaskId) -> Option<usize> {
        self.numbers.get(id).copied()
    }

    /// The tasks that it names as dependencies, barriers not included; sorted.
    #[must_use]
    pub fn depends(&self, task: usize) -> &[usize] {
        self.depends.get(task).map_or(&[], Vec::as_slice)
    }

    /// The tasks that name it as a dependency, barriers not included; sorted.
    #[must_use]
    pub fn dependents(&self, task: usize) -> &[usize] {
        self.dependents.get(task).map_or(&[], Vec::as_slice)
    }

    /// The tasks of each stage, in the order of the barriers; each waits for all of the stages before it.
    #[must_use]
    pub fn stages(&self) -> &[Vec<usize>] {
        &self.stages
    }

    /// The place of the task's stage in [`Graph::stages`]; `None` outside of barriers.
    #[must_use]
    pub fn stage_of(&self, task: usize) -> Option<usize> {
        self.stage_of.get(task).copied().flatten()
    }

    /// The task's estimate, [`ESTIMATE_DEFAULT`] where it has none, nothing where it is ticked.
    #[must_use]
    pub fn estimate(&self, task: usize) -> Duration {
        self.weight.get(task).copied().unwrap_or_default()
    }

    /// From the start of this task to the end of the plan on the longest path, itself included: longest first is the better order.
    #[must_use]
    pub fn remaining(&self, task: usize) -> Duration {
        self.remaining.get(task).copied().unwrap_or_default()
    }

    /// All tasks in an order in which each stands after all that it waits for.
    pub fn topological_order(&self) -> impl DoubleEndedIterator<Item = usize> {
        self.order.iter().copied().filter(|i| *i < self.len())
    }

    /// Tasks that could run together if there were slots enough and each took as long: a task is in the first wave that it can be in.
    /// A ticked task takes no time, so those that wait for it only are in its own wave.
    #[must_use]
    pub fn waves(&self) -> Vec<Vec<usize>> {
        let mut wave_of = vec![0_usize; self.before.len()];
        let mut waves: Vec<Vec<usize>> = Vec::new();
        for node in &self.order {
            // What weighs nothing, barriers and ticked tasks, adds no wave: a barrier's number is that of the tasks behind it.
            let earliest = |b: &usize| wave_of[*b] + usize::from(!self.weight[*b].is_zero());
            wave_of[*node] = self.before[*node].iter().map(earliest).max().unwrap_or(0);
        }
        for (task, wave) in wave_of.iter().take(self.len()).enumerate() {
            if waves.len() <= *wave {
                waves.resize(*wave + 1, Vec::new());
            }
            waves[*wave].push(task);
        }
        waves
    }

    /// The longest path by estimates, and its length: no number of slots makes the plan quicker than that.
    #[must_use]
    pub fn critical_path(&self) -> (Vec<usize>, Duration) {
        // Of equal ones the first in the file, so that the answer is always the same.
        let longest = |nodes: &[usize]| nodes.iter().copied().max_by_key(|i| (self.remaining[*i], std::cmp::Reverse(*i)));
        let starts: Vec<usize> = (0..self.before.len()).filter(|i| self.before[*i].is_empty()).collect();
        let mut next = longest(&starts);
        let length = next.map_or(Duration::ZERO, |i| self.remaining[i]);
        let mut path = Vec::new();
        while let Some(node) = next {
            if node < self.len() && !self.weight[node].is_zero() {
                path.push(node);
            }
            next = longest(&self.after[node]);
        }
        (path, length)
    }

    /// Counts down what each task waits for.
    #[must_use]
    pub fn frontier(&self) -> Frontier {
        Frontier::new(self)
    }
}

#[cfg(test)]
#[path = "graph_tests.rs"]
mod tests;
