//! One attempt after another: time limits, process trees, retries by kind, what is kept, what a command sees.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{Sandbox, lives};
use serde_json::json;

#[test]
fn a_time_limit_ends_the_whole_tree_however_it_hides() {
    let s = Sandbox::new(&[]);
    let run = r#"
sleep 301 & echo $! >> $OUT/pids
setsid sleep 302 & echo $! >> $OUT/pids
( ( trap "" TERM HUP INT; echo $$ > /dev/null; sh -c 'trap "" TERM; echo $$ >> $OUT/pids; while :; do sleep 0.1; done' ) & ) &
setsid sh -c 'trap "" TERM HUP; echo $$ >> $OUT/pids; while :; do sleep 0.1; done' > /dev/null 2>&1 < /dev/null &
trap "" TERM
echo half > half
touch $OUT/ready
while :; do sleep 0.1; done
"#;
    let plan = format!("[[task]]\nid = \"a\"\nretries = 0\ntimeout = \"600ms\"\nrun = '''{run}'''\n");
    let mut command = s.run_command(&plan, &[]);
    command.env("GREENLANE_GRACE", "200ms");
    let ran = common::Ran::of(command.output().unwrap());
    assert_eq!(ran.code, 1, "{ran:?}");
    let task = s.task("a");
    assert_eq!(task["attempts"][0]["outcome"], "timed_out");
    assert_eq!(task["attempts"][0]["failure"]["type"], "timeout");
    let pids = s.out_lines("pids");
    assert_eq!(pids.len(), 4, "{pids:?}");
    for pid in pids {
        assert!(!lives(pid.trim().parse().unwrap()), "{pid} is left");
    }
    let branch_or_worktree = std::path::Path::new(task["worktree"].as_str().unwrap()).join("half");
    assert!(branch_or_worktree.exists(), "what it did so far is kept");
}

#[test]
fn children_that_a_successful_command_leaves_are_ended_too() {
    let s = Sandbox::new(&[]);
    let ran = s.run("[[task]]\nid = \"a\"\nrun = \"setsid sleep 303 & echo $! > $OUT/pid; echo > a\"\n", &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!lives(s.out_lines("pid")[0].parse().unwrap()));
}

#[test]
fn a_silent_and_idle_one_is_ended_after_its_stall_timeout_and_a_talking_one_is_not() {
    let s = Sandbox::new(&[]);
    let ran = s.run(
        "[[task]]\nid = \"silent\"\nretries = 0\nstall_timeout = \"500ms\"\nrun = \"sleep 60\"\n[[task]]\nid = \"talks\"\nstall_timeout = \"500ms\"\nrun = \"for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.15; done; echo > talks\"\n",
        &[],
    );
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(s.task("silent")["attempts"][0]["outcome"], "stalled");
    assert!(s.reason("silent").contains("no evidence of work"), "{}", s.reason("silent"));
    assert_eq!(s.states()["talks"], "done");
}

