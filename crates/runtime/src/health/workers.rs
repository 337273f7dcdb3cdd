//! External workers: what a script or a person's own agent tells of itself, one small file each under `.greenlane/workers`. Never
//! journalled: only the latest word of each is kept, for a day.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use greenlane_core::health::{HealthPolicy, HealthStatus, WorkerReading, judge_worker};
use greenlane_core::slug::slug;
use greenlane_core::time::Time;
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::keeper::{Identity, boot_id};

/// Who has not told of itself for so long is forgotten. Ancestor's constant: 24 h.
pub const FORGOTTEN_AFTER: Duration = Duration::from_secs(24 * 3600);
/// Most workers at once.
pub const WORKERS_MAX: usize = 1_000;
/// Longest name, in characters.
pub const NAME_CHARS_MAX: usize = 200;
/// Longest message, in characters.
pub const MESSAGE_CHARS_MAX: usize = 1_000;

const DIR: &str = "workers";
/// A record has a few hundred bytes; a longer file is none.
const RECORD_BYTES_MAX: u64 = 64 * 1024;

/// What a worker last told of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Worker {
    /// Its name.
    pub name: String,
    /// When, by the machine's clock.
    pub at: Time,
    /// When, by the machine's uptime, in milliseconds.
    pub uptime_ms: u64,
    /// In which boot that counts; empty where the system does not tell.
    pub boot_id: String,
    /// How it is, by its own word.
    pub status: HealthStatus,
    /// What it does, or what is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The task that it works on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// How far it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iteration: Option<u64>,
    /// What it uses, in megabytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mb: Option<f64>,
    /// Calls of its model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_calls_made: Option<u64>,
    /// Its process, where it named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<Identity>,
}

/// Why a worker's word was not written down.
#[derive(Debug, thiserror::Error)]
pub enum WorkersError {
    /// There are too many of them.
    #[error("{WORKERS_MAX} workers are known already")]
    TooMany,
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
}

impl Worker {
    /// One that tells of itself now.
    #[must_use]
    pub fn now(name: String, status: HealthStatus) -> Self {
        let (at, uptime_ms, boot_id) = (clock::now(), clock::uptime_ms(), boot_id());
        Self {
            name,
            at,
            uptime_ms,
            boot_id,
            status,
            message: None,
            task: None,
            iteration: None,
            memory_mb: None,
            api_calls_made: None,
            process: None,
        }
    }

    /// How long ago it told of itself: within a boot by the machine's uptime, which nobody sets and which stands while the machine sleeps.
    #[must_use]
    pub fn age(&self, now: Time) -> Duration {
        if self.boot_id == boot_id() && !self.boot_id.is_empty() {
            Duration::from_millis(clock::uptime_ms().saturating_sub(self.uptime_ms))
        } else {
            now.since(self.at)
        }
    }

    /// How it is, and why.
    #[must_use]
    pub fn judged(&self, policy: &HealthPolicy, now: Time) -> (HealthStatus, Option<String>) {
        let alive = self.process.as_ref().map(Identity::is_alive);
        judge_worker(&WorkerReading { age: self.age(now), said: self.status, message: self.message.clone(), alive }, policy)
    }

    fn is_forgotten(&self, now: Time) -> bool {
        self.age(now) >= FORGOTTEN_AFTER
    }
}

/// Writes down what a worker tells of itself, in one step: a reader sees the old word or the new one.
///
/// # Errors
/// If there are too many workers, or the file cannot be written.
pub fn beat(state_dir: &Path, worker: &Worker) -> Result<(), WorkersError> {
    let dir = state_dir.join(DIR);
    let path = file(&dir, &worker.name);
    fs::create_dir_all(&dir).map_err(|source| WorkersError::Io { path: dir.clone(), source })?;
    // Those who are forgotten make room; they are looked for only when there is none.
    let is_full = || fs::read_dir(&dir).is_ok_and(|entries| entries.count() >= WORKERS_MAX);
    if !path.exists() && is_full() && workers(state_dir, worker.at)?.len() >= WORKERS_MAX {
        return Err(WorkersError::TooMany);
    }
    let temporary = path.with_extension(format!("new.{}", std::process::id()));
    let failed = |source| WorkersError::Io { path: path.clone(), source };
    let body = serde_json::to_vec(worker).map_err(|e| failed(e.into()))?;
    let written = fs::write(&temporary, body).and_then(|()| fs::rename(&temporary, &path));
    if written.is_err() {
        drop(fs::remove_file(&temporary));
    }
    written.map_err(failed)
}

/// Forgets a worker that has ended. `false`: it was not known.
///
/// # Errors
/// If its file cannot be removed.
pub fn end(state_dir: &Path, name: &str) -> Result<bool, WorkersError> {
    let path = file(&state_dir.join(DIR), name);
    match fs::remove_file(&path) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(WorkersError::Io { path, source }),
    }
}

