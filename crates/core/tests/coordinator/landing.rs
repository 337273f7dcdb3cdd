//! From accepted work to the branch.

use greenlane_core::attempt::{Merge, Suite};
use greenlane_core::event::MergeResult;
use greenlane_core::ids::{Oid, RunId};
use greenlane_core::input::{Input, Request};
use greenlane_core::options::RunOptions;
use greenlane_core::view::{Coordinator, status};

use crate::story::{Story, attempt, green, key, prepared, red, task};

fn four() -> Story {
    let ids = ["a", "b", "c", "d"];
    Story::new(RunOptions { jobs: 4, ..RunOptions::default() }, ids.map(|id| task(id, "")).to_vec())
}

#[test]
fn what_is_finished_while_a_batch_is_verified_goes_together_next() {
    let mut story = four();
    assert_eq!(story.works("a"), ["work_judged a#1", "batch_formed 1: a#1", "→ merge 1 onto base"]);
    assert_eq!(story.merged(1, &["a"]), ["batch_merged 1", "→ verify 1"]);
    assert_eq!(story.works("b"), ["work_judged b#1"]);
    assert_eq!(story.works("c"), ["work_judged c#1"]);
    let verified = Input::BatchVerified { batch: 1, suite: green() };
    assert_eq!(story.feed(verified), ["batch_verified 1", "→ move for 1 from base to merge1 of a"]);
    let out = story.feed(Input::BranchMoved { batch: 1 });
    assert_eq!(out, ["batch_landed 1: a#1", "batch_formed 2: b#1 c#1", "→ free a#1", "→ merge 2 onto merge1 of a"]);
}

/// `a` holds the lane, so that `b`, `c` and `d` are the next batch.
fn three_in_a_batch() -> Story {
    let mut story = four();
    story.works("a");
    for id in ["b", "c", "d"] {
        story.works(id);
    }
    story.lands(1, &["a"]);
    story.merged(2, &["b", "c", "d"]);
    story
}

#[test]
fn what_waits_for_the_suite_is_told_from_what_is_in_it() {
    let mut story = four();
    let told = |story: &Story| -> Vec<String> {
        let shown = status(&RunId::from("r"), &story.state, Coordinator::Alive, story.now);
        shown.tasks.into_iter().filter(|t| t.state == "landing").map(|t| format!("{}: {}", t.id, t.reason.unwrap_or_default())).collect()
    };
    story.works("a");
    assert_eq!(told(&story), ["a: is being merged"]);
    story.merged(1, &["a"]);
    story.works("b");
    story.works("c");
    assert_eq!(told(&story), ["a: is being verified", "b: waits for verification", "c: waits for verification"]);
    story.feed(Input::BatchVerified { batch: 1, suite: green() });
    assert_eq!(told(&story)[0], "a: is green; the branch is being moved");
    story.feed(Input::BranchMoved { batch: 1 });
    story.merged(2, &["b", "c"]);
    assert_eq!(told(&story), ["b: is being verified, together with 1 more", "c: is being verified, together with 1 more"]);
    story.feed(Input::BatchVerified { batch: 2, suite: red() });
    assert_eq!(told(&story), ["b: is being merged", "c: was in a red batch; waits to be verified apart"]);
}

