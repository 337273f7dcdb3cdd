//! `doctor` says what is missing and ends with 3, or with 0 when nothing is.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

fn path() -> std::ffi::OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

fn git(dir: &Path, args: &[&str]) {
    let isolated = [("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")];
    let status = Command::new("git").args(args).current_dir(dir).envs(isolated).status().unwrap();
    assert!(status.success(), "git {args:?}");
}

/// Exit code and the checks by name.
fn doctor(dir: &Path, path: &std::ffi::OsStr) -> (Option<i32>, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_greenlane"));
    command.args(["doctor", "--json"]).current_dir(dir).env_clear().env("PATH", path).env("HOME", dir);
    let output = command.output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["ok"].as_bool(), Some(output.status.success()));
    (output.status.code(), document)
}

fn check<'a>(document: &'a Value, name: &str) -> &'a Value {
    document["checks"].as_array().unwrap().iter().find(|c| c["name"] == name).unwrap_or(&Value::Null)
}

fn repository() -> TempDir {
    let dir = TempDir::new().unwrap();
    git(dir.path(), &["init", "-q", "-b", "main"]);
    git(dir.path(), &["-c", "user.name=t", "-c", "user.email=t@t.invalid", "commit", "-q", "--allow-empty", "-m", "Start"]);
    dir
}

#[test]
fn a_repository_with_a_commit_is_all_that_is_needed() {
    let dir = repository();
    let (code, document) = doctor(dir.path(), &path());
    assert_eq!(code, Some(0), "{document:#}");
    assert_eq!(check(&document, "commits")["status"], "ok");
    assert_eq!(check(&document, "identity")["status"], "warning", "the empty home has no identity");
    assert_eq!(check(&document, "worktrees")["status"], "ok");
    assert!(!dir.path().join(".greenlane").exists(), "doctor changes nothing");
}

#[test]
fn no_repository_and_no_commits_are_told_with_what_to_do() {
    let dir = TempDir::new().unwrap();
    let (code, document) = doctor(dir.path(), &path());
    assert_eq!((code, check(&document, "repository")["status"].as_str()), (Some(3), Some("missing")));
    git(dir.path(), &["init", "-q"]);
    let (code, document) = doctor(dir.path(), &path());
    assert_eq!((code, check(&document, "repository")["status"].as_str()), (Some(3), Some("ok")));
    assert_eq!(check(&document, "commits")["status"], "missing");
    assert!(check(&document, "commits")["hint"].as_str().unwrap().contains("git commit"));
}

#[test]
fn git_that_is_missing_or_too_old_is_told() {
    let dir = repository();
    let bin = dir.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let (code, document) = doctor(dir.path(), bin.as_os_str());
    assert_eq!((code, check(&document, "git")["status"].as_str()), (Some(3), Some("missing")));
    assert_eq!(check(&document, "sh")["status"], "missing");
    // Written by another process: a file that this one has open for writing, in whatever thread, could not be executed.
    let script = "printf '#!/bin/sh\\necho git version 2.37.9\\n' > bin/git && chmod +x bin/git";
    assert!(Command::new("sh").args(["-c", script]).current_dir(dir.path()).status().unwrap().success());
    let (code, document) = doctor(dir.path(), bin.as_os_str());
    assert_eq!((code, check(&document, "git")["message"].as_str()), (Some(3), Some("2.37.9 is too old")));
}

#[test]
fn wrong_configuration_is_one_of_its_findings() {
    let dir = repository();
    std::fs::write(dir.path().join("greenlane.toml"), "[run]\njosb = 1\n[workspace]\ndir = \"greenlane.toml\"\n").unwrap();
    let (code, document) = doctor(dir.path(), &path());
    let found = check(&document, "configuration");
    assert_eq!((code, found["status"].as_str(), found["hint"].as_str()), (Some(3), Some("missing"), Some("did you mean `jobs`?")));
    std::fs::write(dir.path().join("greenlane.toml"), "[workspace]\ndir = \"greenlane.toml\"\n").unwrap();
    let (code, document) = doctor(dir.path(), &path());
    assert_eq!((code, check(&document, "worktrees")["status"].as_str()), (Some(3), Some("missing")), "{document:#}");
}

