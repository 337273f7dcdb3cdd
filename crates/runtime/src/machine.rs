//! How much of the machine's memory and disk is in use. Knows nothing of runs.

use std::fs;
use std::path::Path;

use greenlane_core::failure::Resources;

/// The machine as it is now; the disk is the one that holds this place. Of a process tree nothing is said.
#[must_use]
pub fn resources(place: &Path) -> Resources {
    Resources { memory_mb: None, cpu_percent: None, system_memory_percent: memory_percent(), disk_usage_percent: disk_percent(place) }
}

/// The part of the memory in use, 0 to 100: what could not be given to somebody who asks now. `None` where there is no `/proc/meminfo`.
#[must_use]
pub fn memory_percent() -> Option<f64> {
    in_use(&fs::read_to_string("/proc/meminfo").ok()?)
}

fn in_use(meminfo: &str) -> Option<f64> {
    let field = |name: &str| {
        let line = meminfo.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':'))?;
        line.split_whitespace().next()?.parse::<f64>().ok()
    };
    let (total, available) = (field("MemTotal")?, field("MemAvailable")?);
    (total > 0.0).then(|| tenths(100.0 * (1.0 - available / total)))
}

/// The part of a disk in use, 0 to 100, as `df` counts it: what only root may use is neither free nor in use.
#[must_use]
pub fn disk_percent(place: &Path) -> Option<f64> {
    // The place itself may not have been made yet.
    let there = place.ancestors().find(|p| p.exists())?;
    let stat = rustix::fs::statvfs(there).ok()?;
    let used = stat.f_blocks.saturating_sub(stat.f_bfree) as f64;
    let all = used + stat.f_bavail as f64;
    (all > 0.0).then(|| tenths(100.0 * used / all))
}

/// How long the processors have been busy and how long there was anything to count, since the boot, both in ticks of all of them
/// together; `None` where there is no `/proc/stat`. Two looks tell how busy they were between them.
#[must_use]
pub fn cpu_ticks() -> Option<(u64, u64)> {
    ticks(&fs::read_to_string("/proc/stat").ok()?)
}

fn ticks(stat: &str) -> Option<(u64, u64)> {
    let line = stat.lines().find_map(|l| l.strip_prefix("cpu "))?;
    // user nice system idle iowait irq softirq steal; what follows is part of the first two.
    let fields: Vec<u64> = line.split_whitespace().take(8).map_while(|f| f.parse().ok()).collect();
    let total: u64 = fields.iter().sum();
    let idle: u64 = fields.iter().skip(3).take(2).sum();
    (fields.len() >= 4).then(|| (total - idle, total))
}

/// Bytes of a disk that can still be written to at this place.
#[must_use]
pub fn disk_free(place: &Path) -> Option<u64> {
    let there = place.ancestors().find(|p| p.exists())?;
    let stat = rustix::fs::statvfs(there).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// How many processes the kernel has killed for want of memory since it was booted; `None` where it does not say.
#[must_use]
pub fn oom_kills() -> Option<u64> {
    let text = fs::read_to_string("/proc/vmstat").ok()?;
    text.lines().find_map(|l| l.strip_prefix("oom_kill ")?.trim().parse().ok())
}

/// More digits would only be noise in a log.
fn tenths(percent: f64) -> f64 {
    (percent * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_in_use_is_what_is_not_available() {
        assert_eq!(in_use("MemTotal:       1000 kB\nMemFree:  10 kB\nMemAvailable:    250 kB\n"), Some(75.0));
        assert_eq!(in_use("MemFree: 10 kB\n"), None);
    }

    #[test]
    fn processors_are_busy_with_all_but_idling_and_waiting_for_disks() {
        assert_eq!(ticks("cpu  10 1 4 70 10 2 2 1 5 0\ncpu0 1 1 1 1\n"), Some((20, 100)));
        assert_eq!(ticks("cpu 1 2\n"), None);
        assert_eq!(ticks("intr 5\n"), None);
    }

    #[test]
    fn a_disk_is_in_use_by_some_part_also_for_a_place_that_is_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let percent = disk_percent(&dir.path().join("not/there")).unwrap();
        assert!((0.0..=100.0).contains(&percent), "{percent}");
    }
}
