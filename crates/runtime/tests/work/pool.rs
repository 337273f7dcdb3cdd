//! The pool: fresh and recycled worktrees, what is kept, what comes back, what is copied and set up, what is cleaned up.

use std::fs;

use crate::common::{Place, put, read};
use greenlane_core::attempt::Verdict;
use greenlane_core::ids::Oid;
use greenlane_runtime::git::DryRun;
use greenlane_runtime::workspace::{From, Holding, Known, PoolSettings, Release, WorkspaceError};
use greenlane_testkit::repo::{SYSTEM_GIT, TempRepo};

/// Each git that this machine has.
fn gits() -> Vec<&'static str> {
    let mut gits = vec!["git"];
    gits.extend(std::path::Path::new(SYSTEM_GIT).exists().then_some(SYSTEM_GIT));
    gits
}

fn started(program: &str) -> TempRepo {
    let temp = TempRepo::with_git(program);
    temp.write(".gitignore", "target/\n*.secret\n");
    temp.start();
    temp
}

#[test]
fn a_worktree_is_recycled_with_its_caches_and_costs_three_processes() {
    for git in gits() {
        let place = Place::of(started(git), PoolSettings::default());
        let before = place.temp.fingerprint();
        let ws = place.prepare("a");
        assert!(!ws.reused);
        assert_eq!(place.processes(), ["version", "rev-parse", "rev-parse", "worktree", "checkout"].map(String::from));
        put(&ws, "a.txt", "a");
        put(&ws, "target/cache", "warm");
        put(&ws, "README.md", "# Changed\n");
        let commit = place.accept(&ws, "a");
        place.pool.release(&ws, Release::Landed).expect("released");
        assert_eq!(place.processes(), ["add", "write-tree"]);
        assert_eq!(place.temp.git(&["log", "-1", "--format=%s|%(trailers:key=Greenlane-Task,valueonly)", commit.as_str()]), "Do a|plan/a");

        let again = place.prepare("b");
        assert_eq!(place.processes(), ["checkout"]);
        assert!(again.reused && again.path == ws.path);
        assert_eq!(read(&again.path, "a.txt"), None);
        assert_eq!(read(&again.path, "README.md").as_deref(), Some("# Sample\n"));
        assert_eq!(read(&again.path, "target/cache").as_deref(), Some("warm"));
        assert_eq!(place.git_in(&again, &["status", "--porcelain"]), "");
        assert_eq!(place.git_in(&again, &["branch", "--show-current"]), "greenlane/r1/task/b");
        assert_eq!(place.temp.fingerprint(), before, "the user's checkout is untouched");
    }
}

#[test]
fn a_recycled_worktree_shows_nothing_of_its_last_user() {
    for git in gits() {
        let temp = started(git);
        temp.write("tracked.txt", "original\n");
        temp.commit("tracked");
        let place = Place::of(temp, PoolSettings::default());
        let ws = place.prepare("a");
        place.git_in(&ws, &["update-index", "--assume-unchanged", "tracked.txt"]);
        place.git_in(&ws, &["update-index", "--skip-worktree", "README.md"]);
        put(&ws, "tracked.txt", "hidden\n");
        fs::remove_file(ws.path.join("README.md")).expect("removed");
        put(&ws, "new.txt", "n");
        place.git_in(&ws, &["add", "-N", "new.txt"]);
        put(&ws, "left/over", "untracked");
        fs::write(ws.git_dir.join("MERGE_HEAD"), place.temp.head()).expect("a merge");
        fs::write(ws.git_dir.join("index.lock"), "").expect("a lock");
        // Never judged: whoever took it back does not know what is in it.
        place.pool.release(&ws, Release::Landed).expect("released");
        assert_eq!(place.show("refs/greenlane/r1/kept/a/1", "left/over").as_deref(), Some("untracked"), "nothing is lost");
        assert_eq!(place.show("refs/greenlane/r1/kept/a/1", "tracked.txt").as_deref(), Some("hidden\n"));

        let ws = place.prepare("b");
        assert!(ws.reused);
        assert_eq!(place.git_in(&ws, &["status", "--porcelain"]), "");
        assert_eq!(place.git_in(&ws, &["ls-files", "-v"]), "H .gitignore\nH README.md\nH tracked.txt");
        assert_eq!(read(&ws.path, "tracked.txt").as_deref(), Some("original\n"));
        assert_eq!((read(&ws.path, "left/over"), read(&ws.path, "new.txt")), (None, None));
    }
}

