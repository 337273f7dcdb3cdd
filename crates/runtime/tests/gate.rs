//! The gate and landing on repositories as agents really leave them.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use common::{Place, environment, put, read};
use greenlane_core::attempt::{Merge, Suite, Verdict};
use greenlane_core::ids::{AttemptId, Oid};
use greenlane_runtime::gate::land::{self, Candidate};
use greenlane_runtime::gate::{Generated, Remake, SuiteSpec, detect_suite, landing_message, verify};
use greenlane_runtime::workspace::{PoolSettings, Release, Workspace};
use greenlane_testkit::repo::{SYSTEM_GIT, TempRepo, write};

/// The same story with each git that this machine has.
fn with_each_git(test: impl Fn(Place)) {
    for git in ["git", SYSTEM_GIT] {
        if git == "git" || Path::new(git).exists() {
            test(Place::of(started(git), PoolSettings::default()));
        }
    }
}

fn started(program: &str) -> TempRepo {
    let temp = TempRepo::with_git(program);
    temp.write(".gitignore", "target/\n");
    temp.write("src/one.txt", "one\n");
    temp.write("src/two.txt", "two\n");
    temp.start();
    temp
}

fn needs_human(verdict: Verdict) -> (String, Option<String>) {
    match verdict {
        Verdict::NeedsHuman { why, kept } => (why, kept),
        other => panic!("{other:?}"),
    }
}

fn candidate(place: &Place, task: &str, commit: Oid) -> Candidate {
    let key = Place::key(task);
    let message = landing_message(task, &place.run, &key);
    Candidate { id: AttemptId { key, n: 1 }, commit, base: Oid::from(place.temp.head()), message }
}