#[test]
fn worktrees_in_a_place_that_run_refuses_are_told() {
    let dir = repository();
    for (place, said) in [(".git/w", "lies inside the git directory"), ("w", "and git does not ignore it")] {
        std::fs::write(dir.path().join("greenlane.toml"), format!("[workspace]\ndir = \"{place}\"\n")).unwrap();
        let (code, document) = doctor(dir.path(), &path());
        let found = check(&document, "worktrees");
        assert_eq!((code, found["status"].as_str()), (Some(3), Some("missing")), "{place}: {document:#}");
        assert!(
            found["message"].as_str().unwrap().contains(said) && found["hint"].as_str().unwrap().contains("\"../worktrees\""),
            "{found}"
        );
        assert!(found["message"].as_str().unwrap().contains("greenlane.toml:2"), "{found}");
    }
    std::fs::write(dir.path().join(".gitignore"), "/w/\n").unwrap();
    let (code, document) = doctor(dir.path(), &path());
    assert_eq!((code, check(&document, "worktrees")["status"].as_str()), (Some(0), Some("ok")), "{document:#}");
}

#[test]
fn a_default_agent_that_is_not_there_is_missing() {
    let dir = repository();
    std::fs::write(
        dir.path().join("greenlane.toml"),
        "[run]\nagent = \"mine\"\n[agents.mine]\ncommand = \"no-such-agent\"\nargs = [\"{prompt}\"]\n",
    )
    .unwrap();
    let (code, document) = doctor(dir.path(), &path());
    assert_eq!((code, check(&document, "agent mine")["status"].as_str()), (Some(3), Some("missing")));
    std::fs::write(dir.path().join("greenlane.toml"), "[agents.mine]\ncommand = \"sh\"\nargs = [\"{prompt}\"]\n").unwrap();
    let (code, document) = doctor(dir.path(), &path());
    assert_eq!((code, check(&document, "agent mine")["status"].as_str()), (Some(0), Some("ok")));
}

#[test]
fn the_suite_is_found_without_running_it() {
    let dir = repository();
    let (_, document) = doctor(dir.path(), &path());
    assert_eq!(check(&document, "test suite")["status"], "warning", "there is none");
    std::fs::write(dir.path().join("package.json"), r#"{"scripts": {"test": "touch ran"}}"#).unwrap();
    git(dir.path(), &["add", "package.json"]);
    git(dir.path(), &["-c", "user.name=t", "-c", "user.email=t@t.invalid", "commit", "-q", "-m", "A suite"]);
    let (_, document) = doctor(dir.path(), &path());
    assert!(check(&document, "test suite")["message"].as_str().unwrap().contains("`npm test`"), "{document:#}");
    assert_eq!(check(&document, "dependencies")["status"], "warning");
    std::fs::write(dir.path().join(".worktreeinclude"), "node_modules/\n").unwrap();
    let (_, document) = doctor(dir.path(), &path());
    assert!(check(&document, "dependencies").is_null() && !dir.path().join("ran").exists(), "{document:#}");
}

#[test]
fn a_build_folder_that_would_be_committed_is_told() {
    let dir = repository();
    let (_, document) = doctor(dir.path(), &path());
    assert!(check(&document, "ignored files").is_null(), "nothing is built here");
    std::fs::write(dir.path().join("Cargo.toml"), "").unwrap();
    std::fs::write(dir.path().join("package.json"), "{}").unwrap();
    std::fs::write(dir.path().join(".gitignore"), "/node_modules\n").unwrap();
    let (code, document) = doctor(dir.path(), &path());
    let found = check(&document, "ignored files");
    assert_eq!(
        (code, found["status"].as_str(), found["hint"].as_str()),
        (Some(0), Some("warning"), Some("commit a .gitignore with target/"))
    );
    std::fs::write(dir.path().join(".gitignore"), "/node_modules\ntarget/\n").unwrap();
    let (_, document) = doctor(dir.path(), &path());
    assert!(check(&document, "ignored files").is_null(), "{document:#}");
}

#[test]
fn a_linked_worktree_and_a_bare_repository_are_repositories() {
    let dir = repository();
    git(dir.path(), &["worktree", "add", "-q", "linked"]);
    let (code, document) = doctor(&dir.path().join("linked"), &path());
    let message = check(&document, "repository")["message"].as_str().unwrap_or_default().to_owned();
    assert!(code == Some(0) && message.contains("linked worktree of"), "{document:#}");
    git(dir.path(), &["clone", "-q", "--bare", ".", "bare.git"]);
    let (code, document) = doctor(&dir.path().join("bare.git"), &path());
    assert!(code == Some(0) && check(&document, "repository")["message"].as_str().unwrap().ends_with("(bare)"), "{document:#}");
}
