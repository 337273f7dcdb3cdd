//! Health, with real processes and short limits: who is silent and works, who is silent and does not, and what is said of either.
//! Nothing is ended for it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use common::{Ran, Running, Sandbox, eventually, lives, signal, wait_for};
use serde_json::Value;

/// A task that says nothing, does nothing, and waits in the kernel until [`go`].
fn silent(id: &str) -> String {
    format!("[[task]]\nid = \"{id}\"\nrun = \"echo $$ > $OUT/{id}.pid; touch $OUT/{id}.on; read line < $OUT/{id}.fifo; echo all > {id}\"\n")
}

fn fifo(s: &Sandbox, id: &str) {
    assert!(Command::new("mkfifo").arg(s.out(&format!("{id}.fifo"))).status().unwrap().success());
}

fn go(s: &Sandbox, id: &str) {
    fs::write(s.out(&format!("{id}.fifo")), "go\n").unwrap();
}

/// The coordinator of this plan, with limits of a second or so, once task `a` is at work.
fn running(s: &Sandbox, plan: &str) -> Running {
    running_until(s, plan, "1500ms")
}

/// The same with another limit: a longer one where the matter is that somebody is healthy, also on a machine that is busy.
fn running_until(s: &Sandbox, plan: &str, hung_after: &str) -> Running {
    let mut command = quick(s.run_command(plan, &[]));
    let run = s.start({
        command.env("GREENLANE_HUNG_AFTER", hung_after);
        command
    });
    wait_for(&s.out("a.on"));
    run
}

fn quick(mut command: Command) -> Command {
    command.env("GREENLANE_HEARTBEAT", "200ms").env("GREENLANE_HEALTH_INTERVAL", "200ms");
    command.env("GREENLANE_HUNG_AFTER", "1500ms").env("GREENLANE_DEAD_AFTER", "4s");
    command
}

fn health(s: &Sandbox) -> (i32, Value) {
    let ran = Ran::of(quick(s.command(&["health", "--json"])).output().unwrap());
    (ran.code, serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran:?}")))
}

/// The only attempt under way.
fn attempt(s: &Sandbox) -> Value {
    health(s).1["attempts"][0].clone()
}

fn reason(s: &Sandbox) -> String {
    attempt(s)["reason"].as_str().unwrap_or_default().to_owned()
}

fn pid(s: &Sandbox, id: &str) -> u32 {
    s.out_lines(&format!("{id}.pid"))[0].trim().parse().unwrap()
}

fn keeper(s: &Sandbox) -> u32 {
    u32::try_from(attempt(s)["keeper_pid"].as_u64().unwrap()).unwrap()
}