fn merged(merges: &[(AttemptId, Merge)], at: usize) -> Oid {
    match &merges[at].1 {
        Merge::Merged { commit } => commit.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_done_is_no_change_whatever_was_tried() {
    with_each_git(|place| {
        let ws = place.prepare("a");
        assert_eq!(place.judge(&ws, "a"), Verdict::NoChange);
        put(&ws, "target/built", "ignored");
        place.git_in(&ws, &["commit", "-q", "--allow-empty", "-m", "nothing"]);
        assert_eq!(place.judge(&ws, "a"), Verdict::NoChange);
    });
}

#[test]
fn work_is_what_the_worktree_holds_wherever_head_is() {
    with_each_git(|place| {
        // Committed, staged and untracked at once, on a branch of the agent's own.
        let ws = place.prepare("a");
        put(&ws, "src/one.txt", "committed\n");
        place.git_in(&ws, &["commit", "-q", "-am", "the agent's"]);
        let abandoned = place.git_in(&ws, &["rev-parse", "HEAD"]);
        place.git_in(&ws, &["checkout", "-q", "-b", "own-idea", "HEAD~1"]);
        put(&ws, "src/two.txt", "staged\n");
        place.git_in(&ws, &["add", "-A"]);
        put(&ws, "new.txt", "untracked\n");
        let commit = place.accept(&ws, "a");
        assert_eq!(place.temp.git(&["diff", "--name-only", "main", commit.as_str()]), "new.txt\nsrc/two.txt");
        assert_eq!(place.temp.git(&["rev-parse", "greenlane/r1/task/a"]), commit.as_str());
        assert_eq!(place.git_in(&ws, &["symbolic-ref", "HEAD"]), "refs/heads/greenlane/r1/task/a");
        assert_eq!(place.git_in(&ws, &["status", "--porcelain"]), "");
        assert_eq!(place.temp.git(&["for-each-ref", "--format=%(objectname)", "refs/greenlane/r1/left"]), abandoned);

        // Detached, all committed: no commit of Greenlane's is needed.
        let ws = place.prepare("b");
        place.git_in(&ws, &["checkout", "-q", "--detach"]);
        put(&ws, "b.txt", "b");
        place.git_in(&ws, &["add", "-A"]);
        place.git_in(&ws, &["commit", "-q", "-m", "mine"]);
        let head = place.git_in(&ws, &["rev-parse", "HEAD"]);
        assert_eq!(place.accept(&ws, "b").as_str(), head);
    });
}

#[test]
fn head_that_left_the_base_needs_a_human_and_is_kept() {
    with_each_git(|place| {
        let ws = place.prepare("a");
        place.git_in(&ws, &["checkout", "-q", "--orphan", "elsewhere"]);
        put(&ws, "work.txt", "w");
        place.git_in(&ws, &["add", "-A"]);
        place.git_in(&ws, &["commit", "-q", "-m", "unrelated"]);
        put(&ws, "more.txt", "m");
        let (why, kept) = needs_human(place.judge(&ws, "a"));
        assert!(why.contains("does not descend"), "{why}");
        assert_eq!(kept.as_deref(), Some("refs/greenlane/r1/kept/a/1"));
        assert_eq!(place.show("refs/greenlane/r1/kept/a/1", "more.txt").as_deref(), Some("m"));
        assert_eq!(place.temp.git(&["rev-parse", "greenlane/r1/task/a"]), place.temp.head());
    });
}

#[test]
fn flags_in_the_agents_index_hide_nothing() {
    with_each_git(|place| {
        let ws = place.prepare("a");
        place.git_in(&ws, &["update-index", "--assume-unchanged", "src/one.txt"]);
        place.git_in(&ws, &["update-index", "--skip-worktree", "src/two.txt"]);
        put(&ws, "src/one.txt", "hidden\n");
        fs::remove_file(ws.path.join("src/two.txt")).expect("removed");
        put(&ws, "new.txt", "n");
        place.git_in(&ws, &["add", "-N", "new.txt"]);
        let commit = place.accept(&ws, "a");
        assert_eq!(place.temp.git(&["diff", "--name-status", "main", commit.as_str()]), "A\tnew.txt\nM\tsrc/one.txt\nD\tsrc/two.txt");
    });
}

#[test]
fn files_forced_past_an_ignore_rule_are_work() {
    with_each_git(|place| {
        let ws = place.prepare("staged");
        put(&ws, "target/wanted", "w");
        put(&ws, "target/other", "o");
        place.git_in(&ws, &["add", "-f", "target/wanted"]);
        let commit = place.accept(&ws, "staged");
        assert_eq!(place.temp.git(&["diff", "--name-only", "main", commit.as_str()]), "target/wanted");

        let ws = place.prepare("committed");
        put(&ws, "target/wanted", "w");
        place.git_in(&ws, &["add", "-f", "target/wanted"]);
        place.git_in(&ws, &["commit", "-q", "-m", "forced"]);
        put(&ws, "later.txt", "l");
        let commit = place.accept(&ws, "committed");
        assert_eq!(place.temp.git(&["diff", "--name-only", "main", commit.as_str()]), "later.txt\ntarget/wanted");
    });
}

#[test]
fn a_sparse_checkout_does_not_delete_what_it_hides() {
    with_each_git(|place| {
        for (task, mode) in [("cone", "--cone"), ("patterns", "--no-cone")] {
            let ws = place.prepare(task);
            place.git_in(&ws, &["sparse-checkout", "set", mode, "docs"]);
            assert!(!ws.path.join("src/one.txt").exists(), "it is sparse");
            put(&ws, "docs/new.txt", "n");
            let commit = place.accept(&ws, task);
            assert_eq!(place.temp.git(&["diff", "--name-status", "main", commit.as_str()]), "A\tdocs/new.txt", "{mode}");
            assert!(ws.path.join("src/one.txt").exists(), "checks see all files");
            place.pool.release(&ws, Release::Landed).expect("released");
        }
        // Snapshots, and the next user of the worktree, too.
        let ws = place.prepare("kept");
        place.git_in(&ws, &["sparse-checkout", "set", "docs"]);
        put(&ws, "docs/new.txt", "n");
        place.pool.snapshot(&ws, "refs/greenlane/r1/kept/kept/1", "Kept").expect("kept");
        assert_eq!(place.temp.git(&["diff", "--name-status", "main", "refs/greenlane/r1/kept/kept/1"]), "A\tdocs/new.txt");
        place.pool.release(&ws, Release::Landed).expect("released");
        let ws = place.prepare("next");
        assert_eq!(place.git_in(&ws, &["ls-files", "-t"]), "H .gitignore\nH README.md\nH src/one.txt\nH src/two.txt");
        assert!(ws.path.join("src/one.txt").exists());
    });
}

#[test]
fn operations_left_under_way_are_not_taken_for_results() {
    with_each_git(|place| {
        let conflict = |ws: &Workspace| {
            place.git_in(ws, &["checkout", "-q", "-b", &format!("side-{}", ws.branch.replace('/', "-"))]);
            put(ws, "src/one.txt", "side\n");
            place.git_in(ws, &["commit", "-q", "-am", "side"]);
            place.git_in(ws, &["checkout", "-q", &ws.branch]);
            put(ws, "src/one.txt", "ours\n");
            place.git_in(ws, &["commit", "-q", "-am", "ours"]);
            format!("side-{}", ws.branch.replace('/', "-"))
        };
        let ws = place.prepare("merge");
        let side = conflict(&ws);
        assert!(!place.temp.try_git_in(&ws.path, &["merge", "-q", &side]).status.success());
        let (why, kept) = needs_human(place.judge(&ws, "merge"));
        assert!(why.contains("conflicts in src/one.txt"), "{why}");
        assert!(place.show(&kept.expect("a ref"), "src/one.txt").is_some_and(|t| t.contains("<<<<<<<")));

        // The same, resolved but not committed: files as they are.
        put(&ws, "src/one.txt", "both\n");
        place.git_in(&ws, &["add", "src/one.txt"]);
        let commit = place.accept(&ws, "merge");
        assert_eq!(place.show(commit.as_str(), "src/one.txt").as_deref(), Some("both\n"));
        assert!(!ws.git_dir.join("MERGE_HEAD").exists());

        let ws = place.prepare("rebase");
        let side = conflict(&ws);
        assert!(!place.temp.try_git_in(&ws.path, &["rebase", "-q", &side]).status.success());
        put(&ws, "src/one.txt", "resolved\n");
        place.git_in(&ws, &["add", "src/one.txt"]);
        let (why, _) = needs_human(place.judge(&ws, "rebase"));
        assert!(why.contains("a rebase was left under way"), "{why}");
        place.pool.release(&ws, Release::Landed).expect("released");
        let ws = place.prepare("next");
        assert!(place.git_in(&ws, &["status"]).contains("nothing to commit"));
        assert!(!place.git_in(&ws, &["status"]).contains("rebase"));
    });
}

#[test]
fn a_worktree_that_lost_its_git_file_writes_nothing() {
    with_each_git(|place| {
        let before = place.temp.fingerprint();
        let ws = place.prepare("gone");
        put(&ws, "work.txt", "w");
        fs::remove_file(ws.path.join(".git")).expect("removed");
        let (why, kept) = needs_human(place.judge(&ws, "gone"));
        assert!(why.contains("lost its .git") && kept == Some(ws.path.display().to_string()), "{why} {kept:?}");

        let ws = place.prepare("elsewhere");
        write(&ws.path, ".git", &format!("gitdir: {}\n", place.temp.path().join(".git").display()));
        put(&ws, "work.txt", "w");
        needs_human(place.judge(&ws, "elsewhere"));
        assert_eq!(place.temp.fingerprint(), before);
        place.pool.release(&ws, Release::Landed).expect("released");
        assert!(ws.path.join("work.txt").exists(), "it is left to people");
        assert_ne!(place.prepare("next").path, ws.path);
    });
}

#[test]
fn a_repository_inside_the_worktree_is_not_lost() {
    with_each_git(|place| {
        let ws = place.prepare("empty");
        fs::create_dir(ws.path.join("inner")).expect("a directory");
        place.temp.git_in(&ws.path.join("inner"), &["init", "-q"]);
        put(&ws, "inner/file", "f");
        let (why, _) = needs_human(place.judge(&ws, "empty"));
        assert!(why.contains("git repository"), "{why}");

        let ws = place.prepare("full");
        fs::create_dir(ws.path.join("inner")).expect("a directory");
        place.temp.git_in(&ws.path.join("inner"), &["init", "-q"]);
        put(&ws, "inner/file", "f");
        place.temp.git_in(&ws.path.join("inner"), &["add", "-A"]);
        place.temp.git_in(&ws.path.join("inner"), &["commit", "-q", "-m", "inner"]);
        let (why, _) = needs_human(place.judge(&ws, "full"));
        assert!(why.contains("`inner` is a git repository of its own"), "{why}");
        place.pool.release(&ws, Release::Landed).expect("released");
        let next = place.prepare("next");
        assert_ne!(next.path, ws.path);
        assert_eq!(read(&ws.path, "inner/file").as_deref(), Some("f"));
    });
}

#[test]
fn ownership_is_judged_on_the_commit() {
    let place = Place::of(started("git"), PoolSettings::default());
    let ws = place.prepare("a");
    put(&ws, "src/one.txt", "mine\n");
    put(&ws, "Cargo.lock", "generated\n");
    put(&ws, "sub/package-lock.json", "{}\n");
    assert!(matches!(place.judge_by(&ws, "a", &["src/**"], &[]), Verdict::Accepted { files_changed: 3, .. }));
    place.git_in(&ws, &["mv", "src/two.txt", "src/moved.txt"]);
    match place.judge_by(&ws, "a", &["src/one.txt", "src/moved.txt"], &["touch never"]) {
        Verdict::OutsideOwnership { commit, files } => {
            assert_eq!(files, ["src/two.txt"], "a rename touches both names");
            assert!(place.show(commit.as_str(), "src/moved.txt").is_some());
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn checks_run_on_the_commit_and_leave_nothing() {
    with_each_git(|place| {
        let ws = place.prepare("a");
        put(&ws, "a.txt", "a");
        let dirty = "test -f a.txt && echo junk > junk.txt && echo x >> README.md && mkdir -p target && echo built > target/out";
        let naughty = "git commit -q -am sneaky; git checkout -q --detach HEAD~1";
        let Verdict::Accepted { commit, .. } = place.judge_by(&ws, "a", &[], &[dirty, naughty]) else { panic!("refused") };
        assert_eq!(place.git_in(&ws, &["status", "--porcelain"]), "");
        assert_eq!(place.git_in(&ws, &["rev-parse", "HEAD"]), commit.as_str());
        assert_eq!(place.temp.git(&["rev-parse", "greenlane/r1/task/a"]), commit.as_str());
        assert_eq!(place.temp.git(&["diff", "--name-only", "main", commit.as_str()]), "a.txt");
        assert_eq!(read(&ws.path, "target/out").as_deref(), Some("built\n"), "caches stay");

        match place.judge_by(&ws, "a", &[], &["true", "echo broken >&2; exit 4", "touch never"]) {
            Verdict::CheckFailed { commit: kept, command, exit_code, output, timed_out } => {
                assert_eq!((kept, exit_code, output.as_str(), timed_out), (commit, Some(4), "broken\n", false));
                assert!(command.starts_with("echo broken"));
            }
            other => panic!("{other:?}"),
        }
        assert!(!ws.path.join("never").exists());
    });
}

#[test]
fn the_users_hooks_and_signing_and_identity_are_left_out_of_it() {
    for git in ["git", SYSTEM_GIT] {
        if git != "git" && !Path::new(git).exists() {
            continue;
        }
        let temp = started(git);
        for hook in
            ["pre-commit", "commit-msg", "post-checkout", "post-commit", "reference-transaction", "prepare-commit-msg", "post-index-change"]
        {
            let path = temp.path().join(".git/hooks").join(hook);
            write(
                temp.path(),
                &format!(".git/hooks/{hook}"),
                &format!("#!/bin/sh\necho {hook} >> '{}'\nexit 1\n", temp.beside("hooked").display()),
            );
            assert!(std::process::Command::new("chmod").arg("+x").arg(&path).status().expect("chmod").success());
        }
        temp.git(&["config", "commit.gpgsign", "true"]);
        temp.git(&["config", "gpg.program", "/bin/false"]);
        let nobody = temp.beside("nobody");
        fs::write(&nobody, "[user]\n\tuseConfigOnly = true\n").expect("a configuration");
        let place = Place::with_env(temp, PoolSettings::default(), vec![("GIT_CONFIG_GLOBAL".into(), nobody.into())]);
        let before = place.temp.fingerprint();
        let ws = place.prepare("a");
        put(&ws, "a.txt", "a");
        let commit = place.accept(&ws, "a");
        let onto = Oid::from(place.temp.head());
        let merges = land::merge(&place.repo, &onto, &[candidate(&place, "a", commit.clone())], None).expect("merged");
        let branch = land::create_branch(&place.repo, "greenlane/r1/plan/plan", &onto).expect("a branch");
        land::move_branch(&place.repo, &branch, &onto, &merged(&merges, 0)).expect("moved");
        assert_eq!(place.temp.git(&["log", "-1", "--format=%an <%ae> %G?", commit.as_str()]), "Greenlane <greenlane@localhost> N");
        assert!(!place.temp.beside("hooked").exists(), "{:?}", fs::read_to_string(place.temp.beside("hooked")));
        assert_eq!(place.temp.fingerprint(), before);
    }
}

#[test]
fn shallow_detached_linked_and_bare_places_work_alike() {
    with_each_git(|place| {
        let temp = &place.temp;
        temp.write("more", "1");
        temp.commit("more");
        temp.git(&["checkout", "-q", "--detach"]);
        let url = format!("file://{}", temp.path().display());
        let (bare, shallow, linked) = (temp.beside("bare"), temp.beside("shallow"), temp.beside("linked"));
        temp.git(&["clone", "-q", "--bare", &url, bare.to_str().expect("text")]);
        temp.git(&["clone", "-q", "--depth", "1", &url, shallow.to_str().expect("text")]);
        temp.git(&["worktree", "add", "-q", "--detach", linked.to_str().expect("text")]);
        for dir in [&bare, &shallow, &linked] {
            let caller = greenlane_runtime::git::Caller { program: temp.program().to_owned(), env: temp.env() };
            let repo = greenlane_runtime::git::Repo::discover_with(dir, caller).expect("a repository");
            let head = repo.require_head().expect("a head");
            let pool_dir = dir.with_extension("pool");
            let shell = std::sync::Arc::new(common::PlainShell);
            let pool = greenlane_runtime::workspace::Pool::open(&repo, pool_dir, PoolSettings::default(), shell).expect("a pool");
            let wanted = |task: &str| greenlane_runtime::workspace::Prepare {
                base: head.clone(),
                ..place.wanted(task, greenlane_runtime::workspace::From::Fresh)
            };
            let spec_env = environment(temp);
            let generated = Generated::new(&BTreeMap::new()).expect("none");
            let mut commits = Vec::new();
            for task in ["a", "b"] {
                let ws = pool.prepare(&wanted(task)).expect("a workspace");
                put(&ws, &format!("{task}.txt"), "x");
                let spec = greenlane_runtime::gate::JudgeSpec {
                    run: &place.run,
                    key: &Place::key(task),
                    slug: task,
                    title: task,
                    owns: &[],
                    generated: &generated,
                    checks: &[],
                    check_timeout: Duration::from_secs(30),
                    env: &spec_env,
                    log_dir: &place.logs(),
                };
                let Verdict::Accepted { commit, .. } = greenlane_runtime::gate::judge(&pool, &ws, &spec) else {
                    panic!("{}", dir.display())
                };
                commits.push(Candidate { base: head.clone(), ..candidate(&place, task, commit) });
                pool.release(&ws, Release::Landed).expect("released");
            }
            let merges = land::merge(&repo, &head, &commits, None).expect("merged");
            let tip = merged(&merges, 1);
            let listed = temp.git_in(dir, &["ls-tree", "-r", "--name-only", tip.as_str()]);
            assert!(listed.contains("a.txt") && listed.contains("b.txt"), "{}: {listed}", dir.display());
        }
    });
}

#[test]
fn filters_that_are_required_round_trip() {
    // What Git LFS is to git: a required clean and smudge filter. Where git-lfs itself is installed it is used below as well.
    with_each_git(|place| {
        let temp = &place.temp;
        temp.git(&["config", "filter.rot.clean", "tr a-y b-z"]);
        temp.git(&["config", "filter.rot.smudge", "tr b-z a-y"]);
        temp.git(&["config", "filter.rot.required", "true"]);
        temp.write(".gitattributes", "*.bin filter=rot\n");
        temp.write("data.bin", "abc\n");
        temp.commit("filtered");
        assert_eq!(place.show("HEAD", "data.bin").as_deref(), Some("bcd\n"));
        let ws = place.prepare("a");
        assert_eq!(read(&ws.path, "data.bin").as_deref(), Some("abc\n"));
        assert_eq!(place.judge(&ws, "a"), Verdict::NoChange);
        put(&ws, "more.bin", "hello\n");
        let commit = place.accept(&ws, "a");
        assert_eq!(place.show(commit.as_str(), "more.bin").as_deref(), Some("ifmmp\n"));
        let verify = place.pool.prepare_verify(&place.run, "plan", &commit, &place.logs()).expect("a workspace");
        assert_eq!(read(&verify.path, "more.bin").as_deref(), Some("hello\n"));
    });
}

#[test]
fn large_files_of_git_lfs_round_trip() {
    let temp = started("git");
    if !temp.try_git_in(temp.path(), &["lfs", "version"]).status.success() {
        println!("skipped: git-lfs is not installed; the test with a required filter stands for it");
        return;
    }
    temp.git(&["lfs", "install", "--local"]);
    temp.git(&["lfs", "track", "*.bin"]);
    temp.write("data.bin", "large\n");
    temp.commit("large");
    let place = Place::of(temp, PoolSettings::default());
    assert!(place.show("HEAD", "data.bin").is_some_and(|t| t.starts_with("version https://git-lfs")));
    let ws = place.prepare("a");
    assert_eq!(read(&ws.path, "data.bin").as_deref(), Some("large\n"));
    put(&ws, "more.bin", "new\n");
    let commit = place.accept(&ws, "a");
    assert!(place.show(commit.as_str(), "more.bin").is_some_and(|t| t.starts_with("version https://git-lfs")));
    let verify = place.pool.prepare_verify(&place.run, "plan", &commit, &place.logs()).expect("a workspace");
    assert_eq!(read(&verify.path, "more.bin").as_deref(), Some("new\n"));
}

#[test]
fn submodules_are_filled_put_back_and_never_half_committed() {
    with_each_git(|place| {
        let temp = &place.temp;
        let library = temp.beside("library");
        fs::create_dir(&library).expect("a directory");
        temp.git_in(&library, &["init", "-q"]);
        write(&library, "lib.txt", "library\n");
        temp.git_in(&library, &["add", "-A"]);
        temp.git_in(&library, &["commit", "-q", "-m", "library"]);
        temp.git(&["submodule", "--quiet", "add", library.to_str().expect("text"), "vendor/library"]);
        temp.commit("with a submodule");
        let config = fs::read_to_string(temp.path().join(".git/config")).expect("it");

        let ws = place.prepare("a");
        assert_eq!(read(&ws.path, "vendor/library/lib.txt").as_deref(), Some("library\n"));
        put(&ws, "a.txt", "a");
        let commit = place.accept(&ws, "a");
        assert_eq!(temp.git(&["diff", "--name-only", "HEAD", commit.as_str()]), "a.txt");

        put(&ws, "vendor/library/lib.txt", "changed\n");
        let (why, _) = needs_human(place.judge(&ws, "a"));
        assert!(why.contains("`vendor/library` has uncommitted changes"), "{why}");
        temp.git_in(&ws.path.join("vendor/library"), &["commit", "-q", "-am", "only here"]);
        let (why, _) = needs_human(place.judge(&ws, "a"));
        assert!(why.contains("exists only in this worktree"), "{why}");
        place.pool.release(&ws, Release::Kept).expect("kept");

        let ws = place.prepare("b");
        put(&ws, "vendor/library/junk.txt", "left by a check");
        place.pool.release(&ws, Release::Landed).expect("released");
        let again = place.prepare("c");
        assert_eq!(place.git_in(&again, &["status", "--porcelain", "--ignore-submodules=none"]), "");
        assert_eq!(fs::read_to_string(temp.path().join(".git/config")).expect("it"), config, "the shared configuration is the user's");
    });
}

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
        assert_eq!(merges[1].1, Merge::Conflict { files: vec!["src/one.txt".into()], definite: false });
        assert_eq!(place.repo.tree_of(&merged(&merges, 2)).expect("a tree"), place.repo.tree_of(&tip).expect("a tree"));
        let merges = land::merge(&place.repo, &tip, &[c], None).expect("merged");
        assert_eq!(merges[0].1, Merge::Conflict { files: vec!["src/one.txt".into()], definite: true });
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
        assert!(matches!(&merges[3].1, Merge::Conflict { files, definite: false } if files == &["all.txt", "parts/0"]), "{:?}", merges[3]);
        let merges = remake("exit 1");
        assert!(matches!(&merges[1].1, Merge::Conflict { files, .. } if files == &["all.txt"]));
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
    let cases: &[(&[(&str, &str)], &[&str])] = &[
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
