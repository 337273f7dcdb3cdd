//! The gate on worktrees as agents really leave them.

use std::fs;

use greenlane_core::attempt::Verdict;
use greenlane_runtime::workspace::{PoolSettings, Release, Workspace};
use greenlane_testkit::repo::write;

use crate::common::{Place, needs_human, put, read, started, with_each_git};

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
        let kept = place.pool.snapshot(&ws, "refs/greenlane/r1/kept/kept", "Kept").expect("kept");
        assert_eq!(kept.as_deref(), Some("refs/greenlane/r1/kept/kept/1"));
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
fn what_was_merged_from_the_plans_branch_is_nobodys_change() {
    with_each_git(|place| {
        let ws = place.prepare("a");
        put(&ws, "own.txt", "mine\n");
        place.git_in(&ws, &["add", "-A"]);
        place.git_in(&ws, &["commit", "-qm", "mine"]);
        write(place.temp.path(), "theirs.txt", "others have landed this\n");
        place.temp.git(&["add", "-A"]);
        place.temp.git(&["commit", "-qm", "theirs"]);
        place.git_in(&ws, &["merge", "-q", "-m", "both", "main"]);
        assert!(matches!(place.judge_by(&ws, "a", &["own.txt"], &[]), Verdict::Accepted { files_changed: 1, .. }));
        // Merged in name only: what others have landed would go.
        place.git_in(&ws, &["rm", "-q", "theirs.txt"]);
        let judged = place.judge_by(&ws, "a", &["own.txt"], &[]);
        assert!(matches!(&judged, Verdict::OutsideOwnership { files, .. } if *files == ["theirs.txt"]), "{judged:?}");
    });
}
