//! Who is the coordinator of a repository: whoever holds the lock on a file in the state directory.
//! A lock dies with its process, so it cannot go stale.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const FILE_NAME: &str = "coordinator.lock";

/// The held lock; let go when dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
    state_dir: PathBuf,
}

/// What this very process holds: it needs no socket to know what it does, and must not wait for itself to answer.
static OURS: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

impl Drop for Lock {
    fn drop(&mut self) {
        OURS.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.state_dir);
        // Not by closing it: a process that another thread starts at this moment has a copy of the descriptor until it runs its program.
        drop(self.file.unlock());
    }
}

/// Why it could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another coordinator has it.
    #[error("another coordinator holds this repository{}", .pid.map(|p| format!(" (process {p})")).unwrap_or_default())]
    Held {
        /// Its process, as it wrote it down.
        pid: Option<u32>,
    },
    /// The file cannot be made or locked.
    #[error("cannot lock {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
}

impl Lock {
    /// Takes it, or says who has it.
    ///
    /// # Errors
    /// [`LockError::Held`] if another process has it.
    pub fn take(state_dir: &Path) -> Result<Self, LockError> {
        let path = state_dir.join(FILE_NAME);
        let io = |source| LockError::Io { path: path.clone(), source };
        let mut file = File::options().create(true).truncate(false).write(true).open(&path).map_err(io)?;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(source)) => return Err(io(source)),
            }
            // Whoever only looks ([`Lock::is_held`]) is in the way for a moment, and is no coordinator: it shares.
            match file.try_lock_shared() {
                Ok(()) => file.unlock().map_err(io)?,
                Err(TryLockError::WouldBlock) => {
                    let pid = fs::read_to_string(&path).ok().and_then(|t| t.trim().parse().ok());
                    return Err(LockError::Held { pid });
                }
                Err(TryLockError::Error(source)) => return Err(io(source)),
            }
            std::thread::yield_now();
        }
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(io)?;
        OURS.lock().unwrap_or_else(PoisonError::into_inner).insert(state_dir.to_owned());
        Ok(Self { file, state_dir: state_dir.to_owned() })
    }

    /// For how long whoever has it, or had it last, has had it; zero where the clock went back. `None`: nobody ever took it.
    #[must_use]
    pub fn age(state_dir: &Path) -> Option<Duration> {
        let taken = fs::metadata(state_dir.join(FILE_NAME)).ok()?.modified().ok()?;
        Some(taken.elapsed().unwrap_or_default())
    }

    /// This process has it.
    #[must_use]
    pub fn is_ours(state_dir: &Path) -> bool {
        OURS.lock().unwrap_or_else(PoisonError::into_inner).contains(state_dir)
    }

    /// Somebody has it right now.
    #[must_use]
    pub fn is_held(state_dir: &Path) -> bool {
        let Ok(file) = File::open(state_dir.join(FILE_NAME)) else { return false };
        // Shared, so that two who only look do not take each other for a coordinator.
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_nobody_after() -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        assert!(!Lock::is_held(dir.path()));
        let lock = Lock::take(dir.path())?;
        assert!(Lock::is_held(dir.path()) && Lock::is_ours(dir.path()));
        assert!(Lock::age(dir.path()).is_some_and(|age| age < Duration::from_secs(60)));
        assert!(matches!(Lock::take(dir.path()), Err(LockError::Held { pid: Some(p) }) if p == std::process::id()));
        drop(lock);
        assert!(!Lock::is_held(dir.path()) && !Lock::is_ours(dir.path()));
        drop(Lock::take(dir.path())?);
        Ok(())
    }

    #[test]
    fn whoever_only_looks_keeps_nobody_from_taking_it() -> Result<(), Box<dyn std::error::Error>> {
        use std::sync::atomic::{AtomicBool, Ordering};
        let dir = tempfile::tempdir()?;
        drop(Lock::take(dir.path())?);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    std::hint::black_box(Lock::is_held(dir.path()));
                }
            });
            let taken = (0..2_000).try_for_each(|_| Lock::take(dir.path()).map(drop));
            done.store(true, Ordering::SeqCst);
            taken
        })?;
        Ok(())
    }
}
