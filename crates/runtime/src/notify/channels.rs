//! How a notice reaches somebody: the desktop's own program, a command of the user's, `curl` for a webhook. Each within a time limit.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Duration;

use greenlane_core::ids::RunId;
use greenlane_core::notice::{Notice, together};
use serde_json::{Value, json};

use crate::agent::which;
use crate::config::NotifyConfig;
use crate::program::{Failed, Patience, Program};

/// How long one channel may take.
const LIMIT: Duration = Duration::from_secs(20);
/// Longest text that is sent, in characters: what a desktop or a chat shows.
const TEXT_MAX: usize = 2_000;
/// Variables by which a desktop of this user's is known.
const DESKTOP_VARIABLES: [&str; 3] = ["DBUS_SESSION_BUS_ADDRESS", "WAYLAND_DISPLAY", "DISPLAY"];

/// A way to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Channel {
    /// The desktop, through this program.
    Desktop(&'static str),
    /// An `sh -c` line.
    Command(String),
    /// An address.
    Webhook(String),
}

impl Channel {
    /// For people; never the address, which may hold a secret.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Channel::Desktop(program) => program,
            Channel::Command(_) => "the command",
            Channel::Webhook(_) => "the webhook",
        }
    }
}

/// What is told at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The repository's folder.
    pub repository: String,
    /// The run.
    pub run: RunId,
    /// The notices, the oldest first.
    pub notices: Vec<Notice>,
    /// So many older ones are only counted.
    pub left_out: usize,
}

impl Told {
    fn words(&self) -> (String, String) {
        let (title, text) = together(&self.notices).unwrap_or_default();
        let more = if self.left_out > 0 { format!("\nand {} more", self.left_out) } else { String::new() };
        (plain(&title), plain(&text).chars().take(TEXT_MAX).collect::<String>() + &more)
    }

    fn document(&self) -> Value {
        let (title, text) = self.words();
        let whole = if text.is_empty() { title.clone() } else { format!("{title}\n{text}") };
        json!({
            "schema": 1, "repository": self.repository, "run": self.run, "title": title,
            // Chats take the one or the other.
            "text": whole, "content": whole,
            "notices": self.notices, "left_out": self.left_out,
        })
    }
}

/// Without what a terminal or a desktop would take for more than text.
fn plain(text: &str) -> String {
    text.chars().filter(|c| *c == '\n' || !c.is_control()).collect()
}

/// The channels that the configuration names and this machine has.
#[must_use]
pub fn channels(config: &NotifyConfig, environment: &BTreeMap<OsString, OsString>, directory: &Path) -> Vec<Channel> {
    let has = |program: &str| which(Path::new(program), environment, directory).is_some();
    let has_desktop = || DESKTOP_VARIABLES.iter().any(|name| environment.get(OsStr::new(name)).is_some_and(|v| !v.is_empty()));
    let desktop = if !config.desktop {
        None
    } else if cfg!(target_os = "macos") {
        Some("osascript").filter(|p| has(p))
    } else {
        Some("notify-send").filter(|p| has_desktop() && has(p))
    };
    let command = config.command.clone().map(Channel::Command);
    desktop.map(Channel::Desktop).into_iter().chain(command).chain(config.webhook.clone().map(Channel::Webhook)).collect()
}

/// Tells it.
///
/// # Errors
/// What went wrong, for people.
pub fn tell(channel: &Channel, told: &Told, environment: &BTreeMap<OsString, OsString>, top: &Path) -> Result<(), String> {
    let (title, text) = told.words();
    let mut environment = environment.clone();
    let program = |name, environment| Program { name, directory: top, environment };
    let said = match channel {
        Channel::Desktop("osascript") => {
            let script = "on run argv\ndisplay notification (item 2 of argv) with title (item 1 of argv)\nend run";
            program("osascript", &environment).run(&["-e", script, &title, &text], &Patience::of(LIMIT))
        }
        Channel::Desktop(name) => {
            // Its text is a kind of HTML.
            let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            program(name, &environment).run(&["--app-name=Greenlane", "--", &title, &text], &Patience::of(LIMIT))
        }
        Channel::Command(line) => {
            let kinds: Vec<&str> = told.notices.iter().map(|n| n.kind.as_str()).collect();
            let kind = if kinds.contains(&"ended") { "ended" } else { kinds.last().copied().unwrap_or("test") };
            for (name, value) in [("KIND", kind), ("TITLE", &title), ("TEXT", &text), ("RUN", told.run.as_str())] {
                environment.insert(format!("GREENLANE_NOTICE_{name}").into(), value.replace('\0', "").into());
            }
            let document = told.document().to_string();
            program("sh", &environment).run_with(&["-c", line], document.as_bytes(), &Patience::of(LIMIT))
        }
        Channel::Webhook(address) => {
            let document = told.document().to_string();
            let config = format!("url = \"{}\"\ndata-raw = \"{}\"\n", quoted(address), quoted(&document));
            let flags = ["--silent", "--show-error", "--fail", "--max-time", "15", "--proto", "=http,https"];
            let header = ["--header", "Content-Type: application/json", "--output", "/dev/null", "--config", "-"];
            program("curl", &environment).run_with(&[&flags[..], &header].concat(), config.as_bytes(), &Patience::of(LIMIT))
        }
    };
    match said {
        Ok(said) if said.is_good() => Ok(()),
        Ok(said) => Err(said.complaint()),
        Err(Failed::Missing) => Err(String::from("its program is not on PATH: install curl")),
        Err(Failed::Other(why)) => Err(why),
    }
}

/// As a file of curl's has it between quotes.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_desktop_is_where_a_session_and_its_program_are() {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("notify-send");
        std::fs::write(&program, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let mut config = Config::defaults().unwrap().notify;
        let path = (OsString::from("PATH"), dir.path().as_os_str().to_owned());
        let without = BTreeMap::from([path.clone()]);
        let with = BTreeMap::from([path, ("DISPLAY".into(), ":0".into())]);
        if !cfg!(target_os = "macos") {
            assert_eq!(channels(&config, &without, dir.path()), []);
            assert_eq!(channels(&config, &with, dir.path()), [Channel::Desktop("notify-send")]);
        }
        config.desktop = false;
        config.webhook = Some(String::from("https://example.org/x"));
        assert_eq!(channels(&config, &with, dir.path()), [Channel::Webhook("https://example.org/x".into())]);
    }
}
