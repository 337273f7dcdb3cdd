//! One test for each verb that looks at a run or acts on one, with the real program, real git and real processes: the wiring.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use common::{Ran, Sandbox, eventually, states, wait_for};
use serde_json::Value;

/// `one` and `two` land; `bad` fails its check; `late` depends on it.
const MIXED: &str = r#"
id = "mixed"
name = "A mixed bag"
verify = ["test ! -e broken"]
[[task]]
id = "one"
title = "The first"
run = "echo said by one; echo 1 > one.txt"
[[task]]
id = "two"
depends = ["one"]
run = "cat one.txt > two.txt; echo a word of warning >&2"
[[task]]
id = "bad"
run = "echo meh > bad.txt"
check = ["echo looking; grep good bad.txt"]
[[task]]
id = "late"
depends = ["bad"]
run = "true"
"#;

/// `held` works until `$OUT/go` is there.
const HELD: &str = r#"
id = "held"
verify = []
[[task]]
id = "held"
run = "echo begun; touch $OUT/begun; until test -e $OUT/go; do sleep 0.02; done; echo 1 > held.txt; echo ended"
[[task]]
id = "after"
depends = ["held"]
run = "echo 1 > after.txt"
"#;

fn ran(sandbox: &Sandbox, plan: &str, code: i32) -> Ran {
    let path = sandbox.plan("plan.toml", plan);
    let ran = sandbox.greenlane(&["run", path.to_str().unwrap()]);
    assert_eq!(ran.code, code, "{ran:?}");
    ran
}

/// A run whose task `held` is at work.
fn under_way(sandbox: &Sandbox) -> Child {
    let path = sandbox.plan("held.toml", HELD);
    let mut command = sandbox.command(&["run", path.to_str().unwrap()]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for(&sandbox.path("out/begun"));
    // The command runs a moment before that is journalled.
    eventually("held is running", || !sandbox.events("attempt_spawned").is_empty());
    child
}

fn follower(sandbox: &Sandbox, args: &[&str]) -> Child {
    sandbox.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Reads the first line that it prints, byte by byte, so that the others stay in the pipe.
fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::with_capacity(1, child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    line
}

fn go(sandbox: &Sandbox) {
    std::fs::write(sandbox.path("out/go"), "").unwrap();
}

fn end_of(child: Child) -> Ran {
    Ran::of(child.wait_with_output().unwrap())
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran:?}"))
}

fn says(sandbox: &Sandbox, args: &[&str], code: i32, parts: &[&str]) -> Ran {
    let ran = sandbox.greenlane(args);
    assert_eq!(ran.code, code, "{args:?}: {ran:?}");
    for part in parts {
        assert!(ran.stdout.contains(part) || ran.stderr.contains(part), "{args:?} does not say {part:?}: {}\n{}", ran.stdout, ran.stderr);
    }
    ran
}

#[test]
fn where_nothing_ran_every_verb_says_so() {
    let sandbox = Sandbox::new(&[]);
    for args in [&["status"][..], &["status", "--json"], &["logs", "a"], &["wait"], &["report"], &["events"], &["land"], &["rollback", "a"]]
    {
        let ran = says(&sandbox, args, 2, &["error: nothing has run in this repository yet\nhint: `greenlane run PLAN`"]);
        assert_eq!(ran.stdout, "", "{args:?}");
    }
    for args in [&["pause"][..], &["unpause"]] {
        says(&sandbox, args, 2, &["error: nothing runs in this repository\nhint: `greenlane run PLAN`"]);
    }
    let listed = says(&sandbox, &["runs"], 0, &["Nothing has run in this repository yet; `greenlane run PLAN`"]);
    assert_eq!(listed.stdout, "");
    let listed = says(&sandbox, &["runs", "--json"], 0, &["Nothing has run"]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&listed.stdout).unwrap()["runs"], serde_json::json!([]));
    says(&sandbox, &["stop", "--all"], 0, &["nothing runs"]);
    says(&sandbox, &["clean"], 0, &["nothing to clean up"]);
    let outside = Ran::of(sandbox.command(&["status"]).current_dir(sandbox.path("home")).output().unwrap());
    assert!(outside.code == 3 && outside.stderr.contains("is not in a git repository"), "{outside:?}");
}

