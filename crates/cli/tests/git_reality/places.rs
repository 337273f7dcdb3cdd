//! Where the user stands: the middle of work, a folder below, a linked worktree, no branch, a shallow clone, a bare repository,
//! beside submodules; and whatever the environment says.

use std::fs;
use std::process::Command;

use crate::common::{Ran, Sandbox};
use crate::support::{PLAN, each_git, git_at, lands_in, runs_green, users_own};

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
fn each_git_in_a_plain_checkout() {
    for git in each_git() {
        let s = Sandbox::new(&[]);
        lands_in(&s, &s.repo(), |c| git.choose(c));
    }
}

/// The state is the repository's, from whichever of its worktrees one looks, also where the git-dir lies elsewhere.
#[test]
fn a_git_dir_that_lies_elsewhere() {
    let s = Sandbox::new(&[]);
    let elsewhere = s.path("elsewhere.git");
    git_at(&s.repo(), &["init", "-q", "--separate-git-dir", elsewhere.to_str().unwrap()]);
    s.git(&["worktree", "add", "-q", "-b", "side", s.path("side").to_str().unwrap()]);
    let plan = s.plan("p.toml", PLAN);
    let ran = s.greenlane(&["run", plan.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.git(&["status", "--porcelain"]), "");
    assert!(elsewhere.join("greenlane/state.db").exists());
    let from_side = Ran::of(s.command(&["status", "--json"]).current_dir(s.path("side")).output().unwrap());
    assert_eq!(serde_json::from_str::<serde_json::Value>(&from_side.stdout).unwrap(), s.status());
    let ran = Ran::of(s.command(&["run", plan.to_str().unwrap(), "--fresh"]).current_dir(s.path("side")).output().unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
    let pools: Vec<_> = fs::read_dir(s.path("state/greenlane")).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(pools.len(), 1, "one pool for both: {pools:?}");
}

/// A submodule is a repository like another; the one around it sees nothing of the run.
#[test]
fn inside_a_submodule() {
    let s = Sandbox::new(&[]);
    let outer = s.path("outer");
    git_at(&s.path("."), &["init", "-q", "-b", "main", "outer"]);
    git_at(&outer, &["submodule", "--quiet", "add", s.repo().to_str().unwrap(), "sub"]);
    git_at(&outer, &["-c", "user.name=T", "-c", "user.email=t@example.invalid", "commit", "-qm", "Outer"]);
    let plan = s.plan("p.toml", PLAN);
    let ran = Ran::of(s.command(&["run", plan.to_str().unwrap()]).current_dir(outer.join("sub")).output().unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(git_at(&outer, &["status", "--porcelain"]), "");
    let branches = git_at(&outer.join("sub"), &["for-each-ref", "--format=%(refname:short)", "refs/heads/greenlane/*/plan/*"]);
    assert_eq!(git_at(&outer.join("sub"), &["show", &format!("{branches}:c")]), "a\nb");
}

/// Paths are kept in the journal, and asked for line by line: what is no text on one line is refused before anything is written.
#[test]
fn a_folder_whose_name_is_no_text() {
    let s = Sandbox::new(&[]);
    let plan = s.plan("p.toml", PLAN);
    for odd in [b"two\nlines".as_slice(), b"latin\xe9"] {
        let dir = s.path(".").join(crate::support::name(odd));
        git_at(&s.path("."), &["clone", "-q", s.repo().to_str().unwrap(), "odd"]);
        fs::rename(s.path("odd"), &dir).unwrap();
        let ran = Ran::of(s.command(&["run", plan.to_str().unwrap()]).current_dir(&dir).output().unwrap());
        assert_eq!(ran.code, 3, "{ran:?}");
        assert!(ran.stderr.contains("not UTF-8 text on one line") && ran.stderr.contains("hint: rename the folder"), "{ran:?}");
        assert!(!dir.join(".greenlane").exists());
    }
    let s = Sandbox::new(&[]);
    fs::write(s.repo().join(".git/info/exclude"), b"caf\xe9").unwrap();
    fs::create_dir(s.repo().join("with space \u{e9}")).unwrap();
    lands_in(&s, &s.repo().join("with space \u{e9}"), |_| {});
    assert_eq!(
        fs::read(s.repo().join(".git/info/exclude")).unwrap(),
        b"caf\xe9\n/.greenlane/*\n!/.greenlane/prompts/\n!/.greenlane/skills/\n!/.greenlane/context.md\n"
    );
}

/// State and branches belong to the repository, which has no checkout that could hold them or be in the way.
#[test]
fn a_bare_repository() {
    for git in each_git() {
        let s = Sandbox::new(&[("greenlane.toml", "[run]\njobs = 1\n")]);
        let bare = s.path("repo.git");
        git_at(&s.path("."), &["clone", "-q", "--bare", s.repo().to_str().unwrap(), bare.to_str().unwrap()]);
        let before = users_own(&s);
        let plan = s.plan("p.toml", PLAN);
        let at = bare.to_str().unwrap();
        let greenlane = |args: &[&str]| {
            let mut command = s.command(&[&["-C", at], args].concat());
            command.current_dir(s.path("home"));
            git.choose(&mut command);
            Ran::of(command.output().unwrap())
        };
        let ran = greenlane(&["run", plan.to_str().unwrap()]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let status: serde_json::Value = serde_json::from_str(&greenlane(&["status", "--json"]).stdout).unwrap();
        assert_eq!((&status["summary"]["done"], &status["run"]["state"]), (&2.into(), &"finished".into()));
        assert!(bare.join("greenlane/state.db").exists(), "the state is in the git-dir");
        let branch = status["run"]["branch"].as_str().unwrap();
        assert_eq!(git_at(&bare, &["show", &format!("{branch}:c")]), "a\nb");
        let landed = greenlane(&["land", "--into", "main"]);
        assert_eq!(landed.code, 0, "{landed:?}");
        assert_eq!(git_at(&bare, &["show", "main:c"]), "a\nb");
        let cleaned = greenlane(&["clean"]);
        assert_eq!(cleaned.code, 0, "{cleaned:?}");
        assert_eq!(users_own(&s), before);
    }
}

#[test]
fn a_submodule_is_there_in_every_worktree() {
    for git in each_git() {
        let s = Sandbox::new(&[]);
        let other = s.path("other");
        fs::create_dir(&other).unwrap();
        git_at(&other, &["init", "-q", "-b", "main"]);
        fs::write(other.join("inner"), "of the submodule\n").unwrap();
        git_at(&other, &["add", "-A"]);
        git_at(&other, &["-c", "user.name=T", "-c", "user.email=t@example.invalid", "commit", "-qm", "Inner"]);
        let url = format!("file://{}", other.display());
        git_at(&s.repo(), &["submodule", "--quiet", "add", &url, "sub"]);
        s.git(&["commit", "-qm", "A submodule"]);
        runs_green(&s, &git, "verify = [\"test -e sub/inner\"]\n[[task]]\nid = \"a\"\nrun = \"cp sub/inner copied\"\n");
        assert_eq!(s.git(&["show", &format!("{}:copied", s.branch())]), "of the submodule");
    }
}

/// The clone that the user has lacks the submodule: git may not fetch from a path unless the user allows it, and then it is fetched.
#[test]
fn a_submodule_that_must_be_fetched_first() {
    let s = Sandbox::new(&[]);
    let other = s.path("other");
    fs::create_dir(&other).unwrap();
    git_at(&other, &["init", "-q", "-b", "main"]);
    fs::write(other.join("inner"), "of the submodule\n").unwrap();
    git_at(&other, &["add", "-A"]);
    git_at(&other, &["-c", "user.name=T", "-c", "user.email=t@example.invalid", "commit", "-qm", "Inner"]);
    git_at(&s.repo(), &["submodule", "--quiet", "add", &format!("file://{}", other.display()), "sub"]);
    s.git(&["commit", "-qm", "A submodule"]);
    let full = s.path("full");
    fs::rename(s.repo(), &full).unwrap();
    git_at(&s.path("."), &["clone", "-q", full.to_str().unwrap(), s.repo().to_str().unwrap()]);
    let before = users_own(&s);
    let plan = "verify = []\n[[task]]\nid = \"a\"\nrun = \"cp sub/inner copied\"\n";
    let refused = s.run(plan, &[]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(s.reason("a").contains("file"), "git says what is not allowed: {}", s.reason("a"));
    fs::write(s.path("home/.gitconfig"), "[protocol \"file\"]\n\tallow = always\n").unwrap();
    let ran = s.run(plan, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.git(&["show", &format!("{}:copied", s.branch())]), "of the submodule");
    assert_eq!(users_own(&s), before);
}

#[test]
fn land_into_a_dirty_checkout_is_refused_and_into_a_clean_one_updates_it() {
    let s = Sandbox::new(&[("x", "1\n")]);
    lands_in(&s, &s.repo(), |_| {});
    s.write("a", "in the way\n");
    let before = users_own(&s);
    let refused = s.greenlane(&["land", "--into", "main"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert_eq!(users_own(&s), before);
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
