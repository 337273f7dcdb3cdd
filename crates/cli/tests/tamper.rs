//! Agents that reach for what is not theirs: refs, the stash, settings, hooks, other tasks' branches, the tests that judge them.
//! Through the whole program; what only concerns the comparison itself is tested in the runtime, with each git.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;

use common::{Ran, Sandbox, await_file, wait_for};
use serde_json::Value;

/// What was told of a task's first attempt.
fn told(s: &Sandbox, task: &str) -> Vec<Value> {
    s.task(task)["attempts"][0]["shared"].as_array().cloned().unwrap_or_default()
}

/// One thing of it.
fn one(s: &Sandbox, task: &str, name: &str) -> Value {
    let all = told(s, task);
    all.iter().find(|c| c["name"] == name).unwrap_or_else(|| panic!("{name}: {all:#?}")).clone()
}

fn plan_of(run: &str) -> String {
    format!("id = \"p\"\n[[task]]\nid = \"t\"\nrun = '''\n{run}\necho done > work.txt\n'''\n")
}

/// Two commits, a second branch, a tag and a stash entry.
fn lived_in() -> Sandbox {
    let s = Sandbox::new(&[("x", "1\n")]);
    s.write("x", "2\n");
    s.git(&["commit", "-qam", "Second"]);
    s.git(&["branch", "feature"]);
    s.git(&["tag", "v1"]);
    s.write("x", "stashed\n");
    s.git(&["stash", "-q"]);
    s
}

#[test]
fn refs_settings_and_hooks_that_an_agent_changed_are_put_back_and_its_work_lands() {
    let s = lived_in();
    let before = s.users_own();
    let main = s.git(&["rev-parse", "main"]);
    let ran = s.run(
        &plan_of(
            "git update-ref refs/heads/main HEAD~1
git branch -D feature
git tag -f v1 HEAD~1
git tag v2
git branch idea
echo mine > x; git stash -q; git stash -q apply; git checkout -q x
git config user.name Agent
git config core.hooksPath /nowhere
git config alias.st '!touch /tmp/never'
printf '#!/bin/sh\\nexit 1\\n' > $(git rev-parse --git-common-dir)/hooks/pre-commit
chmod +x $(git rev-parse --git-common-dir)/hooks/pre-commit
echo secret > $(git rev-parse --git-common-dir)/info/attributes",
        ),
        &[],
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.users_own(), before, "{ran:?}");
    assert!(!s.repo().join(".git/hooks/pre-commit").exists());
    assert_eq!(s.landed_files(), ["work.txt", "x"]);
    for (name, command) in [
        ("main", "git update-ref refs/heads/main HEAD~1"),
        ("feature", "git branch -D feature"),
        ("v1", "git tag -f v1 HEAD~1"),
        ("v2", "git tag v2"),
        ("idea", "git branch idea"),
        ("user.name", "git config user.name Agent"),
        ("core.hookspath", "git config core.hooksPath /nowhere"),
    ] {
        let change = one(&s, "t", name);
        assert_eq!((change["command"].as_str(), change["restored"].as_bool()), (Some(command), Some(true)), "{change:#}");
    }
    let change = one(&s, "t", "main");
    assert_eq!(change["before"], main.as_str());
    assert_eq!(s.git(&["rev-parse", change["kept"].as_str().unwrap()]), change["after"].as_str().unwrap(), "what the agent left is kept");
    let stash = told(&s, "t").into_iter().find(|c| c["what"] == "stash").unwrap();
    assert_eq!((stash["restored"].as_bool(), stash["before"].as_str()), (Some(true), None), "{stash:#}");
    assert!(s.git(&["show", &format!("{}:x", stash["kept"].as_str().unwrap())]).contains("mine"), "the agent's stash is kept");
    let hook = one(&s, "t", "pre-commit");
    assert_eq!((hook["command"].as_str(), hook["restored"].as_bool()), (None, Some(true)), "{hook:#}");
    assert!(fs::read_to_string(hook["kept"].as_str().unwrap()).unwrap().contains("exit 1"));
    // Data that nobody is known to have changed is told and left.
    let attributes = one(&s, "t", "info/attributes");
    assert_eq!((attributes["what"].as_str(), attributes["restored"].as_bool()), (Some("file"), Some(false)));
    assert!(ran.stderr.contains("file info/attributes is new while it ran; left as it is"), "{ran:?}");
    assert!(ran.stderr.contains("things were put back, 1 was not: file info/attributes; `greenlane report` has"), "{ran:?}");
    // People read it while it runs, and afterwards.
    assert!(ran.stderr.contains("branch main was changed by `git update-ref refs/heads/main HEAD~1`; put back"), "{ran:?}");
    let shown = s.greenlane(&["status", "t"]).stdout;
    assert!(shown.contains("hook pre-commit is new while it ran; removed again"), "{shown}");
    let report = s.greenlane(&["report"]).stdout;
    assert!(report.contains("Changed beside the work") && report.contains("tag v2 is new by `git tag v2`"), "{report}");
    assert_eq!(s.events("shared_state_changed").len(), 1);
}

