//! Agents that are talked to: keeper, client and agent as three processes, and how they end together.

use std::fs;
use std::time::Duration;

use greenlane_core::attempt::Exit;
use greenlane_core::failure::{FailureDetail, of_exit};
use greenlane_runtime::acp::{Order, Permissions};
use greenlane_runtime::agent::OutputKind;
use greenlane_runtime::keeper::{self, Cancel};

use super::support::{Attempt, attempt, code, is_alive};

/// An agent in shell that answers up to its prompt; what it does then is this line, and what it does with a line after it another.
fn talking(prompted: &str, more: &str) -> Attempt {
    let script = format!(
        r#"
        say() {{ printf '%s\n' "{{\"jsonrpc\":\"2.0\",$1}}"; }}
        while read -r line; do
            case $line in
                *'"initialize"'*) say '"id":1,"result":{{"protocolVersion":1}}' ;;
                *'"session/new"'*) say '"id":2,"result":{{"sessionId":"s"}}' ;;
                *'"session/prompt"'*) {prompted} ;;
                *) {more} ;;
            esac
        done
        "#
    );
    let mut attempt = attempt(&script);
    attempt.spec.reader = Some(OutputKind::Acp);
    attempt.spec.acp = Some(Order {
        prompt: "Do it.".into(),
        session: None,
        model: None,
        permissions: Permissions::Worktree,
        files: true,
        terminals: true,
    });
    attempt
}

#[test]
fn a_turn_that_ends_is_finished_and_nothing_is_left() {
    let attempt = talking("sleep 600 & say '\"id\":3,\"result\":{\"stopReason\":\"end_turn\"}'", "exit 9");
    let record = attempt.run();
    assert_eq!((record.exit, record.report.finished, record.report.session.as_deref()), (code(0), Some(true), Some("s")));
    assert_eq!(record.strays_ended, 1, "its sleep");
}

#[test]
fn a_turn_is_cancelled_before_anybody_is_signalled() {
    let attempt = talking(
        "trap 'echo term >> log; exit' TERM; sleep 600 & printf '%s\\n' $$ $! > pids",
        "echo \"$line\" >> log; say '\"id\":3,\"result\":{\"stopReason\":\"cancelled\"}'",
    );
    let running = attempt.spawn();
    let pids = running.pids(&attempt.work("pids"), 2);
    assert!(keeper::cancel(&attempt.dir(), Cancel::Terminate).unwrap());
    let record = running.record();
    assert_eq!((&record.exit, record.report.finished), (&Exit::Cancelled, None));
    let log = fs::read_to_string(attempt.work("log")).unwrap();
    let mut lines = log.lines();
    assert!(lines.next().is_some_and(|l| l.contains("\"session/cancel\"")), "{log}");
    assert!(!pids.into_iter().any(is_alive));
    assert!(attempt.file("stdout.log").contains("\"asked\":true"), "its answer was waited for");
}

#[test]
fn one_that_does_not_heed_it_is_ended_all_the_same() {
    let mut attempt = talking("trap '' TERM; echo $$ > pids; while :; do sleep 1; done", ":");
    attempt.spec.grace = Duration::from_millis(400);
    let running = attempt.spawn();
    let pids = running.pids(&attempt.work("pids"), 1);
    assert!(keeper::cancel(&attempt.dir(), Cancel::Terminate).unwrap());
    assert_eq!(running.record().exit, Exit::Cancelled);
    assert!(!is_alive(pids[0]));
}

#[test]
fn one_that_dies_or_is_not_there_is_told_by_its_exit() {
    let died = talking("echo 'out of ideas' >&2; exit 3", ":").run();
    assert_eq!((&died.exit, died.stderr_tail.as_str()), (&code(3), "out of ideas"));
    let killed = talking("kill -9 $$", ":").run();
    assert_eq!(killed.exit, code(137), "as a shell tells it");
    let mut missing = talking("", ":");
    missing.spec.argv = vec!["no-such-agent".into()];
    let record = missing.run();
    assert_eq!(record.exit, code(127));
    assert_eq!(of_exit(&record).and_then(|f| f.detail), Some(FailureDetail::MissingProgram));
    assert!(record.stderr_tail.starts_with("cannot run `no-such-agent`"), "{}", record.stderr_tail);
}
