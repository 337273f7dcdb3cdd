//! While an attempt waits for a person its time limits rest.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use greenlane_core::attempt::Exit;
use greenlane_core::exchange::Rest;
use greenlane_core::time::Time;
use greenlane_runtime::keeper;

use super::support::{Attempt, attempt, code};

fn now() -> Time {
    Time(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64)
}

/// Silent for a second, with limits of less.
fn silent() -> Attempt {
    let mut attempt = attempt("sleep 1; exit 7");
    attempt.spec.timeout = Some(Duration::from_millis(300));
    attempt.spec.stall_timeout = Some(Duration::from_millis(300));
    fs::create_dir_all(attempt.dir()).unwrap();
    attempt
}

#[test]
fn who_waits_for_a_person_is_neither_timed_out_nor_stalled() {
    let attempt = silent();
    let rest = Rest { since: Some(now()), until: Some(now() + Duration::from_secs(3600)), ..Rest::default() };
    keeper::tell_rest(&attempt.dir(), &rest).unwrap();
    assert_eq!(attempt.run().exit, code(7));
}

#[test]
fn who_calls_the_tools_is_not_stalled_but_out_of_time() {
    // Whoever calls them on its behalf: here a thread, in place of the coordinator.
    let mut attempt = attempt("sleep 3.6; exit 7");
    attempt.spec.stall_timeout = Some(Duration::from_millis(2_500));
    fs::create_dir_all(attempt.dir()).unwrap();
    keeper::tell_called(&attempt.dir()).unwrap();
    let in_a_while = fs::File::options().append(true).open(attempt.dir().join("called")).unwrap();
    in_a_while.set_modified(SystemTime::now() + Duration::from_millis(2_000)).unwrap();
    assert_eq!(attempt.run().exit, code(7), "the last call was two seconds after its start");
    let mut late = self::attempt("sleep 4; exit 7");
    late.spec.timeout = Some(Duration::from_millis(300));
    fs::create_dir_all(late.dir()).unwrap();
    keeper::tell_called(&late.dir()).unwrap();
    assert_eq!(late.run().exit, Exit::TimedOut, "a call is no rest");
}

#[test]
fn a_wait_that_is_over_counts_no_further() {
    let attempt = silent();
    let rest = Rest { rested: Duration::from_millis(10), rested_at: Some(now()), ..Rest::default() };
    keeper::tell_rest(&attempt.dir(), &rest).unwrap();
    let exit = attempt.run().exit;
    assert!(matches!(exit, Exit::TimedOut | Exit::Stalled), "{exit:?}");
}

#[test]
fn who_works_on_without_the_answer_is_at_work() {
    let mut attempt = attempt("i=0; while [ $i -lt 300 ]; do echo $i; i=$((i + 1)); sleep 0.05; done; exit 7");
    attempt.spec.timeout = Some(Duration::from_millis(500));
    attempt.spec.stall_timeout = Some(Duration::from_secs(2));
    fs::create_dir_all(attempt.dir()).unwrap();
    let rest = Rest { since: Some(now()), until: Some(now() + Duration::from_secs(3600)), ..Rest::default() };
    keeper::tell_rest(&attempt.dir(), &rest).unwrap();
    assert_eq!(attempt.run().exit, Exit::TimedOut);
}