#[test]
fn status_and_logs_and_report_tell_what_happened() {
    let sandbox = Sandbox::new(&[]);
    ran(&sandbox, MIXED, 1);
    says(&sandbox, &["status"], 1, &["finished", "4 tasks: 2 done, 1 failed, 1 skipped", "✓ done     one", "greenlane retry bad"]);
    says(&sandbox, &["status", "one"], 0, &["one  ✓ done  The first", "#1 command: succeeded"]);
    says(&sandbox, &["status", "bad"], 1, &["gate failed", "    | looking\n", "quality gate failure"]);
    says(&sandbox, &["status", "mixed/"], 1, &["one", "late"]);
    says(&sandbox, &["status", "tow"], 2, &["there is no task `tow` in this run\nhint: did you mean `two`?"]);
    says(&sandbox, &["status", "--run", "nope"], 2, &["there is no run `nope`"]);
    let status = json(&sandbox.greenlane(&["status", "--json"]));
    assert_eq!((&status["schema"], &status["summary"]["total"], &status["summary"]["verified"]), (&1.into(), &4.into(), &true.into()));
    let run = status["run"]["id"].as_str().unwrap();
    assert_eq!(json(&sandbox.greenlane(&["status", "--json", "--run", &run[..8]]))["run"]["id"], run, "the beginning of an id is enough");

    let logs = says(&sandbox, &["logs", "one"], 0, &[]);
    assert_eq!((logs.stdout.as_str(), logs.stderr.as_str()), ("said by one\n", ""));
    assert_eq!(says(&sandbox, &["logs", "one", "-f"], 0, &[]).stdout, "said by one\n", "what has ended needs no waiting");
    assert_eq!(says(&sandbox, &["logs", "two", "--stderr"], 0, &[]).stdout, "a word of warning\n");
    says(&sandbox, &["logs", "two"], 0, &["has printed nothing on standard output; with --stderr there is more"]);
    says(&sandbox, &["logs", "one", "--prompt"], 0, &["The first"]);
    says(&sandbox, &["logs", "bad"], 0, &["check `echo looking; grep good bad.txt` failed with exit code 1\n  | looking\n  log: "]);
    says(&sandbox, &["logs", "one", "--attempt", "2"], 2, &["`one` has no attempt 2"]);
    says(&sandbox, &["logs", "late"], 2, &["`late` has not been started"]);
    says(&sandbox, &["logs", "mixed"], 2, &["`mixed` is a plan with 4 tasks"]);

    says(&sandbox, &["report"], 0, &["Timeline", "bad #1 (command, quality gate failure)", "verifications of the combined tree"]);
    let report = json(&sandbox.greenlane(&["report", "--json", run]));
    assert_eq!((&report["schema"], &report["run"]["id"], &report["failures"][0]["task"]), (&1.into(), &run.into(), &"bad".into()));
    let runs = json(&sandbox.greenlane(&["runs", "--json"]));
    assert_eq!((&runs["schema"], &runs["runs"][0]["id"], &runs["runs"][0]["not_done"]), (&1.into(), &run.into(), &2.into()));

    let all = sandbox.events("");
    let last = all.last().unwrap();
    assert_eq!((&last["event"], &last["run"]), (&"run_ended".into(), &run.into()));
    let since = (last["seq"].as_u64().unwrap() - 1).to_string();
    let tail = says(&sandbox, &["events", "--since", &since], 0, &[]);
    assert_eq!(tail.stdout.lines().count(), 1);
    assert_eq!(says(&sandbox, &["events", "--since", &since, "-f"], 0, &[]).stdout, tail.stdout);
    says(&sandbox, &["wait"], 1, &["2 done, 1 failed"]);
}

#[test]
fn followers_are_told_as_it_happens_and_end_with_the_run() {
    let sandbox = Sandbox::new(&[]);
    let run = under_way(&sandbox);
    says(&sandbox, &["wait", "--timeout", "50ms"], 124, &["has not ended after 50ms"]);
    says(&sandbox, &["status"], 0, &["▶ running  held", "waits for `held`"]);
    let mut followers: Vec<Child> = [
        &["wait", "--json"][..],
        &["events", "-f"],
        &["status", "--watch"],
        &["status", "-w", "--json"],
        &["logs", "held", "-f"],
        &["logs", "after", "-f"],
    ]
    .iter()
    .map(|args| follower(&sandbox, args))
    .collect();
    // Both show at once how it is; then they are there to see it go on.
    let seen: Vec<String> = followers[2..4].iter_mut().map(first_line).collect();
    assert!(seen[0].contains("running") && seen[1].starts_with("{\"schema\":1,"), "{seen:?}");
    go(&sandbox);
    let ends: Vec<Ran> = followers.into_iter().map(end_of).collect();
    assert_eq!(end_of(run).code, 0);
    assert!(ends.iter().all(|e| e.code == 0), "{ends:?}");
    let [wait, events, watch, stream, held, _] = ends.as_slice() else { panic!("{ends:?}") };
    assert_eq!(json(wait)["summary"]["done"], 2);
    assert!(events.stdout.lines().last().unwrap().contains("\"event\":\"run_ended\""), "{events:?}");
    assert!(watch.stdout.contains("held  landed") && watch.stdout.contains("2 tasks: 2 done"), "{watch:?}");
    let last: Value = serde_json::from_str(stream.stdout.lines().last().unwrap()).unwrap();
    assert_eq!((&last["run"]["state"], &states(&last)["after"]), (&"finished".into(), &"done".to_owned()));
    assert_eq!(held.stdout, "begun\nended\n");
}

