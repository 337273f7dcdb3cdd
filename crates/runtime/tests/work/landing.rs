//! Landing: merges in memory, generated files, the suite and its detection.

use std::collections::BTreeMap;
use std::time::Duration;

use greenlane_core::attempt::{Merge, Suite};
use greenlane_core::ids::{AttemptId, Oid};
use greenlane_runtime::gate::{Generated, Remake, SuiteSpec, detect_suite, land, verify};
use greenlane_runtime::workspace::{PoolSettings, Release};
use greenlane_testkit::repo::TempRepo;

use crate::common::{Place, candidate, environment, merged, put, started, with_each_git};

/// Files of a repository, and the commands that are found in it.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);

#[test]
fn candidates_merge_one_after_another_and_conflicts_name_their_kind() {
    with_each_git(|place| {
        let work = |task: &str, files: &[(&str, &str)]| {
            let ws = place.prepare(task);
            for (path, text) in files {
                put(&ws, path, text);
            }
            let commit = place.accept(&ws, task);
            place.pool.release(&ws, Release::Landed).expect("released");
            candidate(&place, task, commit)
        };
        let onto = Oid::from(place.temp.head());
        let a = work("a", &[("a.txt", "a\n"), ("src/one.txt", "by a\n")]);
        let b = work("b", &[("b.txt", "b\n")]);
        let c = work("c", &[("src/one.txt", "by c\n")]);
        place.processes();
        let merges = land::merge(&place.repo, &onto, &[a.clone(), b.clone()], None).expect("merged");
        assert_eq!(place.processes(), Vec::<String>::new(), "independent work lands without a process");
        let branch = land::create_branch(&place.repo, "greenlane/r1/plan/plan", &onto).expect("a branch");
        let tip = merged(&merges, 1);
        land::move_branch(&place.repo, &branch, &onto, &tip).expect("moved");
        assert_eq!(place.temp.git(&["log", "--first-parent", "--format=%s", &format!("{onto}..{branch}")]), "Land b\nLand a");
        assert_eq!(place.temp.git(&["log", "-1", "--format=%(trailers:key=Greenlane-Run,valueonly)", &branch]), "r1");

        let merges = land::merge(&place.repo, &onto, &[a, c.clone(), b], None).expect("merged");
        assert_eq!(merges[1].1, Merge::Conflict { files: vec!["src/one.txt".into()], definite: false, not_remade: None });
        assert_eq!(place.repo.tree_of(&merged(&merges, 2)).expect("a tree"), place.repo.tree_of(&tip).expect("a tree"));
        let merges = land::merge(&place.repo, &tip, &[c], None).expect("merged");
        assert_eq!(merges[0].1, Merge::Conflict { files: vec!["src/one.txt".into()], definite: true, not_remade: None });
    });
}

#[test]
fn generated_files_are_made_anew_on_conflict() {
    with_each_git(|place| {
        let temp = &place.temp;
        let make = "cat parts/* > all.txt";
        temp.write("parts/0", "zero\n");
        temp.write("all.txt", "zero\n");
        temp.commit("generated");
        let work = |task: &str, extra: Option<(&str, &str)>| {
            let ws = place.prepare(task);
            put(&ws, &format!("parts/{task}"), &format!("{task}\n"));
            put(&ws, "all.txt", &format!("zero\n{task}\n"));
            if let Some((path, text)) = extra {
                put(&ws, path, text);
            }
            candidate(&place, task, place.accept(&ws, task))
        };
        let (a, b, c) = (work("a", None), work("b", None), work("c", Some(("parts/0", "ZERO\n"))));
        let d = work("d", Some(("parts/0", "Zero\n")));
        let remake = |command: &str| -> Vec<(AttemptId, Merge)> {
            let plan = BTreeMap::from([("all.txt".to_owned(), command.to_owned())]);
            let (generated, env) = (Generated::new(&plan).expect("globs"), environment(temp));
            let remake = Remake {
                pool: &place.pool,
                run: &place.run,
                slug: "plan",
                generated: &generated,
                timeout: Duration::from_secs(30),
                env: &env,
                log_dir: place.logs(),
            };
            let all = [a.clone(), b.clone(), c.clone(), d.clone()];
            land::merge(&place.repo, &Oid::from(temp.head()), &all, Some(&remake)).expect("merged")
        };
        let merges = remake(&format!("{make}; echo stray > elsewhere.txt"));
        let tip = merged(&merges, 2);
        assert_eq!(place.show(tip.as_str(), "all.txt").as_deref(), Some("ZERO\na\nb\nc\n"));
        assert_eq!(place.show(tip.as_str(), "elsewhere.txt"), None);
        assert!(
            matches!(&merges[3].1, Merge::Conflict { files, definite: false, not_remade: None } if files == &["all.txt", "parts/0"]),
            "{:?}",
            merges[3]
        );
        let refused = |command: &str| match &remake(command)[1].1 {
            Merge::Conflict { files, not_remade: Some(n), .. } => {
                assert_eq!((files.as_slice(), n.command.as_str()), (["all.txt".to_owned()].as_slice(), command));
                format!("{}: {}", std::fs::read_to_string(&n.log).expect("its log").lines().last().unwrap_or_default(), n.why)
            }
            other => panic!("{command}: {other:?}"),
        };
        assert_eq!(refused("echo so; exit 7"), "so: failed with exit code 7");
        assert_eq!(refused("echo k; kill -9 $$"), "k: was ended by signal 9");
        assert_eq!(refused("rm all.txt; echo r"), "r: did not make all.txt");
        assert_eq!(refused(&format!("{make}.new; echo n")), "n: did not make all.txt");
        assert_eq!(refused("echo nothing"), "nothing: did not make all.txt");
        let as_it_was = remake("test -e all.txt || echo made > all.txt");
        assert_eq!(place.show(merged(&as_it_was, 2).as_str(), "all.txt").as_deref(), Some("zero\na\n"), "what is right is left alone");
    });
}

