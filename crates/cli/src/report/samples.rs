//! Runs for the tests of texts, made by stepping the real coordinator: no state here that could not come about.

use greenlane_core::attempt::{AgentReport, Exit, ExitRecord, Merge, Suite, Usage, Verdict};
use greenlane_core::coordinator::step;
use greenlane_core::event::{Event, MergeResult, Submission};
use greenlane_core::ids::{AttemptId, Oid, PlanId, RunId, TaskKey};
use greenlane_core::input::Input;
use greenlane_core::options::{RetryPolicy, RunOptions};
use greenlane_core::plan::{Plan, Task};
use greenlane_core::state::{BatchPhase, State};
use greenlane_core::time::Time;
use greenlane_core::view::{self, Coordinator, Status};
use greenlane_runtime::journal::Record;

/// When every sample run began: 2026-01-02T03:04:05Z.
const START: u64 = 1_767_323_045_000;

/// A run under way.
pub struct Sample {
    pub state: State,
    pub records: Vec<Record>,
    pub now: Time,
}

impl Sample {
    /// A run with these plans, each with a suite (or none).
    pub fn new(plans: Vec<Plan>, suite: &[&str]) -> Self {
        let mut sample = Self::begun();
        for plan in plans {
            let id = sample.submit(plan, suite);
            if !suite.is_empty() {
                sample.take(Input::BaseJudged { plan: id, suite: Suite::Green { cached: false } });
            }
        }
        sample
    }

    /// Another plan is handed over, without a suite.
    pub fn add(&mut self, plan: Plan) {
        self.submit(plan, &[]);
    }

    fn begun() -> Self {
        let mut sample = Self { state: State::default(), records: Vec::new(), now: Time(START) };
        // Refused work ends its task here: what is shown is how that looks.
        let retry = RetryPolicy { repairs: 0, ..RetryPolicy::default() };
        sample.take(Input::Begin(Box::new(RunOptions { jobs: 3, agent: Some("claude".into()), retry, ..RunOptions::default() })));
        sample
    }

    /// Up to the moment in which the suite runs on the base.
    fn submit(&mut self, plan: Plan, suite: &[&str]) -> PlanId {
        let (id, branch) = (plan.id.clone(), format!("greenlane/r1/plan/{}", plan.id));
        let base = Oid::from("0".repeat(40));
        let submission = Submission { plan, base, landed: Default::default(), file: None, digests: Default::default() };
        self.take(Input::Submit(Box::new(submission)));
        let verify: Vec<String> = suite.iter().map(|s| (*s).to_owned()).collect();
        self.take(Input::PlanPrepared { plan: id.clone(), branch, verify });
        id
    }

    pub fn take(&mut self, input: Input) {
        let step = step(&mut self.state, self.now, input);
        assert_eq!(step.fault, None);
        for event in step.events {
            let seq = self.records.len() as u64 + 1;
            self.records.push(Record { seq, run: RunId::from("r1"), at: self.now, event });
        }
        if let Some(Err(why)) = step.reply {
            panic!("refused: {why}");
        }
    }

    pub fn wait_secs(&mut self, seconds: u64) -> &mut Self {
        self.now = Time(self.now.0 + seconds * 1000);
        self
    }

    fn current(&self, plan: &str, task: &str) -> AttemptId {
        self.state.task(&TaskKey::new(plan, task)).unwrap().attempt_id()
    }

    pub fn spawn(&mut self, plan: &str, task: &str) {
        let attempt = self.current(plan, task);
        self.take(Input::AttemptSpawned {
            worktree: format!("/w/{task}"),
            branch: format!("greenlane/r1/task/{task}"),
            base: Oid::from("0".repeat(40)),
            pid: 4711,
            attempt,
        });
    }

    pub fn exit(&mut self, plan: &str, task: &str, exit: Exit, stderr: &str) {
        let attempt = self.current(plan, task);
        let usage = Usage { input_tokens: 12_345, cached_tokens: 0, output_tokens: 678, cost_usd: Some(0.5) };
        let record = ExitRecord {
            report: AgentReport { usage: Some(usage), ..AgentReport::default() },
            stderr_tail: stderr.to_owned(),
            ..ExitRecord::new(exit, self.now, self.now)
        };
        self.take(Input::AttemptExited { attempt, record: Box::new(record) });
    }

    pub fn judge(&mut self, plan: &str, task: &str, verdict: Verdict) {
        let attempt = self.current(plan, task);
        self.take(Input::WorkJudged { attempt, verdict });
    }

