//! Groups: their turn, the refresh before them, their end, and the way back.

use greenlane_core::attempt::Exit;
use greenlane_core::ids::{GroupId, Oid, PlanId};
use greenlane_core::input::Input;
use greenlane_core::options::RunOptions;
use greenlane_core::plan::{Group, OnFailure, Plan};

use crate::story::{Story, task};

fn grouped(tasks: &[(&str, &str)], groups: Vec<Group>) -> Plan {
    Plan { tasks: tasks.iter().map(|(id, words)| task(id, words)).collect(), groups, ..Plan::new("p") }
}

fn refreshed(group: &str, problem: Option<&str>) -> Input {
    Input::GroupRefreshed { plan: PlanId::from("p"), group: GroupId::from(group), problem: problem.map(Into::into) }
}

fn options() -> RunOptions {
    RunOptions { jobs: 5, ..RunOptions::default() }
}

/// Everything that was journalled and is about groups.
fn of_groups(out: &[String]) -> Vec<&str> {
    out.iter().map(String::as_str).filter(|l| l.contains("group_") || l.contains("begin") || l.contains("roll")).collect()
}

#[test]
fn a_group_begins_when_the_one_before_has_ended_and_says_how_it_ended() {
    let plan = grouped(&[("a", "stage 0"), ("b", "stage 1")], vec![Group::new("g0", 0), Group::new("g1", 1)]);
    let mut story = Story::begun(options(), plan);
    assert_eq!(story.state.plans[0].groups[0].head, Some(Oid::from("base")));
    story.works("a");
    let out = story.lands(1, &["a"]);
    let want = ["group_ended g0 Completed verified", "group_started g1 at merge1 of a", "→ begin g1 at merge1 of a"];
    assert_eq!(of_groups(&out), want);
    assert!(out.contains(&String::from("→ start b#1")), "nothing is to be refreshed: {out:?}");
    story.works("b");
    assert_eq!(of_groups(&story.lands(2, &["b"])), ["group_ended g1 Completed verified"]);
}

#[test]
fn its_tasks_wait_for_the_refresh_which_only_warns() {
    let plan = || {
        let of_its_own = Group { refresh: Some("make context".into()), ..Group::new("g0", 0) };
        grouped(&[("a", "stage 0"), ("b", "stage 1"), ("free", "")], vec![of_its_own, Group::new("g1", 1)])
    };
    let mut story = Story::begun(RunOptions { group_refresh: Some("make docs".into()), ..options() }, plan());
    assert!(story.state.tasks[0].attempts.is_empty() && story.state.tasks[2].attempts.len() == 1, "who is in no group waits for none");
    let out = story.crash_and_resume();
    assert!(out.contains(&String::from("→ begin g0 at base with make context")), "it is asked for again: {out:?}");
    let out = story.feed(refreshed("g0", Some("it ran into its time limit")));
    assert_eq!(out[..2], ["group_refreshed g0: it ran into its time limit", "attempt_started a#1 from base"]);
    assert_eq!(story.feed(refreshed("g0", None)), Vec::<String>::new(), "a second answer changes nothing");
    story.works("a");
    let out = story.lands(1, &["a"]);
    assert!(out.contains(&String::from("→ begin g1 at merge1 of a with make docs")), "the run's, where it has none: {out:?}");
    assert!(!out.iter().any(|l| l.contains("start b")), "{out:?}");
}

#[test]
fn a_group_of_which_nothing_could_be_tried_is_blocked() {
    let plan = grouped(&[("a", "stage 0; retries 0"), ("b", "stage 1")], vec![Group::new("g0", 0), Group::new("g1", 1)]);
    let mut story = Story::begun(options(), plan);
    story.spawned("a");
    let out = story.exited("a", Exit::Code { code: 1 });
    assert_eq!(
        of_groups(&out),
        ["task_skipped b: group `g0` before it failed: `a` failed", "group_ended g0 Failed verified", "group_ended g1 Blocked verified"]
            .into_iter()
            .filter(|l| l.contains("group_"))
            .collect::<Vec<_>>()
    );
}

