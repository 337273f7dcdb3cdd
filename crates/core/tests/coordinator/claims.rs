//! A task's issue is claimed in its tracker before anybody works on it; what somebody else has is left to them.

use greenlane_core::attempt::Exit;
use greenlane_core::event::{Event, Stopping};
use greenlane_core::ids::RunId;
use greenlane_core::input::{Input, Request};
use greenlane_core::options::RunOptions;
use greenlane_core::plan::Task;
use greenlane_core::state::Phase;
use greenlane_core::tracker::{GivenUp, Issue, Item, Letter, TrackerKind, Word, letters};

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

/// What beads would be told now: `bd-a landed`, ….
fn told(story: &Story) -> Vec<String> {
    let word = |word: &Word| match word {
        Word::InHand { claimed: true } => String::from("claimed"),
        Word::InHand { claimed: false } => String::from("in hand"),
        Word::Landed { commit, .. } => format!("landed {commit}"),
        Word::GivenUp { how, owner, .. } => format!("{how:?}{}", owner.as_ref().map(|o| format!(" to {o}")).unwrap_or_default()),
        Word::PlanEnded { done } => format!("ended {done}"),
    };
    letters(&story.state).iter().map(|l| format!("{} {}", l.item.id, word(&l.word))).collect()
}

#[test]
fn a_tracker_is_told_how_things_stand_in_the_order_of_landing() {
    let mut story = Story::new(
        RunOptions { jobs: 2, trackers: [TrackerKind::Beads].into(), ..RunOptions::default() },
        vec![tracked("a", "depends b"), tracked("b", ""), tracked("c", "retries 0"), tracked("d", "")],
    );
    assert!(told(&story).is_empty(), "nothing has begun");
    story.feed(claimed("b"));
    assert_eq!(told(&story), ["bd-b claimed"]);
    story.feed(Input::ClaimUnanswered { attempt: attempt("c"), reason: String::from("no answer") });
    assert_eq!(told(&story), ["bd-b claimed"], "c has not begun");
    story.spawned("c");
    assert_eq!(told(&story), ["bd-b claimed", "bd-c in hand"]);
    story.exited("c", Exit::Code { code: 3 });
    assert_eq!(told(&story), ["bd-b claimed", "bd-c Failed"]);
    story.feed(taken("d"));
    assert_eq!(told(&story), ["bd-b claimed", "bd-c Failed"], "what somebody else has is theirs");
    story.works("b");
    story.lands(1, &["b"]);
    story.feed(claimed("a"));
    story.works("a");
    story.lands(2, &["a"]);
    assert_eq!(told(&story), ["bd-c Failed", "bd-b landed merge1 of b", "bd-a landed merge2 of a"]);
    let head = greenlane_core::ids::Oid::from("merge1 of b");
    let kept = String::from("refs/kept");
    story.ask(Request::RollBack { plan: "p".into(), head, tasks: keys(&["a"]), kept });
    assert_eq!(told(&story), ["bd-a RolledBack", "bd-c Failed", "bd-b landed merge1 of b"]);
}

#[test]
fn a_newer_runs_word_leaves_nothing_of_the_older_ones_but_a_landing_and_what_it_alone_can_give_back() {
    let word = |word: Word| {
        let item =
            Item { tracker: TrackerKind::Beads, id: "x".into(), plan: "p".into(), tasks: Vec::new(), title: String::new(), file: None };
        Letter { item, word }
    };
    let landed = |before: Option<RunId>| word(Word::Landed { commit: "c".into(), branch: String::from("b"), verified: true, before });
    let hand = |claimed| word(Word::InHand { claimed });
    let given = |claimed| word(Word::GivenUp { how: GivenUp::Failed, reason: String::new(), claimed, owner: None });
    for (newer, older, expected) in [
        (landed(None), given(true), true),
        (landed(None), landed(None), true),
        (hand(true), landed(None), false),
        (given(true), landed(None), false),
        (hand(true), given(true), true),
        (hand(false), given(true), false),
        (given(false), given(true), false),
        (given(false), given(false), true),
        (given(false), hand(true), true),
    ] {
        assert_eq!(newer.supersedes(&older), expected, "{newer:?} after {older:?}");
    }
    let mut other = landed(None);
    other.item.id = String::from("y");
    assert!(!other.supersedes(&given(true)));
    assert!(given(true).is_moot_after(&landed(None)), "the older run is rolled back when the newer one has landed it");
    assert!(!given(true).is_moot_after(&landed(Some("r0".into()))), "what the newer one found landed is taken off with it");
    assert!(!given(true).is_moot_after(&given(true)));
}

#[test]
fn an_issue_of_several_tasks_is_done_when_all_of_them_are() {
    let both = |id: &str, words: &str| Task { issue: Issue::parse("beads:x").ok(), ..task(id, words) };
    let mut story = story(vec![both("a", ""), both("b", "depends a"), task("c", "")]);
    story.feed(Input::IssueClaimed { attempt: attempt("a"), from: Some(String::from("Ann")) });
    story.works("a");
    story.lands(1, &["a"]);
    assert_eq!(told(&story), ["x claimed"], "b is still to come");
    story.spawned("c");
    story.exited("c", Exit::Code { code: 0 });
    story.feed(claimed("b"));
    story.spawned("b");
    story.exited("b", Exit::Code { code: 3 });
    assert_eq!(told(&story), ["x claimed"], "it is tried again");
    story.ask(Request::StopTasks { tasks: keys(&["b"]), now: false });
    assert_eq!(told(&story), ["x Cancelled to Ann"]);
    assert!(matches!(letters(&story.state)[0].word, Word::GivenUp { how: GivenUp::Cancelled, claimed: true, .. }));
}