    pub fn accept(&mut self, plan: &str, task: &str) {
        self.exit(plan, task, Exit::Code { code: 0 }, "");
        self.judge(plan, task, Verdict::Accepted { commit: commit(task), files_changed: 1, suite_files: Vec::new() });
    }

    /// Brings the plan's active batch to the branch.
    pub fn land(&mut self, plan: &str) {
        let id = PlanId::from(plan);
        let batch = self.state.plan(&id).unwrap().lane.active.clone().unwrap();
        let results = batch.attempts.iter().map(|a| MergeResult {
            attempt: a.attempt.clone(),
            merge: Merge::Merged { commit: commit(&format!("merge-{}", a.attempt.key.task)) },
        });
        let results = results.collect();
        self.take(Input::BatchMerged { batch: batch.id, results: Ok(results) });
        if self.state.plan(&id).unwrap().lane.active.as_ref().is_some_and(|b| b.phase == BatchPhase::Verifying) {
            self.take(Input::BatchVerified { batch: batch.id, suite: Suite::Green { cached: false } });
        }
        self.take(Input::BranchMoved { batch: batch.id });
    }

    pub fn status(&self, coordinator: Coordinator) -> Status {
        view::status(&RunId::from("r1"), &self.state, coordinator, self.now)
    }

    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.records.iter().map(|r| &r.event)
    }
}

/// Forty hexadecimal digits that tell what they are the commit of.
pub fn commit(of: &str) -> Oid {
    let hex: String = of.bytes().map(|b| format!("{b:02x}")).chain(["0".repeat(40)]).collect();
    Oid::from(&hex[..40])
}

pub fn task(id: &str, depends: &[&str]) -> Task {
    Task { depends: depends.iter().map(|d| (*d).into()).collect(), title: format!("Do {id}"), ..Task::new(id) }
}

pub fn plan(id: &str, tasks: Vec<Task>) -> Plan {
    Plan { tasks, ..Plan::new(id) }
}

/// Two plans that have just been started: `limits` (bucket, header after it, docs) and `search` (docs, a/b).
pub fn two_plans() -> Sample {
    let limits = plan("limits", vec![task("bucket", &[]), task("header", &["bucket"]), task("docs", &[])]);
    let search = plan("search", vec![task("docs", &[]), task("a/b", &[])]);
    Sample::new(vec![limits, search], &["cargo test"])
}

/// One plan: `bucket` landed after 30 s, `header` (after it) runs, `docs` failed its check after 20 s, `guide` depends on it.
pub fn half_way() -> Sample {
    let tasks = vec![task("bucket", &[]), task("header", &["bucket"]), task("docs", &[]), task("guide", &["docs"])];
    let mut run = Sample::new(vec![plan("limits", tasks)], &["cargo test"]);
    run.spawn("limits", "bucket");
    run.spawn("limits", "docs");
    run.wait_secs(20).exit("limits", "docs", Exit::Code { code: 0 }, "");
    let output = String::from("line one\n2 links are dead");
    let red = Verdict::CheckFailed { commit: commit("docs"), command: "make links".into(), exit_code: Some(2), output, timed_out: false };
    run.judge("limits", "docs", red);
    run.wait_secs(10).accept("limits", "bucket");
    run.wait_secs(2).land("limits");
    run.spawn("limits", "header");
    run.wait_secs(64);
    run
}

/// The same, ended: `header` crashed once, was tried again a minute later, and landed.
pub fn ended() -> Sample {
    let mut run = half_way();
    run.exit("limits", "header", Exit::Code { code: 1 }, "Error: too many requests");
    run.wait_secs(90).take(Input::Tick);
    run.spawn("limits", "header");
    run.wait_secs(15).accept("limits", "header");
    run.wait_secs(3).land("limits");
    assert!(run.state.finished, "{:?}", run.events().last());
    run
}

/// A plan that was not started: its suite is red on the base.
pub fn red_base() -> Sample {
    let plan = Plan { source: "p.toml".into(), ..plan("p", vec![task("a", &[])]) };
    let mut run = Sample::begun();
    run.submit(plan, &["npm test"]);
    let (output, hint) = ("\u{1b}[31msh: 1: jest: not found\u{1b}[0m\n".into(), Some("run `npm ci` first".into()));
    let suite = Suite::Red { command: "npm test".into(), exit_code: Some(127), output, timed_out: false, hint, set_up_log: None };
    run.take(Input::BaseJudged { plan: "p".into(), suite });
    run
}
