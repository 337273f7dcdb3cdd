//! The server of tools that an agent is given, in the forms in which agents take one. Knows nothing of what the tools do.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// As which server agents know it: their tools are called after it (`mcp__greenlane__progress`).
const NAME: &str = "greenlane";

/// How long codex waits for a tool; more than a tool of ours takes (`[mcp] wait`), which is less than the minute that it waits by itself.
const TIMEOUT_S: u32 = 600;

/// The command that serves an attempt its tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tools {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Variables by which it finds its attempt; some agents hand on none of their own.
    pub env: BTreeMap<String, String>,
    /// Where [`Tools::settings`] lie; absolute.
    pub file: PathBuf,
}

impl Tools {
    /// `{"mcpServers": {"greenlane": {"command": …, "args": […], "env": {…}}}}`, as claude takes it: `alwaysLoad`, so that its model sees
    /// the tools from the start instead of having to look for them.
    #[must_use]
    pub fn json(&self) -> String {
        self.servers("alwaysLoad")
    }

    /// The same as gemini's and qwen's settings have it: `trust`, so that they ask nobody about each call.
    #[must_use]
    pub fn settings(&self) -> String {
        self.servers("trust")
    }

    fn servers(&self, flag: &str) -> String {
        json!({"mcpServers": {NAME: {"command": self.command.first(), "args": self.command.get(1..), "env": self.env, flag: true}}})
            .to_string()
    }

    /// As the Agent Client Protocol takes a server with its sessions.
    #[must_use]
    pub(super) fn server(&self) -> Value {
        let env: Vec<Value> = self.env.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        json!({"name": NAME, "command": self.command.first(), "args": self.command.get(1..), "env": env})
    }

    /// `{command = …, args = […], env = {…}}`.
    #[must_use]
    pub fn toml(&self) -> String {
        let list = |items: &[String]| format!("[{}]", items.iter().map(|i| quoted(i)).collect::<Vec<_>>().join(", "));
        let env: Vec<String> = self.env.iter().map(|(name, value)| format!("{name} = {}", quoted(value))).collect();
        let (command, args) = self.command.split_first().map_or((String::new(), String::from("[]")), |(c, a)| (quoted(c), list(a)));
        // codex calls no tool that nobody has approved, and there is nobody.
        let approved = "default_tools_approval_mode = \"approve\"";
        format!("{{command = {command}, args = {args}, env = {{{}}}, {approved}, tool_timeout_sec = {TIMEOUT_S}}}", env.join(", "))
    }

    /// `["greenlane", "mcp"]`.
    #[must_use]
    pub fn command_json(&self) -> String {
        json!(self.command).to_string()
    }

    /// `{"GREENLANE_RUN": …}`.
    #[must_use]
    pub fn env_json(&self) -> String {
        json!(self.env).to_string()
    }
}

/// Whether what is made in this folder, and every folder above it, is root's, and nobody else's to write. Of a folder that is not there yet the
/// nearest one above it counts: what is made there is made alike.
pub(super) fn is_roots_alone(folder: &Path) -> bool {
    let Some(there) = folder.ancestors().find(|f| f.exists()) else { return false };
    let safe = |path: &Path| {
        let roots = |m: std::io::Result<std::fs::Metadata>| m.is_ok_and(|m| m.uid() == 0 && (m.is_symlink() || m.mode() & 0o022 == 0));
        roots(path.symlink_metadata()) && roots(path.metadata())
    };
    there.canonicalize().is_ok_and(|real| there.ancestors().chain(real.ancestors()).all(safe))
}

/// A TOML string: JSON's escapes are TOML's too, but for the one character that JSON leaves as it is.
fn quoted(text: &str) -> String {
    json!(text).to_string().replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn what_others_may_write_is_not_roots_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        assert!(is_roots_alone(Path::new("/")) && is_roots_alone(Path::new("/usr/no/such")));
        let dir = tempfile::tempdir().unwrap();
        let own = dir.path().join("own");
        std::fs::create_dir(&own).unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(!is_roots_alone(dir.path()) && !is_roots_alone(&own) && !is_roots_alone(&own.join("not/there")));
    }

    #[test]
    fn each_form_is_read_back_as_what_it_was() {
        let tools = Tools {
            command: ["/a b/green\"lane", "mcp", "\u{7f}ü\\"].map(String::from).to_vec(),
            env: BTreeMap::from([(String::from("GREENLANE_TASK"), String::from("p/ta\"sk\n"))]),
            file: PathBuf::from("/x"),
        };
        let table: toml::Table = format!("x = {}", tools.toml()).parse().unwrap();
        let json: Value = serde_json::from_str(&tools.json()).unwrap();
        let server = &json["mcpServers"]["greenlane"];
        for (name, index) in [("command", 0), ("args", 1)] {
            let toml = serde_json::to_value(&table["x"][name]).unwrap();
            assert_eq!(toml, server[name]);
            assert_eq!(if index == 0 { toml } else { toml[1].clone() }, json!(tools.command[index * 2]));
        }
        assert_eq!(serde_json::to_value(&table["x"]["env"]).unwrap(), server["env"]);
    }
}
