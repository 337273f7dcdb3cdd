//! The sample does what is told of it, each task's command executed by hand in the plan's order.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use super::{EXPECTATIONS, PLAN, create};

fn sh(dir: &Path, line: &str, attempt: &str) -> Output {
    Command::new("sh").args(["-c", line]).current_dir(dir).env("GREENLANE_ATTEMPT", attempt).output().unwrap()
}

fn git(dir: &Path, args: &[&str]) -> String {
    let output = Command::new("git").args(args).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn tasks() -> Vec<toml::Table> {
    let plan: toml::Table = PLAN.parse().unwrap();
    plan["task"].as_array().unwrap().iter().map(|t| t.as_table().unwrap().clone()).collect()
}

fn passes(dir: &Path, line: &str) -> bool {
    sh(dir, line, "").status.success()
}

#[test]
fn the_suite_is_green_at_the_start_and_everything_is_committed() {
    let dir = TempDir::new().unwrap();
    let sample = create(&dir.path().join("new")).unwrap();
    let output = sh(&sample.repo, "sh tests/run.sh", "");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(git(&sample.repo, &["status", "--porcelain"]), "");
    assert_eq!(git(&sample.repo, &["rev-parse", "--abbrev-ref", "HEAD"]), "main\n");
    assert!(create(&dir.path().join("new")).is_err(), "a sample is not made over another");
}

#[test]
fn the_plan_and_what_is_told_of_it_name_the_same_tasks() {
    let ids: Vec<_> = tasks().iter().map(|t| t["id"].as_str().unwrap().to_owned()).collect();
    let told: Vec<_> = EXPECTATIONS.iter().map(|e| e.task.to_owned()).collect();
    assert_eq!(ids, told);
}

/// Does by hand what a run does: work, ownership, check, suite on the whole; what does not pass is taken back.
#[test]
fn each_task_does_what_is_told_of_it() {
    let dir = TempDir::new().unwrap();
    let sample = create(dir.path()).unwrap();
    let mut done: Vec<String> = Vec::new();
    for (task, expected) in tasks().iter().zip(&sample.expectations) {
        let text = |key: &str| task[key].as_str().unwrap();
        // The thinking time is for those who watch.
        let run: String = text("run").lines().filter(|l| !l.starts_with("sleep ")).map(|l| format!("{l}\n")).collect();
        let list = |key: &str| task.get(key).and_then(toml::Value::as_array).cloned().unwrap_or_default();
        let id = text("id");
        if list("depends").iter().any(|d| !done.iter().any(|x| Some(x.as_str()) == d.as_str())) {
            assert_eq!((expected.state, expected.attempts), ("skipped", 0), "{id}");
            continue;
        }
        let attempts = (1..=3).find(|n| sh(&sample.repo, &run, &format!("run/{id}/{n}")).status.success());
        assert_eq!(attempts, Some(expected.attempts), "{id}");
        git(&sample.repo, &["add", "-A"]);
        let changed = git(&sample.repo, &["diff", "--cached", "--name-only"]);
        let owned: Vec<_> = list("owns").iter().map(|o| o.as_str().unwrap().to_owned()).collect();
        assert_eq!(changed.lines().collect::<Vec<_>>(), owned, "{id} changes what it owns");
        let checked = list("check").iter().all(|c| passes(&sample.repo, c.as_str().unwrap()));
        assert_eq!(checked, id != "divide", "{id}: its own check");
        let green = passes(&sample.repo, "sh tests/run.sh");
        assert_eq!(if checked && green { "done" } else { "failed" }, expected.state, "{id}: the suite is green: {green}");
        if checked && green {
            git(&sample.repo, &["-c", "user.name=t", "-c", "user.email=t@t.invalid", "commit", "-qm", id]);
            done.push(id.to_owned());
        } else {
            git(&sample.repo, &["reset", "-q", "--hard"]);
        }
    }
    assert!(passes(&sample.repo, "sh tests/run.sh"));
}
