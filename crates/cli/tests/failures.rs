//! Failures from the attempt to the log and the verbs: one record each, whatever the coordinator dies of.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;
use std::process::Stdio;

use common::{Ran, Sandbox, eventually};
use serde_json::Value;

/// One task for each way of failing, and one that lands.
const PLAN: &str = r#"
[[task]]
id = "fine"
run = "echo x > fine.txt"
[[task]]
id = "code"
run = "seq 1 300; echo 'sh: no such thing' >&2; exit 3"
retries = 1
[[task]]
id = "crash"
run = "printf 'working\nTraceback (most recent call last):\n  File \"a.py\", line 1, in f\n    1 / 0\nZeroDivisionError: division by zero\n' >&2; exit 1"
retries = 0
[[task]]
id = "killed"
run = "kill -KILL $$"
retries = 0
[[task]]
id = "slow"
run = "exec sleep 60"
timeout = "300ms"
retries = 0
[[task]]
id = "check"
run = "echo x > check.txt"
check = ["echo nope; exit 4"]
[[task]]
id = "nothing"
run = "true"
[[task]]
id = "missing"
run = "no-such-program-at-all"
[[task]]
id = "outside"
run = "echo x > outside.txt"
owns = ["inside/**"]
"#;

/// The lines of a log under `.greenlane/logs`, rotated files left out.
fn lines(s: &Sandbox, name: &str) -> Vec<Value> {
    let text = fs::read_to_string(s.repo().join(format!(".greenlane/logs/{name}.jsonl"))).unwrap_or_default();
    text.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"))).collect()
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran:?}"))
}

fn of<'a>(failures: &'a [Value], task: &str) -> &'a Value {
    failures.iter().find(|f| f["task"] == task).unwrap_or_else(|| panic!("no failure of {task}"))
}

