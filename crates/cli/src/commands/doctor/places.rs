//! `doctor` on the places that are written to: are they writable, is there room? Creates nothing.

use std::path::Path;

use greenlane_runtime::config::Loaded;
use greenlane_runtime::git::Repo;
use greenlane_runtime::journal::{Journal, JournalError};
use rustix::fs::{Access, access, statvfs};

use super::check::Check;
use crate::context::Context;
use crate::session::{require_outside, worktrees_of};

const MIB: u64 = 1 << 20;
/// Below this, even the logs of one attempt may not fit.
const ROOM_NEEDED_BYTES: u64 = 200 * MIB;
/// Below this, worktrees with their build caches soon fill the disk.
const ROOM_WISHED_BYTES: u64 = 2048 * MIB;

pub use greenlane_runtime::workspace::worktrees_dir;

/// Can things be made in `dir`, which need not be there yet?
pub fn writable(name: &str, dir: &Path, hint: &str) -> Check {
    let there = dir.ancestors().find(|d| d.exists()).unwrap_or(Path::new("/"));
    if !there.is_dir() {
        return Check::missing(name, format!("{} is not a directory", there.display()), hint);
    }
    if let Err(e) = access(there, Access::WRITE_OK | Access::EXEC_OK) {
        return Check::missing(name, format!("{} is not writable: {e}", there.display()), hint);
    }
    let Ok(stat) = statvfs(there) else {
        return Check::ok(name, format!("{} is writable", dir.display()));
    };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let message = format!("{}, {} free", dir.display(), amount(free));
    if free < ROOM_NEEDED_BYTES {
        Check::missing(name, message, format!("make room: at least {} are needed", amount(ROOM_NEEDED_BYTES)))
    } else if free < ROOM_WISHED_BYTES {
        Check::warning(name, message, "this is little for several worktrees; `greenlane clean` removes those that have landed")
    } else {
        Check::ok(name, message)
    }
}

/// Where the configuration puts worktrees in a place that `run` refuses: what it says then.
pub fn worktrees_inside(repo: &Repo, loaded: &Loaded, context: &Context) -> Option<Check> {
    let worktrees = worktrees_of(repo, &loaded.config, context).ok()?;
    let problem = require_outside(repo, loaded, &worktrees).err()?.problems.into_iter().next()?;
    let place = problem.location.map(|l| format!("{l}: ")).unwrap_or_default();
    Some(Check::missing("worktrees", format!("{place}{}", problem.message), problem.hints.into_iter().next().unwrap_or_default()))
}

/// Is what was written down about earlier runs whole? Nothing is said where nothing has run yet.
pub fn journal(state_dir: &Path) -> Option<Check> {
    let path = state_dir.join(greenlane_runtime::journal::FILE_NAME);
    let error = match Journal::examine(state_dir) {
        Err(JournalError::Missing(_)) => return None,
        Ok(None) => return Some(Check::ok("journal", format!("{} is whole", path.display()))),
        Ok(Some(word)) => JournalError::damaged(path, word),
        Err(e) => e,
    };
    Some(Check::missing("journal", error.to_string(), error.hint().unwrap_or_default()))
}

fn amount(bytes: u64) -> String {
    if bytes >= 10 * 1024 * MIB { format!("{} GiB", bytes / (1024 * MIB)) } else { format!("{} MiB", bytes / MIB) }
}

#[cfg(test)]
mod tests {
    use greenlane_runtime::config::Environment;

    use super::super::check::Status;
    use super::*;

    #[test]
    fn a_place_that_is_a_file_or_below_one_is_refused() {
        let dir = tempfile::TempDir::new().unwrap();
        assert_ne!(writable("state", &dir.path().join("a/b"), "h").status, Status::Missing);
        std::fs::write(dir.path().join("a"), "").unwrap();
        assert_eq!(writable("state", &dir.path().join("a/b"), "h").status, Status::Missing);
    }

    #[test]
    fn worktrees_lie_where_the_configuration_or_the_user_says() {
        let env = |name: &str, value: &str| Environment::from([(name.into(), value.into())]);
        let top = Path::new("/repo");
        let dir = |configured: Option<&str>, env: &Environment| worktrees_dir(configured.map(Path::new), top, env);
        assert_eq!(dir(Some("w"), &Environment::new()), Some("/repo/w".into()));
        assert_eq!(dir(Some("/w"), &Environment::new()), Some("/w".into()));
        assert_eq!(dir(None, &env("XDG_STATE_HOME", "/s")), Some("/s/greenlane".into()));
        assert_eq!(dir(None, &env("HOME", "/h")), Some("/h/.local/state/greenlane".into()));
        assert_eq!(dir(None, &Environment::new()), None);
    }
}
