//! Groups through the whole program: the refresh before them, the ref before them, the way back.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;

use common::{Ran, Sandbox, await_file, eventually, wait_for};

/// Two groups of commands; `last` is the command of the second one's only task.
fn plan(s: &Sandbox, last: &str) -> std::path::PathBuf {
    let text = format!(
        "# Two groups\n\n- [ ] one [P:Group-first]\n  - id: one\n  - run: echo 1 > one.txt\n\
         - [ ] two [P:Group-first]\n  - id: two\n  - run: echo 2 > two.txt\n\
         - [ ] three [P:Group-second]\n  - id: three\n  - retries: 0\n  - run: {last}\n"
    );
    s.plan("groups.md", &text)
}

fn run(s: &Sandbox, last: &str, environment: &[(&str, &str)]) -> Ran {
    let path = plan(s, last);
    Ran::of(s.command(&["run", path.to_str().unwrap()]).envs(environment.iter().copied()).output().unwrap())
}

#[test]
fn the_context_is_refreshed_before_each_group_on_what_has_landed() {
    let s = Sandbox::new(&[]);
    let refresh = "echo $GREENLANE_GROUP $(ls) >> $OUT/refreshed; test -d $GREENLANE_REPOSITORY/.git";
    let last = "test $(wc -l < $OUT/refreshed) = 2 && echo 3 > three.txt";
    let ran = run(&s, last, &[("GREENLANE_GROUPS_REFRESH", refresh)]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.out_lines("refreshed"), ["first README.md", "second README.md one.txt two.txt"]);
    let ended = s.events("group_ended");
    let told: Vec<_> = ended.iter().map(|e| (e["group"].as_str().unwrap(), e["outcome"].as_str().unwrap())).collect();
    assert_eq!(told, [("first", "completed"), ("second", "completed")]);
    // The branch before each group is in a ref.
    let refs = s.git(&["for-each-ref", "--format=%(refname) %(objectname)", "refs/greenlane"]);
    let before = |group: &str| refs.lines().find(|l| l.contains(&format!("/{group} "))).unwrap().rsplit_once(' ').unwrap().1.to_owned();
    assert_eq!(before("first"), s.git(&["rev-parse", "main"]));
    assert_eq!(s.files_on(&before("second")), ["README.md", "one.txt", "two.txt"]);
    assert_eq!(s.git(&["status", "--porcelain"]), "", "the user's checkout is untouched");
}

#[test]
fn a_refresh_that_fails_or_hangs_is_told_and_the_group_goes_on() {
    for (refresh, why) in [("exit 3", "`exit 3` failed with exit code 3"), ("sleep 60", "`sleep 60` ran into its time limit")] {
        let s = Sandbox::new(&[]);
        let ran = run(&s, "echo 3 > three.txt", &[("GREENLANE_GROUPS_REFRESH", refresh), ("GREENLANE_GROUPS_REFRESH_TIMEOUT", "500ms")]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.stderr.contains(&format!("the context could not be refreshed before group `first`: {why}")), "{}", ran.stderr);
        assert!(s.events("group_refreshed").iter().all(|e| e["problem"] == why));
    }
}

#[test]
fn a_coordinator_that_dies_while_the_context_is_refreshed_has_it_refreshed_again() {
    let s = Sandbox::new(&[]);
    let path = plan(&s, "echo 3 > three.txt");
    let refresh = format!("echo on >> $OUT/refreshed; {}", await_file("go"));
    let run = s.start({
        let mut command = s.command(&["run", path.to_str().unwrap()]);
        command.env("GREENLANE_GROUPS_REFRESH", &refresh);
        command
    });
    wait_for(&s.out("refreshed"));
    assert_eq!(s.reason("one"), "waits until the context is refreshed for its group");
    run.signal("KILL");
    run.wait();
    fs::write(s.out("go"), "").unwrap();
    let resumed = s.greenlane(&["resume"]);
    assert_eq!(resumed.code, 0, "{resumed:?}");
    assert_eq!(s.out_lines("refreshed").len(), 3, "twice for the first group, once for the second");
    eventually("nothing of the first refresh is left", || s.worktree_notes().iter().all(|n| n["holding"] == "free"));
}

