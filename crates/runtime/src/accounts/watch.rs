//! Tells when an account may have changed: its file was renamed into place, or a slot's descriptor was closed for good, which a death of
//! its holder does too. Where the system cannot watch a folder it looks every other second. Reads nothing of what has changed.

use std::collections::BTreeMap;
use std::io::{self, PipeWriter};
use std::time::Duration;

use greenlane_core::slug::slug;

use super::record::Accounts;

/// How often is looked where nothing can be watched.
const ROUND: Duration = Duration::from_secs(2);

/// Watches until it is dropped.
#[derive(Debug)]
pub struct Watch {
    /// Its end is the watch's end.
    _life_line: PipeWriter,
}

impl Accounts {
    /// Calls `changed` with an account whenever it may have changed, from a thread of its own.
    ///
    /// # Errors
    /// If the folder cannot be made or no thread be had.
    pub fn watch(&self, accounts: impl IntoIterator<Item = String>, changed: impl Fn(&str) + Send + 'static) -> io::Result<Watch> {
        std::fs::create_dir_all(&self.dir)?;
        let by_stem: BTreeMap<String, String> = accounts.into_iter().map(|a| (slug(&a), a)).collect();
        let (end, life_line) = io::pipe()?;
        let accounts = self.clone();
        // Before the caller reads: what changes from now on is told.
        let watched = system::watched(&self.dir);
        std::thread::Builder::new().name("accounts".into()).spawn(move || match watched {
            Ok(watched) => system::run(&watched, &end, &accounts, &by_stem, &changed),
            Err(_) => by_timer(&end, &by_stem, &changed),
        })?;
        Ok(Watch { _life_line: life_line })
    }
}

