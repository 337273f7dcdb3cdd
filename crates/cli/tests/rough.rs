//! The rough ways: things done by agents, users and other processes at the wrong moment.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{Sandbox, await_file, eventually, lives, wait_for};

fn go(s: &Sandbox) {
    std::fs::write(s.out("go"), "").unwrap();
}

const ONE: &str = "[[task]]\nid = \"a\"\nrun = \"echo a >> $OUT/ran; echo > a\"\n";

#[test]
fn an_interrupt_does_not_wait_for_a_retry_that_is_hours_away() {
    let s = Sandbox::new(&[]);
    let mut command = s.run_command("[[task]]\nid = \"a\"\nrun = \"echo >> $OUT/ran; test -e $OUT/go && echo > a\"\n", &[]);
    command.env("GREENLANE_RETRY_BASE", "1h");
    let run = s.start(command);
    eventually("it waits", || s.count("retry_scheduled") == 1);
    assert_eq!(s.states()["a"], "awaiting_retry");
    run.signal("INT");
    let ran = run.wait();
    assert_eq!(ran.code, 130, "{ran:?}");
    go(&s);
    // `retry` is for the impatient, once the run is taken up again.
    let run = s.start(s.command(&["resume"]));
    eventually("it is taken up", || s.count("run_resumed") == 1);
    let stopped = s.greenlane(&["stop", "a"]);
    assert_eq!(stopped.code, 0, "{stopped:?}");
    let ran = run.wait();
    assert_eq!(ran.code, 1, "{ran:?}");
    let retried = s.greenlane(&["retry", "a"]);
    assert_eq!(retried.code, 0, "{retried:?}");
    assert_eq!(s.landed_files(), ["a"]);
}

/// A suite that hangs on the combined tree until `$OUT/go` is there, and notes its process id.
fn hanging_suite() -> String {
    format!(
        "id = \"p\"\nverify = ['''if test -e a; then echo $$ > $OUT/suite.pid; touch $OUT/suite.on; {}; fi''']\n{ONE}",
        await_file("go")
    )
}

fn suite_pid(s: &Sandbox) -> u32 {
    wait_for(&s.out("suite.on"));
    s.out_lines("suite.pid")[0].trim().parse().unwrap()
}

#[test]
fn a_second_interrupt_ends_the_suite_and_resume_runs_it_again_and_lands() {
    let s = Sandbox::new(&[]);
    let run = s.start(s.run_command(&hanging_suite(), &[]));
    let suite = suite_pid(&s);
    run.signal("INT");
    eventually("it is heard", || s.count("stop_requested") == 1);
    run.signal("INT");
    let ran = run.wait();
    assert_eq!(ran.code, 130, "{ran:?}");
    assert!(!lives(suite));
    assert_eq!(s.landed_files(), Vec::<String>::new());
    go(&s);
    let resumed = s.greenlane(&["resume"]);
    assert_eq!(resumed.code, 0, "{resumed:?}");
    assert_eq!(s.landed_files(), ["a"]);
    assert_eq!(s.out_lines("ran"), ["a"], "the work was not done twice");
}

#[test]
fn the_suite_dies_with_its_coordinator_and_is_run_again_by_the_next() {
    for signal in ["TERM", "KILL"] {
        let s = Sandbox::new(&[]);
        let run = s.start(s.run_command(&hanging_suite(), &[]));
        let suite = suite_pid(&s);
        run.signal(signal);
        run.wait();
        eventually("the suite is gone", || !lives(suite));
        go(&s);
        let resumed = s.greenlane(&["resume"]);
        assert_eq!(resumed.code, 0, "{signal}: {resumed:?}");
        assert_eq!(s.landed_files(), ["a"]);
        assert_eq!(s.out_lines("ran"), ["a"]);
    }
}

