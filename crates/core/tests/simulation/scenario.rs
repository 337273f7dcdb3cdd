//! Random plans and what is secretly true of them: which tasks touch which files, whose work is bad, who gets on badly with whom.
//! The coordinator sees the plans only; the world sees both.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fastrand::Rng;
use greenlane_core::event::{LandedBefore, Submission};
use greenlane_core::failure::FailureType;
use greenlane_core::ids::{Oid, RunId, TaskKey};
use greenlane_core::options::{RetryPolicy, RunOptions};
use greenlane_core::plan::{Group, OnFailure, Plan, Task};
use greenlane_core::tracker::{Issue, TrackerKind};

use crate::faults::{Fault, Faults};

/// How big a scenario may get; smaller ones make readable traces.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Most plans.
    pub plans: usize,
    /// Most tasks of a plan.
    pub tasks: usize,
}

/// The usual size.
pub const FULL: Size = Size { plans: 3, tasks: 20 };

/// One run to be simulated.
pub struct Scenario {
    /// The run's options.
    pub options: RunOptions,
    /// The plans, and when each is handed in (milliseconds).
    pub submissions: Vec<(u64, Submission)>,
    /// By plan's number.
    pub plans: Vec<PlanTruth>,
    /// By task.
    pub tasks: BTreeMap<TaskKey, TaskTruth>,
}

/// What is true of a plan.
#[derive(Clone, Debug, Default)]
pub struct PlanTruth {
    /// There is a suite.
    pub suite: bool,
    /// It is red on the base.
    pub base_red: bool,
    /// Pairs of tasks, green alone and red together.
    pub red_together: Vec<(usize, usize)>,
    /// Per mille of suite runs that are red for no reason.
    pub flaky: u32,
}

/// What is true of a task.
#[derive(Clone, Debug)]
pub struct TaskTruth {
    /// Its place in the plan.
    pub position: usize,
    /// The files that it owns, as bits of [`FILES`]; 0: it owns none.
    pub owned: u8,
    /// Its work makes the suite red, whatever it is combined with.
    pub guilty: bool,
}

/// All files of the simulated repository.
pub const FILES: [&str; 8] = ["src/a", "src/b", "src/c", "src/d", "doc/a", "doc/b", "doc/c", "doc/d"];

const GLOBS: [(&str, u8); 11] = [
    ("src/a", 0x01),
    ("src/b", 0x02),
    ("src/c", 0x04),
    ("src/d", 0x08),
    ("doc/a", 0x10),
    ("doc/b", 0x20),
    ("doc/c", 0x40),
    ("doc/d", 0x80),
    ("src/**", 0x0f),
    ("doc/*", 0xf0),
    ("**/a", 0x11),
];

impl Scenario {
    /// Draws one.
    pub fn random(rng: &mut Rng, size: Size, faults: &Faults) -> Self {
        let mut scenario = Self { options: options(rng), submissions: Vec::new(), plans: Vec::new(), tasks: BTreeMap::new() };
        if faults.has(Fault::Tracker) {
            scenario.options.trackers.insert(TrackerKind::Beads);
        }
        for number in 0..rng.usize(1..=size.plans) {
            let (submission, truth) = scenario.plan(rng, number, size, faults);
            let at = if number == 0 || rng.bool() { 0 } else { rng.u64(0..1_800_000) };
            scenario.submissions.push((at, submission));
            scenario.plans.push(truth);
        }
        scenario
    }