#[test]
fn what_may_pass_is_tried_again_from_the_work_that_is_there() {
    let s = Sandbox::new(&[]);
    let ran = s.run("[[task]]\nid = \"a\"\nrun = \"echo line >> a; test $(wc -l < a) -ge 3\"\n", &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.git(&["show", &format!("{}:a", s.branch())]).lines().count(), 3);
    let attempts = s.task("a")["attempts"].clone();
    let outcomes: Vec<&str> = attempts.as_array().unwrap().iter().map(|a| a["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["exit_code", "exit_code", "succeeded"]);
    assert_eq!(s.events("retry_scheduled").len(), 2);
    assert_eq!(s.events("retry_due").len(), 2);
}

#[test]
fn retries_have_a_limit_and_the_waits_grow() {
    let s = Sandbox::new(&[]);
    let ran = s.run("[[task]]\nid = \"a\"\nrun = \"echo >> $OUT/tries; exit 1\"\n", &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(s.out_lines("tries").len(), 4, "one and three more");
    assert!(s.reason("a").contains("after 4 attempts"), "{}", s.reason("a"));
    let waits: Vec<i64> = s
        .events("retry_scheduled")
        .iter()
        .map(|e| {
            let at: jiff::Timestamp = e["at"].as_str().unwrap().parse().unwrap();
            e["until"].as_i64().unwrap() - at.as_millisecond()
        })
        .collect();
    // 50 ms, doubled each time, a tenth up or down.
    for (wait, want) in waits.iter().zip([50, 100, 200]) {
        assert!((want * 9 / 10 - 1..=want * 11 / 10 + 1).contains(wait), "{waits:?}");
    }
    let s = Sandbox::new(&[]);
    assert_eq!(s.run("[[task]]\nid = \"a\"\nrun = \"echo >> $OUT/tries; exit 1\"\n", &["--retries", "1"]).code, 1);
    assert_eq!(s.out_lines("tries").len(), 2);
}

#[test]
fn what_cannot_pass_is_not_tried_again() {
    let s = Sandbox::new(&[]);
    let ran = s.run(
        r#"
[[task]]
id = "bug"
run = "echo 'Traceback (most recent call last):' >&2; echo '  boom' >&2; exit 1"
[[task]]
id = "missing"
run = "no-such-program-anywhere --flag"
[[task]]
id = "nothing"
run = "true"
[[task]]
id = "check"
run = "echo > c"
check = ["false"]
[[task]]
id = "limited"
retries = 1
run = "echo 'Error: 429 too many requests' >&2; exit 1"
"#,
        &[],
    );
    assert_eq!(ran.code, 1, "{ran:?}");
    for (id, kind, attempts) in [
        ("bug", "bug", 1),
        ("missing", "coordinator_error", 1),
        ("nothing", "logic_error", 1),
        ("check", "quality_gate_failure", 1),
        ("limited", "api_error", 2),
    ] {
        let task = s.task(id);
        assert_eq!(task["attempts"].as_array().unwrap().len(), attempts, "{id}");
        assert_eq!(task["attempts"][0]["failure"]["type"], kind, "{id}");
    }
    assert!(s.reason("missing").contains("no-such-program-anywhere"), "{}", s.reason("missing"));
    assert_eq!(s.task("missing")["attempts"][0]["exit_code"], 127);
}

#[test]
fn retry_goes_on_from_the_work_and_fresh_from_the_base() {
    let plan = "[[task]]\nid = \"a\"\nretries = 0\nrun = \"echo line >> a; test -e $OUT/go\"\n[[task]]\nid = \"b\"\ndepends = [\"a\"]\nrun = \"cp a b\"\n";
    for (flags, lines) in [(vec!["retry", "a"], 2), (vec!["retry", "a", "--fresh"], 1)] {
        let s = Sandbox::new(&[]);
        assert_eq!(s.run(plan, &[]).code, 1);
        assert_eq!(s.states()["b"], "skipped");
        std::fs::write(s.out("go"), "").unwrap();
        let ran = s.greenlane(&flags);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(s.git(&["show", &format!("{}:b", s.branch())]).lines().count(), lines, "{flags:?}; what was skipped has its turn");
        assert_eq!(s.task("a")["attempts"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn the_last_failed_worktrees_stay_as_they_are_and_older_ones_are_refs() {
    let s = Sandbox::new(&[(".gitignore", "ignored\n")]);
    let tasks: String = (1..=4)
        .map(|i| format!("[[task]]\nid = \"t{i}\"\nretries = 0\nrun = \"echo {i} > new{i}; echo {i} > README.md; exit 1\"\n"))
        .collect();
    let mut command = s.run_command(&tasks, &["-j", "1"]);
    command.env("GREENLANE_WORKSPACE_KEEP_FAILED", "2");
    let ran = common::Ran::of(command.output().unwrap());
    assert_eq!(ran.code, 1, "{ran:?}");
    // Another run needs worktrees: only those beyond the last two may be taken for it.
    let more: String = (1..=3).map(|i| format!("[[task]]\nid = \"m{i}\"\nrun = \"sleep 0.1; echo > m{i}\"\n")).collect();
    let failed: Vec<_> = (1..=4).map(|i| s.task(&format!("t{i}"))).collect();
    let mut command = s.run_command(&format!("id = \"q\"\n{more}"), &["-j", "3"]);
    command.env("GREENLANE_WORKSPACE_KEEP_FAILED", "2");
    assert_eq!(common::Ran::of(command.output().unwrap()).code, 0);
    for (i, task) in failed.iter().enumerate() {
        let n = i + 1;
        let kept = s.git(&["for-each-ref", "--format=%(refname)", "refs/greenlane"]);
        let own = kept
            .lines()
            .find(|r| r.ends_with(&format!("t{n}")) || r.contains(&format!("t{n}/")))
            .unwrap_or_else(|| panic!("no ref of t{n}: {kept}"));
        assert_eq!(s.git(&["show", &format!("{own}:new{n}")]), n.to_string(), "untracked files are in it");
        if n > 2 {
            let file = std::path::Path::new(task["worktree"].as_str().unwrap()).join(format!("new{n}"));
            assert_eq!(std::fs::read_to_string(file).unwrap().trim(), n.to_string(), "one of the last two is as it was left");
        }
    }
}

#[test]
fn a_retry_goes_on_from_the_ref_where_the_worktree_went_to_another() {
    let s = Sandbox::new(&[]);
    let plan = "[[task]]\nid = \"a\"\nretries = 0\nrun = \"echo line >> a; test -e $OUT/go\"\n[[task]]\nid = \"b\"\ndepends = []\nretries = 0\nrun = \"echo > b; exit 1\"\n";
    let mut command = s.run_command(plan, &["-j", "1"]);
    assert_eq!(common::Ran::of(command.env("GREENLANE_WORKSPACE_KEEP_FAILED", "0").output().unwrap()).code, 1);
    std::fs::write(s.out("go"), "").unwrap();
    let ran = s.greenlane(&["retry", "a"]);
    assert_eq!(ran.code, 1, "`b` is still failed: {ran:?}");
    assert_eq!(s.states()["a"], "done");
    assert_eq!(s.git(&["show", &format!("{}:a", s.branch())]), "line\nline");
}

#[test]
fn a_command_sees_the_users_environment_and_its_own_names() {
    let s = Sandbox::new(&[]);
    let mut command = s.run_command(
        "[[task]]\nid = \"a b\"\nenv = { MINE = \"of the task\" }\ncheck = [\"test \\\"$MINE\\\" = 'of the task'\"]\nrun = \"env | grep -E '^(GREENLANE_|USERS|MINE|GIT_CEILING)' | sort > env.txt; pwd >> env.txt\"\n",
        &[],
    );
    let ran = common::Ran::of(command.env("USERS_OWN", "value").output().unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
    let seen = s.git(&["show", &format!("{}:env.txt", s.branch())]);
    let run = s.status()["run"]["id"].as_str().unwrap().to_owned();
    for line in ["USERS_OWN=value", "MINE=of the task", &format!("GREENLANE_RUN={run}"), "GREENLANE_TASK=p/a b"] {
        assert!(seen.lines().any(|l| l == line), "{line} in {seen}");
    }
    assert!(seen.contains(&format!("GREENLANE_ATTEMPT={run}/")) && seen.contains("GREENLANE_SOCKET=/"), "{seen}");
    assert!(!seen.contains("GREENLANE_GRACE"), "configuration is not passed on: {seen}");
    assert!(seen.lines().last().unwrap().starts_with(s.path("state").to_str().unwrap()), "{seen}");
}

#[test]
fn a_model_agent_sees_only_what_it_is_allowed() {
    let s = Sandbox::new(&[]);
    let bin = s.script("spy", "#!/bin/sh\nenv | cut -d= -f1 | sort > env.txt\n");
    s.write("greenlane.toml", &format!("[agents.spy]\ncommand = \"{}/spy\"\nargs = [\"{{prompt}}\"]\noutput = \"plain\"\nenv_allow = [\"LET_*\"]\nenv = {{ SET = \"1\" }}\n", bin.display()));
    let mut command = s.run_command("[[task]]\nid = \"a\"\nprompt = \"x\"\nagent = \"spy\"\n", &[]);
    let ran = common::Ran::of(command.env("LET_ME", "1").env("MY_SECRET", "1").env("ANTHROPIC_API_KEY", "1").output().unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
    let seen = s.git(&["show", &format!("{}:env.txt", s.branch())]);
    for name in ["PATH", "HOME", "LET_ME", "SET", "GREENLANE_RUN", "GREENLANE_TASK", "GREENLANE_ATTEMPT", "GREENLANE_SOCKET"] {
        assert!(seen.lines().any(|l| l == name), "{name} in {seen}");
    }
    for name in ["MY_SECRET", "OUT", "ANTHROPIC_API_KEY", "GREENLANE_GRACE"] {
        assert!(!seen.lines().any(|l| l == name), "{name} in {seen}");
    }
}

#[test]
fn output_beyond_the_cap_keeps_its_head_and_its_tail() {
    let s = Sandbox::new(&[]);
    let mut command = s.run_command(
        "[[task]]\nid = \"a\"\nrun = \"echo the first line; yes filler | head -c 3000000; echo the last line; echo > a\"\n",
        &[],
    );
    let ran = common::Ran::of(command.env("GREENLANE_OUTPUT_BYTES_MAX", "1MiB").output().unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
    let logs = s.greenlane(&["logs", "a"]);
    assert_eq!(logs.code, 0, "{logs:?}");
    assert!(logs.stdout.starts_with("the first line\n") && logs.stdout.trim_end().ends_with("the last line"), "{}", logs.stdout.len());
    assert!(logs.stdout.len() < 1_200_000, "{} bytes", logs.stdout.len());
}

#[test]
fn what_is_ignored_is_copied_where_it_is_asked_for_and_set_up_runs_first() {
    let s = Sandbox::new(&[(".gitignore", ".env\nsecret\nnode\n"), (".worktreeinclude", ".env\n")]);
    s.write(".env", "KEY=1\n");
    s.write("secret", "not this one\n");
    s.write("greenlane.toml", "[workspace]\nsetup = [\"echo set up; mkdir node; echo x > node/x\"]\n");
    let ran = s.run("id = \"p\"\nverify = [\"test -e .env && test -e node/x\"]\n[[task]]\nid = \"a\"\nrun = \"ls -A > a\"\ncheck = [\"test -e node/x\"]\n", &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let seen = s.git(&["show", &format!("{}:a", s.branch())]);
    assert!(seen.contains(".env") && seen.contains("node") && !seen.contains("secret"), "{seen}");
    assert_eq!(s.landed_files(), [".gitignore", ".worktreeinclude", "a"], "nothing ignored lands");
}

#[test]
fn a_set_up_that_fails_is_the_reason() {
    let s = Sandbox::new(&[]);
    s.write("greenlane.toml", "[workspace]\nsetup = [\"echo the network is down; exit 5\"]\n[retry]\nmax = 0\n");
    let ran = s.run("[[task]]\nid = \"a\"\nrun = \"echo > a\"\n", &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(s.states()["a"], "failed");
    assert!(s.reason("a").contains("the network is down"), "{}", s.reason("a"));
    assert_eq!(s.task("a")["attempts"][0]["failure"]["type"], json!("coordinator_error"));
}

#[test]
fn a_path_of_the_tasks_own_without_a_shell_in_it_is_named() {
    let s = Sandbox::new(&[]);
    let ran = s.run("[[task]]\nid = \"a\"\nrun = \"echo > a\"\nretries = 0\nenv = { PATH = \"$PATH:/x\" }\n", &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let told = "cannot run `sh`: no folder of the attempt's PATH has it, which is `$PATH:/x`";
    assert!(s.reason("a").contains(told), "{}", s.reason("a"));
    assert_eq!(s.task("a")["attempts"][0]["failure"]["detail"], "missing_program");
}

#[test]
fn each_worktree_has_ports_of_its_own_where_that_is_asked_for() {
    let sandbox = Sandbox::new(&[("greenlane.toml", "[workspace]\nport_base = 21000\n")]);
    let task = |id: &str| {
        format!(
            "[[task]]\nid = \"{id}\"\nrun = \"echo $GREENLANE_PORT > {id}.txt; sleep 1\"\ncheck = [\"test $GREENLANE_PORT = $(cat {id}.txt)\"]\n"
        )
    };
    let ran = sandbox.run(&format!("{}{}", task("a"), task("b")), &["-j", "2"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let port = |id: &str| sandbox.git(&["show", &format!("{}:{id}.txt", sandbox.branch())]).parse::<u16>().unwrap();
    let (a, b) = (port("a"), port("b"));
    assert!(a != b && [a, b].iter().all(|p| *p > 21_000 && p % 10 == 0), "{a} {b}");
    let plan = sandbox.plan("asked.toml", "[[task]]\nid = \"a\"\ntitle = \"Do it\"\nagent = \"claude\"\n");
    let prompt = sandbox.greenlane(&["prompt", "a", plan.to_str().unwrap()]);
    assert!(prompt.stdout.contains("- `GREENLANE_PORT`: the first of ten ports"), "{prompt:?}");
}
