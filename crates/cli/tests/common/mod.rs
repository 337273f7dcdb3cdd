//! What the end-to-end tests share: a temporary repository, an isolated home, the real program.
#![expect(dead_code, reason = "each test program uses its own part")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// A repository, a home and a state directory of its own; everything goes when it is dropped.
pub struct Sandbox {
    dir: TempDir,
}

impl Sandbox {
    /// A repository with one commit: `README.md`, and these files.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let dir = TempDir::with_prefix("greenlane-test-").unwrap();
        let sandbox = Self { dir };
        for folder in ["repo", "home", "state", "runtime", "out"] {
            fs::create_dir(sandbox.path(folder)).unwrap();
        }
        sandbox.git(&["init", "-q", "-b", "main"]);
        sandbox.git(&["config", "user.name", "Tester"]);
        sandbox.git(&["config", "user.email", "tester@example.invalid"]);
        sandbox.write("README.md", "A sample.\n");
        for (path, text) in files {
            sandbox.write(path, text);
        }
        sandbox.git(&["add", "-A"]);
        sandbox.git(&["commit", "-qm", "The beginning"]);
        sandbox
    }

    /// A place in the sandbox.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The repository's top.
    pub fn repo(&self) -> PathBuf {
        self.path("repo")
    }

    /// Writes a file in the repository.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.repo().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes a plan beside the repository and gives its path.
    pub fn plan(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// Git in the repository; must succeed.
    pub fn git(&self, args: &[&str]) -> String {
        let output = Command::new("git").args(args).current_dir(self.repo()).env("HOME", self.path("home")).output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// The program, in the repository, with nothing of the tester's own surroundings. Retries wait milliseconds.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_greenlane"));
        command.args(args).current_dir(self.repo()).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("GREENLANE_") {
                command.env_remove(name);
            }
        }
        command
            .env("HOME", self.path("home"))
            .env("XDG_STATE_HOME", self.path("state"))
            .env("XDG_RUNTIME_DIR", self.path("runtime"))
            .env_remove("XDG_CONFIG_HOME")
            .env("OUT", self.path("out"))
            .env("GREENLANE_RETRY_BASE", "50ms")
            .env("GREENLANE_GRACE", "1s");
        command
    }

    /// Runs the program to its end.
    pub fn greenlane(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().unwrap())
    }

    /// `status --json`.
    pub fn status(&self) -> Value {
        let ran = self.greenlane(&["status", "--json"]);
        serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran:?}"))
    }

    /// The state of each task, by id.
    pub fn states(&self) -> std::collections::BTreeMap<String, String> {
        states(&self.status())
    }

    /// The journal's events of one kind.
    pub fn events(&self, kind: &str) -> Vec<Value> {
        let ran = self.greenlane(&["events"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let all = ran.stdout.lines().map(|l| serde_json::from_str::<Value>(l).unwrap());
        all.filter(|e| kind.is_empty() || e["event"] == kind).collect()
    }

    /// Lines of a file that the tasks' commands write to in `$OUT`.
    pub fn out_lines(&self, name: &str) -> Vec<String> {
        fs::read_to_string(self.path("out").join(name)).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// The files on a branch.
    pub fn files_on(&self, branch: &str) -> Vec<String> {
        self.git(&["ls-tree", "-r", "--name-only", branch]).lines().map(str::to_owned).collect()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // Whatever a failed test left: each keeper is ended by its identity, nobody else's is meant.
        if self.repo().join(".greenlane").exists() {
            drop(self.command(&["stop", "--all", "--now"]).output());
        }
    }
}

/// The state of each task in a status document, by id.
pub fn states(status: &Value) -> std::collections::BTreeMap<String, String> {
    let tasks = status["tasks"].as_array().unwrap().iter();
    tasks.map(|t| (t["id"].as_str().unwrap().to_owned(), t["state"].as_str().unwrap().to_owned())).collect()
}

/// What a call of the program gave.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code; -1 where a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Waits until something holds; a bound on waiting, not a measure of time.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The file is there.
pub fn wait_for(path: &Path) {
    eventually(&format!("{} appears", path.display()), || path.exists());
}
