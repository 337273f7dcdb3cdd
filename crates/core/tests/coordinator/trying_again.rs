//! Retries, by policy and by request.

use std::time::Duration;

use greenlane_core::attempt::{Exit, Verdict};
use greenlane_core::ids::Oid;
use greenlane_core::input::{Input, Request};
use greenlane_core::options::{RetryPolicy, RunOptions};
use greenlane_core::plan::Task;

use crate::story::{Story, attempt, keys, prepared, red, task};

fn one(words: &str) -> Story {
    let retry = RetryPolicy { jitter: 0.0, ..RetryPolicy::default() };
    Story::new(RunOptions { retry, ..RunOptions::default() }, vec![task("a", words), task("b", "depends a")])
}

#[test]
fn waits_double_and_end_with_the_last_retry() {
    // A command's plain exit code waits for nobody to recover.
    for (exit, first) in [(Exit::TimedOut, 60), (Exit::Code { code: 1 }, 1)] {
        let mut story = one("retries 2");
        for (n, wait) in [(1, first), (2, 2 * first)] {
            story.spawned(&format!("a#{n}"));
            let out = story.exited(&format!("a#{n}"), exit.clone());
            assert_eq!(out[2], format!("retry_scheduled a {n}"));
            assert_eq!(story.state.next_deadline(), Some(story.now + Duration::from_secs(wait)));
            assert!(story.feed(Input::Tick).is_empty(), "an early tick is harmless");
            story.now = story.state.next_deadline().unwrap_or_default();
            let out = story.feed(Input::Tick);
            assert_eq!(out, ["retry_due a".into(), format!("attempt_started a#{} going on", n + 1), format!("→ start a#{}", n + 1)]);
            assert!(story.feed(Input::Tick).is_empty(), "so is a double one");
        }
        story.spawned("a#3");
        let out = story.exited("a#3", exit);
        let skipped = "task_skipped b: depends on `a`, which failed";
        assert_eq!(out[2..], ["task_failed a", skipped, "plan_ended not done", "run_ended finished", "→ keep a#3"]);
    }
}

#[test]
fn what_another_try_cannot_help_is_not_tried_again() {
    for exit in [Exit::Signal { signal: 11 }, Exit::FailedToStart { message: String::from("no such file") }] {
        let mut story = one("");
        story.spawned("a");
        assert_eq!(story.exited("a", exit)[2], "task_failed a");
    }
    let mut story = one("");
    story.spawned("a");
    story.exited("a", Exit::Code { code: 0 });
    let out = story.feed(Input::WorkJudged { attempt: attempt("a"), verdict: Verdict::NoChange });
    assert_eq!(out[..3], ["work_judged a#1", "attempt_failed a#1 no_change", "task_failed a"]);
}

#[test]
fn one_that_never_had_a_keeper_starts_from_the_base_again() {
    let mut story = one("");
    let out = story.feed(Input::AttemptNotSpawned { attempt: attempt("a"), message: String::from("no worktree"), detail: None });
    assert_eq!(out, ["attempt_failed a#1 failed_to_start", "retry_scheduled a 1"]);
    story.now = story.state.next_deadline().unwrap_or_default();
    assert_eq!(story.feed(Input::Tick)[1], "attempt_started a#2 from base");
}

#[test]
fn work_of_a_task_that_awaits_its_retry_is_kept_when_it_is_called_off() {
    let mut story = one("");
    story.spawned("a");
    story.exited("a", Exit::Code { code: 1 });
    let out = story.ask(Request::StopTasks { tasks: keys(&["a"]), now: false });
    assert_eq!(out[0], "task_cancelled a");
    assert!(out.contains(&String::from("→ keep a#1")), "{out:?}");
}

#[test]
fn a_person_may_try_again_and_what_was_skipped_waits_again() {
    let mut story = one("retries 0");
    story.spawned("a");
    let out = story.exited("a", Exit::Code { code: 1 });
    assert_eq!(out.last().map(String::as_str), Some("→ keep a#1"));
    assert!(story.state.finished);
    let out = story.ask(Request::Retry { tasks: keys(&["a", "a"]), fresh: false, agent: None });
    assert_eq!(out, ["task_reopened a", "task_reopened b", "attempt_started a#2 going on", "→ start a#2"]);
    story.ask(Request::Retry { tasks: keys(&["a"]), fresh: false, agent: None });
    assert_eq!(story.reply, Some(Err(String::from("task `p/a` has not ended; stop it first, or wait"))));
}

