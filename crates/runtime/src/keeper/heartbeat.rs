//! What an attempt under way looks like: `heartbeat.json`, replaced whole each time.

use std::fs;
use std::io;
use std::path::Path;

use greenlane_core::attempt::Usage;
pub use greenlane_core::health::Evidence;
use greenlane_core::time::Time;
use serde::{Deserialize, Serialize};

const FILE: &str = "heartbeat.json";

/// The last that a keeper has told of its attempt. The first comes about a second after the start, the others at growing intervals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// When this was written.
    pub at: Time,
    /// When the agent was started.
    pub started_at: Time,
    /// The agent's pid.
    pub pid: u32,
    /// How far it is.
    pub phase: Phase,
    /// When it last printed anything.
    pub last_output_at: Option<Time>,
    /// When there was last a sign that it works; at first, its start.
    pub last_evidence_at: Time,
    /// What that sign was.
    pub last_evidence: Option<Evidence>,
    /// The machine's uptime when this was written: what its age is counted by. Not told by older versions.
    #[serde(default)]
    pub uptime_ms: Option<u64>,
    /// The usual time between two heartbeats.
    #[serde(default = "every_default")]
    pub every_ms: u64,
    /// Processes of the tree that are stopped (SIGSTOP, a terminal's ^Z), `name (pid)`, at most 8.
    pub stopped: Vec<String>,
    /// How many are.
    #[serde(default)]
    pub stopped_processes: u32,
    /// Why it tries its model again, in its own words, while it does.
    #[serde(default)]
    pub retrying: Option<String>,
    /// What else keeps it silent, as far as its tree tells; looked at only when nothing tells of work.
    #[serde(default)]
    pub waits_for: Option<String>,
    /// Turns of its conversation, where its events tell.
    #[serde(default)]
    pub iteration: Option<u64>,
    /// CPU time of the tree, ended processes included, in milliseconds.
    pub cpu_ms: u64,
    /// Memory of the tree: private pages of every process, shared ones of the largest.
    pub memory_bytes: u64,
    /// The most that was seen.
    pub memory_peak_bytes: u64,
    /// How many processes there are.
    pub processes: u32,
    /// Bytes printed, kept or not.
    pub output_bytes: u64,
    /// Bytes on the tree's TCP connections; looked at only when nothing else tells of work.
    pub socket_bytes: Option<u64>,
    /// Calls of tools that its events told of.
    pub tool_calls: u64,
    /// Calls of the model.
    pub model_calls: u64,
    /// What it says that it does.
    pub activity: Option<String>,
    /// Tokens so far, where its events tell.
    pub usage: Option<Usage>,
}

/// How far an attempt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The agent runs.
    Running,
    /// It was told to end and has its grace.
    Ending,
    /// It has ended; processes that it left behind are being ended.
    Leftovers,
    /// The tree is being killed.
    Killing,
}

fn every_default() -> u64 {
    30_000
}

impl Heartbeat {
    /// Atomic but not durable: of no use after the machine went down.
    pub(super) fn write(&self, dir: &Path) -> io::Result<()> {
        let temporary = dir.join("heartbeat.json.new");
        fs::write(&temporary, serde_json::to_vec(self)?)?;
        fs::rename(&temporary, dir.join(FILE))
    }
}

/// The last heartbeat of the attempt; `None` before the first one, which an attempt of less than a second never has.
#[must_use]
pub fn read_heartbeat(dir: &Path) -> Option<Heartbeat> {
    serde_json::from_slice(&fs::read(dir.join(FILE)).ok()?).ok()
}
