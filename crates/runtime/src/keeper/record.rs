//! The durable record of an attempt's end: `exit.json`. Room for it is taken before the agent starts, so that an agent that fills the disk
//! cannot prevent that its end is recorded.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use greenlane_core::attempt::{AgentReport, ExitRecord};

use super::spec::Lifetime;

const FILE: &str = "exit.json";
const TEMPORARY: &str = "exit.json.new";
/// More than a record without texts needs (tested below), two blocks on common file systems.
const RESERVE_BYTES: u64 = 8 * 1024;
const TRIES_MAX: u32 = 60;
const TRY_PAUSE: Duration = Duration::from_secs(1);

/// Where the record will go.
pub(super) struct Reserved {
    file: File,
    dir: PathBuf,
}

/// Reads the record; `None` where there is none, or none that is whole.
pub(super) fn read(dir: &Path) -> Option<ExitRecord> {
    serde_json::from_slice(&fs::read(dir.join(FILE)).ok()?).ok()
}

impl Reserved {
    pub(super) fn new(dir: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(dir.join(TEMPORARY))?;
        reserve(&file);
        Ok(Self { file, dir: dir.to_owned() })
    }

    /// Writes the record: whole, durable for an attempt (a check is run again after a crash, so it pays no fsync), and with shorter texts
    /// rather than not at all. Keeps trying for a minute; `complain` is told why.
    ///
    /// # Errors
    /// The last failure. The attempt will be taken for lost.
    pub(super) fn write(self, record: &ExitRecord, lifetime: Lifetime, mut complain: impl FnMut(&str)) -> io::Result<()> {
        let mut tries = 0;
        loop {
            let outcome = self.try_write(record, lifetime).or_else(|e| {
                complain(&format!("cannot write {FILE}: {e}; trying without the texts"));
                self.try_write(&lean(record), lifetime)
            });
            tries += 1;
            match outcome {
                Err(e) if tries < TRIES_MAX => complain(&format!("cannot write {FILE}: {e}; trying again")),
                other => return other,
            }
            std::thread::sleep(TRY_PAUSE);
        }
    }

    fn try_write(&self, record: &ExitRecord, lifetime: Lifetime) -> io::Result<()> {
        let bytes = serde_json::to_vec(record)?;
        // Never truncated to nothing first: that would give the reserved room away.
        self.file.write_all_at(&bytes, 0)?;
        self.file.set_len(bytes.len() as u64)?;
        if lifetime == Lifetime::Detached {
            self.file.sync_all()?;
        }
        fs::rename(self.dir.join(TEMPORARY), self.dir.join(FILE))?;
        if lifetime == Lifetime::Detached {
            File::open(&self.dir)?.sync_all()?;
        }
        Ok(())
    }
}

/// The record without its texts: what the coordinator decides by, in at most the reserved room.
fn lean(record: &ExitRecord) -> ExitRecord {
    let report = &record.report;
    let report = AgentReport {
        finished: report.finished,
        error: report.error.clone(),
        session: report.session.clone(),
        model: report.model.clone(),
        model_calls: report.model_calls,
        tool_calls: report.tool_calls,
        model_retries: report.model_retries,
        usage: report.usage.clone(),
        ..AgentReport::default()
    };
    ExitRecord { report, stdout_tail: String::new(), stderr_tail: String::new(), ..record.clone() }
}

#[cfg(target_os = "linux")]
fn reserve(file: &File) {
    use rustix::fs::{FallocateFlags, fallocate};
    // Not every file system can; then there is no reserve, only the tries.
    let _ = fallocate(file, FallocateFlags::KEEP_SIZE, 0, RESERVE_BYTES);
}

#[cfg(not(target_os = "linux"))]
fn reserve(_file: &File) {}

#[cfg(test)]
mod tests {
    use greenlane_core::attempt::{AgentError, Exit, Usage};
    use greenlane_core::time::Time;

    use super::*;

    fn large() -> ExitRecord {
        ExitRecord {
            exit: Exit::Signal { signal: 15 },
            started_at: Time(u64::MAX),
            ended_at: Time(u64::MAX),
            report: AgentReport {
                error: Some(AgentError { message: "\u{7}".repeat(1_000), status: Some(500), reset_at: None }),
                session: Some("s".repeat(100)),
                last_message: "m".repeat(2_000),
                denied: vec!["d".repeat(100); 1_000],
                usage: Some(Usage { input_tokens: u64::MAX, ..Usage::default() }),
                ..AgentReport::default()
            },
            strays_ended: 3,
            memory_peak_bytes: u64::MAX,
            cpu_ms: u64::MAX,
            resources: None,
            oom_kills: None,
            stopped: Vec::new(),
            waited_ms: u64::MAX,
            stdout_tail: "\u{7}".repeat(4_000),
            stderr_tail: "\u{7}".repeat(4_000),
        }
    }

    #[test]
    fn a_record_without_texts_fits_the_reserve() {
        let lean = lean(&large());
        assert!(serde_json::to_vec(&lean).unwrap().len() as u64 <= RESERVE_BYTES);
        assert_eq!(lean.exit, large().exit);
    }

    #[test]
    fn a_record_appears_whole_and_alone() {
        let dir = tempfile::tempdir().unwrap();
        let reserved = Reserved::new(dir.path()).unwrap();
        assert_eq!(read(dir.path()), None);
        reserved.write(&large(), Lifetime::Detached, |why| panic!("{why}")).unwrap();
        assert_eq!(read(dir.path()), Some(large()));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