#[test]
fn the_last_failed_worktrees_stay_and_older_ones_become_snapshots_that_come_back() {
    let place = Place::of(started("git"), PoolSettings { keep_failed: 1, ..PoolSettings::default() });
    let first = place.prepare("a");
    put(&first, "committed.txt", "by the agent");
    place.git_in(&first, &["add", "-A"]);
    place.git_in(&first, &["commit", "-q", "-m", "mine"]);
    let head = place.git_in(&first, &["rev-parse", "HEAD"]);
    put(&first, "README.md", "# Half done\n");
    put(&first, "untracked.txt", "u");
    put(&first, "api.secret", "ignored");
    place.pool.release(&first, Release::Kept).expect("kept");
    assert_eq!(read(&first.path, "untracked.txt").as_deref(), Some("u"), "kept exactly as it is");
    assert_eq!(place.temp.git(&["for-each-ref", "refs/greenlane"]), "");

    let same = place.prepare_from("a", From::Continue);
    assert_eq!((&same.path, read(&same.path, "untracked.txt").as_deref()), (&first.path, Some("u")));
    place.pool.release(&same, Release::Kept).expect("kept");

    let second = place.prepare("b");
    put(&second, "b.txt", "b");
    place.pool.release(&second, Release::Kept).expect("kept");
    let marks = place.pool.marks().expect("marks");
    assert_eq!(marks.iter().map(|m| m.holding).collect::<Vec<_>>(), [Holding::Free, Holding::Kept]);
    let other = place.prepare("c");
    assert_eq!(other.path, first.path, "the older one is recycled");
    assert_eq!(read(&other.path, "untracked.txt"), None);

    let back = place.prepare_from("a", From::Continue);
    assert_eq!(place.git_in(&back, &["rev-parse", "HEAD"]), head);
    assert_eq!(back.base.as_str(), place.temp.head());
    assert_eq!(read(&back.path, "README.md").as_deref(), Some("# Half done\n"));
    assert_eq!(place.git_in(&back, &["status", "--porcelain"]), "M README.md\n?? untracked.txt");
    let commit = place.accept(&back, "a");
    for (path, text) in [("committed.txt", "by the agent"), ("README.md", "# Half done\n"), ("untracked.txt", "u")] {
        assert_eq!(place.show(commit.as_str(), path).as_deref(), Some(text));
    }
    assert_eq!(place.show(commit.as_str(), "api.secret"), None);
}

#[test]
fn a_fresh_attempt_keeps_what_the_last_one_did() {
    let place = Place::new();
    let ws = place.prepare("a");
    put(&ws, "a.txt", "first try");
    let first = place.accept(&ws, "a");
    put(&ws, "more.txt", "uncommitted");
    place.pool.release(&ws, Release::Kept).expect("kept");
    let ws = place.prepare("a");
    assert_eq!(place.git_in(&ws, &["rev-parse", "HEAD"]), place.temp.head());
    assert_eq!((read(&ws.path, "a.txt"), read(&ws.path, "more.txt")), (None, None));
    assert_eq!(place.show("refs/greenlane/r1/kept/a/1", "more.txt").as_deref(), Some("uncommitted"));
    assert_eq!(place.temp.git(&["rev-parse", "refs/greenlane/r1/kept/a/1^"]), first.as_str());
}

