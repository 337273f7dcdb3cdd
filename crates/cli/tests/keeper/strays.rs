//! Nothing is left: what leaves the agent's process group, what outlives the agent, what outlives its keeper.

use std::time::Duration;

use greenlane_runtime::keeper::{self, Probe};

use super::support::{attempt, code, is_alive, until};

/// A daemon by the book: forked twice, a session of its own, no standard streams. Writes its pid and ignores SIGTERM.
const DAEMON: &str = "(setsid sh -c 'trap \"\" TERM; echo $$ >> pids; while :; do sleep 1000; done' </dev/null >/dev/null 2>&1 &) & wait;";

#[test]
fn a_daemon_that_the_agent_left_behind_is_ended() {
    let mut attempt = attempt(&format!("{DAEMON} while ! [ -s pids ]; do sleep 0.01; done; exit 4"));
    attempt.spec.grace = Duration::from_millis(100);
    let keeper = attempt.spawn();
    let pid = keeper.pids(&attempt.work("pids"), 1)[0];
    let record = keeper.record();
    assert_eq!(record.exit, code(4), "what it left behind does not change its own end");
    assert!(record.strays_ended >= 1, "{record:?}");
    assert!(!is_alive(pid));
}

#[test]
fn what_ends_by_itself_in_a_moment_is_not_disturbed() {
    let attempt = attempt("(trap 'echo disturbed' TERM; sleep 0.01; echo finished) & exit 0");
    let record = attempt.run();
    assert_eq!((record.stdout_tail.as_str(), record.strays_ended), ("finished", 0));
}

#[test]
fn a_tree_that_forks_as_fast_as_it_can_is_ended() {
    // Bounded, should the test fail: each generation is a process that starts the next one and ends.
    let mut attempt =
        attempt("echo $$ > pids; f() { [ $1 -gt 20000 ] || { trap '' TERM; f $(($1 + 1)) & }; }; f 0 & f 0 & f 0 & sleep 1000");
    attempt.spec.grace = Duration::ZERO;
    let keeper = attempt.spawn();
    keeper.pids(&attempt.work("pids"), 1);
    assert!(keeper::cancel(&attempt.dir(), keeper::Cancel::Terminate).unwrap());
    keeper.record();
    assert_eq!(keeper::end_strays(&attempt.spec.label).unwrap(), 0);
}

#[test]
fn a_killed_keeper_is_lost_and_what_it_kept_can_be_found_and_ended() {
    let attempt = attempt(&format!("{DAEMON} echo $$ >> pids; sleep 1000"));
    let mut keeper = attempt.spawn();
    let pids = keeper.pids(&attempt.work("pids"), 2);
    let dir = attempt.dir();
    let waiter = std::thread::spawn(move || keeper::wait(&dir).unwrap());
    keeper.child.kill().unwrap();
    keeper.child.wait().unwrap();
    let Probe::Lost(Some(who)) = waiter.join().unwrap() else { panic!() };
    assert_eq!(who.pid, keeper.child.id());
    assert!(!who.is_alive());
    assert!(pids.iter().all(|pid| is_alive(*pid)), "they live on");
    assert!(!keeper::void(&attempt.dir()).unwrap(), "it did begin");
    assert!(!keeper::cancel(&attempt.dir(), keeper::Cancel::Kill).unwrap());
    assert!(keeper::end_strays(&attempt.spec.label).unwrap() >= 2);
    until("their end", || (!pids.iter().any(|pid| is_alive(*pid))).then_some(()));
    assert_eq!(keeper::end_strays(&attempt.spec.label).unwrap(), 0);
    assert_eq!(keeper::end_strays("").unwrap(), 0, "no label is nobody's");
}
