//! Wrong command lines and surroundings: the exit code and the words that each gets. (Wrong plans have their table in the core.)
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{Ran, Sandbox};

const PLAN: &str = "id = \"p\"\n[[task]]\nid = \"bucket\"\nrun = \"echo > bucket\"\n";
const MODEL: &str = "id = \"m\"\n[[task]]\nid = \"a\"\nprompt = \"x\"\nagent = \"AGENT\"\n";

/// A repository in which one run has ended, and two plans.
fn sandbox() -> Sandbox {
    let s = Sandbox::new(&[]);
    s.plan("p.toml", PLAN);
    assert_eq!(s.greenlane(&["run", "../p.toml"]).code, 0);
    s
}

#[test]
fn wrong_command_lines() {
    let s = sandbox();
    s.plan("unknown.toml", &MODEL.replace("AGENT", "cluade"));
    s.plan("none.toml", "id = \"n\"\n[[task]]\nid = \"a\"\nprompt = \"x\"\n");
    let run = s.status()["run"]["id"].as_str().unwrap().to_owned();
    let table: &[(&str, i32, &str)] = &[
        ("stauts", 2, "error: unrecognized subcommand 'stauts'\n\n  tip: some similar subcommands exist: 'pause', 'status'\n"),
        ("run --job 3 ../p.toml", 2, "error: unexpected argument '--job' found\n\n  tip: a similar argument exists: '--jobs'\n"),
        ("run ../p.toml -j 0", 2, "error: invalid value '0' for '--jobs <N>': 0 is not in 1..=1000\n"),
        ("run ../p.toml -j many", 2, "error: invalid value 'many' for '--jobs <N>': invalid digit found in string\n"),
        ("run ../p.toml --timeout 5x", 2, "error: invalid value '5x' for '--timeout <DUR>': "),
        ("wait --timeout soon", 2, "error: invalid value 'soon' for '--timeout <DUR>': "),
        ("run ../p.toml --base-red maybe", 2, "error: invalid value 'maybe' for '--base-red <WHAT>'\n"),
        ("run ../p.toml --only buckte", 2, "error: the plan has no task `buckte`\nhint: did you mean `bucket`?\n"),
        ("run ../p.toml --group nope", 2, "error: the plan has no group `nope`\n"),
        ("run ../p.toml --land nowhere", 2, "error: there is no branch `nowhere` to land on\n"),
        ("run ../p.toml --base nowhere", 2, "error: `nowhere` is not a commit or branch of this repository\n"),
        ("run ../nope.toml", 2, "error: "),
        ("run", 2, "error: "),
        ("run ../unknown.toml", 2, "error: ../unknown.toml:2: there is no agent `cluade`\nhint: did you mean `claude`?\n"),
        ("run ../none.toml", 2, "error: ../none.toml:2: task `a` names no agent, and there is no default one\n"),
        ("status buckte", 2, "error: there is no task `buckte` in this run\nhint: did you mean `bucket`?\n"),
        ("logs buckte", 2, "error: there is no task `buckte` in this run\nhint: did you mean `bucket`?\n"),
        ("stop buckte", 2, "error: there is no task `buckte` in this run\nhint: did you mean `bucket`?\n"),
        ("retry buckte", 2, "error: there is no task `buckte` in this run\nhint: did you mean `bucket`?\n"),
        ("retry bucket", 2, "error: task `p/bucket` is done; nothing is tried again that has landed\n"),
        ("stop", 2, "error: say which tasks are to end\nhint: nothing runs at the moment; "),
        ("pause", 2, "error: nothing runs in this repository\nhint: `greenlane run PLAN` starts a run\n"),
        ("resume nope", 2, "error: there is no run `nope` in this repository\nhint: `greenlane runs` lists them\n"),
        ("events --run nope", 2, "error: there is no run `nope` in this repository\nhint: `greenlane runs` lists them\n"),
        ("report nope", 2, "error: there is no run `nope` in this repository\nhint: `greenlane runs` lists them\n"),
        ("land --into nowhere", 2, "error: there is no branch `nowhere`"),
        ("rollback buckte", 2, "error: there is no"),
        ("prompt buckte ../p.toml", 2, "error: "),
        ("-C /nowhere status", 2, "error: cannot work in `/nowhere`: "),
        ("agents check cluade", 2, "error: there is no agent `cluade`\nhint: did you mean `claude`?\n"),
    ];
    let mut wrong = Vec::new();
    for (line, code, words) in table {
        let ran = s.greenlane(&line.split(' ').collect::<Vec<_>>());
        if ran.code != *code || !ran.stderr.starts_with(words) || !ran.stdout.is_empty() {
            wrong.push(format!("{line}: {ran:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let ran = s.greenlane(&["resume"]);
    assert_eq!(
        (ran.code, ran.stderr),
        (
            2,
            format!(
                "error: there is nothing to resume: run {run} is finished\nhint: `greenlane runs` lists the runs; `greenlane retry TASK` tries failed tasks again\n"
            )
        )
    );
}

fn told(ran: &Ran, code: i32, words: &str) {
    assert_eq!(ran.code, code, "{ran:?}");
    assert!(ran.stderr.starts_with(words), "{}", ran.stderr);
}

#[test]
fn no_repository_and_no_commits() {
    let s = Sandbox::new(&[]);
    std::fs::create_dir(s.path("elsewhere")).unwrap();
    s.plan("p.toml", PLAN);
    let outside = |args: &[&str]| Ran::of(s.command(args).current_dir(s.path("elsewhere")).output().unwrap());
    for args in [&["run", "../p.toml"][..], &["status"], &["resume"], &["stop", "--all"], &["events"], &["land"]] {
        let ran = outside(args);
        let dir = s.path("elsewhere").canonicalize().unwrap();
        told(&ran, 3, &format!("error: {} is not in a git repository\nhint: run it inside a repository", dir.display()));
    }
    std::fs::create_dir(s.path("empty")).unwrap();
    assert!(std::process::Command::new("git").args(["init", "-q"]).current_dir(s.path("empty")).status().unwrap().success());
    let ran = Ran::of(s.command(&["run", "../p.toml"]).current_dir(s.path("empty")).output().unwrap());
    told(&ran, 3, "error: the repository has no commits yet\nhint: make a first commit: `git add -A && git commit -m \"Start\"`\n");
    assert!(!s.path("empty").join(".greenlane").exists(), "nothing is left behind");
}

#[test]
fn nothing_ran_yet() {
    let s = Sandbox::new(&[]);
    for args in
        [&["status"][..], &["resume"], &["events"], &["logs", "a"], &["retry", "a"], &["wait"], &["land"], &["rollback", "a"], &["report"]]
    {
        told(&s.greenlane(args), 2, "error: nothing has run in this repository yet\n");
    }
    told(&s.greenlane(&["runs"]), 0, "Nothing has run in this repository yet;");
}

#[test]
fn git_that_is_too_old_or_missing() {
    let s = sandbox();
    let bin = s.script("git", "#!/bin/sh\necho git version 2.30.2\n");
    let ran = Ran::of(s.command(&["run", "../p.toml"]).env("PATH", &bin).output().unwrap());
    told(&ran, 3, "error: git 2.30.2 is too old: Greenlane needs 2.38 or newer\nhint: install a newer git (Debian 12 has 2.39)\n");
    let ran = Ran::of(s.command(&["run", "../p.toml"]).env("PATH", s.path("out")).output().unwrap());
    told(&ran, 3, "error: git is not installed, or not on PATH\nhint: install git (Debian: `apt install git`)\n");
}

#[test]
fn agents_that_are_missing_or_not_signed_in() {
    let s = sandbox();
    s.plan("m.toml", &MODEL.replace("AGENT", "claude"));
    // A PATH with git and a shell, and no agent.
    let bin = s.script("sh", "#!/bin/sh\nexec /bin/sh \"$@\"\n");
    std::os::unix::fs::symlink(which("git"), bin.join("git")).unwrap();
    let before = s.count("run_started");
    let ran = Ran::of(s.command(&["run", "../m.toml"]).env("PATH", &bin).output().unwrap());
    told(&ran, 3, "error: ../m.toml:2: agent `claude` is not installed: there is no `claude` on PATH\nhint: ");
    s.script("claude", "#!/bin/sh\necho 2.0.0\n");
    let ran = Ran::of(s.command(&["run", "../m.toml"]).env("PATH", &bin).env_remove("ANTHROPIC_API_KEY").output().unwrap());
    told(&ran, 3, "error: ../m.toml:2: agent `claude` is not signed in\nhint: ");
    assert_eq!(s.count("run_started"), before, "nothing was started");
}

fn which(name: &str) -> std::path::PathBuf {
    std::env::split_paths(&std::env::var_os("PATH").unwrap()).map(|d| d.join(name)).find(|p| p.exists()).unwrap()
}

#[test]
fn configuration_that_is_wrong_is_told_with_file_and_line() {
    let s = sandbox();
    s.write("greenlane.toml", "[run]\njobs = 5\ntimout = \"1h\"\n[retry]\nbase = \"soon\"\n");
    let ran = s.greenlane(&["run", "../p.toml"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("greenlane.toml:3") && ran.stderr.contains("did you mean `timeout`"), "{}", ran.stderr);
    assert!(ran.stderr.contains("greenlane.toml:5"), "everything at once: {}", ran.stderr);
    std::fs::remove_file(s.repo().join("greenlane.toml")).unwrap();
    let ran = Ran::of(s.command(&["run", "../p.toml"]).env("GREENLANE_JOBS", "none").output().unwrap());
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("GREENLANE_JOBS"), "{}", ran.stderr);
}

#[test]
fn a_state_directory_that_cannot_be_written() {
    let s = Sandbox::new(&[]);
    s.plan("p.toml", PLAN);
    s.write(".greenlane", "a file in the way\n");
    let ran = s.greenlane(&["run", "../p.toml"]);
    told(&ran, 3, "error: cannot make ");
}
