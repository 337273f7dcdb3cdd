//! The edges: odd paths, an upgrade in the middle, locks that a dead git left, a coordinator that is leaving.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use common::{Ran, Sandbox, await_file, eventually, wait_for};

const ONE: &str = "[[task]]\nid = \"a\"\nrun = \"echo a >> $OUT/ran; echo > a\"\n";

/// A task that works until `$OUT/go` is there.
fn held() -> String {
    format!("[[task]]\nid = \"a\"\nrun = '''echo half > a; touch $OUT/on; {}; echo > a; echo a >> $OUT/ran'''\n", await_file("go"))
}

fn go(s: &Sandbox) {
    fs::write(s.out("go"), "").unwrap();
}

#[test]
fn a_repository_at_a_path_that_cannot_be_written_down_is_refused_clearly() {
    let s = Sandbox::new(&[]);
    let plan = s.plan("plan.toml", ONE);
    for name in [&b"line\nbreak"[..], &b"caf\xe9"[..]] {
        let odd = s.path("out").join(OsStr::from_bytes(name));
        s.git(&["clone", "-q", ".", "../moved"]);
        fs::rename(s.path("moved"), &odd).unwrap();
        let ran = Ran::of(s.command(&["run", plan.to_str().unwrap()]).current_dir(&odd).output().unwrap());
        assert_eq!(ran.code, 3, "{ran:?}");
        assert!(ran.stderr.contains("is not UTF-8 text on one line") && ran.stderr.contains("hint: rename the folder"), "{ran:?}");
        assert!(!odd.join(".greenlane").exists());
    }
}