#[test]
fn what_the_user_does_meanwhile_is_never_undone() {
    let s = lived_in();
    let plan = plan_of(&format!(
        "touch $OUT/ready\n{}\ngit branch -f feature HEAD~1; git status -s; git log -1 main >/dev/null",
        await_file("go")
    ));
    let running = s.start(s.run_command(&plan, &[]));
    wait_for(&s.out("ready"));
    s.write("y", "the user's\n");
    s.git(&["add", "y"]);
    s.git(&["commit", "-qm", "The user's own"]);
    s.git(&["tag", "-f", "v1", "HEAD"]);
    s.git(&["branch", "another"]);
    s.git(&["config", "user.email", "new@example.invalid"]);
    s.git(&["remote", "add", "origin", "https://example.invalid/x"]);
    s.git(&["stash", "drop", "-q"]);
    // On the very branch that the agent is about to move.
    s.git(&["branch", "-f", "feature", "main"]);
    let own = s.users_own();
    let feature = s.git(&["rev-parse", "feature"]);
    fs::write(s.out("go"), "").unwrap();
    let ran = running.wait();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.users_own(), own, "{:#?}", told(&s, "t"));
    let moved = one(&s, "t", "feature");
    assert_eq!(moved["restored"], true);
    assert_eq!(s.git(&["rev-parse", "feature"]), feature, "back to where the user had left it, not to before the attempt");
    for name in ["main", "another", "v1", "user.email"] {
        let change = one(&s, "t", name);
        assert_eq!((change["command"].as_str(), change["restored"].as_bool()), (None, Some(false)), "{change:#}");
    }
    assert!(!ran.stderr.contains("branch main was"), "the user's own commit is no warning: {}", ran.stderr);
}

#[test]
fn what_moved_on_since_is_left() {
    let s = lived_in();
    let plan = plan_of(&format!("git branch -f feature HEAD~1; touch $OUT/ready\n{}", await_file("go")));
    let running = s.start(s.run_command(&plan, &[]));
    wait_for(&s.out("ready"));
    let there = s.git(&["commit-tree", "-p", "feature", "-m", "The user goes on from there", "main^{tree}"]);
    s.git(&["branch", "-f", "feature", &there]);
    fs::write(s.out("go"), "").unwrap();
    assert_eq!(running.wait().code, 0);
    assert_eq!(s.git(&["rev-parse", "feature"]), there);
    let change = one(&s, "t", "feature");
    assert_eq!(change["restored"], false, "{change:#}");
    assert_eq!(s.git(&["rev-parse", change["kept"].as_str().unwrap()]), change["before"].as_str().unwrap(), "what it was is kept");
}

