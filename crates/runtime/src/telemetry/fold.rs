//! Takes in a run's events one after another and tells what has ended with each. Pure: the same events, the same pieces with the same
//! ids, whoever asks and however often.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use greenlane_core::attempt::{Exit, Suite, Verdict};
use greenlane_core::event::{BatchId, Event, LandedAttempt};
use greenlane_core::ids::{AttemptId, PlanId, RunId, TaskKey};
use greenlane_core::state::{AttemptState, Phase, State};
use greenlane_core::time::Time;
use opentelemetry::trace::SpanId;

use super::piece::{Kind, Piece, digest, number, shortened};

/// One run up to an event.
pub(super) struct Fold {
    seed: String,
    run: RunId,
    /// Its state after the last event.
    pub state: State,
    /// Since when it is under way, this time: a run goes on after its end when a task is tried again.
    began: Time,
    over: bool,
    /// How often it ended.
    ends: u32,
    /// Attempts without an outcome.
    attempts: BTreeSet<AttemptId>,
    /// Tasks that are under way, and since when each waited for nothing but a slot.
    tasks: BTreeMap<TaskKey, Time>,
    /// How often each of them ended that has.
    task_ends: BTreeMap<TaskKey, u32>,
    batches: BTreeMap<BatchId, Open>,
}

/// A batch under way.
struct Open {
    plan: PlanId,
    formed: Time,
    merged: Option<Time>,
    members: Vec<AttemptId>,
}

impl Fold {
    /// Before its first event. `place`: where its journal is.
    pub(super) fn new(place: &str, run: &RunId) -> Self {
        Self {
            seed: seed(place, run),
            run: run.clone(),
            state: State::default(),
            began: Time::default(),
            over: false,
            ends: 0,
            attempts: BTreeSet::new(),
            tasks: BTreeMap::new(),
            task_ends: BTreeMap::new(),
            batches: BTreeMap::new(),
        }
    }

    /// The id of the run's trace.
    pub(super) fn trace(&self) -> [u8; 16] {
        trace_id(&self.seed)
    }

    /// Takes the next event in: what ended with it, what is inside before what is around it.
    pub(super) fn take(&mut self, at: Time, event: &Event) -> Vec<Piece> {
        self.before(at, event);
        let since = match event {
            Event::BaseJudged { plan, .. } => self.state.plan(plan).and_then(|p| p.base_suite_since),
            _ => None,
        };
        // A journal that contradicts itself is the coordinator's trouble; this tells what it can of it.
        let _ = self.state.apply(at, event);
        let mut pieces = Vec::new();
        match event {
            Event::BaseJudged { plan, suite } => {
                let id = self.id(&["base", plan.as_str(), &at.0.to_string()]);
                let piece = Piece::new(Kind::Suite, "suite on the base", id, Some(self.root()), (since.unwrap_or(at), at));
                pieces.push(judged(piece, suite).with(PLAN, plan.to_string()));
            }
            Event::WorkJudged { attempt, verdict } => pieces.extend(self.gate(attempt, verdict, at)),
            Event::BatchVerified { batch, suite, .. } => pieces.extend(self.suite(batch, suite, at)),
            _ => {}
        }
        let ended: Vec<AttemptId> =
            self.attempts.iter().filter(|id| self.state.attempt(id).is_none_or(|a| a.outcome.is_some())).cloned().collect();
        for id in ended {
            self.attempts.remove(&id);
            pieces.extend(self.attempt(&id, at));
        }
        if let Event::BatchLanded { batch, landed, verified, .. } = event {
            pieces.extend(landed.iter().filter_map(|l| self.landing(batch, l, *verified, at)));
        }
        pieces.extend(self.ended_batches(at, event));
        self.note_ended_task(at, event);
        let ended: Vec<TaskKey> = self.tasks.keys().filter(|key| self.state.task(key).is_none_or(|t| t.phase.ended())).cloned().collect();
        pieces.extend(ended.into_iter().filter_map(|key| self.task(&key, at)));
        if let Event::RunEnded { finished } = event {
            pieces.push(self.run(*finished, at));
            self.over = true;
            self.ends += 1;
        }
        pieces
    }

