//! Ten ports for each worktree of the pool, told by its number, so that servers of tasks at work beside each other do not meet.

use std::path::Path;

/// Ports of one worktree: a server, its database, what it is debugged by, and some more.
const PORTS: u32 = 10;

/// The first port of this worktree; `None` where it has no number, or its ports would be past the last that there is.
#[must_use]
pub fn first(base: u32, worktree: &Path) -> Option<u16> {
    let number: u32 = worktree.file_name()?.to_str()?.parse().ok()?;
    let first = number.checked_mul(PORTS)?.checked_add(base)?;
    u16::try_from(first.checked_add(PORTS - 1)?).ok()?;
    u16::try_from(first).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_worktree_has_its_own() {
        let of = |name: &str| first(20_000, Path::new("/w/repository").join(name).as_path());
        assert_eq!((of("1"), of("2"), of("37")), (Some(20_010), Some(20_020), Some(20_370)));
        assert_eq!((of("verify"), of("4552"), of("4553")), (None, Some(65_520), None));
    }
}
