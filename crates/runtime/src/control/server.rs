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
/// What a caller may say without asking for room.
const SMALL_BYTES_MAX: u64 = 1024 * 1024;
/// So many may say more at once; so what all callers say together has its limit too.
const LARGE_MAX: usize = 4;

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
        let (deliver, callers, large) = (Arc::new(deliver), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        thread::Builder::new().name("control".into()).stack_size(STACK).spawn(move || {
            let calls = Accepting { accept: || Some(listener.accept().map(|(stream, _)| stream)), wait: thread::sleep, warn };
            calls.each(|stream| {
                let Some(place) = Place::take(&callers, CALLERS_MAX) else { return };
                let (deliver, large) = (Arc::clone(&deliver), Arc::clone(&large));
                let talk = thread::Builder::new().name("caller".into()).stack_size(STACK).spawn(move || {
                    drop(converse(&stream, &*deliver, &large, [SMALL_BYTES_MAX, REQUEST_BYTES_MAX]));
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

/// One caller's place among so many; free again when dropped.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(callers: &Arc<AtomicUsize>, most: usize) -> Option<Self> {
        let place = Self(Arc::clone(callers));
        (callers.fetch_add(1, Ordering::SeqCst) < most).then_some(place)
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

fn converse(stream: &UnixStream, deliver: &dyn Fn(Call) -> bool, large: &Arc<AtomicUsize>, [small, most]: [u64; 2]) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?).take(0);
    loop {
        // A long line's memory is not kept for the next.
        let mut line = Vec::new();
        reader.set_limit(small);
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let mut room = None;
        if reader.limit() == 0 && !line.ends_with(b"\n") {
            room = Place::take(large, LARGE_MAX);
            if room.is_none() {
                return write_line(stream, &Answer::Refused(String::from("too many long requests at once: try again")));
            }
            reader.set_limit(most.saturating_sub(small));
            reader.read_until(b'\n', &mut line)?;
            if reader.limit() == 0 && !line.ends_with(b"\n") {
                return write_line(stream, &Answer::Refused(format!("the request is longer than {most} bytes")));
            }
        }
        let parsed = serde_json::from_slice(&line);
        drop((line, room));
        let say: Say = match parsed {
            Ok(say) => say,
            Err(e) => {
                write_line(stream, &Answer::Refused(format!("not a request: {}", shortened(&e.to_string()))))?;
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

/// What cannot be read may be quoted in full.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(200) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => String::from(text),
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

    /// What it answers to these bytes, with limits of 10 and 20 bytes and so many others who say much.
    fn answered(bytes: &[u8], others: usize) -> Vec<String> {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let talk = thread::spawn(move || {
            let done = |call: Call| call.answers.try_send(Answer::Done).is_ok();
            converse(&theirs, &done, &Arc::new(AtomicUsize::new(others)), [10, 20])
        });
        ours.write_all(bytes).unwrap();
        ours.shutdown(std::net::Shutdown::Write).unwrap();
        let lines = BufReader::new(ours).lines().map_while(Result::ok).collect();
        talk.join().unwrap().unwrap();
        lines
    }

    #[test]
    fn long_requests_are_taken_in_turn_and_endless_ones_not_at_all() {
        let done = "\"done\"";
        assert_eq!(answered(b"\"who\"\n\"follow\"\n\"who\"", 0), [done, done, done], "the last without its end");
        assert_eq!(answered(b"\"who\"          \n\"who\"\n", 0), [done, done], "a long one, and the next");
        let busy = answered(b"\"who\"          \n\"who\"\n", LARGE_MAX);
        assert!(busy.len() == 1 && busy[0].contains("at once"), "{busy:?}");
        let endless = answered(&[b' '; 50], 0);
        assert!(endless.len() == 1 && endless[0].contains("longer than 20 bytes"), "{endless:?}");
        let garbage = answered(b"\xff\0\n[[[\n\n\"who\"\n", 0);
        assert!(garbage.len() == 4 && garbage[3] == done && garbage[..3].iter().all(|a| a.contains("not a request")), "{garbage:?}");
    }

    #[test]
    fn a_place_that_was_not_used_is_free_again() {
        let callers = Arc::new(AtomicUsize::new(0));
        let places: Vec<_> = (0..CALLERS_MAX).map(|_| Place::take(&callers, CALLERS_MAX)).collect();
        assert!(places.iter().all(Option::is_some) && Place::take(&callers, CALLERS_MAX).is_none());
        drop(places);
        assert!(Place::take(&callers, CALLERS_MAX).is_some());
    }
}
