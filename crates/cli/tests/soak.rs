//! A long run under random kills at every level: at its end every task is accounted for exactly once, and nothing is left over.
//!
//! `SOAK_TASKS` says how many tasks (80 without it), `SOAK_SEED` repeats the kills of an earlier soak as far as timing lets it.
//! With `SOAK_KEEP` a soak that fails leaves everything to be looked at. `scripts/soak` runs a long one. What is killed is chosen among the agents, their keepers and the coordinator; some are stopped for a
//! while instead. A coordinator that dies is followed by `resume`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use common::{Running, Sandbox, eventually, lives};

/// Tasks of a soak in continuous integration.
const TASKS_DEFAULT: usize = 80;
/// A soak that takes longer for each task has come to a halt.
const PER_TASK_MAX: Duration = Duration::from_secs(5);

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
}

/// Every third task depends on one before it; every tenth ends badly at its first attempt; all work for some hundredths of a second,
/// and say in `$OUT/started` that they began.
fn plan(tasks: usize, random: &mut fastrand::Rng) -> String {
    let mut plan = String::from("id = \"p\"\nverify = [\"test -z \\\"$(find . -name '*.half')\\\"\"]\n");
    for n in 0..tasks {
        let depends = if n % 3 == 2 { format!("depends = [\"t{}\"]\n", random.usize(0..n)) } else { String::new() };
        let first = if n % 10 == 7 { "mkdir $OUT/t$N 2>/dev/null && exit 1;" } else { "" };
        let pause = random.u32(1..15);
        write!(
            plan,
            "[[task]]\nid = \"t{n}\"\n{depends}run = \"N={n}; echo $N >> $OUT/started; touch t$N.half; {first} sleep 0.{pause:02}; rm t$N.half; echo $N > t$N\"\n"
        )
        .unwrap();
    }
    plan
}

/// Who there is to be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Agent,
    Keeper,
    Coordinator,
}

/// The processes of the sandbox's attempts.
fn processes(sandbox: &Sandbox) -> Vec<(Level, u32)> {
    let mark = sandbox.path("").display().to_string();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        let read = |name| fs::read(entry.path().join(name)).map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " "));
        let (Ok(environ), Ok(line)) = (read("environ"), read("cmdline")) else { continue };
        if line.contains("__keeper") && line.contains(&mark) {
            found.push((Level::Keeper, pid));
        } else if environ.contains(&mark) && environ.contains("GREENLANE_ATTEMPT=") {
            found.push((Level::Agent, pid));
        }
    }
    found
}

/// The signal may find nobody: who was chosen ends by itself at any moment.
fn send(pid: u32, signal: &str) {
    drop(Command::new("kill").arg(format!("-{signal}")).arg(pid.to_string()).output());
}

struct Soak {
    sandbox: Sandbox,
    random: fastrand::Rng,
    coordinator: Running,
    killed: BTreeMap<Level, u32>,
    stopped: u32,
}

impl Soak {
    /// Kills or stops somebody; now and then everybody at once.
    fn strike(&mut self) {
        let mut victims = processes(&self.sandbox);
        let all = self.random.u32(0..40) == 0;
        if all || self.random.u32(0..6) == 0 {
            victims.push((Level::Coordinator, self.coordinator.pid()));
        }
        self.random.shuffle(&mut victims);
        if !all {
            victims.truncate(1);
        }
        let stop = self.random.u32(0..4) == 0;
        for (level, pid) in &victims {
            if stop {
                send(*pid, "STOP");
                self.stopped += 1;
            } else {
                send(*pid, "KILL");
                *self.killed.entry(*level).or_default() += 1;
            }
        }
        if stop {
            std::thread::sleep(Duration::from_millis(self.random.u64(1..300)));
            victims.iter().for_each(|(_, pid)| send(*pid, "CONT"));
        }
    }

    /// Has the run ended? A coordinator that was killed is followed by the next.
    fn goes_on(&mut self) -> bool {
        if lives(self.coordinator.pid()) {
            return true;
        }
        if !self.sandbox.events("run_ended").is_empty() {
            return false;
        }
        let next = self.sandbox.start(quick(self.sandbox.command(&["resume", "--quiet"])));
        std::mem::replace(&mut self.coordinator, next).wait();
        true
    }