    fn plan(&mut self, rng: &mut Rng, number: usize, size: Size, faults: &Faults) -> (Submission, PlanTruth) {
        let mut plan = Plan::new(format!("p{number}"));
        let count = rng.usize(1..=size.tasks);
        let (dense, staged, owning) = (rng.u8(0..4), rng.u8(0..3) == 0, rng.bool());
        if rng.u8(0..4) == 0 {
            plan.jobs = Some(rng.u32(1..4));
        }
        let base = Oid::from(format!("base{number}"));
        let mut landed = BTreeMap::new();
        let mut stage = 0;
        for position in 0..count {
            let mut task = Task::new(format!("t{position}"));
            for earlier in 0..position {
                if dense > 0 && rng.usize(0..position) < usize::from(dense) && rng.bool() {
                    task.depends.push(format!("t{earlier}").into());
                }
            }
            if staged && rng.u8(0..8) > 0 {
                stage += u32::from(rng.u8(0..3) == 0);
                task.stage = Some(stage);
                task.group = Some(format!("g{stage}").into());
            }
            let mut owned = 0;
            if owning && rng.u8(0..4) > 0 {
                for _ in 0..rng.usize(1..=2) {
                    let (glob, files) = GLOBS[rng.usize(..GLOBS.len())];
                    task.owns.push(glob.into());
                    owned |= files;
                }
            }
            task.priority = rng.u8(0..4);
            task.retries = if rng.bool() { None } else { Some(rng.u32(0..3)) };
            task.repairs = if rng.bool() { None } else { Some(rng.u32(0..3)) };
            task.agent = [None, Some("claude".into()), Some("codex".into())][rng.usize(0..3)].clone();
            if rng.u8(0..3) == 0 {
                task.fallbacks.push(String::from(["claude", "codex", "gemini"][rng.usize(0..3)]));
            }
            task.estimate = rng.bool().then(|| Duration::from_secs(rng.u64(1..2000)));
            let earlier = |rng: &mut Rng| faults.has(Fault::Earlier) && rng.u8(0..12) == 0;
            task.ticked = earlier(rng);
            if earlier(rng) {
                landed.insert(task.id.clone(), LandedBefore { run: RunId::from("before"), commit: base.clone() });
            }
            if faults.has(Fault::Tracker) && rng.u8(0..4) > 0 {
                let tracker = if rng.u8(0..6) == 0 { TrackerKind::Github } else { TrackerKind::Beads };
                task.issue = Some(Issue { tracker, id: format!("i-{number}-{position}") });
            }
            let key = TaskKey { plan: plan.id.clone(), task: task.id.clone() };
            let guilty = faults.has(Fault::Suite) && rng.u8(0..10) == 0;
            self.tasks.insert(key, TaskTruth { position, owned, guilty });
            plan.tasks.push(task);
        }
        let stages: BTreeSet<u32> = plan.tasks.iter().filter_map(|t| t.stage).collect();
        plan.groups = stages
            .into_iter()
            .map(|stage| Group {
                refresh: (rng.u8(0..3) == 0).then(|| String::from("make context")),
                on_failure: (rng.u8(0..3) == 0).then_some(OnFailure::Rollback),
                ..Group::new(format!("g{stage}"), stage)
            })
            .collect();
        let suite = rng.u8(0..4) > 0;
        let mut truth = PlanTruth { suite, ..PlanTruth::default() };
        if faults.has(Fault::Suite) {
            truth.base_red = suite && rng.u8(0..20) == 0;
            for _ in 0..rng.usize(0..=count / 3) {
                truth.red_together.push((rng.usize(..count), rng.usize(..count)));
            }
        }
        if faults.has(Fault::Flaky) {
            truth.flaky = rng.u32(0..200);
        }
        (Submission { plan, base, landed, file: None, digests: BTreeMap::new() }, truth)
    }
}

fn options(rng: &mut Rng) -> RunOptions {
    let mut options = RunOptions {
        jobs: rng.u32(1..=6),
        max_plans: rng.u32(1..=3),
        check_jobs: rng.u32(1..=4),
        backlog: rng.u32(0..=4),
        agent: Some(String::from(["claude", "codex"][rng.usize(0..2)])),
        keep_going: rng.bool(),
        require_verify: rng.u8(0..4) == 0,
        base_red_allowed: rng.bool(),
        seed: rng.u64(..),
        ..RunOptions::default()
    };
    if rng.bool() {
        options.agent_slots.insert(String::from("codex"), rng.u32(1..=2));
    }
    for (agent, account) in [("claude", "work"), ("codex", "home"), ("gemini", "home")] {
        if rng.u8(0..3) > 0 {
            options.accounts.insert(agent.into(), account.into());
        }
    }
    if rng.u8(0..8) == 0 {
        options.unavailable.insert(String::from("gemini"), String::from("not signed in"));
    }
    options.question_max = Duration::from_secs(rng.u64(10..3_600));
    options.health.interval = Duration::from_secs(rng.u64(20..600));
    options.quota.api_limit = rng.u32(1..=4);
    options.quota.fallback_after = Duration::from_secs(rng.u64(0..1_000));
    options.quota.wait_max = Duration::from_secs(if rng.bool() { 1_800 } else { 86_400 });
    let mut types = FailureType::RETRIED.to_vec();
    if rng.u8(0..4) == 0 {
        types.push(FailureType::QualityGateFailure);
    }
    if rng.u8(0..6) == 0 {
        options.hand_off.insert(String::from(["codex", "gemini"][rng.usize(0..2)]));
    }
    options.retry = RetryPolicy { max: rng.u32(0..=3), types, repairs: rng.u32(0..=2), ..RetryPolicy::default() };
    options
}
