//! `agents`, `agents check` and `prompt` with the real program and agents that are small shell scripts.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

const AGENTS: &str = r#"
[agents.good]
command = "sh"
args = ["-c", "test \"$1\" && echo ready > ready.txt", "sh", "{prompt}"]
[agents.idle]
command = "sh"
args = ["-c", "echo 'All done!'", "sh", "{prompt}"]
[agents.broken]
command = "sh"
args = ["-c", "echo 'no account' >&2; exit 7", "sh", "{prompt}"]
[agents.slow]
command = "sh"
args = ["-c", "sleep 60", "sh", "{prompt}"]
[agents.absent]
command = "no-such-agent"
args = ["{prompt}"]
[agents.refused]
command = "sh"
args = ["-c", "echo 'Error: 401 Unauthorized: Invalid API key' >&2; exit 1", "sh", "{prompt}"]
[agents.talking]
command = "sh"
args = ["talking.sh"]
output = "acp"
[agents.mute]
command = "sh"
args = ["-c", "exit 0"]
output = "acp"
"#;

/// Speaks the Agent Client Protocol as far as that goes in a shell: has its client write the file, and run a command that reads it.
const TALKING: &str = r#"
say() { printf '%s\n' "{\"jsonrpc\":\"2.0\",$1}"; }
session='"sessionId":"s"'
while read -r line; do
    case $line in
        *'"initialize"'*) say '"id":1,"result":{"protocolVersion":1,"agentInfo":{"name":"talking","version":"1"}}' ;;
        *'"session/new"'*) say "\"id\":2,\"result\":{$session}" ;;
        *'"session/prompt"'*) say "\"id\":\"w\",\"method\":\"fs/write_text_file\",\"params\":{$session,\"path\":\"ready.txt\",\"content\":\"ready\"}" ;;
        *'"id":"w"'*) say "\"id\":\"t\",\"method\":\"terminal/create\",\"params\":{$session,\"command\":\"grep\",\"args\":[\"-q\",\"ready\",\"ready.txt\"]}" ;;
        *'"id":"t"'*) say "\"id\":\"e\",\"method\":\"terminal/wait_for_exit\",\"params\":{$session,\"terminalId\":\"terminal-1\"}" ;;
        *'"id":"e"'*'"exitCode":0'*) say '"id":3,"result":{"stopReason":"end_turn","usage":{"inputTokens":7,"outputTokens":2,"totalTokens":9}}' ;;
        *) exit 9 ;;
    esac
done
"#;

const PLAN: &str = r#"
[[task]]
id = "bucket"
title = "Add the bucket"
prompt = "Add a token bucket."
agent = "good"
owns = ["src/**"]
check = ["cargo test bucket"]
[[task]]
id = "tidy"
run = "make tidy"
"#;