#[test]
fn pause_starts_nothing_more_until_unpause() {
    let sandbox = Sandbox::new(&[]);
    let run = under_way(&sandbox);
    says(&sandbox, &["pause"], 0, &["paused"]);
    go(&sandbox);
    eventually("held has landed", || sandbox.states()["held"] == "done");
    assert_eq!(sandbox.states()["after"], "queued");
    says(&sandbox, &["status"], 0, &["the run is paused", "greenlane unpause"]);
    says(&sandbox, &["unpause"], 0, &["attempts start again"]);
    assert_eq!(end_of(run).code, 0);
}

#[test]
fn stop_ends_a_task_and_skips_what_needs_it() {
    let sandbox = Sandbox::new(&[]);
    let run = under_way(&sandbox);
    says(&sandbox, &["stop", "hold"], 2, &["did you mean `held`?"]);
    says(&sandbox, &["stop", "held", "--now"], 0, &["`held` is called off"]);
    assert_eq!(end_of(run).code, 1);
    let states = sandbox.states();
    assert_eq!((states["held"].as_str(), states["after"].as_str()), ("cancelled", "skipped"));
    says(&sandbox, &["status"], 1, &["called off"]);
}

#[test]
fn stop_all_ends_the_run_which_can_be_resumed() {
    let sandbox = Sandbox::new(&[]);
    let run = under_way(&sandbox);
    says(&sandbox, &["rollback", "held"], 4, &["another coordinator holds this repository", "greenlane wait"]);
    says(&sandbox, &["stop", "--all"], 0, &["is stopped; `greenlane resume` goes on with it"]);
    assert_eq!(end_of(run).code, 1);
    assert_eq!(sandbox.status()["run"]["state"], "stopped");
    go(&sandbox);
    assert_eq!(sandbox.greenlane(&["resume"]).code, 0);
    assert_eq!(sandbox.status()["summary"]["done"], 2);
}

#[test]
fn what_a_dead_coordinator_left_is_told_and_ended() {
    let sandbox = Sandbox::new(&[]);
    let mut run = under_way(&sandbox);
    run.kill().unwrap();
    run.wait().unwrap();
    says(&sandbox, &["status"], 0, &["! interrupted", "its agent still runs", "greenlane resume"]);
    says(&sandbox, &["wait"], 1, &["was interrupted: its coordinator is gone\nhint: `greenlane resume`"]);
    says(&sandbox, &["pause"], 2, &["`greenlane resume` goes on with the interrupted run"]);
    says(&sandbox, &["rollback", "held"], 1, &["was interrupted"]);
    says(&sandbox, &["stop", "nope"], 2, &["there is no task `nope`"]);
    says(&sandbox, &["clean"], 0, &["it can be resumed"]);
    says(&sandbox, &["stop", "--all"], 0, &["`held`: attempt 1 has ended", "is stopped"]);
    assert_eq!(sandbox.status()["run"]["state"], "stopped");
    says(&sandbox, &["stop", "--all"], 0, &["nothing runs"]);
    go(&sandbox);
    assert_eq!(sandbox.greenlane(&["resume"]).code, 0, "nothing is lost");
    assert_eq!(sandbox.status()["summary"]["done"], 2);
}

#[test]
fn a_task_that_is_stopped_without_a_coordinator_is_called_off_when_the_run_is_resumed() {
    let sandbox = Sandbox::new(&[]);
    let mut run = under_way(&sandbox);
    run.kill().unwrap();
    run.wait().unwrap();
    says(&sandbox, &["stop", "held", "after"], 0, &["`held`: attempt 1 has ended", "`after` does not run"]);
    assert_eq!(sandbox.greenlane(&["resume"]).code, 1);
    assert_eq!(sandbox.states()["held"], "cancelled");
}