#[test]
fn a_plan_that_is_being_prepared_is_not_prepared_twice() {
    let mut story = Story::submitted(RunOptions::default(), vec![task("a", ""), task("b", "")]);
    story.ask(Request::StopTasks { tasks: keys(&["a"]), now: false });
    assert_eq!(story.ask(Request::Retry { tasks: keys(&["a"]), fresh: false, agent: None }), ["task_reopened a"]);
    story.feed(Input::PlanNotPrepared { plan: "p".into(), message: String::from("disk full") });
    let out = story.ask(Request::Retry { tasks: keys(&["a"]), fresh: false, agent: None });
    assert_eq!(out, ["task_reopened a", "task_reopened b", "→ prepare the plan"], "but after it failed it is");
    assert_eq!(story.feed(prepared(&[]))[0], "plan_prepared");
}

#[test]
fn refused_work_goes_back_to_its_agent_once() {
    let model = |id: &str| Task { run: None, agent: Some("claude".into()), ..task(id, "") };
    let mut story = Story::new(RunOptions::default(), vec![model("a")]);
    story.spawned("a");
    story.exited("a", Exit::Code { code: 0 });
    let refused = |n: &str| {
        let verdict = Verdict::CheckFailed {
            commit: Oid::from("work"),
            command: "make".into(),
            exit_code: Some(2),
            output: "no".into(),
            timed_out: false,
        };
        Input::WorkJudged { attempt: attempt(n), verdict }
    };
    let out = story.feed(refused("a#1"));
    let going_on = ["attempt_failed a#1 gate_failed", "repair_scheduled a 1", "attempt_started a#2 going on", "→ start a#2"];
    assert_eq!(out[1..], going_on.map(String::from));
    story.spawned("a#2");
    story.exited("a#2", Exit::Code { code: 0 });
    let out = story.feed(refused("a#2"));
    assert_eq!(out[1..3], ["attempt_failed a#2 gate_failed", "task_failed a"].map(String::from));
    assert_eq!(story.state.tasks[0].reason.as_deref(), Some("check `make` failed with exit code 2 (after 2 attempts)"));
}

#[test]
fn a_command_is_repaired_only_where_its_task_says_so() {
    let mut story = Story::new(RunOptions::default(), vec![task("a", ""), Task { repairs: Some(1), ..task("b", "") }]);
    for id in ["a", "b"] {
        story.spawned(id);
        story.exited(id, Exit::Code { code: 0 });
    }
    let nothing = |id: &str| Input::WorkJudged { attempt: attempt(id), verdict: Verdict::NoChange };
    assert_eq!(story.feed(nothing("a"))[1..3], ["attempt_failed a#1 no_change", "task_failed a"].map(String::from));
    assert_eq!(story.feed(nothing("b"))[2], "repair_scheduled b 1");
}

#[test]
fn what_breaks_the_suite_together_with_others_goes_back_on_the_combined_tree() {
    let model = |id: &str| Task { run: None, agent: Some("claude".into()), ..task(id, "") };
    let mut story = Story::new(RunOptions::default(), vec![model("a"), model("b")]);
    story.works("a");
    story.lands(1, &["a"]);
    story.works("b");
    story.merged(2, &["b"]);
    story.feed(Input::BatchVerified { batch: 2, suite: red() });
    story.merged(3, &["b"]);
    let out = story.feed(Input::BatchVerified { batch: 3, suite: red() });
    assert_eq!(
        out[1..],
        ["attempt_failed b#1 gate_failed", "repair_scheduled b 1", "attempt_started b#2 going on", "→ start b#2 on merge3 of b"]
            .map(String::from)
    );
    story.crash_and_resume();
    let never_began = Input::AttemptVoided { attempt: attempt("b#2") };
    assert_eq!(story.feed(never_began)[2], "→ start b#3 on merge3 of b", "after a crash too");
}
