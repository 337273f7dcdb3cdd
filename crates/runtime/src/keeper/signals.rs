//! What the keeper is asked by signal: SIGTERM ends the tree politely, SIGUSR1 at once; SIGCHLD wakes the loop.

use std::io::{self, Read as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::{flag, low_level::pipe};

/// The signals that have arrived, and a descriptor that is readable when there are any.
pub(super) struct Signals {
    wake: UnixStream,
    terminate: Arc<AtomicBool>,
    kill: Arc<AtomicBool>,
}

impl Signals {
    /// Installed before the claim is taken: from the moment that a keeper can be found, a signal to it is a request and not its death.
    pub(super) fn install() -> io::Result<Self> {
        let (wake, write) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        let (terminate, kill) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        // The flag first: who is woken finds it set.
        for signal in [SIGTERM, SIGINT, SIGHUP] {
            flag::register(signal, Arc::clone(&terminate))?;
            pipe::register(signal, write.try_clone()?)?;
        }
        flag::register(SIGUSR1, Arc::clone(&kill))?;
        pipe::register(SIGUSR1, write.try_clone()?)?;
        pipe::register(SIGCHLD, write)?;
        Ok(Self { wake, terminate, kill })
    }

    /// Empties the pipe. A full pipe loses wake-ups, never a request: those are in the flags, and children are asked for by `wait`.
    pub(super) fn drain(&self) {
        let mut bytes = [0; 256];
        while matches!((&self.wake).read(&mut bytes), Ok(n) if n == bytes.len()) {}
    }

    pub(super) fn terminate_asked(&self) -> bool {
        self.terminate.load(Ordering::SeqCst)
    }

    pub(super) fn kill_asked(&self) -> bool {
        self.kill.load(Ordering::SeqCst)
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}
