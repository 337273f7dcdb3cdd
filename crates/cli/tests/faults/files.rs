//! Files that cannot be written, are held by others, or are damaged. (Disks that are full: `git_reality/full_disk.rs`.)

use std::fs;
use std::os::unix::fs::FileExt as _;

use crate::common::mount::{ReadOnly, where_one_may_mount};
use crate::common::{Ran, Sandbox, eventually, lives};
use crate::{agent, all_is_well, at_work, go, plan};

fn journal(s: &Sandbox) -> std::path::PathBuf {
    s.repo().join(".greenlane/state.db")
}

/// Another program's hold on the journal, as a backup or a curious person with a shell has it.
fn hold(s: &Sandbox) -> rusqlite::Connection {
    let db = rusqlite::Connection::open(journal(s)).unwrap();
    db.execute_batch("BEGIN IMMEDIATE").unwrap();
    db
}

#[test]
fn the_state_directory_is_read_only() {
    where_one_may_mount("files::the_state_directory_is_read_only", || {
        let s = Sandbox::new(&[]);
        go(&s);
        assert_eq!(s.run(&plan(), &[]).code, 0);
        let before = (s.status(), s.users_own());
        {
            let _read_only = ReadOnly::at(s.repo().join(".greenlane"));
            let again = s.run(&plan(), &["--fresh"]);
            assert_eq!(again.code, 3, "{again:?}");
            assert!(again.stderr.contains("Read-only file system") && again.stderr.contains("hint: "), "{again:?}");
            assert_eq!(s.status(), before.0, "it can still be looked at");
            assert_eq!(s.greenlane(&["report"]).code, 0);
            assert_eq!(s.greenlane(&["doctor"]).code, 3);
        }
        assert_eq!((s.status(), s.users_own()), before);
        all_is_well(&s);
    });
}

/// It becomes read-only while an agent is at work: the agent goes on, the run can be taken up.
#[test]
fn the_state_directory_becomes_read_only() {
    where_one_may_mount("files::the_state_directory_becomes_read_only", || {
        let s = Sandbox::new(&[]);
        let run = at_work(&s, &[]);
        let read_only = ReadOnly::at(s.repo().join(".greenlane"));
        run.signal("INT");
        go(&s);
        eventually("the agent is done", || !lives(agent(&s)));
        drop(read_only);
        // Whether the coordinator could go on writing, through what it had opened before, is the kernel's affair.
        let ran = run.wait();
        assert!(ran.code == 3 || ran.code == 130, "{ran:?}");
        let resumed = s.greenlane(&["resume"]);
        assert_eq!(resumed.code, 0, "{resumed:?}");
        all_is_well(&s);
    });
}

#[test]
fn the_journal_is_locked_for_a_while() {
    let s = Sandbox::new(&[]);
    let run = at_work(&s, &[]);
    let held = hold(&s);
    go(&s);
    let before = s.status();
    assert_eq!(before["run"]["state"], "running", "readers are not held up");
    // Long enough that the coordinator has something to write meanwhile, well below what it waits for.
    std::thread::sleep(std::time::Duration::from_secs(2));
    held.execute_batch("ROLLBACK").unwrap();
    drop(held);
    let ran = run.wait();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.out_lines("ran"), ["a", "after"]);
    all_is_well(&s);
}

/// Nobody lets go: the coordinator ends and says who might know, the agent's work is taken up afterwards.
#[test]
fn the_journal_is_locked_for_good() {
    let s = Sandbox::new(&[]);
    let run = at_work(&s, &[]);
    let held = hold(&s);
    go(&s);
    let ran = run.wait();
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stderr.contains("database is locked") && ran.stderr.contains("fuser"), "{ran:?}");
    drop(held);
    let resumed = s.greenlane(&["resume"]);
    assert_eq!(resumed.code, 0, "{resumed:?}");
    assert_eq!(s.out_lines("ran"), ["a", "after"]);
    all_is_well(&s);
}

/// Runs to the end, then harms the journal's file; every verb says what is wrong and what to do, and that way out works.
fn damaged(harm: impl FnOnce(&fs::File, u64)) {
    let s = Sandbox::new(&[]);
    go(&s);
    assert_eq!(s.run(&plan(), &[]).code, 0);
    let (before, branch) = (s.users_own(), s.branch());
    let file = fs::File::options().write(true).open(journal(&s)).unwrap();
    harm(&file, file.metadata().unwrap().len());
    let path = s.path("plan.toml");
    for verb in [&["status"][..], &["resume"], &["report"], &["run", path.to_str().unwrap(), "--fresh"], &["doctor"]] {
        let ran = s.greenlane(verb);
        assert_eq!(ran.code, 3, "{verb:?}: {ran:?}");
        let said = ran.stdout + &ran.stderr;
        assert!(said.contains("state.db") && said.contains("no work is in this file"), "{verb:?}: {said}");
    }
    assert_eq!(s.out_lines("ran"), ["a", "after"], "nothing was started that could not be written down");
    assert_eq!(s.git(&["ls-tree", "--name-only", &branch]), "README.md\na\nafter", "what has landed is there");
    // The way out, word for word.
    let place = journal(&s);
    let out = format!("for f in {}*; do mv \"$f\" \"$f.damaged\"; done", place.display());
    assert!(s.greenlane(&["status"]).stderr.contains(&out));
    assert!(std::process::Command::new("sh").args(["-c", &out]).status().unwrap().success());
    let again = s.greenlane(&["run", path.to_str().unwrap()]);
    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(s.landed_files(), ["a", "after"]);
    assert_eq!(s.users_own(), before);
}

#[test]
fn the_journal_is_truncated() {
    damaged(|file, len| file.set_len(len / 3).unwrap());
}

#[test]
fn the_journal_is_overwritten_in_the_middle() {
    damaged(|file, len| {
        for page in 1..len / 4096 {
            file.write_all_at(&[0xa5; 1500], page * 4096).unwrap();
        }
    });
}

#[test]
fn the_journal_is_something_else() {
    damaged(|file, _| file.write_all_at(b"This is not a database.", 0).unwrap());
}

/// The newest transactions were not written out whole when the machine went down: what is whole counts, and the run goes on from there.
#[test]
fn the_journals_log_is_torn() {
    let s = Sandbox::new(&[]);
    let run = at_work(&s, &[]);
    run.signal("KILL");
    run.wait();
    let log = s.repo().join(".greenlane/state.db-wal");
    let file = fs::File::options().write(true).open(&log).unwrap();
    let len = file.metadata().unwrap().len();
    file.set_len(len - 100).unwrap();
    go(&s);
    let resumed = s.greenlane(&["resume"]);
    assert_eq!(resumed.code, 0, "{resumed:?}");
    assert_eq!(s.states().values().filter(|s| *s == "done").count(), 2);
    assert_eq!(s.landed_files(), ["a", "after"]);
    assert_eq!(s.out_lines("ran").last().map(String::as_str), Some("after"));
}

/// The user's own git is busy, or has left its lock behind: that is none of Greenlane's business, and it is not removed.
#[test]
fn the_users_index_is_locked() {
    let s = Sandbox::new(&[]);
    let lock = s.repo().join(".git/index.lock");
    fs::write(&lock, "").unwrap();
    go(&s);
    let ran: Ran = s.run(&plan(), &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(lock.exists(), "it is not ours");
    fs::remove_file(lock).unwrap();
    all_is_well(&s);
}