#[test]
fn what_landed_of_a_failed_group_is_taken_off_when_the_user_wants_that() {
    let s = Sandbox::new(&[]);
    let text = format!(
        "# A group\n\n- [ ] zero [P:Group-first]\n  - id: zero\n  - run: echo 0 > zero.txt\n\
         - [ ] good [P:Group-second]\n  - id: good\n  - run: echo 1 > good.txt\n\
         - [ ] bad [P:Group-second]\n  - id: bad\n  - retries: 0\n  - run: {}; test -e $OUT/fixed && echo 4 > bad.txt\n\
         - [ ] later [P:Group-third]\n  - id: later\n  - run: echo > later.txt\n",
        await_file("landed")
    );
    let path = s.plan("groups.md", &text);
    let mut command = s.command(&["run", path.to_str().unwrap(), "--keep-going"]);
    command.env("GREENLANE_GROUPS_ON_FAILURE", "rollback");
    let run = s.start(command);
    eventually("the good one has landed", || s.count("batch_landed") >= 2);
    fs::write(s.out("landed"), "").unwrap();
    let ran = run.wait();
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(s.landed_files(), ["later.txt", "zero.txt"]);
    let told = &s.events("rolled_back")[0];
    assert_eq!(told["tasks"], serde_json::json!(["good"]));
    assert!(s.files_on(told["kept"].as_str().unwrap()).contains(&String::from("good.txt")), "what was taken off is kept");
    assert_eq!(s.task("good")["state"], "cancelled");
    assert!(s.reason("good").starts_with("rolled back; its work is kept in refs/greenlane/"), "{}", s.reason("good"));
    assert!(ran.stderr.contains("taken off the branch, and kept in"), "{}", ran.stderr);
    // And it can be done again.
    assert_eq!(s.greenlane(&["retry", "good"]).code, 1, "`bad` is still not done, so the group fails again");
    assert_eq!(s.landed_files(), ["later.txt", "zero.txt"]);
    fs::write(s.out("fixed"), "").unwrap();
    let again = s.greenlane(&["retry", "good", "bad"]);
    assert_eq!(again.code, 0, "{again:?} {:#}", s.status()["tasks"]);
    assert_eq!(s.landed_files(), ["bad.txt", "good.txt", "later.txt", "zero.txt"]);
}

#[test]
fn nothing_is_taken_off_where_a_person_has_committed_meanwhile() {
    let s = Sandbox::new(&[]);
    let text = format!(
        "# A group\n\n- [ ] good [P:Group-first]\n  - id: good\n  - run: echo 1 > good.txt\n\
         - [ ] bad [P:Group-first]\n  - id: bad\n  - retries: 0\n  - run: {}; exit 1\n",
        await_file("landed")
    );
    let path = s.plan("groups.md", &text);
    let mut command = s.command(&["run", path.to_str().unwrap()]);
    command.env("GREENLANE_GROUPS_ON_FAILURE", "rollback");
    let run = s.start(command);
    eventually("the good one has landed", || s.count("batch_landed") >= 1);
    let branch = s.branch();
    let mine = s.git(&["commit-tree", "-p", &branch, "-m", "mine", &format!("{branch}^{{tree}}")]);
    s.git(&["update-ref", &format!("refs/heads/{branch}"), &mine]);
    fs::write(s.out("landed"), "").unwrap();
    let ran = run.wait();
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(s.git(&["rev-parse", &branch]), mine);
    assert!(ran.stderr.contains("what landed of it stays on the branch: somebody has committed to"), "{}", ran.stderr);
    assert_eq!(s.task("good")["state"], "done");
}
