//! What dies is killed with SIGKILL: nobody gets to clean up.

use crate::common::{Running, Sandbox, eventually, lives, signal};
use crate::{agent, all_is_well, at_work, go, keeper};

/// Takes the run up, lets `a` end once it is tried again, and looks at the end.
fn resumed(s: &Sandbox, ran: &[&str]) {
    let resumed = s.start(s.command(&["resume"]));
    eventually("it is taken up", || s.count("run_resumed") == 1);
    ends_well(s, resumed, ran);
}

fn ends_well(s: &Sandbox, run: Running, ran: &[&str]) {
    eventually("as many have begun", || s.out_lines("ran").len() >= ran.len() - 1);
    go(s);
    let ended = run.wait();
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(s.out_lines("ran"), ran);
    all_is_well(s);
}

#[test]
fn the_agent_is_killed() {
    let s = Sandbox::new(&[]);
    let run = at_work(&s, &[]);
    signal(agent(&s), "KILL");
    ends_well(&s, run, &["a", "a", "after"]);
    let first = s.task("a")["attempts"][0].clone();
    assert_eq!(first["signal"], 9, "{first}");
    let failed = s.events("attempt_failed");
    assert_eq!(failed.len(), 1, "{failed:?}");
}

#[test]
fn the_keeper_is_killed() {
    let s = Sandbox::new(&[]);
    let run = at_work(&s, &[]);
    let (keeper, agent) = (keeper(&s), agent(&s));
    signal(keeper, "KILL");
    eventually("it is tried again", || s.out_lines("ran").len() == 2);
    assert!(!lives(agent), "two never work at the same task");
    ends_well(&s, run, &["a", "a", "after"]);
}

#[test]
fn the_coordinator_is_killed() {
    let s = Sandbox::new(&[]);
    let run = at_work(&s, &[]);
    run.signal("KILL");
    assert_eq!(run.wait().code, -1);
    assert!(lives(agent(&s)) && lives(keeper(&s)), "the agent works on, under its keeper");
    resumed(&s, &["a", "after"]);
}

#[test]
fn coordinator_keeper_and_agent_are_killed_at_once() {
    let s = Sandbox::new(&[]);
    let run = at_work(&s, &[]);
    let (keeper, agent) = (keeper(&s), agent(&s));
    // Stopped first, so that none of them sees another die.
    for pid in [run.pid(), keeper, agent] {
        signal(pid, "STOP");
    }
    for pid in [agent, keeper, run.pid()] {
        signal(pid, "KILL");
    }
    assert_eq!(run.wait().code, -1);
    assert_eq!(s.status()["run"]["state"], "interrupted");
    resumed(&s, &["a", "a", "after"]);
    let attempts = s.task("a")["attempts"].clone();
    assert_eq!((attempts[0]["outcome"].as_str(), attempts[1]["outcome"].as_str()), (Some("lost"), Some("succeeded")), "{attempts}");
}

/// Killed again and again, at whatever it does: no attempt is started twice, nothing lands twice.
#[test]
fn the_coordinator_is_killed_many_times() {
    let s = Sandbox::new(&[]);
    let run = at_work(&s, &[]);
    run.signal("KILL");
    run.wait();
    for n in 1..=8 {
        let again = s.start(s.command(&["resume"]));
        eventually("it is taken up", || s.count("run_resumed") == n);
        again.signal("KILL");
        again.wait();
    }
    let last = s.start(s.command(&["resume"]));
    eventually("it is taken up", || s.count("run_resumed") == 9);
    ends_well(&s, last, &["a", "after"]);
}

/// The suite says nothing when its keeper dies (of want of memory, say): it is run again, after what is left of it was ended.
#[test]
fn the_keeper_of_the_suite_is_killed() {
    let s = Sandbox::new(&[]);
    let suite = "echo $$ >> $OUT/suite; test $(grep -c . $OUT/suite) != 2 || { kill -KILL $PPID; sleep 1000; }";
    go(&s);
    let ran = s.run(&(format!("verify = [\"{suite}\"]\n") + &crate::plan()), &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!lives(s.out_lines("suite")[1].trim().parse().unwrap()), "two suites never run in one worktree");
    all_is_well(&s);
}

/// The coordinator dies together with the keeper of the suite: what is left of the suite is ended before the run goes on.
#[test]
fn the_keeper_of_the_suite_is_killed_with_the_coordinator() {
    let s = Sandbox::new(&[]);
    let suite = "echo $$ >> $OUT/suite; test $(grep -c . $OUT/suite) != 2 || sleep 1000";
    go(&s);
    let run = s.start(s.run_command(&(format!("verify = [\"{suite}\"]\n") + &crate::plan()), &[]));
    eventually("the suite runs on the work", || s.out_lines("suite").len() == 2);
    let pid: u32 = s.out_lines("suite")[1].trim().parse().unwrap();
    let parent = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let keeper: u32 = parent.rsplit_once(") ").unwrap().1.split(' ').nth(1).unwrap().parse().unwrap();
    for pid in [run.pid(), keeper] {
        signal(pid, "STOP");
    }
    for pid in [keeper, run.pid()] {
        signal(pid, "KILL");
    }
    run.wait();
    assert!(lives(pid), "nobody was there to end it");
    let resumed = s.greenlane(&["resume"]);
    assert_eq!(resumed.code, 0, "{resumed:?}");
    assert!(!lives(pid));
    all_is_well(&s);
}
