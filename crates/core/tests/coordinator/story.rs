//! A plan `p`, told step by step: each input with exactly the events and actions that it leads to, in few words.

use greenlane_core::action::Action;
use greenlane_core::attempt::{Exit, ExitRecord, Merge, Suite, Verdict};
use greenlane_core::coordinator::step;
use greenlane_core::event::{Event, MergeResult, Submission};
use greenlane_core::ids::{AttemptId, Oid, PlanId, TaskKey};
use greenlane_core::input::{Input, Request};
use greenlane_core::options::RunOptions;
use greenlane_core::plan::{Plan, Task};
use greenlane_core::state::State;
use greenlane_core::time::Time;

/// A run under way.
pub struct Story {
    pub state: State,
    pub now: Time,
    pub journal: Vec<(Time, Event)>,
    pub reply: Option<Result<(), String>>,
}

/// A task in a line: `task("b", "depends a; owns src/**; stage 1; priority 0; retries 0")`.
pub fn task(id: &str, words: &str) -> Task {
    let mut task = Task { run: Some(String::from("true")), ..Task::new(id) };
    for part in words.split("; ").filter(|p| !p.is_empty()) {
        match part.split_once(' ') {
            Some(("depends", ids)) => task.depends = ids.split(' ').map(Into::into).collect(),
            Some(("owns", globs)) => task.owns = globs.split(' ').map(Into::into).collect(),
            Some(("stage", n)) => {
                task.stage = n.parse().ok();
                task.group = Some(format!("g{n}").into());
            }
            Some(("priority", n)) => task.priority = n.parse().unwrap_or(2),
            Some(("retries", n)) => task.retries = n.parse().ok(),
            Some(("estimate", n)) => task.estimate = n.parse().ok().map(std::time::Duration::from_secs),
            _ => panic!("what is `{part}`?"),
        }
    }
    task
}

/// An attempt of plan `p`, as `a#1`.
pub fn attempt(text: &str) -> AttemptId {
    let (id, n) = text.split_once('#').unwrap_or((text, "1"));
    AttemptId { key: key(id), n: n.parse().unwrap_or(1) }
}

pub fn key(id: &str) -> TaskKey {
    TaskKey::new("p", id)
}

pub fn keys(ids: &[&str]) -> Vec<TaskKey> {
    ids.iter().map(|id| key(id)).collect()
}

/// A keeper's record of this end.
pub fn record(exit: Exit, ended_at: Time) -> ExitRecord {
    ExitRecord::new(exit, Time(0), ended_at)
}

pub fn green() -> Suite {
    Suite::Green { cached: false }
}

pub fn red() -> Suite {
    Suite::Red {
        command: String::from("make test"),
        exit_code: Some(1),
        output: String::new(),
        timed_out: false,
        hint: None,
        set_up_log: None,
    }
}

impl Story {
    /// A run with these options whose plan has these tasks and a suite that is green on the base.
    pub fn new(options: RunOptions, tasks: Vec<Task>) -> Self {
        Self::begun(options, Plan { tasks, ..Plan::new("p") })
    }

    /// The same of this plan, which is called `p`.
    pub fn begun(options: RunOptions, plan: Plan) -> Self {
        let mut story = Self::handed_in(options, plan);
        story.feed(prepared(&["make test"]));
        story.feed(Input::BaseJudged { plan: PlanId::from("p"), suite: green() });
        story
    }

    /// The same before the plan's branch is made.
    pub fn submitted(options: RunOptions, tasks: Vec<Task>) -> Self {
        Self::handed_in(options, Plan { tasks, ..Plan::new("p") })
    }

    fn handed_in(options: RunOptions, plan: Plan) -> Self {
        let mut story = Self { state: State::default(), now: Time(0), journal: Vec::new(), reply: None };
        story.feed(Input::Begin(Box::new(options)));
        let submission = Submission { plan, base: Oid::from("base"), landed: Default::default(), file: None, digests: Default::default() };
        story.feed(Input::Submit(Box::new(submission)));
        story
    }

    /// One step: what came of it.
    pub fn feed(&mut self, input: Input) -> Vec<String> {
        self.now = Time(self.now.0 + 1);
        let out = step(&mut self.state, self.now, input);
        assert_eq!(out.fault, None);
        greenlane_core::invariants::check(&self.state).unwrap_or_else(|broken| panic!("{broken}"));
        self.journal.extend(out.events.iter().map(|e| (self.now, e.clone())));
        self.reply = out.reply;
        out.events.iter().map(told).chain(out.actions.iter().map(asked)).collect()
    }

    /// A person asks for something.
    pub fn ask(&mut self, request: Request) -> Vec<String> {
        self.feed(Input::Request(request))
    }

