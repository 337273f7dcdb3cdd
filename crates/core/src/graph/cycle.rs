//! Tasks that wait for each other, as a path that can be shown. Knows nothing of messages.

use super::index::Graph;

/// A closed path: each step waits for the next, the last for the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// The steps; it begins with the task that comes first in the file.
    pub steps: Vec<Step>,
}

/// A task on a cycle and how it waits for the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The task's number.
    pub task: usize,
    /// It waits for the next task by the barrier before its stage (the place in [`Graph::stages`]); `None`: it names it.
    pub barrier: Option<usize>,
}

/// One shortest cycle through the first task of each knot (strongly connected component).
pub(super) fn find_cycles(graph: &Graph) -> Vec<Cycle> {
    let mut cycles = Vec::new();
    for knot in knots(graph) {
        let Some(start) = knot.iter().copied().filter(|i| *i < graph.len()).min() else { continue };
        let path = shortest_back(graph, start, &knot);
        let mut steps: Vec<Step> = Vec::new();
        for node in path {
            if node < graph.len() {
                steps.push(Step { task: node, barrier: None });
            } else if let Some(last) = steps.last_mut()
                && last.barrier.is_none()
            {
                last.barrier = graph.stage_of(last.task);
            }
        }
        if !steps.is_empty() {
            cycles.push(Cycle { steps });
        }
    }
    cycles.sort_by_key(|c| c.steps[0].task);
    cycles
}

/// The nodes from `start` along what each waits for until `start` would come again, by breadth.
fn shortest_back(graph: &Graph, start: usize, knot: &[usize]) -> Vec<usize> {
    let mut came_from: Vec<Option<usize>> = vec![None; graph.before.len()];
    let mut open = std::collections::VecDeque::from([start]);
    while let Some(node) = open.pop_front() {
        for next in &graph.before[node] {
            if *next == start {
                let mut path = vec![node];
                let mut at = node;
                while at != start {
                    let Some(previous) = came_from[at] else { break };
                    path.push(previous);
                    at = previous;
                }
                path.reverse();
                return path;
            }
            if came_from[*next].is_none() && knot.binary_search(next).is_ok() {
                came_from[*next] = Some(node);
                open.push_back(*next);
            }
        }
    }
    Vec::new()
}

/// Sets of nodes that all wait for each other, each sorted (Tarjan, without recursion: plans may be 100,000 tasks deep).
fn knots(graph: &Graph) -> Vec<Vec<usize>> {
    const NEW: usize = usize::MAX;
    let n = graph.before.len();
    let (mut index, mut low, mut on_stack) = (vec![NEW; n], vec![0; n], vec![false; n]);
    let (mut stack, mut knots, mut counter) = (Vec::new(), Vec::new(), 0);
    for root in 0..n {
        if index[root] != NEW {
            continue;
        }
        let mut calls = vec![(root, 0)];
        while let Some((node, edge)) = calls.pop() {
            if edge == 0 {
                index[node] = counter;
                low[node] = counter;
                counter += 1;
                stack.push(node);
                on_stack[node] = true;
            }
            match graph.before[node].get(edge) {
                Some(&next) => {
                    calls.push((node, edge + 1));
                    if index[next] == NEW {
                        calls.push((next, 0));
                    } else if on_stack[next] {
                        low[node] = low[node].min(index[next]);
                    }
                }
                None => {
                    if low[node] == index[node] {
                        let mut knot = Vec::new();
                        while let Some(member) = stack.pop() {
                            on_stack[member] = false;
                            knot.push(member);
                            if member == node {
                                break;
                            }
                        }
                        knot.sort_unstable();
                        if knot.len() > 1 || graph.before[node].contains(&node) {
                            knots.push(knot);
                        }
                    }
                    if let Some((parent, _)) = calls.last() {
                        low[*parent] = low[*parent].min(low[node]);
                    }
                }
            }
        }
    }
    knots
}
