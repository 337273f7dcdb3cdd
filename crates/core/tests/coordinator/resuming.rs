//! A new coordinator takes a run up.

use greenlane_core::attempt::{Exit, Suite};
use greenlane_core::ids::Oid;
use greenlane_core::input::{Input, Request};
use greenlane_core::options::RunOptions;
use greenlane_core::state::Phase;

use crate::story::{Story, attempt, green, key, keys, prepared, task};

fn two() -> Story {
    Story::new(RunOptions { jobs: 2, ..RunOptions::default() }, vec![task("a", ""), task("b", "")])
}

#[test]
fn everything_that_nobody_answered_is_asked_again() {
    let mut story = Story::submitted(RunOptions::default(), vec![task("a", "")]);
    assert_eq!(story.crash_and_resume(), ["run_resumed", "→ prepare the plan"]);
    story.feed(prepared(&["make test"]));
    assert_eq!(story.crash_and_resume(), ["run_resumed", "→ verify base"]);
    story.feed(Input::BaseJudged { plan: "p".into(), suite: green() });
    assert_eq!(story.crash_and_resume(), ["run_resumed", "→ probe a#1"]);
    story.spawned("a");
    story.exited("a", Exit::Code { code: 0 });
    assert_eq!(story.crash_and_resume(), ["run_resumed", "→ judge a#1"]);
    story.accepted("a");
    assert_eq!(story.crash_and_resume(), ["run_resumed", "→ merge 1 onto base"]);
    story.merged(1, &["a"]);
    assert_eq!(story.crash_and_resume(), ["run_resumed", "→ verify 1"]);
    story.feed(Input::BatchVerified { batch: 1, suite: green() });
    assert_eq!(story.crash_and_resume(), ["run_resumed", "→ move for 1 from base to merge1 of a"]);
    assert_eq!(story.feed(Input::BranchMoved { batch: 1 }).last().map(String::as_str), Some("→ free a#1"));
    assert_eq!(story.crash_and_resume(), ["run_resumed", "run_ended finished", "→ free a#1"]);
}

#[test]
fn an_attempt_that_never_began_starts_anew_and_uses_no_retry() {
    let mut story = two();
    story.crash_and_resume();
    let out = story.feed(Input::AttemptVoided { attempt: attempt("a") });
    assert_eq!(out, ["attempt_voided a#1", "attempt_started a#2 from base", "→ start a#2"]);
    assert_eq!(story.state.task(&key("a")).map(|t| t.retries), Some(0));
}

#[test]
fn one_whose_keeper_died_is_tried_again_from_the_work_that_is_there() {
    let mut story = two();
    story.spawned("a");
    story.crash_and_resume();
    let out = story.feed(Input::AttemptLost { attempt: attempt("a") });
    assert_eq!(out, ["health_changed a#1 healthy to dead", "attempt_failed a#1 lost", "retry_scheduled a 1"], "and so in `health.jsonl`");
    story.now = story.state.next_deadline().unwrap_or_default();
    assert_eq!(story.feed(Input::Tick)[..2], ["retry_due a", "attempt_started a#2 going on"]);
}

#[test]
fn work_is_kept_again_because_the_first_time_may_not_have_been_reached() {
    let mut story = Story::new(RunOptions { jobs: 2, ..RunOptions::default() }, vec![task("a", "retries 0"), task("b", "")]);
    story.spawned("a");
    story.exited("a", Exit::Code { code: 1 });
    assert_eq!(story.crash_and_resume(), ["run_resumed", "→ keep a#1", "→ probe b#1"]);
}

#[test]
fn a_worktree_is_freed_again_because_the_first_time_may_not_have_been_reached() {
    let mut story = two();
    story.works("a");
    assert_eq!(story.lands(1, &["a"]), ["batch_landed 1: a#1", "→ free a#1"]);
    assert_eq!(story.crash_and_resume(), ["run_resumed", "→ free a#1", "→ probe b#1"]);
}

#[test]
fn results_of_a_superseded_attempt_change_nothing() {
    let mut story = two();
    story.spawned("a");
    story.feed(Input::AttemptLost { attempt: attempt("a") });
    story.now = story.state.next_deadline().unwrap_or_default();
    story.feed(Input::Tick);
    let before = story.state.clone();
    assert!(story.exited("a#1", Exit::Code { code: 0 }).is_empty());
    assert!(story.accepted("a#1").is_empty());
    assert!(story.feed(Input::AttemptLost { attempt: attempt("a#1") }).is_empty());
    assert!(story.feed(Input::BatchVerified { batch: 9, suite: Suite::Green { cached: true } }).is_empty());
    assert!(story.feed(Input::BranchRaced { batch: 9, actual: Oid::from("x"), by: None }).is_empty());
    assert_eq!(before, story.state);
}

#[test]
fn landings_that_were_taken_off_are_not_done_and_can_be_tried_again() {
    let mut story = two();
    story.works("a");
    story.lands(1, &["a"]);
    let roll_back = |tasks: &[&str]| Request::RollBack {
        plan: "p".into(),
        head: "base".into(),
        tasks: keys(tasks),
        kept: String::from("refs/greenlane/kept"),
    };
    assert!(story.ask(roll_back(&["b"])).is_empty());
    assert_eq!(story.reply, Some(Err(String::from("task `p/b` has not landed"))));
    assert_eq!(story.ask(roll_back(&["a"])), ["rolled_back to base: a"]);
    assert!(!story.crash_and_resume().iter().any(|out| out.starts_with("→ free")), "its worktree may be another's by now");
    assert_eq!(story.state.task(&key("a")).map(|t| t.phase), Some(Phase::Cancelled));
    // On top of its own work there would be nothing left to do.
    let out = story.ask(Request::Retry { tasks: keys(&["a"]), fresh: false, agent: None });
    assert_eq!(out, ["task_reopened a", "attempt_started a#2 from base", "→ start a#2"]);
}

#[test]
fn work_that_waited_for_a_person_is_kept_though_the_retry_of_it_is_called_off() {
    let options = RunOptions { require_verify: true, jobs: 1, ..RunOptions::default() };
    let mut story = Story::submitted(options, vec![task("a", ""), task("b", "")]);
    story.feed(prepared(&[]));
    assert!(story.works("a").contains(&String::from("→ keep a#1")));
    // The coordinator dies before anything was kept, and after somebody has asked for another attempt, which waits for the slot.
    story.spawned("b");
    story.ask(Request::Retry { tasks: keys(&["a"]), fresh: true, agent: None });
    story.crash_and_resume();
    let told = story.ask(Request::StopTasks { tasks: keys(&["a"]), now: false });
    assert!(told.contains(&String::from("→ keep a#1")), "{told:?}");
}