#[test]
fn each_failed_attempt_is_one_record_with_the_ancestors_fields_and_what_decided() {
    let s = Sandbox::new(&[]);
    assert_eq!(s.run(PLAN, &["-j", "4"]).code, 1);
    // The coordinator has written everything when it ends.
    let failures = lines(&s, "failures");
    let failed = s.events("attempt_failed");
    assert_eq!(failures.len(), failed.len());
    for (record, event) in failures.iter().zip(&failed) {
        assert_eq!((&record["seq"], &record["task"], &record["context"]["attempt"]), (&event["seq"], &event["task"], &event["attempt"]));
        for field in [
            "timestamp",
            "prd_id",
            "story_id",
            "failure_type",
            "error_message",
            "exit_code",
            "signal",
            "stack_trace",
            "last_output_lines",
            "system_resources",
            "context",
            "worker_id",
        ] {
            assert!(record.get(field).is_some(), "{field}: {record:#}");
        }
        assert_eq!((&record["prd_id"], &record["story_id"]), (&"p".into(), &record["task"]));
        for field in ["system_memory_percent", "disk_usage_percent", "memory_mb"] {
            let n = record["system_resources"][field].as_f64().unwrap_or(-1.0);
            assert!(n > 0.0, "{field}: {record:#}");
        }
        assert!(record["worker_id"].as_str().unwrap().ends_with(&format!("/{}", record["context"]["attempt"])), "{record:#}");
        assert_eq!(record["context"]["agent"], "command");
        assert!(record["context"]["branch"].as_str().unwrap().contains("/task/") && record["context"]["worktree"].is_string());
    }
    let told = |task: &str| {
        let f = of(&failures, task);
        let text = |v: &Value| v.as_str().unwrap_or("-").to_owned();
        [
            text(&f["failure_type"]),
            text(&f["context"]["detail"]),
            text(&f["context"]["evidence"]),
            f["exit_code"].to_string(),
            f["signal"].to_string(),
        ]
    };
    assert_eq!(told("code"), ["unknown", "-", "exit", "3", "null"]);
    assert_eq!(told("crash"), ["bug", "-", "output", "1", "null"]);
    // Nobody but the test: the kernel counts what it kills itself.
    assert_eq!(told("killed"), ["unknown", "-", "keeper", "null", "9"]);
    assert_eq!(told("slow"), ["timeout", "-", "keeper", "null", "null"]);
    assert_eq!(told("check"), ["quality_gate_failure", "-", "gate", "0", "null"]);
    assert_eq!(told("nothing"), ["logic_error", "-", "gate", "0", "null"]);
    assert_eq!(told("missing"), ["coordinator_error", "missing_program", "exit", "127", "null"]);
    assert_eq!(told("outside"), ["quality_gate_failure", "-", "gate", "0", "null"]);

    let code = of(&failures, "code");
    let output = code["last_output_lines"].as_array().unwrap();
    assert_eq!((output.len(), &output[0], &output[99]), (100, &"201".into(), &"300".into()));
    assert_eq!(code["last_error_lines"], serde_json::json!(["sh: no such thing"]));
    let trace = of(&failures, "crash")["stack_trace"].as_str().unwrap();
    assert!(trace.starts_with("Traceback") && trace.ends_with("division by zero"), "{trace}");
    assert_eq!(of(&failures, "check")["context"]["check"]["output"], "nope");
    // Of work that was refused, what the check printed is what tells.
    assert_eq!(of(&failures, "check")["last_output_lines"], serde_json::json!(["nope"]));
    assert_eq!((&of(&failures, "check")["context"]["output_of"], &code["context"]["output_of"]), (&"check".into(), &"agent".into()));
    assert_eq!(of(&failures, "outside")["context"]["files"], serde_json::json!(["outside.txt"]));
    assert!(failures.iter().all(|f| f["task"] != "fine"));

    // What was decided after each of them.
    let retries = lines(&s, "retries");
    assert_eq!(retries.len(), failures.len());
    let of_code: Vec<_> =
        retries.iter().filter(|r| r["task"] == "code").map(|r| (r["attempt"].as_u64(), r["will_retry"].as_bool())).collect();
    assert_eq!(of_code, [(Some(1), Some(true)), (Some(2), Some(false))]);

    let because = |task: &str| retries.iter().rfind(|r| r["task"] == task).unwrap()["given_up_because"].clone();
    assert_eq!(because("code"), "1 of 1 retries are used up");
    assert_eq!(because("crash"), "bug is not among `retry_types`");
    assert_eq!(because("check"), "quality_gate_failure is not among `retry_types`, and a command is not told what was wrong");
    assert_eq!(because("missing"), "missing_program is never tried again: another attempt would end in the same way");
    assert!(retries.iter().filter(|r| r["will_retry"] == true).all(|r| r.get("given_up_because").is_none()));

    // And what it took.
    let metrics = lines(&s, "metrics");
    let count = |event: &str| metrics.iter().filter(|m| m["event"] == event).count();
    assert_eq!((count("run_started"), count("run_ended"), count("task_ended"), count("attempt_started")), (1, 1, 9, failed.len() + 1));
    let end = metrics.iter().find(|m| m["event"] == "run_ended").unwrap();
    assert_eq!((&end["metadata"]["tasks_done"], &end["metadata"]["failed_attempts"]), (&1.into(), &failures.len().into()));
    assert!(end["metadata"]["tasks_per_hour"].as_f64().unwrap() > 0.0);
    let used = end["metadata"]["slots_used_mean"].as_f64().unwrap();
    assert!(used > 0.0 && used <= 4.0 && end["metadata"]["slots"] == 4 && end["metadata"]["plans_done"] == 0, "{end}");
    let plan = metrics.iter().find(|m| m["event"] == "plan_ended").unwrap();
    assert!(plan["metadata"]["elapsed_ms"].as_u64().unwrap() <= end["metadata"]["elapsed_ms"].as_u64().unwrap(), "{plan}");
    let started = metrics.iter().find(|m| m["event"] == "attempt_started").unwrap();
    assert!(started["metadata"]["queue_wait_ms"].is_u64() && started["metadata"]["slots"] == 4, "{started}");
}