#[test]
fn land_brings_the_work_where_the_user_says() {
    let sandbox = Sandbox::new(&[]);
    ran(&sandbox, MIXED, 1);
    sandbox.git(&["branch", "release"]);
    let before = sandbox.git(&["rev-parse", "main"]);
    says(
        &sandbox,
        &["land", "--dry-run"],
        0,
        &["`mixed` would land on main without conflict (fast-forward)", "warning: not every task of `mixed` is done"],
    );
    assert_eq!(sandbox.git(&["rev-parse", "main"]), before);
    says(&sandbox, &["land", "--into", "nowhere"], 2, &["there is no branch `nowhere`"]);
    says(&sandbox, &["land", "mixd"], 2, &["there is no plan `mixd`", "`mixed`"]);
    let own = sandbox.status()["run"]["branch"].as_str().unwrap().to_owned();
    says(&sandbox, &["land", "--into", &own], 2, &["is the branch of plan `mixed` itself"]);

    sandbox.write("README.md", "Not committed.\n");
    says(&sandbox, &["land"], 1, &["`main` is checked out at", "is not clean\nhint: commit or stash"]);
    sandbox.git(&["checkout", "-q", "README.md"]);
    sandbox.write("two.txt", "in the way\n");
    says(&sandbox, &["land"], 1, &["are in the way"]);
    assert_eq!(sandbox.git(&["rev-parse", "main"]), before, "it is all or nothing");
    std::fs::remove_file(sandbox.repo().join("two.txt")).unwrap();

    says(&sandbox, &["land"], 0, &["`mixed` landed on main", "fast-forward"]);
    assert_eq!(sandbox.files_on("main"), ["README.md", "one.txt", "two.txt"]);
    assert!(sandbox.repo().join("one.txt").exists() && sandbox.git(&["status", "--porcelain"]).is_empty(), "the checkout goes along");
    says(&sandbox, &["land"], 0, &["`mixed` is in main already"]);

    let squashed = json(&says(&sandbox, &["land", "mixed", "--into", "release", "--squash", "--json"], 0, &[]));
    assert_eq!((&squashed["into"], &squashed["plans"][0]["result"]), (&"release".into(), &"landed".into()));
    let message = sandbox.git(&["log", "-1", "--format=%B", "release"]);
    assert!(message.starts_with("Land A mixed bag\n\n- The first\n- two\n\nGreenlane-Run: "), "{message}");
    assert_eq!(sandbox.git(&["rev-list", "--count", "release"]), "2");
}

#[test]
fn land_foretells_and_refuses_a_conflict() {
    let sandbox = Sandbox::new(&[]);
    ran(&sandbox, MIXED, 1);
    sandbox.write("one.txt", "another one\n");
    sandbox.git(&["add", "-A"]);
    sandbox.git(&["commit", "-qm", "Meanwhile"]);
    let before = sandbox.git(&["rev-parse", "main"]);
    let forecast = sandbox.greenlane(&["land", "--dry-run", "--json"]);
    assert_eq!((forecast.code, &json(&forecast)["plans"][0]["conflicts"][0]), (1, &"one.txt".into()));
    says(&sandbox, &["land"], 1, &["conflicts with `main` in one.txt\nhint: merge it by hand"]);
    assert_eq!(sandbox.git(&["rev-parse", "main"]), before);
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
    sandbox.git(&["checkout", "-q", "--detach"]);
    says(&sandbox, &["land"], 2, &["HEAD is detached", "--into BRANCH"]);
}

