//! What counts as work, and what is told of it while it goes on.

use std::io::Write as _;
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::Duration;

use greenlane_core::attempt::Exit;
use greenlane_runtime::keeper::{self, Cancel, Evidence, Phase};
use rustix::process::{Pid, Signal, kill_process};

use super::support::{Attempt, attempt, code, until};

fn with_stall_timeout(line: &str, stall_timeout: Duration) -> Attempt {
    let mut attempt = attempt(line);
    attempt.spec.stall_timeout = Some(stall_timeout);
    attempt
}

#[test]
fn a_silent_sleeper_stalls() {
    let record = with_stall_timeout("sleep 1000", Duration::from_millis(600)).run();
    assert_eq!(record.exit, Exit::Stalled);
    assert!(record.ended_at.since(record.started_at) >= Duration::from_millis(600));
}

#[test]
fn a_stopped_tree_stalls_too() {
    let attempt = with_stall_timeout("echo $$ > pid; while :; do :; done", Duration::from_secs(1));
    let keeper = attempt.spawn();
    let pid = keeper.pids(&attempt.work("pid"), 1)[0];
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), Signal::STOP).unwrap();
    assert_eq!(keeper.record().exit, Exit::Stalled);
}

#[test]
fn using_the_cpu_is_work() {
    // By the shell's own clock, so that a slow machine makes it longer and not shorter than the stall timeout.
    let line =
        "end=$(($(date +%s) + 4)); while [ $(date +%s) -lt $end ]; do i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; done; exit 6";
    assert_eq!(with_stall_timeout(line, Duration::from_secs(2)).run().exit, code(6));
}

#[test]
fn a_trickle_of_output_is_work() {
    let attempt = with_stall_timeout("while read line; do echo $line; done < fifo; exit 6", Duration::from_secs(2));
    rustix::fs::mkfifoat(rustix::fs::CWD, attempt.work("fifo"), rustix::fs::Mode::RWXU).unwrap();
    let keeper = attempt.spawn();
    let mut fifo = std::fs::OpenOptions::new().write(true).open(attempt.work("fifo")).unwrap();
    let record = trickle(move |n| writeln!(fifo, "{n}").unwrap(), 8, keeper);
    assert_eq!(record.exit, code(6));
    assert!(record.ended_at.since(record.started_at) >= Duration::from_secs(3));
}

#[test]
fn bytes_on_a_connection_are_work_and_their_absence_is_none() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut attempt = with_stall_timeout("", Duration::from_secs(2));
    let line =
        format!("exec 3<>/dev/tcp/127.0.0.1/{port}; while read -r line <&3 && [ \"$line\" != quit ]; do :; done; echo read; sleep 1000");
    attempt.spec.argv = vec!["bash".into(), "-c".into(), line];
    let keeper = attempt.spawn();
    let (mut connection, _) = listener.accept().unwrap();
    let record = trickle(
        |n| {
            writeln!(connection, "{}", if n == 7 { "quit" } else { "token" }).unwrap();
            if n == 5 {
                let beat = until("a heartbeat that tells of it", || {
                    keeper::read_heartbeat(&attempt.dir()).filter(|h| h.last_evidence == Some(Evidence::Sockets))
                });
                assert!(beat.socket_bytes > Some(0));
            }
        },
        8,
        keeper,
    );
    // The silence after the last word ended it, and nothing before that.
    assert_eq!((record.exit, record.stdout_tail.as_str()), (Exit::Stalled, "read"));
}

/// Does something every 400 ms (a fifth of the stall timeout), so often, and then waits for the end.
fn trickle(mut drip: impl FnMut(u32), count: u32, keeper: super::support::Keeper) -> greenlane_core::attempt::ExitRecord {
    let (_never, tick) = mpsc::channel::<()>();
    for n in 0..count {
        drip(n);
        // The passing of time is the matter of this test, not its synchronisation.
        assert!(tick.recv_timeout(Duration::from_millis(400)).is_err());
    }
    drop(drip);
    keeper.record()
}

#[test]
fn a_longer_attempt_is_told_of_within_about_a_second() {
    let attempt = attempt("echo working; i=0; while [ $i -lt 50000 ]; do i=$((i + 1)); done; sleep 1000");
    let keeper = attempt.spawn();
    let beat = until("the first heartbeat", || keeper::read_heartbeat(&attempt.dir()));
    assert_eq!((beat.phase, beat.output_bytes), (Phase::Running, 8));
    assert!(beat.at.since(beat.started_at) >= Duration::from_millis(900), "{beat:?}");
    assert!(beat.last_output_at.is_some_and(|at| at >= beat.started_at && at <= beat.at), "{beat:?}");
    assert!(beat.processes >= 1 && beat.cpu_ms > 0 && beat.memory_bytes > 0 && beat.memory_peak_bytes >= beat.memory_bytes, "{beat:?}");
    assert!(beat.stopped.is_empty());
    let later = until("the next one", || keeper::read_heartbeat(&attempt.dir()).filter(|h| h.at > beat.at));
    assert!(later.cpu_ms >= beat.cpu_ms);
    assert!(keeper::cancel(&attempt.dir(), Cancel::Kill).unwrap());
    let record = keeper.record();
    assert!(record.cpu_ms > 0 && record.memory_peak_bytes >= beat.memory_peak_bytes);
}
