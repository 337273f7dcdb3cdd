//! Points a real agent at the scripted model server: what `greenlane.toml` needs, and the environment of the user around it.
//!
//! Knows nothing of how Greenlane starts agents: it gives configuration, as a user would write it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use super::more_agents;

/// The agents that `tests/agents/install.sh` installs.
pub const REAL_AGENTS: [&str; 4] = ["claude", "codex", "gemini", "opencode"];

/// The same ones as far as they speak the Agent Client Protocol; `tests/agents/install.sh` installs what that needs besides.
pub const ACP_AGENTS: [&str; 3] = ["claude-acp", "gemini-acp", "opencode-acp"];

/// And of those that `tests/agents/install-more.sh` installs.
pub const MORE_ACP_AGENTS: [&str; 2] = ["copilot-acp", "qwen-acp"];

/// The agents that `tests/agents/install-more.sh` installs, into the directory that `GREENLANE_MORE_AGENTS` names.
pub const MORE_AGENTS: [&str; 5] = ["aider", "pi", "qwen", "cline", "copilot"];

/// One installed agent, ready to talk to a scripted model.
#[derive(Clone, Debug)]
pub struct RealAgent {
    /// As `--agent` and plans call it.
    pub name: &'static str,
    /// `[agents.NAME]` for `greenlane.toml`: it sets the model server's address and a key that means nothing.
    pub config: String,
    /// The whole environment of the user who starts Greenlane: PATH with the agents, HOME and TMPDIR below `dir`, a language.
    pub env: BTreeMap<OsString, OsString>,
}

impl RealAgent {
    /// Prepares this agent: makes `dir/home` and `dir/tmp` and what it needs in there.
    ///
    /// # Errors
    /// If files cannot be written, or nobody knows the agent.
    pub fn new(name: &str, model_server_url: &str, dir: &Path) -> io::Result<Self> {
        let unknown =
            || io::Error::new(io::ErrorKind::NotFound, format!("{name} is none of {REAL_AGENTS:?}, {ACP_AGENTS:?} and {MORE_AGENTS:?}"));
        let name =
            REAL_AGENTS.into_iter().chain(ACP_AGENTS).chain(MORE_AGENTS).chain(MORE_ACP_AGENTS).find(|n| *n == name).ok_or_else(unknown)?;
        let (home, tmp) = (dir.join("home"), dir.join("tmp"));
        fs::create_dir_all(&home)?;
        fs::create_dir_all(&tmp)?;
        if base(name) == "gemini" {
            // It asks how to sign in unless told; without the limit it would try a failing model for minutes.
            let settings = r#"{"security": {"auth": {"selectedType": "gemini-api-key"}}, "general": {"maxAttempts": 2}}"#;
            fs::create_dir_all(home.join(".gemini"))?;
            fs::write(home.join(".gemini/settings.json"), settings)?;
        }
        more_agents::settings(base(name), model_server_url, &home)?;
        let path = env::var_os("PATH").unwrap_or_default();
        let places = places_of(name).into_iter().chain(env::split_paths(&path));
        let path = env::join_paths(places).map_err(io::Error::other)?;
        let variables = [("PATH", path), ("HOME", home.into()), ("TMPDIR", tmp.into()), ("LANG", OsString::from("C.UTF-8"))];
        Ok(Self { name, config: config(name, model_server_url), env: variables.into_iter().map(|(n, v)| (OsString::from(n), v)).collect() })
    }

    /// Whether the agent has been installed.
    #[must_use]
    pub fn is_installed(name: &str) -> bool {
        let program = match name {
            "claude-acp" => "claude-agent-acp",
            name => base(name),
        };
        places_of(name).first().is_some_and(|dir| dir.join(program).exists())
    }
}

