//! `GREENLANE_TRACE=git`: every call of git is told, and nothing is where it is off.

use std::fs;

use crate::common::Sandbox;

const PLAN: &str = "[[task]]\nid = \"a\"\nrun = \"echo a > a; test -z \\\"$GREENLANE_TRACE\\\"\"\n";

#[test]
fn every_call_of_git_is_told() {
    let s = Sandbox::new(&[]);
    let mut command = s.run_command(PLAN, &[]);
    let ran = crate::common::Ran::of(command.env("GREENLANE_TRACE", "git").output().unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
    let lines: Vec<&str> = ran.stderr.lines().filter(|l| l.starts_with("git[")).collect();
    let one = |words: &[&str]| assert!(lines.iter().any(|l| words.iter().all(|w| l.contains(w))), "{words:?} in {lines:#?}");
    one(&[" ms, exit 0, ", "worktree add"]);
    one(&[" ms, exit 0, in /", "GIT_INDEX_FILE=", "--work-tree=", "checkout -q -f"]);
    one(&["lives on, ", "cat-file --batch-command"]);
    one(&[" ms, exit 0, ", "cat-file --batch-command"]);
    assert!(lines.iter().all(|l| !l.contains("core.hooksPath")), "what every call gets is left out");
    assert!(!ran.stderr.contains("warning"), "{ran:?}");
    assert!(!s.greenlane(&["status"]).stderr.contains("git["), "off, nothing is told");
}

#[test]
fn into_a_file_of_several_processes() {
    let s = Sandbox::new(&[]);
    let file = s.path("trace");
    let trace = format!("git:{}", file.display());
    let ran = crate::common::Ran::of(s.run_command(PLAN, &[]).env("GREENLANE_TRACE", &trace).output().unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!ran.stderr.contains("git["), "{ran:?}");
    let first = fs::read_to_string(&file).unwrap();
    assert!(s.command(&["status"]).env("GREENLANE_TRACE", &trace).output().unwrap().status.success());
    let both = fs::read_to_string(&file).unwrap();
    assert!(both.starts_with(&first) && both.len() > first.len());
    assert!(both.lines().all(|l| l.starts_with("git[")), "{both}");
}

#[test]
fn what_cannot_be_traced_is_said_and_stops_nothing() {
    let s = Sandbox::new(&[]);
    for (value, said) in [("everything", "only `git` and `git:FILE`"), ("git:/nowhere/at/all", "cannot write /nowhere/at/all")] {
        let ran = crate::common::Ran::of(s.run_command(PLAN, &["--fresh"]).env("GREENLANE_TRACE", value).output().unwrap());
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(ran.stderr.matches("warning: GREENLANE_TRACE").count(), 1, "once: {ran:?}");
        assert!(ran.stderr.contains(said), "{ran:?}");
    }
}
