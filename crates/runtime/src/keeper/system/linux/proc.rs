//! /proc, read into numbers. Knows nothing of trees.

use std::fs::{self, File};
use std::io::Read as _;

use rustix::process::Pid;

/// What `/proc/PID/stat` says (proc_pid_stat(5)).
pub(super) struct Stat {
    pub(super) name: String,
    pub(super) state: u8,
    pub(super) parent: i32,
    pub(super) group: i32,
    /// CPU time of its own.
    pub(super) ticks: u64,
    /// CPU time of the children that it has waited for, and of theirs.
    pub(super) ended_children_ticks: u64,
    pub(super) started_ticks: u64,
}

impl Stat {
    /// It has ended, and only its parent has not asked for it yet.
    pub(super) fn is_zombie(&self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x')
    }

    pub(super) fn is_stopped(&self) -> bool {
        matches!(self.state, b'T' | b't')
    }

    /// It cannot even be killed before the kernel has an answer.
    pub(super) fn waits_for_disk(&self) -> bool {
        self.state == b'D'
    }
}

/// `None`: there is no such process.
pub(super) fn stat(pid: Pid) -> Option<Stat> {
    parse(&read_small(&format!("/proc/{pid}/stat"))?)
}

fn parse(text: &str) -> Option<Stat> {
    // The name is free text: it may hold blanks and parentheses. The last one ends it.
    let (before, after) = text.rsplit_once(')')?;
    let name = before.split_once('(')?.1.to_owned();
    let fields: Vec<&str> = after.split_ascii_whitespace().collect();
    // Field 3 of the manual is the first one here.
    let number = |n: usize| fields.get(n - 3).and_then(|f| f.parse::<u64>().ok());
    Some(Stat {
        name,
        state: *fields.first()?.as_bytes().first()?,
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        ticks: number(14)? + number(15)?,
        ended_children_ticks: number(16)? + number(17)?,
        started_ticks: number(22)?,
    })
}

/// Resident and shared pages of a process, in bytes.
pub(super) fn memory(pid: Pid) -> Option<(u64, u64)> {
    let text = read_small(&format!("/proc/{pid}/statm"))?;
    let mut pages = text.split_ascii_whitespace().skip(1).map_while(|f| f.parse::<u64>().ok());
    let page = rustix::param::page_size() as u64;
    Some((pages.next()? * page, pages.next()? * page))
}

/// Memory of a process that is in swap, in bytes.
pub(super) fn swapped(pid: Pid) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let kilobytes = text.lines().find_map(|l| l.strip_prefix("VmSwap:"))?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?;
    Some(kilobytes * 1_024)
}

/// The children of all of its threads. `None`: the kernel does not list them, or the process is gone.
pub(super) fn children(pid: Pid) -> Option<Vec<Pid>> {
    let mut found = None;
    for thread in fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        let Ok(thread) = thread else { continue };
        // A thread may end meanwhile; its children go to another one, and are found next time.
        let Ok(text) = fs::read_to_string(thread.path().join("children")) else { continue };
        found.get_or_insert_with(Vec::new).extend(text.split_ascii_whitespace().filter_map(|f| Pid::from_raw(f.parse().ok()?)));
    }
    found
}

/// Every process of the machine that we may see.
pub(super) fn all() -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.filter_map(|e| Pid::from_raw(e.ok()?.file_name().to_str()?.parse().ok()?)).collect()
}

/// The process was started with this variable set to this value. Only the owner's processes can be asked.
pub(super) fn has_variable(pid: Pid, assignment: &[u8]) -> bool {
    fs::read(format!("/proc/{pid}/environ")).is_ok_and(|env| env.split(|b| *b == 0).any(|entry| entry == assignment))
}

fn read_small(path: &str) -> Option<String> {
    let mut buffer = [0; 1024];
    let n = File::open(path).ok()?.read(&mut buffer).ok()?;
    Some(String::from_utf8_lossy(&buffer[..n]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let line = "42 (a) b (c) S 7 8 9 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 1 0 12345 0 0";
        let stat = parse(line).unwrap();
        assert_eq!((stat.name.as_str(), stat.state, stat.parent, stat.group), ("a) b (c", b'S', 7, 8));
        assert_eq!((stat.ticks, stat.ended_children_ticks, stat.started_ticks), (30, 70, 12345));
        assert!(parse("").is_none() && parse("42 (x) S").is_none());
    }

    #[test]
    fn this_process_is_found() {
        let me = rustix::process::getpid();
        assert!(!stat(me).unwrap().is_zombie());
        assert!(memory(me).unwrap().0 > 0);
        assert!(swapped(me).is_some());
        assert!(all().contains(&me));
    }
}
