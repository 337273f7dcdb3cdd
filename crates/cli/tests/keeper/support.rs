//! An attempt's directory, a shell line in it, and waiting for what should come.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use greenlane_core::attempt::{Exit, ExitRecord};
use greenlane_core::budget::Allowance;
use greenlane_runtime::keeper::{self, Lifetime, Limits, Probe, Spec};
use tempfile::TempDir;

/// What takes longer than this on any machine is broken.
const LIMIT: Duration = Duration::from_secs(60);

pub struct Attempt {
    root: TempDir,
    pub spec: Spec,
    pub env: BTreeMap<OsString, OsString>,
}

/// An attempt that runs this line in a shell, in an empty directory.
pub fn attempt(line: &str) -> Attempt {
    let root = tempfile::tempdir().unwrap();
    let work = root.path().join("work");
    fs::create_dir(&work).unwrap();
    let spec = Spec {
        label: format!("run/test/{}", root.path().display()),
        argv: ["sh", "-c", line].map(String::from).to_vec(),
        cwd: work,
        stdin: None,
        hand_off: false,
        timeout: Some(LIMIT),
        stall_timeout: None,
        grace: Duration::from_secs(20),
        output_bytes_max: 1 << 20,
        reader: None,
        lifetime: Lifetime::Detached,
        heartbeat: Duration::from_secs(30),
        allowance: Allowance::default(),
        acp: None,
        runaway: Limits::default(),
    };
    let env = BTreeMap::from([("PATH".into(), std::env::var_os("PATH").unwrap())]);
    Attempt { root, spec, env }
}

impl Attempt {
    pub fn exe() -> &'static Path {
        Path::new(env!("CARGO_BIN_EXE_greenlane"))
    }

    /// The attempt's directory; a second one for a second keeper.
    pub fn dir(&self) -> PathBuf {
        self.root.path().join("attempt")
    }

    /// A file in the directory where the line runs.
    pub fn work(&self, name: &str) -> PathBuf {
        self.spec.cwd.join(name)
    }

    pub fn spawn(&self) -> Keeper {
        let child = keeper::spawn(Self::exe(), &self.dir(), &self.spec, &self.env).unwrap();
        Keeper { child, dir: self.dir() }
    }

    pub fn run(&self) -> ExitRecord {
        self.spawn().record()
    }

    pub fn file(&self, name: &str) -> String {
        fs::read_to_string(self.dir().join(name)).unwrap()
    }
}

/// A started keeper; it does not outlive the test, however that ends.
pub struct Keeper {
    pub child: Child,
    dir: PathBuf,
}

impl Keeper {
    pub fn record(mut self) -> ExitRecord {
        let status = self.child.wait().unwrap();
        match keeper::probe(&self.dir).unwrap() {
            Probe::Exited(record) => *record,
            other => {
                panic!("keeper: {status}, {other:?}: {}", fs::read_to_string(self.dir.join("keeper.log")).unwrap_or_default())
            }
        }
    }

    /// Waits until the line has written its pids to this file, and reads them.
    pub fn pids(&self, file: &Path, count: usize) -> Vec<u32> {
        until("the pids", || {
            let text = fs::read_to_string(file).ok()?;
            let pids: Vec<u32> = text.lines().filter_map(|l| l.parse().ok()).collect();
            (text.ends_with('\n') && pids.len() == count).then_some(pids)
        })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // Only where an assertion failed is there something left to ask.
        if matches!(self.child.try_wait(), Ok(None)) {
            drop(keeper::cancel(&self.dir, keeper::Cancel::Kill));
            drop(self.child.wait());
        }
    }
}

/// Waits for something to come true.
pub fn until<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The process exists and is no zombie.
pub fn is_alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|s| !s.rsplit_once(')').is_some_and(|(_, rest)| rest.starts_with(" Z")))
}

pub fn code(code: i32) -> Exit {
    Exit::Code { code }
}
