//! The graph on small plans that can be checked by hand, and on random ones.

use super::*;
use crate::graph::Step;
use crate::ids::PlanId;
use crate::plan::Task;

/// `"a"`, `"b: a"` (depends on a), `"c@1"` (stage 1), `"d=30"` (an estimate in minutes).
fn plan(lines: &[&str]) -> Plan {
    let mut plan = Plan::new(PlanId::from("p"));
    for line in lines {
        let (head, depends) = line.split_once(": ").unwrap_or((line, ""));
        let (head, minutes) = head.split_once('=').map_or((head, None), |(h, m)| (h, m.parse().ok()));
        let (id, stage) = head.split_once('@').map_or((head, None), |(h, s)| (h, s.parse().ok()));
        let mut task = Task::new(id);
        task.stage = stage;
        task.depends = depends.split_whitespace().map(TaskId::from).collect();
        task.estimate = minutes.map(|m: u64| Duration::from_secs(m * 60));
        plan.tasks.push(task);
    }
    plan
}

fn minutes(m: u64) -> Duration {
    Duration::from_secs(m * 60)
}

#[test]
fn waves_and_the_critical_path_by_hand() {
    let graph = Graph::new(&plan(&["a=5", "b=30: a", "c: a", "d=1: b c", "e=40"])).expect("no cycle");
    assert_eq!(graph.waves(), [vec![0, 4], vec![1, 2], vec![3]]);
    assert_eq!(graph.critical_path(), (vec![4], minutes(40)));
    assert_eq!((graph.remaining(0), graph.remaining(2), graph.remaining(3)), (minutes(36), minutes(11), minutes(1)));
    assert_eq!((graph.depends(3), graph.dependents(0), graph.number(&"d".into())), (&[1, 2][..], &[1, 2][..], Some(3)));
}

#[test]
fn a_stage_waits_for_all_lower_ones_and_tasks_outside_for_none() {
    let graph = Graph::new(&plan(&["a@0", "b@0", "c@5", "d@7", "free"])).expect("no cycle");
    assert_eq!(graph.waves(), [vec![0, 1, 4], vec![2], vec![3]]);
    assert_eq!(graph.critical_path(), (vec![0, 2, 3], minutes(30)));
    let mut frontier = graph.frontier();
    assert_eq!(frontier.ready().collect::<Vec<_>>(), [0, 1, 4]);
    assert_eq!(frontier.finish(&graph, 0), Vec::<usize>::new());
    assert_eq!(frontier.finish(&graph, 0), Vec::<usize>::new(), "a second time it changes nothing");
    assert_eq!(frontier.finish(&graph, 1), [2]);
    assert_eq!(frontier.finish(&graph, 2), [3]);
    assert_eq!(frontier.ready().collect::<Vec<_>>(), [3, 4]);
}

#[test]
fn a_failed_task_opens_the_barrier_only() {
    let graph = Graph::new(&plan(&["a@0", "b@0: a", "c@1", "d@1: a"])).expect("no cycle");
    let mut frontier = graph.frontier();
    assert_eq!(frontier.pass_barrier(&graph, 0), Vec::<usize>::new(), "b still waits for a");
    assert!(!frontier.is_ready(1));
    assert_eq!(frontier.pass_barrier(&graph, 1), [2], "d still waits for a");
}

#[test]
fn cycles_are_shown_by_their_shortest_path() {
    let cycles = Graph::new(&plan(&["x", "a: c x", "b: a", "c: b a", "s: s", "t: s"])).expect_err("two knots");
    let paths: Vec<Vec<usize>> = cycles.iter().map(|c| c.steps.iter().map(|s| s.task).collect()).collect();
    assert_eq!(paths, [vec![1, 3], vec![4]]);
}

#[test]
fn a_barrier_can_be_part_of_a_cycle() {
    let cycles = Graph::new(&plan(&["a@0: b", "b@1"])).expect_err("b waits for a");
    assert_eq!(cycles, [Cycle { steps: vec![Step { task: 0, barrier: None }, Step { task: 1, barrier: Some(1) }] }]);
    let cycles = Graph::new(&plan(&["a@0: free", "b@1", "free: b"])).expect_err("free waits for b");
    let path: Vec<(usize, Option<usize>)> = cycles[0].steps.iter().map(|s| (s.task, s.barrier)).collect();
    assert_eq!(path, [(0, None), (2, None), (1, Some(1))]);
}