    /// Its keeper runs.
    pub fn spawned(&mut self, text: &str) -> Vec<String> {
        let (worktree, branch, base) = (format!("/w/{text}"), String::from("task"), Oid::from("base"));
        self.feed(Input::AttemptSpawned { attempt: attempt(text), worktree, branch, base, pid: 7 })
    }

    /// Its processes are gone.
    pub fn exited(&mut self, text: &str, exit: Exit) -> Vec<String> {
        let record = record(exit, self.now);
        self.feed(Input::AttemptExited { attempt: attempt(text), record: Box::new(record) })
    }

    /// The gate accepts its work.
    pub fn accepted(&mut self, text: &str) -> Vec<String> {
        let verdict = Verdict::Accepted { commit: Oid::from(format!("work of {text}")), files_changed: 1, suite_files: Vec::new() };
        self.feed(Input::WorkJudged { attempt: attempt(text), verdict })
    }

    /// From its keeper's start to the gate's acceptance.
    pub fn works(&mut self, text: &str) -> Vec<String> {
        self.spawned(text);
        self.exited(text, Exit::Code { code: 0 });
        self.accepted(text)
    }

    /// A batch is merged without conflicts, its members in this order.
    pub fn merged(&mut self, batch: u64, members: &[&str]) -> Vec<String> {
        let merge =
            |m: &&str| MergeResult { attempt: attempt(m), merge: Merge::Merged { commit: Oid::from(format!("merge{batch} of {m}")) } };
        self.feed(Input::BatchMerged { batch, results: Ok(members.iter().map(merge).collect()) })
    }

    /// A batch's way from the merge to the branch.
    pub fn lands(&mut self, batch: u64, members: &[&str]) -> Vec<String> {
        self.merged(batch, members);
        self.feed(Input::BatchVerified { batch, suite: green() });
        self.feed(Input::BranchMoved { batch })
    }

    /// The coordinator dies; a new one replays the journal and resumes.
    pub fn crash_and_resume(&mut self) -> Vec<String> {
        self.state = State::default();
        for (at, event) in &self.journal {
            self.state.apply(*at, event).unwrap_or_else(|illegal| panic!("{illegal}"));
        }
        self.feed(Input::Resume)
    }
}

pub fn prepared(verify: &[&str]) -> Input {
    let verify = verify.iter().map(|c| String::from(*c)).collect();
    Input::PlanPrepared { plan: PlanId::from("p"), branch: String::from("plan/p"), verify }
}

fn name(attempt: &AttemptId) -> String {
    format!("{}#{}", attempt.key.task, attempt.n)
}

