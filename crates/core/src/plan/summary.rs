//! What `greenlane plan` shows: waves, owners, overlaps, the critical path, estimates. Data only; knows no terminal.

use serde::{Deserialize, Serialize};

use super::forecast::forecast;
use super::largest::largest_set;
use super::model::Plan;
use crate::graph::{Cycle, ESTIMATE_DEFAULT, Graph};
use crate::ids::{GroupId, PlanId, TaskId};
use crate::overlap::Overlaps;

/// Most overlapping pairs that are listed.
const OVERLAPS_MAX: usize = 1000;

/// A plan before it runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// 1.
    pub schema: u32,
    /// The plan's id.
    pub plan: PlanId,
    /// The plan's name.
    pub name: String,
    /// The file that it came from.
    pub source: String,
    /// How many tasks it has, ticked ones included.
    pub total: usize,
    /// Tasks with nothing to do.
    pub ticked: Vec<TaskId>,
    /// Groups in the order of their barriers.
    pub groups: Vec<GroupSummary>,
    /// Tasks that could run together if files and slots did not matter; without ticked ones.
    pub waves: Vec<Vec<TaskId>>,
    /// Pairs of tasks that never run at once because of their files; at most 1,000.
    pub overlaps: Vec<OverlapSummary>,
    /// Whether there are more pairs than are listed.
    pub overlaps_truncated: bool,
    /// Tasks without `owns`: they may touch anything and overlap nobody.
    pub without_owns: Vec<TaskId>,
    /// The longest path by estimates.
    pub critical_path: CriticalPath,
    /// How long it would take if every estimate were true.
    pub estimates: Estimates,
    /// A set of tasks that can run at once, files considered: the largest, or of a long plan one that was found greedily.
    pub largest_set: Vec<TaskId>,
    /// No such set is larger than this; where it is the set's own size, the set is the largest.
    pub largest_set_bound: usize,
}

/// A group and its tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupSummary {
    /// The group's name; of a sequential task between groups: the task's id.
    pub id: GroupId,
    /// Its place in the order of barriers, from 0.
    pub stage: u32,
    /// Its tasks in the order of the file.
    pub tasks: Vec<TaskId>,
}

/// Two tasks that own a common path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OverlapSummary {
    /// The one that runs first, by the forecast.
    pub first: TaskId,
    /// The one that waits.
    pub second: TaskId,
    /// The glob of `first`.
    pub first_owns: String,
    /// The glob of `second`.
    pub second_owns: String,
    /// One depends on the other, so the overlap costs nothing.
    pub ordered: bool,
}

/// The longest path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CriticalPath {
    /// Its tasks in their order, ticked ones left out.
    pub tasks: Vec<TaskId>,
    /// Its length.
    pub seconds: f64,
}

/// Durations by the plan's estimates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimates {
    /// One task after the other.
    pub sequential_seconds: f64,
    /// On as many slots as anybody could use, files aside: no run is shorter.
    pub critical_path_seconds: f64,
    /// On `jobs` slots, files considered.
    pub forecast_seconds: f64,
    /// The slots of the forecast.
    pub jobs: u32,
    /// Tasks that carry no estimate and are taken for `default_seconds`.
    pub without_estimate: usize,
    /// What such a task is taken for.
    pub default_seconds: f64,
}

/// Looks at a plan as it would run on `jobs` slots (the plan's own `jobs`, where fewer).
///
/// # Errors
/// The plan's cycles; a validated plan has none.
pub fn summary(plan: &Plan, jobs: u32) -> Result<Summary, Vec<Cycle>> {
    let graph = Graph::new(plan)?;
    let overlaps = Overlaps::new(plan.tasks.iter().map(|t| if t.ticked { &[][..] } else { t.owns.as_slice() }));
    let jobs = plan.jobs.map_or(jobs, |own| own.min(jobs)).max(1);
    let forecast = forecast(plan, &graph, &overlaps, jobs as usize);
    let id = |task: &usize| plan.tasks[*task].id.clone();
    let open = |task: &usize| !plan.tasks[*task].ticked;
    let waves: Vec<Vec<usize>> =
        graph.waves().iter().map(|w| w.iter().copied().filter(open).collect()).filter(|w: &Vec<_>| !w.is_empty()).collect();
    let (path, length) = graph.critical_path();
    let pairs = overlaps.pairs(OVERLAPS_MAX);
    let largest = largest_set(&graph, &waves, &overlaps);
    let tasks = || plan.tasks.iter().filter(|t| !t.ticked);
    Ok(Summary {
        schema: 1,
        plan: plan.id.clone(),
        name: plan.name.clone(),
        source: plan.source.clone(),
        total: plan.tasks.len(),
        ticked: plan.tasks.iter().filter(|t| t.ticked).map(|t| t.id.clone()).collect(),
        groups: groups(plan),
        largest_set: largest.tasks.iter().map(id).collect(),
        largest_set_bound: largest.bound,
        waves: waves.iter().map(|w| w.iter().map(id).collect()).collect(),
        overlaps: pairs
            .list
            .iter()
            .map(|p| {
                let swapped = (forecast.starts[p.second], p.second) < (forecast.starts[p.first], p.first);
                let (a, b) = ((p.first, &p.first_glob), (p.second, &p.second_glob));
                let (first, second) = if swapped { (b, a) } else { (a, b) };
                OverlapSummary {
                    first: id(&first.0),
                    second: id(&second.0),
                    first_owns: first.1.clone(),
                    second_owns: second.1.clone(),
                    ordered: leads_to(&graph, first.0, second.0),
                }
            })
            .collect(),
        overlaps_truncated: !pairs.complete,
        without_owns: tasks().filter(|t| t.owns.is_empty()).map(|t| t.id.clone()).collect(),
        critical_path: CriticalPath { tasks: path.iter().map(id).collect(), seconds: length.as_secs_f64() },
        estimates: Estimates {
            sequential_seconds: (0..graph.len()).map(|t| graph.estimate(t).as_secs_f64()).sum(),
            critical_path_seconds: length.as_secs_f64(),
            forecast_seconds: forecast.makespan.as_secs_f64(),
            jobs,
            without_estimate: tasks().filter(|t| t.estimate.is_none()).count(),
            default_seconds: ESTIMATE_DEFAULT.as_secs_f64(),
        },
    })
}

