//! What a run's figures are made of: the same work one at a time, against the clock. The clock is set by hand, in seconds.

use std::time::Duration;

use greenlane_core::attempt::{Exit, Merge, Verdict};
use greenlane_core::event::{MergeResult, Stopping, Submission};
use greenlane_core::ids::{AttemptId, Oid, PlanId, RunId, TaskKey};
use greenlane_core::input::{Input, Request};
use greenlane_core::options::RunOptions;
use greenlane_core::plan::Plan;
use greenlane_core::time::Time;
use greenlane_core::view::{Coordinator, Figures, Left, LeftBehind, RunClock, Until, status, status_left, status_of_plans, task_time};

use crate::story::{Story, attempt, green, key, prepared, record, red, task};

impl Story {
    /// The next step happens at this second, or one of the milliseconds after it.
    fn at(&mut self, second: u64) -> &mut Self {
        assert!(self.now.0 < second * 1000, "time goes forwards");
        self.now = Time(second * 1000 - 1);
        self
    }

    fn figures(&self) -> [u64; 4] {
        let f = Figures::of(&self.state, &Until::now(&self.state, self.now));
        [f.elapsed, f.sequential, f.working, f.critical_path].map(|d| (d.as_secs_f64()).round() as u64)
    }

    /// The suite's verdict on a batch and, where it is green, the moving of the branch, at this second.
    fn verified(&mut self, batch: u64, second: u64) {
        self.at(second).feed(Input::BatchVerified { batch, suite: green() });
        self.feed(Input::BranchMoved { batch });
    }
}

/// Three tasks of 10 s on a plan whose suite takes 30 s, which it did on the base.
fn slow_suite(check_jobs: u32) -> Story {
    let options = RunOptions { jobs: 3, check_jobs, ..RunOptions::default() };
    let mut story = Story::submitted(options, ["a", "b", "c"].map(|id| task(id, "")).to_vec());
    story.feed(prepared(&["make test"]));
    story.at(30).feed(Input::BaseJudged { plan: PlanId::from("p"), suite: green() });
    for id in ["a", "b", "c"] {
        story.spawned(id);
    }
    story.at(40);
    story
}

fn exit(story: &mut Story, id: &str) {
    story.exited(id, Exit::Code { code: 0 });
}

#[test]
fn one_at_a_time_each_task_would_have_been_verified_alone() {
    let mut story = slow_suite(3);
    for id in ["a", "b", "c"] {
        exit(&mut story, id);
        story.accepted(id);
    }
    story.merged(1, &["a"]);
    story.verified(1, 70);
    story.merged(2, &["b", "c"]);
    story.at(99).feed(Input::BatchVerified { batch: 2, suite: green() });
    assert_eq!(story.figures(), [99, 30 + 3 * 10 + 30 + 29 + 29, 30, 70], "b and c were verified in one go, and would not have been");
    story.feed(Input::BranchMoved { batch: 2 });
    let s = status(&RunId::from("r"), &story.state, Coordinator::Alive, Time(500_000)).summary;
    assert!((s.speedup - 148.0 / 99.0).abs() < 0.01 && (s.efficiency - 70.0 / 99.0).abs() < 0.01, "{s:?}");
    assert_eq!(
        task_time(&story.state, story.state.task(&key("b")).unwrap(), story.now).as_secs(),
        69,
        "by the clock, the wait for a's suite included"
    );
}

#[test]
fn a_suite_under_way_counts_as_far_as_it_is() {
    let mut story = slow_suite(3);
    exit(&mut story, "a");
    story.accepted("a");
    story.merged(1, &["a"]);
    story.at(60);
    assert_eq!(story.figures(), [60, 30 + 10 + 20 + 30 + 30, 10 + 30 + 30, 60], "b and c are still at work");
}

#[test]
fn a_red_batch_that_is_split_is_a_price_of_landing_together() {
    let mut story = slow_suite(3);
    for id in ["a", "b", "c"] {
        exit(&mut story, id);
        story.accepted(id);
    }
    story.merged(1, &["a"]);
    story.verified(1, 70);
    story.merged(2, &["b", "c"]);
    story.at(100).feed(Input::BatchVerified { batch: 2, suite: red() });
    story.merged(3, &["b"]);
    story.verified(3, 130);
    story.merged(4, &["c"]);
    story.verified(4, 160);
    assert_eq!(story.figures(), [160, 30 + 3 * (10 + 30), 30, 70]);
}

#[test]
fn waiting_for_a_place_at_the_gate_is_no_work() {
    let mut story = slow_suite(1);
    for id in ["a", "b", "c"] {
        exit(&mut story, id);
    }
    story.at(45).accepted("a");
    story.at(50).accepted("b");
    assert_eq!(story.figures(), [50, 30 + 3 * 10 + 2 * 5 + 5 - 5, 30, 45], "c's turn has just come");
    story.at(55).accepted("c");
    assert_eq!(story.figures()[1], 30 + 3 * (10 + 5), "a is being merged, which has not been measured yet");
}

