//! One thing to wait for: a key, a signal, or that another thread has something.
//!
//! Approach: whatever happens writes a byte into a pipe, and the thread waits for that pipe and for the terminal at once. So no thread of
//! its own reads the keys, and none takes them from an editor that has the terminal for a while.

use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::SigId;

/// What a terminal says that was closed.
const GONE: PollFlags = PollFlags::HUP.union(PollFlags::ERR).union(PollFlags::NVAL);

/// What wakes.
#[derive(Clone)]
pub(super) struct Waker(Arc<UnixStream>);

impl Waker {
    /// Wakes. A pipe that is full wakes as well.
    pub fn wake(&self) {
        drop((&*self.0).write(&[1]));
    }
}

/// What waits.
pub(super) struct Wake {
    reader: UnixStream,
    writer: Waker,
    signals: Vec<(i32, Arc<AtomicBool>, [SigId; 2])>,
}

impl Wake {
    /// With these signals.
    ///
    /// # Errors
    /// If the system has no more pipes, or no such signal.
    pub fn new(signals: &[i32]) -> io::Result<Self> {
        let (reader, writer) = UnixStream::pair()?;
        reader.set_nonblocking(true)?;
        writer.set_nonblocking(true)?;
        let mut wake = Self { reader, writer: Waker(Arc::new(writer)), signals: Vec::new() };
        for signal in signals {
            let came = Arc::new(AtomicBool::new(false));
            let flag = signal_hook::flag::register(*signal, Arc::clone(&came))?;
            let pipe = signal_hook::low_level::pipe::register(*signal, wake.writer.0.try_clone()?)?;
            wake.signals.push((*signal, came, [flag, pipe]));
        }
        Ok(wake)
    }

    /// For other threads.
    pub fn waker(&self) -> Waker {
        self.writer.clone()
    }

    /// Sleeps until something happens, for at most so long (`None`: for ever). `false`: the terminal is gone.
    pub fn wait(&mut self, most: Option<Duration>) -> bool {
        let stdin = io::stdin();
        let mut fds = [PollFd::new(&stdin, PollFlags::IN), PollFd::from_borrowed_fd(self.reader.as_fd(), PollFlags::IN)];
        let most = most.and_then(|m| Timespec::try_from(m).ok());
        // A signal cuts it short; so does an error, and the caller looks for itself.
        let _ = poll(&mut fds, most.as_ref());
        let gone = fds[0].revents().intersects(GONE);
        self.empty();
        !gone
    }

    /// The same for ever, while somebody else reads the terminal.
    pub fn wait_aside(&mut self) {
        let mut fds = [PollFd::from_borrowed_fd(self.reader.as_fd(), PollFlags::IN)];
        let _ = poll(&mut fds, None);
        self.empty();
    }

    fn empty(&mut self) {
        let mut bytes = [0; 256];
        while self.reader.read(&mut bytes).is_ok_and(|n| n == bytes.len()) {}
    }

    /// Whether there is a terminal to be read. One that is gone has no end of input: its reader would look for one for ever.
    pub fn has_terminal(&self) -> bool {
        let stdin = io::stdin();
        let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
        let _ = poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
        !fds[0].revents().intersects(GONE)
    }

    /// Whether this signal has come since it was asked last.
    pub fn came(&self, signal: i32) -> bool {
        self.signals.iter().any(|(s, came, _)| *s == signal && came.swap(false, Ordering::Relaxed))
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        for id in self.signals.iter().flat_map(|(_, _, ids)| ids) {
            signal_hook::low_level::unregister(*id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_thread_wakes_it() {
        let mut wake = Wake::new(&[signal_hook::consts::SIGURG]).unwrap();
        let waker = wake.waker();
        let thread = std::thread::spawn(move || waker.wake());
        // Without a terminal standard input may be at its end, which wakes as well: then this only must not hang.
        wake.wait(Some(Duration::from_secs(60)));
        thread.join().unwrap();
        signal_hook::low_level::raise(signal_hook::consts::SIGURG).unwrap();
        wake.wait(Some(Duration::from_secs(60)));
        assert!(wake.came(signal_hook::consts::SIGURG) && !wake.came(signal_hook::consts::SIGURG));
    }
}
