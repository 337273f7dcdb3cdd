//! The readers on what real agents wrote (recorded by `tests/real_agents.rs`), whole and damaged.

use greenlane_core::attempt::{AgentReport, Usage};
use greenlane_runtime::agent::{LINE_BYTES_MAX, OutputKind, Reader, reader};

use crate::recorded::{KINDS, recorded};

const SCENARIOS: [&str; 5] = ["ok", "429", "500", "401", "hang"];

fn kind(name: &str) -> OutputKind {
    serde_json::from_value(name.into()).expect("a known agent")
}

fn read(name: &str, scenario: &str) -> Box<dyn Reader> {
    let mut reader = reader(kind(name));
    let stdout = recorded(name, &format!("{scenario}.stdout"));
    assert!(!stdout.is_empty(), "no recording of {name} {scenario}");
    recorded(name, &format!("{scenario}.stderr")).lines().for_each(|line| reader.error_line(line));
    stdout.lines().for_each(|line| reader.line(line));
    reader
}

fn report(name: &str, scenario: &str) -> AgentReport {
    read(name, scenario).report()
}

fn of_lines(kind: OutputKind, lines: &[&str]) -> AgentReport {
    let mut reader = reader(kind);
    lines.iter().for_each(|line| reader.line(line));
    reader.report()
}

#[test]
fn each_agent_is_judged_by_its_events() {
    // Agent, scenario, its own word, status, retries seen.
    let table = [
        ("claude", "ok", Some(true), None, 0),
        ("claude", "429", Some(false), Some(429), 1),
        ("claude", "500", Some(false), Some(500), 1),
        ("claude", "401", Some(false), Some(401), 1),
        ("claude", "hang", None, None, 0),
        ("codex", "ok", Some(true), None, 0),
        ("codex", "429", Some(false), Some(429), 0),
        ("codex", "500", Some(false), Some(500), 1),
        ("codex", "401", Some(false), Some(401), 1),
        ("codex", "hang", None, None, 0),
        ("gemini", "ok", Some(true), None, 0),
        ("gemini", "429", Some(false), Some(429), 1),
        ("gemini", "500", Some(false), Some(500), 1),
        ("gemini", "401", Some(false), Some(401), 0),
        ("gemini", "hang", None, None, 0),
        ("opencode", "ok", Some(true), None, 0),
        ("opencode", "401", Some(false), Some(401), 0),
        ("opencode", "hang", None, None, 0),
        ("aider", "ok", None, None, 0),
        ("aider", "429", Some(false), Some(429), 8),
        ("aider", "401", Some(false), Some(401), 0),
        ("aider", "hang", None, None, 0),
        ("pi", "ok", Some(true), None, 0),
        ("pi", "429", Some(false), Some(429), 3),
        ("pi", "500", Some(false), Some(500), 3),
        ("pi", "401", Some(false), Some(401), 0),
        ("pi", "hang", None, None, 0),
        ("qwen", "ok", Some(true), None, 0),
        ("qwen", "429", Some(false), Some(429), 0),
        ("qwen", "500", Some(false), Some(500), 0),
        ("qwen", "401", Some(false), Some(401), 0),
        ("qwen", "hang", None, None, 0),
        ("cline", "ok", Some(true), None, 0),
        ("cline", "429", Some(false), Some(429), 0),
        ("cline", "500", Some(false), Some(500), 0),
        ("cline", "401", Some(false), Some(401), 0),
        ("cline", "hang", None, None, 0),
        ("copilot", "ok", Some(true), None, 0),
        ("copilot", "500", Some(false), Some(500), 5),
        ("copilot", "401", Some(false), Some(401), 2),
        ("copilot", "hang", None, None, 0),
    ];
    for (name, scenario, finished, status, retries) in table {
        let report = report(name, scenario);
        let told = (report.finished, report.error.as_ref().and_then(|e| e.status), report.model_retries);
        assert_eq!(told, (finished, status, retries), "{name} {scenario}: {report:?}");
        assert_eq!(report.error.is_some(), finished == Some(false), "{name} {scenario}");
    }
}