#[test]
fn what_is_begun_again_after_a_crash_counts_once_and_from_its_new_beginning() {
    let mut story = slow_suite(3);
    for id in ["a", "b", "c"] {
        exit(&mut story, id);
    }
    story.accepted("a");
    story.merged(1, &["a"]);
    story.at(1_000).crash_and_resume();
    story.at(1_010).accepted("b");
    story.accepted("c");
    story.verified(1, 1_030);
    assert_eq!(story.figures(), [40 + 30, 30 + 3 * 10 + 10 + 10 + 30, 30, 70], "nobody was at work from 40 to 1,000");
}

#[test]
fn the_clock_stands_before_a_resume_and_a_retry_but_not_while_an_agent_goes_on_alone() {
    let mut story = slow_suite(3);
    story.at(1_000).crash_and_resume();
    assert_eq!(story.figures()[0], 1_000, "as far as is known they all still run");
    for (id, ended) in [("a", 50), ("b", 100), ("c", 70)] {
        story.feed(Input::AttemptExited { attempt: attempt(id), record: Box::new(record(Exit::Code { code: 0 }, Time(ended * 1_000))) });
        story.accepted(id);
    }
    assert_eq!(story.figures()[0], 100, "b was the last to go on alone");
    story.merged(1, &["a"]);
    story.verified(1, 1_030);
    story.merged(2, &["b", "c"]);
    story.at(1_060).feed(Input::BatchVerified { batch: 2, suite: red() });
    story.merged(3, &["b"]);
    story.verified(3, 1_090);
    story.merged(4, &["c"]);
    story.at(1_105).feed(Input::BatchVerified { batch: 4, suite: red() });
    story.merged(5, &["c"]);
    story.at(1_120).feed(Input::BatchVerified { batch: 5, suite: red() });
    assert_eq!((story.state.is_live(), story.figures()[0]), (false, 220));
    story.at(9_000).feed(Input::Resume);
    story.ask(Request::Retry { tasks: vec![key("c")], fresh: false, agent: None });
    assert_eq!(story.figures()[0], 220, "the night before the retry is not the run's");
    story.at(9_010);
    assert_eq!(story.figures()[0], 230);
    let clock = RunClock::of(&story.state);
    assert_eq!((clock.at(Time(9_010_500)).as_secs(), clock.when(Duration::from_secs(230)).0 / 1_000), (230, 9_010));
    assert_eq!(clock.when(Duration::from_secs(60)), Time(60_001), "it began at the first millisecond");
}

#[test]
fn a_plan_that_was_handed_over_has_figures_of_its_own() {
    let mut story = slow_suite(3);
    let plan = Plan { tasks: vec![task("x", "")], ..Plan::new("q") };
    let submission = Submission { plan, base: Oid::from("base"), landed: Default::default(), file: None, digests: Default::default() };
    let (p, q) = (PlanId::from("p"), PlanId::from("q"));
    story.at(50).feed(Input::Submit(Box::new(submission)));
    story.feed(Input::PlanPrepared { plan: q.clone(), branch: "q".into(), verify: Vec::new() });
    for id in ["a", "b", "c"] {
        exit(&mut story, id);
        story.accepted(id);
    }
    let x = AttemptId { key: TaskKey::new("q", "x"), n: 1 };
    story.feed(Input::AttemptSpawned { attempt: x.clone(), worktree: "/w/x".into(), branch: "t".into(), base: Oid::from("base"), pid: 7 });
    story.at(60).feed(Input::AttemptExited { attempt: x.clone(), record: Box::new(record(Exit::Code { code: 0 }, Time(60_000))) });
    story.feed(Input::WorkJudged {
        attempt: x.clone(),
        verdict: Verdict::Accepted { commit: Oid::from("c"), files_changed: 1, suite_files: vec![] },
    });
    let results = Ok(vec![MergeResult { attempt: x, merge: Merge::Merged { commit: Oid::from("m") } }]);
    story.feed(Input::BatchMerged { batch: 2, results });
    story.feed(Input::BranchMoved { batch: 2 });
    story.at(500);
    let of = |plan: &PlanId| {
        let doc = status_of_plans(&RunId::from("r"), &story.state, std::slice::from_ref(plan), story.now);
        let s = &doc.summary;
        let seconds = [s.elapsed_seconds, s.sequential_seconds, s.critical_path_seconds].map(|s| s.round() as u64);
        (doc.run.state.clone(), seconds, s.done, s.total, doc.plans.len())
    };
    assert_eq!(of(&q), ("finished".into(), [10, 10, 10], 1, 1, 1));
    let (state, [elapsed, ..], ..) = of(&p);
    assert_eq!((state.as_str(), elapsed), ("running", 500));
}

