//! The tree below this process: who is in it, what it uses, signals to it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, getpgrp, getpid, kill_process, kill_process_group, pidfd_open, pidfd_send_signal};

use super::super::{Process, Sample, Waiting};
use super::proc::{self, Stat};

/// A tree of more processes than this is not looked at any further; it is killed all the same, in rounds.
const PROCESSES_MAX: usize = 20_000;
const NAMED_MAX: usize = 8;

/// All live processes below this one. Forks in the meantime may be missed: who must have all asks again until there are no children.
pub(in crate::keeper) fn descendants(_agent: Pid) -> Vec<Process> {
    walk().into_iter().map(|(pid, stat)| process(pid, &stat)).collect()
}

fn process(pid: Pid, stat: &Stat) -> Process {
    Process { pid, started_ticks: stat.started_ticks, group: stat.group }
}

fn walk() -> Vec<(Pid, Stat)> {
    let me = getpid();
    match proc::children(me) {
        Some(first) => down_from(first),
        None => below(&[me], &everyone()),
    }
}

/// From parent to child: costs what the tree has, not what the machine has.
fn down_from(first: Vec<Pid>) -> Vec<(Pid, Stat)> {
    let (mut found, mut ahead, mut seen) = (Vec::new(), first, HashSet::new());
    while let Some(pid) = ahead.pop() {
        if seen.len() >= PROCESSES_MAX || !seen.insert(pid) {
            continue;
        }
        // Gone, or a zombie: its children are ours by now.
        let Some(stat) = proc::stat(pid).filter(|s| !s.is_zombie()) else { continue };
        found.push((pid, stat));
        ahead.extend(proc::children(pid).unwrap_or_default());
    }
    found
}

fn everyone() -> Vec<(Pid, Stat)> {
    proc::all().into_iter().filter_map(|pid| Some((pid, proc::stat(pid)?))).filter(|(_, s)| !s.is_zombie()).collect()
}

fn below(roots: &[Pid], everyone: &[(Pid, Stat)]) -> Vec<(Pid, Stat)> {
    let mut by_parent: BTreeMap<i32, Vec<Pid>> = BTreeMap::new();
    for (pid, stat) in everyone {
        by_parent.entry(stat.parent).or_default().push(*pid);
    }
    let mut first: Vec<Pid> = Vec::new();
    for root in roots {
        first.extend(by_parent.get(&root.as_raw_nonzero().get()).into_iter().flatten());
    }
    let (mut found, mut ahead, mut seen) = (Vec::new(), first, HashSet::new());
    while let Some(pid) = ahead.pop() {
        if seen.insert(pid) {
            found.extend(proc::stat(pid).map(|stat| (pid, stat)));
            ahead.extend(by_parent.get(&pid.as_raw_nonzero().get()).into_iter().flatten());
        }
    }
    found
}

/// One look at what the tree uses.
pub(in crate::keeper) fn sample(_agent: Pid) -> Sample {
    let mut ticks = proc::stat(getpid()).map_or(0, |s| s.ended_children_ticks);
    let (mut private, mut shared_max) = (0, 0);
    let mut sample = Sample::default();
    for (pid, stat) in walk() {
        ticks += stat.ticks + stat.ended_children_ticks;
        sample.processes += 1;
        if let Some((resident, shared)) = proc::memory(pid) {
            private += resident.saturating_sub(shared);
            shared_max = shared.max(shared_max);
        }
        if stat.is_stopped() {
            sample.stopped_processes += 1;
            if sample.stopped.len() < NAMED_MAX {
                sample.stopped.push(format!("{} ({pid})", stat.name));
            }
        }
    }
    sample.cpu_ms = ticks * 1_000 / rustix::param::clock_ticks_per_second().max(1);
    sample.memory_bytes = private + shared_max;
    sample
}

/// What may keep the tree from working though nobody has stopped it.
pub(in crate::keeper) fn waiting(_agent: Pid) -> Waiting {
    let mut found = Waiting::default();
    for (pid, stat) in walk() {
        found.swapped_bytes += proc::swapped(pid).unwrap_or(0);
        if stat.waits_for_disk() && found.disk.len() < NAMED_MAX {
            found.disk.push(format!("{} ({pid})", stat.name));
        }
    }
    found
}

/// Sends a signal to that process and to no other that has its pid by now. `false`: it was not there, or is not ours to signal.
pub(in crate::keeper) fn signal(process: &Process, signal: Signal) -> bool {
    let same = || proc::stat(process.pid).is_some_and(|s| s.started_ticks == process.started_ticks && !s.is_zombie());
    match pidfd_open(process.pid, PidfdFlags::empty()) {
        // Checked after opening: from here on the descriptor stands for this process, whatever becomes of its pid.
        Ok(pidfd) => same() && pidfd_send_signal(pidfd, signal).is_ok(),
        Err(rustix::io::Errno::NOSYS) => same() && kill_process(process.pid, signal).is_ok(),
        Err(_) => false,
    }
}

/// One round of killing; the processes that it found.
pub(in crate::keeper) fn kill_all(agent: Pid) -> Vec<Process> {
    let found = descendants(agent);
    let own = getpgrp().as_raw_nonzero().get();
    // A group is killed in one step that no fork gets in between, which is what ends a fork bomb. A group of our tree has no
    // member outside of it, because this process opened a session of its own.
    let groups: BTreeSet<i32> = found.iter().map(|p| p.group).filter(|group| *group > 1 && *group != own).collect();
    for group in groups.into_iter().filter_map(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    for process in &found {
        signal(process, Signal::KILL);
    }
    found
}

/// All live processes that carry this assignment in their environment, and all below them; never this process.
pub(in crate::keeper) fn labelled(assignment: &str) -> Vec<Process> {
    let me = getpid();
    let everyone = everyone();
    let roots: Vec<Pid> =
        everyone.iter().map(|(pid, _)| *pid).filter(|pid| *pid != me && proc::has_variable(*pid, assignment.as_bytes())).collect();
    let mut found = BTreeMap::new();
    for (pid, stat) in everyone.iter().filter(|(pid, _)| roots.contains(pid)) {
        let process = process(*pid, stat);
        found.insert(process.key(), process);
    }
    for (pid, stat) in below(&roots, &everyone) {
        let process = process(pid, &stat);
        found.insert(process.key(), process);
    }
    found.into_values().filter(|p| p.pid != me).collect()
}

/// Waits until they are gone or the time is over.
pub(in crate::keeper) fn wait_gone(processes: &[Process], timeout: Duration) -> io::Result<()> {
    let deadline = Instant::now() + timeout;
    for process in processes {
        let Ok(pidfd) = pidfd_open(process.pid, PidfdFlags::empty()) else { continue };
        if proc::stat(process.pid).is_none_or(|s| s.started_ticks != process.started_ticks) {
            continue;
        }
        let left = Timespec::try_from(deadline.saturating_duration_since(Instant::now())).unwrap_or_default();
        match poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&left)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}