#[test]
fn an_agent_that_was_ended_while_it_retried_tells_why() {
    for (scenario, status) in [("429", 429), ("500", 500)] {
        let report = report("opencode", scenario);
        assert_eq!((report.finished, report.error.and_then(|e| e.status)), (None, Some(status)), "{scenario}");
        assert!(report.model_retries >= 1);
    }
    assert_eq!(read("opencode", "429").activity(), Some("retrying the model (429)"));
}

#[test]
fn usage_is_the_same_measure_for_all() {
    // Three calls: 1,000 tokens each, 200 cached, 50 out. Anthropic counts the cached ones besides, the others within.
    for (name, input_tokens, costs) in [
        ("claude", 3_600, true),
        ("codex", 3_000, false),
        ("gemini", 3_000, false),
        ("opencode", 3_000, true),
        ("pi", 3_000, true),
        ("qwen", 3_000, false),
        ("cline", 3_000, true),
    ] {
        let Usage { input_tokens: input, cached_tokens, output_tokens, cost_usd } = report(name, "ok").usage.unwrap_or_default();
        assert_eq!((input, cached_tokens, output_tokens, cost_usd.is_some()), (input_tokens, 600, 150, costs), "{name}");
    }
}

#[test]
fn sessions_calls_and_last_words_are_noted() {
    for (name, _) in KINDS {
        let report = report(name, "ok");
        assert_eq!((report.model_calls, report.tool_calls, report.last_message.as_str()), (3, 2, "scripted: done"), "{name}");
        assert!(report.session.is_some_and(|s| s.len() > 10), "{name}");
    }
    assert_eq!(report("gemini", "ok").model.as_deref(), Some("gemini-2.5-pro"));
    assert!(report("claude", "429").model.is_some_and(|m| m.starts_with("claude-")), "not the model of its error message");
}

#[test]
fn the_live_display_reads_as_sentences() {
    for (name, writes) in [("claude", "writes src/hello.txt"), ("gemini", "writes src/hello.txt"), ("opencode", "writes src/hello.txt")] {
        assert!(activities(name, "ok").contains(&writes.to_owned()), "{name}: {:?}", activities(name, "ok"));
    }
    for (name, _) in KINDS {
        assert!(activities(name, "ok").contains(&String::from("runs `echo ran > ran.txt`")), "{name}: {:?}", activities(name, "ok"));
    }
    assert!(activities("claude", "429").contains(&String::from("retrying the model (429), 1/1")), "{:?}", activities("claude", "429"));
    assert!(activities("codex", "500").contains(&String::from("retrying the model (500), 1/1")), "{:?}", activities("codex", "500"));
    assert_eq!(read("claude", "ok").activity(), None, "nothing is done after the end");
}

fn activities(name: &str, scenario: &str) -> Vec<String> {
    let mut reader = reader(kind(name));
    let mut all = Vec::new();
    for line in recorded(name, &format!("{scenario}.stdout")).lines() {
        reader.line(line);
        all.extend(reader.activity().map(str::to_owned));
    }
    all
}

#[test]
fn what_is_no_event_is_passed_over() {
    let noise = ["", "npm warn something", "{", "[1,2]", "null", "{\"type\":7}", "{\"no\":\"type\"}", "{\"type\":\"result\"", "\u{0}\u{1}"];
    for (name, kind) in KINDS {
        for scenario in SCENARIOS {
            let mut clean = reader(kind);
            let mut noisy = reader(kind);
            for line in recorded(name, &format!("{scenario}.stdout")).lines() {
                clean.line(line);
                noise.iter().for_each(|n| noisy.line(n));
                noisy.line(line);
            }
            assert_eq!(noisy.report(), clean.report(), "{name} {scenario}");
        }
    }
}

