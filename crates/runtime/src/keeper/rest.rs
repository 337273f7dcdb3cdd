//! How long an attempt has waited for people: `rest.json`, which the coordinator writes and the keeper reads. Time limits do not count it.
//! And when it last called a tool of Greenlane's: the time of the file `called`.
//!
//! Absolute times instead of a switch: whoever reads it late, or after a crash of the coordinator, finds the same. A wait that nobody
//! ends is over by itself at its `until`.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use greenlane_core::exchange::Rest;
use greenlane_core::time::Time;
use serde::{Deserialize, Serialize};

const FILE: &str = "rest.json";
const CALLED: &str = "called";
/// Calls closer to each other than this are one sign of life.
const CALLED_STEP: Duration = Duration::from_secs(2);

#[derive(Default, Serialize, Deserialize)]
struct Told {
    rested_ms: u64,
    rested_at: Option<Time>,
    since: Option<Time>,
    until: Option<Time>,
}

/// Tells the keeper of the attempt in this directory.
///
/// # Errors
/// If the file cannot be written.
pub fn tell_rest(dir: &Path, rest: &Rest) -> io::Result<()> {
    let rested_ms = u64::try_from(rest.rested.as_millis()).unwrap_or(u64::MAX);
    let told = Told { rested_ms, rested_at: rest.rested_at, since: rest.since, until: rest.until };
    let temporary = dir.join("rest.json.new");
    fs::write(&temporary, serde_json::to_vec(&told)?)?;
    fs::rename(&temporary, dir.join(FILE))
}

/// What the keeper makes of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rested {
    /// Until now.
    pub total: Duration,
    /// How long ago it last waited; zero: it does.
    pub ago: Option<Duration>,
}

/// Reads it. What cannot be read is no rest.
pub(super) fn read(dir: &Path, now: Time) -> Rested {
    let told: Told = fs::read(dir.join(FILE)).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
    let closed = Rested { total: Duration::from_millis(told.rested_ms), ago: told.rested_at.map(|at| now.since(at)) };
    let Some(since) = told.since else { return closed };
    let until = told.until.map_or(now, |until| until.min(now));
    Rested { total: closed.total + until.since(since), ago: Some(now.since(until)) }
}

/// Tells the keeper of the attempt in this directory that it has just called a tool of Greenlane's.
///
/// # Errors
/// If the file cannot be written.
pub fn tell_called(dir: &Path) -> io::Result<()> {
    if called_ago(dir).is_some_and(|ago| ago < CALLED_STEP) {
        return Ok(());
    }
    // Not empty: that would leave the time as it is on some file systems.
    fs::write(dir.join(CALLED), "\n")
}

/// How long ago it called one; `None`: never, as far as can be told.
pub(super) fn called_ago(dir: &Path) -> Option<Duration> {
    let at = fs::metadata(dir.join(CALLED)).and_then(|m| m.modified()).ok()?;
    // A time to come is the clock's fault, and no sign of life for ever.
    at.elapsed().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_counts_until_it_is_over_and_no_longer_than_allowed() {
        let dir = tempfile::tempdir().unwrap();
        let at = |s: u64| Time(s * 1_000);
        assert_eq!(read(dir.path(), at(50)), Rested::default());
        let rest = Rest { rested: Duration::from_secs(5), rested_at: Some(at(8)), since: Some(at(10)), until: Some(at(60)) };
        tell_rest(dir.path(), &rest).unwrap();
        let rested = |now: u64| (read(dir.path(), at(now)).total.as_secs(), read(dir.path(), at(now)).ago.map(|d| d.as_secs()));
        assert_eq!(rested(10), (5, Some(0)));
        assert_eq!(rested(30), (25, Some(0)));
        assert_eq!(rested(90), (55, Some(30)), "nobody answered");
        tell_rest(dir.path(), &Rest { rested: Duration::from_secs(9), rested_at: Some(at(14)), ..Rest::default() }).unwrap();
        assert_eq!(rested(20), (9, Some(6)));
        fs::write(dir.path().join(FILE), "{").unwrap();
        assert_eq!(rested(20), (0, None));
    }
}