/// Waits for one of these or the time limit; `true`: the watch is over.
fn is_over(end: &io::PipeReader, other: Option<rustix::fd::BorrowedFd<'_>>, patience: Option<Duration>) -> bool {
    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::fd::AsFd as _;
    let mut all = vec![PollFd::from_borrowed_fd(end.as_fd(), PollFlags::IN)];
    all.extend(other.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
    let patience = patience.and_then(|p| rustix::event::Timespec::try_from(p).ok());
    match poll(&mut all, patience.as_ref()) {
        Ok(_) => !all[0].revents().is_empty(),
        Err(rustix::io::Errno::INTR) => false,
        Err(_) => true,
    }
}

fn by_timer(end: &io::PipeReader, by_stem: &BTreeMap<String, String>, changed: &impl Fn(&str)) {
    while !is_over(end, None, Some(ROUND)) {
        by_stem.values().for_each(|account| changed(account));
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::collections::BTreeMap;
    use std::io;
    use std::mem::MaybeUninit;
    use std::path::Path;
    use std::time::{Duration, Instant};

    use rustix::fd::{AsFd as _, OwnedFd};
    use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init};
    use rustix::io::Errno;

    use super::{Accounts, is_over};
    use crate::accounts::slots::stem_of_slot;

    /// The kernel tells of a descriptor's end just before it lets go of its lock: a slot that is still held is looked at again so much
    /// later. After the last look somebody else has it.
    const AGAIN: [Duration; 3] = [Duration::from_millis(10), Duration::from_millis(100), Duration::from_secs(1)];

    /// Room for events; a name is at most 255 bytes.
    const EVENT_BYTES: usize = 4096;

    pub(super) fn watched(dir: &Path) -> rustix::io::Result<OwnedFd> {
        let fd = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        add_watch(&fd, dir, WatchFlags::CLOSE_WRITE | WatchFlags::MOVED_TO)?;
        Ok(fd)
    }

    /// A slot that is to be looked at again.
    struct Doubt {
        file: String,
        at: Instant,
        looks: usize,
    }

    pub(super) fn run(
        watched: &OwnedFd,
        end: &io::PipeReader,
        accounts: &Accounts,
        by_stem: &BTreeMap<String, String>,
        changed: &impl Fn(&str),
    ) {
        let mut doubts: Vec<Doubt> = Vec::new();
        loop {
            let patience = doubts.iter().map(|d| d.at.saturating_duration_since(Instant::now())).min();
            if is_over(end, Some(watched.as_fd()), patience) {
                return;
            }
            let now = Instant::now();
            let (due, later): (Vec<_>, Vec<_>) = doubts.into_iter().partition(|d| d.at <= now);
            doubts = later;
            let seen = match seen(watched) {
                Some(files) => files.into_iter().map(|file| Doubt { file, at: now, looks: 0 }).collect(),
                None => {
                    // Some were lost: whatever it was, all are read.
                    by_stem.values().for_each(|account| changed(account));
                    Vec::new()
                }
            };
            for doubt in due.into_iter().chain(seen) {
                let stem = stem_of_slot(&doubt.file);
                let Some(account) = by_stem.get(stem.or(doubt.file.strip_suffix(".json")).unwrap_or_default()) else { continue };
                match stem {
                    Some(stem) if !accounts.is_free(stem, &doubt.file) => {
                        if let Some(wait) = AGAIN.get(doubt.looks) {
                            doubts.retain(|d| d.file != doubt.file);
                            doubts.push(Doubt { at: now + *wait, looks: doubt.looks + 1, file: doubt.file });
                        }
                    }
                    _ => changed(account),
                }
            }
        }
    }

    /// The names of the files that something has happened to; `None`: not all of them are known.
    fn seen(watched: &OwnedFd) -> Option<Vec<String>> {
        let mut buffer = [MaybeUninit::uninit(); EVENT_BYTES];
        let mut reader = Reader::new(watched, &mut buffer);
        let mut files = Vec::new();
        loop {
            match reader.next() {
                Ok(event) if event.events().contains(ReadFlags::QUEUE_OVERFLOW) => return None,
                Ok(event) => files.extend(event.file_name().and_then(|n| n.to_str().ok()).map(str::to_owned)),
                Err(Errno::INTR) => {}
                Err(_) => break,
            }
        }
        files.dedup();
        Some(files)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::collections::BTreeMap;
    use std::io;
    use std::path::Path;

    use super::Accounts;

    pub(super) enum Never {}

    pub(super) fn watched(_dir: &Path) -> io::Result<Never> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn run(watched: &Never, _: &io::PipeReader, _: &Accounts, _: &BTreeMap<String, String>, _: &impl Fn(&str)) {
        match *watched {}
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};
    use std::sync::mpsc::{RecvTimeoutError, channel};

    use greenlane_core::time::Time;

    use super::*;

    /// More than a busy machine needs; a bound, not a measure.
    const SOON: Duration = Duration::from_secs(20);

    #[test]
    fn others_are_told_of_limits_and_of_places_whatever_their_holder_died_of() {
        let dir = tempfile::tempdir().unwrap();
        let accounts = Accounts { dir: dir.path().join("accounts") };
        let (send, told) = channel();
        let watch = accounts.watch([String::from("a#1")], move |account| drop(send.send(account.to_owned()))).unwrap();
        accounts.limit("b", Time(1), 1, "", Time(0)).unwrap();
        accounts.limit("a#1", Time(1), 1, "", Time(0)).unwrap();
        assert_eq!(told.recv_timeout(SOON).unwrap(), "a#1", "`b` is nobody's here");
        let lease = accounts.take("a#1", 1).unwrap().unwrap();
        let mut holder = Command::new("sleep").arg("60").stdin(Stdio::from(lease.into_file())).spawn().unwrap();
        assert!(accounts.take("a#1", 1).unwrap().is_none());
        // Looking is no news, or the first look would never end.
        assert!(told.try_recv().is_err());
        holder.kill().unwrap();
        holder.wait().unwrap();
        assert_eq!(told.recv_timeout(SOON).unwrap(), "a#1");
        assert_eq!(accounts.read("a#1", 1).unwrap().free, Some(1));
        drop(watch);
        let last = std::iter::repeat_with(|| told.recv_timeout(SOON)).find_map(Result::err);
        assert_eq!(last, Some(RecvTimeoutError::Disconnected), "its thread has ended, and with it the sender");
    }

    #[test]
    fn without_a_watch_it_is_looked_again_and_again() {
        let (end, life_line) = io::pipe().unwrap();
        let (send, told) = channel();
        let thread = std::thread::spawn(move || {
            by_timer(&end, &BTreeMap::from([(String::from("a"), String::from("a"))]), &move |account| drop(send.send(account.to_owned())));
        });
        assert_eq!(told.recv_timeout(SOON).unwrap(), "a");
        drop(life_line);
        thread.join().unwrap();
    }
}
