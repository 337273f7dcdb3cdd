//! Ends what a lost keeper left running, found by the label in its environment.

use std::collections::BTreeSet;
use std::io;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::child::LABEL_VARIABLE;
use super::system;

/// From the polite signal to the forced end.
const GRACE: Duration = Duration::from_secs(2);
/// Processes that are still there then cannot be killed (another user's, or stuck in the kernel).
const LIMIT: Duration = Duration::from_secs(15);
const ROUND: Duration = Duration::from_millis(200);

/// Ends every process that has `GREENLANE_ATTEMPT=label` in its environment, and all below them: SIGTERM, 2 s, SIGKILL. Returns how many
/// there were. A living keeper of that label is among them: for attempts whose keeper is gone. Only on Linux can they be found.
///
/// # Errors
/// `TimedOut` if some cannot be ended.
pub fn end_strays(label: &str) -> io::Result<u32> {
    if label.is_empty() {
        return Ok(0);
    }
    let assignment = format!("{LABEL_VARIABLE}={label}");
    let start = Instant::now();
    let (mut ended, mut terminated) = (BTreeSet::new(), BTreeSet::new());
    loop {
        let found = system::labelled(&assignment);
        ended.extend(found.iter().map(system::Process::key));
        let elapsed = start.elapsed();
        if found.is_empty() {
            return Ok(u32::try_from(ended.len()).unwrap_or(u32::MAX));
        }
        if elapsed > LIMIT {
            return Err(io::Error::new(io::ErrorKind::TimedOut, format!("{} processes of {label} cannot be ended", found.len())));
        }
        let patience = if elapsed < GRACE {
            for process in &found {
                // Once each: to some programs a second SIGTERM means to drop everything. A stopped one must run on to hear it.
                if terminated.insert(process.key()) {
                    system::signal(process, Signal::TERM);
                    system::signal(process, Signal::CONT);
                }
            }
            GRACE - elapsed
        } else {
            for process in &found {
                system::signal(process, Signal::KILL);
            }
            ROUND
        };
        system::wait_gone(&found, patience)?;
    }
}
