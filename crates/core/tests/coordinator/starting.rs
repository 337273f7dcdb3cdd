//! Who starts, and who has to wait.

use greenlane_core::attempt::Exit;
use greenlane_core::event::Submission;
use greenlane_core::ids::{Oid, PlanId};
use greenlane_core::input::Input;
use greenlane_core::options::RunOptions;
use greenlane_core::plan::{Plan, Task};

use crate::story::{Story, green, prepared, red, task};

fn jobs(jobs: u32) -> RunOptions {
    RunOptions { jobs, ..RunOptions::default() }
}

#[test]
fn a_plan_is_prepared_and_its_base_verified_before_any_task() {
    let mut story = Story::submitted(jobs(2), vec![task("a", "")]);
    assert_eq!(story.feed(prepared(&["make test"])), ["plan_prepared", "→ verify base"]);
    let judged = Input::BaseJudged { plan: PlanId::from("p"), suite: green() };
    assert_eq!(story.feed(judged), ["base_judged", "attempt_started a#1 from base", "→ start a#1"]);
}

#[test]
fn a_plan_whose_tasks_nobody_does_is_not_taken_in() {
    let nobody = || vec![Task { run: None, ..task("a", "") }];
    let story = Story::submitted(jobs(1), nobody());
    assert_eq!(story.reply, Some(Err(String::from("task `a` names no agent, and the run has no default one"))));
    assert!(story.state.plans.is_empty());
    let story = Story::submitted(RunOptions { agent: Some("codex".into()), ..jobs(1) }, nobody());
    assert_eq!(story.state.agent_of(&story.state.tasks[0]), "codex");
    let story = Story::submitted(jobs(1), vec![Task { run: None, candidates: vec!["gemini".into(), "codex".into()], ..task("a", "") }]);
    assert_eq!(story.state.agent_of(&story.state.tasks[0]), "gemini");
}

#[test]
fn of_several_plans_all_are_taken_in_or_none() {
    let mut story = Story::submitted(jobs(1), vec![task("a", "")]);
    let of = |id: &str| {
        let plan = Plan { tasks: vec![task("x", "")], ..Plan::new(id) };
        Submission { plan, base: Oid::from("base"), landed: Default::default(), file: None, digests: Default::default() }
    };
    assert!(story.feed(Input::SubmitAll(vec![of("q"), of("p")])).is_empty());
    assert_eq!(story.reply, Some(Err(String::from("the run has a plan `p` already"))));
    assert!(story.feed(Input::SubmitAll(vec![of("q"), of("q")])).is_empty());
    assert_eq!(story.reply, Some(Err(String::from("two of the plans are called `q`"))));
    assert_eq!(story.feed(Input::SubmitAll(vec![of("q"), of("r")]))[..2], ["plan_queued", "plan_queued"]);
    assert_eq!(story.reply, Some(Ok(())));
}

#[test]
fn without_a_suite_tasks_start_at_once() {
    let mut story = Story::submitted(jobs(2), vec![task("a", "")]);
    assert_eq!(story.feed(prepared(&[])), ["plan_prepared", "attempt_started a#1 from base", "→ start a#1"]);
}

#[test]
fn a_red_base_ends_the_plan_unless_it_is_allowed() {
    let judged = || Input::BaseJudged { plan: PlanId::from("p"), suite: red() };
    let mut story = Story::submitted(jobs(2), vec![task("a", "")]);
    story.feed(prepared(&["make test"]));
    let why = "task_skipped a: `make test` is red on the base, before any task";
    assert_eq!(story.feed(judged()), ["base_judged", why, "plan_ended not done", "run_ended finished"]);

    let mut story = Story::submitted(RunOptions { base_red_allowed: true, ..jobs(2) }, vec![task("a", "")]);
    story.feed(prepared(&["make test"]));
    assert_eq!(story.feed(judged()), ["base_judged", "attempt_started a#1 from base", "→ start a#1"]);
}

