//! Linux: /proc, pidfd, subreaper, sock_diag.

mod proc;
mod sockets;
mod tree;

use std::fs;
use std::time::Duration;

use rustix::process::{Pid, set_child_subreaper};

pub(in crate::keeper) use sockets::connections;
pub(in crate::keeper) use tree::{descendants, kill_all, labelled, sample, signal, wait_gone, waiting};

/// How often to look for leftovers that end without a sign: never, every end of a descendant is a SIGCHLD here.
pub(in crate::keeper) const LOOK_AGAIN: Option<Duration> = None;

/// Everything that loses its parent in our tree becomes our child: nothing leaves the tree by forking twice.
pub(in crate::keeper) fn adopt_orphans() {
    let _ = set_child_subreaper(Some(rustix::process::getpid()));
}

/// A name of its own, so that `killall greenlane` ends coordinators and leaves what they started.
pub(in crate::keeper) fn take_name() {
    drop(fs::write("/proc/self/comm", "gl-keeper"));
}

/// When the process started, in clock ticks since boot; `None` if there is none (a zombie is none).
pub(in crate::keeper) fn started_ticks(pid: u32) -> Option<u64> {
    let pid = Pid::from_raw(i32::try_from(pid).ok()?)?;
    proc::stat(pid).filter(|s| !s.is_zombie()).map(|s| s.started_ticks)
}

/// The process is stopped by a signal or a debugger.
pub(in crate::keeper) fn is_stopped(pid: u32) -> bool {
    i32::try_from(pid).ok().and_then(Pid::from_raw).and_then(proc::stat).is_some_and(|s| s.is_stopped())
}

/// This boot.
pub(in crate::keeper) fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned()).unwrap_or_default()
}

/// Processes of the agent's tree that `wait` does not tell of: none, see [`adopt_orphans`].
pub(in crate::keeper) fn group_is_left(_agent: Pid) -> bool {
    false
}
