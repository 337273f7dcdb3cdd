//! Tasks in the hands of a person or of an editor, through the whole program.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use common::{Running, Sandbox, eventually};

const BY_HAND: &str = r#"
[[task]]
id = "mine"
title = "Write the letter"
agent = "person"
owns = ["letter.txt"]
check = ["grep -q Dear letter.txt"]
"#;

/// Starts the plan and waits until the task lies in somebody's hands.
fn handed_over(s: &Sandbox, plan: &str, flags: &[&str]) -> (Running, PathBuf) {
    let run = s.start(s.run_command(plan, flags));
    (run, in_hand(s, "mine"))
}

/// The worktree in which something waits.
fn in_hand(s: &Sandbox, task: &str) -> PathBuf {
    let mut worktree = PathBuf::new();
    eventually("the task is handed over", || {
        let listed = s.greenlane(&["status", "--json"]);
        if listed.stdout.is_empty() {
            return false;
        }
        let status: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
        let Some(task) = status["tasks"].as_array().unwrap().iter().find(|t| t["id"] == task).cloned() else { return false };
        worktree = PathBuf::from(task["worktree"].as_str().unwrap_or_default());
        let attempts = task["attempts"].as_array().unwrap().len();
        task["reason"].as_str().is_some_and(|r| r.contains("is in the hands of")) && attempts > 0 && waits(s, &status)
    });
    worktree
}

/// What waits has said so: before that nobody hears a word.
fn waits(s: &Sandbox, status: &serde_json::Value) -> bool {
    let run = status["run"]["id"].as_str().unwrap();
    let logs = s.repo().join(".greenlane/runs").join(run);
    let mut found = fs::read_dir(logs).into_iter().flatten().flatten().map(|e| e.path());
    found.any(|task| {
        let newest = fs::read_dir(task).into_iter().flatten().flatten().map(|e| e.path().join("stdout.log")).max();
        newest.and_then(|log| fs::read_to_string(log).ok()).is_some_and(|text| text.contains("handed_over"))
    })
}

fn git(worktree: &PathBuf, args: &[&str]) {
    let done = Command::new("git").args(args).current_dir(worktree).output().unwrap();
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn done_has_the_work_verified_and_landed() {
    let s = Sandbox::new(&[]);
    let (run, worktree) = handed_over(&s, BY_HAND, &[]);
    let shown = s.greenlane(&["status"]).stdout;
    assert!(shown.contains("1 task waits for you.\n  greenlane done mine"), "{shown}");
    let prompt = fs::read_to_string(worktree.join(".greenlane/TASK.md")).unwrap();
    assert!(prompt.starts_with("# Write the letter") && prompt.contains("`greenlane done mine`"), "{prompt}");
    assert!(!prompt.contains("Nobody can answer"), "{prompt}");
    fs::write(worktree.join("letter.txt"), "Dear all\n").unwrap();
    // Said in the worktree itself, without a name; a word for the report.
    let said = s.command(&["-C", worktree.to_str().unwrap(), "done", "-m", "as agreed"]).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let ran = run.wait();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.landed_files(), ["letter.txt"], "the prompt is no work");
    let logs = s.greenlane(&["logs", "mine"]);
    assert!(logs.stdout.contains("given back as done by") && logs.stdout.contains("as agreed"), "{logs:?}");
    let text = s.greenlane(&["report"]).stdout;
    assert!(text.contains("waiting for a person and nothing else)") && text.contains(" in hand\n"), "{text}");
    assert!(text.contains("~ waits for a person") && !text.contains("|="), "{text}");
    let again = s.greenlane(&["done", "mine"]);
    assert_eq!(again.code, 2, "{again:?}");
    assert!(again.stderr.contains("`mine` has ended already"), "{}", again.stderr);
}

#[test]
fn a_commit_says_the_same_once_nothing_is_left_beside_it() {
    let s = Sandbox::new(&[("draft.txt", "one\n")]);
    let plan = BY_HAND.replace(r#"["letter.txt"]"#, r#"["letter.txt", "draft.txt"]"#);
    let (run, worktree) = handed_over(&s, &plan, &[]);
    fs::write(worktree.join("letter.txt"), "Dear all\n").unwrap();
    fs::write(worktree.join("draft.txt"), "two\n").unwrap();
    git(&worktree, &["add", "letter.txt"]);
    git(&worktree, &["commit", "-qm", "The letter"]);
    eventually("it is told that a changed file is left", || {
        s.greenlane(&["logs", "mine"]).stdout.contains("there is a commit, but 1 file is changed beside it")
    });
    assert_eq!(s.task("mine")["state"], "running");
    git(&worktree, &["commit", "-qam", "And the draft"]);
    let ran = run.wait();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.git(&["show", &format!("{}:draft.txt", s.branch())]), "two");
    assert!(s.greenlane(&["logs", "mine"]).stdout.contains("And the draft"));
}

