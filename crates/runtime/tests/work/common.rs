//! What the tests of workspaces and of the gate share: a pool on a temporary repository, a plain shell, a git that counts.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use greenlane_core::attempt::{Merge, Verdict};
use greenlane_core::ids::{AttemptId, Oid, RunId, TaskKey};
use greenlane_runtime::gate::land::Candidate;
use greenlane_runtime::gate::{Generated, JudgeSpec, judge, landing_message};
use greenlane_runtime::git::{Caller, Repo};
use greenlane_runtime::workspace::{From, Pool, PoolSettings, Prepare, Shell, ShellLine, ShellOutcome, Workspace};
use greenlane_testkit::repo::{SYSTEM_GIT, TempRepo, write};

/// A shell without a keeper: a process group and a limit.
pub struct PlainShell;

impl Shell for PlainShell {
    fn run(&self, line: &ShellLine) -> io::Result<ShellOutcome> {
        fs::create_dir_all(line.log.parent().ok_or(io::ErrorKind::InvalidInput)?)?;
        let log = fs::File::options().create(true).append(true).open(&line.log)?;
        let (mut reader, writer) = io::pipe()?;
        let mut command = Command::new("sh");
        command.args(["-c", &line.command]).current_dir(&line.cwd).env_clear().envs(&line.env);
        command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer).process_group(0);
        let mut child = command.spawn()?;
        drop(command);
        let group = child.id().to_string();
        let (ended, end) = std::sync::mpsc::channel::<()>();
        let limit = Instant::now() + line.timeout;
        let watch = std::thread::spawn(move || {
            let late = end
                .recv_timeout(limit.saturating_duration_since(Instant::now()))
                .is_err_and(|e| e == std::sync::mpsc::RecvTimeoutError::Timeout);
            if late {
                drop(Command::new("kill").args(["-KILL", "--", &format!("-{group}")]).status());
            }
            late
        });
        let mut output = String::new();
        reader.read_to_string(&mut output)?;
        let status = child.wait()?;
        drop(ended);
        io::Write::write_all(&mut &log, output.as_bytes())?;
        let timed_out = watch.join().unwrap_or(false);
        Ok(ShellOutcome { exit_code: status.code(), signal: status.signal(), timed_out, output_tail: output })
    }
}

/// A repository, a pool beside it, and a log of every git process that Greenlane started.
pub struct Place {
    pub temp: TempRepo,
    pub repo: Repo,
    pub pool: Pool,
    pub run: RunId,
    calls: PathBuf,
}

impl Place {
    pub fn new() -> Self {
        Self::of(TempRepo::started(), PoolSettings::default())
    }

    pub fn of(temp: TempRepo, settings: PoolSettings) -> Self {
        Self::with_env(temp, settings, vec![])
    }

    pub fn with_env(temp: TempRepo, mut settings: PoolSettings, more: Vec<(OsString, OsString)>) -> Self {
        let (counting, calls) = (temp.beside("counting-git"), temp.beside("calls"));
        let script = format!("#!/bin/sh\necho \"$*\" >> '{}'\nexec {} \"$@\"\n", calls.display(), temp.program().to_string_lossy());
        greenlane_testkit::program::write_program(&counting, &script);
        let mut env = temp.env();
        env.extend(more);
        let repo = Repo::discover_with(temp.path(), Caller { program: counting.into(), env }).expect("a repository");
        settings.env = environment(&temp);
        let pool = Pool::open(&repo, temp.beside("pool"), settings, Arc::new(PlainShell)).expect("a pool");
        Self { temp, repo, pool, run: RunId::from("r1"), calls }
    }

