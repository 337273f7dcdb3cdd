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
    // And before each landing.
    let landings: Vec<&str> = refs.lines().filter(|l| l.contains("/landings/groups/")).map(|l| l.rsplit_once(' ').unwrap().1).collect();
    assert_eq!(landings.len(), s.count("batch_landed"));
    assert!(landings.contains(&s.git(&["rev-parse", "main"]).as_str()) && landings.contains(&before("second").as_str()), "{refs}");
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

#[test]
fn groups_are_listed_shown_and_waited_for() {
    let s = Sandbox::new(&[]);
    let path = plan(&s, &await_file("go"));
    let detected = s.greenlane(&["groups", "detect", path.to_str().unwrap()]);
    assert_eq!((detected.code, detected.stdout.as_str()), (0, "1. first: one, two\n2. second: three\n"));
    let run = s.start(s.command(&["run", path.to_str().unwrap()]));
    eventually("the last task works", || s.count("attempt_spawned") == 3);
    let list = s.greenlane(&["groups"]);
    let lines: Vec<&str> = list.stdout.lines().collect();
    assert_eq!(lines, ["first   completed    post execution        2/2 done", "second  in progress  concurrent execution  0/1 done"]);
    assert_eq!(s.greenlane(&["groups", "list", "--status", "completed"]).stdout.lines().count(), 1);
    let late = s.greenlane(&["groups", "wait", "second", "--timeout", "200ms"]);
    assert_eq!((late.code, late.stderr.lines().next()), (124, Some("error: group `second` has not ended after 200ms")));
    let unknown = s.greenlane(&["groups", "status", "third"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("has no group `third`") && unknown.stderr.contains("it has `first`, `second`"), "{}", unknown.stderr);

    let waiting = s.start(s.command(&["groups", "wait", "second", "--json"]));
    fs::write(s.out("go"), "").unwrap();
    let waited = waiting.wait();
    assert_eq!(waited.code, 1, "it changed nothing: {waited:?}");
    run.wait();
    let told: serde_json::Value = serde_json::from_str(&waited.stdout).unwrap();
    assert_eq!((&told["status"], &told["phase"]), (&"failed".into(), &"post_execution".into()));
    // What scripts find on the disk is the same.
    let run_id = told["run"].as_str().unwrap();
    let file = s.repo().join(".greenlane/runs").join(run_id).join("groups/second/metadata.json");
    let metadata: serde_json::Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    for field in [
        "group_id",
        "group_name",
        "phase",
        "tasks",
        "created_at",
        "started_at",
        "completed_at",
        "status",
        "results",
        "errors",
        "pre_group_refresh_completed",
    ] {
        assert_eq!(metadata.get(field), told.get(field), "{field}");
    }
    assert_eq!(metadata["results"][0]["task_id"], "three");
    assert!(
        metadata["errors"][0].as_str().unwrap().starts_with("three: it ended as if all were well, but changed nothing"),
        "{metadata:#}"
    );
}

#[test]
fn a_group_of_which_nothing_could_be_tried_is_blocked_and_not_completed() {
    let s = Sandbox::new(&[]);
    let path = plan(&s, "echo 3 > three.txt");
    let text =
        fs::read_to_string(&path).unwrap().replace("echo 1 > one.txt", "exit 1").replace("  - id: one", "  - id: one\n  - retries: 0");
    fs::write(&path, text).unwrap();
    assert_eq!(s.greenlane(&["run", path.to_str().unwrap()]).code, 1);
    let told: serde_json::Value = serde_json::from_str(&s.greenlane(&["groups", "--json"]).stdout).unwrap();
    let status: Vec<_> = told["groups"].as_array().unwrap().iter().map(|g| g["status"].as_str().unwrap()).collect();
    assert_eq!(status, ["failed", "blocked"]);
    assert_eq!(s.greenlane(&["groups", "wait", "second"]).code, 1);
}

#[test]
fn a_plan_says_what_holds_for_one_of_its_groups() {
    let s = Sandbox::new(&[]);
    let text = "groups.first.on_failure = \"rollback\"\ngroups.second.refresh = \"echo on >> $OUT/refreshed\"\n\n\
                [[task]]\nid = \"good\"\ngroup = \"first\"\nrun = \"echo 1 > good.txt\"\n\n\
                [[task]]\nid = \"bad\"\ngroup = \"first\"\nretries = 0\nrun = \"exit 1\"\ndepends = [\"good\"]\n\n\
                [[task]]\nid = \"later\"\ngroup = \"second\"\nretries = 0\nrun = \"exit 1\"\n\n\
                [[task]]\nid = \"kept\"\ngroup = \"second\"\nrun = \"echo 2 > kept.txt\"\n";
    let detected = s.greenlane(&["groups", "detect", s.plan("p.toml", text).to_str().unwrap()]);
    assert_eq!(
        detected.stdout,
        "1. first: good, bad; on failure: rollback\n2. second: later, kept; before it `echo on >> $OUT/refreshed`\n"
    );
    let ran = s.run(text, &["--keep-going"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(s.landed_files(), ["kept.txt"], "of the first group nothing stays, of the second all that landed: {ran:?}");
    assert_eq!(s.out_lines("refreshed"), ["on"], "before one of them alone");
}

#[test]
fn a_group_that_was_taken_off_by_hand_is_completed_no_more() {
    let s = Sandbox::new(&[]);
    assert_eq!(run(&s, "echo 3 > three.txt", &[]).code, 0);
    assert_eq!(s.greenlane(&["groups", "wait", "second"]).code, 0);
    assert_eq!(s.greenlane(&["rollback", "second"]).code, 0);
    let list = s.greenlane(&["groups"]).stdout;
    assert!(list.contains("first   completed") && list.contains("second  failed"), "{list}");
    assert_eq!(s.greenlane(&["groups", "wait", "second"]).code, 1);
    assert_eq!(s.greenlane(&["resume"]).code, 0);
    assert_eq!(s.greenlane(&["groups", "wait", "second"]).code, 0);
}
