//! How the agents of `tests/agents/install-more.sh` are pointed at the scripted model server. Knows nothing of where they lie.

use std::path::Path;
use std::{fs, io};

/// A key that means nothing. Not a word that occurs elsewhere: copilot blackens it wherever it writes it.
const KEY: &str = "sk-nobodys-key";

/// What these agents want to find in their user's home.
pub(super) fn settings(name: &str, url: &str, home: &Path) -> io::Result<()> {
    let (file, text) = match name {
        "pi" => (
            ".pi/agent/models.json",
            format!(
                r#"{{"providers": {{"scripted": {{"baseUrl": "{url}/v1", "api": "openai-completions", "apiKey": "{KEY}", "models": [{{"id": "scripted"}}]}}}}}}"#
            ),
        ),
        // It tries seven times, in more than a minute; this is what each of those may try again by itself.
        "qwen" => (".qwen/settings.json", String::from(r#"{"model": {"generationConfig": {"maxRetries": 0}}}"#)),
        // As `cline auth` writes it.
        "cline" => (
            ".cline/data/settings/providers.json",
            format!(
                r#"{{"version": 1, "lastUsedProvider": "openai-compatible", "modes": {{}}, "providers": {{"openai-compatible": {{"settings": {{"provider": "openai-compatible", "apiKey": "{KEY}", "model": "scripted", "baseUrl": "{url}/v1"}}, "updatedAt": "2026-01-01T00:00:00.000Z", "tokenSource": "manual"}}}}}}"#
            ),
        ),
        _ => return Ok(()),
    };
    let path = home.join(file);
    fs::create_dir_all(path.parent().unwrap_or(home))?;
    fs::write(path, text)
}

/// `[agents.NAME]` for `greenlane.toml`.
pub(super) fn config(name: &str, url: &str) -> String {
    match name {
        // Without its list of prices from the Internet.
        "aider" => format!(
            "[agents.aider]\nmodel = \"openai/scripted\"\nenv = {{ OPENAI_API_BASE = \"{url}/v1\", OPENAI_API_KEY = \"{KEY}\", LITELLM_LOCAL_MODEL_COST_MAP = \"True\" }}\n"
        ),
        "pi" => String::from("[agents.pi]\nmodel = \"scripted/scripted\"\nenv = { PI_OFFLINE = \"1\" }\n"),
        "qwen" => format!(
            "[agents.qwen]\nmodel = \"scripted\"\nextra_args = [\"--auth-type\", \"openai\"]\nenv = {{ OPENAI_BASE_URL = \"{url}/v1\", OPENAI_API_KEY = \"{KEY}\" }}\n"
        ),
        "cline" => String::from("[agents.cline]\nmodel = \"scripted\"\nextra_args = [\"-P\", \"openai-compatible\"]\n"),
        _ => format!(
            "[agents.copilot]\nmodel = \"scripted\"\nenv = {{ COPILOT_PROVIDER_BASE_URL = \"{url}/v1\", COPILOT_PROVIDER_API_KEY = \"{KEY}\" }}\n"
        ),
    }
}
