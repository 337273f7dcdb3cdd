//! What files are called and what they are: spaces, line ends, bytes that are no text, links, modes, cases, a folder where a file was.

use std::fs;
use std::os::unix::fs::symlink;

use crate::common::{Ran, Sandbox};
use crate::support::{each_git, git_bytes, name, runs_green, tree};

#[test]
fn names_of_any_bytes() {
    let run = concat!(
        r#"set -e; mkdir -p 'a dir'; echo 1 > 'a dir/with space'; printf 2 > "$(printf 'two\nlines')"; "#,
        r#"printf 3 > "$(printf 'latin\351')"; printf 4 > ./-rf; printf 5 > 'quo"te$'; printf 6 > ':(glob)x'; "#,
        r#"printf 7 >> "$(printf 'old\377')"; printf 8 > 'é'; git add -- "$(printf 'latin\351')""#,
    );
    for git in each_git() {
        let s = Sandbox::new(&[]);
        fs::write(s.repo().join(name(b"old\xff")), "was here\n").unwrap();
        s.git(&["add", "-A"]);
        s.git(&["commit", "-qm", "Bytes"]);
        let plan = format!(
            "verify = [\"test -e 'a dir/with space' -o ! -e a\"]\n[[task]]\nid = \"a\"\nrun = '''{run}'''\ncheck = [\"git status\"]\n\
             [[task]]\nid = \"b\"\ndepends = [\"a\"]\nrun = '''cat ./* > all 2>/dev/null; rm -- ./-rf'''\n"
        );
        runs_green(&s, &git, &plan);
        let names: Vec<Vec<u8>> = tree(&s, &s.branch()).into_iter().map(|(_, n)| n).collect();
        let wanted: [&[u8]; 10] = [
            b":(glob)x",
            b"README.md",
            b"a dir/with space",
            b"all",
            b"latin\xe9",
            b"old\xff",
            b"quo\"te$",
            b"two\nlines",
            "é".as_bytes(),
            b"",
        ];
        let mut wanted: Vec<Vec<u8>> = wanted.iter().filter(|n| !n.is_empty()).map(|n| n.to_vec()).collect();
        wanted.sort();
        assert_eq!(names, wanted);
        let status = s.status();
        assert_eq!(status["summary"]["done"], 2, "{status:#}");
    }
}

#[test]
fn ownership_of_a_name_that_is_no_text() {
    let s = Sandbox::new(&[]);
    let plan = "verify = []\n[[task]]\nid = \"in\"\nowns = [\"mine/**\"]\nrun = '''mkdir mine; echo 1 > \"mine/$(printf 'x\\351')\"'''\n\
                [[task]]\nid = \"out\"\nowns = [\"mine/**\"]\nrun = '''echo 1 > \"$(printf 'x\\351\\ny')\"'''\n";
    let ran = s.run(plan, &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!((s.states()["in"].as_str(), s.states()["out"].as_str()), ("done", "failed"));
    assert!(!s.reason("out").contains('\n'), "a reason is one line: {:?}", s.reason("out"));
}

#[test]
fn links_modes_and_cases() {
    for git in each_git() {
        let s = Sandbox::new(&[("README.txt", "x\n"), ("tool", "#!/bin/sh\n"), ("target", "t\n")]);
        symlink("target", s.repo().join("link")).unwrap();
        symlink("/nowhere/at all", s.repo().join("dangling")).unwrap();
        s.git(&["add", "-A"]);
        s.git(&["commit", "-qm", "Links"]);
        let plan = r#"
            verify = ["test -L link && test -L dangling"]
            [[task]]
            id = "a"
            run = "chmod +x tool; ln -s .. up; git mv README.txt readme.txt; ln -sfn README.md dangling"
            [[task]]
            id = "b"
            depends = ["a"]
            run = "test -x tool && test -L up && test ! -e README.txt && mv readme.txt README.TXT"
        "#;
        runs_green(&s, &git, plan);
        let tree = tree(&s, &s.branch());
        let mode = |file: &str| tree.iter().find(|(_, n)| n == file.as_bytes()).map_or("none", |(m, _)| m).to_owned();
        let found = ["tool", "up", "link", "dangling", "README.TXT", "README.txt", "readme.txt"].map(mode);
        assert_eq!(found, ["100755", "120000", "120000", "120000", "100644", "none", "none"]);
        assert_eq!(git_bytes(&s, &["cat-file", "blob", &format!("{}:dangling", s.branch())]), b"README.md");
    }
}

/// One after the other in the same recycled worktree: a file becomes a folder with ignored files in it, and a file again.
#[test]
fn a_folder_where_a_file_was_and_back() {
    for git in each_git() {
        let s = Sandbox::new(&[("x", "file\n"), (".gitignore", "*.o\n")]);
        let plan = r#"
            verify = ["test -f x -o -f x/y"]
            [[task]]
            id = "a"
            run = "rm x; mkdir x; echo y > x/y; echo o > x/y.o"
            [[task]]
            id = "b"
            depends = ["a"]
            run = "test -f x/y && rm -r x && echo again > x"
            [[task]]
            id = "c"
            depends = ["b"]
            run = "cat x > z"
        "#;
        runs_green(&s, &git, plan);
        assert_eq!(s.git(&["show", &format!("{}:z", s.branch())]), "again");
    }
}

/// At once: one makes a folder of the file that the other changes. That is a conflict, told as such, and the user's own is untouched.
#[test]
fn a_folder_and_a_file_at_once() {
    let meet = |own: &str, other: &str| {
        format!("touch $OUT/{own}; n=0; until [ -e $OUT/{other} ]; do n=$((n+1)); [ $n -gt 1500 ] && exit 9; sleep 0.02; done")
    };
    for git in each_git() {
        let s = Sandbox::new(&[("x", "file\n")]);
        let plan = format!(
            "verify = []\n[[task]]\nid = \"a\"\nrun = '''rm x; mkdir x; echo y > x/y; {}'''\n[[task]]\nid = \"b\"\nrun = '''echo more >> x; {}'''\n",
            meet("a", "b"),
            meet("b", "a")
        );
        let before = crate::support::users_own(&s);
        let mut command = s.run_command(&plan, &[]);
        git.choose(&mut command);
        let ran = Ran::of(command.output().unwrap());
        assert_eq!(ran.code, 1, "{ran:?}");
        assert_eq!(crate::support::users_own(&s), before);
        let states = s.states();
        let stuck = states.iter().find(|(_, state)| *state == "needs_human").map(|(id, _)| id.clone()).unwrap();
        assert!(states.values().any(|state| state == "done"), "{states:?}");
        assert!(s.reason(&stuck).contains("conflict"), "{}", s.reason(&stuck));
        let files = s.landed_files();
        assert!(files == ["x"] || files == ["x/y"], "one of the two, whole: {files:?}");
    }
}
