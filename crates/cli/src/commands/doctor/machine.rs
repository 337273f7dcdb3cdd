//! `doctor` on the machine: git, the shell, limits, what the platform offers. Knows no repository.

use std::path::Path;

use greenlane_runtime::git::{Git, GitError};
use rustix::process::{Resource, getrlimit};

use super::check::Check;

/// `merge-tree --write-tree` came with 2.38; without it a merge would need a checkout.
const GIT_MINIMUM: (u32, u32) = (2, 38);

/// The coordinator's own files, and those of each attempt that runs: pipes, logs, a lock.
const OPEN_FILES_BASE: u64 = 128;
const OPEN_FILES_PER_JOB: u64 = 16;

/// Is git there, and new enough?
pub fn git() -> Check {
    let hint = "install git 2.38 or newer: https://git-scm.com/downloads";
    match Git::new(".git").run(&["version"]) {
        Ok(output) => {
            let text = output.text();
            let found = text.strip_prefix("git version ").unwrap_or(&text).to_owned();
            match version(&found) {
                Some(v) if v >= GIT_MINIMUM => Check::ok("git", found),
                Some(_) => Check::missing("git", format!("{found} is too old"), hint),
                None => Check::warning("git", format!("cannot tell the version from `{found}`"), "Greenlane needs 2.38 or newer"),
            }
        }
        Err(GitError::Spawn(e)) => Check::missing("git", format!("cannot be started: {e}"), hint),
        Err(e) => Check::missing("git", e.to_string(), hint),
    }
}

/// Major and minor of `2.39.5 (Apple Git-154)` and its like.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Commands of plans are `sh -c` lines.
pub fn shell(path: Option<&std::ffi::OsStr>) -> Check {
    match find_program("sh", path) {
        Some(found) => Check::ok("sh", found.display().to_string()),
        None => Check::missing("sh", "not found on PATH", "checks, hooks and command tasks are `sh -c` lines: put a shell on PATH"),
    }
}

/// The first executable file of that name on PATH.
pub fn find_program(name: &str, path: Option<&std::ffi::OsStr>) -> Option<std::path::PathBuf> {
    std::env::split_paths(path?)
        .map(|dir| dir.join(name))
        .find(|file| file.is_file() && rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok())
}

/// Are there enough files to open for so many attempts at once?
pub fn open_files(jobs: u32) -> Check {
    let needed = OPEN_FILES_BASE + OPEN_FILES_PER_JOB * u64::from(jobs);
    match getrlimit(Resource::Nofile).current {
        Some(limit) if limit < needed => Check::warning(
            "open files",
            format!("at most {limit}, which is little for {jobs} attempts at once"),
            format!("ulimit -n {}", needed.next_power_of_two()),
        ),
        Some(limit) => Check::ok("open files", format!("at most {limit}")),
        None => Check::ok("open files", "no limit"),
    }
}

/// What only some systems have; everything works without, less surely.
pub fn platform() -> Vec<Check> {
    if !cfg!(target_os = "linux") {
        return vec![Check::warning(
            "platform",
            "not Linux: processes that leave their group are looked for, but may be missed",
            "nothing to do; after a run, look for programs that agents left behind",
        )];
    }
    let mut checks = Vec::new();
    checks.push(if Path::new("/proc/self/stat").exists() {
        Check::ok("processes", "a child subreaper and /proc: no process of an attempt is lost sight of")
    } else {
        Check::warning("processes", "/proc is not mounted: evidence of work and stray processes are not seen", "mount -t proc proc /proc")
    });
    checks.push(cgroup());
    checks
}

/// A writable cgroup (version 2) lets a whole tree be ended with one write.
fn cgroup() -> Check {
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let dir = own.lines().find_map(|line| line.strip_prefix("0::/")).map(|path| Path::new("/sys/fs/cgroup").join(path));
    match dir {
        Some(dir) if dir.join("cgroup.procs").exists() && rustix::fs::access(&dir, rustix::fs::Access::WRITE_OK).is_ok() => {
            Check::ok("cgroup", "version 2, writable")
        }
        Some(_) | None => Check::ok("cgroup", "none of our own; process groups and the subreaper do the same work"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_versions_are_read_as_they_come() {
        assert_eq!(version("2.47.3"), Some((2, 47)));
        assert_eq!(version("2.39.5 (Apple Git-154)"), Some((2, 39)));
        assert_eq!(version("3.0.rc1"), Some((3, 0)));
        assert_eq!(version("unknown"), None);
        assert!((2, 9) < GIT_MINIMUM && (3, 0) > GIT_MINIMUM);
    }

    #[test]
    fn many_attempts_need_many_files() {
        assert_eq!(open_files(u32::MAX).status, super::super::check::Status::Warning);
    }

    #[test]
    fn a_program_is_an_executable_file_on_the_path() {
        let dir = tempfile::TempDir::new().unwrap();
        std::fs::write(dir.path().join("tool"), "").unwrap();
        assert_eq!(find_program("tool", Some(dir.path().as_os_str())), None);
        assert_eq!(shell(None).status, super::super::check::Status::Missing);
    }
}
