//! Agents that misbehave: what they leave, ignore, flood and close. (What is stopped, and what a tree that hides looks like to its
//! keeper, is tested on keepers alone in `keeper/`.)

use std::fs;

use crate::common::{Sandbox, await_file, eventually, lives, signal};
use crate::{all_is_well, at_work, go, keeper, ours};

#[test]
fn it_is_stopped() {
    let s = Sandbox::new(&[]);
    let plan = "[[task]]\nid = \"a\"\nretries = 0\nstall_timeout = \"2s\"\nrun = \"echo half > a; kill -STOP $$; echo all > a\"\n";
    let ran = s.run(plan, &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let failed = s.events("attempt_failed");
    assert_eq!(failed[0]["failure"]["type"], "timeout", "{failed:#?}");
    assert!(s.reason("a").contains("stopped"), "it is told that it was stopped, not that it was slow: {}", s.reason("a"));
    assert_eq!(ours(&s), Vec::<String>::new());
    let kept = s.task("a");
    assert_eq!(fs::read_to_string(format!("{}/a", kept["worktree"].as_str().unwrap())).unwrap(), "half\n", "its work is kept");
}

#[test]
fn its_keeper_is_stopped() {
    let s = Sandbox::new(&[]);
    let run = at_work(&s, &[]);
    let keeper = keeper(&s);
    signal(keeper, "STOP");
    go(&s);
    eventually("the agent is done", || s.out_lines("a.pid").first().is_some_and(|pid| !lives(pid.trim().parse().unwrap())));
    assert_eq!(s.events("attempt_exited").len(), 0, "nobody else speaks for a keeper that lives");
    signal(keeper, "CONT");
    let ran = run.wait();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.out_lines("ran"), ["a", "after"]);
    all_is_well(&s);
}

#[test]
fn it_forks_daemons() {
    let s = Sandbox::new(&[]);
    // Sessions of their own, twice removed, without any of its descriptors.
    let daemon = "(setsid sh -c 'echo $$ >> $OUT/daemons; exec sleep 1000' </dev/null >/dev/null 2>&1 &)";
    let plan = format!(
        "[[task]]\nid = \"a\"\nrun = \"{daemon}; {daemon}; n=0; until [ $(grep -c . $OUT/daemons) = 2 ]; do n=$((n+1)); [ $n -gt 1500 ] && exit 99; sleep 0.02; done; echo all > a\"\n"
    );
    let ran = s.run(&(plan + crate::AFTER), &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for pid in s.out_lines("daemons") {
        assert!(!lives(pid.trim().parse().unwrap()), "daemon {pid}");
    }
    all_is_well(&s);
}

#[test]
fn it_ignores_the_polite_signal() {
    let s = Sandbox::new(&[]);
    let plan = format!(
        "[[task]]\nid = \"a\"\nretries = 0\nrun = \"trap '' TERM INT HUP; echo half > a; echo $$ > $OUT/a.pid; touch $OUT/a.on; {}\"\n",
        await_file("never")
    );
    let ran = s.run(&plan, &["--timeout", "1s"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(s.events("attempt_failed")[0]["failure"]["type"], "timeout");
    assert_eq!(ours(&s), Vec::<String>::new());
}

/// A gigabyte through the pipe: the keeper's memory stays small, both ends are kept, the cap holds on disk.
#[test]
fn it_prints_a_gigabyte() {
    let s = Sandbox::new(&[]);
    let plan = "[[task]]\nid = \"a\"\nrun = \"echo the first line; tr '\\\\0' x < /dev/zero | head -c 1000000000 | fold -w 4000; echo the last line; grep VmHWM /proc/$PPID/status > $OUT/peak; echo all > a\"\n";
    let mut command = s.run_command(&(plan.to_owned() + crate::AFTER), &[]);
    command.env("GREENLANE_OUTPUT_BYTES_MAX", "1MB");
    let ran = crate::common::Ran::of(command.output().unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
    let peak = s.out_lines("peak").join(" ");
    let peak_kb: u64 = peak.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(peak_kb < 32 << 10, "the keeper's memory at most: {peak}");
    let log = s.greenlane(&["logs", "a"]).stdout;
    assert!(log.len() < 1_100_000, "{} bytes are kept", log.len());
    assert!(log.starts_with("the first line\n") && log.trim_end().ends_with("the last line"), "head and tail are kept");
    all_is_well(&s);
}

#[test]
fn it_closes_its_output_and_works_on() {
    let s = Sandbox::new(&[]);
    let plan = format!(
        "[[task]]\nid = \"a\"\nrun = \"echo $$ > $OUT/a.pid; exec >&- 2>&-; touch $OUT/a.on; {}; echo all > a\"\n",
        await_file("go")
    );
    let run = s.start(s.run_command(&(plan + crate::AFTER), &[]));
    crate::common::wait_for(&s.out("a.on"));
    // A second attempt's time, had the end of its output been taken for its end.
    eventually("it is seen at work", || s.task("a")["state"] == "running");
    assert!(lives(crate::agent(&s)));
    go(&s);
    let ran = run.wait();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(s.events("attempt_started").len(), 2, "one attempt each");
    all_is_well(&s);
}
