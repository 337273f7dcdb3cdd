//! A disk that is full, through the whole program: the run ends in a clear state with a clear message, nothing half done is on the
//! branch, and when there is space again `retry`, `resume` or `run` goes on.

use std::fs;
use std::process::Command;

use crate::common::mount::{Disk, where_one_may_mount};
use crate::common::{Ran, Sandbox, eventually, wait_for};
use crate::support::users_own;

/// `small` lands; then the disk is filled, and `big` finds no room for its 4 MB.
const PLAN: &str = r#"
verify = ["true"]
[[task]]
id = "small"
run = "head -c 300000 /dev/zero > small"
[[task]]
id = "big"
depends = ["small"]
run = "touch $OUT/now; n=0; until [ -e $OUT/full ]; do n=$((n+1)); [ $n -gt 1500 ] && exit 99; sleep 0.02; done; echo x > more; head -c 4000000 /dev/urandom > big"
"#;

/// A run whose disk is filled to the brim while its second task is at work.
fn run_while_it_fills(s: &Sandbox, disk: &Disk) -> Ran {
    let running = s.start(with_trees(s, s.run_command(PLAN, &["--retries", "1"])));
    wait_for(&s.out("now"));
    disk.fill(0);
    fs::write(s.out("full"), "").unwrap();
    running.wait()
}

fn with_trees(s: &Sandbox, mut command: Command) -> Command {
    command.env("GREENLANE_WORKSPACE_DIR", s.path("trees"));
    command
}

fn everything_landed(s: &Sandbox, ran: &Ran) {
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.landed_files(), ["big", "more", "small"]);
    assert_eq!(s.git(&["cat-file", "-s", &format!("{}:big", s.branch())]), "4000000");
}

#[test]
fn the_disk_of_the_worktrees() {
    where_one_may_mount("full_disk::the_disk_of_the_worktrees", || {
        let s = Sandbox::new(&[]);
        let disk = Disk::at(s.path("trees"), 16 << 20);
        let before = users_own(&s);
        let ran = run_while_it_fills(&s, &disk);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.stderr.contains("No space left on device"), "{ran:?}");
        assert_eq!((s.states()["small"].as_str(), s.states()["big"].as_str()), ("done", "failed"));
        assert_eq!(s.landed_files(), ["small"]);
        disk.make_space();
        everything_landed(&s, &Ran::of(with_trees(&s, s.command(&["retry", "big"])).output().unwrap()));
        assert_eq!(users_own(&s), before);
    });
}

/// Not even the files of the base fit: that is no task's fault, and the message says which disk and what to do.
#[test]
fn a_disk_too_small_for_a_worktree() {
    where_one_may_mount("full_disk::a_disk_too_small_for_a_worktree", || {
        let s = Sandbox::new(&[("large", &"0123456789abcdef".repeat(40_000))]);
        let disk = Disk::at(s.path("trees"), 8 << 20);
        disk.fill(256 << 10);
        let before = users_own(&s);
        let plan = "verify = []\n[[task]]\nid = \"a\"\nrun = \"echo a > a\"\n";
        let ran = Ran::of(with_trees(&s, s.run_command(plan, &["--retries", "1"])).output().unwrap());
        assert_eq!(ran.code, 1, "{ran:?}");
        assert_eq!(s.states()["a"], "failed");
        assert!(s.reason("a").contains("No space left on device"), "{}", s.reason("a"));
        disk.make_space();
        let again = Ran::of(with_trees(&s, s.command(&["retry", "a"])).output().unwrap());
        assert_eq!(again.code, 0, "{again:?}");
        assert_eq!(s.landed_files(), ["a", "large"]);
        assert_eq!(users_own(&s), before);
    });
}

/// The journal cannot be written: the coordinator ends at once, the agent goes on, and `resume` takes up what it did, once.
#[test]
fn the_disk_of_the_journal() {
    where_one_may_mount("full_disk::the_disk_of_the_journal", || {
        let s = Sandbox::new(&[]);
        let disk = Disk::at(s.repo().join(".greenlane"), 8 << 20);
        let before = users_own(&s);
        let ran = run_while_it_fills(&s, &disk);
        assert_eq!(ran.code, 3, "{ran:?}");
        assert!(ran.stderr.contains("error: the disk is full: ") && ran.stderr.contains("`greenlane resume`"), "{ran:?}");
        assert_eq!(s.status()["run"]["state"], "interrupted");
        assert_eq!(s.landed_files(), ["small"]);
        disk.make_space();
        everything_landed(&s, &Ran::of(with_trees(&s, s.command(&["resume"])).output().unwrap()));
        assert_eq!(s.events("attempt_started").len(), 2, "each task ran once");
        assert_eq!(users_own(&s), before);
    });
}

