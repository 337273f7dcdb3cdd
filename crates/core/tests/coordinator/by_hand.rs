//! Tasks in the hands of a person or of an editor.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use greenlane_core::attempt::{AgentError, AgentReport, Exit, ExitRecord, Merge};
use greenlane_core::budget::Budget;
use greenlane_core::event::MergeResult;
use greenlane_core::input::Input;
use greenlane_core::options::RunOptions;
use greenlane_core::plan::Task;
use greenlane_core::state::Phase;
use greenlane_core::time::Time;
use greenlane_core::view::{Figures, Until, task_state};

use crate::story::{Story, attempt, key, record, task};

fn by_hand(id: &str) -> Task {
    Task { run: None, agent: Some(String::from("ada")), ..task(id, "") }
}

fn options(jobs: u32) -> RunOptions {
    RunOptions { jobs, hand_off: BTreeSet::from([String::from("ada")]), ..RunOptions::default() }
}

fn starts(told: &[String]) -> Vec<&str> {
    told.iter().filter_map(|line| line.strip_prefix("attempt_started ")?.split(' ').next()).collect()
}

#[test]
fn what_waits_for_a_person_takes_no_slot() {
    let mut story = Story::submitted(options(1), vec![task("a", ""), by_hand("h"), task("b", ""), by_hand("i")]);
    let told = story.feed(crate::story::prepared(&[]));
    assert_eq!(starts(&told), ["a#1", "h#1", "i#1"], "one slot is for one agent; people are beside it");
    story.spawned("h");
    story.spawned("a");
    let told = story.exited("a", Exit::Code { code: 0 });
    assert_eq!(starts(&told), ["b#1"]);
}

#[test]
fn a_hand_has_its_own_limit() {
    let options = RunOptions { agent_slots: BTreeMap::from([(String::from("ada"), 1)]), ..options(5) };
    let mut story = Story::submitted(options, vec![by_hand("h"), by_hand("i")]);
    assert_eq!(starts(&story.feed(crate::story::prepared(&[]))), ["h#1"]);
}

#[test]
fn where_it_is_to_be_done_is_said() {
    let mut story = Story::submitted(options(1), vec![by_hand("h")]);
    story.feed(crate::story::prepared(&[]));
    story.spawned("h");
    let task = story.state.task(&key("h")).unwrap();
    let (state, reason) = task_state(&story.state, task, story.now);
    assert_eq!(state, "running");
    assert_eq!(reason.as_deref(), Some("is in the hands of ada, in /w/h; a commit there or `greenlane done h` ends it"));
}

#[test]
fn a_task_that_is_given_back_undone_is_not_tried_again() {
    let mut story = Story::submitted(options(1), vec![by_hand("h")]);
    story.feed(crate::story::prepared(&[]));
    story.spawned("h");
    let error = AgentError { message: String::from("given back undone by Ada: no schema yet"), status: None, reset_at: None };
    let report = AgentReport { finished: Some(false), error: Some(error), handed_back: true, ..AgentReport::default() };
    let record = ExitRecord { report, ..record(Exit::Code { code: 1 }, story.now) };
    let told = story.feed(Input::AttemptExited { attempt: attempt("h"), record: Box::new(record) });
    assert_eq!(told[..2], ["attempt_exited h#1", "attempt_failed h#1 exit_code"], "{told:?}");
    let task = story.state.task(&key("h")).unwrap();
    assert_eq!((task.phase, task.reason.as_deref()), (Phase::Failed, Some("given back undone by Ada: no schema yet")));
}

#[test]
fn a_persons_time_is_no_agents() {
    let cap = Budget { wall: Some(Duration::from_secs(60)), ..Budget::default() };
    let mut story = Story::submitted(RunOptions { task_budget: cap, ..options(1) }, vec![by_hand("h")]);
    story.feed(crate::story::prepared(&[]));
    story.spawned("h");
    story.now = Time(10 * 3_600_000);
    let task = story.state.task(&key("h")).unwrap();
    assert_eq!(story.state.spent_by(task, story.now).wall, Duration::ZERO);
    story.exited("h", Exit::Code { code: 0 });
    let task = story.state.task(&key("h")).unwrap();
    assert_eq!(story.state.spent_by(task, story.now).wall, Duration::ZERO);
}

#[test]
fn what_cannot_be_merged_goes_back_into_the_same_hands_with_what_is_to_be_done() {
    let mut story = Story::submitted(options(1), vec![task("a", ""), by_hand("h"), task("b", "owns other/**")]);
    story.feed(crate::story::prepared(&[]));
    story.spawned("h");
    story.works("a");
    story.lands(1, &["a"]);
    story.works("b");
    story.lands(2, &["b"]);
    story.exited("h", Exit::Code { code: 0 });
    story.accepted("h");
    let merge = Merge::Conflict { files: vec![String::from("x.rs")], definite: true, not_remade: None };
    let told = story.feed(Input::BatchMerged { batch: 3, results: Ok(vec![MergeResult { attempt: attempt("h"), merge }]) });
    assert_eq!(told[..3], ["batch_merged 3", "attempt_failed h#1 conflict", "attempt_requeued h"], "{told:?}");
    assert_eq!(starts(&told), ["h#2"]);
    let task = story.state.task(&key("h")).unwrap();
    assert_eq!((task.repairs, task.retries), (0, 0), "nothing is wrong with the work");
    story.spawned("h#2");
    let task = story.state.task(&key("h")).unwrap();
    let (_, reason) = task_state(&story.state, task, story.now);
    let reason = reason.unwrap();
    assert!(
        reason.contains(
            "of ada again, in /w/h#2: conflicts with what has landed, in x.rs (since then: `a`); merge that in /w/h: `git merge "
        ),
        "{reason}"
    );
    assert!(reason.contains("put right what conflicts, then `greenlane done h` again"), "{reason}");
}

#[test]
fn waiting_for_a_person_is_no_work_and_slows_no_figure() {
    let mut story = Story::submitted(options(1), vec![task("a", ""), by_hand("h")]);
    story.feed(crate::story::prepared(&[]));
    story.spawned("h");
    story.spawned("a");
    story.now = Time(10_000);
    story.exited("a", Exit::Code { code: 0 });
    story.accepted("a");
    story.lands(1, &["a"]);
    story.now = Time(100_000);
    let of = |story: &Story| {
        let f = Figures::of(&story.state, &Until::now(&story.state, story.now));
        let seconds =
            [f.elapsed, f.sequential, f.working, f.critical_path, f.waited, f.only_waited].map(|d| d.as_secs_f64().round() as u64);
        (seconds, (f.speedup() * 10.0).round() as u64, (f.efficiency(1) * 10.0).round() as u64)
    };
    let expected = ([100, 10, 10, 10, 100, 90], 10, 10);
    assert_eq!(of(&story), expected);
    story.exited("h", Exit::Code { code: 0 });
    story.accepted("h");
    story.lands(2, &["h"]);
    assert_eq!(of(&story), expected);
}
