//! Which tasks have nothing left to wait for. Knows nothing of why a task ended.

use super::index::Graph;

/// What each task still waits for, counted down as tasks end. It belongs to the graph that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frontier {
    open: Vec<usize>,
    tasks: usize,
    done: Vec<bool>,
}

impl Frontier {
    pub(super) fn new(graph: &Graph) -> Self {
        // Each stage has tasks, so no barrier is open from the start.
        Self { open: graph.before.iter().map(Vec::len).collect(), tasks: graph.len(), done: vec![false; graph.len()] }
    }

    /// Tasks that wait for nothing and have not ended, in the order of the file.
    pub fn ready(&self) -> impl Iterator<Item = usize> {
        (0..self.tasks).filter(|i| self.open[*i] == 0 && !self.done[*i])
    }

    /// Whether the task waits for nothing any more.
    #[must_use]
    pub fn is_ready(&self, task: usize) -> bool {
        task < self.tasks && self.open[task] == 0 && !self.done[task]
    }

    /// The task has ended; gives the tasks that waited for it last, in the order of the file. A second time it changes nothing.
    pub fn finish(&mut self, graph: &Graph, task: usize) -> Vec<usize> {
        self.pass(graph, task, |_| true)
    }

    /// The task has ended without its work: it stands in nobody's way at the barrier after its stage, but its dependents go on waiting
    /// (`--keep-going`). Gives the tasks that waited for it last.
    pub fn pass_barrier(&mut self, graph: &Graph, task: usize) -> Vec<usize> {
        self.pass(graph, task, |after| after >= graph.len())
    }

    fn pass(&mut self, graph: &Graph, task: usize, through: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut freed = Vec::new();
        if task >= self.tasks || std::mem::replace(&mut self.done[task], true) {
            return freed;
        }
        let mut open: Vec<usize> = graph.after[task].iter().copied().filter(|a| through(*a)).collect();
        while let Some(node) = open.pop() {
            self.open[node] -= 1;
            if self.open[node] == 0 {
                if node < self.tasks {
                    freed.push(node);
                } else {
                    open.extend(&graph.after[node]);
                }
            }
        }
        freed.sort_unstable();
        freed
    }
}