/// Every worker that told of itself within the last day, by name. Older records are removed.
///
/// # Errors
/// If the folder cannot be read. A file that is none of ours is passed over.
pub fn workers(state_dir: &Path, now: Time) -> Result<Vec<Worker>, WorkersError> {
    let dir = state_dir.join(DIR);
    let entries = match fs::read_dir(&dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|source| WorkersError::Io { path: dir.clone(), source })?,
    };
    let mut found = Vec::new();
    for path in entries.filter_map(|e| Some(e.ok()?.path())) {
        match path.extension().and_then(|e| e.to_str()) {
            Some("json") => {}
            _ => {
                remove_left_over(&path, now);
                continue;
            }
        }
        match read(&path) {
            Some(worker) if worker.is_forgotten(now) => drop(fs::remove_file(&path)),
            Some(worker) => found.push(worker),
            None => remove_left_over(&path, now),
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// A file that somebody died over, or that cannot be read: it goes after a day, too.
fn remove_left_over(path: &Path, now: Time) {
    let modified = fs::metadata(path).and_then(|m| m.modified()).ok();
    let at = modified.and_then(|m| m.duration_since(std::time::UNIX_EPOCH).ok());
    if at.is_some_and(|at| now.since(Time(u64::try_from(at.as_millis()).unwrap_or(u64::MAX))) >= FORGOTTEN_AFTER) {
        drop(fs::remove_file(path));
    }
}

fn read(path: &Path) -> Option<Worker> {
    if fs::metadata(path).ok()?.len() > RECORD_BYTES_MAX {
        return None;
    }
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn file(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{}.json", slug(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path, now: Time) -> Vec<String> {
        workers(dir, now).unwrap().into_iter().map(|w| w.name).collect()
    }

    #[test]
    fn each_workers_last_word_is_kept_under_any_name() {
        let dir = tempfile::tempdir().unwrap();
        let now = clock::now();
        assert!(names(dir.path(), now).is_empty());
        for name in ["ci/7", "CI/7", "../../etc/passwd", "ü b"] {
            beat(dir.path(), &Worker::now(name.into(), HealthStatus::Healthy)).unwrap();
        }
        let again = Worker { message: Some("works".into()), ..Worker::now("ci/7".into(), HealthStatus::Hung) };
        beat(dir.path(), &again).unwrap();
        assert_eq!(names(dir.path(), now), ["../../etc/passwd", "CI/7", "ci/7", "ü b"]);
        let known = workers(dir.path(), now).unwrap();
        assert_eq!(known[2], again);
        assert_eq!(known[2].judged(&HealthPolicy::default(), now), (HealthStatus::Hung, Some("works".into())));
        assert_eq!(fs::read_dir(dir.path().join("workers")).unwrap().count(), 4, "all of them inside");
        assert!(end(dir.path(), "ci/7").unwrap() && !end(dir.path(), "ci/7").unwrap());
        assert_eq!(names(dir.path(), now).len(), 3);
    }

    #[test]
    fn who_was_silent_for_a_day_is_forgotten_and_a_clock_that_was_set_forgets_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let now = clock::now();
        let mut old = Worker { boot_id: "another boot".into(), ..Worker::now("old".into(), HealthStatus::Healthy) };
        old.at = Time(now.0 - 23 * 3_600_000);
        beat(dir.path(), &old).unwrap();
        assert_eq!(old.judged(&HealthPolicy::default(), now).0, HealthStatus::Dead);
        assert_eq!(names(dir.path(), now), ["old"]);
        let later = now + Duration::from_secs(2 * 3600);
        assert!(names(dir.path(), later).is_empty());
        assert!(!file(&dir.path().join(DIR), "old").exists());
        beat(dir.path(), &Worker::now("new".into(), HealthStatus::Healthy)).unwrap();
        assert_eq!(names(dir.path(), now + Duration::from_secs(100 * 3600)), ["new"]);
    }

    #[test]
    fn a_process_that_is_gone_is_dead_and_garbage_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let now = clock::now();
        let mut worker = Worker::now("w".into(), HealthStatus::Healthy);
        worker.process = Identity::of(std::process::id());
        assert_eq!(worker.judged(&HealthPolicy::default(), now).0, HealthStatus::Healthy);
        if let Some(process) = &mut worker.process {
            process.started_ticks += 1;
        }
        assert_eq!(worker.judged(&HealthPolicy::default(), now).0, HealthStatus::Dead);
        beat(dir.path(), &worker).unwrap();
        fs::write(dir.path().join("workers/torn.json"), b"{\"name\":").unwrap();
        assert_eq!(names(dir.path(), now), ["w"]);
    }

    #[test]
    fn there_is_a_limit_to_their_number() {
        let dir = tempfile::tempdir().unwrap();
        let old = Worker { boot_id: "another boot".into(), at: Time(0), ..Worker::now("old".into(), HealthStatus::Healthy) };
        beat(dir.path(), &old).unwrap();
        for n in 0..WORKERS_MAX {
            beat(dir.path(), &Worker::now(format!("w{n}"), HealthStatus::Healthy)).unwrap();
        }
        assert!(matches!(beat(dir.path(), &Worker::now("one more".into(), HealthStatus::Healthy)), Err(WorkersError::TooMany)));
        beat(dir.path(), &Worker::now("w7".into(), HealthStatus::Healthy)).unwrap();
    }
}
