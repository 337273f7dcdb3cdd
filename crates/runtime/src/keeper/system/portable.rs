//! Systems without /proc: the agent's process group stands for its tree. What leaves the group is not seen, and CPU time and connections
//! are no evidence here; output is.

use std::io;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

use super::{Connections, Process, Sample, Waiting};

/// Leftovers are no children of ours here, and end without a sign.
pub(in crate::keeper) const LOOK_AGAIN: Option<Duration> = Some(Duration::from_millis(20));

pub(in crate::keeper) fn adopt_orphans() {}

pub(in crate::keeper) fn take_name() {}

/// The held claim alone vouches for the pid here.
pub(in crate::keeper) fn started_ticks(pid: u32) -> Option<u64> {
    let pid = Pid::from_raw(i32::try_from(pid).ok()?)?;
    rustix::process::test_kill_process(pid).ok().map(|()| 0)
}

/// Not told here.
pub(in crate::keeper) fn is_stopped(_pid: u32) -> bool {
    false
}

/// Not told here.
pub(in crate::keeper) fn waiting(_agent: Pid) -> Waiting {
    Waiting::default()
}

pub(in crate::keeper) fn boot_id() -> String {
    String::new()
}

pub(in crate::keeper) fn group_is_left(agent: Pid) -> bool {
    test_kill_process_group(agent).is_ok()
}

/// The group, as one.
pub(in crate::keeper) fn descendants(agent: Pid) -> Vec<Process> {
    let group = Process { pid: agent, started_ticks: 0, group: agent.as_raw_nonzero().get() };
    if group_is_left(agent) { vec![group] } else { Vec::new() }
}

pub(in crate::keeper) fn sample(agent: Pid) -> Sample {
    Sample { processes: u32::from(group_is_left(agent)), ..Sample::default() }
}

pub(in crate::keeper) fn connections(_agent: Pid) -> Option<Connections> {
    None
}

/// A keeper (`group` 0) is signalled alone, an agent with its group.
pub(in crate::keeper) fn signal(process: &Process, signal: Signal) -> bool {
    match process.group {
        0 => rustix::process::kill_process(process.pid, signal).is_ok(),
        _ => kill_process_group(process.pid, signal).is_ok(),
    }
}

pub(in crate::keeper) fn kill_all(agent: Pid) -> Vec<Process> {
    let _ = kill_process_group(agent, Signal::KILL);
    descendants(agent)
}

/// Other processes' environments cannot be read here.
pub(in crate::keeper) fn labelled(_assignment: &str) -> Vec<Process> {
    Vec::new()
}

pub(in crate::keeper) fn wait_gone(processes: &[Process], timeout: Duration) -> io::Result<()> {
    let deadline = Instant::now() + timeout;
    while Instant::now() < deadline && processes.iter().any(|p| group_is_left(p.pid)) {
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