#[test]
fn every_prefix_and_every_missing_field_is_survived() {
    for (name, kind) in KINDS {
        for scenario in SCENARIOS {
            let text = recorded(name, &format!("{scenario}.stdout"));
            let mut reader = reader(kind);
            for line in text.lines() {
                for cut in (0..line.len()).step_by(7).filter(|cut| line.is_char_boundary(*cut)) {
                    reader.line(&line[..cut]);
                }
                let Ok(serde_json::Value::Object(event)) = serde_json::from_str(line) else { continue };
                for field in event.keys().filter(|k| *k != "type") {
                    let mut without = event.clone();
                    without.remove(field);
                    reader.line(&serde_json::Value::Object(without.clone()).to_string());
                    without.insert(field.clone(), serde_json::json!([[1], {"a": null}, "x"]));
                    reader.line(&serde_json::Value::Object(without).to_string());
                }
            }
            assert!(reader.report().last_message.len() <= 8_000, "{name} {scenario}");
        }
    }
}

#[test]
fn what_is_kept_is_bounded() {
    let long = "ä".repeat(1_000_000);
    let message = serde_json::json!({"type": "message", "role": "assistant", "delta": true, "content": long}).to_string();
    let result = serde_json::json!({"type": "result", "status": "error", "error": {"message": long}}).to_string();
    let report = of_lines(OutputKind::Gemini, &[&message, &message, &result]);
    assert_eq!(report.last_message.chars().count(), 2_000);
    assert_eq!(report.error.map(|e| e.message.chars().count()), Some(1_000));

    let too_long = serde_json::json!({"type": "result", "result": "x".repeat(LINE_BYTES_MAX)}).to_string();
    assert_eq!(of_lines(OutputKind::Claude, &[&too_long]), AgentReport::default());
    let result = serde_json::json!({"type": "result", "permission_denials": (0..100).map(|n| serde_json::json!({"tool_name": format!("t{n}")})).collect::<Vec<_>>()});
    assert_eq!(of_lines(OutputKind::Claude, &[&result.to_string()]).denied.len(), 20);
}

#[test]
fn a_denied_tool_is_named_though_the_run_succeeded() {
    let line = r#"{"type":"result","subtype":"success","is_error":false,"result":"ok","permission_denials":[{"tool_name":"Bash","tool_use_id":"t","tool_input":{"command":"cargo test"}},{"tool_name":"WebFetch"}]}"#;
    let report = of_lines(OutputKind::Claude, &[line]);
    assert_eq!((report.finished, report.denied), (Some(true), vec![String::from("Bash(cargo test)"), String::from("WebFetch")]));
}

#[test]
fn a_subscription_says_when_its_limit_ends() {
    let limit = r#"{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":1767323045,"rateLimitType":"five_hour"}}"#;
    let end = r#"{"type":"result","subtype":"success","is_error":true,"api_error_status":429,"result":"You've hit your limit"}"#;
    let error = of_lines(OutputKind::Claude, &[limit, end]).error.expect("an error");
    assert_eq!((error.status, error.reset_at.map(|t| t.0)), (Some(429), Some(1_767_323_045_000)));
    let allowed = limit.replace("rejected", "allowed");
    assert_eq!(of_lines(OutputKind::Claude, &[&allowed]).error, None);
}

#[test]
fn running_out_of_turns_is_no_failure_of_the_api() {
    let line = r#"{"type":"result","subtype":"error_max_turns","is_error":true,"num_turns":429,"errors":["error 429 turns"]}"#;
    let report = of_lines(OutputKind::Claude, &[line]);
    assert_eq!((report.finished, report.error.and_then(|e| e.status)), (Some(false), None));
}

