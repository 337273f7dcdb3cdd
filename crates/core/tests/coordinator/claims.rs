//! A task's issue is claimed in its tracker before anybody works on it; what somebody else has is left to them.

use greenlane_core::attempt::Exit;
use greenlane_core::event::{Event, Stopping};
use greenlane_core::input::{Input, Request};
use greenlane_core::options::RunOptions;
use greenlane_core::plan::Task;
use greenlane_core::state::Phase;
use greenlane_core::tracker::{Issue, TrackerKind};

use crate::story::{Story, attempt, keys, task};

fn tracked(id: &str, words: &str) -> Task {
    Task { issue: Some(Issue { tracker: TrackerKind::Beads, id: format!("bd-{id}") }), ..task(id, words) }
}

fn story(tasks: Vec<Task>) -> Story {
    Story::new(RunOptions { jobs: 1, trackers: [TrackerKind::Beads].into(), ..RunOptions::default() }, tasks)
}

fn claimed(text: &str) -> Input {
    Input::IssueClaimed { attempt: attempt(text), from: None }
}

fn taken(text: &str) -> Input {
    Input::IssueTaken { attempt: attempt(text), reason: String::from("`bd-a` is claimed by Ann in beads") }
}

#[test]
fn the_first_attempt_claims_and_the_next_ones_need_not() {
    let mut story = story(vec![tracked("a", "retries 1")]);
    assert_eq!(story.state.tasks[0].phase, Phase::Running, "its slot is taken while the tracker is asked");
    assert_eq!(story.feed(claimed("a")), ["issue_claimed a#1 beads:bd-a"]);
    assert!(story.feed(claimed("a")).is_empty(), "said once");
    story.spawned("a");
    story.exited("a", Exit::Stalled);
    story.now = story.state.next_deadline().unwrap();
    let out = story.feed(Input::Tick);
    assert!(out.contains(&String::from("→ start a#2")), "{out:?}");
}

#[test]
fn what_no_tracker_in_force_keeps_is_not_claimed() {
    let github = Task { issue: Issue::parse("github:#1").ok(), ..task("a", "") };
    let mut one = story(vec![github, tracked("b", "")]);
    assert!(one.feed(claimed("b#1")).is_empty(), "b has not begun");
    one.spawned("a");
    let out = one.exited("a", Exit::Code { code: 0 });
    assert!(out.contains(&String::from("→ claim beads:bd-b, start b#1")), "{out:?}");

    let mut without = Story::new(RunOptions::default(), vec![tracked("a", "")]);
    assert_eq!(without.spawned("a"), ["attempt_spawned a#1"]);
}

#[test]
fn what_somebody_else_has_is_not_started_and_a_person_decides() {
    let mut story = story(vec![tracked("a", ""), task("b", "depends a"), tracked("c", "")]);
    let out = story.feed(taken("a"));
    let expected = [
        "attempt_voided a#1",
        "task_needs_human a",
        "task_skipped b: depends on `a`, which needs a human",
        "attempt_started c#1 from base",
        "→ claim beads:bd-c, start c#1",
        "→ keep a#1",
    ];
    assert_eq!(out, expected);
    assert_eq!(story.state.tasks[0].reason.as_deref(), Some("`bd-a` is claimed by Ann in beads"));
    assert!(story.feed(taken("a")).is_empty(), "once is enough");
    // It was given back, and a person says so.
    let out = story.ask(Request::Retry { tasks: keys(&["a"]), fresh: false, agent: None });
    assert_eq!(out, ["task_reopened a", "task_reopened b"]);
    story.feed(claimed("c"));
    story.spawned("c");
    let out = story.exited("c", Exit::Code { code: 0 });
    assert!(out.contains(&String::from("→ claim beads:bd-a, start a#2")), "{out:?}");
}

#[test]
fn a_tracker_that_does_not_answer_delays_nothing_and_is_asked_again_next_time() {
    let mut story = story(vec![tracked("a", "retries 1")]);
    let unanswered = |text: &str| Input::ClaimUnanswered { attempt: attempt(text), reason: String::from("there is no `bd` on PATH") };
    assert_eq!(story.feed(unanswered("a")), ["claim_unanswered a#1 beads:bd-a"]);
    assert_eq!(story.spawned("a"), ["attempt_spawned a#1"]);
    story.exited("a", Exit::Stalled);
    story.now = story.state.next_deadline().unwrap();
    let out = story.feed(Input::Tick);
    assert!(out.contains(&String::from("→ claim beads:bd-a, start a#2")), "{out:?}");
    assert!(story.feed(unanswered("a#1")).is_empty(), "an old answer means nothing");
}

#[test]
fn one_that_was_called_off_meanwhile_is_cancelled() {
    let mut story = story(vec![tracked("a", "")]);
    story.ask(Request::StopTasks { tasks: keys(&["a"]), now: false });
    let out = story.feed(taken("a"));
    assert_eq!(out[..2], ["attempt_failed a#1 cancelled", "task_cancelled a"]);
}

#[test]
fn an_agent_at_work_is_not_ended_by_a_late_word() {
    let mut story = story(vec![tracked("a", "")]);
    story.feed(claimed("a"));
    story.spawned("a");
    assert!(story.feed(taken("a")).is_empty());
    assert_eq!(story.state.tasks[0].phase, Phase::Running);
}

#[test]
fn a_claim_outlives_a_crash_and_not_a_stop() {
    let of_a = |story: &Story| story.state.tasks[0].claimed;
    let mut story = story(vec![tracked("a", "")]);
    story.feed(claimed("a"));
    story.spawned("a");
    story.crash_and_resume();
    assert!(of_a(&story));
    story.ask(Request::StopRun { how: Stopping::Terminate });
    story.exited("a", Exit::Cancelled);
    assert!(story.journal.iter().any(|(_, e)| matches!(e, Event::RunEnded { finished: false })));
    assert!(of_a(&story), "until somebody takes the run up");
    let out = story.feed(Input::Resume);
    assert!(out.contains(&String::from("→ claim beads:bd-a, start a#2")), "{out:?}");
}
