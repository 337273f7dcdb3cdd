//! Which process is meant: never the pid alone, since pids come again.

use serde::{Deserialize, Serialize};

use super::system;

/// A process, for as long as the machine runs and beyond.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its pid.
    pub pid: u32,
    /// When it started, in clock ticks since the machine booted; 0 where the system does not tell.
    pub started_ticks: u64,
    /// The boot that this pid belongs to; empty where the system does not tell.
    pub boot_id: String,
}

impl Identity {
    pub(super) fn own() -> Self {
        let pid = std::process::id();
        Self { pid, started_ticks: system::started_ticks(pid).unwrap_or(0), boot_id: system::boot_id() }
    }

    /// Of the process that has this pid now; `None` where there is none.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        Some(Self { pid, started_ticks: system::started_ticks(pid)?, boot_id: system::boot_id() })
    }

    /// It is there and stopped (SIGSTOP, a debugger). `false` where the system does not tell.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.is_alive() && system::is_stopped(self.pid)
    }

    /// The pid still stands for that very process.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.boot_id == system::boot_id() && system::started_ticks(self.pid) == Some(self.started_ticks)
    }
}

/// This boot of the machine; empty where the system does not tell.
pub(crate) fn boot_id() -> String {
    system::boot_id()
}
