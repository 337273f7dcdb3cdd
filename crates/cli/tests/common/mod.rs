//! What the end-to-end tests share: a temporary repository, an isolated home, the real program.
#![expect(dead_code, reason = "each test program uses its own part")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

pub mod mount;
pub mod served;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use greenlane_testkit::program::write_program;
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
        self.command_of(Path::new(env!("CARGO_BIN_EXE_greenlane")), args)
    }

    /// The same with another binary.
    pub fn command_of(&self, program: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).current_dir(self.repo()).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if ["GREENLANE_", "OTEL_"].iter().any(|p| name.to_string_lossy().starts_with(p)) {
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
            .env("GREENLANE_GRACE", "1s")
            // Whoever tests is not to be called.
            .env("GREENLANE_NOTIFY_DESKTOP", "off")
            // Whoever tests has what room there is.
            .env("GREENLANE_DISK_FREE_MIN", "0")
            .env("GREENLANE_MEMORY_FREE_MIN", "0");
        command
    }

    /// Runs the program to its end.
    pub fn greenlane(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().unwrap())
    }

    /// Runs this plan, written beside the repository as `plan.toml`; its id is `p` unless the text names one.
    pub fn run(&self, plan: &str, flags: &[&str]) -> Ran {
        Ran::of(self.run_command(plan, flags).output().unwrap())
    }

    /// The command of [`Sandbox::run`], to be changed or spawned.
    pub fn run_command(&self, plan: &str, flags: &[&str]) -> Command {
        let path = self.plan("plan.toml", &with_id(plan));
        self.command(&[&["run", path.to_str().unwrap()], flags].concat())
    }

    /// Starts the program and leaves it running; it is killed when the handle is dropped.
    pub fn start(&self, mut command: Command) -> Running {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Running { child: Some(child) }
    }

    /// The run's only plan's branch.
    pub fn branch(&self) -> String {
        self.status()["run"]["branch"].as_str().unwrap().to_owned()
    }

    /// The files of the run's only plan's branch, without `README.md`.
    pub fn landed_files(&self) -> Vec<String> {
        self.files_on(&self.branch()).into_iter().filter(|f| f != "README.md").collect()
    }

    /// One task of `status --json`.
    pub fn task(&self, id: &str) -> Value {
        self.status()["tasks"].as_array().unwrap().iter().find(|t| t["id"] == id).unwrap_or_else(|| panic!("no task {id}")).clone()
    }

    /// The reason that `status` gives for a task's state.
    pub fn reason(&self, id: &str) -> String {
        self.task(id)["reason"].as_str().unwrap_or_default().to_owned()
    }

    /// A file that the tasks' commands write in `$OUT`.
    pub fn out(&self, name: &str) -> PathBuf {
        self.path("out").join(name)
    }

    /// An executable script in the sandbox's `bin`, which is made; gives that folder.
    pub fn script(&self, name: &str, text: &str) -> PathBuf {
        let bin = self.path("bin");
        fs::create_dir_all(&bin).unwrap();
        write_program(&bin.join(name), text);
        bin
    }

    /// What is the user's and must be the same before and after: HEAD, the index's bytes, branches that are not Greenlane's, the stash, the files.
    pub fn users_own(&self) -> String {
        let branches = self.git(&["for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/tags", "refs/stash"]);
        let branches: Vec<&str> = branches.lines().filter(|l| !l.contains("refs/heads/greenlane/")).collect();
        let index = fs::read(self.repo().join(".git/index")).unwrap();
        let status = self.git(&["--no-optional-locks", "status", "--porcelain", "--ignored"]);
        format!(
            "{}\n{}\n{}\n{:?}\n{index:?}",
            fs::read_to_string(self.repo().join(".git/HEAD")).unwrap(),
            branches.join("\n"),
            status.lines().filter(|l| *l != "!! .greenlane/").collect::<Vec<_>>().join("\n"),
            fs::read_to_string(self.repo().join(".git/config")).unwrap(),
        )
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

    /// How many events of one kind there are so far; none before there is a journal.
    pub fn count(&self, kind: &str) -> usize {
        let ran = self.greenlane(&["events"]);
        assert!(ran.code == 0 || ran.code == 2, "{ran:?}");
        ran.stdout.lines().filter(|l| l.contains(&format!("\"event\":\"{kind}\""))).count()
    }

    /// The pool's directory; it is there once a worktree was wanted.
    pub fn pool(&self) -> PathBuf {
        let pools = fs::read_dir(self.path("state").join("greenlane")).unwrap();
        pools.map(|e| e.unwrap().path()).find(|p| p.join("lock").exists()).unwrap()
    }

    /// The pool's note of each worktree.
    pub fn worktree_notes(&self) -> Vec<Value> {
        let files = fs::read_dir(self.pool()).unwrap().map(|e| e.unwrap().path());
        let notes = files.filter(|p| p.extension().is_some_and(|e| e == "json"));
        notes.map(|p| serde_json::from_str(&fs::read_to_string(p).unwrap()).unwrap()).collect()
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

/// `id = "p"` before a plan that names none.
fn with_id(plan: &str) -> String {
    if plan.trim_start().starts_with("id =") { plan.to_owned() } else { format!("id = \"p\"\n{plan}") }
}

/// A running program.
pub struct Running {
    child: Option<std::process::Child>,
}

impl Running {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Sends it a signal by name: `INT`, `TERM`, `KILL`.
    pub fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Ran {
        Ran::of(self.child.take().unwrap().wait_with_output().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// Sends a signal by name.
pub fn signal(pid: u32, name: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap();
    assert!(status.success(), "no process {pid}");
}

/// Is there such a process, and is it more than a zombie?
pub fn lives(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// A shell line that waits for a file in `$OUT`; gives up after half a minute, so that a failed test ends.
pub fn await_file(name: &str) -> String {
    format!("n=0; until [ -e $OUT/{name} ]; do n=$((n+1)); [ $n -gt 1500 ] && exit 99; sleep 0.02; done")
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