#[test]
fn the_verb_lists_counts_and_filters() {
    let s = Sandbox::new(&[]);
    s.run(PLAN, &["-j", "4"]);
    let all = json(&s.greenlane(&["failures", "--json"]));
    assert_eq!(all["schema"], 1);
    let all = all["failures"].as_array().unwrap();
    let seqs: Vec<u64> = all.iter().map(|f| f["seq"].as_u64().unwrap()).collect();
    assert!(seqs.is_sorted_by(|a, b| a > b) && seqs.len() == 9, "the newest first: {seqs:?}");

    let ran = s.greenlane(&["failures"]);
    assert_eq!((ran.code, ran.stdout.lines().count()), (0, 9), "{ran:?}");
    assert!(ran.stdout.contains("p/code#2") && ran.stdout.contains("coordinator_error: missing_program"), "{}", ran.stdout);
    for width in ["60", "80", "120"] {
        let ran = Ran::of(s.command(&["failures"]).env("COLUMNS", width).output().unwrap());
        assert!(ran.stdout.lines().all(|l| l.chars().count() <= width.parse().unwrap()), "{}", ran.stdout);
    }

    let count = |args: &[&str]| json(&s.greenlane(&[&["failures", "--json"], args].concat()))["failures"].as_array().unwrap().len();
    assert_eq!(count(&["--type", "quality_gate_failure"]), 2);
    assert_eq!(count(&["--task", "code"]), 2);
    assert_eq!(count(&["--task", "p/code", "--limit", "1"]), 1);
    assert_eq!(count(&["--task", "p"]), 9);
    assert_eq!(count(&["--detail", "missing_program"]), 1);
    let run = s.status()["run"]["id"].as_str().unwrap().to_owned();
    assert_eq!(count(&["--run", &run[..8]]), 9);
    let none = s.greenlane(&["failures", "--type", "api_error"]);
    assert_eq!((none.code, none.stdout.as_str(), none.stderr.as_str()), (0, "", "no failures of type api_error\n"));

    let stats = json(&s.greenlane(&["failures", "--stats", "--json"]));
    assert_eq!((&stats["total"], &stats["by_type"]["unknown"], &stats["by_prd"]["p"]), (&9.into(), &3.into(), &9.into()));
    assert_eq!(stats["by_type"].as_object().unwrap().values().filter_map(Value::as_u64).sum::<u64>(), 9);
    assert_eq!((stats["recent"].as_array().unwrap().len(), &stats["recent"][0]["seq"]), (9, &all[0]["seq"]));
    let text = s.greenlane(&["failures", "--stats"]).stdout;
    assert!(text.starts_with("9 failures\n\nBy type\n") && text.contains("quality_gate_failure"), "{text}");

    let retries = json(&s.greenlane(&["retries", "--json", "--task", "code"]));
    assert_eq!(retries["retries"].as_array().unwrap().len(), 2);
    assert_eq!((&retries["retries"][1]["will_retry"], &retries["retries"][0]["will_retry"]), (&true.into(), &false.into()));
    assert!(s.greenlane(&["retries"]).stdout.contains("retry 1 after"));
}

#[test]
fn one_failure_is_shown_in_full_with_what_was_done_about_it() {
    let s = Sandbox::new(&[]);
    s.run(PLAN, &["-j", "4"]);
    s.greenlane(&["failures", "log", "--type", "bug", "--message", "no \u{1b}[2Jgo", "--context", "build=411"]);
    let show = |args: &[&str]| {
        let ran = Ran::of(s.command(&[&["failures", "show"], args].concat()).env("COLUMNS", "80").output().unwrap());
        assert!(ran.code == 0 && ran.stdout.lines().all(|l| l.chars().count() <= 80 || l.contains('/')), "{ran:?}");
        ran.stdout
    };
    let first = show(&["code#1"]);
    for part in [
        "p/code#1  unknown\n  exit code 3: sh: no such thing\n",
        "  ended      exit code 3, after ",
        "  evidence   the exit code or signal decided on the type\n",
        "  resources  ",
        "  then       tried again after ",
        " (retry 1), as attempt #2\n",
        "What it printed last (20 of 100 lines; `--json` has all)\n  | 281\n",
        "On standard error\n  | sh: no such thing\n",
        "  greenlane logs p/code --attempt 1\n",
        "/p+code/1\n",
    ] {
        assert!(first.contains(part), "{part}\nis not in\n{first}");
    }
    for name in ["code", "p/code", "p/code#2"] {
        let text = show(&[name]);
        assert!(text.starts_with("p/code#2  ") && text.contains("  then       given up: 1 of 1 retries are used up\n"), "{name}: {text}");
    }
    let check = show(&["check"]);
    assert!(
        check.contains("  check      `echo nope; exit 4`: exit code 4\n") && check.contains("What the check printed last\n  | nope\n"),
        "{check}"
    );
    assert!(check.contains("  work       kept in "), "{check}");
    assert!(show(&["crash"]).contains("Stack trace\n  | Traceback (most recent call last):\n  |   File \"a.py\", line 1"));
    let latest = show(&[]);
    assert!(latest.contains("  no go\n") && latest.contains("  build      411\n"), "{latest}");
    assert!(latest.contains("somebody reported it"), "{latest}");

    let document = json(&s.greenlane(&["failures", "show", "code#1", "--json"]));
    assert_eq!(document["failure"]["last_output_lines"].as_array().unwrap().len(), 100);
    assert_eq!((&document["decision"]["how"], &document["task"]["next_attempt"]), (&"retry".into(), &2.into()));
    let seq = document["failure"]["seq"].to_string();
    assert!(show(&[&seq]).starts_with("p/code#1 "));
    for (name, said) in
        [("nix", "there is no task `nix`"), ("fine", "no failure `fine`"), ("code#9", "no failure `code#9`"), ("999", "no failure `999`")]
    {
        let ran = s.greenlane(&["failures", "show", name]);
        assert!(ran.code == 2 && ran.stderr.contains(said), "{name}: {ran:?}");
    }
}

