//! What is the user's and what is Greenlane's are told apart, and what is said of either is true.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{Ran, Sandbox};

const TWO: &str = "[[task]]\nid = \"a\"\nrun = \"echo a > a\"\n[[task]]\nid = \"b\"\nrun = \"echo b > b\"\n";

fn says(s: &Sandbox, args: &[&str], code: i32, parts: &[&str]) -> Ran {
    let ran = s.greenlane(args);
    assert_eq!(ran.code, code, "{args:?}: {ran:?}");
    for part in parts {
        assert!(ran.stdout.contains(part) || ran.stderr.contains(part), "{args:?} does not say {part:?}: {}\n{}", ran.stdout, ran.stderr);
    }
    ran
}

fn branches(s: &Sandbox) -> Vec<String> {
    s.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads/"]).lines().map(str::to_owned).collect()
}

#[test]
fn clean_leaves_the_users_branches_whatever_they_are_called() {
    let s = Sandbox::new(&[]);
    assert_eq!(s.run(TWO, &[]).code, 0);
    says(&s, &["land"], 0, &[]);
    let run = s.status()["run"]["id"].as_str().unwrap().to_owned();
    let users = [
        format!("greenlane/{run}/plan/mine"),
        format!("greenlane/{run}/task/p+mine"),
        format!("greenlane/{run}/notes"),
        String::from("greenlane/docs"),
        String::from("greenlane/fix/task/x"),
    ];
    for branch in &users {
        s.git(&["branch", branch]);
    }
    let ours = branches(&s).into_iter().filter(|b| b.starts_with("greenlane/") && !users.contains(b)).count();
    assert_eq!(ours, 3, "two tasks' and the plan's");
    says(&s, &["clean", "--run", &run], 0, &["task/p+a", "task/p+b", "plan/p"]);
    let mut left: Vec<String> = users.to_vec();
    left.push(String::from("main"));
    left.sort();
    assert_eq!(branches(&s), left);
    says(&s, &["clean"], 0, &[]);
    assert_eq!(branches(&s), left);
    // Nor do they prove that something is the user's by now: of a run that is not known any more, nothing is.
    std::fs::remove_dir_all(s.repo().join(".greenlane")).unwrap();
    says(&s, &["clean"], 0, &["nothing to clean up"]);
    assert_eq!(branches(&s), left);
}

#[test]
fn a_users_branch_that_is_called_greenlane_is_in_nobodys_way() {
    let s = Sandbox::new(&[]);
    s.git(&["branch", "greenlane"]);
    let ran = s.run(
        &format!("id = \"p\"\nverify = [\"true\"]\n{TWO}[[task]]\nid = \"c\"\nrun = \"echo c > c; test -e $OUT/go\"\n"),
        &["--retries", "0"],
    );
    assert_eq!(ran.code, 1, "{ran:?}");
    let branch = s.branch();
    assert!(branch.starts_with("greenlane-1/") && s.landed_files() == ["a", "b"], "{branch}");
    assert!(s.task("a")["branch"].as_str().unwrap().starts_with("greenlane-1/"), "{}", s.task("a"));
    // What a later coordinator does has the same names, also when the reason for them is gone.
    s.git(&["branch", "-D", "greenlane"]);
    std::fs::write(s.out("go"), "").unwrap();
    says(&s, &["retry", "c"], 0, &[]);
    assert_eq!(s.landed_files(), ["a", "b", "c"]);
    assert!(branches(&s).iter().all(|b| b == "main" || b.starts_with("greenlane-1/")), "{:?}", branches(&s));
    assert!(s.events("shared_state_changed").is_empty());
    says(&s, &["land"], 0, &["landed on main"]);
    says(&s, &["clean"], 0, &["removed branch greenlane-1/"]);
    assert_eq!(branches(&s), ["main"]);
}

#[test]
fn a_plan_that_was_run_twice_can_still_be_landed() {
    let s = Sandbox::new(&[]);
    assert_eq!(s.run(TWO, &[]).code, 0);
    let again = s.run(TWO, &[]);
    assert_eq!(again.code, 0, "{again:?}");
    assert!(again.stderr.contains("greenlane land"), "{again:?}");
    says(&s, &["land", "--dry-run"], 0, &["would land on main"]);
    says(&s, &["land"], 0, &["`p` landed on main"]);
    assert!(s.repo().join("a").exists() && s.repo().join("b").exists());
    says(&s, &["land"], 0, &["`p` is in main already"]);
    // And from the branch that has it all: nothing is done, nothing is to be brought.
    assert_eq!(s.run(TWO, &["--only", "a"]).code, 0);
    says(&s, &["land"], 0, &["`p` is in main already"]);
    let nothing = s.run("id = \"q\"\n[[task]]\nid = \"c\"\nrun = \"exit 1\"\nretries = 0\n", &[]);
    assert_eq!(nothing.code, 1, "{nothing:?}");
    says(&s, &["land"], 0, &["`q` has nothing to land"]);
}

