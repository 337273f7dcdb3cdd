//! `health.jsonl`: what changed about the health of attempts under way. The ancestor's schema, with what else is known. Heartbeats
//! themselves are no events: only a change of status is one.

use greenlane_core::event::Event;
use greenlane_core::health::{HealthStatus, Seen};
use greenlane_core::ids::{AttemptId, RunId};
use greenlane_core::state::State;
use greenlane_core::time::Time;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Entry, Fact, Lines, Subscriber};
use crate::driver::label;

pub(super) struct Health;

/// One change: a line of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HealthRecord {
    /// When it was noticed; RFC 3339 in UTC.
    pub timestamp: String,
    /// The attempt's label, `run/slug/n`.
    pub worker_id: String,
    /// The plan, as the ancestor calls it.
    pub prd_id: String,
    /// The task, as the ancestor calls it.
    pub story_id: String,
    /// The run.
    pub run: String,
    /// The plan.
    pub plan: String,
    /// The task.
    pub task: String,
    /// The attempt's id.
    pub attempt: u32,
    /// As which attempt people know it; `None` in lines of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// Who.
    pub agent: Option<String>,
    /// How it is.
    pub status: HealthStatus,
    /// How it was.
    pub from: HealthStatus,
    /// Why.
    pub reason: Option<String>,
    /// Turns of its conversation, where its events tell.
    pub iteration: Option<u64>,
    /// Memory of its tree, in megabytes.
    pub memory_mb: f64,
    /// Calls of its model.
    pub api_calls_made: u64,
    /// What else was seen: pid, step, tool_calls, cpu_ms, processes, quiet_seconds, evidence, heartbeat_at.
    #[serde(default)]
    pub context: Map<String, Value>,
}

impl Subscriber for Health {
    fn name(&self) -> &'static str {
        "health"
    }

    fn take(&mut self, entry: &Entry, state: &State, lines: &mut Lines) -> Result<(), serde_json::Error> {
        let Fact::Event { run, event, .. } = &entry.fact else { return Ok(()) };
        match event.as_ref() {
            Event::HealthChanged { attempt, from, to, reason, seen } => {
                lines.push(&record(run, entry.at, attempt, (*from, *to), reason.as_ref(), seen, state))
            }
            _ => Ok(()),
        }
    }
}

fn record(
    run: &RunId,
    at: Time,
    attempt: &AttemptId,
    (from, to): (HealthStatus, HealthStatus),
    reason: Option<&String>,
    seen: &Seen,
    state: &State,
) -> HealthRecord {
    let known = state.attempt(attempt);
    let (plan, task) = (attempt.key.plan.to_string(), attempt.key.task.to_string());
    HealthRecord {
        timestamp: at.rfc3339(),
        worker_id: label(run, attempt),
        prd_id: plan.clone(),
        story_id: task.clone(),
        run: run.to_string(),
        plan,
        task,
        attempt: attempt.n,
        number: state.task(&attempt.key).and_then(|t| t.number_of(attempt.n)),
        agent: known.map(|a| a.agent.clone()),
        status: to,
        from,
        reason: reason.cloned(),
        iteration: seen.iteration,
        memory_mb: (seen.memory_bytes as f64 / 1e5).round() / 10.0,
        api_calls_made: seen.model_calls,
        context: context(known.and_then(|a| a.spawned.as_ref()).map(|s| s.pid), seen),
    }
}

fn context(pid: Option<u32>, seen: &Seen) -> Map<String, Value> {
    let mut context = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            context.insert(name.to_owned(), value);
        }
    };
    put("pid", json!(pid));
    put("step", json!(seen.step));
    put("tool_calls", json!(seen.tool_calls));
    put("cpu_ms", json!(seen.cpu_ms));
    put("processes", json!(seen.processes));
    put("quiet_seconds", json!(seen.quiet_ms as f64 / 1_000.0));
    put("evidence", json!(seen.evidence));
    put("heartbeat_at", json!(seen.heartbeat_at.map(Time::rfc3339)));
    put("keeper_stopped", json!(seen.keeper_stopped));
    context
}