    /// What has to be known of the state before the event.
    fn before(&mut self, at: Time, event: &Event) {
        if self.over {
            (self.over, self.began) = (false, at);
        }
        match event {
            Event::RunStarted { .. } => self.began = at,
            Event::AttemptStarted { attempt, .. } => {
                let since = self.state.task(&attempt.key).and_then(|t| t.ready_at).unwrap_or(at);
                self.tasks.entry(attempt.key.clone()).or_insert(since);
                self.attempts.insert(attempt.clone());
            }
            Event::BatchFormed { batch, plan, attempts, .. } => {
                let members = attempts.iter().map(|a| a.attempt.clone()).collect();
                self.batches.insert(*batch, Open { plan: plan.clone(), formed: at, merged: None, members });
            }
            Event::BatchMerged { batch, .. } => {
                if let Some(open) = self.batches.get_mut(batch) {
                    open.merged = Some(at);
                }
            }
            _ => {}
        }
    }

    /// A task may end without ever having been under way.
    fn note_ended_task(&mut self, at: Time, event: &Event) {
        let key = match event {
            Event::TaskFailed { key, .. }
            | Event::TaskNeedsHuman { key, .. }
            | Event::TaskSkipped { key, .. }
            | Event::TaskCancelled { key, .. } => key,
            _ => return,
        };
        self.tasks.entry(key.clone()).or_insert(at);
    }

    fn id(&self, words: &[&str]) -> SpanId {
        span_id(&self.seed, words)
    }

    fn root(&self) -> SpanId {
        self.id(&["run", &self.ends.to_string()])
    }

    /// The span of a task that has not ended, the next time that it does.
    fn task_id(&self, key: &TaskKey) -> SpanId {
        let ends = self.task_ends.get(key).copied().unwrap_or(0);
        self.id(&["task", key.plan.as_str(), key.task.as_str(), &ends.to_string()])
    }

    fn attempt_id(&self, what: &str, id: &AttemptId) -> SpanId {
        span_id(&self.seed, &[what, id.key.plan.as_str(), id.key.task.as_str(), &id.n.to_string()])
    }

    fn batch_id(&self, batch: BatchId) -> SpanId {
        self.id(&["batch", &batch.to_string()])
    }

    /// As which attempt people know it.
    fn number_of(&self, id: &AttemptId) -> Option<i64> {
        self.state.task(&id.key)?.number_of(id.n).map(i64::from)
    }

    fn gate(&self, id: &AttemptId, verdict: &Verdict, at: Time) -> Option<Piece> {
        let attempt = self.state.attempt(id)?;
        let (word, failed) = match verdict {
            Verdict::Accepted { .. } => ("accepted", None),
            Verdict::NoChange => ("no_change", Some(String::from("nothing was changed"))),
            Verdict::OutsideOwnership { .. } => ("outside_ownership", Some(String::from("files were changed that the task does not own"))),
            Verdict::CheckFailed { command, timed_out: true, .. } => ("check_failed", Some(format!("`{command}` timed out"))),
            Verdict::CheckFailed { command, exit_code, .. } => ("check_failed", Some(failed_command(command, *exit_code))),
            Verdict::NeedsHuman { why, .. } => ("needs_human", Some(why.clone())),
            Verdict::Broken { message } => ("broken", Some(message.clone())),
        };
        let from = attempt.gate_since.or(attempt.exited_at).unwrap_or(at);
        let files = match verdict {
            Verdict::Accepted { files_changed, .. } => Some(i64::from(*files_changed)),
            _ => None,
        };
        let piece = Piece::new(Kind::Gate, "gate", self.attempt_id("gate", id), Some(self.task_id(&id.key)), (from, at));
        Some(
            of_task(piece, &id.key)
                .with_some(ATTEMPT, self.number_of(id))
                .with(OUTCOME, word)
                .with_some("greenlane.files_changed", files)
                .failed(failed),
        )
    }

    fn attempt(&self, id: &AttemptId, at: Time) -> Option<Piece> {
        let attempt = self.state.attempt(id)?;
        // One that never began took a slot for a moment, and nothing else.
        let n = self.number_of(id)?;
        let outcome = attempt.outcome.as_ref()?;
        let to = attempt.exited_at.unwrap_or(at);
        let parent = self.task_id(&id.key);
        let piece = Piece::new(
            Kind::Attempt,
            format!("attempt by {}", attempt.agent),
            self.attempt_id("attempt", id),
            Some(parent),
            (attempt.started_at, to),
        );
        let failure = attempt.failure.as_ref();
        let piece = of_task(piece, &id.key)
            .with(ATTEMPT, n)
            .with(AGENT, attempt.agent.clone())
            .with(OUTCOME, outcome.as_str())
            .with_some("error.type", failure.map(|f| f.kind.as_str()))
            .failed(failure.map(|f| f.message.clone()));
        Some(used(piece, attempt))
    }

