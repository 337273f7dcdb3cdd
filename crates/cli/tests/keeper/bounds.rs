//! Caps and circles: agents that use too much or make no progress are ended while they run, and it is said why.

use std::time::Duration;

use greenlane_core::attempt::Exit;
use greenlane_core::budget::{Allowance, Budget, Spent};
use greenlane_core::failure::{FailureDetail, of_exit};
use greenlane_runtime::agent::OutputKind;
use greenlane_runtime::keeper::Limits;

use super::support::{Attempt, attempt, code};

/// A shell's functions that print what Claude prints: a message that calls a tool and has used 1,000 tokens, the tool's result, the end.
const CLAUDE: &str = r#"
n=0
call() { n=$((n + 1)); printf '{"type":"assistant","message":{"id":"m%s","content":[{"type":"tool_use","id":"t%s","name":"Bash","input":{"command":"%s"}}],"usage":{"input_tokens":990,"output_tokens":10}}}\n' $n $n "$1"; }
result() { printf '{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t%s","content":"%s"}]}}\n' $n "$1"; }
end() { printf '{"type":"result","subtype":"success","is_error":false,"result":"done","usage":{"input_tokens":%s,"output_tokens":0}}\n' "$1"; }
"#;

fn claude(line: &str) -> Attempt {
    let mut attempt = attempt(&format!("{CLAUDE}{line}"));
    attempt.spec.reader = Some(OutputKind::Claude);
    attempt
}

fn with_budget(line: &str, budget: &str, spent: Spent) -> Attempt {
    let mut attempt = claude(line);
    attempt.spec.allowance = Allowance { budget: Budget::parse(budget).unwrap(), spent };
    attempt
}

const FOREVER: &str = "while :; do call $n; result $n; done";

#[test]
fn an_agent_that_exceeds_a_cap_is_ended_while_it_runs() {
    let record = with_budget(FOREVER, "tokens=5000", Spent::default()).run();
    let Exit::OverBudget { message } = &record.exit else { panic!("{:?}", record.exit) };
    assert!(message.ends_with(" of 5,000 tokens"), "{message}");
    assert!(record.report.usage.as_ref().is_some_and(|u| u.input_tokens + u.output_tokens > 5_000));
    let failure = of_exit(&record).unwrap();
    assert_eq!((failure.detail, failure.message), (Some(FailureDetail::Budget), format!("budget: {message}")));
}

#[test]
fn what_was_used_before_counts() {
    let spent = Spent { model_calls: 9, ..Spent::default() };
    let record = with_budget("call a; result b; call c; result d; read forever < fifo", "model_calls=10", spent);
    rustix::fs::mkfifoat(rustix::fs::CWD, record.work("fifo"), rustix::fs::Mode::RWXU).unwrap();
    assert_eq!(record.run().exit, Exit::OverBudget { message: String::from("11 of 10 calls of the model") });
    let enough = with_budget("call a; result b; exit 6", "model_calls=10", spent);
    assert_eq!(enough.run().exit, code(6), "the cap itself may be used");
}

#[test]
fn time_is_a_cap_too_also_for_an_agent_that_says_nothing() {
    let mut attempt = attempt("sleep 1000");
    let spent = Spent { wall: Duration::from_millis(59_800), ..Spent::default() };
    attempt.spec.allowance = Allowance { budget: Budget::parse("wall=1m").unwrap(), spent };
    assert_eq!(attempt.run().exit, Exit::OverBudget { message: String::from("1m of 1m") });
}

#[test]
fn an_agent_that_has_finished_is_not_ended_for_what_it_says_last() {
    let record = with_budget("call a; result b; end 999999; exit 0", "tokens=5000", Spent::default()).run();
    assert_eq!(record.exit, code(0));
    assert_eq!(of_exit(&record), None, "its work is paid for; the gate judges it");
}

#[test]
fn an_agent_that_goes_in_circles_is_ended_and_the_circle_is_named() {
    let mut attempt = claude("call start; result ok; while :; do call 'make test'; result 'no rule'; done");
    attempt.spec.runaway = Limits { same_calls_max: Some(20), idle_bytes_max: None };
    let record = attempt.run();
    let Exit::Runaway { message } = &record.exit else { panic!("{:?}", record.exit) };
    assert_eq!(message, "the same call with the same result 20 times, and nothing new between: runs `make test`");
    assert_eq!(of_exit(&record).unwrap().detail, Some(FailureDetail::Runaway));
}

#[test]
fn repetition_with_news_between_is_work() {
    let mut attempt = claude("for i in $(seq 60); do call \"edit $i\"; result ok; call 'make test'; result ok; done; exit 6");
    attempt.spec.runaway = Limits { same_calls_max: Some(20), idle_bytes_max: None };
    assert_eq!(attempt.run().exit, code(6));
}

#[test]
fn output_without_a_call_of_a_tool_is_ended_only_where_calls_are_told() {
    let flood = "call a; result b; yes '{\"type\":\"x\"}' | head -c 300000";
    let limits = Limits { same_calls_max: None, idle_bytes_max: Some(100_000) };
    // It waits to be ended: one that ends by itself at the same moment has ended by itself.
    let mut attempt = claude(&format!("{flood}; sleep 100"));
    attempt.spec.runaway = limits;
    let exit = attempt.run().exit;
    assert!(matches!(&exit, Exit::Runaway { message } if message.ends_with("(at most 100,000)")), "{exit:?}");
    let mut plain = claude(&format!("{flood}; exit 6"));
    (plain.spec.runaway, plain.spec.reader) = (limits, Some(OutputKind::Plain));
    assert_eq!(plain.run().exit, code(6), "a plain agent may print as much as it likes; its log is capped");
}