#[test]
fn a_suite_that_is_red_once_and_then_green_is_called_flaky_and_blames_nobody() {
    let s = Sandbox::new(&[]);
    let suite = "! test -e a || test -e $OUT/seen || { touch $OUT/seen; echo a port is taken; exit 1; }";
    let ran = s.run(&format!("id = \"p\"\nverify = [\"{suite}\"]\n[[task]]\nid = \"a\"\nretries = 0\nrun = \"echo a > a\"\n"), &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("run once more, as it may be flaky") && ran.stderr.contains("it is flaky"), "{ran:?}");
    assert_eq!((s.landed_files(), s.count("suite_flaky"), s.count("attempt_started")), (vec![String::from("a")], 1, 1));
    let verified = s.events("batch_verified");
    assert_eq!((verified.len(), &verified[0]["again"]), (2, &serde_json::Value::Bool(true)), "{verified:?}");
    says(&s, &["report"], 0, &["flaky", "a port is taken"]);
    // Red twice is the task's fault.
    let s = Sandbox::new(&[]);
    let ran = s.run("id = \"p\"\nverify = [\"! test -e a\"]\n[[task]]\nid = \"a\"\nretries = 0\nrun = \"echo a > a\"\n", &[]);
    assert_eq!((ran.code, s.count("batch_verified"), s.count("suite_flaky")), (1, 2, 0), "{ran:?}");
    assert!(s.reason("a").contains("fails with exit code 1 on the combined tree"), "{}", s.reason("a"));
}