    fn landing(&self, batch: &BatchId, landed: &LandedAttempt, verified: bool, at: Time) -> Option<Piece> {
        let id = &landed.attempt;
        let from = self.state.attempt(id)?.judged_at.unwrap_or(at);
        let mut piece = Piece::new(Kind::Landing, "landing", self.attempt_id("landing", id), Some(self.task_id(&id.key)), (from, at));
        piece.links.push(self.batch_id(*batch));
        Some(
            of_task(piece, &id.key)
                .with_some(ATTEMPT, self.number_of(id))
                .with(COMMIT, landed.commit.to_string())
                .with("greenlane.verified", verified),
        )
    }

    fn suite(&self, batch: &BatchId, suite: &Suite, at: Time) -> Option<Piece> {
        let open = self.batches.get(batch)?;
        let (from, id) = (open.merged.unwrap_or(open.formed), self.id(&["suite", &batch.to_string()]));
        let piece = Piece::new(Kind::Suite, "suite", id, Some(self.batch_id(*batch)), (from, at));
        Some(judged(piece, suite).with(PLAN, open.plan.to_string()))
    }

    /// Batches that are under way no longer.
    fn ended_batches(&mut self, at: Time, event: &Event) -> Vec<Piece> {
        let is_active = |id: &BatchId, open: &Open| {
            self.state.plan(&open.plan).and_then(|p| p.lane.active.as_ref()).is_some_and(|active| active.id == *id)
        };
        let ended: Vec<BatchId> = self.batches.iter().filter(|(id, open)| !is_active(id, open)).map(|(id, _)| *id).collect();
        let (word, failed) = match event {
            Event::BatchLanded { .. } => ("landed", None),
            Event::BatchRaced { .. } => ("raced", None),
            Event::BatchDropped { .. } => ("dropped", Some("the machinery failed on it")),
            Event::BatchVerified { .. } => ("red", Some("the suite is red on it")),
            Event::BatchMerged { .. } => ("nothing_merged", Some("nothing in it could be merged")),
            _ => ("given_up", None),
        };
        let pieces = ended.into_iter().filter_map(|id| {
            let open = self.batches.remove(&id)?;
            let mut piece = Piece::new(Kind::Batch, "batch", self.batch_id(id), Some(self.root()), (open.formed, at));
            piece.links.extend(open.members.iter().map(|m| self.attempt_id("attempt", m)));
            let piece = piece.with(PLAN, open.plan.to_string()).with(OUTCOME, word).with("greenlane.attempts", number(open.members.len()));
            Some(piece.failed(failed.map(str::to_owned)))
        });
        pieces.collect()
    }

    fn task(&mut self, key: &TaskKey, at: Time) -> Option<Piece> {
        let since = self.tasks.remove(key)?;
        let id = self.task_id(key);
        *self.task_ends.entry(key.clone()).or_insert(0) += 1;
        let task = self.state.task(key)?;
        let (result, word) = ending(task.phase)?;
        let why = matches!(task.phase, Phase::Failed | Phase::NeedsHuman).then(|| task.reason.clone().unwrap_or_else(|| word.to_owned()));
        let piece = Piece::new(Kind::Task, format!("task {}", key.task), id, Some(self.root()), (since, at));
        let definition = self.state.definition(task);
        Some(
            of_task(piece, key)
                .with("greenlane.task.title", shortened(&definition.title))
                .with("cicd.pipeline.task.run.result", result)
                .with(STATE, word)
                .with("greenlane.attempts", number(task.begun().count()))
                .with("greenlane.retries", i64::from(task.retries))
                .with_some("greenlane.group", definition.group.as_ref().map(ToString::to_string))
                .with_some(COMMIT, task.landed.as_ref().map(ToString::to_string))
                .failed(why),
        )
    }

    fn run(&self, finished: bool, at: Time) -> Piece {
        let in_state = |phase: Phase| self.state.tasks.iter().filter(|t| t.phase == phase).count();
        let failed = in_state(Phase::Failed) + in_state(Phase::NeedsHuman);
        let result = match (finished, failed) {
            (false, _) => "cancellation",
            (true, 0) => "success",
            (true, _) => "failure",
        };
        Piece::new(Kind::Run, "run", self.root(), None, (self.began, at))
            .with("cicd.pipeline.run.id", self.run.to_string())
            .with("cicd.pipeline.result", result)
            .with("greenlane.plans", number(self.state.plans.len()))
            .with("greenlane.tasks", number(self.state.tasks.len()))
            .with("greenlane.tasks.done", number(in_state(Phase::Done)))
            .with("greenlane.tasks.failed", number(failed))
            .with("greenlane.slots", i64::from(self.state.options().jobs))
            .failed((finished && failed > 0).then(|| format!("{failed} of {} tasks without success", self.state.tasks.len())))
    }
}

