//! Clocks that are moved, machines that were restarted, process ids that came again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::common::{Ran, Sandbox, eventually, lives, signal, wait_for};
use crate::{agent, all_is_well, at_work, go, keeper, waits};

/// The library that moves a program's clock, where Debian puts it.
fn faketime() -> PathBuf {
    let multiarch = format!("/usr/lib/{}-linux-gnu/faketime/libfaketimeMT.so.1", std::env::consts::ARCH);
    let places = [multiarch.as_str(), "/usr/lib/faketime/libfaketimeMT.so.1", "/usr/lib64/faketime/libfaketimeMT.so.1"];
    let found = places.into_iter().map(PathBuf::from).find(|p| p.exists());
    found.unwrap_or_else(|| panic!("libfaketime is missing: `apt-get install faketime`"))
}

/// Runs under a wall clock that is off by what the file says; the clock that only counts is the true one.
fn under(clock: &Path, command: &mut Command) {
    command
        .env("LD_PRELOAD", faketime())
        .env("FAKETIME_TIMESTAMP_FILE", clock)
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
}

fn set(clock: &Path, offset: &str) {
    let new = clock.with_extension("new");
    fs::write(&new, offset).unwrap();
    fs::rename(new, clock).unwrap();
}

/// `a` waits, `b` fails once and is tried again after a while, `after` follows both.
fn plan() -> String {
    waits("a")
        + "[[task]]\nid = \"b\"\nrun = \"echo b >> $OUT/b; echo > b; test $(grep -c b $OUT/b) -gt 1\"\n"
        + "[[task]]\nid = \"after\"\ndepends = [\"a\", \"b\"]\nrun = \"echo after >> $OUT/ran; echo > after\"\n"
}

fn ends_well(s: &Sandbox, ran: &Ran) {
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.out_lines("ran"), ["a", "after"], "no limit was taken for reached");
    assert_eq!(s.landed_files(), ["a", "after", "b"]);
    let times: Vec<String> = s.events("").iter().map(|e| e["at"].to_string()).collect();
    assert!(times.is_sorted(), "{times:#?}");
    assert!(crate::ours(s).is_empty());
}

#[test]
fn the_clock_is_put_back_and_then_ahead() {
    let s = Sandbox::new(&[]);
    let clock = s.path("clock");
    set(&clock, "+0");
    let mut command = s.run_command(&plan(), &["--timeout", "30m"]);
    under(&clock, &mut command);
    command.env("GREENLANE_RETRY_BASE", "1s");
    let run = s.start(command);
    wait_for(&s.out("a.on"));
    eventually("b has failed", || s.count("retry_scheduled") == 1);
    set(&clock, "-3600");
    eventually("its retry is not held up by an hour", || s.out_lines("b").len() == 2);
    set(&clock, "+86400");
    // A new coordinator's question and answer: it has seen the new day.
    eventually("it is told of", || s.greenlane(&["pause"]).code == 0);
    assert_eq!(s.greenlane(&["unpause"]).code, 0);
    go(&s);
    ends_well(&s, &run.wait());
}

#[test]
fn the_clock_is_put_back_while_nobody_coordinates() {
    let s = Sandbox::new(&[]);
    let clock = s.path("clock");
    set(&clock, "+0");
    let mut command = s.run_command(&plan(), &[]);
    under(&clock, &mut command);
    command.env("GREENLANE_RETRY_BASE", "1s");
    let run = s.start(command);
    wait_for(&s.out("a.on"));
    eventually("b has failed", || s.count("retry_scheduled") == 1);
    run.signal("KILL");
    run.wait();
    set(&clock, "-3600");
    let mut command = s.command(&["resume"]);
    under(&clock, &mut command);
    let resumed = s.start(command);
    eventually("its retry is not held up by an hour", || s.out_lines("b").len() == 2);
    go(&s);
    ends_well(&s, &resumed.wait());
}

/// Kills everything of the run, and then changes who the keeper is said to have been.
fn kept_by_another(s: &Sandbox, change: impl FnOnce(&mut Value)) {
    let run = at_work(s, &[]);
    let (keeper, agent) = (keeper(s), agent(s));
    for pid in [run.pid(), keeper, agent] {
        signal(pid, "STOP");
    }
    for pid in [agent, keeper, run.pid()] {
        signal(pid, "KILL");
    }
    run.wait();
    eventually("all are gone", || !lives(agent) && !lives(keeper));
    let find = Command::new("find").arg(s.repo().join(".greenlane/runs")).args(["-name", "claim"]).output().unwrap();
    let found = String::from_utf8(find.stdout).unwrap();
    let claim = found.lines().find(|l| fs::read_to_string(l).unwrap().contains(&format!("\"pid\":{keeper},"))).unwrap();
    let mut value: Value = serde_json::from_str(&fs::read_to_string(claim).unwrap()).unwrap();
    change(&mut value["keeper"]);
    fs::write(claim, value.to_string()).unwrap();
}

fn resumed(s: &Sandbox) {
    let resumed = s.start(s.command(&["resume"]));
    eventually("it is tried again", || s.out_lines("ran").len() == 2);
    go(s);
    let ended = resumed.wait();
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(s.task("a")["attempts"][0]["outcome"], "lost");
    all_is_well(s);
}

#[test]
fn the_machine_was_restarted() {
    let s = Sandbox::new(&[]);
    kept_by_another(&s, |keeper| keeper["boot_id"] = "00000000-0000-0000-0000-000000000000".into());
    resumed(&s);
}

/// The pid of a keeper that is gone belongs to somebody else now: whoever that is lives on, whatever is asked.
#[test]
fn the_keepers_process_id_came_again() {
    let s = Sandbox::new(&[]);
    let mut other = Command::new("sleep").arg("1000").stdin(Stdio::null()).spawn().unwrap();
    kept_by_another(&s, |keeper| keeper["pid"] = other.id().into());
    let stopped = s.greenlane(&["stop", "a", "--now"]);
    assert!(stopped.code <= 3, "{stopped:?}");
    assert!(other.try_wait().unwrap().is_none(), "it is not ours to end");
    let retried = s.start(s.command(&["resume"]));
    retried.signal("KILL");
    retried.wait();
    assert!(other.try_wait().unwrap().is_none(), "it is not ours to end");
    other.kill().unwrap();
    other.wait().unwrap();
}

#[test]
fn the_keepers_process_id_came_again_and_the_run_goes_on() {
    let s = Sandbox::new(&[]);
    let mut other = Command::new("sleep").arg("1000").stdin(Stdio::null()).spawn().unwrap();
    kept_by_another(&s, |keeper| keeper["pid"] = other.id().into());
    resumed(&s);
    assert!(other.try_wait().unwrap().is_none(), "it is not ours to end");
    other.kill().unwrap();
    other.wait().unwrap();
}