#[test]
fn a_free_slot_goes_to_the_most_urgent_then_to_the_longest_way_then_to_the_first() {
    let tasks = vec![
        task("short", "estimate 10"),
        task("long", "estimate 100"),
        task("head", "estimate 10"),
        task("tail", "depends head; estimate 500"),
        task("urgent", "priority 0; estimate 1"),
        task("like_short", "estimate 10"),
    ];
    let mut story = Story::new(jobs(1), tasks);
    let mut order = vec![String::from("urgent")];
    for _ in 0..4 {
        let running = order.last().cloned().unwrap_or_default();
        story.spawned(&running);
        let out = story.exited(&running, Exit::Code { code: 1 });
        let next = out.iter().find_map(|l| l.strip_prefix("→ start ")).unwrap_or("nobody");
        order.push(next.trim_end_matches("#1").to_owned());
    }
    assert_eq!(order, ["urgent", "head", "long", "short", "like_short"]);
}

#[test]
fn tasks_that_own_the_same_files_take_turns_until_the_first_has_landed() {
    let mut story = Story::new(jobs(3), vec![task("a", "owns src/**"), task("b", "owns src/x.rs"), task("c", "owns doc/**")]);
    assert_eq!(story.spawned("c"), ["attempt_spawned c#1"], "b is not started beside a");
    let out = story.works("a");
    assert_eq!(out, ["work_judged a#1", "batch_formed 1: a#1", "→ merge 1 onto base"]);
    let out = story.lands(1, &["a"]);
    assert_eq!(out, ["batch_landed 1: a#1", "attempt_started b#1 from merge1 of a", "→ free a#1", "→ start b#1"]);
}

#[test]
fn a_dependent_starts_from_the_head_that_has_what_it_depends_on() {
    let mut story = Story::new(jobs(3), vec![task("a", ""), task("b", "depends a")]);
    story.works("a");
    assert_eq!(story.lands(1, &["a"])[1..2], ["attempt_started b#1 from merge1 of a"]);
}

#[test]
fn a_group_is_a_barrier_its_siblings_finish_and_what_hangs_on_later_ones_is_skipped() {
    let tasks = || {
        let list = [("a", "stage 0; retries 0"), ("b", "stage 0"), ("c", "stage 1"), ("after", "depends c"), ("free", "depends b")];
        list.map(|(id, words)| task(id, words)).to_vec()
    };
    let mut story = Story::new(jobs(5), tasks());
    story.spawned("a");
    let out = story.exited("a", Exit::Code { code: 1 });
    let want = [
        "attempt_exited a#1",
        "attempt_failed a#1 exit_code",
        "task_failed a",
        "task_skipped c: group `g0` before it failed: `a` failed",
        "task_skipped after: depends on `c`, which was skipped",
        "→ keep a#1",
    ];
    assert_eq!(out, want);
    story.works("b");
    assert!(story.lands(1, &["b"]).contains(&String::from("→ start free#1")), "siblings and what depends on them go on");

    let mut story = Story::new(RunOptions { keep_going: true, ..jobs(5) }, tasks());
    story.spawned("a");
    assert_eq!(story.exited("a", Exit::Code { code: 1 })[2..], ["task_failed a", "→ keep a#1"]);
    story.works("b");
    assert!(story.lands(1, &["b"]).contains(&String::from("→ start c#1")), "the barrier opens when all have ended");
}

/// Two slots; `a` and its successor are the long chain, `x`, `y` and `z` fill up.
fn chain_and_fillers() -> Story {
    let mut story = Story::new(
        jobs(2),
        vec![
            task("a", "estimate 30"),
            task("b", "depends a; estimate 30"),
            task("x", "estimate 5"),
            task("y", "estimate 5"),
            task("z", "estimate 5"),
        ],
    );
    story.spawned("a");
    story.spawned("x");
    story
}