#[test]
fn what_is_given_back_undone_fails_and_keeps_the_worktree() {
    let s = Sandbox::new(&[("greenlane.toml", "[agents.ada]\nhand_off = true\n")]);
    let (run, worktree) = handed_over(&s, &BY_HAND.replace("person", "ada"), &[]);
    fs::write(worktree.join("letter.txt"), "half\n").unwrap();
    let said = s.greenlane(&["fail", "mine", "--reason", "no address yet"]);
    assert_eq!(said.code, 0, "{said:?}");
    let ran = run.wait();
    assert_eq!(ran.code, 1, "{ran:?}");
    let reason = s.reason("mine");
    assert!(reason.starts_with("given back undone by") && reason.contains("no address yet"), "{reason}");
    assert_eq!(s.events("attempt_started").len(), 1, "nobody is asked again");
    assert_eq!(fs::read_to_string(worktree.join("letter.txt")).unwrap(), "half\n");
    assert_eq!(s.events("attempt_failed")[0]["failure"]["detail"], "handed_back");
    let shown = s.greenlane(&["status", "mine"]).stdout;
    assert!(shown.contains("#1 ada: given back undone, "), "{shown}");
    assert!(!shown.contains("exit code") && !shown.contains('{'), "people get words: {shown}");
    // Only a person can do it again: the terminal is free at once.
    let again = s.greenlane(&["retry", "mine"]);
    assert_eq!(again.code, 0, "{again:?}");
    assert!(again.stderr.contains("goes on in the background"), "{again:?}");
    let worktree = in_hand(&s, "mine");
    fs::write(worktree.join("letter.txt"), "Dear all\n").unwrap();
    eventually("the word is heard", || s.greenlane(&["done", "mine"]).code == 0);
    assert_eq!(s.greenlane(&["wait"]).code, 0);
    assert_eq!(s.task("mine")["state"], "done");
}

#[test]
fn what_cannot_be_taken_is_refused_before_it_uses_up_a_try() {
    let s = Sandbox::new(&[]);
    let (run, worktree) = handed_over(&s, BY_HAND, &[]);
    let empty = s.greenlane(&["done", "mine"]);
    assert_eq!(empty.code, 2, "{empty:?}");
    assert!(empty.stderr.contains("nothing is changed in ") && empty.stderr.contains("`greenlane fail mine` gives it up"), "{empty:?}");
    fs::write(worktree.join("letter.txt"), "Dear all\n").unwrap();
    fs::write(PathBuf::from(git_dir(&worktree)).join("MERGE_HEAD"), format!("{}\n", s.git(&["rev-parse", "main"]))).unwrap();
    let merging = s.greenlane(&["done", "mine"]);
    assert_eq!(merging.code, 2, "{merging:?}");
    assert!(merging.stderr.contains("a merge is under way in "), "{merging:?}");
    assert_eq!(s.events("attempt_exited").len(), 0, "it is still in the same hands");
    fs::remove_file(PathBuf::from(git_dir(&worktree)).join("MERGE_HEAD")).unwrap();
    assert_eq!(s.greenlane(&["done", "mine"]).code, 0);
    assert_eq!(run.wait().code, 0);
}

fn git_dir(worktree: &PathBuf) -> String {
    let told = Command::new("git").args(["rev-parse", "--absolute-git-dir"]).current_dir(worktree).output().unwrap();
    String::from_utf8(told.stdout).unwrap().trim_end().to_owned()
}

