//! Is the agent's program there, and is anybody signed in? Looks, and asks for a version only where the caller wants it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::definition::AgentDef;

/// How long an agent may take to say its version: under 1 s on an idle machine, but more than 5 s for the slowest (opencode,
/// the first time in a new home) while all cores compile.
pub const VERSION_TIMEOUT: Duration = Duration::from_secs(10);

/// How much of what it says about its version is read.
const VERSION_BYTES_MAX: u64 = 4_096;

/// Whether an agent's program was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It was.
    Found {
        /// The file that would be started.
        path: PathBuf,
        /// What it says with `--version`, where it was asked and answered in time.
        version: Option<String>,
    },
    /// Nothing executable by this name is on the PATH.
    Missing,
    /// There is nothing to be started: its tasks are put into somebody's hands.
    HandOff,
}

/// Whether an agent can be expected to reach its model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignedIn {
    /// There is evidence: this variable or file. Not that it is still valid.
    Yes(String),
    /// There is none, and this is what to do.
    No(String),
    /// It may be by other means.
    Unknown,
}

impl AgentDef {
    /// Looks the program up on the user's PATH; a relative path counts from `dir`. Starts nothing.
    #[must_use]
    pub fn presence(&self, user_env: &BTreeMap<OsString, OsString>, dir: &Path) -> Presence {
        if self.hand_off {
            return Presence::HandOff;
        }
        let command = Path::new(&self.command);
        let found = if self.command.contains('/') {
            Some(dir.join(command)).filter(|path| is_executable(path))
        } else {
            which(command, user_env, dir)
        };
        found.map_or(Presence::Missing, |path| Presence::Found { path, version: None })
    }

    /// The same, and asks it for its version, which starts it: for `doctor`, never on the way to an attempt.
    #[must_use]
    pub fn presence_with_version(&self, user_env: &BTreeMap<OsString, OsString>, dir: &Path) -> Presence {
        match self.presence(user_env, dir) {
            Presence::Found { path, .. } => {
                let version = version(&path, &self.environment(user_env));
                Presence::Found { path, version }
            }
            other => other,
        }
    }

    /// Looks for evidence that somebody is signed in. Says no only where there is nothing that could be another way.
    #[must_use]
    pub fn signed_in(&self, user_env: &BTreeMap<OsString, OsString>) -> SignedIn {
        let environment = self.environment(user_env);
        let set = |name: &&String| environment.get(OsStr::new(name.as_str())).is_some_and(|value| !value.is_empty());
        if let Some(name) = self.credentials.iter().find(set) {
            return SignedIn::Yes(name.clone());
        }
        let exists = |template: &&String| expand(template, &environment).is_some_and(|path| path.exists());
        if let Some(file) = self.credential_files.iter().find(exists) {
            return SignedIn::Yes(file.clone());
        }
        match &self.sign_in_hint {
            Some(hint) if !self.customised && !self.settings_files.iter().any(|f| exists(&f)) => SignedIn::No(hint.clone()),
            _ => SignedIn::Unknown,
        }
    }
}

/// The program of this name on the user's PATH, whose relative places count from `dir`.
pub(crate) fn which(name: &Path, user_env: &BTreeMap<OsString, OsString>, dir: &Path) -> Option<PathBuf> {
    let path = user_env.get(OsStr::new("PATH")).map(OsString::as_os_str).unwrap_or_default();
    std::env::split_paths(path).map(|place| dir.join(place).join(name)).find(|path| is_executable(path))
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

/// Fills in `~/` and `$VARIABLE/`; `None` where that has no value.
fn expand(template: &str, environment: &BTreeMap<OsString, OsString>) -> Option<PathBuf> {
    let (variable, rest) = match template.strip_prefix("~/") {
        Some(rest) => ("HOME", rest),
        None => match template.strip_prefix('$') {
            Some(named) => named.split_once('/')?,
            None => return Some(PathBuf::from(template)),
        },
    };
    let home = environment.get(OsStr::new(variable)).filter(|value| !value.is_empty())?;
    Some(Path::new(home).join(rest))
}

fn version(program: &Path, environment: &BTreeMap<OsString, OsString>) -> Option<String> {
    let mut command = Command::new(program);
    command.arg("--version").env_clear().envs(environment).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().ok()?;
    let (stdout, stderr) = (first_line(child.stdout.take()?), first_line(child.stderr.take()?));
    let said = stdout.recv_timeout(VERSION_TIMEOUT);
    drop(child.kill());
    drop(child.wait());
    // pi says it on standard error, where others warn: only a bare version counts there.
    let bare = |line: &String| line.chars().all(|c| c.is_ascii_digit() || c == '.');
    said.ok()?.or_else(|| stderr.recv_timeout(VERSION_TIMEOUT).ok()?.filter(bare))
}

/// The first line of this pipe that is not empty, once it has closed. A thread of its own, since reading has no time limit. Where the
/// child leaves a grandchild with the pipe it ends with that one.
fn first_line(pipe: impl Read + Send + 'static) -> mpsc::Receiver<Option<String>> {
    let (send, answer) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        let read = pipe.take(VERSION_BYTES_MAX).read_to_string(&mut text);
        let line = text.lines().map(str::trim).find(|line| !line.is_empty()).map(|line| line.chars().take(80).collect());
        drop(send.send(line.filter(|_| read.is_ok())));
    });
    answer
}
