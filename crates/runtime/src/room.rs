//! How much disk and memory could be had now. Reads; decides nothing.

use std::fs;
use std::path::Path;

use greenlane_core::room::Room;

/// The room at these places, and the memory of this process's machine or container.
#[must_use]
pub fn read(places: &[&Path]) -> Room {
    let disk = |place: &&Path| disk_free(place).map(|free| (place.display().to_string(), free));
    Room { disk_free: places.iter().filter_map(disk).min_by_key(|(_, free)| *free), memory_free: memory_free() }
}

/// Bytes that could be written at this place by who is not root; of a place that was not made yet, where it would be.
fn disk_free(place: &Path) -> Option<u64> {
    let there = place.ancestors().find(|p| p.exists())?;
    let stat = rustix::fs::statvfs(there).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// What the machine has left, and what every cgroup around this process leaves it, whichever is less.
fn memory_free() -> Option<u64> {
    let machine = available(&fs::read_to_string("/proc/meminfo").ok()?);
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    machine.into_iter().chain(left_by_groups(Path::new("/sys/fs/cgroup"), &groups)).min()
}

fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib.saturating_mul(1_024))
}

/// The least that a group of this process or one around it has left of its limit; `None`: none has a limit. Inside a container its own
/// group is the root of what is mounted, whatever path it is told.
fn left_by_groups(mount: &Path, groups: &str) -> Option<u64> {
    let mut least: Option<u64> = None;
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let (top, files) = match controllers {
            "" => (mount.to_owned(), V2),
            list if list.split(',').any(|c| c == "memory") => (mount.join("memory"), V1),
            _ => continue,
        };
        let own = top.join(path.trim_start_matches('/'));
        let mut group = if own.is_dir() { own.as_path() } else { top.as_path() };
        loop {
            if let Some(left) = left(group, files) {
                least = Some(least.map_or(left, |least| least.min(left)));
            }
            match group.parent().filter(|_| group != top) {
                Some(parent) => group = parent,
                None => break,
            }
        }
    }
    least
}

/// The names of: the limit, what is in use, and in `memory.stat` what of that is only cache which the kernel takes back when asked.
type Files = (&'static str, &'static str, &'static str);
const V2: Files = ("memory.max", "memory.current", "inactive_file ");
const V1: Files = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file ");

fn left(group: &Path, (limit, used, cache): Files) -> Option<u64> {
    let number = |name: &str| fs::read_to_string(group.join(name)).ok()?.trim().parse::<u64>().ok();
    // "max" is no number; an old cgroup without a limit says more than any machine has.
    let limit = number(limit).filter(|l| *l < 1 << 60)?;
    let stat = fs::read_to_string(group.join("memory.stat")).unwrap_or_default();
    let cache = stat.lines().find_map(|l| l.strip_prefix(cache)?.trim().parse::<u64>().ok()).unwrap_or_default();
    Some(limit.saturating_sub(number(used)?.saturating_sub(cache)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_with_the_least_disk_counts_also_one_that_is_not_there_yet() {
        let dir = tempfile::tempdir().unwrap();
        let (place, free) = read(&[&dir.path().join("not/there")]).disk_free.unwrap();
        assert!(place.ends_with("not/there") && free > 0);
        assert_eq!(read(&[]).disk_free, None);
    }

    #[test]
    fn available_memory_is_what_the_kernel_calls_so() {
        assert_eq!(available("MemTotal: 9 kB\nMemFree: 1 kB\nMemAvailable:   3 kB\n"), Some(3_072));
        assert_eq!(available("MemFree: 1 kB\n"), None);
    }

    #[test]
    fn the_tightest_group_counts_and_its_cache_is_free() {
        let dir = tempfile::tempdir().unwrap();
        let group = |path: &str, max: &str, used: &str, cache: &str| {
            let at = dir.path().join(path);
            fs::create_dir_all(&at).unwrap();
            fs::write(at.join("memory.max"), max).unwrap();
            fs::write(at.join("memory.current"), used).unwrap();
            fs::write(at.join("memory.stat"), format!("anon 5\ninactive_file {cache}\nactive_file 9\n")).unwrap();
        };
        group("a", "1000\n", "900\n", "300\n");
        group("a/b", "max\n", "900\n", "0\n");
        assert_eq!(left_by_groups(dir.path(), "0::/a/b\n"), Some(400));
        group("a/b", "950\n", "900\n", "0\n");
        assert_eq!(left_by_groups(dir.path(), "0::/a/b\n"), Some(50));
        // In a container the path is the host's.
        group("", "2000\n", "500\n", "0\n");
        assert_eq!(left_by_groups(dir.path(), "0::/docker/1234\n"), Some(1_500));
        assert_eq!(left_by_groups(dir.path(), "5:cpu:/a\n"), None);
    }
}