#[test]
fn retry_asks_for_its_agent_before_it_changes_anything() {
    let s = Sandbox::new(&[("greenlane.toml", "[agents.mine]\ncommand = \"my-agent\"\nargs = [\"{prompt}\"]\n")]);
    let bin = s.script("my-agent", "#!/bin/sh\nexit 1\n");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let with_path = |args: &[&str]| Ran::of(s.command(args).env("PATH", &path).output().unwrap());
    let plan = s.plan("plan.toml", "[[task]]\nid = \"a\"\nagent = \"mine\"\nprompt = \"Do it\"\nretries = 0\n");
    let ran = with_path(&["run", plan.to_str().unwrap()]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let before = s.events("").len();
    fs::remove_file(bin.join("my-agent")).unwrap();
    let ran = with_path(&["retry", "a"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stderr.contains("agent `mine` is not installed"), "{ran:?}");
    assert_eq!(s.events("").len(), before, "nothing was changed");
}

#[test]
fn what_is_detached_means_the_same_in_the_background() {
    let s = Sandbox::new(&[]);
    s.plan("plan.toml", "id = \"p\"\n[[task]]\nid = \"-Ca\"\nrun = \"echo > a\"\n[[task]]\nid = \"b\"\nrun = \"echo > b\"\n");
    let mut command = s.command(&["-qC", "repo", "run", "../plan.toml", "--detach", "--only=-Ca"]);
    let ran = Ran::of(command.current_dir(s.path("repo").parent().unwrap()).output().unwrap());
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    assert_eq!(s.greenlane(&["wait"]).code, 0);
    assert_eq!(s.landed_files(), ["a"]);
}

#[test]
fn a_coordinator_that_waits_for_its_worktrees_at_the_end_hears_a_signal() {
    let s = Sandbox::new(&[]);
    let plan = format!("[[task]]\nid = \"a\"\nretries = 0\nrun = '''touch $OUT/on; {}; exit 1'''\n", await_file("go"));
    let run = s.start(s.run_command(&plan, &[]));
    wait_for(&s.out("on"));
    // Whoever puts a worktree in order takes this lock first.
    let lock = fs::File::options().append(true).open(s.pool().join("lock")).unwrap();
    lock.lock().unwrap();
    go(&s);
    eventually("the run has ended", || s.count("run_ended") == 1);
    run.signal("INT");
    let ran = run.wait();
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("before all worktrees were put in order"), "{ran:?}");
    lock.unlock().unwrap();
    assert_eq!(s.run(&format!("id = \"q\"\n{ONE}"), &[]).code, 0);
    assert!(s.worktree_notes().iter().all(|note| note["holding"] != "busy"));
}

#[test]
fn an_upgrade_in_the_middle_of_a_run_harms_nothing() {
    let s = Sandbox::new(&[]);
    let old = s.path("greenlane-old");
    // Copied by another process: a file that this one has open for writing, in whatever thread, could not be executed.
    let copied = std::process::Command::new("cp").arg(env!("CARGO_BIN_EXE_greenlane")).arg(&old).status().unwrap();
    assert!(copied.success());
    let plan = format!(
        "id = \"p\"\nverify = [\"true\"]\n{}[[task]]\nid = \"b\"\ndepends = [\"a\"]\nrun = \"echo > b\"\n\
         [[task]]\nid = \"c\"\ndepends = [\"b\"]\nrun = '''touch $OUT/c.on; {}; echo > c'''\n",
        held(),
        await_file("go-c")
    );
    let path = s.plan("plan.toml", &plan);
    let run = s.start(s.command_of(&old, &["run", path.to_str().unwrap()]));
    wait_for(&s.out("on"));
    fs::remove_file(&old).unwrap();
    go(&s);
    wait_for(&s.out("c.on"));
    // The new version takes over what the old one began.
    run.signal("KILL");
    run.wait();
    fs::write(s.out("go-c"), "").unwrap();
    let ran = s.greenlane(&["resume"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.landed_files(), ["a", "b", "c"]);
    assert_eq!(s.count("attempt_started"), 3, "nothing was tried twice");
}

#[test]
fn locks_of_a_dead_git_in_a_worktree_are_in_nobodys_way() {
    let s = Sandbox::new(&[]);
    let run = s.start(s.run_command(&held(), &[]));
    wait_for(&s.out("on"));
    run.signal("KILL");
    run.wait();
    go(&s);
    let git_dir = s.worktree_notes()[0]["git_dir"].as_str().unwrap().to_owned();
    eventually("it has worked", || s.out("ran").exists());
    for name in ["index.lock", "HEAD.lock", "greenlane.index.lock"] {
        fs::write(format!("{git_dir}/{name}"), "").unwrap();
    }
    let ran = s.greenlane(&["resume"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.landed_files(), ["a"]);
}

#[test]
fn an_agent_whose_git_was_killed_goes_on_in_its_worktree() {
    let s = Sandbox::new(&[]);
    let first = "touch $OUT/again; touch $(git rev-parse --git-path index.lock); exit 1";
    let line = format!("test -e $OUT/again || {{ {first}; }}; echo > q && git add q && git commit -qm q");
    let ran = s.run(&format!("[[task]]\nid = \"a\"\nretries = 1\nrun = '''{line}'''\n"), &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.count("attempt_started"), 2);
}

#[test]
fn a_lock_on_the_plans_branch_is_waited_for_and_then_told() {
    let s = Sandbox::new(&[]);
    let suite = format!("test ! -e a || {{ touch $OUT/suite.on; {}; }}", await_file("go"));
    let run = s.start(s.run_command(&format!("id = \"p\"\nverify = ['''{suite}''']\n{ONE}"), &[]));
    wait_for(&s.out("suite.on"));
    let lock = s.repo().join(format!(".git/refs/heads/{}.lock", s.branch()));
    fs::write(&lock, "").unwrap();
    go(&s);
    let ran = run.wait();
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(s.states()["a"], "needs_human");
    assert!(s.reason("a").contains(&format!("{}.lock", s.branch())), "{}", s.reason("a"));
    assert!(lock.exists(), "it is not ours to remove");
}

#[test]
fn stopping_what_a_dead_coordinator_left_keeps_the_work_in_a_ref_at_once() {
    let s = Sandbox::new(&[]);
    let run = s.start(s.run_command(&held(), &[]));
    wait_for(&s.out("on"));
    run.signal("KILL");
    run.wait();
    let ran = s.greenlane(&["stop", "--all"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let kept = s.git(&["for-each-ref", "--format=%(refname)", "refs/greenlane/"]);
    let kept = kept.lines().find(|l| l.contains("/kept/")).unwrap_or_else(|| panic!("no ref: {kept}"));
    assert_eq!(s.git(&["show", &format!("{kept}:a")]), "half");
    go(&s);
    let ran = s.greenlane(&["resume"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.landed_files(), ["a"]);
}

/// What a person did in the worktree of a failed task, without a commit, outlives a fresh attempt that fails as well.
#[test]
fn a_persons_work_in_a_kept_worktree_outlives_fresh_attempts() {
    let s = Sandbox::new(&[]);
    let plan = "[[task]]\nid = 'a'\nretries = 0\nrun = 'echo $GREENLANE_ATTEMPT > work.txt; exit 3'\n";
    assert_eq!(s.run(plan, &[]).code, 1);
    let worktree = s.task("a")["worktree"].as_str().unwrap().to_owned();
    std::fs::write(std::path::Path::new(&worktree).join("mine.txt"), "a person's").unwrap();
    for _ in 0..2 {
        assert_eq!(s.greenlane(&["retry", "a", "--fresh"]).code, 1);
    }
    let refs = s.git(&["for-each-ref", "--format=%(refname)", "refs/greenlane"]);
    let of_the_person = |name: &&str| s.git(&["ls-tree", "--name-only", name]).lines().any(|file| file == "mine.txt");
    let kept: Vec<&str> = refs.lines().filter(|name| name.contains("/kept/")).filter(of_the_person).collect();
    assert_eq!(kept.len(), 1, "{refs}");
    assert_eq!(s.git(&["show", &format!("{}:mine.txt", kept[0])]), "a person's");
}
