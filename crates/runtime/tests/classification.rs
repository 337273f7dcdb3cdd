//! What real agents wrote and how they ended (recorded by `tests/real_agents.rs`), judged as a keeper and the core judge it.

use std::fs;
use std::path::{Path, PathBuf};

use greenlane_core::attempt::{Exit, ExitRecord};
use greenlane_core::failure::{Evidence, Failure, FailureDetail, FailureType, of_exit};
use greenlane_core::time::Time;
use greenlane_runtime::agent::{OutputKind, reader};

/// Those of `tests/real_agents.rs`, and those of `tests/real_agents/more.rs`.
const AGENTS: [&str; 9] = ["claude", "codex", "gemini", "opencode", "aider", "pi", "qwen", "cline", "copilot"];

fn recordings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/agent-output")
}

fn kind(agent: &str) -> OutputKind {
    serde_json::from_value(agent.into()).expect("a known kind of output")
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// The record that a keeper would have written.
fn record(kind: OutputKind, stdout: &str, stderr: &str, exit: Exit) -> ExitRecord {
    let mut reader = reader(kind);
    stderr.lines().for_each(|line| reader.error_line(line));
    stdout.lines().for_each(|line| reader.line(line));
    ExitRecord {
        report: reader.report(),
        oom_kills: Some(0),
        stdout_tail: tail(stdout),
        stderr_tail: tail(stderr),
        ..ExitRecord::new(exit, Time(1_767_355_200_000), Time(1_767_355_260_000))
    }
}

fn recorded(agent: &str, scenario: &str) -> Option<Failure> {
    let read = |ending: &str| fs::read_to_string(recordings().join(agent).join(format!("{scenario}.{ending}"))).unwrap_or_default();
    let exit = match read("exit").trim().split_once(' ') {
        Some(("code", code)) => Exit::Code { code: code.parse().expect("a code") },
        Some(("signal", signal)) => Exit::Signal { signal: signal.parse().expect("a signal") },
        other => panic!("{agent} {scenario}: {other:?}"),
    };
    of_exit(&record(kind(agent), &read("stdout"), &read("stderr"), exit))
}

type Told = (FailureType, Option<FailureDetail>, Option<Evidence>);

fn told(failure: Option<Failure>) -> Option<Told> {
    failure.map(|f| (f.kind, f.detail, f.evidence))
}

#[test]
fn every_recording_is_judged_right() {
    use Evidence::{AgentEvents, Exit as Ended};
    use FailureDetail as D;
    use FailureType as T;
    let api = |detail| Some((T::ApiError, Some(detail), Some(AgentEvents)));
    // The kernel killed nothing for want of memory meanwhile.
    let killed = (T::Unknown, None, Some(Evidence::Keeper));
    let mut wrong = Vec::new();
    for agent in AGENTS {
        let table: [(&str, Option<Told>); 7] = [
            ("ok", None),
            ("429", api(D::RateLimit)),
            ("500", api(D::ServerError)),
            ("401", api(D::Authentication)),
            ("not-signed-in", api(D::Authentication)),
            // Ended from outside: by SIGTERM (opencode and cline hear only SIGKILL), whatever code its agent made of that.
            ("hang", Some(if ["opencode", "cline"].contains(&agent) { killed } else { (T::Unknown, None, Some(Ended)) })),
            ("killed", Some(killed)),
        ];
        for (scenario, expected) in table {
            let failure = recorded(agent, scenario);
            if told(failure.clone()) != expected {
                wrong.push(format!("{agent} {scenario}: {failure:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_recording_is_in_the_table() {
    let known = ["ok", "429", "500", "401", "not-signed-in", "hang", "killed"];
    for agent in fs::read_dir(recordings()).expect("recordings").flatten() {
        for file in fs::read_dir(agent.path()).expect("a folder").flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            let scenario = name.rsplit_once('.').map_or(name.as_str(), |(scenario, _)| scenario);
            assert!(known.contains(&scenario), "{}", file.path().display());
        }
    }
}

#[test]
fn an_agent_that_the_keeper_ends_is_stuck_or_limited_by_what_it_said_last() {
    use FailureDetail as D;
    for agent in AGENTS {
        let read = |file: &str| fs::read_to_string(recordings().join(agent).join(file)).unwrap_or_default();
        let stalled = |scenario: &str| {
            let (out, err) = (read(&format!("{scenario}.stdout")), read(&format!("{scenario}.stderr")));
            told(of_exit(&record(kind(agent), &out, &err, Exit::Stalled)))
        };
        assert_eq!(stalled("hang"), Some((FailureType::Timeout, Some(D::Stalled), Some(Evidence::Keeper))), "{agent}");
        assert_eq!(stalled("429"), Some((FailureType::ApiError, Some(D::RateLimit), Some(Evidence::AgentEvents))), "{agent}");
        // Aider never says that it finished; its exit code does.
        if agent != "aider" {
            assert_eq!(stalled("ok"), None, "{agent}: its work is done, and the gate judges it");
        }
    }
}

#[test]
fn a_program_that_is_missing_is_told_by_the_keeper_whatever_the_agent() {
    for kind in [OutputKind::Claude, OutputKind::Codex, OutputKind::Gemini, OutputKind::Opencode, OutputKind::Plain] {
        let exit = Exit::FailedToStart { message: String::from("cannot run `agent`: No such file or directory") };
        let failure = of_exit(&record(kind, "", "", exit));
        assert_eq!(told(failure), Some((FailureType::CoordinatorError, Some(FailureDetail::MissingProgram), Some(Evidence::Keeper))));
    }
    let wrapper = of_exit(&record(OutputKind::Claude, "", "env: 'node': No such file or directory", Exit::Code { code: 127 }));
    assert_eq!(told(wrapper), Some((FailureType::CoordinatorError, Some(FailureDetail::MissingProgram), Some(Evidence::Exit))));
}

/// What no recording holds: events in the shape that the agents give them, with our own words in them, and other ends.
#[test]
fn events_that_are_not_recorded_are_judged_too() {
    use Evidence::{AgentEvents, Exit as Ended, Keeper, Output};
    use FailureDetail as D;
    use FailureType as T;
    let copilot_failure = r#"{"type":"model.call_start","data":{"model":"m"}}
{"type":"model.call_failure","data":{"statusCode":429,"errorMessage":"{\"message\":\"slow down, try again in 5m\",\"code\":\"rate_limit_exceeded\"}"}}
{"type":"model.call_finished","data":{"outcome":"success"}}
{"type":"tool.execution_start","data":{"toolName":"create","arguments":{"path":"a.txt"}}}
{"type":"model.call_failure","data":{"statusCode":429,"errorMessage":"{\"message\":\"slow down, try again in 5m\"}"}}"#;
    let copilot_error = r#"{"type":"session.error","data":{"message":"no answer; Last error: 500 it broke","statusCode":500}}
{"type":"result","sessionId":"s","exitCode":1}"#;
    let copilot_aborted = r#"{"type":"abort","data":{"reason":"user_initiated"}}
{"type":"result","sessionId":"s","exitCode":0}"#;
    let copilot_ok = r#"{"type":"assistant.message","data":{"content":"done"}}
{"type":"result","sessionId":"s","exitCode":0}"#;
    let pi_429 = r#"{"type":"session","id":"s"}
{"type":"agent_start"}
{"type":"message_end","message":{"role":"assistant","stopReason":"error","errorMessage":"429 slow down"}}
{"type":"agent_end","messages":[{"role":"assistant","stopReason":"error","errorMessage":"429 slow down"}]}
{"type":"auto_retry_start","attempt":1,"maxAttempts":3,"errorMessage":"429 slow down"}
{"type":"agent_start"}
{"type":"agent_end","messages":[{"role":"assistant","stopReason":"error","errorMessage":"429 slow down"}]}
{"type":"auto_retry_end","success":false,"finalError":"429 slow down"}"#;
    let pi_ok = r#"{"type":"session","id":"s"}
{"type":"agent_end","messages":[{"role":"user"},{"role":"assistant","stopReason":"stop"}]}"#;
    let cline_ok = r#"{"type":"hook_event","taskId":"t"}
{"type":"run_result","finishReason":"completed","text":"done"}"#;
    let cline_aborted = r#"{"type":"hook_event","taskId":"t"}
{"type":"run_result","finishReason":"aborted","text":""}"#;
    let cline_error = r#"{"type":"agent_event","event":{"type":"error","message":"401 no such key"}}
{"type":"run_result","finishReason":"error","text":""}"#;
    let cline_refused = r#"{"type":"agent_event","event":{"type":"error","error":{"name":"Error","message":"nope"},"errorClass":"auth"}}
{"type":"run_result","finishReason":"error","text":"nope"}"#;
    let qwen_retries = r#"{"type":"system","subtype":"init","session_id":"s","model":"m"}
{"type":"system","subtype":"retry","data":{"reason":"retry","attempt":1,"maxRetries":10}}"#;
    let aider_429 = "litellm.RateLimitError: RateLimitError: OpenAIException - slow down\nThe API provider has rate limited you. Try again later.\nRetrying in 8.0 seconds...";
    let aider_500 = "litellm.InternalServerError: InternalServerError: OpenAIException - it\nbroke\nThe API provider's servers are down or overloaded.\nRetrying in 4.0 seconds...";
    let (zero, one, two) = (Exit::Code { code: 0 }, Exit::Code { code: 1 }, Exit::TimedOut);
    let api = |detail, by| Some((T::ApiError, detail, Some(by)));
    let unfinished = Some((T::Unknown, None, Some(Ended)));
    for (agent, said, exit, expected) in [
        (OutputKind::Copilot, copilot_failure, &zero, api(Some(D::RateLimit), AgentEvents)),
        (OutputKind::Copilot, copilot_failure, &two, api(Some(D::RateLimit), AgentEvents)),
        (OutputKind::Copilot, copilot_error, &one, api(Some(D::ServerError), AgentEvents)),
        (OutputKind::Copilot, copilot_aborted, &zero, unfinished),
        (OutputKind::Copilot, copilot_ok, &zero, None),
        (OutputKind::Pi, pi_429, &zero, api(Some(D::RateLimit), AgentEvents)),
        (OutputKind::Pi, pi_ok, &zero, None),
        (OutputKind::Cline, cline_ok, &zero, None),
        (OutputKind::Cline, cline_aborted, &zero, unfinished),
        (OutputKind::Cline, cline_error, &one, api(Some(D::Authentication), AgentEvents)),
        (OutputKind::Cline, cline_refused, &one, api(Some(D::Authentication), AgentEvents)),
        (OutputKind::Qwen, qwen_retries, &two, api(None, AgentEvents)),
        (OutputKind::Plain, aider_429, &two, api(Some(D::RateLimit), Output)),
        (OutputKind::Plain, aider_429, &one, api(Some(D::RateLimit), Output)),
        (OutputKind::Plain, aider_500, &one, api(Some(D::ServerError), Output)),
        (OutputKind::Plain, aider_429, &zero, None),
        (OutputKind::Aider, aider_500, &two, api(Some(D::ServerError), AgentEvents)),
        (OutputKind::Aider, "thinking", &zero, None),
        (OutputKind::Plain, "thinking", &two, Some((T::Timeout, None, Some(Keeper)))),
    ] {
        let failure = of_exit(&record(agent, said, "", exit.clone()));
        assert_eq!(told(failure.clone()), expected, "{agent:?} {exit:?} {failure:?}\n{said}");
    }
    let limited = of_exit(&record(OutputKind::Copilot, copilot_failure, "", Exit::Code { code: 0 })).expect("a failure");
    assert!(limited.reset_at.is_some(), "{limited:?}");
}

/// The work itself may be about limits: what it prints turns no failure into one of a provider.
#[test]
fn what_a_task_prints_is_not_what_happened_to_it() {
    let diff =
        "diff --git a/limit.rs b/limit.rs\n@@ -1 +1 @@\n-    return Err(\"rate limit exceeded\")\n+    // Error: 429 Too Many Requests";
    let report = "test limit::too_many_requests ... FAILED\nassertion `left == right` failed: rate limit exceeded\n  left: 429\n right: 200\nerror: test failed, to rerun pass `-p limit`";
    for (stdout, stderr) in [(diff, ""), (report, ""), (diff, "make: *** [test] Error 2"), (report, diff)] {
        let failure = of_exit(&record(OutputKind::Plain, stdout, stderr, Exit::Code { code: 2 })).expect("a failure");
        assert_eq!((failure.kind, failure.detail, failure.evidence), (FailureType::Unknown, None, Some(Evidence::Exit)), "{failure:?}");
    }
    let said = format!(
        "{}\n{{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"result\":\"added error 429 handling: rate limit exceeded\"}}",
        "{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"s\"}"
    );
    assert_eq!(of_exit(&record(OutputKind::Claude, &said, "Error: too many requests", Exit::Code { code: 1 })), None);
}