/// What was told of its health, as words.
fn told(s: &Sandbox) -> Vec<String> {
    s.events("health_changed").iter().map(|e| e["to"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_silent_attempt_is_called_hung_and_goes_on() {
    let s = Sandbox::new(&[]);
    fifo(&s, "a");
    let run = running(&s, &silent("a"));
    eventually("it is noticed", || told(&s) == ["hung"]);
    let (code, document) = health(&s);
    let a = &document["attempts"][0];
    assert_eq!((code, a["status"].as_str(), a["coordinated"].as_bool()), (1, Some("hung"), Some(true)), "{document}");
    assert_eq!((document["summary"]["hung"].as_u64(), document["summary"]["healthy"].as_u64()), (Some(1), Some(0)));
    assert!(a["reason"].as_str().unwrap().starts_with("no output, CPU time or traffic for "), "{a}");
    assert!(a["quiet_seconds"].as_f64() >= Some(1.5) && a["memory_mb"].as_f64() > Some(0.0) && a["since"].is_string(), "{a}");
    let status = s.status();
    let shown = &status["tasks"][0];
    assert_eq!((shown["state"].as_str(), shown["attempts"][0]["health"]["status"].as_str()), (Some("running"), Some("hung")), "{shown}");
    assert!(shown["reason"].as_str().unwrap().starts_with("hung: no output, CPU time or traffic for "), "{shown}");
    for (flags, expected) in [
        (["health", "--unhealthy"], "! hung     p/a#1  command, heartbeat "),
        (["health", "--summary"], "1 attempt, 0 workers: 1 hung\n"),
        (["health", "--task=a"], "no output, CPU time or traffic for "),
    ] {
        let ran = s.greenlane(&flags);
        assert!(ran.code == 1 && ran.stdout.contains(expected), "{flags:?}: {ran:?}");
    }
    go(&s, "a");
    let ran = run.wait();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("seems to hang: no output, CPU time or traffic for "), "{}", ran.stderr);
    assert_eq!(s.landed_files(), ["a"]);
    let nothing = s.greenlane(&["health"]);
    assert!(nothing.code == 0 && nothing.stderr.contains("nothing is under way"), "{nothing:?}");
    // The log: the ancestor's fields; made anew it is the same.
    let path = s.repo().join(".greenlane/logs/health.jsonl");
    let log = fs::read_to_string(&path).unwrap();
    let line: Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    assert_eq!(
        (line["prd_id"].as_str(), line["story_id"].as_str(), line["status"].as_str()),
        (Some("p"), Some("a"), Some("hung")),
        "{line}"
    );
    assert!(line["worker_id"].as_str().unwrap().ends_with("/p+a/1") && line["memory_mb"].as_f64() > Some(0.0), "{line}");
    assert!(line["context"]["pid"].is_u64() && line["api_calls_made"] == 0 && line["context"]["quiet_seconds"].as_f64() >= Some(1.5));
    assert_eq!(s.greenlane(&["events", "rebuild"]).code, 0);
    assert_eq!(fs::read_to_string(&path).unwrap(), log);
    let changes = s.greenlane(&["health", "--changes", "--limit", "1", "--unhealthy"]);
    assert!(changes.code == 0 && changes.stdout.contains("p/a#1  healthy → hung"), "{changes:?}");
    let stats: Value = serde_json::from_str(&s.greenlane(&["health", "--stats", "--json"]).stdout).unwrap();
    assert_eq!((stats["by_status"]["hung"].as_u64(), stats["by_task"]["p/a"].as_u64()), (Some(1), Some(1)), "{stats}");
}

#[test]
fn a_stopped_tree_is_named_as_stopped() {
    let s = Sandbox::new(&[]);
    fifo(&s, "a");
    let run = running(&s, &silent("a"));
    let agent = pid(&s, "a");
    signal(agent, "STOP");
    eventually("it is named", || reason(&s).contains(&format!("stopped: sh ({agent})")));
    eventually("it is called hung", || told(&s).contains(&String::from("hung")));
    assert!(reason(&s).starts_with("its whole tree is stopped: sh ("), "{}", reason(&s));
    let shown = s.greenlane(&["status"]);
    assert!(shown.stdout.contains("its whole tree is stopped"), "{}", shown.stdout);
    signal(agent, "CONT");
    eventually("that is seen", || !reason(&s).contains("stopped"));
    go(&s, "a");
    assert_eq!(run.wait().code, 0);
}

#[test]
fn a_stopped_keeper_is_told_and_never_called_dead() {
    let s = Sandbox::new(&[]);
    fifo(&s, "a");
    let run = running(&s, &silent("a"));
    eventually("the first heartbeat", || attempt(&s)["heartbeat_at"].is_string());
    let keeper = keeper(&s);
    signal(keeper, "STOP");
    eventually("its heartbeat is older than any that is dead", || attempt(&s)["heartbeat_age_seconds"].as_f64() > Some(5.0));
    let a = attempt(&s);
    assert_eq!(a["status"], "hung", "{a}");
    assert!(a["reason"].as_str().unwrap().starts_with("its keeper is stopped, ") && reason(&s).contains(&format!("`kill -CONT {keeper}`")));
    eventually("the coordinator has seen it, too", || told(&s).last().is_some_and(|to| to == "hung"));
    assert!(!told(&s).contains(&String::from("dead")), "{:?}", told(&s));
    signal(keeper, "CONT");
    eventually("it goes on", || attempt(&s)["heartbeat_age_seconds"].as_f64() < Some(3.0));
    go(&s, "a");
    assert_eq!(run.wait().code, 0);
    assert_eq!(s.landed_files(), ["a"]);
}

#[test]
fn without_a_coordinator_the_same_is_seen_and_a_killed_keeper_is_dead() {
    let s = Sandbox::new(&[]);
    fifo(&s, "a");
    let run = running(&s, &silent("a"));
    eventually("the first heartbeat", || attempt(&s)["heartbeat_at"].is_string());
    let (keeper, agent) = (keeper(&s), pid(&s, "a"));
    run.signal("KILL");
    run.wait();
    let a = attempt(&s);
    assert_eq!((a["coordinated"].as_bool(), a["keeper_pid"].as_u64()), (Some(false), Some(u64::from(keeper))), "{a}");
    eventually("its silence is seen", || attempt(&s)["status"] == "hung");
    signal(keeper, "KILL");
    eventually("it is gone", || !lives(keeper));
    let (code, document) = health(&s);
    let a = &document["attempts"][0];
    assert_eq!((code, a["status"].as_str()), (1, Some("dead")), "{document}");
    assert!(a["reason"].as_str().unwrap().starts_with("its keeper is gone and left no record"), "{a}");
    assert!(lives(agent), "a look ends nothing");
    go(&s, "a");
    eventually("the agent ends by itself", || !lives(agent));
}

#[test]
fn silent_and_busy_is_healthy() {
    let s = Sandbox::new(&[]);
    let plan = "[[task]]\nid = \"a\"\nrun = \"touch $OUT/a.on; until [ -e $OUT/go ]; do :; done; echo all > a\"\n";
    let run = running_until(&s, plan, "3s");
    eventually("it has worked for long", || attempt(&s)["cpu_seconds"].as_f64() > Some(3.5));
    let a = attempt(&s);
    assert_eq!((a["status"].as_str(), a["evidence"].as_str(), a["output_bytes"].as_u64()), (Some("healthy"), Some("cpu"), Some(0)), "{a}");
    assert_eq!(told(&s), Vec::<String>::new());
    fs::write(s.out("go"), "").unwrap();
    assert_eq!(run.wait().code, 0);
}

#[test]
fn silent_with_traffic_is_healthy_and_with_a_silent_connection_it_is_hung() {
    let s = Sandbox::new(&[]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let line = format!(
        "bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}; touch $OUT/a.on; while read -r l <&3 && [ \\\"$l\\\" != quit ]; do :; done'; echo > a"
    );
    let run = running_until(&s, &format!("[[task]]\nid = \"a\"\nrun = \"{line}\"\n"), "3s");
    let (mut connection, _) = listener.accept().unwrap();
    let mut drips = 0;
    // Each look of the test lets a word through; it goes on for longer than a silent one would be healthy.
    eventually("words have come for long", || {
        writeln!(connection, "token").unwrap();
        drips += 1;
        std::thread::sleep(Duration::from_millis(50));
        let a = attempt(&s);
        a["evidence"] == "sockets" && drips >= 60
    });
    assert_eq!(told(&s), Vec::<String>::new());
    assert_eq!(attempt(&s)["status"], "healthy");
    eventually("its silence is seen", || attempt(&s)["status"] == "hung");
    assert!(reason(&s).ends_with("; one connection is open and silent"), "{}", reason(&s));
    writeln!(connection, "quit").unwrap();
    assert_eq!(run.wait().code, 0);
}

#[test]
fn an_agent_that_tries_its_model_again_says_why() {
    let s = Sandbox::new(&[]);
    fifo(&s, "a");
    let retry = r#"{"type":"system","subtype":"api_retry","attempt":2,"max_retries":10,"error_status":529,"error":"overloaded"}"#;
    let turn = r#"{"type":"assistant","message":{"id":"m1","model":"x","content":[{"type":"text","text":"hello"}]}}"#;
    let bin = s.script(
        "mine",
        &format!("#!/bin/sh\necho '{turn}'\necho '{retry}'\ntouch $OUT/a.on\nread line < $OUT/a.fifo\necho all > a\necho '{{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"result\":\"done\"}}'\n"),
    );
    s.write(
        "greenlane.toml",
        &format!(
            "[agents.mine]\ncommand = \"{}/mine\"\nargs = [\"{{prompt_file}}\"]\noutput = \"claude\"\nenv_allow = [\"OUT\"]\n",
            bin.display()
        ),
    );
    let run = running(&s, "[[task]]\nid = \"a\"\nagent = \"mine\"\nprompt = \"x\"\n");
    eventually("the reason is seen", || reason(&s).starts_with("tries its model again: "));
    assert!(reason(&s).contains("529") && reason(&s).contains("once so far"), "{}", reason(&s));
    eventually("hung, and the reason is told", || told(&s) == ["hung"]);
    let event = s.events("health_changed")[0].clone();
    let why = event["reason"].as_str().unwrap();
    assert!(why.starts_with("tries its model again: ") && why.contains("; no output, CPU time or traffic for "), "{why}");
    let a = attempt(&s);
    assert_eq!((a["iteration"].as_u64(), a["model_calls"].as_u64()), (Some(1), Some(2)), "{a}");
    assert_eq!(event["seen"]["iteration"], 1, "{event}");
    go(&s, "a");
    let ran = run.wait();
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn external_workers_tell_of_themselves() {
    let s = Sandbox::new(&[]);
    let beat = |flags: &[&str]| s.greenlane(&[&["health", "beat"], flags].concat());
    assert_eq!(s.greenlane(&["health"]).code, 0);
    assert_eq!(beat(&["ci/7", "--message", "compiles", "--iteration", "3", "--api-calls", "9", "--task", "bucket"]).code, 0);
    let (code, document) = health(&s);
    let w = &document["workers"][0];
    assert_eq!(
        (code, w["name"].as_str(), w["status"].as_str(), w["reason"].as_str()),
        (0, Some("ci/7"), Some("healthy"), Some("compiles"))
    );
    assert_eq!((w["iteration"].as_u64(), w["api_calls_made"].as_u64(), w["task"].as_str()), (Some(3), Some(9), Some("bucket")));
    assert_eq!(s.git(&["status", "--porcelain"]), "", "kept out of git");
    eventually("its silence is seen", || health(&s).0 == 1 && health(&s).1["workers"][0]["status"] == "hung");
    assert_eq!(beat(&["ci/7", "--status", "hung", "--message", "waits for a licence"]).code, 0);
    let ran = s.greenlane(&["health", "--unhealthy"]);
    assert!(ran.code == 1 && ran.stdout.contains("! hung     ci/7  worker") && ran.stdout.contains("waits for a licence"), "{ran:?}");
    // A process that is gone is dead, whatever was said last.
    let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
    assert_eq!(beat(&["other", "--pid", &child.id().to_string()]).code, 0);
    child.kill().unwrap();
    child.wait().unwrap();
    let summary = s.greenlane(&["health", "--summary"]);
    assert_eq!((summary.code, summary.stdout.as_str()), (1, "0 attempts, 2 workers: 1 hung, 1 dead\n"));
    for name in ["ci/7", "other"] {
        assert_eq!(beat(&[name, "--end"]).code, 0);
    }
    assert_eq!(health(&s).1["summary"]["total"], 0);
    for bad in [&["x", "--status", "fine"][..], &[""], &["x", "--pid", "4194304"], &["x", "--memory-mb", "-1"]] {
        assert_eq!(beat(bad).code, 2, "{bad:?}");
    }
}
