//! Signals, crashes and other processes: who ends, who goes on, who takes over. Nothing runs twice and nothing is lost.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{Ran, Running, Sandbox, await_file, eventually, lives, signal, wait_for};

/// A task that waits until `$OUT/go` is there; it notes that it ran, its shell's process id, and that it was told to end.
fn waits(id: &str) -> String {
    format!(
        "[[task]]\nid = \"{id}\"\nrun = \"echo {id} >> $OUT/ran; echo $$ > $OUT/{id}.pid; echo half > {id}; touch $OUT/{id}.on; {}; echo all > {id}\"\n",
        await_file("go")
    )
}

fn go(s: &Sandbox) {
    std::fs::write(s.out("go"), "").unwrap();
}

fn pid(s: &Sandbox, id: &str) -> u32 {
    eventually("the pid is written", || !s.out_lines(&format!("{id}.pid")).is_empty());
    s.out_lines(&format!("{id}.pid"))[0].trim().parse().unwrap()
}

/// A run of these tasks, of which the first is at work.
fn running(s: &Sandbox, plan: &str, flags: &[&str], first: &str) -> Running {
    let run = s.start(s.run_command(plan, flags));
    wait_for(&s.out(&format!("{first}.on")));
    run
}

const AFTER: &str = "[[task]]\nid = \"after\"\ndepends = [\"a\"]\nrun = \"echo after >> $OUT/ran; echo > after\"\n";

#[test]
fn after_the_first_interrupt_running_ones_finish_and_land_and_no_others_start() {
    let s = Sandbox::new(&[]);
    let run = running(&s, &(waits("a") + AFTER), &[], "a");
    run.signal("INT");
    eventually("it is heard", || s.count("stop_requested") == 1);
    go(&s);
    let ran = run.wait();
    assert_eq!(ran.code, 130, "{ran:?}");
    assert_eq!(s.landed_files(), ["a"]);
    assert_eq!(s.out_lines("ran"), ["a"]);
    assert_eq!(s.status()["run"]["state"], "stopped");
    let resumed = s.greenlane(&["resume"]);
    assert_eq!(resumed.code, 0, "{resumed:?}");
    assert_eq!(s.out_lines("ran"), ["a", "after"]);
}

#[test]
fn after_the_second_they_are_terminated_and_their_work_is_kept() {
    let s = Sandbox::new(&[]);
    let run = running(&s, &(waits("a") + AFTER), &[], "a");
    run.signal("INT");
    eventually("it is heard", || s.count("stop_requested") == 1);
    run.signal("INT");
    let ran = run.wait();
    assert_eq!(ran.code, 130, "{ran:?}");
    assert!(!lives(pid(&s, "a")));
    assert_eq!(s.states()["a"], "cancelled");
    go(&s);
    let resumed = s.greenlane(&["resume"]);
    assert_eq!(resumed.code, 0, "{resumed:?}");
    assert_eq!(s.landed_files(), ["a", "after"]);
    assert_eq!(s.out_lines("ran"), ["a", "a", "after"]);
}

#[test]
fn the_third_kills_what_does_not_listen() {
    let s = Sandbox::new(&[]);
    let plan = "[[task]]\nid = \"a\"\nrun = \"trap '' TERM; echo $$ > $OUT/a.pid; touch $OUT/a.on; while :; do sleep 0.1; done\"\n";
    let mut command = s.run_command(plan, &[]);
    command.env("GREENLANE_GRACE", "1h");
    let run = s.start(command);
    wait_for(&s.out("a.on"));
    for n in 1..=3 {
        run.signal("INT");
        eventually("it is heard", || s.count("stop_requested") == n);
    }
    let ran = run.wait();
    assert_eq!(ran.code, 130, "{ran:?}");
    assert!(!lives(pid(&s, "a")));
}

