//! What is told of a case that goes wrong: the seed, and the input as a file. A case that never ends is ended.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// A case that is still under way after so many looks, a second apart, hangs. Looks are counted, since a machine that stands still for
/// minutes makes nobody hang.
const LOOKS_MAX: u32 = 120;

/// A case under way. Dropped while panicking, it tells how to repeat it.
pub(super) struct Watch<'a> {
    name: &'a str,
    input: &'a [u8],
    seed: u64,
    n: u64,
    well: bool,
}

thread_local! {
    /// The watchdog of this thread's cases, which is told of each.
    static DOG: Sender<Option<Told>> = dog();
}

struct Told {
    what: String,
    input: Vec<u8>,
}

impl<'a> Watch<'a> {
    pub(super) fn over(name: &'a str, input: &'a [u8], seed: u64, n: u64) -> Self {
        let watch = Self { name, input, seed, n, well: false };
        let told = Told { what: watch.what(), input: input.to_vec() };
        DOG.with(|dog| drop(dog.send(Some(told))));
        watch
    }

    pub(super) fn over_well(mut self) {
        self.well = true;
    }

    fn what(&self) -> String {
        format!("{}, case {}: GREENLANE_FUZZ_SEED={}", self.name, self.n, self.seed)
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        DOG.with(|dog| drop(dog.send(None)));
        if !self.well {
            eprintln!("{}{}", self.what(), keep(self.name, self.input));
        }
    }
}

fn dog() -> Sender<Option<Told>> {
    let (sender, told) = channel::<Option<Told>>();
    thread::spawn(move || {
        let (mut under_way, mut looks): (Option<Told>, _) = (None, 0);
        loop {
            match (told.recv_timeout(Duration::from_secs(1)), &under_way) {
                (Ok(next), _) => (under_way, looks) = (next, 0),
                (Err(RecvTimeoutError::Timeout), Some(_)) if looks < LOOKS_MAX => looks += 1,
                (Err(RecvTimeoutError::Timeout), Some(case)) => {
                    eprintln!("{} does not end{}", case.what, keep("hang", &case.input));
                    std::process::abort();
                }
                (Err(RecvTimeoutError::Timeout), None) => {}
                (Err(RecvTimeoutError::Disconnected), _) => return,
            }
        }
    });
    sender
}

/// Writes the input down, to be tried again and again.
fn keep(name: &str, input: &[u8]) -> String {
    if input.is_empty() {
        return String::new();
    }
    let path = std::env::temp_dir().join(format!("greenlane-fuzz-{}-{}", name.replace([' ', '/'], "-"), std::process::id()));
    match std::fs::write(&path, input) {
        Ok(()) => format!(", or GREENLANE_FUZZ_INPUT={} ({} bytes)", path.display(), input.len()),
        Err(e) => format!(", {} bytes that cannot be written down: {e}", input.len()),
    }
}

/// The processor time of this thread: what others do at the same time does not count.
pub(super) fn cpu_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
}
