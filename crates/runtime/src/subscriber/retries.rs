//! `retries.jsonl`: what was decided after each failed attempt. The ancestor's schema.

use greenlane_core::event::Event;
use greenlane_core::failure::{FailureDetail, FailureType};
use greenlane_core::ids::{RunId, TaskKey};
use greenlane_core::state::State;
use greenlane_core::time::Time;
use serde::Serialize;

use super::{Entry, Fact, Lines, Subscriber};

pub(super) struct Retries;

/// One decision.
#[derive(Serialize)]
struct Line<'a> {
    timestamp: String,
    run: &'a RunId,
    prd_id: &'a str,
    story_id: &'a str,
    plan: &'a str,
    task: &'a str,
    /// The attempt that failed.
    attempt: u32,
    failure_type: FailureType,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<FailureDetail>,
    error_message: &'a str,
    /// Retries used up, this one included.
    retry: u32,
    backoff_seconds: f64,
    /// Not before then.
    until: Option<String>,
    will_retry: bool,
}

impl Subscriber for Retries {
    fn name(&self) -> &'static str {
        "retries"
    }

    fn take(&mut self, entry: &Entry, state: &State, lines: &mut Lines) -> Result<(), serde_json::Error> {
        let Fact::Event { run, event, .. } = &entry.fact else { return Ok(()) };
        match event.as_ref() {
            Event::RetryScheduled { key, until, .. } => decided(run, entry.at, key, Some(*until), state, lines),
            Event::TaskFailed { key, .. } => decided(run, entry.at, key, None, state, lines),
            _ => Ok(()),
        }
    }
}

fn decided(run: &RunId, at: Time, key: &TaskKey, until: Option<Time>, state: &State, lines: &mut Lines) -> Result<(), serde_json::Error> {
    let Some(task) = state.task(key) else { return Ok(()) };
    // A task may fail without an attempt of its own; then there was nothing to decide on.
    let Some((attempt, failure)) = task.current().and_then(|a| Some((a, a.failure.as_ref()?))) else { return Ok(()) };
    lines.push(&Line {
        timestamp: at.rfc3339(),
        run,
        prd_id: key.plan.as_str(),
        story_id: key.task.as_str(),
        plan: key.plan.as_str(),
        task: key.task.as_str(),
        attempt: attempt.n,
        failure_type: failure.kind,
        detail: failure.detail,
        error_message: &failure.message,
        retry: task.retries,
        backoff_seconds: until.map_or(0.0, |until| until.since(at).as_secs_f64()),
        until: until.map(Time::rfc3339),
        will_retry: until.is_some(),
    })
}