fn told(event: &Event) -> String {
    let kind = serde_json::to_value(event).map(|v| v["event"].as_str().unwrap_or_default().to_owned()).unwrap_or_default();
    let of = match event {
        Event::AttemptStarted { attempt, fresh, base, .. } => {
            format!("{} {}", name(attempt), if *fresh { format!("from {base}") } else { String::from("going on") })
        }
        Event::AttemptSpawned { attempt, .. }
        | Event::EndRequested { attempt, .. }
        | Event::AttemptExited { attempt, .. }
        | Event::WorkJudged { attempt, .. }
        | Event::AttemptVoided { attempt, .. } => name(attempt),
        Event::HealthChanged { attempt, from, to, .. } => format!("{} {} to {}", name(attempt), from.as_str(), to.as_str()),
        Event::IssueClaimed { attempt, issue, .. } | Event::ClaimUnanswered { attempt, issue, .. } => format!("{} {issue}", name(attempt)),
        Event::AttemptFailed { attempt, outcome, .. } => format!("{} {}", name(attempt), outcome.as_str()),
        Event::BatchFormed { batch, attempts, .. } => {
            format!("{batch}: {}", attempts.iter().map(|a| name(&a.attempt)).collect::<Vec<_>>().join(" "))
        }
        Event::BatchLanded { batch, landed, verified, .. } => {
            let names = landed.iter().map(|a| name(&a.attempt)).collect::<Vec<_>>().join(" ");
            format!("{batch}: {names}{}", if *verified { "" } else { " unverified" })
        }
        Event::BatchVerified { batch, again: true, .. } => format!("{batch} once more"),
        Event::BatchMerged { batch, .. } | Event::BatchVerified { batch, .. } | Event::BatchRaced { batch, .. } => batch.to_string(),
        Event::BatchDropped { batch, .. } | Event::SuiteFlaky { batch, .. } => batch.to_string(),
        Event::AccountLimited { account, limit, .. } => format!("{account} to {limit}"),
        Event::AccountChanged { account, limit, .. } => format!("{account} {limit}"),
        Event::AgentUnavailable { agent, .. } => agent.clone(),
        Event::QuotaAwaited { key, account } => format!("{} of {account}", key.task),
        Event::FallbackScheduled { key } | Event::AttemptRequeued { key } => key.task.to_string(),
        Event::RepairScheduled { key, repair } => format!("{} {repair}", key.task),
        Event::RetryScheduled { key, retry, .. } => format!("{} {retry}", key.task),
        Event::TaskSkipped { key, reason } => format!("{}: {reason}", key.task),
        Event::RetryDue { key }
        | Event::TaskFailed { key, .. }
        | Event::TaskNeedsHuman { key, .. }
        | Event::TaskCancelled { key, .. }
        | Event::TaskReopened { key, .. } => key.task.to_string(),
        Event::GroupStarted { group, head, refresh, .. } => format!("{group} at {head}{}", if *refresh { ", to be refreshed" } else { "" }),
        Event::GroupRefreshed { group, problem, .. } => {
            format!("{group}{}", problem.as_ref().map(|p| format!(": {p}")).unwrap_or_default())
        }
        Event::GroupEnded { group, outcome, verified, rollback, .. } => {
            let verified = if *verified { " verified" } else { "" };
            format!("{group} {outcome:?}{verified}{}", if *rollback { ", to be rolled back" } else { "" })
        }
        Event::GroupNotRolledBack { group, .. } => group.to_string(),
        Event::RolledBack { head, tasks, .. } => {
            format!("to {head}: {}", tasks.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        }
        Event::PlanEnded { done, .. } => String::from(if *done { "done" } else { "not done" }),
        Event::AttemptProgress { attempt, percent, .. } => format!("{} {percent}", name(attempt)),
        Event::NoteSent { attempt, to, .. } => format!("{} to {}", name(attempt), to.task),
        Event::QuestionAsked { attempt, question, .. }
        | Event::QuestionAnswered { attempt, question, .. }
        | Event::QuestionWithdrawn { attempt, question, .. } => format!("{question} {}", name(attempt)),
        Event::AnswerAwaited { key } => key.task.to_string(),
        Event::FileClaimed { attempt, path } => format!("{} {path}", name(attempt)),
        Event::LockTaken { attempt, lock, .. } | Event::LockAwaited { attempt, lock, .. } => format!("{lock} {}", name(attempt)),
        Event::LockLeft { attempt, lock, how } => format!("{lock} {} {how:?}", name(attempt)),
        Event::ValueSet { name, version, .. } => format!("{name} {version}"),
        Event::RunEnded { finished } => String::from(if *finished { "finished" } else { "stopped" }),
        _ => String::new(),
    };
    format!("{kind} {of}").trim_end().to_owned()
}

fn asked(action: &Action) -> String {
    match action {
        Action::PreparePlan { .. } => String::from("→ prepare the plan"),
        Action::VerifyBase { commit, .. } => format!("→ verify {commit}"),
        Action::StartAttempt { attempt, claim: Some(issue), .. } => format!("→ claim {issue}, start {}", name(attempt)),
        Action::StartAttempt { attempt, onto: Some(merged), .. } => format!("→ start {} on {merged}", name(attempt)),
        Action::StartAttempt { attempt, .. } => format!("→ start {}", name(attempt)),
        Action::BeginGroup { group, head, refresh, .. } => {
            format!("→ begin {group} at {head}{}", refresh.as_ref().map(|r| format!(" with {r}")).unwrap_or_default())
        }
        Action::RollBackGroup { group, landing, landings, .. } => format!("→ roll {group} back, {landings} from {landing}"),
        Action::ProbeAttempt { attempt } => format!("→ probe {}", name(attempt)),
        Action::EndAttempt { attempt, now } => format!("→ {} {}", if *now { "kill" } else { "terminate" }, name(attempt)),
        Action::JudgeWork { attempt } => format!("→ judge {}", name(attempt)),
        Action::MergeBatch { batch, onto, .. } => format!("→ merge {batch} onto {onto}"),
        Action::VerifyBatch { batch, again, .. } => format!("→ verify {batch}{}", if *again { " again" } else { "" }),
        Action::MoveBranch { batch, from, to, .. } => format!("→ move for {batch} from {from} to {to}"),
        Action::LimitAccount { account, limit, .. } => format!("→ limit {account} to {limit}"),
        Action::RaiseAccount { account, to, .. } => format!("→ raise {account} to {to}"),
        Action::FreeWorkspace { attempt } => format!("→ free {}", name(attempt)),
        Action::KeepWorkspace { attempt } => format!("→ keep {}", name(attempt)),
        Action::CheckHealth { attempts } => {
            format!("→ look at {}", attempts.iter().map(name).collect::<Vec<_>>().join(" "))
        }
        Action::TellRest { attempt, rest } => format!("→ rest {} {}", name(attempt), if rest.since.is_some() { "begins" } else { "ends" }),
        Action::AbortGates => String::from("→ abort gates"),
    }
}
