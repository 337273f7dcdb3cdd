//! Pausing, calling off, ending the run.

use greenlane_core::attempt::{Exit, Suite, Verdict};
use greenlane_core::event::Stopping;
use greenlane_core::ids::PlanId;
use greenlane_core::input::{Input, Request};
use greenlane_core::options::RunOptions;
use greenlane_core::state::Phase;

use crate::story::{Story, attempt, key, keys, prepared, task};

fn two() -> Story {
    Story::new(RunOptions { jobs: 2, ..RunOptions::default() }, vec![task("a", ""), task("b", ""), task("c", "depends a")])
}

fn stop(ids: &[&str]) -> Request {
    Request::StopTasks { tasks: keys(ids), now: false }
}

fn stop_run(how: Stopping) -> Request {
    Request::StopRun { how }
}

#[test]
fn a_paused_run_lets_attempts_finish_and_starts_none() {
    let mut story = two();
    assert_eq!(story.ask(Request::Pause), ["run_paused"]);
    story.works("a");
    assert_eq!(story.lands(1, &["a"]), ["batch_landed 1: a#1", "→ free a#1"]);
    assert_eq!(story.ask(Request::Unpause), ["run_unpaused", "attempt_started c#1 from merge1 of a", "→ start c#1"]);
}

#[test]
fn a_task_that_is_called_off_is_terminated_and_its_dependents_are_skipped() {
    let mut story = two();
    story.spawned("a");
    assert_eq!(story.ask(stop(&["a"])), ["end_requested a#1", "→ terminate a#1"]);
    let out = story.exited("a", Exit::Cancelled);
    let skipped = "task_skipped c: depends on `a`, which was called off";
    assert_eq!(out, ["attempt_exited a#1", "attempt_failed a#1 cancelled", "task_cancelled a", skipped, "→ keep a#1"]);
}

#[test]
fn calling_off_is_final_however_the_agent_ends() {
    for exit in [Exit::Code { code: 0 }, Exit::Code { code: 143 }, Exit::TimedOut, Exit::Cancelled] {
        let mut story = two();
        story.spawned("a");
        story.ask(stop(&["a"]));
        assert_eq!(story.exited("a", exit.clone())[1..3], ["attempt_failed a#1 cancelled", "task_cancelled a"], "{exit:?}");
    }
    let mut story = two();
    story.ask(stop(&["a"]));
    let out = story.feed(Input::AttemptVoided { attempt: attempt("a") });
    assert_eq!(out[..2], ["attempt_failed a#1 cancelled", "task_cancelled a"], "it never began, and does not begin anew");
}

#[test]
fn the_end_of_a_keeper_that_is_not_there_yet_is_asked_for_when_it_is() {
    let mut story = two();
    story.ask(stop(&["a"]));
    assert_eq!(story.spawned("a"), ["attempt_spawned a#1", "→ terminate a#1"]);
}

#[test]
fn stopping_several_tasks_is_all_or_nothing() {
    let mut story = two();
    assert!(story.ask(stop(&["c", "nobody"])).is_empty());
    assert_eq!(story.reply, Some(Err(String::from("there is no task `p/nobody`"))));
    assert_eq!(story.ask(stop(&["c", "c"])), ["task_cancelled c"], "named twice, called off once");
    story.works("a");
    assert!(story.ask(stop(&["b", "a"])).is_empty(), "a is landing");
    assert!(story.reply.is_some_and(|r| r.is_err_and(|why| why.contains("is landing"))));
}

#[test]
fn a_drained_run_lands_what_runs_and_starts_nothing() {
    let mut story = two();
    assert_eq!(story.ask(stop_run(Stopping::Drain)), ["stop_requested"]);
    story.works("a");
    assert_eq!(story.lands(1, &["a"]), ["batch_landed 1: a#1", "→ free a#1"]);
    story.works("b");
    assert_eq!(story.lands(2, &["b"]), ["batch_landed 2: b#1", "run_ended stopped", "→ free b#1"]);
    assert_eq!(story.crash_and_resume()[..2], ["run_resumed", "attempt_started c#1 from merge2 of b"]);
}

#[test]
fn a_draining_run_believes_that_the_base_cannot_be_verified() {
    let mut story = Story::submitted(RunOptions::default(), vec![task("a", "")]);
    story.feed(prepared(&["make test"]));
    story.ask(stop_run(Stopping::Drain));
    let suite = Suite::Broken { message: String::from("no space left on device") };
    let out = story.feed(Input::BaseJudged { plan: PlanId::from("p"), suite });
    assert_eq!(out.last().map(String::as_str), Some("run_ended finished"));
}

#[test]
fn a_terminated_run_goes_on_with_its_work_when_it_is_resumed() {
    let mut story = two();
    story.spawned("a");
    let out = story.ask(stop_run(Stopping::Terminate));
    let want = ["stop_requested", "end_requested a#1", "end_requested b#1", "→ terminate a#1", "→ terminate b#1", "→ abort gates"];
    assert_eq!(out, want);
    assert_eq!(story.exited("a", Exit::Cancelled)[1..], ["attempt_failed a#1 cancelled", "task_cancelled a", "→ keep a#1"]);
    let out = story.feed(Input::AttemptVoided { attempt: attempt("b") });
    assert_eq!(out, ["attempt_voided b#1", "run_ended stopped"]);
    let out = story.crash_and_resume();
    let want = ["run_resumed", "attempt_started a#2 going on", "attempt_started b#2 from base", "→ start a#2", "→ start b#2"];
    assert_eq!(out, want);
}

#[test]
fn what_a_person_called_off_is_not_brought_back_with_the_run() {
    let mut story = two();
    story.spawned("a");
    story.spawned("b");
    story.ask(stop(&["a"]));
    story.ask(stop_run(Stopping::Kill));
    story.exited("a", Exit::Cancelled);
    story.exited("b", Exit::Cancelled);
    let out = story.crash_and_resume();
    assert!(out.contains(&String::from("attempt_started b#2 going on")), "{out:?}");
    assert_eq!(story.state.task(&key("a")).map(|t| t.phase), Some(Phase::Cancelled));
}

#[test]
fn a_gate_that_was_ended_with_the_run_proves_nothing() {
    let mut story = two();
    story.spawned("a");
    story.exited("a", Exit::Code { code: 0 });
    story.ask(stop_run(Stopping::Terminate));
    let verdict = Verdict::Broken { message: String::from("killed") };
    assert!(story.feed(Input::WorkJudged { attempt: attempt("a"), verdict }).is_empty());
    story.feed(Input::AttemptVoided { attempt: attempt("b") });
    assert!(story.crash_and_resume().contains(&String::from("→ judge a#1")));
}
