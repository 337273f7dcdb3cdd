//! What real agents wrote, damaged: every reader goes on, and what it keeps is bounded.

use std::path::Path;

use greenlane_core::failure::of_exit;
use greenlane_runtime::agent::{OutputKind, Readable, Shown, reader};
use greenlane_testkit::fuzz::Target;

const KINDS: [OutputKind; 12] = [
    OutputKind::Plain,
    OutputKind::Claude,
    OutputKind::Qwen,
    OutputKind::Codex,
    OutputKind::Gemini,
    OutputKind::Opencode,
    OutputKind::Copilot,
    OutputKind::Pi,
    OutputKind::Cline,
    OutputKind::Aider,
    OutputKind::HandOff,
    OutputKind::Acp,
];

/// Of the agents of which nothing is recorded here.
const EVENTS: &[&str] = &[
    "{\"type\":\"session\",\"id\":\"a1\"}\n{\"type\":\"agent_start\"}\n{\"type\":\"message_end\",\"message\":{\"role\":\"assistant\",\"model\":\"m\",\"stopReason\":\"stop\",\"content\":[{\"text\":\"done\"}],\"usage\":{\"input\":5,\"cacheRead\":2,\"output\":7,\"cost\":{\"total\":0.5}}}}\n{\"type\":\"auto_retry_start\",\"attempt\":1,\"maxAttempts\":3,\"errorMessage\":\"429 retry-after: 30\"}\n{\"type\":\"agent_end\",\"messages\":[{\"role\":\"assistant\",\"stopReason\":\"error\",\"errorMessage\":\"500\"}]}\n",
    "{\"type\":\"result\",\"subtype\":\"success\",\"total_cost_usd\":0.5,\"modelUsage\":{\"m\":{\"inputTokens\":1,\"outputTokens\":2,\"cacheReadInputTokens\":3}}}\n",
    "{\"type\":\"acp.agent\",\"name\":\"a\",\"version\":\"1\"}\n{\"type\":\"acp.session\",\"session\":\"s\",\"model\":\"m\",\"cwd\":\"/w\"}\n{\"type\":\"acp.update\",\"update\":{\"sessionUpdate\":\"tool_call\",\"toolCallId\":\"1\",\"kind\":\"execute\",\"rawInput\":{\"command\":[\"ls\"]}}}\n{\"type\":\"acp.permission\",\"call\":{\"toolCallId\":\"1\",\"locations\":[{\"path\":\"/w/a\"}]},\"rejected\":\"no\"}\n{\"type\":\"acp.update\",\"update\":{\"sessionUpdate\":\"tool_call_update\",\"toolCallId\":\"1\",\"status\":\"completed\",\"content\":[{\"content\":{\"text\":\"x\"}}]}}\n{\"type\":\"acp.update\",\"update\":{\"sessionUpdate\":\"agent_message_chunk\",\"content\":{\"text\":\"done\"}},\"usage\":{\"inputTokens\":5}}\n{\"type\":\"acp.stop\",\"reason\":\"end_turn\",\"asked\":false,\"usage\":{\"inputTokens\":1,\"outputTokens\":2}}\n{\"type\":\"acp.error\",\"message\":\"429\",\"status\":429}\n",
    "error: 429 Too Many Requests: usage limit reached, resets 3pm (UTC)\nError: 401 Unauthorized\nok\n",
];

const TOKENS: &[&str] = &[
    "\"type\":\"",
    "\"result\"",
    "\"error\"",
    "\"message\":\"",
    "\"usage\":{",
    "\"input_tokens\":18446744073709551615",
    "\"outputTokens\":18446744073709551615",
    "\"total_cost_usd\":1e308",
    "\"status\":429",
    "\"session_id\":\"",
    "\"text\":\"",
    "resets at 2026-01-02€",
    "retry-after: 1e308",
    "\\u0000",
    "\\ud83d",
    "null",
    "[]",
    "{}",
    "\"content\":[{",
    "\"is_error\":true",
    "\"permission_denials\":[{\"tool_name\":\"x\"}]",
    "level=ERROR message=\"stream error\" error.error=",
    "ProviderModelNotFoundError: a, b",
    "turn.completed",
    "step_finish",
    "tool_use",
    "item.completed",
    "acp.update",
    "\"toolCallId\":\"2\"",
    "\"status\":\"completed\"",
];

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = EVENTS.iter().map(|e| e.as_bytes().to_vec()).collect();
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/agent-output");
    for agent in ["claude", "codex", "gemini", "opencode"] {
        for scenario in ["ok", "429", "500", "401", "killed"] {
            for stream in ["stdout", "stderr"] {
                seeds.extend(std::fs::read(recorded.join(agent).join(format!("{scenario}.{stream}"))).ok().filter(|s| s.len() < 40_000));
            }
        }
    }
    assert!(seeds.len() > 20);
    seeds
}