#[test]
fn ticked_tasks_weigh_nothing() {
    let mut p = plan(&["a=60", "b=20: a"]);
    p.tasks[0].ticked = true;
    let graph = Graph::new(&p).expect("no cycle");
    assert_eq!(graph.critical_path(), (vec![1], minutes(20)));
}

/// What must be done before `task` may start, worked out the slow way.
fn waits_for(plan: &Plan, task: usize) -> Vec<usize> {
    let t = &plan.tasks[task];
    (0..plan.tasks.len())
        .filter(|o| {
            let other = &plan.tasks[*o];
            t.depends.contains(&other.id) || matches!((t.stage, other.stage), (Some(mine), Some(theirs)) if theirs < mine)
        })
        .collect()
}

#[test]
fn random_plans_run_to_the_end_in_an_order_that_honours_all() {
    let mut rng = greenlane_testkit::fuzz::seeded();
    for _ in 0..200 {
        let n = rng.usize(1..25);
        let mut p = Plan::new(PlanId::from("p"));
        for i in 0..n {
            let mut task = Task::new(format!("t{i}"));
            // Stages grow with the number, so that dependencies on smaller numbers never run into a barrier.
            task.stage = rng.bool().then_some(u32::try_from(i / 4).expect("small"));
            task.depends = (0..i).filter(|_| rng.u8(..10) == 0).map(|d| TaskId::from(format!("t{d}"))).collect();
            task.estimate = Some(minutes(rng.u64(1..30)));
            p.tasks.push(task);
        }
        // A dependency leads to a smaller number, a barrier to a smaller stage and so to a smaller number: never a cycle.
        let graph = Graph::new(&p).expect("no cycle");
        let (mut frontier, mut done, mut running) = (graph.frontier(), vec![false; n], Vec::new());
        running.extend(frontier.ready());
        while !running.is_empty() {
            let task = running.swap_remove(rng.usize(..running.len()));
            assert!(waits_for(&p, task).iter().all(|w| done[*w]), "task {task}");
            done[task] = true;
            running.extend(frontier.finish(&graph, task));
        }
        assert!(done.iter().all(|d| *d));

        let waves = graph.waves();
        let wave_of = |t: usize| waves.iter().position(|w| w.contains(&t)).expect("in a wave");
        let mut longest = vec![Duration::ZERO; n];
        for task in (0..n).rev() {
            let after = (0..n).filter(|o| waits_for(&p, *o).contains(&task)).map(|o| longest[o]).max().unwrap_or_default();
            longest[task] = after + graph.estimate(task);
            assert_eq!(graph.remaining(task), longest[task]);
            let expected = waits_for(&p, task).iter().map(|w| wave_of(*w) + 1).max().unwrap_or(0);
            assert_eq!(wave_of(task), expected);
        }
        let (path, length) = graph.critical_path();
        assert_eq!(path.iter().map(|t| graph.estimate(*t)).sum::<Duration>(), length);
        assert_eq!(Some(&length), longest.iter().max());
    }
}

#[test]
fn random_tangles_give_cycles_that_close() {
    let mut rng = greenlane_testkit::fuzz::seeded();
    let mut tangles = 0;
    for _ in 0..300 {
        let n = rng.usize(1..12);
        let mut p = Plan::new(PlanId::from("p"));
        for i in 0..n {
            let mut task = Task::new(format!("t{i}"));
            task.stage = (rng.u8(..3) == 0).then(|| rng.u32(..3));
            task.depends = (0..n).filter(|_| rng.u8(..8) == 0).map(|d| TaskId::from(format!("t{d}"))).collect();
            p.tasks.push(task);
        }
        let Err(cycles) = Graph::new(&p) else { continue };
        tangles += 1;
        for cycle in cycles {
            for (i, step) in cycle.steps.iter().enumerate() {
                let next = cycle.steps[(i + 1) % cycle.steps.len()].task;
                let named = p.tasks[step.task].depends.contains(&p.tasks[next].id);
                let barred = waits_for(&p, step.task).contains(&next);
                assert!(if step.barrier.is_some() { barred } else { named }, "{cycle:?}");
            }
        }
    }
    assert!(tangles > 20, "the test needs tangles");
}