#[test]
fn the_clock_of_an_interrupted_run_stops_at_the_last_that_is_known() {
    let mut story = slow_suite(3);
    exit(&mut story, "a");
    let later = Time(9_000_000);
    let of_left = |left: &[(&str, Left)]| {
        let left = LeftBehind(left.iter().map(|(id, left)| (key(id), *left)).collect());
        status_left(&RunId::from("r"), &story.state, &left, later)
    };
    let elapsed = |left: &[(&str, Left)]| of_left(left).summary.elapsed_seconds.round() as u64;
    assert_eq!(elapsed(&[]), 40);
    assert_eq!(elapsed(&[("b", Left::Ended { at: Time(77_000) }), ("c", Left::Lost)]), 77);
    assert_eq!(elapsed(&[("b", Left::Running { pid: 9 })]), 9_000);
    let ended = of_left(&[("b", Left::Ended { at: Time(77_000) }), ("c", Left::Running { pid: 9 })]);
    let b = &ended.tasks[1].attempts[0];
    assert_eq!((b.seconds.round() as u64, b.pid, b.ended_at.as_deref()), (47, None, Some("1970-01-01T00:01:17.000Z")));
    assert_eq!(ended.summary.sequential_seconds.round() as u64, 30 + 10 + 47 + 8_970, "a waits for the gate, which nobody asks");
    let shown = status(&RunId::from("r"), &story.state, Coordinator::Gone, later);
    assert_eq!((shown.run.state.as_str(), shown.summary.elapsed_seconds.round() as u64), ("interrupted", 40));
    assert_eq!(shown.tasks[1].attempts[0].seconds.round() as u64, 10);
}

#[test]
fn what_became_of_the_attempts_of_an_interrupted_run() {
    let mut story = slow_suite(3);
    let left = [("a", Left::Ended { at: story.now }), ("b", Left::Running { pid: 9 }), ("c", Left::NeverBegan)];
    let left = LeftBehind(left.map(|(id, left)| (key(id), left)).into());
    let told = |story: &Story, left: &LeftBehind| -> Vec<(String, String)> {
        let tasks = status_left(&RunId::from("r"), &story.state, left, story.now).tasks.into_iter();
        tasks.map(|t| (t.state, t.reason.unwrap_or_default())).collect()
    };
    let tasks = told(&story, &left);
    assert_eq!(tasks[0], ("gating".into(), "its agent has finished; `greenlane resume` collects its work".into()));
    assert!(tasks[1].0 == "running" && tasks[1].1.contains("still runs (keeper 9)"), "{tasks:?}");
    assert!(tasks[2].0 == "queued" && tasks[2].1.contains("before it began"), "{tasks:?}");
    exit(&mut story, "b");
    story.accepted("b");
    let tasks = told(&story, &LeftBehind::default());
    assert!(tasks[1].0 == "landing" && tasks[1].1.starts_with("interrupted on its way"), "{tasks:?}");
}

#[test]
fn a_run_that_was_stopped_has_a_clock_that_stands_and_an_attempt_that_never_began_took_nothing() {
    let mut story = slow_suite(3);
    story.ask(Request::StopRun { how: Stopping::Terminate });
    for id in ["a", "b", "c"] {
        story.exited(id, Exit::Cancelled);
    }
    let stopped = story.figures();
    story.at(500);
    assert_eq!((story.figures(), stopped), (stopped, [40, 60, 30, 40]));

    let mut story = slow_suite(3);
    exit(&mut story, "a");
    story.accepted("a");
    story.merged(1, &["a"]);
    story.ask(Request::StopRun { how: Stopping::Kill });
    for id in ["b", "c"] {
        story.exited(id, Exit::Cancelled);
    }
    let shown = status(&RunId::from("r"), &story.state, Coordinator::Gone, Time(9_000_000));
    let a = &shown.tasks[0];
    assert_eq!((shown.run.state.as_str(), a.state.as_str(), shown.summary.elapsed_seconds.round() as u64), ("stopped", "landing", 40));
    assert!(a.reason.as_ref().is_some_and(|r| r.contains("greenlane resume")), "{a:?}");

    let mut story = Story::new(RunOptions { jobs: 1, ..RunOptions::default() }, vec![task("a", "")]);
    story.at(300).crash_and_resume();
    story.feed(Input::AttemptVoided { attempt: attempt("a") });
    let of = story.state.task(&key("a")).unwrap();
    assert!(Figures::of(&story.state, &Until::now(&story.state, story.now)).working < Duration::from_secs(1), "{of:?}");
    assert!(task_time(&story.state, of, story.now) < Duration::from_secs(1), "{of:?}");
}