/// With a reserve the run ends by itself in a clear state: what was at work ended and landed, nothing more started, and `resume` goes on.
#[test]
fn the_disk_of_the_journal_with_a_reserve() {
    where_one_may_mount("full_disk::the_disk_of_the_journal_with_a_reserve", || {
        let s = Sandbox::new(&[]);
        let disk = Disk::at(s.repo().join(".greenlane"), 8 << 20);
        let before = users_own(&s);
        let plan = format!("{PLAN}\n[[task]]\nid = \"later\"\ndepends = [\"big\"]\nrun = \"echo > later\"\n");
        let with_reserve = |mut command: Command| {
            command.env("GREENLANE_RESERVE", "2MiB");
            with_trees(&s, command)
        };
        let running = s.start(with_reserve(s.run_command(&plan, &["--retries", "1"])));
        wait_for(&s.out("now"));
        assert_eq!(fs::metadata(s.repo().join(".greenlane/reserve")).unwrap().len(), 2 << 20);
        disk.fill(0);
        fs::write(s.out("full"), "").unwrap();
        let ran = running.wait();
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.stderr.contains("the disk is full") && ran.stderr.contains("once there is space"), "{ran:?}");
        let status = s.status();
        assert_eq!((status["run"]["state"].as_str(), status["run"]["halted"]["cause"].as_str()), (Some("stopped"), Some("disk_full")));
        assert_eq!(s.states()["big"], "done", "what was finished has landed: {status}");
        assert!(!s.repo().join(".greenlane/reserve").exists());
        disk.make_space();
        let again = Ran::of(with_reserve(s.command(&["resume"])).output().unwrap());
        assert_eq!(again.code, 0, "{again:?}");
        assert_eq!(s.landed_files(), ["big", "later", "more", "small"]);
        assert_eq!(s.events("attempt_started").len(), 3, "each task ran once");
        assert_eq!(users_own(&s), before);
    });
}

/// Below the floor nothing starts; when there is space again the run goes on by itself.
#[test]
fn a_floor_waits_for_space_and_goes_on() {
    where_one_may_mount("full_disk::a_floor_waits_for_space_and_goes_on", || {
        let s = Sandbox::new(&[]);
        let disk = Disk::at(s.path("trees"), 8 << 20);
        disk.fill(1 << 20);
        let mut command = with_trees(&s, s.run_command("verify = []\n[[task]]\nid = \"a\"\nrun = \"echo a > a\"\n", &[]));
        command.env("GREENLANE_DISK_FREE_MIN", "4MiB").env("GREENLANE_HEALTH_INTERVAL", "100ms");
        let running = s.start(command);
        eventually("it waits", || s.count("plan_queued") > 0 && s.states().get("a").is_some_and(|a| a == "queued"));
        assert!(s.reason("a").contains("trees"), "{}", s.reason("a"));
        disk.make_space();
        let ran = running.wait();
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(s.landed_files(), ["a"]);
        assert!(ran.stderr.contains("there is room again"), "{ran:?}");
    });
}

#[test]
fn no_room_for_a_journal_at_all() {
    where_one_may_mount("full_disk::no_room_for_a_journal_at_all", || {
        let s = Sandbox::new(&[]);
        let disk = Disk::at(s.repo().join(".greenlane"), 8 << 20);
        let plan = "verify = []\n[[task]]\nid = \"a\"\nrun = \"echo a > a; echo >> $OUT/ran\"\n";
        // The lock, the plan's copy, the journal: whichever is the first that does not fit.
        for left in [0, 4096, 8192, 16384, 32768] {
            disk.fill(left);
            let ran = s.run(plan, &[]);
            assert_eq!(ran.code, 3, "{left} bytes: {ran:?}");
            assert!(ran.stderr.contains("the disk is full") && ran.stderr.contains("hint: "), "{left} bytes: {ran:?}");
            assert!(!ran.stderr.contains("running attempts"), "nothing was started, {left} bytes: {ran:?}");
            assert_eq!(s.out_lines("ran").len(), 0, "nothing was started that nobody knows of");
            disk.make_space();
        }
        let again = s.run(plan, &[]);
        assert_eq!(again.code, 0, "{again:?}");
        assert_eq!(s.landed_files(), ["a"]);
    });
}

/// The work is there, but no commit can be made of it: it is kept where it lies, and a retry lands it.
#[test]
fn the_disk_of_the_objects() {
    where_one_may_mount("full_disk::the_disk_of_the_objects", || {
        let s = Sandbox::new(&[]);
        let disk = Disk::at(s.repo().join(".git/objects"), 16 << 20);
        let before = users_own(&s);
        let ran = run_while_it_fills(&s, &disk);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.stderr.contains("No space left on device"), "{ran:?}");
        assert_eq!((s.states()["small"].as_str(), s.states()["big"].as_str()), ("done", "failed"));
        disk.make_space();
        everything_landed(&s, &Ran::of(with_trees(&s, s.command(&["retry", "big"])).output().unwrap()));
        assert_eq!(users_own(&s), before);
    });
}