fn check(bytes: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(bytes);
    let mut ways = 0_u64;
    for kind in KINDS {
        let mut reader = reader(kind);
        for (n, line) in text.lines().enumerate() {
            if n % 7 == 3 {
                reader.error_line(line)
            } else {
                reader.line(line)
            }
            assert!(reader.activity().is_none_or(|a| a.chars().count() <= 200 && !a.contains('\n')), "{kind:?}: {:?}", reader.activity());
        }
        let mut readable = Readable::new(kind);
        let shown: Vec<Shown> = text.lines().flat_map(|l| readable.line(l)).collect();
        for one in shown.into_iter().chain(readable.finish()) {
            match one {
                Shown::Calls(text) => assert!(text.chars().count() <= 200 && !text.contains('\n'), "{kind:?}: {text}"),
                Shown::Remark(text) => assert!(text.chars().count() <= 1_000 && !text.contains('\n'), "{kind:?}: {text}"),
                Shown::Result { lines, .. } => assert!(lines.len() <= 4 && lines.iter().all(|l| l.chars().count() <= 201), "{kind:?}"),
                Shown::Piece(text) => panic!("{kind:?}: a piece that nobody put together: {text}"),
                Shown::Said(_) | Shown::Failed(_) | Shown::Line(_) => {}
            }
        }
        let report = reader.report();
        assert!(report.last_message.chars().count() <= 2_000, "{kind:?}: the last message");
        assert!(report.error.as_ref().is_none_or(|e| e.message.chars().count() <= 1_000), "{kind:?}: the error");
        assert!(report.denied.len() <= 20 && report.denied.iter().all(|d| d.chars().count() <= 200));
        assert!([&report.session, &report.model].into_iter().flatten().all(|n| n.chars().count() <= 200));
        if let Some(usage) = &report.usage {
            assert!(usage.input_tokens.max(usage.output_tokens).max(usage.cached_tokens) <= 1_000_000_000_000, "{kind:?}: {usage:?}");
            assert!(usage.cost_usd.is_none_or(|c| (0.0..=1e9).contains(&c)), "{kind:?}: {usage:?}");
        }
        let written = serde_json::to_string(&report).unwrap_or_else(|e| panic!("it cannot be written: {e}"));
        let again: greenlane_core::attempt::AgentReport = serde_json::from_str(&written).unwrap_or_else(|e| panic!("not read again: {e}"));
        // Numbers of dollars may differ in their last digit.
        assert_eq!(
            (again.finished, &again.error, &again.session, &again.last_message),
            (report.finished, &report.error, &report.session, &report.last_message)
        );
        let failure = of_exit(&record(report.clone()));
        let seen = [report.finished.map_or(2, u64::from), report.error.as_ref().and_then(|e| e.status).map_or(0, u64::from) / 100];
        ways = seen.into_iter().chain([failure.map_or(0, |f| f.kind as u64 + 1)]).fold(ways, |w, n| w.wrapping_mul(11) + n);
    }
    ways
}

fn record(report: greenlane_core::attempt::AgentReport) -> greenlane_core::attempt::ExitRecord {
    let text = r#"{"exit":{"kind":"code","code":1},"started_at":1767323045000,"ended_at":1767323045000}"#;
    let empty = serde_json::from_str(text).unwrap_or_else(|e| panic!("an old record: {e}"));
    greenlane_core::attempt::ExitRecord { report, ..empty }
}

#[test]
fn damaged_output_of_agents() {
    Target { name: "readers", cases: 150, seeds: seeds(), tokens: TOKENS, ..Target::default() }.run(check);
}
