//! What users configure: signing, hooks, nobody, line ends, a file system monitor, sparseness, merge drivers, other object formats.

use std::fs;
use std::process::Command;

use crate::common::{Ran, Sandbox};
use crate::support::{Git, each_git, executable, git_bytes, lands_in, runs_green, users_own};

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
        let path = s.repo().join(".git/hooks").join(hook);
        // The agent's own commit in the plan goes past the hooks that -n leaves out; the others note that they ran.
        let text = if hook.starts_with("pre-") || hook == "commit-msg" {
            "exit 1"
        } else {
            "[ -n \"$GREENLANE_ATTEMPT\" ] || echo ran >> $OUT/hooks"
        };
        executable(&path, &format!("#!/bin/sh\n{text}\n"));
    }
    lands_in(&s, &s.repo(), |_| {});
    assert_eq!(s.out_lines("hooks"), Vec::<String>::new(), "Greenlane's own commits and refs run no hooks of the user's");
}

#[test]
fn nobody_is_configured_at_all() {
    for git in each_git() {
        let s = Sandbox::new(&[]);
        s.git(&["config", "--unset", "user.name"]);
        s.git(&["config", "--unset", "user.email"]);
        let ran = lands_in(&s, &s.repo(), |c| {
            git.choose(c);
            c.env("GIT_CONFIG_NOSYSTEM", "1").env_remove("EMAIL");
            for role in ["AUTHOR", "COMMITTER"] {
                c.env_remove(format!("GIT_{role}_NAME")).env_remove(format!("GIT_{role}_EMAIL"));
            }
        });
        // Where git can make up somebody from the machine's own names, that is who commits; else it is Greenlane.
        let who = s.git(&["log", "-1", "--format=%an <%ae>", &s.branch()]);
        let made_up = Command::new("git")
            .args(["var", "GIT_AUTHOR_IDENT"])
            .current_dir(s.repo())
            .env("HOME", s.path("home"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .unwrap();
        let made_up = String::from_utf8(made_up.stdout).unwrap();
        assert!(if made_up.is_empty() { who == "Greenlane <greenlane@localhost>" } else { made_up.starts_with(&who) }, "{who}: {ran:?}");
    }
}

#[test]
fn line_ends_that_git_converts() {
    for git in each_git() {
        let s = Sandbox::new(&[("x.txt", "one\ntwo\n"), ("y.txt", "one\n")]);
        s.git(&["config", "core.autocrlf", "true"]);
        // The agent sees what a checkout of the user's would hold, and adds to it in that form.
        let plan = r#"
            verify = ["grep -q 'two.$' x.txt"]
            [[task]]
            id = "a"
            run = "grep -c 'one.$' x.txt && printf 'three\\r\\n' >> x.txt"
            owns = ["x.txt"]
            [[task]]
            id = "b"
            depends = ["a"]
            run = "printf 'new\\n' > z.txt"
            owns = ["z.txt"]
        "#;
        runs_green(&s, &git, plan);
        let show = |file: &str| git_bytes(&s, &["cat-file", "blob", &format!("{}:{file}", s.branch())]);
        assert_eq!(show("x.txt"), b"one\ntwo\nthree\n");
        assert_eq!((show("y.txt"), show("z.txt")), (b"one\n".to_vec(), b"new\n".to_vec()));
        assert_eq!(s.git(&["diff", "--name-only", "main", &s.branch()]), "x.txt\nz.txt", "nothing else seems changed");
    }
}

#[test]
fn a_monitor_and_hooks_in_a_folder_of_the_users() {
    for git in each_git() {
        let s = Sandbox::new(&[]);
        let note = "[ -n \"$GREENLANE_ATTEMPT\" ] || echo ran >> $OUT/ran\nexit 1\n";
        executable(&s.path("monitor"), &format!("#!/bin/sh\n{note}"));
        for hook in ["post-checkout", "reference-transaction", "pre-commit", "post-index-change"] {
            executable(&s.path("hooks").join(hook), &format!("#!/bin/sh\n[ -n \"$GREENLANE_ATTEMPT\" ] && exit 0\n{note}"));
        }
        s.git(&["config", "core.fsmonitor", s.path("monitor").to_str().unwrap()]);
        s.git(&["config", "core.hooksPath", s.path("hooks").to_str().unwrap()]);
        // The users' own git runs them, so they are set up as they should be.
        let users = Command::new("git").arg("status").current_dir(s.repo()).env("OUT", s.path("out")).output().unwrap();
        assert!(users.status.success() && s.out("ran").exists());
        fs::remove_file(s.out("ran")).unwrap();
        let before = fs::read(s.repo().join(".git/index")).unwrap();
        let mut command = s.run_command("[[task]]\nid = \"a\"\nrun = \"echo a > a\"\n", &[]);
        git.choose(&mut command);
        let ran = Ran::of(command.output().unwrap());
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(s.landed_files(), ["a"]);
        assert_eq!(s.out_lines("ran"), Vec::<String>::new());
        assert_eq!(fs::read(s.repo().join(".git/index")).unwrap(), before);
    }
}

/// The checkout of the user's stays sparse; worktrees are full, or checks and suites would not find what they need.
#[test]
fn a_sparse_checkout_of_the_users() {
    for git in each_git() {
        let s = Sandbox::new(&[("in/x", "1\n"), ("out/y", "1\n")]);
        s.git(&["sparse-checkout", "set", "in"]);
        assert!(!s.repo().join("out/y").exists());
        runs_green(
            &s,
            &git,
            "verify = [\"test -e in/x && test -e out/y -o -e out/z\"]\n[[task]]\nid = \"a\"\nrun = \"cat out/y in/x > out/z\"\n\
             [[task]]\nid = \"b\"\ndepends = [\"a\"]\nrun = \"git rm -q out/y; cat out/z > in/z\"\n",
        );
        assert_eq!(s.landed_files(), ["in/x", "in/z", "out/z"]);
        assert!(!s.repo().join("out").exists());
    }
}

const TWO_ADD_A_LINE: &str = r#"
    [[task]]
    id = "a"
    run = "echo a >> deep/x.list; echo a > a; touch $OUT/a; n=0; until [ -e $OUT/b ]; do n=$((n+1)); [ $n -gt 1500 ] && exit 9; sleep 0.02; done"
    [[task]]
    id = "b"
    run = "echo b >> deep/x.list; echo b > b; touch $OUT/b; n=0; until [ -e $OUT/a ]; do n=$((n+1)); [ $n -gt 1500 ] && exit 9; sleep 0.02; done"
"#;

/// Which driver merges a file is told by the attributes of what is merged, not by those of whatever folder the user stands in.
#[test]
fn attributes_that_name_merge_drivers() {
    for git in each_git() {
        for below in [false, true] {
            let place = if below { "deep/.gitattributes" } else { ".gitattributes" };
            let s = Sandbox::new(&[("deep/x.list", "first\n"), (place, "*.list merge=union\n"), ("elsewhere/x", "1\n")]);
            let before = users_own(&s);
            for dir in ["", "elsewhere"] {
                let mut command = s.run_command(TWO_ADD_A_LINE, &["--fresh"]);
                git.choose(&mut command);
                let ran = Ran::of(command.current_dir(s.repo().join(dir)).output().unwrap());
                assert_eq!(ran.code, 0, "in {dir:?}, {place}, {git:?}: {ran:?}");
                let merged = s.git(&["show", &format!("{}:deep/x.list", s.branch())]);
                assert!(merged == "first\na\nb" || merged == "first\nb\na", "{merged}");
                fs::remove_file(s.out("a")).and_then(|()| fs::remove_file(s.out("b"))).unwrap();
            }
            assert_eq!(users_own(&s), before);
        }
    }
}

/// Attributes that the user's checkout has and the work has not are no part of the merge: it is a conflict, as the branch says.
#[test]
fn attributes_that_only_the_users_checkout_has() {
    for git in each_git() {
        let s = Sandbox::new(&[("deep/x.list", "first\n")]);
        s.write(".gitattributes", "*.list merge=union\n");
        let mut command = s.run_command(TWO_ADD_A_LINE, &[]);
        git.choose(&mut command);
        let ran = Ran::of(command.output().unwrap());
        assert_eq!(ran.code, 1, "{ran:?}");
        let states = s.states();
        let mut ends: Vec<&str> = states.values().map(String::as_str).collect();
        ends.sort_unstable();
        assert_eq!(ends, ["done", "needs_human"]);
    }
}

#[test]
fn a_merge_driver_of_the_users() {
    for git in each_git() {
        let s = Sandbox::new(&[("deep/x.list", "first\n"), (".gitattributes", "*.list merge=sorted\n")]);
        s.git(&["config", "merge.sorted.driver", "sort -u %A %B -o %A"]);
        runs_green(&s, &git, TWO_ADD_A_LINE);
        assert_eq!(s.git(&["show", &format!("{}:deep/x.list", s.branch())]), "a\nb\nfirst");
    }
}

/// Both gits know SHA-256; reftables are newer than the oldest git that is supported.
#[test]
fn other_object_and_ref_formats() {
    for (format, gits) in [("--object-format=sha256", each_git()), ("--ref-format=reftable", vec![Git::first()])] {
        for git in gits {
            let s = Sandbox::new(&[]);
            let _ = fs::remove_dir_all(s.repo().join(".git"));
            let made = Command::new("git").args(["init", "-q", "-b", "main", format]).current_dir(s.repo()).output().unwrap();
            if !made.status.success() {
                println!("this git does not know {format}");
                continue;
            }
            for (key, value) in [("user.name", "Tester"), ("user.email", "tester@example.invalid")] {
                s.git(&["config", key, value]);
            }
            s.git(&["add", "-A"]);
            s.git(&["commit", "-qm", "The beginning"]);
            lands_in(&s, &s.repo(), |c| git.choose(c));
            let landed = s.greenlane(&["land", "--into", "main"]);
            assert_eq!(landed.code, 0, "{landed:?}");
            assert_eq!(s.git(&["status", "--porcelain"]), "");
            assert!(s.repo().join("c").exists());
        }
    }
}

/// A ref format that the git at hand does not know is refused before anything is written.
#[test]
fn a_repository_that_is_newer_than_git() {
    let s = Sandbox::new(&[]);
    s.git(&["config", "core.repositoryFormatVersion", "1"]);
    s.git(&["config", "extensions.fromTheFuture", "true"]);
    let plan = s.plan("p.toml", crate::support::PLAN);
    let refused = s.greenlane(&["run", plan.to_str().unwrap()]);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.stderr.contains("fromthefuture"), "it says what git said: {refused:?}");
    assert!(!refused.stderr.contains("safe.directory"), "that is not what is wrong: {refused:?}");
    assert!(!s.repo().join(".greenlane").exists());
}