#[test]
fn scripts_report_failures_also_while_a_run_goes_on_and_a_rebuild_keeps_them() {
    let s = Sandbox::new(&[]);
    // Before anything ever ran.
    let ran = s.greenlane(&[
        "failures",
        "log",
        "--type",
        "bug",
        "--message",
        "the build\nbroke",
        "--context",
        "build=411",
        "--context",
        "host=ci",
    ]);
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, "", ""));
    assert_eq!(s.git(&["status", "--porcelain"]), "", "the state is kept out of git's sight");
    let first = &lines(&s, "failures")[0];
    assert_eq!(
        (&first["error_message"], &first["context"]["build"], &first["context"]["host"]),
        (&"the build broke".into(), &411.into(), &"ci".into())
    );
    assert_eq!((&first["failure_type"], &first["task"], &first["context"]["evidence"]), (&"bug".into(), &Value::Null, &"reported".into()));
    assert!(first["system_resources"]["disk_usage_percent"].as_f64().unwrap() > 0.0);

    // From within a task, which knows where it is.
    let exe = env!("CARGO_BIN_EXE_greenlane");
    let plan = format!(
        "[[task]]\nid = \"a\"\nretries = 0\nrun = \"{exe} failures log --type timeout --message slow --exit-code 124 && exit 5\"\n"
    );
    assert_eq!(s.run(&plan, &[]).code, 1);
    let all = lines(&s, "failures");
    let told: Vec<_> = all.iter().map(|f| (f["task"].as_str(), f["failure_type"].as_str().unwrap(), f["exit_code"].as_i64())).collect();
    assert_eq!(told, [(None, "bug", None), (Some("a"), "timeout", Some(124)), (Some("a"), "unknown", Some(5))]);
    assert_eq!((&all[1]["plan"], &all[1]["context"]["run"]), (&"p".into(), &all[2]["context"]["run"]));
    assert!(all[1]["worker_id"].as_str().unwrap().ends_with("/1"));

    let folder = s.repo().join(".greenlane/logs");
    let read = || ["events", "failures", "retries", "metrics"].map(|n| fs::read_to_string(folder.join(format!("{n}.jsonl"))).unwrap());
    let before = read();
    assert_eq!(s.greenlane(&["events", "rebuild"]).code, 0);
    assert_eq!(read(), before, "byte for byte");
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(s.greenlane(&["failures"]).stdout.lines().count(), 3);
    assert_eq!(read(), before, "what was deleted is made anew");
    assert_eq!(before[0], s.greenlane(&["events"]).stdout);
}