    /// The subcommands of the git processes since the last call, long-lived ones left out.
    pub fn processes(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.calls).unwrap_or_default();
        drop(fs::remove_file(&self.calls));
        let name = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let mut at = 0;
            while words.get(at).is_some_and(|w| w.starts_with('-')) {
                at += if words[at] == "-c" { 2 } else { 1 };
            }
            words.get(at).map(|w| (*w).to_owned())
        };
        let long_lived = |line: &&str| !["--batch-command", "--stdin-paths", "--stdin -z", " var "].iter().any(|l| line.contains(l));
        text.lines().filter(long_lived).filter_map(name).collect()
    }

    pub fn key(task: &str) -> TaskKey {
        TaskKey::new("plan", task)
    }

    pub fn wanted(&self, task: &str, from: From) -> Prepare {
        Prepare {
            run: self.run.clone(),
            key: Self::key(task),
            slug: task.to_owned(),
            branch: format!("greenlane/r1/task/{task}"),
            base: Oid::from(self.temp.head()),
            from,
            log_dir: self.logs(),
        }
    }

    pub fn logs(&self) -> PathBuf {
        self.temp.beside("logs")
    }

    pub fn prepare(&self, task: &str) -> Workspace {
        self.pool.prepare(&self.wanted(task, From::Fresh)).expect("a workspace")
    }

    pub fn prepare_from(&self, task: &str, from: From) -> Workspace {
        self.pool.prepare(&self.wanted(task, from)).expect("a workspace")
    }

    pub fn judge(&self, ws: &Workspace, task: &str) -> Verdict {
        self.judge_by(ws, task, &[], &[])
    }

    pub fn judge_by(&self, ws: &Workspace, task: &str, owns: &[&str], checks: &[&str]) -> Verdict {
        let strings = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        let spec = JudgeSpec {
            run: &self.run,
            key: &Self::key(task),
            slug: task,
            title: &format!("Do {task}"),
            plan_head: Some(&Oid::from(self.temp.head())),
            owns: &strings(owns),
            generated: &Generated::new(&BTreeMap::new()).expect("none"),
            checks: &strings(checks),
            check_timeout: Duration::from_secs(30),
            verify: &[],
            verify_timeout: Duration::from_secs(30),
            env: &environment(&self.temp),
            log_dir: &self.logs(),
        };
        judge(&self.pool, ws, &spec)
    }

    /// Judges and wants it accepted.
    pub fn accept(&self, ws: &Workspace, task: &str) -> Oid {
        match self.judge(ws, task) {
            Verdict::Accepted { commit, .. } => commit,
            other => panic!("{task}: {other:?}"),
        }
    }

    pub fn git_in(&self, ws: &Workspace, args: &[&str]) -> String {
        self.temp.git_in(&ws.path, args)
    }

    pub fn show(&self, rev: &str, path: &str) -> Option<String> {
        self.temp.show(rev, path)
    }
}

pub fn put(ws: &Workspace, path: &str, text: &str) {
    write(&ws.path, path, text);
}

pub fn read(dir: &Path, path: &str) -> Option<String> {
    fs::read_to_string(dir.join(path)).ok()
}

/// The user's environment without their git configuration.
pub fn environment(temp: &TempRepo) -> BTreeMap<OsString, OsString> {
    std::env::vars_os().filter(|(k, _)| k == "PATH" || k == "HOME").chain(temp.env()).collect()
}

/// The same story with each git that this machine has.
pub fn with_each_git(test: impl Fn(Place)) {
    for git in ["git", SYSTEM_GIT] {
        if git == "git" || Path::new(git).exists() {
            test(Place::of(started(git), PoolSettings::default()));
        }
    }
}

pub fn started(program: &str) -> TempRepo {
    let temp = TempRepo::with_git(program);
    temp.write(".gitignore", "target/\n");
    temp.write("src/one.txt", "one\n");
    temp.write("src/two.txt", "two\n");
    temp.start();
    temp
}

pub fn needs_human(verdict: Verdict) -> (String, Option<String>) {
    match verdict {
        Verdict::NeedsHuman { why, kept } => (why, kept),
        other => panic!("{other:?}"),
    }
}

pub fn candidate(place: &Place, task: &str, commit: Oid) -> Candidate {
    let key = Place::key(task);
    let message = landing_message(task, &place.run, &key);
    Candidate { id: AttemptId { key, n: 1 }, commit, base: Oid::from(place.temp.head()), message }
}

pub fn merged(merges: &[(AttemptId, Merge)], at: usize) -> Oid {
    match &merges[at].1 {
        Merge::Merged { commit } => commit.clone(),
        other => panic!("{other:?}"),
    }
}
