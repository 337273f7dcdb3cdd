//! Between an attempt and its landing: only what is changed, owned, checked, merged and verified gets onto the branch.
//! What does not ends with a reason and the commands to look into it, and the rest goes on.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::process::Command;

use common::{Sandbox, await_file};
use serde_json::json;

/// One task that fails in some way beside one that is well: its reason, after making sure of everything that all have in common.
fn fails_alone(task: &str, outcome: &str) -> (Sandbox, String) {
    let s = Sandbox::new(&[("src/lib.txt", "one\n"), ("other.txt", "x\n")]);
    let before = s.users_own();
    let ran = s.run(&format!("[[task]]\nid = \"it\"\nretries = 0\n{task}\n[[task]]\nid = \"well\"\nrun = \"echo > well\"\n"), &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let (states, reason) = (s.states(), s.reason("it"));
    assert_eq!((states["it"].as_str(), states["well"].as_str()), ("failed", "done"), "{reason}");
    assert_eq!(s.task("it")["attempts"][0]["outcome"], outcome, "{reason}");
    assert_eq!(s.landed_files(), ["other.txt", "src/lib.txt", "well"]);
    assert!(ran.stderr.contains(&reason), "the summary says why: {}", ran.stderr);
    assert!(ran.stderr.contains("greenlane logs it"), "and how to look into it: {}", ran.stderr);
    assert_eq!(s.users_own(), before);
    (s, reason)
}

#[test]
fn no_change_is_no_success() {
    let (_s, reason) = fails_alone("run = \"echo done, all fine\"", "no_change");
    assert_eq!(reason, "it ended as if all were well, but changed nothing");
}

#[test]
fn files_that_the_task_does_not_own() {
    let (s, reason) = fails_alone("owns = [\"src/**\"]\nrun = \"echo 2 > src/lib.txt; echo 2 > other.txt\"", "outside_ownership");
    assert_eq!(reason, "it changed files that the task does not own: other.txt");
    let work = s.git(&["show", &format!("{}:other.txt", s.task("it")["branch"].as_str().unwrap())]);
    assert_eq!(work, "2", "the work is kept on its branch");
}

#[test]
fn a_check_that_fails() {
    let (s, reason) =
        fails_alone("run = \"echo 2 > src/lib.txt\"\ncheck = [\"true\", \"echo look here; grep -q one src/lib.txt\"]", "gate_failed");
    assert_eq!(reason, "check `echo look here; grep -q one src/lib.txt` failed with exit code 1");
    let shown = s.greenlane(&["status", "it"]);
    assert!(shown.stdout.contains("look here"), "what it printed is shown: {}", shown.stdout);
    let logs = s.greenlane(&["logs", "it"]).stderr;
    assert!(logs.contains("  | look here\n") && logs.contains("/gate/check-2.log"), "and the check's log: {logs}");
}

#[test]
fn a_check_that_does_not_end_is_ended_with_all_its_children() {
    let (s, reason) = fails_alone(
        "run = \"echo 2 > src/lib.txt\"\ncheck_timeout = \"300ms\"\ncheck = [\"setsid sleep 97 & echo $! > $OUT/pid; sleep 98\"]",
        "gate_failed",
    );
    assert!(reason.ends_with("ran into its time limit"), "{reason}");
    let pid = s.out_lines("pid")[0].parse().unwrap();
    assert!(!common::lives(pid), "nothing of it is left");
}

#[test]
fn what_checks_leave_behind_does_not_land() {
    let s = Sandbox::new(&[]);
    let ran = s.run(
        "[[task]]\nid = \"a\"\nrun = \"echo a > a\"\ncheck = [\"echo junk > junk; echo broken > a; git commit -qam sneaky || true\"]\n",
        &[],
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.landed_files(), ["a"]);
    assert_eq!(s.git(&["show", &format!("{}:a", s.branch())]), "a");
}

/// Work that lies elsewhere than expected is found all the same.
fn lands(run: &str, want: &[&str]) -> Sandbox {
    let s = Sandbox::new(&[]);
    let before = s.users_own();
    let ran = s.run(&format!("[[task]]\nid = \"a\"\nrun = '''{run}'''\n"), &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.landed_files(), want);
    assert_eq!(s.users_own(), before);
    s
}

#[test]
fn agents_that_commit_detach_or_change_branches_lose_nothing() {
    let s = lands("echo 1 > a; git add a; git commit -qm 'The agent’s own'; echo 2 > b", &["a", "b"]);
    let log = s.git(&["log", "--format=%s%n%b", &s.branch()]);
    assert!(log.contains("The agent’s own"), "its own commit is in the history: {log}");
    assert!(log.contains("Greenlane-Task: p/a") && log.contains("Greenlane-Run: "), "and the trailers: {log}");
    lands("echo 1 > a; git add a; git commit -qm one; git checkout -q --detach; echo 2 > b; git add b; git commit -qm two", &["a", "b"]);
    lands("git checkout -qb greenlane/mine; echo 1 > a; git add a; git commit -qm one", &["a"]);
}

#[test]
fn staged_work_and_deletions_count() {
    let s = lands(
        "git rm -q README.md; echo 1 > a; git add a; mkdir -p 'x y'; echo > 'x y/ü.txt'",
        &["a", "x y/ü.txt"].map(|f| if f == "a" { "a" } else { "\"x y/\\303\\274.txt\"" }),
    );
    assert!(!s.files_on(&s.branch()).contains(&"README.md".to_owned()));
}

#[test]
fn a_head_that_left_the_base_needs_a_human_and_the_work_is_in_a_ref() {
    let s = Sandbox::new(&[]);
    let ran = s.run(
        "[[task]]\nid = \"a\"\nrun = \"git checkout -q --orphan none; echo mine > a; git add a; git commit -qm orphan\"\n[[task]]\nid = \"b\"\ndepends = [\"a\"]\nrun = \"echo > b\"\n",
        &[],
    );
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(s.states()["a"], "needs_human");
    let reason = s.reason("a");
    assert!(reason.contains("does not descend from the attempt's base") && reason.contains("refs/greenlane/"), "{reason}");
    let kept = reason.split_whitespace().find(|w| w.starts_with("refs/greenlane/")).unwrap().trim_matches(['`', ',', '.', ';']);
    assert_eq!(s.git(&["show", &format!("{kept}:a")]), "mine");
    assert_eq!(s.reason("b"), "depends on `a`, which needs a human");
}

#[test]
fn a_stash_is_no_place_for_work() {
    let s = Sandbox::new(&[]);
    let ran = s.run("[[task]]\nid = \"a\"\nretries = 0\nrun = \"echo 1 > README.md; git stash -q; true\"\n", &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(s.states()["a"], "failed");
    assert_eq!(s.task("a")["attempts"][0]["outcome"], "no_change");
}

#[test]
fn of_two_that_conflict_one_lands_and_the_other_needs_a_human() {
    let s = Sandbox::new(&[("x", "base\n")]);
    let task =
        |id: &str, other: &str| format!("[[task]]\nid = \"{id}\"\nrun = \"touch $OUT/{id}; {}; echo {id} > x\"\n", await_file(other));
    let ran = s.run(&(task("a", "b") + &task("b", "a")), &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let states = s.states();
    let (won, lost) = if states["a"] == "done" { ("a", "b") } else { ("b", "a") };
    assert_eq!((states[won].as_str(), states[lost].as_str()), ("done", "needs_human"));
    assert_eq!(s.git(&["show", &format!("{}:x", s.branch())]), won, "no half-merged state");
    let reason = s.reason(lost);
    let (branch, theirs) = (s.branch(), s.task(lost)["branch"].as_str().unwrap().to_owned());
    assert!(reason.contains(&format!("conflicts with what has landed, in x (since then: `{won}`);")), "{reason}");
    assert!(
        reason.contains(&format!("`git diff {branch}...{theirs}`")) && reason.contains(&format!("greenlane retry {lost} --fresh")),
        "{reason}"
    );
    let (table, whole) = (s.greenlane(&["status"]).stdout, s.greenlane(&["status", lost]).stdout);
    for (shown, is_whole) in [(&ran.stderr, false), (&table, false), (&whole, true), (&s.greenlane(&["logs", lost]).stderr, true)] {
        assert!(shown.contains("conflicts with what has landed, in x"), "{shown}");
        assert_eq!(shown.contains("git diff"), is_whole, "the commands stand where there is room: {shown}");
    }
    assert!(s.git(&["diff", &format!("{branch}...{theirs}")]).contains(&format!("+{lost}")), "the command that it names works");
    let again = s.greenlane(&["retry", lost, "--fresh"]);
    assert_eq!(again.code, 0, "and so does the other: {again:?}");
    assert_eq!(s.git(&["show", &format!("{}:x", s.branch())]), lost);
}

/// The suite, run by hand on what landed, in a clone of its own.
fn suite_is_green(s: &Sandbox, suite: &str) -> bool {
    let clone = s.path("clone");
    drop(std::fs::remove_dir_all(&clone));
    s.git(&["clone", "-q", "-b", &s.branch(), s.repo().to_str().unwrap(), clone.to_str().unwrap()]);
    Command::new("sh").args(["-c", suite]).env("OUT", s.path("out")).current_dir(clone).status().unwrap().success()
}

#[test]
fn green_alone_and_red_together_leaves_a_green_branch() {
    let s = Sandbox::new(&[]);
    let suite = "if test -e a && test -e b; then echo both are there; exit 1; fi";
    let task = |id: &str, other: &str| {
        format!(
            "[[task]]\nid = \"{id}\"\nretries = 0\nrun = \"touch $OUT/{id}; {}; echo > {id}\"\ncheck = [\"{suite}\"]\n",
            await_file(other)
        )
    };
    let ran = s.run(&format!("id = \"p\"\nverify = [\"{suite}\"]\n{}{}", task("a", "b"), task("b", "a")), &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let states = s.states();
    let lost = if states["a"] == "done" { "b" } else { "a" };
    assert_eq!(s.status()["summary"]["done"], 1);
    assert_eq!(states[lost], "failed");
    assert!(s.reason(lost).contains("on the combined tree with it; the branch stays green without it"), "{}", s.reason(lost));
    assert!(suite_is_green(&s, suite));
    assert_eq!(s.status()["summary"]["verified"], true);
    assert!(!ran.stderr.contains("the branch stays green without it"), "the end's table has the short form: {}", ran.stderr);
    let (logs, report) = (s.greenlane(&["logs", lost]), s.greenlane(&["report", "--json"]));
    let report: serde_json::Value = serde_json::from_str(&report.stdout).unwrap();
    let suite_files = std::path::PathBuf::from(report["failures"][0]["suite_files"].as_str().unwrap());
    let log = suite_files.join("verify.log");
    assert!(logs.stderr.contains("  | both are there\n") && logs.stderr.contains(&format!("log: {}", log.display())), "{}", logs.stderr);
    assert!(std::fs::read_to_string(&log).unwrap().contains("both are there"));
    assert!(s.greenlane(&["status", lost]).stdout.contains(&format!("suite: {}", suite_files.display())));
}

#[test]
fn a_red_batch_is_split_until_the_guilty_one_is_found_and_the_suite_runs_seldom() {
    let s = Sandbox::new(&[]);
    // The first task keeps the suite busy until all the others have been accepted: those are one batch then.
    let suite = "echo >> $OUT/suites; if test -e first && ! test -e t1; then until [ -e $OUT/go ]; do sleep 0.02; done; fi; ! test -e bad";
    let mut plan = format!("id = \"p\"\nverify = ['''{suite}''']\n[[task]]\nid = \"first\"\nrun = \"echo > first\"\n");
    for i in 1..=7 {
        let file = if i == 5 { "echo > bad; echo > t5".to_owned() } else { format!("echo > t{i}") };
        plan += &format!("[[task]]\nid = \"t{i}\"\nretries = 0\nrun = \"{}; {file}\"\n", await_file("busy"));
    }
    let run = s.start(s.run_command(&plan, &["-j", "8"]));
    common::eventually("the first is being verified", || s.out_lines("suites").len() == 2);
    std::fs::write(s.out("busy"), "").unwrap();
    common::eventually("all are accepted", || s.count("work_judged") == 8);
    std::fs::write(s.out("go"), "").unwrap();
    let ran = run.wait();
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(s.landed_files(), ["first", "t1", "t2", "t3", "t4", "t6", "t7"]);
    assert_eq!(s.states()["t5"], "failed");
    assert!(suite_is_green(&s, "! test -e bad"));
    let suites = s.out_lines("suites").len();
    // The base, the first, then seven together, and two for each halving at the most, and a second one before the guilty task is blamed.
    assert!(suites <= 2 + 1 + 2 * 3 + 1, "{suites} runs of the suite for eight tasks");
}

#[test]
fn all_that_finish_while_a_slow_suite_runs_are_verified_together() {
    let s = Sandbox::new(&[]);
    let suite = "echo >> $OUT/suites; if test -e first && ! test -e t1; then until [ -e $OUT/go ]; do sleep 0.02; done; fi";
    let mut plan = format!("id = \"p\"\nverify = ['''{suite}''']\n[[task]]\nid = \"first\"\nrun = \"echo > first\"\n");
    for i in 1..=6 {
        plan += &format!("[[task]]\nid = \"t{i}\"\nrun = \"{}; echo > t{i}\"\n", await_file("busy"));
    }
    let run = s.start(s.run_command(&plan, &["-j", "7"]));
    common::eventually("the first is being verified", || s.out_lines("suites").len() == 2);
    std::fs::write(s.out("busy"), "").unwrap();
    common::eventually("all are accepted", || s.count("work_judged") == 7);
    std::fs::write(s.out("go"), "").unwrap();
    let ran = run.wait();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.out_lines("suites").len(), 3, "the base, the first, and six at once");
}

#[test]
fn a_suite_that_is_red_once_and_green_once_on_the_same_tree_is_flaky() {
    let s = Sandbox::new(&[]);
    // Red exactly once: the first time that both are there.
    let suite = "if test -e a && test -e b && ! test -e $OUT/was-red; then touch $OUT/was-red; exit 1; fi; if test -e first && ! test -e a; then until [ -e $OUT/go ]; do sleep 0.02; done; fi";
    let mut plan = format!("id = \"p\"\nverify = ['''{suite}''']\n[[task]]\nid = \"first\"\nrun = \"echo > first; touch $OUT/busy\"\n");
    for id in ["a", "b"] {
        plan += &format!("[[task]]\nid = \"{id}\"\nretries = 0\nrun = \"{}; echo > {id}\"\n", await_file("busy"));
    }
    let run = s.start(s.run_command(&plan, &["-j", "3"]));
    common::eventually("all are accepted", || s.count("work_judged") == 3);
    std::fs::write(s.out("go"), "").unwrap();
    let ran = run.wait();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.landed_files(), ["a", "b", "first"]);
    assert_eq!(s.events("suite_flaky").len(), 1);
    assert!(ran.stderr.contains("flaky"), "it is told: {}", ran.stderr);
}

#[test]
fn generated_files_in_conflict_are_made_anew() {
    let s = Sandbox::new(&[("list", "none\n"), ("parts/x", "x\n")]);
    let task = |id: &str, other: &str| {
        format!(
            "[[task]]\nid = \"{id}\"\nowns = [\"parts/{id}\"]\nrun = \"touch $OUT/{id}; {}; echo {id} > parts/{id}; ls parts > list\"\n",
            await_file(other)
        )
    };
    let plan = format!("id = \"p\"\ngenerated = {{ \"list\" = \"ls parts > list\" }}\n{}{}", task("a", "b"), task("b", "a"));
    let ran = s.run(&plan, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.git(&["show", &format!("{}:list", s.branch())]), "a\nb\nx");
}

#[test]
fn a_command_that_does_not_make_its_generated_files_is_named_with_its_log() {
    for (command, why) in [("echo no ls; exit 9", "failed with exit code 9"), ("echo no ls; ls > lsit", "did not make list")] {
        let s = Sandbox::new(&[("list", "none\n")]);
        let task = |id: &str, other: &str| {
            format!("[[task]]\nid = \"{id}\"\nrun = \"touch $OUT/{id}; {}; echo {id} > list\"\n", await_file(other))
        };
        let plan = format!("id = \"p\"\ngenerated = {{ list = \"{command}\" }}\n{}{}", task("a", "b"), task("b", "a"));
        let ran = s.run(&plan, &[]);
        assert_eq!(ran.code, 1, "{ran:?}");
        let states = s.states();
        let (undecided, _) = states.iter().find(|(_, state)| *state == "needs_human").unwrap();
        let reason = s.reason(undecided);
        let told = format!("conflicts with what has landed, in list: `{command}`, which is to make it anew, {why} (log: ");
        assert!(reason.starts_with(&told), "{reason}");
        let log = reason[told.len()..].split_once(')').unwrap().0;
        assert!(std::fs::read_to_string(log).unwrap().contains(&format!("$ {command}\nno ls\n")));
        assert!(s.greenlane(&["report"]).stdout.contains("which is to make it anew"));
    }
}

#[test]
fn a_red_base_stops_before_anything_is_started_unless_allowed() {
    let s = Sandbox::new(&[]);
    let plan = "id = \"p\"\nverify = [\"echo the words of the suite; test -e fixed\"]\n[[task]]\nid = \"fix\"\nrun = \"echo ran >> $OUT/ran; echo > fixed\"\n";
    let ran = s.run(plan, &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("the words of the suite"), "its output is shown: {}", ran.stderr);
    assert!(ran.stderr.contains("is red on the base") && ran.stderr.contains("--base-red allow"), "{}", ran.stderr);
    assert!(!s.out("ran").exists(), "nothing was started");
    assert_eq!(s.states()["fix"], "skipped");
    assert_eq!(s.events("attempt_started").len(), 0);
    let ran = s.run(plan, &["--base-red", "allow"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.landed_files(), ["fixed"]);
    assert_eq!(s.status()["summary"]["verified"], true);
}

#[test]
fn a_suite_that_cannot_run_says_what_to_install() {
    let s = Sandbox::new(&[]);
    let ran = s.run("id = \"p\"\nverify = [\"no-such-runner --all\"]\n[[task]]\nid = \"a\"\nrun = \"echo > a\"\n", &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("`no-such-runner`") && ran.stderr.contains("not installed or not on PATH"), "{}", ran.stderr);
    assert_eq!(s.events("attempt_started").len(), 0);
}

#[test]
fn without_a_suite_work_lands_and_is_marked_everywhere() {
    let s = Sandbox::new(&[]);
    let ran = s.run("[[task]]\nid = \"a\"\nrun = \"echo > a\"\n", &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let status = s.status();
    assert_eq!((&status["plans"][0]["verified"], &status["summary"]["verified"]), (&json!(false), &json!(false)));
    assert!(ran.stderr.contains("not verified: no test suite was found"), "{}", ran.stderr);
    for verb in ["status", "report"] {
        let shown = s.greenlane(&[verb]);
        assert!(shown.stdout.contains("not verified"), "{verb}: {}", shown.stdout);
    }
}

#[test]
fn with_require_verify_it_needs_a_human_instead() {
    let s = Sandbox::new(&[]);
    let ran = s.run("[[task]]\nid = \"a\"\nrun = \"echo > a\"\n", &["--require-verify"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(s.states()["a"], "needs_human");
    assert!(s.reason("a").contains("no suite was found that could verify it"), "{}", s.reason("a"));
    assert_eq!(s.landed_files(), Vec::<String>::new());
}

#[test]
fn a_suite_is_found_in_the_repository_and_the_base_is_judged_once_per_tree() {
    let s = Sandbox::new(&[("Makefile", "test:\n\techo >> $$OUT/suites\n\ttest ! -e bad\n")]);
    let plan = |id: &str, file: &str| format!("id = \"{id}\"\n[[task]]\nid = \"t\"\nretries = 0\nrun = \"echo > {file}\"\n");
    assert_eq!(s.run(&plan("p", "bad"), &[]).code, 1);
    assert_eq!(s.status()["plans"][0]["verify"], json!(["make test"]));
    assert!(s.reason("t").starts_with("`make test` fails with exit code 2 on the combined tree"), "{}", s.reason("t"));
    let before = s.out_lines("suites").len();
    assert_eq!(s.run(&plan("q", "good"), &[]).code, 0);
    assert_eq!(s.out_lines("suites").len(), before + 1, "the base was known to be green");
}