#[test]
fn a_red_batch_is_split_until_the_guilty_is_found_and_the_others_land() {
    let mut story = three_in_a_batch();
    let out = story.feed(Input::BatchVerified { batch: 2, suite: red() });
    assert_eq!(out, ["batch_verified 2", "batch_formed 3: b#1 c#1", "→ merge 3 onto merge1 of a"]);
    assert_eq!(story.merged(3, &["b", "c"]), ["batch_merged 3", "→ verify 3 again"]);
    let out = story.feed(Input::BatchVerified { batch: 3, suite: red() });
    assert_eq!(out, ["batch_verified 3", "batch_formed 4: b#1", "→ merge 4 onto merge1 of a"]);
    story.merged(4, &["b"]);
    let out = story.feed(Input::BatchVerified { batch: 4, suite: red() });
    assert_eq!(out, ["batch_verified 4 once more", "batch_formed 5: b#1", "→ merge 5 onto merge1 of a"]);
    assert_eq!(story.merged(5, &["b"]), ["batch_merged 5", "→ verify 5 again"], "nobody is blamed for what the suite said once");
    let out = story.feed(Input::BatchVerified { batch: 5, suite: red() });
    let want = [
        "batch_verified 5",
        "attempt_failed b#1 gate_failed",
        "task_failed b",
        "batch_formed 6: c#1",
        "→ merge 6 onto merge1 of a",
        "→ keep b#1",
    ];
    assert_eq!(out, want);
    assert_eq!(story.lands(6, &["c"])[..2], ["batch_landed 6: c#1", "batch_formed 7: d#1"]);
    let out = story.lands(7, &["d"]);
    assert_eq!(out, ["batch_landed 7: d#1", "plan_ended not done", "run_ended finished", "→ free d#1"]);
}

#[test]
fn a_red_batch_in_which_nobody_is_guilty_is_told_as_flaky() {
    let mut story = three_in_a_batch();
    story.feed(Input::BatchVerified { batch: 2, suite: red() });
    assert_eq!(story.lands(3, &["b", "c"])[..2], ["batch_landed 3: b#1 c#1", "batch_formed 4: d#1"]);
    assert_eq!(story.merged(4, &["d"]), ["batch_merged 4", "→ verify 4 again"], "the tree that was red: run, not remembered");
    story.feed(Input::BatchVerified { batch: 4, suite: green() });
    let out = story.feed(Input::BranchMoved { batch: 4 });
    assert_eq!(out, ["batch_landed 4: d#1", "suite_flaky 2", "plan_ended done", "run_ended finished", "→ free d#1"]);
}

#[test]
fn who_is_alone_on_a_red_tree_is_verified_once_more_and_lands_if_it_is_green_then() {
    let mut story = Story::new(RunOptions::default(), vec![task("a", "")]);
    let told = |story: &Story| -> String {
        let shown = status(&RunId::from("r"), &story.state, Coordinator::Alive, story.now);
        shown.tasks[0].reason.clone().unwrap_or_default()
    };
    story.works("a");
    story.merged(1, &["a"]);
    let out = story.feed(Input::BatchVerified { batch: 1, suite: red() });
    assert_eq!(out, ["batch_verified 1 once more", "batch_formed 2: a#1", "→ merge 2 onto base"]);
    assert_eq!(story.feed(Input::BatchVerified { batch: 1, suite: red() }), [""; 0], "what is told twice was said once");
    story.merged(2, &["a"]);
    assert_eq!(told(&story), "the suite was red with it, and runs once more");
    // Nobody remembers what was asked of a coordinator that died.
    let out = story.feed(Input::Resume);
    assert!(out.contains(&String::from("→ verify 2 again")), "{out:?}");
    let out = story.feed(Input::BatchVerified { batch: 2, suite: green() });
    assert_eq!(out, ["batch_verified 2", "→ move for 2 from base to merge2 of a"]);
    let out = story.feed(Input::BranchMoved { batch: 2 });
    assert_eq!(out, ["batch_landed 2: a#1", "suite_flaky 1", "plan_ended done", "run_ended finished", "→ free a#1"]);
}

#[test]
fn what_cannot_be_verified_a_second_time_is_for_a_person() {
    let mut story = Story::new(RunOptions::default(), vec![task("a", ""), task("b", "")]);
    story.works("a");
    story.merged(1, &["a"]);
    story.feed(Input::BatchVerified { batch: 1, suite: red() });
    story.merged(2, &["a"]);
    let suite = Suite::Broken { message: String::from("disk full") };
    assert_eq!(story.feed(Input::BatchVerified { batch: 2, suite })[..2], ["batch_verified 2", "task_needs_human a"]);
    story.works("b");
    let out = story.lands(3, &["b"]);
    assert_eq!(out[0], "batch_landed 3: b#1");
    assert!(!out.iter().any(|o| o.starts_with("suite_flaky")), "{out:?}");
}