fn groups(plan: &Plan) -> Vec<GroupSummary> {
    let mut tasks: std::collections::BTreeMap<u32, Vec<TaskId>> = std::collections::BTreeMap::new();
    for task in &plan.tasks {
        if let Some(stage) = task.stage {
            tasks.entry(stage).or_default().push(task.id.clone());
        }
    }
    plan.groups
        .iter()
        .map(|g| GroupSummary { id: g.id.clone(), stage: g.stage, tasks: tasks.remove(&g.stage).unwrap_or_default() })
        .collect()
}

/// Whether `second` waits for `first` by dependencies or stages.
pub(super) fn leads_to(graph: &Graph, first: usize, second: usize) -> bool {
    let mut seen = vec![false; graph.len()];
    let mut stages_seen = vec![false; graph.stages().len()];
    let mut open = vec![first];
    // A barrier need not be walked through task by task: a stage leads to every later one.
    let target = graph.stage_of(second);
    while let Some(task) = open.pop() {
        if task == second || matches!((graph.stage_of(task), target), (Some(a), Some(b)) if a < b) {
            return true;
        }
        for next in graph.dependents(task) {
            if !std::mem::replace(&mut seen[*next], true) {
                open.push(*next);
            }
        }
        if let Some(stage) = graph.stage_of(task)
            && let Some(next) = graph.stages().get(stage + 1)
            && !std::mem::replace(&mut stages_seen[stage], true)
        {
            for next in next {
                if !std::mem::replace(&mut seen[*next], true) {
                    open.push(*next);
                }
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Task;
    use std::time::Duration;

    fn task(id: &str, minutes: u64, depends: &[&str], owns: &[&str]) -> Task {
        let mut task = Task::new(id);
        task.estimate = Some(Duration::from_secs(minutes * 60));
        task.depends = depends.iter().map(|d| TaskId::from(*d)).collect();
        task.owns = owns.iter().map(|g| String::from(*g)).collect();
        task
    }

    fn names(ids: &[TaskId]) -> String {
        ids.iter().map(TaskId::as_str).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn everything_a_reader_wants_to_know() {
        let mut plan = Plan::new("p");
        plan.tasks = vec![
            task("a", 10, &[], &["src/**"]),
            task("b", 20, &[], &["src/b.rs"]),
            task("c", 5, &["a"], &["src/c.rs"]),
            task("d", 5, &["old"], &[]),
            task("old", 60, &[], &["src/**"]),
        ];
        plan.tasks[4].ticked = true;
        plan.tasks[3].estimate = None;
        let s = summary(&plan, 5).expect("no cycle");
        assert_eq!(s.waves.iter().map(|w| names(w)).collect::<Vec<_>>(), ["a b d", "c"]);
        assert_eq!((names(&s.ticked), names(&s.without_owns), names(&s.largest_set)), ("old".into(), "d".into(), "b c d".into()));
        let pairs: Vec<String> =
            s.overlaps.iter().map(|o| format!("{}:{} {}:{} {}", o.first, o.first_owns, o.second, o.second_owns, o.ordered)).collect();
        // b has the longer path, so it starts and a waits.
        assert_eq!(pairs, ["b:src/b.rs a:src/** false", "a:src/** c:src/c.rs true"]);
        assert_eq!((names(&s.critical_path.tasks), s.critical_path.seconds), ("b".into(), 1200.0));
        assert_eq!((s.estimates.sequential_seconds, s.estimates.forecast_seconds, s.estimates.without_estimate), (2700.0, 2100.0, 1));
        let json = serde_json::to_value(&s).expect("plain data");
        assert_eq!(json["schema"], 1);
    }

    #[test]
    fn slots_and_the_plans_own_jobs_bound_the_forecast() {
        let mut plan = Plan::new("p");
        plan.tasks = (0..8).map(|i| task(&format!("t{i}"), 10, &[], &[])).collect();
        let seconds = |plan: &Plan, jobs| summary(plan, jobs).expect("no cycle").estimates.forecast_seconds;
        assert_eq!((seconds(&plan, 1), seconds(&plan, 3), seconds(&plan, 100)), (4800.0, 1800.0, 600.0));
        plan.jobs = Some(2);
        assert_eq!(seconds(&plan, 100), 2400.0);
    }

    #[test]
    fn stages_order_overlaps_too() {
        let mut plan = Plan::new("p");
        plan.tasks = vec![task("a", 1, &[], &["x"]), task("b", 1, &[], &["x"]), task("c", 1, &["b"], &["x"])];
        (plan.tasks[0].stage, plan.tasks[1].stage) = (Some(0), Some(1));
        let s = summary(&plan, 2).expect("no cycle");
        assert!(s.overlaps.iter().all(|o| o.ordered), "{:?}", s.overlaps);
    }
}
