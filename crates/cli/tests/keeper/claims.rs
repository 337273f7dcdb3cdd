//! Who may run an attempt.

use std::fs;

use greenlane_runtime::keeper::{self, Probe};

use super::support::{attempt, code, until};

#[test]
fn an_attempt_that_was_voided_before_it_began_never_runs() {
    let attempt = attempt("touch ran");
    assert!(keeper::void(&attempt.dir()).unwrap());
    let mut keeper = attempt.spawn();
    assert_eq!(keeper.child.wait().unwrap().code(), Some(3));
    assert!(!attempt.work("ran").exists());
    assert_eq!(keeper::probe(&attempt.dir()).unwrap(), Probe::Voided);
    assert_eq!(keeper::wait(&attempt.dir()).unwrap(), Probe::Voided);
    assert!(attempt.file("keeper.log").contains("somebody else has the claim"));
}

#[test]
fn an_attempt_that_has_begun_or_ended_cannot_be_voided() {
    let attempt = attempt("touch ready; read line < fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, attempt.work("fifo"), rustix::fs::Mode::RWXU).unwrap();
    let keeper = attempt.spawn();
    until("the start", || attempt.work("ready").exists().then_some(()));
    assert!(!keeper::void(&attempt.dir()).unwrap());
    fs::write(attempt.work("fifo"), "go\n").unwrap();
    assert_eq!(keeper.record().exit, code(0));
    assert!(!keeper::void(&attempt.dir()).unwrap());
    assert!(matches!(keeper::probe(&attempt.dir()).unwrap(), Probe::Exited(_)));
}

#[test]
fn of_many_keepers_on_one_attempt_one_runs() {
    let attempt = attempt("echo ran >> log");
    let mut keepers: Vec<_> = (0..8).map(|_| attempt.spawn()).collect();
    let mut codes: Vec<_> = keepers.iter_mut().map(|k| k.child.wait().unwrap().code()).collect();
    codes.sort_unstable();
    assert_eq!(codes, [&[Some(0)][..], &[Some(3); 7]].concat());
    assert_eq!(fs::read_to_string(attempt.work("log")).unwrap(), "ran\n");
}

#[test]
fn a_keeper_without_a_readable_order_runs_nothing_and_leaves_the_attempt_unbegun() {
    let attempt = attempt("touch ran");
    let mut keeper = attempt.spawn();
    keeper.child.wait().unwrap();
    let other = attempt.work("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("spec.json"), "{").unwrap();
    let out = std::process::Command::new(super::support::Attempt::exe()).arg("__keeper").arg(&other).output().unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("cannot keep"));
    assert_eq!(keeper::probe(&other).unwrap(), Probe::NeverBegan);
    assert!(keeper::void(&other).unwrap());
}