#[test]
fn work_that_conflicts_comes_back_with_the_way_to_merge_it() {
    let s = Sandbox::new(&[("shared.txt", "one\ntwo\n")]);
    let plan = "[[task]]\nid = \"mine\"\ntitle = \"Mine\"\nagent = \"person\"\nowns = [\"shared.txt\"]\n\
                [[task]]\nid = \"hers\"\ntitle = \"Hers\"\nagent = \"person\"\n";
    let (run, worktree) = handed_over(&s, plan, &[]);
    let hers = in_hand(&s, "hers");
    fs::write(hers.join("shared.txt"), "one\nhers\n").unwrap();
    fs::write(hers.join("other.txt"), "beside it\n").unwrap();
    eventually("the word is heard", || s.greenlane(&["done", "hers"]).code == 0);
    eventually("hers lands", || s.task("hers")["state"] == "done");
    fs::write(worktree.join("shared.txt"), "one\nmine\n").unwrap();
    assert_eq!(s.greenlane(&["done", "mine"]).code, 0);
    eventually("it comes back", || s.events("attempt_started").len() == 3);
    let worktree = in_hand(&s, "mine");
    let merge = format!("git merge {}", s.branch());
    let prompt = fs::read_to_string(worktree.join(".greenlane/TASK.md")).unwrap();
    assert!(prompt.contains("conflicts with what has landed, in shared.txt (since then: `hers`)") && prompt.contains(&merge), "{prompt}");
    assert!(!prompt.contains("handed over") && !prompt.contains("Lessons"), "it is told once: {prompt}");
    let shown = s.greenlane(&["status"]).stdout;
    assert!(
        shown.contains(&format!("merge {}", s.branch())) && shown.contains("others have landed what its work conflicts with"),
        "{shown}"
    );
    let one = s.greenlane(&["status", "mine"]).stdout;
    assert!(one.contains("could not be merged") && one.contains("(since then: `hers`)"), "{one}");
    let merged = Command::new("git").args(["merge", "-q", &s.branch()]).current_dir(&worktree).output().unwrap();
    assert!(!merged.status.success(), "there is a conflict to put right");
    fs::write(worktree.join("shared.txt"), "one\nboth\n").unwrap();
    let early = s.greenlane(&["done", "mine"]);
    assert!(early.code == 2 && early.stderr.contains("a merge is under way"), "{early:?}");
    // The commit gives it back; what hers changed beside it is not laid to its charge.
    git(&worktree, &["commit", "-qam", "Both"]);
    let ran = run.wait();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.git(&["show", &format!("{}:shared.txt", s.branch())]), "one\nboth");
}

#[test]
fn it_outlives_the_coordinator_and_holds_no_slot() {
    let s = Sandbox::new(&[]);
    let plan = format!("{BY_HAND}\n[[task]]\nid = \"other\"\nrun = \"echo 1 > other.txt\"\n");
    let (run, worktree) = handed_over(&s, &plan, &["-j", "1"]);
    eventually("the other task lands beside it", || s.task("other")["state"] == "done");
    run.signal("KILL");
    run.wait();
    let shown = s.greenlane(&["status"]).stdout;
    assert!(shown.contains("interrupted, but still in somebody's hands") && shown.contains("greenlane done mine"), "{shown}");
    fs::write(worktree.join("letter.txt"), "Dear all\n").unwrap();
    let said = s.greenlane(&["done", "mine"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.stderr.contains("`greenlane resume` goes on with it"), "{said:?}");
    let twice = s.greenlane(&["done", "mine"]);
    assert_eq!(twice.code, 2, "{twice:?}");
    let resumed = s.greenlane(&["resume"]);
    assert_eq!(resumed.code, 0, "{resumed:?}");
    assert_eq!(s.landed_files(), ["letter.txt", "other.txt"]);
}

#[test]
fn refused_work_comes_back_with_what_was_wrong() {
    let s = Sandbox::new(&[]);
    let (run, worktree) = handed_over(&s, BY_HAND, &[]);
    fs::write(worktree.join("letter.txt"), "Hello\n").unwrap();
    assert_eq!(s.greenlane(&["done", "mine"]).code, 0);
    eventually("it is handed over again", || s.events("attempt_started").len() == 2);
    let worktree = in_hand(&s, "mine");
    eventually("with what was wrong", || {
        fs::read_to_string(worktree.join(".greenlane/TASK.md")).is_ok_and(|p| p.contains("check `grep -q Dear letter.txt` failed"))
    });
    assert_eq!(fs::read_to_string(worktree.join("letter.txt")).unwrap(), "Hello\n", "the work is still there");
    fs::write(worktree.join("letter.txt"), "Dear all\n").unwrap();
    eventually("the word is heard", || s.greenlane(&["done", "mine"]).code == 0);
    assert_eq!(run.wait().code, 0);
}

#[test]
fn who_is_not_asked_is_told_so() {
    let s = Sandbox::new(&[]);
    let ran = s.run("[[task]]\nid = \"a\"\nrun = \"echo 1 > a\"\n", &[]);
    assert_eq!(ran.code, 0);
    for (words, told) in [
        (vec!["done", "a"], "`a` has ended already"),
        (vec!["fail", "nobody"], "nobody"),
        (vec!["done"], "which task? Outside a task's worktree it has to be named"),
    ] {
        let said = s.greenlane(&words);
        assert_eq!(said.code, 2, "{said:?}");
        assert!(said.stderr.contains(told), "{words:?}: {}", said.stderr);
    }
    let listed = s.greenlane(&["agents"]);
    assert!(listed.stdout.lines().any(|l| l.contains("windsurf") && l.contains("by hand")), "{}", listed.stdout);
}