#[test]
fn a_conflict_with_the_branch_needs_a_human_one_with_a_neighbour_waits_its_turn() {
    let mut story = four();
    story.works("a");
    for id in ["b", "c", "d"] {
        story.works(id);
    }
    story.lands(1, &["a"]);
    let merged = Merge::Merged { commit: Oid::from("m") };
    let conflict = |definite| Merge::Conflict { files: vec![String::from("x")], definite, not_remade: None };
    let results = [("b", conflict(true)), ("c", merged), ("d", conflict(false))];
    let results = results.map(|(id, merge)| MergeResult { attempt: attempt(id), merge }).to_vec();
    let out = story.feed(Input::BatchMerged { batch: 2, results: Ok(results) });
    assert_eq!(out, ["batch_merged 2", "task_needs_human b", "→ verify 2", "→ keep b#1"]);
    story.feed(Input::BatchVerified { batch: 2, suite: green() });
    let out = story.feed(Input::BranchMoved { batch: 2 });
    assert_eq!(out, ["batch_landed 2: c#1", "batch_formed 3: d#1", "→ free c#1", "→ merge 3 onto m"]);
}

#[test]
fn a_branch_that_moved_by_itself_is_merged_onto_again() {
    let mut story = four();
    story.works("a");
    story.merged(1, &["a"]);
    story.feed(Input::BatchVerified { batch: 1, suite: green() });
    let out = story.feed(Input::BranchRaced { batch: 1, actual: Oid::from("theirs"), by: None });
    assert_eq!(out, ["batch_raced 1", "batch_formed 2: a#1", "→ merge 2 onto theirs"]);
}

#[test]
fn when_the_machinery_fails_a_person_looks_and_the_branch_stays() {
    let mut story = three_in_a_batch();
    let suite = Suite::Broken { message: String::from("disk full") };
    let out = story.feed(Input::BatchVerified { batch: 2, suite });
    let needs = ["task_needs_human b", "task_needs_human c", "task_needs_human d"];
    assert_eq!(out[..4], ["batch_verified 2", needs[0], needs[1], needs[2]]);
    assert_eq!(story.state.plans[0].head, Oid::from("merge1 of a"));

    let mut story = three_in_a_batch();
    story.feed(Input::BatchVerified { batch: 2, suite: green() });
    let out = story.feed(Input::BranchNotMoved { batch: 2, message: String::from("locked") });
    assert_eq!(out[..4], ["batch_dropped 2", needs[0], needs[1], needs[2]]);
}

#[test]
fn without_a_suite_work_lands_unverified_or_needs_a_human() {
    let mut story = Story::submitted(RunOptions::default(), vec![task("a", "")]);
    story.feed(prepared(&[]));
    story.works("a");
    assert_eq!(story.merged(1, &["a"]), ["batch_merged 1", "→ move for 1 from base to merge1 of a"]);
    assert_eq!(story.feed(Input::BranchMoved { batch: 1 })[0], "batch_landed 1: a#1 unverified");
    assert!(story.state.tasks[0].landed_unverified);
    let kept = String::from("refs/greenlane/kept");
    story.ask(Request::RollBack { plan: "p".into(), head: "base".into(), tasks: vec![key("a")], kept });
    assert!(!story.state.tasks[0].landed_unverified, "what is off the branch is not unverified on it");

    let mut story = Story::submitted(RunOptions { require_verify: true, ..RunOptions::default() }, vec![task("a", "")]);
    story.feed(prepared(&[]));
    assert_eq!(story.works("a")[..2], ["work_judged a#1", "task_needs_human a"]);
}