/// Whether a test shall run this agent: it is installed. If it is not, says so on standard error.
///
/// # Panics
/// If it is not installed and `GREENLANE_REQUIRE_AGENTS`, names joined by commas, demands it: continuous integration must not pass
/// without having run it.
#[must_use]
pub fn is_wanted(name: &str) -> bool {
    if RealAgent::is_installed(name) {
        return true;
    }
    let demanded = env::var("GREENLANE_REQUIRE_AGENTS").unwrap_or_default();
    assert!(
        !demanded.split([',', ' ']).any(|d| d == base(name)),
        "{name} is not installed, and GREENLANE_REQUIRE_AGENTS demands it: run tests/agents/install.sh"
    );
    let script = if MORE_AGENTS.contains(&base(name)) { "install-more.sh, GREENLANE_MORE_AGENTS" } else { "install.sh" };
    eprintln!("left out: {name} is not installed (tests/agents/{script})");
    false
}

/// The agent that this one is, however it is talked to.
fn base(name: &str) -> &str {
    name.strip_suffix("-acp").unwrap_or(name)
}

/// Where this agent's program lies, and what it needs itself; nowhere, if nobody says where.
fn places_of(name: &str) -> Vec<PathBuf> {
    if MORE_AGENTS.contains(&base(name)) {
        env::var_os("GREENLANE_MORE_AGENTS").map(|dir| Path::new(&dir).join("node_modules/.bin")).into_iter().collect()
    } else if name == "claude-acp" {
        vec![bin_dir().join("../../acp/node_modules/.bin"), bin_dir()]
    } else {
        vec![bin_dir()]
    }
}

/// Where the programs of [`REAL_AGENTS`] lie.
#[must_use]
pub fn bin_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/agents/node_modules/.bin")
}

fn config(name: &str, url: &str) -> String {
    match name {
        "claude-acp" => {
            let own = format!("env = {{ CLAUDE_CODE_EXECUTABLE = \"{}\", ", bin_dir().join("claude").display());
            config("claude", url).replace("[agents.claude]", "[agents.claude-acp]").replace("env = { ", &own)
        }
        _ if name != base(name) => config(base(name), url).replace(&format!("[agents.{}]", base(name)), &format!("[agents.{name}]")),
        "claude" => format!(
            r#"[agents.claude]
env = {{ ANTHROPIC_BASE_URL = "{url}", ANTHROPIC_API_KEY = "sk-scripted", CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC = "1", CLAUDE_CODE_MAX_RETRIES = "1" }}
"#
        ),
        "codex" => {
            let settings = [
                String::from("model_provider=scripted"),
                String::from("model_providers.scripted.name=scripted"),
                format!("model_providers.scripted.base_url={url}/v1"),
                String::from("model_providers.scripted.env_key=SCRIPTED_KEY"),
                String::from("model_providers.scripted.wire_api=responses"),
                String::from("model_providers.scripted.request_max_retries=1"),
                String::from("model_providers.scripted.stream_max_retries=1"),
            ];
            let args = settings.map(|s| format!("\"-c\", \"{s}\"")).join(", ");
            format!("[agents.codex]\nmodel = \"scripted\"\nextra_args = [{args}]\nenv = {{ SCRIPTED_KEY = \"scripted\" }}\n")
        }
        "gemini" => format!(
            "[agents.gemini]\nmodel = \"gemini-2.5-pro\"\nenv = {{ GOOGLE_GEMINI_BASE_URL = \"{url}\", GEMINI_API_KEY = \"scripted\" }}\n"
        ),
        "opencode" => {
            let provider = format!(
                r#"{{"npm":"@ai-sdk/openai-compatible","name":"Scripted","options":{{"baseURL":"{url}/v1","apiKey":"scripted"}},"models":{{"scripted":{{"name":"Scripted"}}}}}}"#
            );
            let content = format!(r#"{{"autoupdate":false,"provider":{{"scripted":{provider}}}}}"#);
            format!(
                "[agents.{name}]\nmodel = \"scripted/scripted\"\nenv = {{ OPENCODE_DISABLE_MODELS_FETCH = \"1\", OPENCODE_CONFIG_CONTENT = '{content}' }}\n"
            )
        }
        other => more_agents::config(other, url),
    }
}