fn folder() -> TempDir {
    let dir = TempDir::new().unwrap();
    for (name, text) in
        [("greenlane.toml", AGENTS), ("talking.sh", TALKING), ("plan.toml", PLAN), ("other.toml", PLAN), ("AGENTS.md", "Be kind.\n")]
    {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    std::fs::create_dir(dir.path().join(".git")).unwrap();
    dir
}

fn greenlane(dir: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_greenlane"));
    command.args(args).current_dir(dir).env_clear().env("HOME", dir).env("PATH", std::env::var_os("PATH").unwrap_or_default());
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn agents_are_listed_with_what_is_missing() {
    let dir = folder();
    let (code, out, _) = greenlane(dir.path(), &["agents"]);
    let line = |name: &str| out.lines().find(|l| l.split_whitespace().nth(1) == Some(name)).unwrap_or_default();
    assert!(code == Some(0) && line("good").starts_with('✓') && line("absent").contains("not installed"), "{out}");
    let (_, out, _) = greenlane(dir.path(), &["agents", "--json"]);
    let document: Value = serde_json::from_str(&out).unwrap();
    let agents = document["agents"].as_array().unwrap();
    let agent = |name: &str| agents.iter().find(|a| a["name"] == name).unwrap();
    assert!(agent("absent")["path"].is_null() && agent("good")["path"].is_string());
    assert!(agents.iter().any(|a| a["name"] == "claude"), "built-in ones are there too");
}

#[test]
fn an_entry_that_makes_no_agent_is_in_the_way_of_nobody_else() {
    let dir = folder();
    let faulty = format!("{AGENTS}[agents.deaf]\nslots = 1\ncommand = \"sh\"\nargs = [\"-c\", \"true\"]\n");
    std::fs::write(dir.path().join("greenlane.toml"), &faulty).unwrap();
    let line = 1 + faulty.lines().position(|l| l.contains("\"true\"")).unwrap();
    let why = format!("agent `deaf` would never get its prompt ({}/greenlane.toml:{line})", dir.path().canonicalize().unwrap().display());
    let (code, out, _) = greenlane(dir.path(), &["agents"]);
    assert!(
        code == Some(0) && out.split_whitespace().collect::<Vec<_>>().join(" ").contains(&format!("✗ deaf {why} → put {{prompt}}")),
        "{out}"
    );
    let (_, out, _) = greenlane(dir.path(), &["agents", "--json"]);
    let document: Value = serde_json::from_str(&out).unwrap();
    let deaf = document["agents"].as_array().unwrap().iter().find(|a| a["name"] == "deaf").unwrap().clone();
    assert_eq!((&deaf["fault"], &deaf["path"]), (&Value::from(why.as_str()), &Value::Null));
    let (code, out, err) = greenlane(dir.path(), &["agents", "check", "good"]);
    assert!(code == Some(0) && out.starts_with("✓ good did it in "), "{out}{err}");
    let (code, _, err) = greenlane(dir.path(), &["agents", "check", "deaf"]);
    assert!(code == Some(2) && err.starts_with(&format!("error: {why}\nhint: put {{prompt}}")), "{err}");
    let (code, _, err) = greenlane(dir.path(), &["plan", "plan.toml"]);
    assert!(code == Some(0) && err.contains(&format!("warning: {why}; it is not used here")), "{err}");
    std::fs::write(dir.path().join("used.toml"), PLAN.replace("\"good\"", "\"deaf\"")).unwrap();
    let (code, _, err) = greenlane(dir.path(), &["plan", "used.toml"]);
    assert!(code == Some(2) && err.contains(&why) && !err.contains("not used here"), "{err}");
}

#[test]
fn that_nobody_is_here_to_be_assigned_is_no_fault_of_the_plan() {
    let dir = folder();
    std::fs::write(dir.path().join("greenlane.toml"), "").unwrap();
    std::fs::write(dir.path().join("auto.toml"), "[[task]]\nid = \"a\"\nprompt = \"Add it.\"\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_greenlane"));
    command.args(["plan", "auto.toml", "--agent", "auto"]).current_dir(dir.path()).env_clear().env("HOME", dir.path());
    let output = command.env("PATH", dir.path()).output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(3) && err.contains("nobody to assign"), "{err}");
}

#[test]
fn an_agent_that_does_the_task_passes_its_check() {
    let dir = folder();
    let (code, out, err) = greenlane(dir.path(), &["agents", "check", "good"]);
    assert!(code == Some(0) && out.starts_with("✓ good did it in "), "{out}{err}");
    let (code, out, _) = greenlane(dir.path(), &["agents", "check", "good", "--json", "-q"]);
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &document["ok"], &document["agent"]), (Some(0), &Value::from(true), &Value::from("good")));
    assert!(document["seconds"].is_f64() && document["path"].as_str().is_some_and(|p| p.ends_with("/sh")), "{document}");
    assert_eq!((&document["schema"], &document["signed_in"], &document["reason"]), (&1.into(), &"unknown".into(), &Value::Null));
}