#[test]
fn another_tasks_branch_and_the_plans_are_put_back() {
    let s = Sandbox::new(&[("x", "1\n")]);
    let plan = format!(
        r#"
[[task]]
id = "victim"
run = '''
echo v > v; git add v; git -c user.name=A -c user.email=a@example.invalid commit -qm v; touch $OUT/there
{}
'''
[[task]]
id = "culprit"
run = '''
{}
other=$(git for-each-ref --format='%(refname:short)' 'refs/heads/greenlane/*/task/*victim*')
git update-ref refs/heads/$other HEAD
git update-ref refs/heads/$(git for-each-ref --format='%(refname:short)' 'refs/heads/greenlane/*/plan/*') $(git commit-tree -m evil HEAD^{{tree}})
echo c > c
'''
[[task]]
id = "gate"
depends = ["culprit"]
run = "touch $OUT/go; echo g > g"
"#,
        await_file("go"),
        await_file("there"),
    );
    let ran = s.run(&plan, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let changes = told(&s, "culprit");
    assert_eq!(changes.len(), 2, "{changes:#?}");
    assert!(changes.iter().all(|c| c["restored"] == true), "{changes:#?}");
    assert_eq!(s.landed_files(), ["c", "g", "v", "x"]);
    assert!(!s.git(&["log", "--format=%s", &s.branch()]).contains("evil"));
    assert!(told(&s, "victim").is_empty(), "{:#?}", told(&s, "victim"));
}

#[test]
fn a_death_between_the_look_and_the_word_is_made_up_for() {
    let s = lived_in();
    let before = s.users_own();
    let plan = s.plan(
        "plan.toml",
        &plan_of(&format!(
            "git update-ref refs/heads/main HEAD~1; git config user.name Agent; echo x >> $OUT/ran; touch $OUT/ready; {}",
            await_file("go")
        )),
    );
    let running = s.start(s.command(&["run", plan.to_str().unwrap()]));
    wait_for(&s.out("ready"));
    running.signal("KILL");
    drop(running.wait());
    fs::write(s.out("go"), "").unwrap();
    let ran = s.greenlane(&["resume"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.users_own(), before);
    assert_eq!(one(&s, "t", "main")["restored"], true);
    // And where the coordinator dies right after it had said so.
    let s = lived_in();
    let before = s.users_own();
    let plan = s.plan("plan.toml", &plan_of("git update-ref refs/heads/main HEAD~1; git config user.name Agent"));
    let crashed = s.command(&["run", plan.to_str().unwrap()]).env("GREENLANE_CRASH_AFTER", "shared_state_changed:1").output().unwrap();
    assert_eq!(Ran::of(crashed).code, -1);
    let ran = s.greenlane(&["resume"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.users_own(), before);
    assert_eq!(s.events("shared_state_changed").len(), 1, "told once");
}

#[test]
fn an_attempt_that_is_ended_while_nobody_coordinates_is_compared_too() {
    let s = lived_in();
    let before = s.users_own();
    let plan =
        plan_of(&format!("git update-ref refs/heads/main HEAD~1; git config user.name Agent; touch $OUT/ready; {}", await_file("never")));
    let running = s.start(s.run_command(&plan, &[]));
    wait_for(&s.out("ready"));
    running.signal("KILL");
    drop(running.wait());
    let ran = s.greenlane(&["stop", "--all"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.users_own(), before);
    assert_eq!(one(&s, "t", "main")["restored"], true);
}

#[test]
fn repositories_that_an_agents_tests_make_are_nobodys_business() {
    let s = Sandbox::new(&[]);
    let before = s.users_own();
    let ran = s.run(
        &plan_of(
            "git init -q -b main scratch; cd scratch; git config user.name X; git config user.email x@example.invalid
git commit -q --allow-empty -m one; git branch -f main HEAD; git tag v9; cd ..; rm -rf scratch
git gc -q; git pack-refs --all",
        ),
        &[],
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.users_own(), before);
    assert!(told(&s, "t").is_empty(), "{:#?}", told(&s, "t"));
    assert!(s.events("shared_state_changed").is_empty());
}

#[test]
fn tests_that_an_agent_bent_are_tried_as_they_were() {
    let files = [("tests/run.sh", "test \"$(cat answer)\" = 42\n"), ("answer", "42\n"), ("tests/other.sh", "true\n")];
    // Without `owns`; the check names the script.
    let s = Sandbox::new(&files);
    let plan = "[[task]]\nid = \"t\"\nrun = \"echo 41 > answer; echo true > tests/run.sh\"\ncheck = [\"sh tests/run.sh\"]\n";
    let ran = s.run(plan, &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(s.task("t")["state"], "needs_human");
    let why = s.reason("t");
    assert!(
        why.contains("tests/run.sh") && why.contains("fails with exit code 1 with the base's copies") && why.contains("git diff"),
        "{why}"
    );
    // The suite, too, where the task has no check of its own.
    let s = Sandbox::new(&files);
    let plan = "verify = [\"sh tests/run.sh\"]\n[[task]]\nid = \"t\"\nrun = \"echo 41 > answer; echo true > tests/run.sh\"\n";
    assert_eq!(s.run(plan, &[]).code, 1);
    assert_eq!(s.task("t")["state"], "needs_human");
    // A change that the base's copies agree with lands, and is told.
    let s = Sandbox::new(&files);
    let plan = "[[task]]\nid = \"t\"\nrun = \"echo '# better' >> tests/run.sh; rm tests/other.sh\"\ncheck = [\"sh tests/run.sh\"]\n";
    let ran = s.run(plan, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.task("t")["attempts"][0]["suite_files"], serde_json::json!(["tests/other.sh", "tests/run.sh"]));
    let line = "changed files of the suite that it does not own: tests/other.sh, tests/run.sh";
    assert_eq!(ran.stderr.matches(line).count() + ran.stdout.matches(line).count(), 2, "while it runs, and at its end: {ran:?}");
    assert_eq!(s.landed_files(), ["answer", "tests/run.sh"]);
    assert!(s.greenlane(&["status", "t"]).stdout.contains("changed files that judge it"), "{ran:?}");
}

#[test]
fn honest_tasks_are_not_bothered() {
    let files = [("tests/run.sh", "test -e README.md; echo x >> $OUT/checked\n"), ("a", "1\n")];
    let s = Sandbox::new(&files);
    let before = s.users_own();
    let plan = r#"
verify = ["sh tests/run.sh"]
[[task]]
id = "adds"
run = "echo true > tests/new.sh; echo 2 > a"
check = ["sh tests/run.sh"]
[[task]]
id = "owns"
owns = ["tests/run.sh"]
run = "echo '# owned' >> tests/run.sh"
check = ["sh tests/run.sh"]
"#;
    let ran = s.run(plan, &["-j", "1"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.users_own(), before);
    assert!(!ran.stderr.contains("! "), "{}", ran.stderr);
    assert!(s.events("shared_state_changed").is_empty());
    let checks = s.out_lines("checked").len();
    let suites = s.events("batch_verified").len() + 1;
    assert_eq!(checks, 2 + suites, "each check once, and the suites");
    assert!(s.git(&["for-each-ref", "refs/greenlane"]).lines().all(|l| !l.contains("tamper")));
}