#[test]
fn after_sigterm_the_keepers_live_on_and_resume_adopts_them() {
    let s = Sandbox::new(&[]);
    let run = running(&s, &(waits("a") + AFTER), &[], "a");
    let child = pid(&s, "a");
    run.signal("TERM");
    let ran = run.wait();
    assert_eq!(ran.code, 143, "{ran:?}");
    assert!(ran.stderr.contains("interrupted, but its agent still runs (keeper "), "its last words tell: {}", ran.stderr);
    assert!(lives(child), "the agent works on");
    let status = s.status();
    assert_eq!(status["run"]["state"], "interrupted");
    let text = s.greenlane(&["status"]);
    assert!(text.stdout.contains("greenlane resume"), "{}", text.stdout);
    let again = s.run(&(waits("a") + AFTER), &[]);
    assert_eq!(again.code, 2, "{again:?}");
    assert!(again.stderr.contains("was interrupted") && again.stderr.contains("`greenlane resume`"), "{}", again.stderr);
    let resumed = s.start(s.command(&["resume"]));
    eventually("it is taken up", || s.count("run_resumed") == 1);
    go(&s);
    let resumed = resumed.wait();
    assert_eq!(resumed.code, 0, "{resumed:?}");
    assert_eq!(s.out_lines("ran"), ["a", "after"], "each exactly once");
    assert_eq!(s.landed_files(), ["a", "after"]);
    let nothing = s.greenlane(&["resume"]);
    assert_eq!(nothing.code, 2, "{nothing:?}");
    assert!(nothing.stderr.starts_with("error: there is nothing to resume: run "), "{}", nothing.stderr);
}

#[test]
fn what_finished_while_nobody_coordinated_is_collected() {
    let s = Sandbox::new(&[]);
    let run = running(&s, &(waits("a") + AFTER), &[], "a");
    let child = pid(&s, "a");
    run.signal("KILL");
    assert_eq!(run.wait().code, -1);
    go(&s);
    eventually("it ends", || !lives(child));
    eventually("that is recorded", || s.task("a")["state"] == "gating");
    let first = s.status();
    assert_eq!(first["run"]["state"], "interrupted");
    assert_eq!(s.reason("a"), "its agent has finished; `greenlane resume` collects its work");
    let text = s.greenlane(&["status"]).stdout;
    assert!(text.contains("! interrupted  a") && text.contains("1 interrupted"), "{text}");
    let later = s.status();
    assert_eq!(first["summary"], later["summary"], "the clock of an interrupted run stands");
    assert!(first["tasks"][0]["attempts"][0]["pid"].is_null(), "{first}");
    let resumed = s.greenlane(&["resume"]);
    assert_eq!(resumed.code, 0, "{resumed:?}");
    assert_eq!(s.out_lines("ran"), ["a", "after"]);
}

#[test]
fn when_the_keeper_is_killed_too_its_strays_are_ended_and_it_is_tried_again() {
    let s = Sandbox::new(&[]);
    let run = running(&s, &waits("a"), &[], "a");
    let child = pid(&s, "a");
    let keeper = u32::try_from(s.task("a")["attempts"][0]["pid"].as_u64().unwrap()).unwrap();
    run.signal("KILL");
    run.wait();
    signal(keeper, "KILL");
    eventually("the keeper is gone", || !lives(keeper));
    let resumed = s.start(s.command(&["resume"]));
    eventually("it is tried again", || s.out_lines("ran").len() == 2);
    assert!(!lives(child), "two never work at the same task");
    go(&s);
    let resumed = resumed.wait();
    assert_eq!(resumed.code, 0, "{resumed:?}");
    let attempts = s.task("a")["attempts"].clone();
    assert_eq!(attempts[0]["outcome"], "lost");
    assert_eq!(attempts[1]["outcome"], "succeeded");
}

#[test]
fn a_keeper_that_is_killed_while_the_coordinator_lives_is_noticed_at_once() {
    let s = Sandbox::new(&[]);
    let run = running(&s, &waits("a"), &[], "a");
    let child = pid(&s, "a");
    signal(u32::try_from(s.task("a")["attempts"][0]["pid"].as_u64().unwrap()).unwrap(), "KILL");
    eventually("it is tried again", || s.out_lines("ran").len() == 2);
    assert!(!lives(child));
    go(&s);
    assert_eq!(run.wait().code, 0);
}

#[test]
fn without_its_terminal_it_goes_on() {
    let s = Sandbox::new(&[]);
    let run = running(&s, &waits("a"), &[], "a");
    run.signal("HUP");
    go(&s);
    let ran = run.wait();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.landed_files(), ["a"]);
}