#[test]
fn many_threads_get_worktrees_of_their_own() {
    let place = Place::new();
    let paths: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|n| {
                let place = &place;
                scope.spawn(move || {
                    let task = format!("t{n}");
                    let ws = place.prepare(&task);
                    put(&ws, &format!("{task}.txt"), "x");
                    place.accept(&ws, &task);
                    ws.path
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().expect("a workspace")).collect()
    });
    let distinct: std::collections::BTreeSet<_> = paths.iter().collect();
    assert_eq!(distinct.len(), 8);
}

#[test]
fn included_files_are_copied_only_where_git_ignores_them() {
    let temp = started("git");
    temp.write(".worktreeinclude", "*.secret\nREADME.md\nnotes.txt\ntarget/keep/\n");
    temp.write("notes.txt", "not ignored");
    temp.write("conf/api.secret", "s3cret");
    temp.write("target/keep/x", "kept");
    temp.write("target/big", "not named");
    let place = Place::of(temp, PoolSettings::default());
    let ws = place.prepare("a");
    assert_eq!(read(&ws.path, "conf/api.secret").as_deref(), Some("s3cret"));
    assert_eq!(read(&ws.path, "target/keep/x").as_deref(), Some("kept"));
    assert_eq!((read(&ws.path, "target/big"), read(&ws.path, "notes.txt")), (None, None));
    // What is added while a run goes on is there for the next attempt.
    place.temp.write("later.secret", "new");
    assert_eq!(read(&place.prepare("later").path, "later.secret").as_deref(), Some("new"));
    put(&ws, "conf/api.secret", "spoilt");
    assert_eq!(place.judge(&ws, "a"), Verdict::NoChange);
    // A link in the way must not lead the copy out of the worktree.
    let outside = place.temp.beside("outside");
    fs::create_dir(&outside).expect("a directory");
    fs::remove_dir_all(ws.path.join("target/keep")).expect("removed");
    std::os::unix::fs::symlink(&outside, ws.path.join("target/keep")).expect("a link");
    place.pool.release(&ws, Release::Landed).expect("released");
    let ws = place.prepare("b");
    assert_eq!(read(&ws.path, "conf/api.secret").as_deref(), Some("s3cret"));
    assert_eq!(fs::read_dir(&outside).expect("it").count(), 0);
    let verify = place.pool.prepare_verify(&place.run, "plan", &Oid::from(place.temp.head()), &place.logs()).expect("a workspace");
    assert_eq!(read(&verify.path, "conf/api.secret").as_deref(), Some("s3cret"));
}

#[test]
fn set_up_runs_once_per_worktree_and_again_when_dependencies_change() {
    for git in gits() {
        set_up_runs_once(started(git));
    }
}

fn set_up_runs_once(temp: TempRepo) {
    temp.write("package-lock.json", "1");
    temp.commit("lock");
    let setup = vec![String::from("mkdir -p target && echo run >> target/setup && echo junk > junk.txt && echo dirt >> README.md")];
    let place = Place::of(temp, PoolSettings { setup, ..PoolSettings::default() });
    let runs = |ws: &greenlane_runtime::workspace::Workspace| read(&ws.path, "target/setup").map(|t| t.lines().count());
    let ws = place.prepare("a");
    assert_eq!(runs(&ws), Some(1));
    assert_eq!(place.judge(&ws, "a"), Verdict::NoChange, "what set-up leaves is nobody's work");
    assert_eq!((read(&ws.path, "junk.txt").as_deref(), read(&ws.path, "README.md").as_deref()), (Some("junk\n"), Some("# Sample\n")));
    place.pool.release(&ws, Release::Landed).expect("released");
    let ws = place.prepare("b");
    assert_eq!(runs(&ws), Some(1));
    assert_eq!(read(&ws.path, "junk.txt").as_deref(), Some("junk\n"), "it is there for the next task, too");
    place.pool.release(&ws, Release::Landed).expect("released");
    place.temp.write("package-lock.json", "2");
    place.temp.commit("new dependencies");
    let ws = place.prepare("c");
    assert!(ws.reused);
    assert_eq!(runs(&ws), Some(2));
    // A plain file of the same name that is tracked by now goes before what set-up left.
    place.pool.release(&ws, Release::Landed).expect("released");
    place.temp.write("junk.txt", "tracked");
    place.temp.commit("junk");
    let ws = place.prepare("d");
    assert_eq!(read(&ws.path, "junk.txt").as_deref(), Some("tracked"));
    put(&ws, "junk.txt", "changed");
    assert!(matches!(place.judge(&ws, "d"), Verdict::Accepted { .. }), "and a change of it is work");
}

