//! How an attempt ends, and what the record says.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use greenlane_core::attempt::Exit;
use greenlane_runtime::keeper::{self, Cancel, Lifetime, Probe};
use rustix::process::{Pid, Signal, kill_process};

use super::support::{Attempt, attempt, code, is_alive, until};

fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), signal).unwrap();
}

#[test]
fn a_code_is_recorded_with_the_last_lines() {
    let attempt = attempt("echo out; echo err >&2; exit 3");
    let record = attempt.run();
    assert_eq!(record.exit, code(3));
    assert_eq!((record.stdout_tail.as_str(), record.stderr_tail.as_str()), ("out", "err"));
    assert_eq!((attempt.file("stdout.log"), attempt.file("stderr.log")), ("out\n".into(), "err\n".into()));
    assert_eq!(attempt.file("keeper.log"), "");
    assert!(record.started_at <= record.ended_at && record.memory_peak_bytes > 0 && record.strays_ended == 0);
    assert_eq!(keeper::read_heartbeat(&attempt.dir()), None, "a short command costs no heartbeat");
    let mut left: Vec<_> = fs::read_dir(attempt.dir()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    left.sort();
    assert_eq!(left, ["claim", "exit.json", "keeper.log", "spec.json", "stderr.log", "stdout.log"]);
}

#[test]
fn a_signal_is_recorded() {
    assert_eq!(attempt("kill -9 $$").run().exit, Exit::Signal { signal: 9 });
}

#[test]
fn what_cannot_start_is_told_in_words() {
    let mut missing = attempt("");
    missing.spec.argv = vec!["no-such-agent".into(), "x".into()];
    let Exit::FailedToStart { message } = missing.run().exit else { panic!() };
    assert!(message.starts_with("cannot run `no-such-agent`: no folder of the attempt's PATH has it"), "{message}");

    let mut forbidden = attempt("");
    fs::write(forbidden.work("agent"), "not executable").unwrap();
    forbidden.spec.argv = vec![forbidden.work("agent").display().to_string()];
    let Exit::FailedToStart { message } = forbidden.run().exit else { panic!() };
    assert!(message.contains("Permission denied"), "{message}");

    let mut nowhere = attempt("true");
    nowhere.spec.cwd = "/no/such/place".into();
    assert_eq!(nowhere.run().exit, Exit::FailedToStart { message: "the directory /no/such/place does not exist".into() });

    let mut nothing = attempt("");
    nothing.spec.argv.clear();
    assert_eq!(nothing.run().exit, Exit::FailedToStart { message: "there is no command to run".into() });

    assert_eq!(attempt("no-such-program").run().exit, code(127), "the shell started, and that is its answer");
}

#[test]
fn the_wall_clock_limit_ends_it_whatever_code_it_then_exits_with() {
    let mut attempt = attempt("trap 'exit 0' TERM; while :; do sleep 0.01; done");
    attempt.spec.timeout = Some(Duration::from_millis(300));
    assert_eq!(attempt.run().exit, Exit::TimedOut);
}

#[test]
fn who_ignores_the_polite_signal_is_killed_after_the_grace() {
    let mut attempt =
        attempt("trap '' TERM; sh -c 'while :; do sleep 100; done' & echo $$ $! | tr ' ' '\\n' > pids; while :; do sleep 100; done");
    attempt.spec.timeout = Some(Duration::from_millis(500));
    attempt.spec.grace = Duration::from_millis(300);
    let keeper = attempt.spawn();
    let pids = keeper.pids(&attempt.work("pids"), 2);
    let record = keeper.record();
    assert_eq!(record.exit, Exit::TimedOut);
    assert!(record.ended_at.since(record.started_at) >= Duration::from_millis(800));
    assert!(!pids.into_iter().any(is_alive));
}

#[test]
fn a_request_ends_it_politely_and_lets_it_clean_up() {
    let attempt = attempt("trap 'echo bye; exit 7' TERM; touch ready; while :; do sleep 0.01; done");
    let keeper = attempt.spawn();
    until("the start", || attempt.work("ready").exists().then_some(()));
    assert!(keeper::cancel(&attempt.dir(), Cancel::Terminate).unwrap());
    let record = keeper.record();
    assert_eq!((record.exit, record.stdout_tail.as_str()), (Exit::Cancelled, "bye"));
    assert!(!keeper::cancel(&attempt.dir(), Cancel::Terminate).unwrap(), "there is nobody to ask any more");
}

#[test]
fn a_second_request_does_not_wait_for_the_grace() {
    let mut attempt = attempt("trap '' TERM; touch ready; while :; do sleep 0.01; done");
    attempt.spec.grace = Duration::from_secs(3_000);
    let keeper = attempt.spawn();
    until("the start", || attempt.work("ready").exists().then_some(()));
    assert!(keeper::cancel(&attempt.dir(), Cancel::Terminate).unwrap());
    until("the heartbeat that tells it", || keeper::read_heartbeat(&attempt.dir()).filter(|h| h.phase == keeper::Phase::Ending));
    assert!(keeper::cancel(&attempt.dir(), Cancel::Kill).unwrap());
    assert_eq!(keeper.record().exit, Exit::Cancelled);
}

#[test]
fn a_stopped_tree_hears_the_polite_signal() {
    let mut attempt = attempt("trap 'echo bye; exit 0' TERM; echo $$ > pid; while :; do sleep 0.01; done");
    attempt.spec.heartbeat = Duration::from_millis(50);
    let keeper = attempt.spawn();
    let pid = keeper.pids(&attempt.work("pid"), 1)[0];
    signal(pid, Signal::STOP);
    let beat = until("a heartbeat that names it", || {
        keeper::read_heartbeat(&attempt.dir()).filter(|h| h.stopped.iter().any(|s| s.contains(&pid.to_string())))
    });
    assert!(beat.stopped.contains(&format!("sh ({pid})")), "{beat:?}");
    assert!(keeper::cancel(&attempt.dir(), Cancel::Terminate).unwrap());
    let record = keeper.record();
    assert_eq!((record.exit, record.stdout_tail.as_str()), (Exit::Cancelled, "bye"));
}

#[test]
fn waiting_ends_with_the_keeper() {
    let attempt = attempt("touch ready; read line < fifo; exit 5");
    rustix::fs::mkfifoat(rustix::fs::CWD, attempt.work("fifo"), rustix::fs::Mode::RWXU).unwrap();
    let mut keeper = attempt.spawn();
    until("the start", || attempt.work("ready").exists().then_some(()));
    assert!(matches!(keeper::probe(&attempt.dir()).unwrap(), Probe::Running(who) if who.pid == keeper.child.id() && who.is_alive()));
    let dir = attempt.dir();
    let waiter = std::thread::spawn(move || {
        let before = std::time::Instant::now();
        (keeper::wait(&dir).unwrap(), before.elapsed())
    });
    assert!(!waiter.is_finished());
    fs::write(attempt.work("fifo"), "go\n").unwrap();
    let (probe, _) = waiter.join().unwrap();
    assert!(matches!(probe, Probe::Exited(record) if record.exit == code(5)));
    assert!(keeper.child.wait().unwrap().success());
}

#[test]
fn a_check_is_run_to_its_end_and_its_directory_serves_once() {
    let attempt = attempt("echo checked; exit 1");
    let run = || keeper::run_supervised(Attempt::exe(), &attempt.dir(), &attempt.spec, &attempt.env);
    let record = run().unwrap();
    assert_eq!((record.exit, record.stdout_tail.as_str()), (code(1), "checked"));
    assert_eq!(run().unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
}

#[test]
fn with_the_parent_gone_the_tree_is_killed_at_once() {
    let mut attempt = attempt("trap '' TERM; sleep 1000 & echo $! > pid; wait");
    attempt.spec.lifetime = Lifetime::WithParent;
    let mut keeper = attempt.spawn();
    let pid = keeper.pids(&attempt.work("pid"), 1)[0];
    drop(keeper.child.stdin.take());
    assert_eq!(keeper.record().exit, Exit::Cancelled);
    assert!(!is_alive(pid));
}

#[test]
fn the_environment_is_what_was_given_and_the_input_too() {
    let mut attempt = attempt("");
    // `ls` itself: the shell has descriptors of its own around pipes and redirections. The fourth is the listing.
    attempt.spec.argv = vec!["sh".into(), "-c".into(), "cat; env -0 > env; pwd -P > where; cat /proc/$$/comm; ls /proc/self/fd".into()];
    attempt.spec.stdin = Some("hello\n".into());
    attempt.env.insert("ODD".into(), "a\nb=c".into());
    attempt.env.insert("GREENLANE_ATTEMPT".into(), "somebody else's".into());
    let record = attempt.run();
    let env = fs::read_to_string(attempt.work("env")).unwrap();
    let mut names: Vec<&str> = env.split_terminator('\0').collect();
    // The shell's own additions.
    names.retain(|n| !["PWD=", "SHLVL=", "_=", "OLDPWD="].iter().any(|own| n.starts_with(own)));
    names.sort_unstable();
    let path = format!("PATH={}", std::env::var("PATH").unwrap());
    assert_eq!(names, [format!("GREENLANE_ATTEMPT={}", attempt.spec.label).as_str(), "ODD=a\nb=c", path.as_str()]);
    let work = attempt.spec.cwd.canonicalize().unwrap();
    assert_eq!(fs::read_to_string(attempt.work("where")).unwrap().trim_end(), work.to_str().unwrap());
    assert_eq!(record.stdout_tail, "hello\nsh\n0\n1\n2\n3", "no descriptor of the keeper's");
}

#[test]
fn what_a_careless_parent_left_open_goes_neither_to_the_keeper_nor_to_the_agent() {
    let attempt = attempt("ls /proc/$$/fd /proc/$PPID/fd > fds; ls -l /proc/$PPID/fd > keeper; ls -l /proc/$$/fd > agent");
    fs::create_dir(attempt.dir()).unwrap();
    fs::write(attempt.dir().join("spec.json"), serde_json::to_vec(&attempt.spec).unwrap()).unwrap();
    let line = format!("exec 9>{}; exec {} __keeper {}", attempt.work("leak").display(), Attempt::exe().display(), attempt.dir().display());
    let mut keeper = Command::new("sh").args(["-c", &line]).process_group(0).stdin(Stdio::null()).spawn().unwrap();
    assert!(keeper.wait().unwrap().success());
    for who in ["keeper", "agent"] {
        let open = fs::read_to_string(attempt.work(who)).unwrap();
        assert!(!open.is_empty() && !open.contains("leak"), "{who}: {open}");
    }
}

#[test]
fn fifty_at_once() {
    let attempts: Vec<Attempt> = (0..50).map(|n| attempt(&format!("sleep 0.0{}; exit {n}", n % 10))).collect();
    let keepers: Vec<_> = attempts.iter().map(Attempt::spawn).collect();
    for (n, keeper) in (0..).zip(keepers) {
        assert_eq!(keeper.record().exit, code(n));
    }
}
