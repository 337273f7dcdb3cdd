//! What is kept of what an agent prints.

use std::fs;

use super::support::{attempt, code};

#[test]
fn of_a_flood_both_ends_are_kept() {
    let mut attempt = attempt("seq 1 100000; echo end >&2");
    attempt.spec.output_bytes_max = 100_000;
    let record = attempt.run();
    assert_eq!(record.exit, code(0));
    let log = attempt.file("stdout.log");
    assert!(log.len() < 100_100, "{}", log.len());
    assert!(log.starts_with("1\n2\n3\n") && log.ends_with("\n99999\n100000\n"));
    assert_eq!(log.matches("bytes left out").count(), 1);
    assert!(record.stdout_tail.starts_with("99981\n") && record.stdout_tail.ends_with("\n100000"));
    assert_eq!(attempt.file("stderr.log"), "end\n");
    let files = fs::read_dir(attempt.dir()).unwrap().count();
    assert_eq!(files, 6, "nothing but the protocol's files is left");
}

#[test]
fn a_process_outside_of_the_tree_that_holds_the_pipe_holds_nobody_up() {
    // The test itself opens the agent's end of the pipe, as a daemon would that was handed it.
    let attempt = attempt("echo $$ > pid; read line < fifo; echo last words");
    rustix::fs::mkfifoat(rustix::fs::CWD, attempt.work("fifo"), rustix::fs::Mode::RWXU).unwrap();
    let keeper = attempt.spawn();
    let pid = keeper.pids(&attempt.work("pid"), 1)[0];
    let held = fs::OpenOptions::new().write(true).open(format!("/proc/{pid}/fd/1")).unwrap();
    fs::write(attempt.work("fifo"), "go\n").unwrap();
    assert_eq!(keeper.record().stdout_tail, "last words");
    drop(held);
}
