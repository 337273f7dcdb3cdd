//! `--agent auto`: who does what, why, and what agents have shown. The agents are scripts on PATH; who is not there is not on it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::process::Command;

use common::{Ran, Sandbox, await_file, wait_for};
use serde_json::Value;

/// Writes who it is into the task's file, unless `$OUT` says that it fails.
const ROBOT: &str = r#"#!/bin/sh
me=$(basename "$0")
task=${GREENLANE_TASK##*/}
echo "$me $task" >> "$OUT/done"
[ -e "$OUT/$me-fails" ] && exit 1
echo "$me" > "$task.txt"
"#;

/// A repository in which these agents are installed, each a script that is read as plain text.
fn with_agents(names: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new(&[]);
    let mut config = String::from("[retry]\nmax = 0\n");
    for name in names {
        sandbox.script(name, ROBOT);
        let (command, out) = (sandbox.path("bin").join(name), sandbox.path("out"));
        config += &format!(
            "[agents.{name}]\ncommand = {command:?}\nargs = [\"{{prompt_file}}\"]\nmodel_args = []\noutput = \"plain\"\nenv = {{ OUT = {out:?} }}\n"
        );
    }
    sandbox.write("greenlane.toml", &config);
    sandbox.git(&["add", "-A"]);
    sandbox.git(&["commit", "-qm", "Agents"]);
    sandbox
}

/// Without the agents that the machine may have.
fn alone(mut command: Command, sandbox: &Sandbox) -> Ran {
    let tools = ["git", "sh", "env", "basename", "cat", "true", "mkdir", "rm"];
    let only = sandbox.path("only");
    std::fs::create_dir_all(&only).unwrap();
    for tool in tools {
        let paths = std::env::var_os("PATH").unwrap();
        let found = std::env::split_paths(&paths).map(|dir| dir.join(tool)).find(|path| path.exists());
        if let Some(found) = found
            && !only.join(tool).exists()
        {
            std::os::unix::fs::symlink(found, only.join(tool)).unwrap();
        }
    }
    Ran::of(command.env("PATH", &only).output().unwrap())
}

fn run(sandbox: &Sandbox, plan: &str, flags: &[&str]) -> Ran {
    alone(sandbox.run_command(plan, flags), sandbox)
}

fn plan(sandbox: &Sandbox, plan: &str, flags: &[&str]) -> Ran {
    let path = sandbox.plan("looked.toml", &format!("id = \"p\"\n{plan}"));
    alone(sandbox.command(&[&["plan", path.to_str().unwrap()], flags].concat()), sandbox)
}

fn tasks(ran: &Ran) -> Vec<Value> {
    let document: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran:?}"));
    document["plans"][0]["tasks"].as_array().unwrap().clone()
}

const PLAN: &str = r#"
verify = []
[[task]]
id = "limit"
title = "Add an endpoint that lists limits"
owns = ["limit.txt"]
[[task]]
id = "tests"
title = "Unit tests for the limits"
owns = ["tests.txt"]
[[task]]
id = "named"
title = "Unit tests for the header"
agent = "gemini"
owns = ["named.txt"]
"#;

