//! The coordinator's end of the socket: a thread that accepts, a thread for each caller. Answers nothing itself.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

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
    /// The caller holds the coordinator's lock, so a socket that is there already is a dead one's.
    ///
    /// # Errors
    /// If the socket cannot be made.
    pub fn start(path: &Path, deliver: impl Fn(Call) -> bool + Send + Sync + 'static) -> io::Result<Self> {
        match std::fs::remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        let (deliver, callers) = (Arc::new(deliver), Arc::new(AtomicUsize::new(0)));
        thread::Builder::new().name("control".into()).stack_size(STACK).spawn(move || {
            for stream in listener.incoming().flatten() {
                if callers.fetch_add(1, Ordering::SeqCst) >= CALLERS_MAX {
                    callers.fetch_sub(1, Ordering::SeqCst);
                    continue;
                }
                let (deliver, callers) = (Arc::clone(&deliver), Arc::clone(&callers));
                let talk = thread::Builder::new().name("caller".into()).stack_size(STACK).spawn(move || {
                    drop(converse(&stream, &*deliver));
                    callers.fetch_sub(1, Ordering::SeqCst);
                });
                drop(talk);
            }
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