/// Two of a group that goes back when one of it fails, one of the next, one in none.
fn to_be_rolled_back(keep_going: bool) -> Story {
    let back = Group { on_failure: Some(OnFailure::Rollback), ..Group::new("g0", 0) };
    let tasks = [("a", "stage 0"), ("b", "stage 0; retries 0"), ("c", "stage 1"), ("free", "")];
    let mut story = Story::begun(RunOptions { keep_going, ..options() }, grouped(&tasks, vec![back, Group::new("g1", 1)]));
    story.works("a");
    story.lands(1, &["a"]);
    story.spawned("b");
    story
}

fn rolled_back(head: &str) -> Input {
    let (plan, group, kept) = (PlanId::from("p"), GroupId::from("g0"), String::from("refs/kept"));
    Input::GroupRolledBack { plan, group, head: Oid::from(head), kept }
}

#[test]
fn what_landed_of_a_failed_group_is_taken_off_when_nobody_works_on_top_of_it() {
    let mut story = to_be_rolled_back(true);
    story.spawned("free");
    let out = story.exited("b", Exit::Code { code: 1 });
    assert_eq!(
        of_groups(&out),
        ["group_ended g0 Failed verified, to be rolled back"],
        "`free` is at work, and `c` does not start: {out:?}"
    );
    let out = story.exited("free", Exit::Code { code: 0 });
    assert_eq!(of_groups(&out), Vec::<&str>::new());
    story.accepted("free");
    let out = story.lands(2, &["free"]);
    assert_eq!(of_groups(&out), ["→ roll g0 back, 2 from merge1 of a"], "all that landed since the group began: {out:?}");
    let out = story.crash_and_resume();
    assert_eq!(of_groups(&out), ["→ roll g0 back, 2 from merge1 of a"], "{out:?}");
    let out = story.feed(rolled_back("base"));
    assert_eq!(out[..2], ["rolled_back to base: a free", "group_started g1 at base"]);
    assert!(out.contains(&String::from("→ start c#1")), "{out:?}");
    assert_eq!(story.feed(rolled_back("base")), Vec::<String>::new());
}

#[test]
fn what_cannot_be_taken_off_stays_and_the_plan_goes_on() {
    let mut story = to_be_rolled_back(true);
    story.works("free");
    story.lands(2, &["free"]);
    let out = story.exited("b", Exit::Code { code: 1 });
    assert_eq!(of_groups(&out), ["group_ended g0 Failed verified, to be rolled back", "→ roll g0 back, 2 from merge1 of a"]);
    let (plan, group, message) = (PlanId::from("p"), GroupId::from("g0"), String::from("somebody committed to the branch"));
    let out = story.feed(Input::GroupNotRolledBack { plan, group, message });
    assert!(out.contains(&String::from("→ start c#1")), "{out:?}");
    assert_eq!(story.state.tasks[0].phase, greenlane_core::state::Phase::Done);
}

#[test]
fn a_task_that_is_tried_again_reopens_its_group() {
    let plan = grouped(&[("a", "stage 0; retries 0"), ("b", "stage 1")], vec![Group::new("g0", 0), Group::new("g1", 1)]);
    let mut story = Story::begun(options(), plan);
    story.spawned("a");
    story.exited("a", Exit::Code { code: 1 });
    let retry = greenlane_core::input::Request::Retry { tasks: crate::story::keys(&["a"]), fresh: false, agent: None };
    let out = story.ask(retry);
    assert!(out.contains(&String::from("→ start a#2")), "{out:?}");
    story.works("a#2");
    let out = story.lands(1, &["a#2"]);
    assert_eq!(of_groups(&out)[..2], ["group_ended g0 Completed verified", "group_started g1 at merge1 of a#2"], "{out:?}");
}

#[test]
fn a_group_that_is_reopened_while_it_is_taken_off_is_taken_off_all_the_same() {
    let mut story = to_be_rolled_back(true);
    story.spawned("free");
    story.exited("b", Exit::Code { code: 1 });
    let retry = greenlane_core::input::Request::Retry { tasks: crate::story::keys(&["b"]), fresh: false, agent: None };
    let out = story.ask(retry);
    assert!(!out.iter().any(|l| l.starts_with("→ start")), "`free` is at work on what goes: {out:?}");
    story.exited("free", Exit::Code { code: 0 });
    story.accepted("free");
    assert_eq!(of_groups(&story.lands(2, &["free"])), ["→ roll g0 back, 2 from merge1 of a"]);
    let out = story.feed(rolled_back("base"));
    assert!(out.contains(&String::from("→ start b#2")), "{out:?}");
}