/// Through the client that the program itself is: keeper, client, agent.
#[test]
fn an_agent_that_is_talked_to_is_checked_like_any_other() {
    let dir = folder();
    let script = dir.path().join("talking.sh");
    let config = AGENTS.replace("\"talking.sh\"", &format!("{:?}", script.display().to_string()));
    std::fs::write(dir.path().join("greenlane.toml"), config).unwrap();
    let (code, out, err) = greenlane(dir.path(), &["agents", "check", "talking"]);
    assert!(code == Some(0) && out.starts_with("✓ talking did it in ") && out.ends_with(", 7 tokens in, 2 out\n"), "{out}{err}");
    let (code, _, err) = greenlane(dir.path(), &["agents", "check", "mute"]);
    assert!(code == Some(3) && err.contains("does not speak the Agent Client Protocol"), "{err}");
}

#[test]
fn what_a_check_leaves_is_nothing_and_what_failed_is_told_as_data() {
    let dir = folder();
    let temporary = dir.path().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    for (name, ok, failure) in [("good", true, ""), ("refused", false, "authentication"), ("absent", false, "")] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_greenlane"));
        command.args(["agents", "check", name, "--json"]).current_dir(dir.path()).env_clear().env("HOME", dir.path());
        let output = command.env("PATH", std::env::var_os("PATH").unwrap()).env("TMPDIR", &temporary).output().unwrap();
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&document["ok"], output.status.code()), (&ok.into(), Some(if ok { 0 } else { 3 })), "{document}");
        assert_eq!(document["failure"]["detail"].as_str().unwrap_or_default(), failure, "{document}");
        assert_eq!(document["hint"].is_string(), !ok, "{document}");
        assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0, "{name} leaves nothing");
    }
}

#[test]
fn an_agent_that_does_not_is_told_with_the_reason() {
    let dir = folder();
    for (args, code, said) in [
        (&["idle"][..], 3, "agent `idle` did not do it: it ended as if all were well, but ready.txt is not there"),
        (&["broken"], 3, "agent `broken` did not do it: it ended with exit code 7\n  no account\n"),
        (&["slow", "--timeout", "200ms"], 3, "agent `slow` did not do it: it was not done after 200ms"),
        (&["absent"], 3, "agent `absent` is not installed: there is no `no-such-agent` on PATH"),
        (&["goood"], 2, "hint: did you mean `good`?"),
    ] {
        let (got, out, err) = greenlane(dir.path(), &[&["agents", "check"], args].concat());
        assert!(got == Some(code) && out.is_empty() && err.contains(said), "{args:?}: {got:?}\n{err}");
    }
}

#[test]
fn the_prompt_is_what_the_agent_is_told() {
    let dir = folder();
    let (code, out, err) = greenlane(dir.path(), &["prompt", "bucket", "plan.toml"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    for expected in ["# Add the bucket\n", "Add a token bucket.", "`src/**`", "`cargo test bucket`", "`AGENTS.md`", "git stash"] {
        assert!(out.contains(expected), "{expected}\n---\n{out}");
    }
    let (_, json, _) = greenlane(dir.path(), &["prompt", "plan/bucket", "plan.toml", "other.toml", "--json"]);
    let document: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&document["agent"], &document["plan"]), (&Value::from("good"), &Value::from("plan")));
}

#[test]
fn a_task_without_a_prompt_and_one_that_is_not_there_are_told() {
    let dir = folder();
    for (args, said) in [
        (&["tidy", "plan.toml"][..], "error: task `tidy` is a command and gets no prompt\nhint: it runs: make tidy\n"),
        (&["buckte", "plan.toml"], "error: no task `buckte` in the plan\nhint: did you mean `bucket`?\n"),
        (&["bucket", "plan.toml", "other.toml"], "hint: say which: `plan/bucket`, `other/bucket`\n"),
    ] {
        let (code, out, err) = greenlane(dir.path(), &[&["prompt"], args].concat());
        assert!(code == Some(2) && out.is_empty() && err.contains(said), "{args:?}: {err}");
    }
}
