//! Who runs when, seen from outside: dependencies, groups, ownership, priorities, slots, several plans. The commands of the
//! tasks tell it themselves, by files in `$OUT`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{Sandbox, await_file};

/// How many were at work at once, from lines `+` and `-`.
fn most_at_once(lines: &[String]) -> i32 {
    let mut now = 0;
    lines
        .iter()
        .map(|l| {
            now += if l.starts_with('+') { 1 } else { -1 };
            now
        })
        .max()
        .unwrap_or(0)
}

/// Tasks `t1` … that note when they are at work; `more` stands in each.
fn counted(n: usize, more: &str) -> String {
    (1..=n)
        .map(|i| {
            format!(
                "[[task]]\nid = \"t{i}\"\nrun = \"echo +t{i} >> $OUT/log; sleep 0.1; echo {i} > f{i}; echo -t{i} >> $OUT/log\"\n{more}\n"
            )
        })
        .collect()
}

#[test]
fn independent_tasks_run_at_the_same_time_and_all_land() {
    let s = Sandbox::new(&[]);
    // Each waits for the other: one at a time they would never end.
    let task = |id: &str, other: &str| {
        format!("[[task]]\nid = \"{id}\"\nrun = \"touch $OUT/{id}; {}; echo {id} > {id}.txt\"\n", await_file(other))
    };
    let ran = s.run(&(task("a", "b") + &task("b", "a")), &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.landed_files(), ["a.txt", "b.txt"]);
    assert_eq!(s.git(&["rev-parse", "main"]), s.git(&["rev-parse", "HEAD"]), "the user's branch is where it was");
    assert_eq!(s.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_dependency_is_done_first_and_its_work_is_seen() {
    let s = Sandbox::new(&[]);
    let ran = s.run(
        r#"
[[task]]
id = "last"
depends = ["middle"]
run = "cat middle.txt first.txt > last.txt"
[[task]]
id = "middle"
depends = ["first"]
run = "cat first.txt > middle.txt; echo more >> middle.txt"
[[task]]
id = "first"
run = "echo one > first.txt"
"#,
        &[],
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.git(&["show", &format!("{}:last.txt", s.branch())]), "one\nmore\none");
}

#[test]
fn what_depends_on_a_failed_task_is_skipped_with_its_reason_and_the_rest_goes_on() {
    let s = Sandbox::new(&[]);
    let ran = s.run(
        r#"
[[task]]
id = "bad"
retries = 0
run = "echo no >&2; exit 3"
[[task]]
id = "after"
depends = ["bad"]
run = "echo x > after.txt"
[[task]]
id = "after-that"
depends = ["after"]
run = "echo x > after-that.txt"
[[task]]
id = "other"
run = "echo x > other.txt"
"#,
        &[],
    );
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(s.reason("bad"), "exit code 3: no");
    assert_eq!(s.reason("after"), "depends on `bad`, which failed");
    assert_eq!(s.reason("after-that"), "depends on `after`, which was skipped");
    assert_eq!(s.landed_files(), ["other.txt"]);
    let status = s.greenlane(&["status"]);
    assert_eq!(status.code, 1, "status says by its exit code that something failed");
    assert!(ran.stderr.contains("exit code 3: no") && ran.stderr.contains("greenlane retry bad"), "{}", ran.stderr);
}

const GROUPS: &str = r#"
[[task]]
id = "a1"
group = "one"
retries = 0
run = "exit 7"
[[task]]
id = "a2"
group = "one"
run = "sleep 0.2; echo x > a2"
[[task]]
id = "b1"
group = "two"
run = "ls > b1"
"#;

#[test]
fn in_a_group_siblings_go_on_and_later_groups_are_skipped() {
    let s = Sandbox::new(&[]);
    let ran = s.run(GROUPS, &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(s.reason("b1"), "group `one` before it failed: `a1` failed");
    assert_eq!(s.task("b1")["attempts"], serde_json::json!([]));
    assert_eq!(s.landed_files(), ["a2"]);
}

#[test]
fn with_keep_going_later_groups_start_all_the_same_but_after_the_barrier() {
    let s = Sandbox::new(&[]);
    let ran = s.run(GROUPS, &["--keep-going"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(s.landed_files(), ["a2", "b1"]);
    let seen = s.git(&["show", &format!("{}:b1", s.branch())]);
    assert!(seen.contains("a2"), "the second group starts from what the first has landed: {seen}");
}

#[test]
fn tasks_that_own_the_same_files_are_never_at_work_at_once() {
    let s = Sandbox::new(&[]);
    let tasks: String = ["src/**", "src/a/*.rs", "src/a/x.rs"]
        .iter()
        .enumerate()
        .map(|(i, owns)| {
            format!(
                "[[task]]\nid = \"t{i}\"\nowns = [\"{owns}\"]\nrun = \"echo +{i} >> $OUT/log; mkdir -p src/a; echo {i} >> src/a/x.rs; sleep 0.1; echo -{i} >> $OUT/log\"\n"
            )
        })
        .collect();
    let ran = s.run(&tasks, &["-j", "5"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(most_at_once(&s.out_lines("log")), 1, "{:?}", s.out_lines("log"));
    let text = s.git(&["show", &format!("{}:src/a/x.rs", s.branch())]);
    assert_eq!(text.lines().count(), 3, "each saw what was landed before: {text}");
}

#[test]
fn the_urgent_goes_first_and_of_equals_the_one_with_the_longest_way_behind_it() {
    let s = Sandbox::new(&[]);
    let task = |id: &str, more: &str| format!("[[task]]\nid = \"{id}\"\nrun = \"echo {id} >> $OUT/order; echo > {id}\"\n{more}\n");
    let plan = task("short", "")
        + &task("chain-1", "")
        + &task("chain-2", "depends = [\"chain-1\"]")
        + &task("chain-3", "depends = [\"chain-2\"]")
        + &task("late", "priority = 4")
        + &task("urgent", "priority = 0");
    let ran = s.run(&plan, &["-j", "1"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let order = s.out_lines("order");
    let at = |id: &str| order.iter().position(|o| o == id).unwrap();
    assert_eq!((at("urgent"), at("chain-1")), (0, 1), "{order:?}");
    assert!(at("short") < at("late"), "{order:?}");
}

#[test]
fn no_more_run_at_once_than_asked_for() {
    let s = Sandbox::new(&[]);
    let ran = s.run(&counted(6, ""), &["-j", "2"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    // On a busy machine one may be over before the next has begun; that two do run at once is tested above.
    assert!(most_at_once(&s.out_lines("log")) <= 2, "{:?}", s.out_lines("log"));
    assert_eq!(s.status()["run"]["jobs"], 2);
}

#[test]
fn a_plan_may_ask_for_less_than_the_run_allows() {
    let s = Sandbox::new(&[]);
    let ran = s.run(&format!("id = \"p\"\njobs = 1\n{}", counted(3, "")), &["-j", "4"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(most_at_once(&s.out_lines("log")), 1);
}

#[test]
fn an_agent_has_no_more_processes_than_slots() {
    let s = Sandbox::new(&[]);
    let bin =
        s.script("narrow", "#!/bin/sh\necho + >> $OUT/log\nsleep 0.1\necho x > \"$(echo $GREENLANE_TASK | tr / -)\"\necho - >> $OUT/log\n");
    s.write(
        "greenlane.toml",
        &format!("[agents.narrow]\ncommand = \"{}/narrow\"\nargs = [\"{{prompt_file}}\"]\noutput = \"plain\"\nslots = 1\nenv_allow = [\"OUT\"]\n", bin.display()),
    );
    s.git(&["add", "-A"]);
    s.git(&["commit", "-qm", "Configuration"]);
    let tasks: String = (1..=3).map(|i| format!("[[task]]\nid = \"n{i}\"\nprompt = \"do it\"\nagent = \"narrow\"\n")).collect();
    // A command beside them has its own place: it waits until one of them is at work.
    let ran = s.run(&format!("{tasks}[[task]]\nid = \"c\"\nrun = \"{}; echo c > c\"\n", await_file("log")), &["-j", "5"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(most_at_once(&s.out_lines("log")), 1, "{:?}", s.out_lines("log"));
    assert_eq!(s.status()["summary"]["done"], 4);
}

#[test]
fn several_plans_land_on_a_branch_each_and_only_so_many_at_once() {
    let s = Sandbox::new(&[]);
    let plan = |id: &str| {
        let text = format!(
            "id = \"{id}\"\n[[task]]\nid = \"same\"\nrun = \"echo +{id} >> $OUT/log; sleep 0.1; echo {id} > {id}; echo -{id} >> $OUT/log\"\n"
        );
        s.plan(&format!("{id}.toml"), &text).display().to_string()
    };
    let plans = ["one", "two", "three"].map(plan);
    let ran = s.greenlane(&["run", &plans[0], &plans[1], &plans[2], "--max-plans", "1"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.out_lines("log"), ["+one", "-one", "+two", "-two", "+three", "-three"], "queued plans start by themselves, in order");
    let status = s.status();
    assert_eq!(status["run"]["branch"], serde_json::Value::Null, "there is no single one");
    for plan in status["plans"].as_array().unwrap() {
        let (id, branch) = (plan["id"].as_str().unwrap(), plan["branch"].as_str().unwrap());
        assert_eq!(plan["state"], "done");
        assert_eq!(s.files_on(branch), ["README.md", id], "each on its own branch");
    }
    let logs = s.greenlane(&["status", "two/same", "--json"]);
    assert!(logs.code == 0 && logs.stdout.contains("\"two\"") && !logs.stdout.contains("\"three/same"), "{logs:?}");
    assert_eq!(s.greenlane(&["status", "same"]).code, 2, "a name that three plans have is asked about");
}

#[test]
fn only_and_group_take_along_what_is_needed_and_nothing_else() {
    let s = Sandbox::new(&[]);
    let plan = r#"
[[task]]
id = "base"
run = "echo > base"
[[task]]
id = "wanted"
depends = ["base"]
group = "g"
run = "echo > wanted"
[[task]]
id = "other"
run = "echo > other"
"#;
    let ran = s.run(plan, &["--only", "wanted"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.landed_files(), ["base", "wanted"]);
    let ran = s.run(plan, &["--only", "wnated"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (2, "error: the plan has no task `wnated`\nhint: did you mean `wanted`?\n"));

    let s = Sandbox::new(&[]);
    assert_eq!(s.run(plan, &["--group", "G"]).code, 0);
    assert_eq!(s.landed_files(), ["base", "wanted"]);
}

#[test]
fn a_dry_run_starts_and_writes_nothing() {
    let s = Sandbox::new(&[]);
    let before = s.users_own();
    let ran = s.run(&counted(2, ""), &["--dry-run"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("t1") && ran.stdout.contains("t2"), "{ran:?}");
    assert!(!s.repo().join(".greenlane").exists() && !s.out("log").exists());
    assert_eq!(s.users_own(), before);
    assert_eq!(s.git(&["for-each-ref", "refs/heads/greenlane"]), "");
}