#[test]
fn a_plans_branch_that_somebody_moves_meanwhile_keeps_both() {
    let s = Sandbox::new(&[]);
    let run = s.start(s.run_command(&hanging_suite(), &[]));
    suite_pid(&s);
    let branch = s.branch();
    // A commit on top of the branch, made without a checkout.
    let tree = s.git(&["rev-parse", &format!("{branch}^{{tree}}")]);
    let commit = s.git(&["commit-tree", &tree, "-p", &branch, "-m", "A person's"]);
    let before = s.git(&["rev-parse", &branch]);
    s.git(&["update-ref", "-m", "a push", &format!("refs/heads/{branch}"), &commit]);
    go(&s);
    let ran = run.wait();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.landed_files(), ["a"]);
    assert!(s.git(&["log", "--format=%s", &branch]).contains("A person's"));
    let told = format!("{branch} was moved from {} to {} by Tester <tester@example.invalid>, by \"a push\";", &before[..12], &commit[..12]);
    assert!(ran.stderr.contains(&told), "{ran:?}");
}

#[test]
fn a_plans_branch_that_is_deleted_meanwhile_needs_a_human_and_the_work_is_there() {
    let s = Sandbox::new(&[]);
    let run = s.start(s.run_command(&hanging_suite(), &[]));
    suite_pid(&s);
    s.git(&["branch", "-q", "-D", &s.branch()]);
    go(&s);
    let ran = run.wait();
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(s.states()["a"], "needs_human");
    let reason = s.reason("a");
    assert!(reason.contains("is gone") && reason.contains(s.task("a")["branch"].as_str().unwrap()), "{reason}");
    assert!(s.files_on(s.task("a")["branch"].as_str().unwrap()).contains(&"a".to_owned()));
}