#[test]
fn what_set_up_leaves_stays_for_everybody_and_is_nobodys_work() {
    let s = Sandbox::new(&[(".gitignore", "*.log\n")]);
    s.write("greenlane.toml", "[workspace]\nsetup = [\"mkdir -p 'my deps/sub' && echo lib > 'my deps/sub/lib' && echo stub > gen.py && echo dirt >> README.md\"]\n");
    let there = "test -e gen.py && test -e 'my deps/sub/lib' && test \"$(cat README.md)\" = 'A sample.'";
    let plan = format!(
        "id = \"p\"\nverify = [\"\"\"{there}\"\"\"]\n[[task]]\nid = \"a\"\nowns = [\"a\"]\nrun = \"\"\"{there} && test -z \"$(git status --porcelain)\" && echo a > a && git add -A && git commit -qm mine\"\"\"\ncheck = [\"\"\"{there}\"\"\"]\n\
         [[task]]\nid = \"b\"\ndepends = [\"a\"]\nowns = [\"b\"]\nrun = \"\"\"{there} && echo b > b && echo more >> gen.py\"\"\"\ncheck = [\"\"\"{there} && test -z \"$(git status --porcelain)\"\"\"\"]\n\
         [[task]]\nid = \"c\"\ndepends = [\"b\"]\nrun = \"true\"\nretries = 0\n"
    );
    let ran = s.run(&plan, &["--jobs", "1"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(
        (s.states()["c"].as_str(), s.task("c")["attempts"][0]["outcome"].as_str()),
        ("failed", Some("no_change")),
        "{}",
        s.task("c")
    );
    assert_eq!(s.landed_files(), [".gitignore", "a", "b"]);
    assert!(s.events("shared_state_changed").is_empty());
    says(&s, &["land"], 0, &[]);
    says(&s, &["clean"], 0, &["removed worktree"]);
    assert_eq!(s.git(&["worktree", "list"]).lines().count(), 1);
}

#[test]
fn a_set_up_command_that_fails_is_named_as_such() {
    let s = Sandbox::new(&[]);
    s.write("greenlane.toml", "[workspace]\nsetup = [\"echo no network; exit 3\"]\n");
    let plan = "id = \"p\"\nverify = [\"true\"]\n[[task]]\nid = \"a\"\nrun = \"echo a > a\"\n";
    let ran = s.run(plan, &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    for part in [
        "set-up command `echo no network; exit 3`",
        "fails with exit code 3",
        "setup.log",
        "[workspace] setup",
        "greenlane config workspace.setup",
    ] {
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("is red") && !ran.stderr.contains("--base-red"), "{}", ran.stderr);
    // Of a task: it fails, is tried again, and says the same.
    let ran = s.run("id = \"q\"\nverify = []\n[[task]]\nid = \"a\"\nretries = 1\nrun = \"echo a > a\"\n", &[]);
    assert_eq!((ran.code, s.count("attempt_started")), (1, 2), "{ran:?}");
    let reason = s.reason("a");
    assert!(
        reason.contains("the set-up command `echo no network; exit 3` ([workspace] setup) failed with exit code 3: no network"),
        "{reason}"
    );
    let log = reason.split("all that it printed is in ").nth(1).unwrap().split(' ').next().unwrap();
    assert!(std::fs::read_to_string(log).unwrap().ends_with("\nno network\n"));
    // A program that is not there will not be there a minute later.
    s.write("greenlane.toml", "[workspace]\nsetup = [\"no-such-program\"]\n");
    let ran = s.run("id = \"r\"\nverify = []\n[[task]]\nid = \"a\"\nrun = \"echo a > a\"\n", &[]);
    assert_eq!((ran.code, s.count("retry_scheduled")), (1, 1), "no further one: {ran:?}");
    assert_eq!(s.task("a")["attempts"][0]["failure"]["detail"], "no_workspace");
}

#[test]
fn a_branch_for_which_there_is_no_room_is_not_tried_again() {
    let s = Sandbox::new(&[]);
    // It appears when the run has begun: the plan has a branch of another name, so nothing was in its way.
    let suite = "git -C \"$REPO\" branch greenlane";
    let mut command = s.run_command(&format!("id = \"p\"\nbranch = \"work\"\nverify = [\"\"\"test -e $OUT/on || {{ touch $OUT/on; {suite}; }}\"\"\"]\n[[task]]\nid = \"a\"\nrun = \"echo a > a\"\n"), &[]);
    command.env("REPO", s.repo());
    let ran = Ran::of(command.output().unwrap());
    assert_eq!((ran.code, s.count("attempt_started"), s.count("retry_scheduled")), (1, 1, 0), "{ran:?}");
    assert!(s.reason("a").contains("because there is a branch `greenlane`; rename that one"), "{}", s.reason("a"));
}

#[test]
fn a_worktree_that_is_gone_is_not_said_to_be_there() {
    let s = Sandbox::new(&[]);
    let ran = s.run("id = \"p\"\nverify = []\n[[task]]\nid = \"a\"\nretries = 0\nrun = \"echo a > a; rm -f .git\"\n[[task]]\nid = \"b\"\nretries = 0\nrun = \"echo b > b; exit 1\"\n", &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let worktree = |id: &str| s.task(id)["worktree"].as_str().map(str::to_owned);
    let (a, b) = (worktree("a").unwrap(), worktree("b").unwrap());
    assert!(s.reason("a").contains(&format!("the work is kept in {a}")), "{}", s.reason("a"));
    says(&s, &["status", "b"], 1, &[&b]);
    for gone in [&a, &b] {
        std::fs::remove_dir_all(gone).unwrap();
    }
    assert!(s.reason("a").contains(&format!("the work was left in {a}, which is not there any more")), "{}", s.reason("a"));
    assert_eq!((worktree("a"), worktree("b")), (None, None));
    let said = says(&s, &["status", "b"], 1, &["is not there any more; kept work: `git for-each-ref refs/greenlane/"]);
    let asked = said.stdout.split("for-each-ref ").nth(1).unwrap().split('`').next().unwrap();
    assert!(!s.git(&["for-each-ref", asked]).is_empty());
    assert!(!says(&s, &["report"], 0, &[]).stdout.contains("is kept in"));
}

#[test]
fn worktrees_lie_outside_the_checkout_or_where_git_ignores_them() {
    let s = Sandbox::new(&[]);
    let plan = "id = \"p\"\nverify = []\n[[task]]\nid = \"a\"\nrun = \"echo a > a\"\n";
    for dir in ["wt", "./x/../wt/deep", s.repo().join("wt").to_str().unwrap(), ".git/wt"] {
        s.write("greenlane.toml", &format!("[run]\njobs = 2\n[workspace]\ndir = \"{dir}\"\n"));
        let ran = s.run(plan, &[]);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains("greenlane.toml:4: ") && ran.stderr.contains("lies inside the"), "{ran:?}");
        assert!(!s.repo().join("wt").exists());
    }
    s.write("greenlane.toml", "[workspace]\ndir = \"wt\"\n");
    s.write(".gitignore", "wt/\n");
    assert_eq!(s.run(plan, &[]).code, 0);
    assert!(s.repo().join("wt").is_dir() && !s.git(&["status", "--porcelain"]).contains("wt/"));
    // A relative folder counts from the top, wherever one stands.
    s.write("greenlane.toml", "[workspace]\ndir = \"../beside\"\n");
    s.write("deep/x", "");
    let mut command = s.run_command(&plan.replace("\"p\"", "\"q\""), &[]);
    command.current_dir(s.repo().join("deep"));
    assert_eq!(Ran::of(command.output().unwrap()).code, 0);
    assert!(s.path("beside").is_dir());
}

#[test]
fn land_is_told_a_branch_and_nothing_else() {
    let s = Sandbox::new(&[]);
    assert_eq!(s.run(TWO, &[]).code, 0);
    for name in ["HEAD", "@", "main..x", "a b", "-x", "main^"] {
        let into = format!("--into={name}");
        let ran = says(&s, &["land", &into], 2, &[&format!("`{name}` is not a branch's name"), "you stand on `main`: `--into main`"]);
        assert_eq!(ran.stderr.matches("error:").count(), 1, "{ran:?}");
    }
    says(&s, &["land", "--into", "nope"], 2, &["there is no branch `nope`"]);
    s.git(&["checkout", "-q", "--detach"]);
    says(&s, &["land", "--into", "HEAD"], 2, &["is not a branch's name", "`git branch` lists them"]);
}