#[test]
fn stop_ends_a_task_or_everything_and_says_so() {
    let s = Sandbox::new(&[]);
    let run = running(&s, &(waits("a") + AFTER + &waits("b")), &[], "a");
    wait_for(&s.out("b.on"));
    let stopped = s.greenlane(&["stop", "a"]);
    assert_eq!(stopped.code, 0, "{stopped:?}");
    assert!(!lives(pid(&s, "a")));
    let states = s.states();
    assert_eq!((states["a"].as_str(), states["b"].as_str(), states["after"].as_str()), ("cancelled", "running", "skipped"));
    assert_eq!(s.reason("after"), "depends on `a`, which was called off");
    let again = s.greenlane(&["stop", "a"]);
    assert_eq!(again.code, 2, "{again:?}");
    let stopped = s.greenlane(&["stop", "--all"]);
    assert_eq!(stopped.code, 0, "{stopped:?}");
    assert!(!lives(pid(&s, "b")));
    assert_eq!(run.wait().code, 1);
}

#[test]
fn stop_ends_what_a_dead_coordinator_left() {
    let s = Sandbox::new(&[]);
    let run = running(&s, &waits("a"), &[], "a");
    run.signal("KILL");
    run.wait();
    assert!(lives(pid(&s, "a")));
    let stopped = s.greenlane(&["stop", "--all"]);
    assert_eq!(stopped.code, 0, "{stopped:?}");
    assert!(!lives(pid(&s, "a")));
    assert_eq!(s.status()["run"]["state"], "stopped");
    go(&s);
    let resumed = s.greenlane(&["resume"]);
    assert_eq!(resumed.code, 0, "{resumed:?}");
    assert_eq!(s.landed_files(), ["a"]);
}

#[test]
fn a_paused_run_starts_nothing_and_goes_on_when_told() {
    let s = Sandbox::new(&[]);
    let run = running(&s, &(waits("a") + AFTER), &[], "a");
    assert_eq!(s.greenlane(&["pause"]).code, 0);
    go(&s);
    eventually("a is done", || s.states()["a"] == "done");
    assert_eq!(s.status()["run"]["paused"], true);
    assert_eq!(s.out_lines("ran"), ["a"]);
    assert_eq!(s.greenlane(&["unpause"]).code, 0);
    let ran = run.wait();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.out_lines("ran"), ["a", "after"]);
}

#[test]
fn a_second_run_hands_its_plan_over_and_ends_with_that_plans_result() {
    let s = Sandbox::new(&[]);
    let first = running(&s, &waits("a"), &[], "a");
    let good = s.plan("good.toml", "[[task]]\nid = \"x\"\nrun = \"echo > x\"\n");
    let bad = s.plan("bad.toml", "[[task]]\nid = \"x\"\nretries = 0\nrun = \"exit 1\"\n");
    let handed = s.greenlane(&["run", good.to_str().unwrap()]);
    assert_eq!(handed.code, 0, "its own plan is done, the first still runs: {handed:?}");
    assert!(handed.stderr.contains("handed to the coordinator"), "{}", handed.stderr);
    let handed = s.greenlane(&["run", bad.to_str().unwrap()]);
    assert_eq!(handed.code, 1, "{handed:?}");
    for verb in [vec!["resume"], vec!["rollback", "x"]] {
        let held = s.greenlane(&verb);
        assert_eq!(held.code, 4, "{held:?}");
        assert!(held.stderr.starts_with("error: another coordinator holds this repository (process "), "{}", held.stderr);
    }
    let twin = s.run(&waits("a"), &[]);
    assert_eq!(twin.code, 4, "the same plan is not taken twice: {twin:?}");
    go(&s);
    let ran = first.wait();
    assert_eq!(ran.code, 1, "the whole run has a failed task: {ran:?}");
    assert_eq!(s.status()["plans"].as_array().unwrap().len(), 3);
}

/// It is not tried again and again: nothing would change.
#[test]
fn an_agent_that_was_configured_after_the_run_began_is_named_at_once() {
    let s = Sandbox::new(&[]);
    let first = running(&s, &waits("a"), &[], "a");
    let robot = s.script("robot", "echo x > x").join("robot");
    s.write("greenlane.toml", &format!("[agents.newer]\ncommand = {robot:?}\nargs = [\"{{prompt}}\"]\n"));
    let plan = s.plan("newer.toml", "[[task]]\nid = \"x\"\nprompt = \"do x\"\nagent = \"newer\"\n");
    let handed = s.greenlane(&["run", plan.to_str().unwrap()]);
    assert_eq!(handed.code, 2, "{handed:?}");
    assert!(handed.stderr.contains("does not know the agent `newer`"), "{handed:?}");
    go(&s);
    assert_eq!(first.wait().code, 0);
}

