//! What a keeper is asked to do: `spec.json`, written before it starts.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use greenlane_core::budget::Allowance;
use greenlane_core::time::duration_text;
use serde::{Deserialize, Serialize};

use super::runaway::Limits;
use crate::acp::Order;
use crate::agent::OutputKind;

const FILE: &str = "spec.json";

/// The order to a keeper. Durations are kept to the millisecond.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// The value of `GREENLANE_ATTEMPT` in the environment of every process of the tree: `run/slug/n`.
    pub label: String,
    /// The program, looked up in the environment's `PATH`, and its arguments.
    pub argv: Vec<String>,
    /// Where the program starts. Must exist.
    pub cwd: PathBuf,
    /// Text for its standard input, which is `/dev/null` otherwise.
    #[serde(default)]
    pub stdin: Option<String>,
    /// What runs only waits for a person: its silence is no sign of anything.
    #[serde(default)]
    pub hand_off: bool,
    /// Wall-clock limit; time in which the machine sleeps does not count.
    #[serde(default, with = "duration_text::option")]
    pub timeout: Option<Duration>,
    /// The longest time without evidence of work.
    #[serde(default, with = "duration_text::option")]
    pub stall_timeout: Option<Duration>,
    /// From the polite signal to the forced end.
    #[serde(with = "duration_text")]
    pub grace: Duration,
    /// What is kept of each output stream: its first and its last half.
    pub output_bytes_max: u64,
    /// How standard output is read for events; `None`: not at all.
    #[serde(default)]
    pub reader: Option<OutputKind>,
    /// What becomes of the tree when the process that spawned the keeper is gone.
    pub lifetime: Lifetime,
    /// The longest time between two heartbeats; the default of the product is 30 s.
    #[serde(with = "duration_text")]
    pub heartbeat: Duration,
    /// What its task may use, and has used before it.
    #[serde(default)]
    pub allowance: Allowance,
    /// The command speaks the Agent Client Protocol: it is started, and talked to, by a client of our own.
    #[serde(default)]
    pub acp: Option<Order>,
    /// How much of what makes no progress is let pass; only where the reader understands events.
    #[serde(default)]
    pub runaway: Limits,
}

/// What becomes of the tree when the process that spawned the keeper is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifetime {
    /// It lives on: attempts.
    Detached,
    /// It is killed at once: checks, verification, hooks. The keeper's standard input is a pipe that only the parent holds.
    WithParent,
}

/// How the standard output of the attempt in this folder is read; `None`: as plain text, or it was never to begin.
#[must_use]
pub fn output_kind(dir: &Path) -> Option<OutputKind> {
    Spec::read(dir).ok()?.reader
}

impl Spec {
    /// Writes `spec.json`, for the owner's eyes only: the arguments may hold what the user would not show. Not fsynced: it is of no
    /// use after the machine went down, since the keeper is gone then.
    pub(super) fn write(&self, dir: &Path) -> io::Result<()> {
        let bytes = serde_json::to_vec(self)?;
        // Renamed into place: should the same attempt be started twice, the first keeper must not read the half of an order.
        let temporary = dir.join("spec.json.new");
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?.write_all(&bytes)?;
        fs::rename(temporary, dir.join(FILE))
    }

    pub(crate) fn read(dir: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&fs::read(dir.join(FILE))?)?)
    }
}
