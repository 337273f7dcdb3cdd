//! `plan` with the real program: what it shows, what it refuses, and that nothing is started.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

const PLAN: &str = r#"
name = "Rate limiting"
verify = ["make test"]

[[task]]
id = "bucket"
title = "Add the token bucket"
owns = ["src/**"]
run = "touch started"
estimate = "20m"

[[task]]
id = "docs"
depends = ["bucket"]
agent = "claude"
prompt = "Describe it."
owns = ["docs/**"]
estimate = "5m"

[[task]]
id = "tests"
run = "true"
owns = ["src/tests/**"]
estimate = "10m"
"#;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
}

fn plan(dir: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_greenlane"));
    let output = command.arg("plan").args(args).env_clear().env("HOME", dir).current_dir(dir).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn it_shows_what_would_happen_and_starts_nothing() {
    let dir = folder(&[("plan.toml", PLAN)]);
    let (code, out, err) = plan(dir.path(), &["plan.toml"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    for expected in [
        "Rate limiting (plan)  plan.toml\n",
        "  tasks   3; at most 2 can run at once\n",
        "  verify  make test\n",
        "Wave 1\n  bucket  command  Add the token bucket  [src/**]\n  tests   command    [src/tests/**]\n",
        "Wave 2\n  docs    claude     [docs/**]\n",
        "Overlaps: these never run at once\n  bucket before tests  [src/** and src/tests/**]\n",
        "    name the files of `bucket` instead of `src/**`, without `src/tests/**`\n",
        "Owners\n  src/**        bucket\n  docs/**       docs\n  src/tests/**  tests\n",
        "Critical path: 25m\n  bucket → docs\n",
        "  30m with 5 slots, 35m one at a time\n",
    ] {
        assert!(out.contains(expected), "{expected}\n---\n{out}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing was started or written");
}

#[test]
fn as_json_it_is_one_document() {
    let dir = folder(&[("plan.toml", PLAN)]);
    let (code, out, _) = plan(dir.path(), &["plan.toml", "--json", "-j", "1"]);
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &document["schema"], &document["ok"]), (Some(0), &Value::from(1), &Value::from(true)));
    let plan = &document["plans"][0];
    assert_eq!(plan["waves"], serde_json::json!([["bucket", "tests"], ["docs"]]));
    assert_eq!((plan["estimates"]["forecast_seconds"].as_f64(), plan["tasks"][1]["agent"].as_str()), (Some(2100.0), Some("claude")));
}

#[test]
fn everything_that_is_wrong_in_any_plan_is_told_at_once() {
    let cycle = "[[task]]\nid = \"a\"\ndepends = [\"b\"]\nrun = \"true\"\n[[task]]\nid = \"b\"\ndepends = [\"a\"]\nrun = \"true\"\n";
    let agents = "[[task]]\nid = \"x\"\nprompt = \"Do it.\"\n[[task]]\nid = \"y\"\nprompt = \"Do it.\"\nagent = \"cluade\"\n";
    let dir = folder(&[("cycle.toml", cycle), ("agents.toml", agents), ("plan.toml", PLAN)]);
    let (code, out, err) = plan(dir.path(), &["cycle.toml", "agents.toml", "plan.toml", "mising.toml"]);
    assert_eq!((code, out.as_str()), (Some(2), ""), "no view beside errors");
    for expected in
        ["cycle.toml:", "task `x` names no agent", "there is no agent `cluade`", "did you mean `claude`?", "there is no such plan"]
    {
        assert!(err.contains(expected), "{expected}\n---\n{err}");
    }
    let (code, out, _) = plan(dir.path(), &["cycle.toml", "--json"]);
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &document["ok"]), (Some(2), &Value::from(false)));
    assert_eq!(document["diagnostics"][0]["severity"], "error");
    let (code, _, err) = plan(dir.path(), &["agents.toml", "--agent", "codex"]);
    assert!(code == Some(2) && !err.contains("names no agent"), "{err}");
}

#[test]
fn without_a_plan_it_takes_every_active_prd() {
    let prd = r#"{"project": "p", "userStories": [{"id": "US-1", "title": "A story", "description": "d"}]}"#;
    let dir = folder(&[("prds/active/PRD-002/prd.json", prd), ("prds/active/PRD-001/prd.json", prd)]);
    let (code, out, err) = plan(dir.path(), &["--agent", "claude"]);
    let at = |id: &str| out.find(id).unwrap_or_else(|| panic!("{id}: {out}{err}"));
    assert!(code == Some(0) && at("PRD-001") < at("PRD-002"));
    let empty = folder(&[]);
    let (code, _, err) = plan(empty.path(), &[]);
    assert!(code == Some(2) && err.contains("no plan is named"), "{err}");
}

#[test]
fn ten_thousand_tasks_are_one_plan() {
    let tasks: String =
        (0..10_000).map(|i| format!("[[task]]\nid = \"t{i}\"\nrun = \"true\"\nowns = [\"src/m{}/f{i}.rs\"]\n", i % 100)).collect();
    let dir = folder(&[("big.toml", &tasks)]);
    let (code, out, err) = plan(dir.path(), &["big.toml"]);
    assert!(code == Some(0) && out.contains("  tasks   10000; at most 10000 can run at once\n"), "{err}");
}

#[test]
fn a_plan_behind_only_is_told_where_it_goes() {
    let dir = folder(&[("p.toml", "[[task]]\nid = \"c\"\nrun = \"true\"\n")]);
    let output =
        Command::new(env!("CARGO_BIN_EXE_greenlane")).args(["run", "--only", "c", "p.toml"]).current_dir(dir.path()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains(
            "`p.toml` is read as a task, since it stands behind --only\nhint: put the plan first: `greenlane run p.toml --only c`"
        ),
        "{said}"
    );
    let (code, shown, _) = plan(dir.path(), &["p.toml"]);
    assert!(code == Some(0) && shown.contains("1 task has no `estimate` and counts as 10m"), "{shown}");
}

#[test]
fn a_dry_run_shows_the_part_that_would_run() {
    let text = "[[task]]\nid = \"a\"\nrun = \"true\"\n[[task]]\nid = \"b\"\nrun = \"true\"\ndepends = [\"a\"]\n[[task]]\nid = \"c\"\nrun = \"true\"\n";
    let dir = folder(&[("plan.toml", text)]);
    let dry = |more: &[&str]| {
        let args = [&["run", "plan.toml", "--dry-run", "--json"], more].concat();
        let output =
            Command::new(env!("CARGO_BIN_EXE_greenlane")).args(args).current_dir(dir.path()).env("HOME", dir.path()).output().unwrap();
        let document: Value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        let tasks = document["plans"][0]["tasks"].as_array().cloned().unwrap_or_default();
        let ids: Vec<String> = tasks.iter().map(|t| t["id"].as_str().unwrap().to_owned()).collect();
        (output.status.code(), ids.join(" "), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(dry(&[]).1, "a b c");
    assert_eq!(dry(&["--only", "b"]).1, "a b", "with what it depends on");
    assert_eq!(dry(&["--only", "plan/c"]).1, "c");
    let (code, _, err) = dry(&["--only", "d"]);
    assert!(code == Some(2) && err.contains("the plan has no task `d`"), "{err}");
}