#[test]
fn a_suite_is_green_red_or_cannot_run() {
    let place = Place::of(started("git"), PoolSettings::default());
    let head = Oid::from(place.temp.head());
    let suite = |commands: &[&str], seconds: u64| {
        let commands: Vec<String> = commands.iter().map(|c| (*c).to_owned()).collect();
        let (env, log_dir) = (environment(&place.temp), place.logs());
        let timeout = Duration::from_secs(seconds);
        verify(&place.pool, &head, &SuiteSpec { run: &place.run, slug: "plan", commands: &commands, timeout, env: &env, log_dir: &log_dir })
    };
    assert_eq!(suite(&["grep -q one src/one.txt", "touch junk"], 30), Suite::Green { cached: false });
    assert_eq!(suite(&["test ! -e junk"], 30), Suite::Green { cached: false });
    assert!(
        matches!(suite(&["true", "echo no; exit 2"], 30), Suite::Red { exit_code: Some(2), ref output, hint: None, .. } if output == "no\n")
    );
    assert!(matches!(suite(&["no-such-program"], 30), Suite::Red { exit_code: Some(127), hint: Some(_), .. }));
    assert!(matches!(suite(&["sleep 100 & wait"], 1), Suite::Red { timed_out: true, exit_code: None, .. }));
    assert!(matches!(suite(&[], 1), Suite::Broken { .. }));
}

#[test]
fn the_suite_is_told_from_the_commit() {
    let cases: &[Case<'_>] = &[
        (&[("Cargo.toml", "[package]")], &["cargo test"]),
        (&[("package.json", r#"{"scripts":{"test":"vitest"}}"#)], &["npm test"]),
        (&[("package.json", r#"{"scripts":{"test":"jest"}}"#), ("pnpm-lock.yaml", "")], &["pnpm test"]),
        (&[("package.json", r#"{"scripts":{"test":"echo \"Error: no test specified\" && exit 1"}}"#)], &[]),
        (&[("package.json", "not json")], &[]),
        (&[("pyproject.toml", "[tool.pytest.ini_options]\n")], &["python3 -m pytest"]),
        (&[("pyproject.toml", "[project]\n")], &[]),
        (&[("tests/test_a.py", ""), ("setup.py", "")], &["python3 -m pytest"]),
        (&[("tests/data.py", "")], &[]),
        (&[("go.mod", "module x")], &["go test ./..."]),
        (&[("Makefile", "test_data := x\n\ntest: build\n\ttrue\n")], &["make test"]),
        (&[("Makefile", "check:\n\ttrue\n")], &["make check"]),
        (&[("Makefile", "test := 3\nall:\n")], &[]),
        (&[("Cargo.toml", ""), ("Makefile", "test:\n")], &["cargo test"]),
        (&[("Cargo.toml", ""), ("package.json", r#"{"scripts":{"test":"tap"}}"#)], &["cargo test", "npm test"]),
        (&[("build.gradle.kts", ""), ("gradlew", "")], &["./gradlew test"]),
    ];
    let temp = TempRepo::started();
    let start = temp.head();
    let place = Place::of(temp, PoolSettings::default());
    for (files, wanted) in cases {
        place.temp.git(&["checkout", "-q", "--detach", &start]);
        for (path, text) in *files {
            place.temp.write(path, text);
        }
        let commit = Oid::from(place.temp.commit("files"));
        place.temp.git(&["checkout", "-q", "main"]);
        let found = detect_suite(&place.repo, &commit).expect("an answer");
        assert_eq!(found.iter().map(|d| d.command.as_str()).collect::<Vec<_>>(), *wanted, "{files:?}");
    }
}