#[test]
fn should_retry_answers_by_the_policy() {
    let s = Sandbox::new(&[]);
    let ask = |args: &[&str]| {
        let ran = Ran::of(s.command(&[&["retries", "should-retry"], args].concat()).env_remove("GREENLANE_RETRY_BASE").output().unwrap());
        (ran.code, ran.stdout.trim().to_owned(), ran.stderr.trim().to_owned())
    };
    let yes = |seconds: &str| (0, seconds.to_owned(), String::new());
    assert_eq!(ask(&["--type", "api_error"]), yes("60"));
    assert_eq!(ask(&["--type", "api_error", "--attempt", "3"]), yes("240"));
    assert_eq!(ask(&["--type", "api_error", "--attempt", "4"]), (1, String::new(), "no: 3 of 3 retries are used up".into()));
    assert_eq!(ask(&["--type", "bug"]), (1, String::new(), "no: bug is not among `retry_types`".into()));
    let (code, _, why) = ask(&["--type", "api_error", "--detail", "authentication"]);
    assert!(code == 1 && why.starts_with("no: authentication is never tried again"), "{why}");
    s.write("greenlane.toml", "[retry]\nmax = 1\nbase = \"2s\"\nretry_types = [\"bug\"]\n");
    assert_eq!(ask(&["--type", "bug"]), yes("2"));
    assert_eq!(ask(&["--type", "bug", "--attempt", "2"]).0, 1);
    let answer = json(&s.greenlane(&["retries", "should-retry", "--type", "bug", "--attempt", "2", "--json"]));
    assert_eq!((&answer["retry"], &answer["backoff_seconds"], &answer["retries_max"]), (&false.into(), &Value::Null, &1.into()));
    // A task's own number of retries, and what it has used up.
    s.run("[[task]]\nid = \"a\"\nretries = 5\nrun = \"exit 1\"\n", &["--retries", "0"]);
    assert_eq!(ask(&["--type", "bug", "--task", "a"]).0, 0);
    assert_eq!(ask(&["--type", "bug", "--task", "a", "--attempt", "6"]).0, 1);
    assert_eq!(ask(&["--type", "bug", "--task", "b"]).0, 2);
    // Its run was started with fewer than the configuration has now.
    s.run("[[task]]\nid = \"a\"\nrun = \"exit 1\"\n", &["--retries", "0"]);
    assert_eq!(ask(&["--type", "bug", "--task", "a"]), (1, String::new(), "no: 0 of 0 retries are used up".into()));
}

/// The coordinator is killed again and again, at any moment; in the end each failed attempt is there once, and the events are the journal's.
#[test]
fn a_coordinator_that_is_killed_repeatedly_leaves_each_line_once() {
    let s = Sandbox::new(&[]);
    let mut plan = String::new();
    for n in 0..12 {
        plan.push_str(&format!(
            "[[task]]\nid = \"t{n}\"\nretries = 2\nrun = \"echo {n} >> $OUT/ran; seq 1 40; test $(grep -cx {n} $OUT/ran) -gt {} && echo x > f{n}\"\n",
            n % 4
        ));
    }
    let path = s.plan("plan.toml", &format!("id = \"p\"\njobs = 4\n{plan}"));
    let mut random = 7_u64;
    let mut next = Some(s.command(&["run", path.to_str().unwrap(), "-j", "4"]));
    for round in 0..200 {
        let Some(mut command) = next.take() else { break };
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Killed when so many more events have been journalled: early, in the middle of everything, or not at all in the end.
        let target = s.count("") + usize::try_from((random >> 33) % 24).unwrap() + 1;
        eventually("it gets somewhere", || s.count("") >= target || matches!(child.try_wait(), Ok(Some(_))));
        drop(child.kill());
        child.wait().unwrap();
        if s.events("run_ended").is_empty() {
            next = Some(s.command(&["resume"]));
        }
        assert!(round < 199, "it never came to an end");
    }
    let failed: Vec<u64> = s.events("attempt_failed").iter().map(|e| e["seq"].as_u64().unwrap()).collect();
    assert!(failed.len() >= 12, "{}", failed.len());
    assert_eq!(s.greenlane(&["failures", "--stats"]).code, 0);
    let recorded: Vec<u64> = lines(&s, "failures").iter().map(|f| f["seq"].as_u64().unwrap()).collect();
    assert_eq!(recorded, failed, "each failed attempt once, in order");
    let folder = s.repo().join(".greenlane/logs");
    let read = || ["events", "failures", "retries", "metrics"].map(|n| fs::read_to_string(folder.join(format!("{n}.jsonl"))).unwrap());
    let before = read();
    assert_eq!(before[0], s.greenlane(&["events"]).stdout);
    assert_eq!(s.greenlane(&["events", "rebuild"]).code, 0);
    assert_eq!(read(), before, "a rebuild gives the same, byte for byte");
}
