//! How a plan would run if every estimate were true: list scheduling on so many slots. Knows nothing of agents and failures.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::time::Duration;

use super::model::Plan;
use crate::graph::Graph;
use crate::overlap::{Claims, Overlaps};

/// How many tasks that wait for files are passed over, at one moment, in search of one that can start. It keeps the forecast of
/// 10,000 tasks that all own the same files well below a second; only such plans ever notice.
const PASSED_OVER_MAX: usize = 64;

/// When each task would start, and when the last would end.
pub(super) struct Forecast {
    /// By task, from the start of the run.
    pub starts: Vec<Duration>,
    pub makespan: Duration,
}

/// Priority first, then the longest remaining path, then the order of the file: the order in which the coordinator starts tasks.
pub(super) fn forecast(plan: &Plan, graph: &Graph, overlaps: &Overlaps, jobs: usize) -> Forecast {
    let rank = |task: usize| (plan.tasks[task].priority, Reverse(graph.remaining(task)), task);
    let mut out = Forecast { starts: vec![Duration::ZERO; graph.len()], makespan: Duration::ZERO };
    let (mut frontier, mut claims, mut now) = (graph.frontier(), Claims::default(), Duration::ZERO);
    let mut ready: BTreeSet<_> = frontier.ready().map(rank).collect();
    let mut running: BinaryHeap<Reverse<(Duration, usize)>> = BinaryHeap::new();
    let mut slots = 0;
    loop {
        let mut passed_over = 0;
        let mut start = Vec::new();
        for entry in &ready {
            let task = entry.2;
            let ticked = plan.tasks[task].ticked;
            if !ticked && (slots >= jobs.max(1) || passed_over >= PASSED_OVER_MAX) {
                break;
            }
            if !ticked && claims.blocker(overlaps, task).is_some() {
                passed_over += 1;
                continue;
            }
            if !ticked {
                claims.claim(overlaps, task);
                slots += 1;
            }
            start.push(*entry);
        }
        for entry in start {
            ready.remove(&entry);
            out.starts[entry.2] = now;
            running.push(Reverse((now + graph.estimate(entry.2), entry.2)));
        }
        let Some(Reverse((at, task))) = running.pop() else { break };
        now = at;
        out.makespan = now;
        if !plan.tasks[task].ticked {
            claims.release(overlaps, task);
            slots -= 1;
        }
        ready.extend(frontier.finish(graph, task).into_iter().map(rank));
    }
    out
}