#[test]
fn a_set_up_that_fails_says_so_and_frees_the_worktree() {
    let settings = PoolSettings { setup: vec![String::from("echo no network; exit 3")], ..PoolSettings::default() };
    let place = Place::of(started("git"), settings);
    match place.pool.prepare(&place.wanted("a", From::Fresh)) {
        Err(WorkspaceError::Setup { exit_code: Some(3), output, .. }) => assert_eq!(output, "no network\n"),
        other => panic!("{other:?}"),
    }
    assert_eq!(read(&place.logs(), "setup.log").as_deref(), Some("no network\n"));
    assert!(place.pool.marks().expect("marks").iter().all(|m| m.holding == Holding::Free));
}

#[test]
fn verification_has_worktrees_of_its_own_and_keeps_only_ignored_files() {
    let place = Place::of(started("git"), PoolSettings::default());
    let agents = place.prepare("a");
    place.pool.release(&agents, Release::Landed).expect("released");
    let head = Oid::from(place.temp.head());
    let verify = || place.pool.prepare_verify(&place.run, "plan", &head, &place.logs()).expect("a workspace");
    let ws = verify();
    assert_ne!(ws.path, agents.path);
    put(&ws, "target/cache", "warm");
    put(&ws, "junk", "left by the suite");
    put(&ws, "README.md", "overwritten");
    place.pool.release(&ws, Release::Landed).expect("released");
    let again = verify();
    assert_eq!(again.path, ws.path);
    assert_eq!(place.git_in(&again, &["status", "--porcelain"]), "");
    assert_eq!(read(&again.path, "target/cache").as_deref(), Some("warm"));
}

#[test]
fn a_pool_survives_a_crash_and_what_people_do_to_it() {
    let temp = started("git");
    let place = Place::of(temp, PoolSettings::default());
    let (a, b, c, e) = (place.prepare("a"), place.prepare("b"), place.prepare("c"), place.prepare("e"));
    put(&a, "a.txt", "in flight");
    put(&c, "c.txt", "done");
    place.accept(&c, "c");
    place.pool.release(&c, Release::Landed).expect("released");
    let Place { temp, .. } = place;

    // The next process: `a` is adopted, nobody holds `b`, a person has been in `c`.
    let place = Place::of(temp, PoolSettings::default());
    put(&c, "mine.txt", "a person's");
    place.pool.settle_orphans(std::slice::from_ref(&a.path), std::slice::from_ref(&e.path)).expect("settled");
    assert_eq!(
        place.pool.marks().expect("marks").iter().map(|m| m.holding).collect::<Vec<_>>(),
        [Holding::Busy, Holding::Kept, Holding::Free, Holding::Free]
    );
    let adopted = place.pool.reopen(&a.path).expect("it");
    let commit = place.accept(&adopted, "a");
    assert_eq!(place.show(commit.as_str(), "a.txt").as_deref(), Some("in flight"));
    let next = place.prepare("d");
    assert_eq!(next.path, c.path);
    assert_eq!(place.show("refs/greenlane/r1/kept/c/1", "mine.txt").as_deref(), Some("a person's"));
    // And somebody removed `b` by hand.
    fs::remove_dir_all(&b.path).expect("removed");
    let back = place.prepare_from("b", From::Continue);
    assert_eq!(read(&back.path, "README.md").as_deref(), Some("# Sample\n"));
}