/// What an attempt hands on to its agent, in the words of the W3C's Trace Context: spans of the agent's own belong to the attempt's.
pub(super) fn traceparent(place: &str, run: &RunId, id: &AttemptId) -> String {
    let fold = Fold::new(place, run);
    format!("00-{:032x}-{}-01", u128::from_be_bytes(fold.trace()), fold.attempt_id("attempt", id))
}

/// A run's full name: unlike others' also in other repositories.
fn seed(place: &str, run: &RunId) -> String {
    format!("{place}\n{run}")
}

fn trace_id(seed: &str) -> [u8; 16] {
    digest(&[seed, "trace"])
}

fn span_id(seed: &str, words: &[&str]) -> SpanId {
    let words: Vec<&str> = std::iter::once(seed).chain(words.iter().copied()).collect();
    SpanId::from_bytes(digest(&words))
}

pub(super) const AGENT: &str = "gen_ai.agent.name";
pub(super) const OUTCOME: &str = "greenlane.outcome";
pub(super) const STATE: &str = "greenlane.state";
pub(super) const TOKENS: [(&str, &str); 3] =
    [("gen_ai.usage.input_tokens", "input"), ("gen_ai.usage.output_tokens", "output"), ("gen_ai.usage.cache_read.input_tokens", "cached")];
pub(super) const COST: &str = "greenlane.cost_usd";
const ATTEMPT: &str = "greenlane.attempt";
const COMMIT: &str = "vcs.ref.head.revision";
const PLAN: &str = "cicd.pipeline.name";

/// A task that has ended: the word of OpenTelemetry's conventions, and the contract's.
fn ending(phase: Phase) -> Option<(&'static str, &'static str)> {
    match phase {
        Phase::Done => Some(("success", "done")),
        Phase::NeedsHuman => Some(("failure", "needs_human")),
        Phase::Failed => Some(("failure", "failed")),
        Phase::Skipped => Some(("skip", "skipped")),
        Phase::Cancelled => Some(("cancellation", "cancelled")),
        _ => None,
    }
}

fn of_task(piece: Piece, key: &TaskKey) -> Piece {
    piece.with(PLAN, key.plan.to_string()).with("cicd.pipeline.task.name", key.task.to_string())
}

/// What an attempt used, as far as its keeper and its agent say.
fn used(piece: Piece, attempt: &AttemptState) -> Piece {
    let Some(record) = attempt.record.as_deref() else { return piece };
    let code = match record.exit {
        Exit::Code { code } => Some(i64::from(code)),
        _ => None,
    };
    let usage = record.report.usage.as_ref();
    piece
        .with_some("process.exit.code", code)
        .with_some("gen_ai.response.model", record.report.model.clone())
        .with_some(TOKENS[0].0, usage.map(|u| number(u.input_tokens)))
        .with_some(TOKENS[1].0, usage.map(|u| number(u.output_tokens)))
        .with_some(TOKENS[2].0, usage.map(|u| number(u.cached_tokens)))
        .with_some(COST, usage.and_then(|u| u.cost_usd))
        .with("greenlane.model_calls", number(record.report.model_calls))
        .with("greenlane.tool_calls", number(record.report.tool_calls))
        .with("greenlane.cpu_s", Duration::from_millis(record.cpu_ms).as_secs_f64())
        .with("greenlane.memory_peak_bytes", number(record.memory_peak_bytes))
}

fn judged(piece: Piece, suite: &Suite) -> Piece {
    match suite {
        Suite::Green { cached } => piece.with(OUTCOME, "green").with("greenlane.cached", *cached),
        Suite::Red { command, timed_out: true, .. } => piece.with(OUTCOME, "red").failed(Some(format!("`{command}` timed out"))),
        Suite::Red { command, exit_code, .. } => piece.with(OUTCOME, "red").failed(Some(failed_command(command, *exit_code))),
        Suite::Broken { message } => piece.with(OUTCOME, "broken").failed(Some(message.clone())),
    }
}

fn failed_command(command: &str, exit_code: Option<i32>) -> String {
    match exit_code {
        Some(code) => format!("`{command}` ended with {code}"),
        None => format!("`{command}` was killed"),
    }
}
