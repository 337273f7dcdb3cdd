//! Looks at everything that is under way, once: attempts by their keepers' heartbeats, workers by their own word. Formats nothing.

use greenlane_core::health::{Evidence, HealthPolicy, HealthStatus, Keeper, Reading, judge_alone};
use greenlane_core::ids::RunId;
use greenlane_core::state::{Phase, TaskState};
use greenlane_core::time::Time;
use greenlane_core::view::Coordinator;
use greenlane_runtime::health::{look, workers};
use greenlane_runtime::journal::JournalError;
use greenlane_runtime::{clock, journal};
use serde::Serialize;

use super::HealthArgs;
use crate::context::Context;
use crate::error::Error;
use crate::session::{Opened, Session};

/// Among so many of the latest runs those are looked for that have not ended.
const RUNS_MAX: u32 = 20;

/// How many are how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Summary {
    pub(crate) total: usize,
    pub(crate) healthy: usize,
    pub(crate) hung: usize,
    pub(crate) dead: usize,
    pub(crate) unknown: usize,
    pub(crate) attempts: usize,
    pub(crate) workers: usize,
}

/// One attempt under way.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct AttemptHealth {
    /// `plan/task#n`.
    pub(crate) id: String,
    pub(crate) run: RunId,
    pub(crate) plan: String,
    pub(crate) task: String,
    pub(crate) attempt: u32,
    /// As which attempt people know it.
    pub(crate) number: Option<u32>,
    pub(crate) agent: String,
    pub(crate) status: HealthStatus,
    pub(crate) reason: Option<String>,
    /// Since when it has the status that the journal knows; `null` where that is another one, or from its start.
    pub(crate) since: Option<String>,
    /// Somebody coordinates its run.
    pub(crate) coordinated: bool,
    pub(crate) keeper_pid: Option<u32>,
    pub(crate) heartbeat_at: Option<String>,
    pub(crate) heartbeat_age_seconds: Option<f64>,
    /// Without a sign of work, by its last heartbeat.
    pub(crate) quiet_seconds: Option<f64>,
    pub(crate) evidence: Option<Evidence>,
    pub(crate) step: Option<String>,
    pub(crate) iteration: Option<u64>,
    pub(crate) model_calls: u64,
    pub(crate) tool_calls: u64,
    pub(crate) tokens: Option<u64>,
    pub(crate) cost_usd: Option<f64>,
    pub(crate) cpu_seconds: f64,
    pub(crate) memory_mb: f64,
    pub(crate) processes: u32,
    pub(crate) output_bytes: u64,
}

/// One external worker.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct WorkerHealth {
    pub(crate) name: String,
    pub(crate) status: HealthStatus,
    pub(crate) reason: Option<String>,
    /// When it last told of itself.
    pub(crate) at: String,
    pub(crate) age_seconds: f64,
    pub(crate) message: Option<String>,
    pub(crate) task: Option<String>,
    pub(crate) pid: Option<u32>,
    pub(crate) iteration: Option<u64>,
    pub(crate) memory_mb: Option<f64>,
    pub(crate) api_calls_made: Option<u64>,
}

impl Summary {
    pub(crate) fn of(attempts: &[AttemptHealth], workers: &[WorkerHealth]) -> Self {
        let mut sum = Self { attempts: attempts.len(), workers: workers.len(), ..Self::default() };
        for status in attempts.iter().map(|a| a.status).chain(workers.iter().map(|w| w.status)) {
            sum.total += 1;
            *match status {
                HealthStatus::Healthy => &mut sum.healthy,
                HealthStatus::Hung => &mut sum.hung,
                HealthStatus::Dead => &mut sum.dead,
                HealthStatus::Unknown => &mut sum.unknown,
            } += 1;
        }
        sum
    }
}

/// Everything that is meant by the flags.
pub(crate) fn survey(args: &HealthArgs, session: &Session, context: &Context) -> Result<(Vec<AttemptHealth>, Vec<WorkerHealth>), Error> {
    let now = clock::now();
    let mut attempts = Vec::new();
    for opened in runs(args, session)? {
        let named = match &args.task {
            Some(name) => Some(crate::names::tasks(&opened.state, std::slice::from_ref(name))?),
            None => None,
        };
        let policy = opened.state.options().health;
        let running = opened.state.tasks.iter().filter(|t| t.phase == Phase::Running && named.as_ref().is_none_or(|n| n.contains(&t.key)));
        attempts.extend(running.filter_map(|t| of_attempt(&opened, t, &policy, now)));
    }
    if args.task.is_some() || args.run.is_some() {
        return Ok((attempts, Vec::new()));
    }
    let config = context.load_config(session.repo.top().or(session.repo.main_top()), &[])?.config;
    let policy = config.run_options(Default::default(), 1, 0).health;
    let known = workers::workers(&session.state_dir, now).map_err(|e| Error::environment(e.to_string()))?;
    Ok((attempts, known.iter().map(|w| of_worker(w, &policy, now)).collect()))
}

