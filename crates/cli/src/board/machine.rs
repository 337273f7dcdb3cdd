//! How busy the machine is, and how much of that the agents are. Reads `/proc` and heartbeats that somebody else has read.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use greenlane_runtime::machine;
use serde::Serialize;

/// The machine is looked at so often at most: more digits would only flicker.
const EVERY: Duration = Duration::from_secs(2);

/// The machine at one moment. Whatever the system does not tell is `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Machine {
    /// Processors.
    pub cores: u32,
    /// How busy they are together, 0 to 100, since the look before.
    pub cpu_percent: Option<f64>,
    /// Memory in use, 0 to 100.
    pub memory_percent: Option<f64>,
    /// The disk of the repository in use, 0 to 100.
    pub disk_percent: Option<f64>,
    /// Bytes that are free on it.
    pub disk_free: Option<u64>,
    /// What the trees of all attempts under way use of a processor (100: one of them), by their last heartbeats.
    pub agents_cpu_percent: Option<f64>,
    /// Their memory in bytes.
    pub agents_memory: u64,
    /// Their processes.
    pub agents_processes: u32,
}

/// Looks at it now and then.
#[derive(Debug)]
pub struct Gauge {
    place: PathBuf,
    looked: Option<Instant>,
    ticks: Option<(u64, u64)>,
    last: Machine,
}

impl Gauge {
    /// The disk is the one that holds this place.
    #[must_use]
    pub fn new(place: &Path) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX));
        Self { place: place.to_owned(), looked: None, ticks: machine::cpu_ticks(), last: Machine { cores, ..Machine::default() } }
    }

    /// The machine, as of the last two seconds; what agents use of it is left to whoever knows.
    pub fn read(&mut self) -> Machine {
        if self.looked.is_none_or(|at| at.elapsed() >= EVERY) {
            self.looked = Some(Instant::now());
            let now = machine::cpu_ticks();
            self.last.cpu_percent = self.ticks.zip(now).and_then(|(before, now)| busy(before, now));
            self.ticks = now;
            // Whole percents and tenths of a gigabyte: what changes less is no news.
            self.last.memory_percent = machine::memory_percent().map(f64::round);
            self.last.disk_percent = machine::disk_percent(&self.place).map(f64::round);
            self.last.disk_free = machine::disk_free(&self.place).map(|free| free - free % 100_000_000);
        }
        self.last.clone()
    }
}

/// Between two looks, in percent; `None` where no time has passed.
fn busy(before: (u64, u64), now: (u64, u64)) -> Option<f64> {
    let (busy, all) = (now.0.saturating_sub(before.0), now.1.saturating_sub(before.1));
    (all > 0).then(|| (100.0 * busy as f64 / all as f64).round())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_busy_it_was_is_told_by_two_looks() {
        assert_eq!(busy((10, 100), (40, 200)), Some(30.0));
        assert_eq!(busy((10, 100), (10, 100)), None);
    }
}