#[test]
fn detached_it_goes_on_in_the_background_and_can_be_waited_for() {
    let s = Sandbox::new(&[]);
    let ran = s.run(&waits("a"), &["--detach"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("goes on in the background"), "{}", ran.stderr);
    let timed_out = s.greenlane(&["wait", "--timeout", "50ms"]);
    assert_eq!(timed_out.code, 124, "{timed_out:?}");
    go(&s);
    let waited = s.greenlane(&["wait"]);
    assert_eq!(waited.code, 0, "{waited:?}");
    assert_eq!(s.landed_files(), ["a"]);
    let wrong = s.run("[[task]]\nid = \"x\"\n", &["--detach"]);
    assert_eq!(wrong.code, 2, "what is wrong is told before anything goes into the background: {wrong:?}");
}

#[test]
fn a_plan_that_is_handed_over_from_the_background_does_not_hold_up_its_caller_and_lands_where_it_was_told() {
    let s = Sandbox::new(&[]);
    s.git(&["branch", "stable"]);
    let first = running(&s, &waits("a"), &[], "a");
    let plan = s.plan("second.toml", &waits("b"));
    let handed = s.greenlane(&["run", plan.to_str().unwrap(), "--detach", "--land", "stable"]);
    assert_eq!(handed.code, 0, "{handed:?}");
    assert!(handed.stderr.contains("goes on in the background"), "{}", handed.stderr);
    go(&s);
    assert_eq!(first.wait().code, 0);
    eventually("the background process lands the plan", || s.files_on("stable").contains(&String::from("b")));
}

#[test]
fn two_that_start_at_the_same_moment_become_one_run_or_two_and_neither_fails() {
    let s = Sandbox::new(&[]);
    let (a, b) = (
        s.plan("first.toml", "[[task]]\nid = \"a\"\nrun = \"echo a > a\"\n"),
        s.plan("second.toml", "[[task]]\nid = \"b\"\nrun = \"echo b > b\"\n"),
    );
    let both = [a, b].map(|plan| s.start(s.command(&["run", plan.to_str().unwrap()])));
    for ran in both.map(common::Running::wait) {
        assert_eq!(ran.code, 0, "{ran:?}");
    }
}

#[test]
fn an_interrupted_run_gets_no_twin_and_is_resumed_also_when_another_plan_was_run_since() {
    let s = Sandbox::new(&[]);
    let run = running(&s, &waits("a"), &[], "a");
    run.signal("TERM");
    assert_eq!(run.wait().code, 143);
    let other = s.plan("other.toml", "[[task]]\nid = \"b\"\nrun = \"echo b > b\"\n");
    assert_eq!(s.greenlane(&["run", other.to_str().unwrap()]).code, 0);
    let twin = s.run(&waits("a"), &[]);
    assert!(twin.code == 2 && twin.stderr.contains("greenlane resume"), "{twin:?}");
    go(&s);
    let resumed = s.greenlane(&["resume"]);
    assert_eq!(resumed.code, 0, "{resumed:?}");
}

#[test]
fn from_a_linked_worktree_and_from_inside_a_task_the_same_coordinator_is_reached() {
    let s = Sandbox::new(&[]);
    s.git(&["worktree", "add", "-q", "-b", "side", s.path("side").to_str().unwrap()]);
    let plan = format!(
        "[[task]]\nid = \"a\"\nrun = \"touch $OUT/a.on; {} status --json > inside.json; {}\"\n",
        env!("CARGO_BIN_EXE_greenlane"),
        await_file("go")
    );
    let run = running(&s, &plan, &[], "a");
    let seen = s.command(&["status", "--json"]).current_dir(s.path("side")).output().map(Ran::of).unwrap();
    assert_eq!(seen.code, 0, "{seen:?}");
    assert!(seen.stdout.contains("\"running\""), "{}", seen.stdout);
    go(&s);
    let ran = run.wait();
    assert_eq!(ran.code, 0, "{ran:?}");
    let inside: serde_json::Value = serde_json::from_str(&s.git(&["show", &format!("{}:inside.json", s.branch())])).unwrap();
    assert_eq!(inside["tasks"][0]["state"], "running", "an agent inside a task sees the run that it is part of");
}
