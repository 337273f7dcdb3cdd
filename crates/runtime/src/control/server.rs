//! The coordinator's end of the socket: a thread that accepts, a thread for each caller. Answers nothing itself.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use super::{Answer, REQUEST_BYTES_MAX, Say};

/// Most callers at once.
const CALLERS_MAX: usize = 256;

/// What a caller said, and where the answers go. A follower gets several; a dropped sender ends the call.
pub struct Call {
    /// What was said.
    pub say: Say,
    /// Takes the answers.
    pub answers: SyncSender<Answer>,
}

/// The listening socket; its file is removed when this is dropped.
pub struct Server {
    path: PathBuf,
}

impl Server {
    /// Listens, and hands every call to `deliver`, which says `false` once the coordinator is gone.
    /// The caller holds the coordinator's lock, so a socket that is there already is a dead one's. `warn` is told, once, when
    /// nobody can be listened to for want of descriptors.
    ///
    /// # Errors
    /// If the socket cannot be made.
    pub fn start(
        path: &Path,
        deliver: impl Fn(Call) -> bool + Send + Sync + 'static,
        warn: impl FnMut(String) + Send + 'static,
    ) -> io::Result<Self> {
        match std::fs::remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        let (deliver, callers) = (Arc::new(deliver), Arc::new(AtomicUsize::new(0)));
        thread::Builder::new().name("control".into()).stack_size(STACK).spawn(move || {
            let calls = Accepting { accept: || Some(listener.accept().map(|(stream, _)| stream)), wait: thread::sleep, warn };
            calls.each(|stream| {
                let Some(place) = Place::take(&callers) else { return };
                let deliver = Arc::clone(&deliver);
                let talk = thread::Builder::new().name("caller".into()).stack_size(STACK).spawn(move || {
                    drop(converse(&stream, &*deliver));
                    drop(place);
                });
                // Without a thread the caller is hung up on, and its place is free: both went with the closure.
                drop(talk);
            });
        })?;
        Ok(Self { path: path.to_owned() })
    }
}

const STACK: usize = 256 * 1024;

impl Drop for Server {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.path));
    }
}

/// One caller's place among [`CALLERS_MAX`]; free again when dropped.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(callers: &Arc<AtomicUsize>) -> Option<Self> {
        let place = Self(Arc::clone(callers));
        (callers.fetch_add(1, Ordering::SeqCst) < CALLERS_MAX).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The waits after failures double between these two: without a free descriptor the next call fails as fast as it was made.
const WAIT_MIN: Duration = Duration::from_millis(20);
const WAIT_MAX: Duration = Duration::from_secs(1);

/// Where callers come from, how to wait, whom to tell: apart, so that all of it can be tried without using up descriptors.
struct Accepting<A, W, T> {
    accept: A,
    wait: W,
    warn: T,
}

impl<A: FnMut() -> Option<io::Result<S>>, W: FnMut(Duration), T: FnMut(String), S> Accepting<A, W, T> {
    /// Hands on every caller until there are no more. After a failure it waits before it tries again, and says so the first time.
    fn each(mut self, mut take: impl FnMut(S)) {
        let (mut pause, mut told) = (WAIT_MIN, false);
        while let Some(accepted) = (self.accept)() {
            match accepted {
                Ok(stream) => {
                    pause = WAIT_MIN;
                    take(stream);
                }
                Err(e) if matches!(e.kind(), io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted) => {}
                Err(e) => {
                    if !told {
                        (self.warn)(format!("other processes cannot be heard for now, and the run goes on: {e}"));
                        told = true;
                    }
                    (self.wait)(pause);
                    pause = (pause * 2).min(WAIT_MAX);
                }
            }
        }
    }
}

fn converse(stream: &UnixStream, deliver: &dyn Fn(Call) -> bool) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?).take(REQUEST_BYTES_MAX);
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        reader.set_limit(REQUEST_BYTES_MAX);
        let say: Say = match serde_json::from_str(&line) {
            Ok(say) => say,
            Err(e) => {
                write_line(stream, &Answer::Refused(format!("not a request: {e}")))?;
                continue;
            }
        };
        let (answers, received): (SyncSender<Answer>, Receiver<Answer>) = sync_channel(16);
        if !deliver(Call { say, answers }) {
            return Ok(());
        }
        for answer in received {
            write_line(stream, &answer)?;
        }
    }
}

fn write_line(mut stream: &UnixStream, answer: &Answer) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer).map_err(io::Error::other)?;
    line.push(b'\n');
    stream.write_all(&line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_descriptors_it_waits_says_it_once_and_goes_on() {
        let none = || Some(Err(io::Error::from_raw_os_error(rustix::io::Errno::MFILE.raw_os_error())));
        let mut script = vec![none(), none(), none(), Some(Ok(1)), none(), Some(Ok(2))].into_iter();
        let (mut waits, mut told, mut taken) = (Vec::new(), Vec::new(), Vec::new());
        let calls = Accepting { accept: || script.next().flatten(), wait: |d: Duration| waits.push(d.as_millis()), warn: |t| told.push(t) };
        calls.each(|n: u32| taken.push(n));
        assert_eq!((taken, waits), (vec![1, 2], vec![20, 40, 80, 20]));
        assert!(told.len() == 1 && told[0].contains("the run goes on"), "{told:?}");
    }

    #[test]
    fn a_place_that_was_not_used_is_free_again() {
        let callers = Arc::new(AtomicUsize::new(0));
        let places: Vec<_> = (0..CALLERS_MAX).map(|_| Place::take(&callers)).collect();
        assert!(places.iter().all(Option::is_some) && Place::take(&callers).is_none());
        drop(places);
        assert!(Place::take(&callers).is_some());
    }
}
