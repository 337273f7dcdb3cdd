//! How long a run took, and how that compares with one task at a time. Durations of waiting do not count as work.

use std::time::Duration;

use crate::state::{State, TaskState};
use crate::time::Time;

/// A run's times.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// From its start to its end, or to now.
    pub elapsed: Duration,
    /// All attempts and gates, one after another.
    pub sequential: Duration,
    /// The longest chain of tasks that had to follow one another.
    pub critical_path: Duration,
}

impl Figures {
    /// Measures a run.
    #[must_use]
    pub fn of(state: &State, now: Time) -> Self {
        let end = state.ended_at.unwrap_or(now);
        let durations: Vec<Duration> = state.tasks.iter().map(|t| task_duration(t, end)).collect();
        Self { elapsed: end.since(state.started_at), sequential: durations.iter().sum(), critical_path: critical_path(state, &durations) }
    }

    /// One-at-a-time over elapsed; 1 where nothing took any time.
    #[must_use]
    pub fn speedup(&self) -> f64 {
        ratio(self.sequential.as_secs_f64(), self.elapsed.as_secs_f64())
    }

    /// The best possible time on so many slots over the elapsed one.
    #[must_use]
    pub fn efficiency(&self, jobs: u32) -> f64 {
        let best = self.critical_path.as_secs_f64().max(self.sequential.as_secs_f64() / f64::from(jobs.max(1)));
        ratio(best, self.elapsed.as_secs_f64()).min(1.0)
    }
}

fn ratio(a: f64, b: f64) -> f64 {
    if b > 0.0 { a / b } else { 1.0 }
}

/// The time that a task's attempts and their gates took, without the waits between them.
#[must_use]
pub fn task_duration(task: &TaskState, now: Time) -> Duration {
    task.attempts.iter().map(|a| a.judged_at.or(a.exited_at).or(a.ended_at).unwrap_or(now).since(a.started_at)).sum()
}

/// Longest path over dependencies and groups, by the times that were measured.
fn critical_path(state: &State, durations: &[Duration]) -> Duration {
    let mut longest = Duration::ZERO;
    for plan in &state.plans {
        let Ok(graph) = crate::graph::Graph::new(&plan.submission.plan) else { continue };
        let first = plan.tasks.start;
        let mut end_of = vec![Duration::ZERO; graph.len()];
        let mut stage_end: std::collections::BTreeMap<u32, Duration> = std::collections::BTreeMap::new();
        for task in graph.topological_order() {
            let definition = &plan.submission.plan.tasks[task];
            let barrier = definition.stage.and_then(|s| stage_end.range(..s).map(|(_, end)| *end).max()).unwrap_or_default();
            let start = graph.depends(task).iter().map(|d| end_of[*d]).max().unwrap_or_default().max(barrier);
            end_of[task] = start + durations.get(first + task).copied().unwrap_or_default();
            if let Some(stage) = definition.stage {
                let end = stage_end.entry(stage).or_default();
                *end = (*end).max(end_of[task]);
            }
            longest = longest.max(end_of[task]);
        }
    }
    longest
}