#[test]
fn the_plan_shows_what_each_task_is_who_does_it_and_why() {
    let sandbox = with_agents(&["claude", "copilot", "gemini"]);
    let ran = plan(&sandbox, PLAN, &["--agent", "auto"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for expected in [
        "  limit  claude   Add an endpoint",
        "  tests  copilot  Unit tests for the limits",
        "Who does what\n  limit  claude   0.",
        "simple backend_api: the rules' first choice is claude\n",
        "simple testing: the rules' first choice is copilot\n",
    ] {
        assert!(ran.stdout.contains(expected), "{expected}\n---\n{}", ran.stdout);
    }
    assert!(!ran.stdout.contains("  named  gemini   0"), "what the plan names is not assigned: {}", ran.stdout);
    let why = plan(&sandbox, PLAN, &["--agent", "auto", "--why"]).stdout;
    for expected in ["endpoint 8 (title)", "role backend-architect; then", "simple testing: the plan names it"] {
        assert!(why.contains(expected), "{expected}\n---\n{why}");
    }
    let all = tasks(&plan(&sandbox, PLAN, &["--agent", "auto", "--json"]));
    assert_eq!((&all[1]["agent"], &all[1]["classification"]["type"]), (&Value::from("copilot"), &Value::from("testing")));
    assert_eq!((&all[1]["assignment"]["by"], &all[2]["assignment"]), (&Value::from("rules"), &Value::Null));
    let confidence = all[1]["assignment"]["confidence"].as_f64().unwrap();
    assert!(confidence > 0.5 && confidence < 1.0, "{confidence}");
}

#[test]
fn configuration_and_who_is_here_go_before_the_rules_and_a_plan_may_ask_for_it_itself() {
    let sandbox = with_agents(&["claude", "gemini"]);
    let fewer = tasks(&plan(&sandbox, PLAN, &["--agent", "auto", "--json"]));
    assert_eq!(fewer[1]["agent"], "claude", "copilot is not installed: {}", fewer[1]);
    let asking = PLAN.replace("verify = []", "verify = []\ndefaults = { agent = \"auto\" }");
    let path = sandbox.plan("asking.toml", &asking);
    let mut command = sandbox.command(&["plan", path.to_str().unwrap(), "--json"]);
    command.env("GREENLANE_ASSIGN_TYPES", "testing=gemini");
    let ran = alone(command, &sandbox);
    let all = tasks(&ran);
    assert_eq!((&all[0]["agent"], &all[1]["agent"]), (&Value::from("claude"), &Value::from("gemini")), "{ran:?}");
    assert_eq!(all[1]["assignment"]["why"], "`assign.types` gives testing to gemini");
    let mut wrong = sandbox.command(&["plan", path.to_str().unwrap()]);
    wrong.env("GREENLANE_ASSIGN_TYPES", "testing=gemni");
    let ran = alone(wrong, &sandbox);
    assert!(ran.code == 2 && ran.stderr.contains("did you mean `gemini`?"), "{ran:?}");
}

#[test]
fn a_run_has_each_task_done_by_its_agent_and_another_assignment_does_nothing_again() {
    let sandbox = with_agents(&["claude", "copilot", "gemini"]);
    let ran = run(&sandbox, PLAN, &["--agent", "auto"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("p: assigned 1 to claude, 1 to copilot"), "{ran:?}");
    let mut done = sandbox.out_lines("done");
    done.sort();
    assert_eq!(done, ["claude limit", "copilot tests", "gemini named"]);
    assert_eq!(sandbox.task("tests")["agent"], "copilot");
    // Why is in the journal, for whoever asks later; of what a person named there is nothing to say.
    let why = sandbox.task("tests")["assigned"].as_str().unwrap_or_default().to_owned();
    assert!(why == "You were assigned to it: simple testing: the rules' first choice is copilot.", "{why}");
    assert_eq!(sandbox.task("named")["assigned"], Value::Null);
    assert!(sandbox.greenlane(&["status", "tests"]).stdout.contains("the rules' first choice is copilot"));
    let mut again = sandbox.run_command(PLAN, &["--agent", "auto"]);
    again.env("GREENLANE_ASSIGN_TYPES", "testing=gemini");
    let ran = alone(again, &sandbox);
    assert_eq!((ran.code, sandbox.out_lines("done").len()), (0, 3), "{ran:?}");
}

#[test]
fn where_nobody_is_there_nothing_starts() {
    let sandbox = with_agents(&[]);
    let ran = run(&sandbox, PLAN, &["--agent", "auto"]);
    assert!(ran.code == 3 && ran.stderr.contains("there is nobody to assign"), "{ran:?}");
    let ran = plan(&sandbox, PLAN, &["--agent", "auto"]);
    assert!(ran.code == 3 && ran.stderr.contains("there is nobody to assign"), "{ran:?}");
    assert_eq!(ran.stderr.matches("error: ").count(), 1, "one cause, told once: {ran:?}");
    let ran = plan(&sandbox, PLAN, &[]);
    assert!(ran.code == 2 && ran.stderr.contains("--agent auto assigns one"), "{ran:?}");
}

#[test]
fn what_agents_have_shown_moves_the_choice() {
    let sandbox = with_agents(&["cline", "copilot"]);
    let tests = |n: usize| -> String {
        let task = |i| format!("[[task]]\nid = \"t{i}\"\ntitle = \"Unit tests, part {i}\"\nowns = [\"t{i}.txt\"]\n");
        format!("verify = []\n{}", (0..n).map(task).collect::<String>())
    };
    std::fs::write(sandbox.out("copilot-fails"), "").unwrap();
    assert_eq!(run(&sandbox, &format!("id = \"a\"\n{}", tests(6)), &["--agent", "copilot", "--keep-going"]).code, 1);
    assert_eq!(run(&sandbox, &format!("id = \"b\"\n{}", tests(6)), &["--agent", "cline"]).code, 0);
    let ran = plan(&sandbox, &tests(1), &["--agent", "auto", "--why"]);
    for expected in [
        "the rules' first choice is copilot; but copilot landed 0 of 6 here (smoothed 0.30), and cline landed 6 of 6 here (smoothed 0.90)",
        "moved by the record (--no-history for the rules alone)",
        "What agents have shown here\n  testing  cline    landed 6 of 6 (smoothed 0.90)",
    ] {
        assert!(ran.stdout.contains(expected), "{expected}\n---\n{ran:?}");
    }
    let all = tasks(&plan(&sandbox, &tests(1), &["--agent", "auto", "--json"]));
    assert_eq!((&all[0]["agent"], &all[0]["assignment"]["by"]), (&Value::from("cline"), &Value::from("history")));
    let alone = tasks(&plan(&sandbox, &tests(1), &["--agent", "auto", "--json", "--no-history"]));
    assert_eq!((&alone[0]["agent"], &alone[0]["assignment"]["by"]), (&Value::from("copilot"), &Value::from("rules")));
}

#[test]
fn a_plan_that_is_handed_over_is_assigned_where_it_is_handed_in() {
    let sandbox = with_agents(&["claude", "copilot"]);
    let waits = format!(
        "id = \"first\"\nverify = []\n[[task]]\nid = \"long\"\nrun = \"echo on > $OUT/on; {}; echo 1 > long.txt\"\n",
        await_file("go")
    );
    let first = sandbox.plan("first.toml", &waits);
    let coordinator = sandbox.start(sandbox.command(&["run", first.to_str().unwrap()]));
    wait_for(&sandbox.out("on"));
    let second = sandbox.plan("second.toml", &format!("id = \"p\"\n{}", PLAN.replace("gemini", "copilot")));
    let handed = alone(sandbox.command(&["run", second.to_str().unwrap(), "--agent", "auto"]), &sandbox);
    assert_eq!(handed.code, 0, "{handed:?}");
    assert!(handed.stderr.contains("p: assigned 1 to claude, 1 to copilot"), "{handed:?}");
    std::fs::write(sandbox.out("go"), "").unwrap();
    assert_eq!(coordinator.wait().code, 0);
    let mut done = sandbox.out_lines("done");
    done.sort();
    assert_eq!(done, ["claude limit", "copilot named", "copilot tests"]);
    let status = sandbox.status();
    let task = status["tasks"].as_array().unwrap().iter().find(|t| t["id"] == "tests").cloned().unwrap();
    assert!(task["assigned"].as_str().is_some_and(|why| why.contains("copilot")), "{task}");
}

#[test]
fn a_hand_is_chosen_only_where_the_configuration_says_so() {
    let sandbox = with_agents(&["claude", "copilot"]);
    let path = sandbox.plan("looked.toml", &format!("id = \"p\"\n{}", PLAN.replace("gemini", "copilot")));
    let look = |types: &str| {
        let mut command = sandbox.command(&["plan", path.to_str().unwrap(), "--agent", "auto", "--json"]);
        command.env("GREENLANE_ASSIGN_TYPES", types);
        let all = tasks(&alone(command, &sandbox));
        all.iter().map(|t| t["agent"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(look("testing=windsurf"), ["claude", "windsurf", "copilot"]);
    assert_eq!(look("testing=copilot"), ["claude", "copilot", "copilot"]);
}