#[test]
fn cleaning_up_takes_only_what_has_landed() {
    for git in gits() {
        let place = Place::of(started(git), PoolSettings::default());
        let (landed, unmerged, dirty, busy) =
            (place.prepare("landed"), place.prepare("unmerged"), place.prepare("dirty"), place.prepare("busy"));
        put(&landed, "l.txt", "l");
        let commit = place.accept(&landed, "landed");
        place.temp.git(&["branch", "greenlane/r1/plan/plan", commit.as_str()]);
        place.pool.release(&landed, Release::Landed).expect("released");
        put(&unmerged, "u.txt", "u");
        place.accept(&unmerged, "unmerged");
        place.pool.release(&unmerged, Release::Kept).expect("kept");
        put(&dirty, "d.txt", "d");
        place.pool.release(&dirty, Release::Kept).expect("kept");

        let forecast = place.pool.clean_up(&Known::default(), &|_| true, DryRun::Yes).expect("a forecast");
        assert!(landed.path.exists());
        let cleaned = place.pool.clean_up(&Known::default(), &|_| true, DryRun::No).expect("cleaned");
        assert_eq!(forecast, cleaned);
        assert_eq!(cleaned.worktrees, std::slice::from_ref(&landed.path));
        assert!(!landed.path.exists() && unmerged.path.exists() && dirty.path.exists() && busy.path.exists());
        assert_eq!(cleaned.branches, ["greenlane/r1/task/landed"]);
        let reasons: Vec<_> = cleaned.left.iter().map(|(_, why)| why.as_str()).collect();
        assert!(
            ["its work has not landed", "it has uncommitted changes", "an attempt holds it"].iter().all(|r| reasons.contains(r)),
            "{reasons:?}"
        );
        assert_eq!(place.temp.git(&["worktree", "list"]).lines().count(), 4);
        // Its coordinator died after the run's last event, and before it said that nobody is in there any more.
        let over = Known { over: [place.run.clone()].into(), ..Known::default() };
        let cleaned = place.pool.clean_up(&over, &|_| true, DryRun::No).expect("cleaned");
        assert_eq!(cleaned.worktrees, std::slice::from_ref(&busy.path));
        assert!(unmerged.path.exists() && dirty.path.exists());
    }
}

#[test]
fn what_cannot_be_recycled_does_not_stand_in_the_way() {
    let place = Place::of(started("git"), PoolSettings::default());
    let ws = place.prepare("a");
    put(&ws, "target/cache", "warm");
    place.pool.release(&ws, Release::Landed).expect("released");
    // The next base has a file where this worktree has an ignored directory.
    place.temp.write(".gitignore", "");
    place.temp.write("target", "a file now");
    place.temp.commit("target");
    let ws = place.prepare("b");
    assert_eq!(read(&ws.path, "target").as_deref(), Some("a file now"));
    assert_eq!(place.git_in(&ws, &["status", "--porcelain"]), "");
    place.pool.release(&ws, Release::Landed).expect("released");
    // And one that nothing can be written to.
    place.temp.write("new.txt", "n");
    place.temp.commit("new");
    fs::remove_file(ws.git_dir.join("commondir")).expect("a broken git-dir");
    let next = place.prepare("c");
    assert_ne!(next.path, ws.path);
    assert_eq!(read(&next.path, "new.txt").as_deref(), Some("n"));
    assert_eq!(place.pool.marks().expect("marks")[0].holding, Holding::Broken);
}

