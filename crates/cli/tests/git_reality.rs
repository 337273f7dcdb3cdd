//! Git as it really is, through the whole program: where the user stands, what is configured, which git is there.
//! The user's checkout, index, branches and stash are the same before and after.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::process::Command;

use common::{Ran, Sandbox};

/// Two tasks, one after the other, with commits of the agent's own, a check and a suite.
const PLAN: &str = r#"id = "p"
verify = ["test -e README.md", "git rev-parse HEAD"]
[[task]]
id = "a"
run = "echo a > a; git add a; git -c user.name=A -c user.email=a@example.invalid -c commit.gpgsign=false commit -qnm mine; echo b > b"
check = ["git status --porcelain"]
[[task]]
id = "b"
depends = ["a"]
run = "cat a b > c"
"#;

/// Runs the plan in this directory; everything lands, and what is the user's stays as it was.
fn lands_in(s: &Sandbox, dir: &std::path::Path, change: impl Fn(&mut Command)) -> Ran {
    let before = s.users_own();
    let path = s.plan("p.toml", PLAN);
    let mut command = s.command(&["run", path.to_str().unwrap()]);
    command.current_dir(dir);
    change(&mut command);
    let ran = Ran::of(command.output().unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
    for file in ["a", "b", "c"] {
        assert!(s.landed_files().contains(&file.to_owned()), "{file}");
    }
    assert_eq!(s.users_own(), before);
    assert!(s.git(&["log", "--format=%(trailers:key=Greenlane-Task)", &s.branch()]).contains("p/b"));
    ran
}

#[test]
fn a_checkout_in_the_middle_of_work() {
    let s = Sandbox::new(&[("x", "1\n"), ("y", "1\n")]);
    s.write("x", "stashed\n");
    s.git(&["stash", "-q"]);
    s.write("x", "staged\n");
    s.git(&["add", "x"]);
    s.write("x", "and changed\n");
    s.write("untracked", "mine\n");
    s.git(&["rm", "-q", "--cached", "y"]);
    lands_in(&s, &s.repo(), |_| {});
    assert_eq!(std::fs::read_to_string(s.repo().join("x")).unwrap(), "and changed\n");
    assert_eq!(s.git(&["show", &format!("{}:x", s.branch())]), "1", "only what is committed counts");
}

#[test]
fn from_a_folder_below_and_from_a_linked_worktree() {
    let s = Sandbox::new(&[("deep/er/x", "1\n")]);
    lands_in(&s, &s.repo().join("deep/er"), |_| {});
    let s = Sandbox::new(&[]);
    s.git(&["worktree", "add", "-q", "-b", "side", s.path("side").to_str().unwrap()]);
    std::fs::write(s.path("side").join("of-side"), "x\n").unwrap();
    let git = |args: &[&str]| assert!(Command::new("git").args(args).current_dir(s.path("side")).status().unwrap().success());
    git(&["add", "-A"]);
    git(&["commit", "-qm", "Side"]);
    lands_in(&s, &s.path("side"), |_| {});
    assert!(s.landed_files().contains(&"of-side".to_owned()), "it starts from the head of where the user stands");
    assert!(s.repo().join(".greenlane/state.db").exists(), "the state belongs to the repository");
    assert!(!s.path("side").join(".greenlane").exists());
}

#[test]
fn a_detached_head() {
    let s = Sandbox::new(&[]);
    s.git(&["checkout", "-q", "--detach"]);
    lands_in(&s, &s.repo(), |_| {});
}

#[test]
fn a_shallow_clone() {
    let s = Sandbox::new(&[]);
    for n in 1..=3 {
        s.write("n", &format!("{n}\n"));
        s.git(&["add", "-A"]);
        s.git(&["commit", "-qm", &n.to_string()]);
    }
    let full = s.path("full");
    std::fs::rename(s.repo(), &full).unwrap();
    let url = format!("file://{}", full.display());
    assert!(Command::new("git").args(["clone", "-q", "--depth", "1", &url, s.repo().to_str().unwrap()]).status().unwrap().success());
    assert!(s.repo().join(".git/shallow").exists());
    lands_in(&s, &s.repo(), |_| {});
}

#[test]
fn nobody_is_configured_signing_fails_and_hooks_refuse() {
    let s = Sandbox::new(&[]);
    s.git(&["config", "--unset", "user.name"]);
    s.git(&["config", "--unset", "user.email"]);
    s.git(&["config", "user.useConfigOnly", "true"]);
    s.git(&["config", "commit.gpgsign", "true"]);
    s.git(&["config", "gpg.program", "/bin/false"]);
    for hook in
        ["pre-commit", "commit-msg", "post-checkout", "pre-merge-commit", "reference-transaction", "post-commit", "post-index-change"]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let path = s.repo().join(".git/hooks").join(hook);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        // The agent's own commit in the plan goes past the hooks that -n leaves out; the others note that they ran.
        let text = if hook.starts_with("pre-") || hook == "commit-msg" {
            "exit 1"
        } else {
            "[ -n \"$GREENLANE_ATTEMPT\" ] || echo ran >> $OUT/hooks"
        };
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    lands_in(&s, &s.repo(), |_| {});
    assert_eq!(s.out_lines("hooks"), Vec::<String>::new(), "Greenlane's own commits and refs run no hooks of the user's");
}

#[test]
fn the_older_git_of_debian_12() {
    let system = std::path::Path::new("/usr/bin/git");
    if !system.exists() {
        return; // This machine has no second git.
    }
    let s = Sandbox::new(&[]);
    let path = format!("/usr/bin:/bin:{}", std::env::var("PATH").unwrap());
    lands_in(&s, &s.repo(), |c| {
        c.env("PATH", &path);
    });
}

#[test]
fn a_submodule_is_there_in_every_worktree() {
    let s = Sandbox::new(&[]);
    let other = s.path("other");
    let git = |args: &[&str], dir: &std::path::Path| {
        let output = Command::new("git").args(args).current_dir(dir).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    std::fs::create_dir(&other).unwrap();
    git(&["init", "-q", "-b", "main"], &other);
    std::fs::write(other.join("inner"), "of the submodule\n").unwrap();
    git(&["add", "-A"], &other);
    git(&["-c", "user.name=T", "-c", "user.email=t@example.invalid", "commit", "-qm", "Inner"], &other);
    git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", other.to_str().unwrap(), "sub"], &s.repo());
    s.git(&["commit", "-qm", "A submodule"]);
    let path = s.plan("s.toml", "id = \"p\"\nverify = [\"test -e sub/inner\"]\n[[task]]\nid = \"a\"\nrun = \"cp sub/inner copied\"\n");
    let before = s.users_own();
    let ran = s.greenlane(&["run", path.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.git(&["show", &format!("{}:copied", s.branch())]), "of the submodule");
    assert_eq!(s.users_own(), before);
}

#[test]
fn land_into_a_dirty_checkout_is_refused_and_into_a_clean_one_updates_it() {
    let s = Sandbox::new(&[("x", "1\n")]);
    lands_in(&s, &s.repo(), |_| {});
    s.write("a", "in the way\n");
    let before = s.users_own();
    let refused = s.greenlane(&["land", "--into", "main"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert_eq!(s.users_own(), before);
    std::fs::remove_file(s.repo().join("a")).unwrap();
    let landed = s.greenlane(&["land", "--into", "main"]);
    assert_eq!(landed.code, 0, "{landed:?}");
    assert_eq!(std::fs::read_to_string(s.repo().join("c")).unwrap(), "a\nb\n");
    assert_eq!(s.git(&["status", "--porcelain"]), "");
}

#[test]
fn the_environment_of_a_git_hook_does_not_lead_astray() {
    // As when it is started from a hook or an alias of another repository.
    let s = Sandbox::new(&[]);
    let other = Sandbox::new(&[("not-this-one", "x\n")]);
    lands_in(&s, &s.repo(), |c| {
        c.env("GIT_DIR", other.repo().join(".git"))
            .env("GIT_WORK_TREE", other.repo())
            .env("GIT_INDEX_FILE", other.repo().join(".git/index"));
    });
    assert_eq!(other.git(&["for-each-ref", "refs/heads/greenlane"]), "");
}