/// The run that was named, or all that have not ended: also one whose coordinator is gone may have agents at work.
fn runs(args: &HealthArgs, session: &Session) -> Result<Vec<Opened>, Error> {
    let journal = match journal::Journal::read(&session.state_dir) {
        Ok(journal) => journal,
        // A worker may tell of itself where nothing ever ran.
        Err(JournalError::Missing(_)) if args.run.is_none() && args.task.is_none() => return Ok(Vec::new()),
        Err(e) => return Err(e.into()),
    };
    if args.run.is_some() || args.task.is_some() {
        let run = session.find_run(&journal, args.run.as_deref())?;
        return Ok(vec![session.load(&journal, run)?]);
    }
    let mut found = Vec::new();
    for entry in journal.runs(RUNS_MAX)? {
        let opened = session.load(&journal, entry.run)?;
        if opened.state.is_live() {
            found.push(opened);
        }
    }
    Ok(found)
}

/// `None`: it is not under way any more, and only waits to be taken in.
pub(crate) fn of_attempt(opened: &Opened, task: &TaskState, policy: &HealthPolicy, now: Time) -> Option<AttemptHealth> {
    let id = task.attempt_id();
    let attempt = task.current()?;
    let spawned = attempt.spawned.as_ref()?;
    let reading = look(&opened.layout.attempt_dir(&id)).heard(opened.state.silence_of(&id, now));
    let Reading { keeper, beat } = &reading;
    if *keeper == Keeper::Ended {
        return None;
    }
    let judged = judge_alone(&reading, attempt.health.status, now.since(spawned.at), now, policy);
    let (status, reason) = match judged {
        Some(judged) => (judged.status, judged.reason),
        None => (HealthStatus::Healthy, Some(String::from("it has just started"))),
    };
    let beat = beat.clone().unwrap_or_default();
    let known = reading.beat.is_some();
    Some(AttemptHealth {
        id: id.to_string(),
        run: opened.run.clone(),
        plan: id.key.plan.to_string(),
        task: id.key.task.to_string(),
        attempt: id.n,
        number: task.number_of(id.n),
        agent: attempt.agent.clone(),
        status,
        reason,
        since: attempt.health.since.filter(|_| attempt.health.status == status).map(Time::rfc3339),
        coordinated: opened.coordinator == Coordinator::Alive,
        keeper_pid: (*keeper != Keeper::Gone).then_some(spawned.pid),
        heartbeat_at: known.then(|| beat.at.rfc3339()),
        heartbeat_age_seconds: known.then(|| tenths(beat.age.as_secs_f64())),
        quiet_seconds: known.then(|| tenths(beat.quiet.as_secs_f64())),
        evidence: beat.evidence,
        step: beat.step,
        iteration: beat.iteration,
        model_calls: beat.model_calls,
        tool_calls: beat.tool_calls,
        tokens: beat.usage.as_ref().map(|u| u.input_tokens + u.output_tokens),
        cost_usd: beat.usage.as_ref().and_then(|u| u.cost_usd),
        cpu_seconds: beat.cpu_ms as f64 / 1_000.0,
        memory_mb: tenths(beat.memory_bytes as f64 / 1e6),
        processes: beat.processes,
        output_bytes: beat.output_bytes,
    })
}

fn of_worker(worker: &workers::Worker, policy: &HealthPolicy, now: Time) -> WorkerHealth {
    let (status, reason) = worker.judged(policy, now);
    WorkerHealth {
        name: worker.name.clone(),
        status,
        reason,
        at: worker.at.rfc3339(),
        age_seconds: tenths(worker.age(now).as_secs_f64()),
        message: worker.message.clone(),
        task: worker.task.clone(),
        pid: worker.process.as_ref().map(|p| p.pid),
        iteration: worker.iteration,
        memory_mb: worker.memory_mb,
        api_calls_made: worker.api_calls_made,
    }
}

fn tenths(n: f64) -> f64 {
    (n * 10.0).round() / 10.0
}
