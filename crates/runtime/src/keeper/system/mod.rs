//! What only the system can tell of a process tree, and do to it: the seam between Linux and the rest.
//!
//! Each side offers the same names; the portable one knows less, and says so where it matters.

use std::collections::BTreeMap;

use rustix::process::Pid;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod portable;

#[cfg(target_os = "linux")]
pub(super) use linux::*;
#[cfg(not(target_os = "linux"))]
pub(super) use portable::*;

/// Bytes sent and received, by connection.
pub(super) type Connections = BTreeMap<u64, u64>;

/// A process, safe to signal: a pid alone may stand for another one by then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Process {
    pub(super) pid: Pid,
    pub(super) started_ticks: u64,
    pub(super) group: i32,
}

impl Process {
    /// The same for the same process, and for no other one of this boot.
    pub(super) fn key(&self) -> (i32, u64) {
        (self.pid.as_raw_nonzero().get(), self.started_ticks)
    }
}

/// One look at a tree.
#[derive(Clone, Debug, Default)]
pub(super) struct Sample {
    /// Of live and ended processes.
    pub(super) cpu_ms: u64,
    pub(super) memory_bytes: u64,
    pub(super) processes: u32,
    /// `name (pid)`, at most 8.
    pub(super) stopped: Vec<String>,
    /// How many are stopped.
    pub(super) stopped_processes: u32,
}

/// What keeps a silent tree waiting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Waiting {
    /// Memory that is in swap.
    pub(super) swapped_bytes: u64,
    /// Processes that wait for a disk (state D), `name (pid)`, at most 8.
    pub(super) disk: Vec<String>,
}

/// CPU time of the tree after it has ended, in milliseconds, and the most memory that one of its processes had, in bytes.
pub(super) fn usage_of_ended() -> (u64, u64) {
    use nix::sys::resource::{UsageWho, getrusage};
    let Ok(usage) = getrusage(UsageWho::RUSAGE_CHILDREN) else { return (0, 0) };
    let ms = |t: nix::sys::time::TimeVal| u64::try_from(t.tv_sec() * 1_000 + t.tv_usec() / 1_000).unwrap_or(0);
    // In kilobytes, except where macOS counts bytes.
    let unit = if cfg!(target_vendor = "apple") { 1 } else { 1_024 };
    (ms(usage.user_time()) + ms(usage.system_time()), u64::try_from(usage.max_rss()).unwrap_or(0) * unit)
}

/// Closes every descriptor but the first three. Ours close on exec by themselves; this is about those that the coordinator was itself
/// given by a careless parent: a keeper lives for hours, and would hold somebody's lock or pipe open.
pub(super) fn close_inherited() {
    let Ok(entries) = std::fs::read_dir("/dev/fd") else { return };
    let open: Vec<i32> = entries.filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok()).filter(|fd| *fd > 2).collect();
    for fd in open {
        // One of them was the listing itself, and is closed already.
        let _ = nix::unistd::close(fd);
    }
}