#[test]
fn qwen_speaks_like_claude_but_counts_like_openai() {
    let lines = [
        r#"{"type":"system","subtype":"init","session_id":"s-1","cwd":"/w","model":"m"}"#,
        r#"{"type":"system","subtype":"retry","data":{"reason":"retry","attempt":1,"maxRetries":10,"delayMs":60000}}"#,
        r#"{"type":"system","subtype":"retry","data":{"reason":"retry"}}"#,
    ];
    let during = of_lines(OutputKind::Qwen, &lines);
    assert_eq!((during.finished, during.model_retries), (None, 1));
    let ok = r#"{"type":"result","subtype":"success","is_error":false,"result":"ok","usage":{"input_tokens":2000,"output_tokens":100,"cache_read_input_tokens":400,"total_tokens":2100}}"#;
    assert_eq!(of_lines(OutputKind::Qwen, &[ok]).usage.map(|u| (u.input_tokens, u.cached_tokens)), Some((2_000, 400)));
    let failed = r#"{"type":"result","subtype":"error_during_execution","is_error":true,"error":{"message":"[API Error: 500 it broke]"}}"#;
    let report = of_lines(OutputKind::Qwen, &[failed]);
    assert_eq!((report.finished, report.error.and_then(|e| e.status)), (Some(false), Some(500)));
}

#[test]
fn a_remark_or_a_reconnection_of_codex_is_not_its_end() {
    let lines = [
        r#"{"type":"item.completed","item":{"id":"0","type":"error","message":"error 500 in some metadata"}}"#,
        r#"{"type":"error","message":"Reconnecting... 2/5 (unexpected status 503 Service Unavailable)"}"#,
        r#"{"type":"item.completed","item":{"id":"1","type":"agent_message","text":"done"}}"#,
        r#"{"type":"turn.completed","usage":{"input_tokens":10,"cached_input_tokens":4,"output_tokens":2}}"#,
    ];
    let during = of_lines(OutputKind::Codex, &lines[..2]);
    assert_eq!((during.finished, during.error.and_then(|e| e.status)), (None, Some(503)));
    let after = of_lines(OutputKind::Codex, &lines);
    assert_eq!((after.finished, after.error, after.model_retries), (Some(true), None, 1));
}

#[test]
fn plain_text_tells_its_last_words_and_only_an_error_that_it_ends_with() {
    let mut plain = reader(OutputKind::Plain);
    plain.line("starting");
    plain.error_line("litellm.RateLimitError: scripted error 429");
    let report = plain.report();
    assert_eq!((report.finished, report.error.and_then(|e| e.status)), (None, Some(429)));
    assert_eq!(plain.activity(), Some("starting"));
    (0..25).for_each(|n| plain.line(&format!("line {n}")));
    assert_eq!(plain.report().error, None, "it was got over");
    assert_eq!(plain.report().last_message, "line 20\nline 21\nline 22\nline 23\nline 24");

    for harmless in ["HTTP error 404 for /missing", "test rate_test ... ok", "error at line 429", "returned 500 rows"] {
        let mut plain = reader(OutputKind::Plain);
        plain.line(harmless);
        assert_eq!(plain.report().error, None, "{harmless}");
    }
}

#[test]
fn every_call_of_a_tool_comes_with_its_result_once() {
    for (name, _) in KINDS {
        let mut reader = read(name, "ok");
        let calls: Vec<String> = reader.take_calls().into_iter().map(|c| c.what).collect();
        assert_eq!(calls.len(), 2, "{name}: {calls:?}");
        assert_eq!(calls.last().map(String::as_str), Some("runs `echo ran > ran.txt`"), "{name}");
        assert!(reader.take_calls().is_empty(), "{name}");
    }
}

#[test]
fn what_was_used_is_known_before_the_end_where_events_tell_it() {
    use greenlane_core::budget::Measure;
    use greenlane_runtime::agent::Told;
    for (name, kind) in KINDS {
        let mut reader = reader(kind);
        let text = recorded(name, "ok.stdout");
        let last = text.lines().count() - 1;
        text.lines().take(last).for_each(|line| reader.line(line));
        let usage = reader.report().usage;
        assert_eq!(usage.is_some(), kind.tells(Measure::Tokens) == Told::Running, "{name}: {usage:?}");
    }
}
