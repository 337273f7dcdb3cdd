//! What people see of what real agents wrote (recorded by `tests/real_agents.rs`): no JSON, every call, and what went wrong.

use greenlane_runtime::agent::{OutputKind, Readable, Shown, guess};

use crate::recorded::{self, KINDS};

fn recorded(name: &str, scenario: &str) -> String {
    let text = recorded::recorded(name, &format!("{scenario}.stdout"));
    assert!(!text.is_empty(), "no recording of {name} {scenario}");
    text
}

fn shown(kind: OutputKind, text: &str) -> Vec<Shown> {
    let mut readable = Readable::new(kind);
    let mut all: Vec<Shown> = text.lines().flat_map(|l| readable.line(l)).collect();
    all.extend(readable.finish());
    all
}

/// As short text: a letter for the kind, then the words.
fn told(kind: OutputKind, text: &str) -> Vec<String> {
    let word = |s: Shown| match s {
        Shown::Said(text) => format!("says {text}"),
        Shown::Piece(text) => format!("piece {text}"),
        Shown::Calls(text) => format!("calls {text}"),
        Shown::Result { lines, more, failed } => format!(
            "{} {}{}",
            if failed { "refused" } else { "result" },
            lines.join("/"),
            if more > 0 { format!(" +{more}") } else { String::new() }
        ),
        Shown::Failed(text) => format!("failed {text}"),
        Shown::Remark(text) => format!("remark {text}"),
        Shown::Line(text) => format!("line {text}"),
    };
    shown(kind, text).into_iter().map(word).collect()
}

#[test]
fn a_session_reads_as_what_was_said_and_done() {
    let of = |name: &str| told(KINDS.iter().find(|(n, _)| *n == name).unwrap().1, &recorded(name, "ok"));
    let written =
        "result File created successfully at: /w/repo/src/hello.txt (file state is current in your context — no need to Read it back)";
    let claude = [
        "remark session a635d8b9-00ac-4555-92f6-9585259fb316",
        "remark model claude-opus-5-5",
        "calls writes src/hello.txt",
        written,
        "calls runs `echo ran > ran.txt`",
        "result (Bash completed with no output)",
        "says scripted: done",
        "remark done: 3600 tokens in, 150 out, $0.02",
    ];
    assert_eq!(of("claude"), claude, "its last words come twice, and are shown once");
    let codex = [
        "remark session 01a1fe92-1d17-7640-a699-743eae0b02f4",
        "remark Model metadata for `scripted` not found. Defaulting to fallback metadata; this can degrade performance and cause issues.",
        "calls runs `mkdir -p 'src' && printf '%s' 'hello' > 'src/hello.txt'`",
        "calls runs `echo ran > ran.txt`",
        "says scripted: done",
        "remark done: 3000 tokens in, 150 out",
    ];
    assert_eq!(of("codex"), codex);
    let gemini = [
        "remark session 54b6cead-8ba8-4cbf-9195-21fe9d31f0d6",
        "remark model gemini-2.5-pro",
        "calls writes src/hello.txt",
        "calls runs `echo ran > ran.txt`",
        "says scripted: done",
        "remark done: 3000 tokens in, 150 out",
    ];
    assert_eq!(of("gemini"), gemini);
    let opencode = [
        "remark session ses_e016d3da4ffevKoHvvnYhqisqY",
        "calls writes src/hello.txt",
        "result Wrote file successfully.",
        "calls runs `echo ran > ran.txt`",
        "result (no output)",
        "says scripted: done",
        "remark done: 3000 tokens in, 150 out, $0.00",
    ];
    assert_eq!(of("opencode"), opencode);
    let pi = [
        "remark session 01a1ffc3-54a0-7447-8c6b-73a7be2db560",
        "remark model scripted",
        "calls writes /w/repo/src/hello.txt",
        "result Successfully wrote 5 bytes to /w/repo/src/hello.txt",
        "calls runs `echo ran > ran.txt`",
        "result (no output)",
        "says scripted: done",
        "remark done: 3000 tokens in, 150 out, $0.00",
    ];
    assert_eq!(of("pi"), pi);
}

#[test]
fn no_recording_shows_json_and_each_failure_is_told() {
    for (name, kind) in KINDS {
        for scenario in ["ok", "429", "500", "401", "hang", "killed", "not-signed-in"] {
            let text = recorded(name, scenario);
            let all = told(kind, &text);
            assert!(all.iter().all(|l| !l.starts_with("line ") && !l.contains("{\"type\"")), "{name} {scenario}: {all:#?}");
            let failed = all.iter().filter(|l| l.starts_with("failed ")).count();
            // Opencode's 429 and 500, and who gemini is, stand on standard error alone.
            let tells = text.contains("\"error\":{") || text.contains("\"is_error\":true") || text.contains("\"session.error\"");
            // Pi ends for each try, and says only then that it tries again.
            let ends = text.lines().filter(|l| l.contains("\"type\":\"agent_end\"") && l.contains("\"stopReason\":\"error\"")).count();
            assert_eq!(failed, if name == "pi" { ends } else { usize::from(tells) }, "{name} {scenario}: {all:#?}");
            // Qwen's events are Claude's.
            let alike = if kind == OutputKind::Qwen { OutputKind::Claude } else { kind };
            assert!(guess(&text).is_none_or(|guessed| guessed == alike), "{name} {scenario}");
            assert!(guess(&text).is_some() || all.is_empty(), "{name} {scenario}");
        }
    }
}

#[test]
fn results_are_cut_failures_marked_and_what_nobody_knows_passes_through() {
    let claude = |text: &str| told(OutputKind::Claude, text);
    let call =
        r#"{"type":"assistant","message":{"id":"m","content":[{"type":"tool_use","id":"t","name":"Bash","input":{"command":"make"}}]}}"#;
    let long = (0..9).map(|n| format!("line {n}{}", "x".repeat(300))).collect::<Vec<_>>().join("\n");
    let result = |text: &str, failed: bool| {
        let part =
            serde_json::json!({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": text}], "is_error": failed});
        serde_json::json!({"type": "user", "message": {"content": [part]}}).to_string()
    };
    let all = claude(&format!("{call}\n{}", result(&long, false)));
    assert_eq!(all[0], "calls runs `make`");
    assert!(all[1].starts_with("result line 0xxx") && all[1].ends_with("x… +5") && all[1].len() < 900, "{}", all[1]);
    assert_eq!(claude(&result("no rule", true)), ["refused no rule"]);
    assert_eq!(claude(&result("", true)), ["refused "], "even without a word");
    assert_eq!(claude(&result("", false)), Vec::<String>::new());

    let unknown = r#"{"type":"brand_new","x":1}"#;
    for line in ["Warning: no home", unknown, "{\"type\":\"assistant\"", "[1]", "\u{1b}[2J"] {
        assert_eq!(claude(line), [format!("line {line}")]);
        assert_eq!(told(OutputKind::Plain, line), [format!("line {line}")]);
    }
    assert!(claude("\n  \n").is_empty());
    let pieces = ["init", "message", "message", "tool_use"].map(|kind| match kind {
        "message" => r#"{"type":"message","role":"assistant","content":"half a\n","delta":true}"#.to_owned(),
        kind => format!(r#"{{"type":"{kind}","tool_name":"shell","parameters":{{"command":"ls"}}}}"#),
    });
    assert_eq!(told(OutputKind::Gemini, &pieces.join("\n")), ["says half a\nhalf a", "calls runs `ls`"], "put together");
}