    /// Every task is landed exactly once, and nothing is left over.
    fn settle(&self, tasks: usize, users_own: &str) {
        let s = &self.sandbox;
        let status = s.status();
        let others = status["tasks"].as_array().unwrap().iter().filter(|t| t["state"] != "done");
        let others: Vec<String> = others.map(|t| format!("{} {}: {}", t["id"], t["state"], t["reason"])).collect();
        if let Some(first) = others.first().and_then(|o| o.split('"').nth(1)) {
            let mark = format!("\"{first}\"");
            s.events("").iter().map(ToString::to_string).filter(|e| e.contains(&mark)).for_each(|e| println!("{e}"));
            println!("{}", s.git(&["log", "--all", "--oneline", "--name-status", "--", first]));
            if std::env::var_os("SOAK_KEEP").is_some() {
                println!("everything is in {}", s.path("").display());
                std::process::exit(1);
            }
        }
        assert_eq!(others, Vec::<String>::new());
        assert_eq!(status["summary"]["done"], tasks, "{:#}", status["summary"]);
        assert_eq!(status["run"]["state"], "finished");
        let branch = s.branch();
        let trailers = s.git(&["log", "--first-parent", "--format=%(trailers:key=Greenlane-Task,valueonly)", &branch]);
        let mut landed = BTreeMap::<&str, u32>::new();
        trailers.lines().filter(|l| !l.is_empty()).for_each(|l| *landed.entry(l).or_default() += 1);
        assert_eq!(landed.len(), tasks);
        assert!(landed.values().all(|times| *times == 1), "each once: {landed:?}");
        let mut files: Vec<String> = (0..tasks).map(|n| format!("t{n}")).chain(["README.md".to_owned()]).collect();
        files.sort();
        assert_eq!(s.files_on(&branch), files);
        s.git(&["fsck", "--no-dangling", "--strict"]);
        assert_eq!(processes(s), [], "no process is left");
        assert_eq!(s.users_own(), users_own);
        // Each attempt that began is in the journal, and none began twice.
        let attempts = s.events("attempt_started").len();
        let started = s.out_lines("started").len();
        assert!(started <= attempts, "{started} began, {attempts} are known of");
        self.every_event_once();
    }

    /// The run's worktrees are free for the next one.
    fn leaves_no_worktree(&self) {
        let s = &self.sandbox;
        // A coordinator that was killed right after the run's last event has not put its worktrees in order: the next one does.
        let path = s.plan("next.toml", "id = \"next\"\nverify = []\n[[task]]\nid = \"next\"\nrun = \"echo > next\"\n");
        let next = s.greenlane(&["run", path.to_str().unwrap()]);
        assert_eq!(next.code, 0, "{next:?}");
        let held: Vec<_> = s.worktree_notes().into_iter().filter(|note| note["holding"] != "free").collect();
        assert!(held.is_empty(), "no worktree is held: {held:#?}");
    }

    /// The log of events has each line of the journal exactly once, whoever died while it was written.
    fn every_event_once(&self) {
        let s = &self.sandbox;
        // A coordinator that was killed right after the last event has not written it out: whoever reads the logs by a verb does.
        assert_eq!(s.greenlane(&["failures"]).code, 0);
        let journal: Vec<u64> = s.events("").iter().map(|e| e["seq"].as_u64().unwrap()).collect();
        let logs = s.repo().join(".greenlane/logs");
        let mut files: Vec<PathBuf> = fs::read_dir(logs).unwrap().map(|e| e.unwrap().path()).collect();
        files.retain(|p| p.file_name().unwrap().to_string_lossy().starts_with("events"));
        let lines = files.iter().flat_map(|p| fs::read_to_string(p).unwrap().lines().map(str::to_owned).collect::<Vec<_>>());
        let mut logged: Vec<u64> = lines.filter_map(|l| serde_json::from_str::<serde_json::Value>(&l).unwrap()["seq"].as_u64()).collect();
        logged.sort_unstable();
        assert_eq!(logged, journal);
    }
}

/// Failures are tried again at once and without end: what is killed is not the task's fault, but it counts.
fn quick(mut command: Command) -> Command {
    command
        .env("GREENLANE_RETRY_BASE", "10ms")
        .env("GREENLANE_RETRIES", "100")
        .env("GREENLANE_RETRY_FACTOR", "1")
        .env("GREENLANE_JOBS", "8");
    command
}

#[test]
fn every_task_is_accounted_for_exactly_once() {
    let tasks = usize::try_from(number("SOAK_TASKS").unwrap_or(TASKS_DEFAULT as u64)).unwrap();
    let seed = number("SOAK_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("SOAK_SEED={seed} SOAK_TASKS={tasks}");
    let mut random = fastrand::Rng::with_seed(seed);
    let sandbox = Sandbox::new(&[]);
    let users_own = sandbox.users_own();
    let coordinator = sandbox.start(quick(sandbox.run_command(&plan(tasks, &mut random), &["--quiet"])));
    eventually("there is a run to be harmed", || sandbox.count("attempt_started") > 0);
    let mut soak = Soak { sandbox, random, coordinator, killed: BTreeMap::new(), stopped: 0 };
    let began = Instant::now();
    let limit = PER_TASK_MAX * u32::try_from(tasks).unwrap() + Duration::from_secs(60);
    while soak.goes_on() {
        assert!(began.elapsed() < limit, "it goes on for ever, SOAK_SEED={seed}: {:#}", soak.sandbox.status()["summary"]);
        std::thread::sleep(Duration::from_millis(soak.random.u64(20..250)));
        soak.strike();
    }
    let ended = began.elapsed();
    soak.settle(tasks, &users_own);
    let s = &soak.sandbox;
    println!(
        "{tasks} tasks in {:.0} s: killed {:?}, stopped {}; {} attempts, {} of them tried again, {} coordinators",
        ended.as_secs_f64(),
        soak.killed,
        soak.stopped,
        s.events("attempt_started").len(),
        s.events("retry_scheduled").len(),
        1 + s.events("run_resumed").len(),
    );
    soak.leaves_no_worktree();
}
