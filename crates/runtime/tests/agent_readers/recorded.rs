//! What real agents wrote, recorded by `tests/real_agents.rs`.

use std::fs;
use std::path::Path;

use greenlane_runtime::agent::OutputKind;

/// The agents that write events, and how each is read.
pub const KINDS: [(&str, OutputKind); 8] = [
    ("claude", OutputKind::Claude),
    ("codex", OutputKind::Codex),
    ("gemini", OutputKind::Gemini),
    ("opencode", OutputKind::Opencode),
    ("pi", OutputKind::Pi),
    ("qwen", OutputKind::Qwen),
    ("cline", OutputKind::Cline),
    ("copilot", OutputKind::Copilot),
];

/// A recording; empty where there is none.
pub fn recorded(agent: &str, file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/agent-output").join(agent).join(file);
    fs::read_to_string(path).unwrap_or_default()
}