#[test]
fn a_slot_is_kept_for_the_next_link_of_the_chain_while_the_last_one_lands() {
    let mut story = chain_and_fillers();
    assert_eq!(story.exited("a", Exit::Code { code: 0 }), ["attempt_exited a#1", "→ judge a#1"], "`y` is ready and not started");
    let held_until = story.state.next_deadline().expect("a deadline");
    assert!(held_until > story.now && held_until.since(story.now).as_millis() <= 500, "{held_until:?}");
    story.accepted("a");
    story.merged(1, &["a"]);
    story.feed(Input::BatchVerified { batch: 1, suite: green() });
    let out = story.feed(Input::BranchMoved { batch: 1 });
    assert_eq!(out[..3], ["batch_landed 1: a#1", "attempt_started b#1 from merge1 of a", "→ free a#1"].map(String::from), "{out:?}");
    only_looks_are_due(&story);
}

#[test]
fn a_kept_slot_is_given_away_when_the_landing_takes_long() {
    let mut story = chain_and_fillers();
    story.exited("a", Exit::Code { code: 0 });
    story.now = story.state.next_deadline().expect("a deadline");
    assert_eq!(story.feed(Input::Tick), ["attempt_started y#1 from base", "→ start y#1"]);
    only_looks_are_due(&story);
}

#[test]
fn nothing_is_kept_for_what_is_less_urgent_or_waits_for_more() {
    let mut story = Story::new(
        jobs(1),
        vec![task("a", "estimate 9; priority 0"), task("b", "depends a; estimate 1"), task("c", "depends a x"), task("x", "estimate 5")],
    );
    story.spawned("a");
    let out = story.exited("a", Exit::Code { code: 0 });
    assert_eq!(out, ["attempt_exited a#1", "attempt_started x#1 from base", "→ judge a#1", "→ start x#1"]);
}

#[test]
fn nothing_is_kept_where_the_last_landing_took_long() {
    let mut story = chain_and_fillers();
    story.exited("x", Exit::Code { code: 0 });
    story.spawned("y");
    story.now = greenlane_core::time::Time(story.now.0 + 5_000);
    story.accepted("x");
    story.lands(1, &["x"]);
    let out = story.exited("a", Exit::Code { code: 0 });
    assert_eq!(out, ["attempt_exited a#1", "attempt_started z#1 from merge1 of x", "→ judge a#1", "→ start z#1"]);
}

/// Nobody waits for anything but the next look at what runs.
fn only_looks_are_due(story: &Story) {
    let due = story.state.next_deadline().expect("a look");
    assert!(due.since(story.now) > std::time::Duration::from_secs(50), "{due:?} at {:?}", story.now);
}

#[test]
fn nobody_starts_while_too_much_waits_to_be_verified() {
    let tasks = ["a", "b", "c", "d"].map(|id| task(id, "")).to_vec();
    let mut story = Story::new(RunOptions { backlog: 2, check_jobs: 1, ..jobs(1) }, tasks);
    story.spawned("a");
    assert_eq!(story.exited("a", Exit::Code { code: 0 })[1..], ["attempt_started b#1 from base", "→ judge a#1", "→ start b#1"]);
    story.spawned("b");
    assert_eq!(story.exited("b", Exit::Code { code: 0 }), ["attempt_exited b#1"], "two wait");
    let out = story.accepted("a");
    assert!(!out.iter().any(|l| l.starts_with("→ start")), "one is judged, and waits to land: {out:?}");
    let out = story.lands(1, &["a"]);
    assert!(out.contains(&String::from("attempt_started c#1 from merge1 of a")), "{out:?}");
}

#[test]
fn what_waits_to_be_verified_grows_with_the_slots() {
    assert_eq!((jobs(1).backlog_max(), jobs(20).backlog_max()), (16, 80));
    assert_eq!(RunOptions { backlog: 3, ..jobs(20) }.backlog_max(), 3);
}