#[test]
fn ids_that_look_alike_or_like_paths_are_different_tasks() {
    let s = Sandbox::new(&[]);
    let ids = ["a/b", "a+b", "A/B", "a b", "../../x", "ü", "-x", ".lock", "a..b", "con~1^{}"];
    let plan: String = ids.iter().enumerate().map(|(i, id)| format!("[[task]]\nid = \"{id}\"\nrun = \"echo > f{i}\"\n")).collect();
    let ran = s.run(&plan, &["-j", "4"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.landed_files().len(), ids.len());
    for id in ids {
        assert_eq!(s.greenlane(&["logs", "--", id]).code, 0, "{id}");
    }
    assert!(!s.path("x").exists() && !s.repo().join("x").exists());
}

#[test]
fn an_agent_that_destroys_its_worktree_harms_nobody_else() {
    let s = Sandbox::new(&[("keep", "1\n")]);
    let before = s.users_own();
    let ran = s.run(
        r#"
[[task]]
id = "no-git"
retries = 0
run = "rm .git; echo > x; git add -A; git commit -qm x; true"
[[task]]
id = "all-gone"
retries = 0
run = "d=$PWD; cd /; rm -rf \"$d\""
[[task]]
id = "nested"
retries = 0
run = "git init -q inner; echo > inner/x; echo > beside"
[[task]]
id = "well"
run = "echo > well"
"#,
        &[],
    );
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(s.users_own(), before);
    let states = s.states();
    assert_eq!(states["no-git"], "needs_human", "{}", s.reason("no-git"));
    assert!(["failed", "needs_human"].contains(&states["all-gone"].as_str()), "{states:?}");
    assert_eq!(states["well"], "done");
    assert!(s.reason("no-git").contains("lost its .git"), "{}", s.reason("no-git"));
    // The pool goes on: further work gets worktrees.
    assert_eq!(s.run(&format!("id = \"q\"\n{ONE}"), &["-j", "4"]).code, 0);
}

#[test]
fn two_that_start_at_the_same_moment_become_one_run() {
    for _ in 0..3 {
        let s = Sandbox::new(&[]);
        let plan = |id: &str| {
            s.plan(&format!("{id}.toml"), &format!("[[task]]\nid = \"a\"\nrun = \"sleep 0.3; echo > {id}\"\n")).display().to_string()
        };
        let all: Vec<_> =
            ["one", "two", "three"].map(|id| s.start(s.command(&["run", &plan(id)]))).into_iter().map(common::Running::wait).collect();
        for ran in &all {
            assert_eq!(ran.code, 0, "{all:#?}");
        }
    }
}

#[test]
fn what_is_asked_of_a_run_that_is_handed_over_is_done_or_refused() {
    let s = Sandbox::new(&[]);
    let first = s.start(s.run_command(&format!("[[task]]\nid = \"a\"\nrun = \"touch $OUT/a.on; {}; echo > a\"\n", await_file("go")), &[]));
    wait_for(&s.out("a.on"));
    let plan = s.plan("x.toml", "[[task]]\nid = \"x\"\nrun = \"echo > x\"\n");
    let ran = s.greenlane(&["run", plan.to_str().unwrap(), "--land", "main"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.files_on("main"), ["README.md", "x"], "--land is kept by the one that asked: {ran:?}");
    let plan = s.plan("y.toml", &format!("[[task]]\nid = \"y\"\nrun = \"{}; echo > y\"\n", await_file("go-y")));
    let ran = s.greenlane(&["run", plan.to_str().unwrap(), "--detach"]);
    assert_eq!(ran.code, 0, "it returns at once: {ran:?}");
    assert!(!s.out("go-y").exists());
    std::fs::write(s.out("go-y"), "").unwrap();
    let plan = s.plan("z.toml", "[[task]]\nid = \"z\"\nrun = \"echo > z\"\n");
    let ran = s.greenlane(&["run", plan.to_str().unwrap(), "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.lines().count() > 3 && ran.stdout.lines().all(|l| l.starts_with("{\"schema\":1,")), "{}", ran.stdout);
    go(&s);
    let ran = first.wait();
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn after_a_part_the_whole_plan_does_the_rest() {
    let s = Sandbox::new(&[]);
    let plan = "[[task]]\nid = \"a\"\ngroup = \"g\"\nrun = \"echo a >> $OUT/ran; echo > a\"\n[[task]]\nid = \"b\"\ngroup = \"h\"\nrun = \"echo b >> $OUT/ran; echo > b\"\n";
    assert_eq!(s.run(plan, &["--only", "a"]).code, 0);
    let ran = s.run(plan, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.out_lines("ran"), ["a", "b"]);
    assert_eq!(s.landed_files(), ["a", "b"]);
}

#[test]
fn an_old_plans_branch_that_the_user_stands_on_is_not_moved_under_their_feet() {
    let s = Sandbox::new(&[]);
    let run = s.start(s.run_command(&hanging_suite(), &[]));
    suite_pid(&s);
    s.git(&["checkout", "-q", &s.branch()]);
    go(&s);
    let ran = run.wait();
    // Whatever comes of it: the checkout must not look as if the user had undone the work.
    assert_eq!(s.git(&["status", "--porcelain"]), "", "{ran:?}");
}

#[test]
fn who_says_stop_and_nothing_else_is_told_what_could_be_meant() {
    let s = Sandbox::new(&[]);
    let nothing = s.greenlane(&["stop"]);
    assert!(nothing.code == 2 && nothing.stderr.contains("hint: nothing runs at the moment; "), "{nothing:?}");
    let mut runs = Vec::new();
    for name in ["one", "two"] {
        let text = format!("id = \"{name}\"\n[[task]]\nid = \"{name}-task\"\nrun = \"touch $OUT/{name}; exec sleep 60\"\n");
        let run = s.start(s.run_command(&text, &[]));
        wait_for(&s.out(name));
        runs.push(s.status()["run"]["id"].as_str().unwrap().to_owned());
        if name == "one" {
            let alone = s.greenlane(&["stop"]);
            assert!(
                alone.stderr.contains("`greenlane stop --all` ends the whole run; `greenlane stop one-task` ends one task"),
                "{alone:?}"
            );
        }
        run.signal("KILL");
        run.wait();
    }
    let several = s.greenlane(&["stop"]);
    assert_eq!(several.code, 2, "{several:?}");
    let hint = format!("`greenlane stop --all` ends everything that runs or was left behind: the runs {}, {}", runs[1], runs[0]);
    assert!(several.stderr.contains(&hint), "{hint}\nis not in\n{}", several.stderr);
    assert_eq!(s.greenlane(&["stop", "--all", "--now"]).code, 0);
}
