//! Git processes that a coordinator which died has left at work: each ends by itself in moments, and is not to be met at its work.
//! Found by their command lines, which name the git-dir; only where there is a `/proc`.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// Git processes that write take milliseconds, a checkout of a large tree seconds.
const PATIENCE: Duration = Duration::from_secs(10);
const ROUND: Duration = Duration::from_millis(20);

/// Those that only read, and stay for as long as the verb that asks them.
const READERS: [&str; 2] = ["cat-file", "hash-object"];

/// Waits until no other process' git writes to this repository, at most 10 s; whoever is in the way then is met.
pub fn wait_for_left_over(common_dir: &Path) {
    let began = Instant::now();
    while began.elapsed() < PATIENCE && any_at_work(common_dir, began.elapsed() < NAMELESS) {
        std::thread::sleep(ROUND);
    }
}

/// A process that is just becoming another program has no command line for some microseconds; on a busy machine for longer. One that
/// never has one (some rewrite theirs) is waited for no longer than this.
const NAMELESS: Duration = Duration::from_millis(200);

fn any_at_work(common_dir: &Path, with_nameless: bool) -> bool {
    let wanted = [b"--git-dir=".as_slice(), common_dir.as_os_str().as_encoded_bytes()].concat();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter(|e| e.file_name().to_str().is_some_and(|name| name.bytes().all(|b| b.is_ascii_digit()))).any(|process| {
        let path = process.path();
        let line = fs::read(path.join("cmdline")).unwrap_or_default();
        let meant = if line.is_empty() { with_nameless && is_program(&path) } else { names(&line, &wanted) };
        meant && parent_of(&path) != Some(std::process::id())
    })
}

/// It is called with this git-dir, or with one of a worktree's below it, and not only to read.
fn names(line: &[u8], wanted: &[u8]) -> bool {
    let mut words = line.split(|b| *b == 0);
    let here = |word: &[u8]| word.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"));
    words.clone().any(here) && !words.any(|w| READERS.iter().any(|r| r.as_bytes() == w))
}

/// Neither one of the kernel's own nor a zombie: those have no program.
fn is_program(process: &Path) -> bool {
    fs::read_link(process.join("exe")).is_ok()
}

fn parent_of(process: &Path) -> Option<u32> {
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_that_write_to_this_repository_are_waited_for() {
        let of = |words: &[&str]| names(words.join("\0").as_bytes(), b"--git-dir=/r/.git");
        assert!(of(&["git", "-c", "x=y", "--git-dir=/r/.git", "update-ref", "--stdin"]));
        assert!(of(&["git", "--git-dir=/r/.git/worktrees/1", "--work-tree=/w/1", "checkout", "-q"]));
        assert!(!of(&["git", "--git-dir=/r/.github", "checkout"]));
        assert!(!of(&["git", "--git-dir=/r/.git", "cat-file", "--batch"]));
        assert!(!of(&["git", "status"]));
    }

    #[test]
    fn one_that_is_at_work_is_waited_for() -> Result<(), Box<dyn std::error::Error>> {
        use std::io::{BufRead as _, BufReader};
        use std::process::{Command, Stdio};
        let dir = tempfile::tempdir()?;
        // A grandchild, as an orphan is: its parent is not this process. It works until its input ends.
        let argument = format!("--git-dir={}/worktrees/1", dir.path().display());
        let script = "exec 3<&0; sh -c 'echo on; read end <&3; true' \"$1\" checkout & wait";
        let mut shell = Command::new("sh");
        let mut shell = shell.args(["-c", script, "sh", &argument]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut said = String::new();
        BufReader::new(shell.stdout.take().ok_or("no output")?).read_line(&mut said)?;
        assert!(any_at_work(dir.path(), false), "{said}");
        drop(shell.stdin.take());
        shell.wait()?;
        assert!(!any_at_work(dir.path(), false));
        Ok(())
    }
}