/// A person commits in the kept worktree, and the next attempt, which starts afresh, fails too.
#[test]
fn no_kept_work_takes_the_place_of_another() {
    let place = Place::of(started("git"), PoolSettings::default());
    let prefix = "refs/greenlane/r1/kept/a";
    let ws = place.prepare("a");
    put(&ws, "a.txt", "first try");
    let first = place.pool.snapshot(&ws, prefix, "First").expect("kept").expect("there is work");
    place.git_in(&ws, &["add", "-A"]);
    place.git_in(&ws, &["commit", "-qm", "A person's"]);
    put(&ws, "b.txt", "not even committed");
    place.pool.release(&ws, Release::Kept).expect("released");
    let fresh = place.prepare_from("a", From::Fresh);
    put(&fresh, "c.txt", "second try");
    let last = place.pool.snapshot(&fresh, prefix, "Second").expect("kept").expect("there is work");
    let all = place.temp.git(&["for-each-ref", "--format=%(refname)", prefix]);
    let held = |path: &str, text: &str| all.lines().any(|name| place.show(name, path).as_deref() == Some(text));
    assert!(held("a.txt", "first try") && held("b.txt", "not even committed") && held("c.txt", "second try"), "{all}");
    assert!(all.lines().any(|name| place.temp.git(&["log", "--format=%s", name]).contains("A person's")), "{all}");
    assert_ne!(first, last);
    // The newest is what a next attempt goes on with.
    place.pool.release(&fresh, Release::Kept).expect("released");
    std::fs::remove_dir_all(&fresh.path).expect("removed by a person");
    let next = place.prepare_from("a", From::Continue);
    assert_eq!(read(&next.path, "c.txt").as_deref(), Some("second try"));
}

#[test]
fn commits_that_a_moved_branch_left_behind_are_gone_on_with_from_where_they_began() {
    let place = Place::of(started("git"), PoolSettings::default());
    let before = place.temp.head();
    let ws = place.prepare("a");
    put(&ws, "a.txt", "first try");
    place.accept(&ws, "a");
    place.pool.release(&ws, Release::Landed).expect("released");
    // It was taken off the plan's branch, which went on elsewhere; a fresh attempt moved the task's branch away from it.
    place.temp.write("other.txt", "o");
    place.temp.commit("other");
    let fresh = place.prepare_from("a", From::Fresh);
    assert_eq!(place.show("refs/greenlane/r1/kept/a/1", "a.txt").as_deref(), Some("first try"));
    place.pool.release(&fresh, Release::Landed).expect("released");
    let back = place.prepare_from("a", From::Continue);
    assert_eq!((back.base.as_str(), read(&back.path, "a.txt").as_deref()), (before.as_str(), Some("first try")));
    put(&back, "more.txt", "second try");
    let commit = place.accept(&back, "a");
    assert_eq!(place.show(commit.as_str(), "more.txt").as_deref(), Some("second try"));
}

#[test]
fn what_an_agent_leaves_for_itself_is_swept_and_nothing_else() {
    for git in gits() {
        let temp = started(git);
        temp.write(".cache.v1/tracked", "t");
        temp.git(&["add", "-f", "-A"]);
        temp.git(&["commit", "-qm", "A cache of the user's"]);
        let place = Place::of(temp, PoolSettings::default());
        let ws = place.prepare("a");
        for file in [".cache.v1/new", ".cache.v2/deep/er", "src/.cache.v1/x", "a.txt", "a.secret"] {
            put(&ws, file, "x");
        }
        place.pool.sweep(&ws, &[]).expect("nothing to do");
        place.pool.sweep(&ws, &[".cache.v*/**".into(), "*.secret".into()]).expect("swept");
        let is_there = |file: &str| ws.path.join(file).exists();
        assert!(!is_there(".cache.v1/new") && !is_there(".cache.v2"));
        assert!([".cache.v1/tracked", "src/.cache.v1/x", "a.txt", "a.secret"].into_iter().all(is_there), "tracked, elsewhere, ignored");
    }
}