#[test]
fn rollback_takes_a_landing_and_all_after_it_off_and_keeps_it() {
    let sandbox = Sandbox::new(&[]);
    ran(&sandbox, MIXED, 1);
    let branch = sandbox.status()["run"]["branch"].as_str().unwrap().to_owned();
    let full = sandbox.git(&["rev-parse", &branch]);
    says(&sandbox, &["rollback", "bad"], 2, &["nothing of `bad` has landed"]);
    says(&sandbox, &["rollback", "onee"], 2, &["did you mean `one`?"]);

    // Somebody moved the branch: nothing is touched.
    sandbox.git(&["branch", "-qf", &branch, "main~0"]);
    sandbox.git(&["commit", "-q", "--allow-empty", "-m", "Aside"]);
    sandbox.git(&["branch", "-qf", &branch, "main"]);
    says(&sandbox, &["rollback", "one"], 1, &["where this run left it", "git branch -f"]);
    sandbox.git(&["branch", "-qf", &branch, &full]);

    says(&sandbox, &["rollback", "two"], 0, &["Taken off", "`two`"]);
    assert_eq!(sandbox.files_on(&branch), ["README.md", "one.txt"]);
    assert_eq!(sandbox.states()["two"], "cancelled");
    let kept = sandbox.events("rolled_back")[0]["kept"].as_str().unwrap().to_owned();
    assert_eq!(sandbox.git(&["rev-parse", &kept]), full);
    says(&sandbox, &["rollback", "two"], 2, &["nothing of `two` has landed"]);
    says(&sandbox, &["report"], 0, &["rolled back: two; kept in refs/greenlane/"]);

    assert_eq!(sandbox.greenlane(&["retry", "two"]).code, 1, "`bad` is still not done");
    assert_eq!(sandbox.files_on(&branch), ["README.md", "one.txt", "two.txt"]);
    says(&sandbox, &["rollback", "one"], 0, &["`one`, `two`"]);
    assert_eq!(sandbox.files_on(&branch), ["README.md"]);

    let tries = sandbox.task("bad")["attempts"].as_array().unwrap().len();
    assert_eq!(sandbox.greenlane(&["resume"]).code, 1, "`bad` is still not done");
    assert_eq!(sandbox.files_on(&branch), ["README.md", "one.txt", "two.txt"], "what was taken off is done again");
    assert_eq!(sandbox.task("bad")["attempts"].as_array().unwrap().len(), tries, "what had failed is not");
    says(&sandbox, &["resume"], 2, &["nothing to resume"]);
}

#[test]
fn a_rollback_that_died_half_way_is_finished_by_the_same_command() {
    let sandbox = Sandbox::new(&[]);
    ran(&sandbox, MIXED, 1);
    let status = sandbox.status();
    let branch = status["run"]["branch"].as_str().unwrap();
    let landed = status["tasks"][1]["landed"].as_str().unwrap();
    sandbox.git(&["branch", "-qf", branch, &format!("{landed}^1")]);
    says(&sandbox, &["rollback", "two"], 0, &["`two`"]);
    let kept = sandbox.events("rolled_back")[0]["kept"].as_str().unwrap().to_owned();
    assert_eq!(sandbox.git(&["rev-parse", &kept]), landed, "what was taken off is kept all the same");
    assert_eq!(sandbox.states()["two"], "cancelled");
}

#[test]
fn clean_removes_what_has_landed_and_nothing_else() {
    let sandbox = Sandbox::new(&[]);
    ran(&sandbox, MIXED, 1);
    says(&sandbox, &["land"], 0, &[]);
    let branches = || sandbox.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads/greenlane/"]).lines().count();
    let worktrees = || sandbox.git(&["worktree", "list"]).lines().count();
    let (branches_before, worktrees_before) = (branches(), worktrees());
    let forecast = json(&says(&sandbox, &["clean", "--dry-run", "--json"], 0, &[]));
    assert_eq!((branches(), worktrees()), (branches_before, worktrees_before));
    let done = json(&says(&sandbox, &["clean", "--json"], 0, &[]));
    assert_eq!((&forecast["worktrees"], &forecast["branches"]), (&done["worktrees"], &done["branches"]), "it does what it foretold");
    let states = sandbox.status();
    let bad = states["tasks"][2]["worktree"].as_str().unwrap();
    assert!(std::path::Path::new(bad).join("bad.txt").exists(), "failed work is left");
    assert!(worktrees() < worktrees_before && branches() < branches_before, "{done}");
    assert!(says(&sandbox, &["clean", "--run", "nope"], 2, &["there is no run `nope`"]).stdout.is_empty());
}

#[test]
fn clean_leaves_a_run_alone_that_goes_on() {
    let sandbox = Sandbox::new(&[]);
    let run = under_way(&sandbox);
    let branches = || sandbox.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads/greenlane/"]);
    let before = branches();
    says(&sandbox, &["clean"], 0, &["it goes on"]);
    let id = sandbox.status()["run"]["id"].as_str().unwrap().to_owned();
    says(&sandbox, &["clean", "--run", &id], 4, &["a coordinator is at work on run"]);
    assert_eq!(branches(), before);
    go(&sandbox);
    assert_eq!(end_of(run).code, 0);
}
