//! `retries.jsonl`: what was decided after each failed attempt. The ancestor's schema.

use greenlane_core::event::Event;
use greenlane_core::failure::{FailureDetail, FailureType};
use greenlane_core::ids::{RunId, TaskKey};
use greenlane_core::state::State;
use greenlane_core::time::Time;
use greenlane_core::view::given_up;
use serde::{Deserialize, Serialize};

use super::{Entry, Fact, Lines, Subscriber};

pub(super) struct Retries;

/// One decision: a line of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetryRecord {
    /// When it was decided; RFC 3339 in UTC.
    pub timestamp: String,
    /// Of which run.
    pub run: String,
    /// The plan, as the ancestor calls it.
    pub prd_id: String,
    /// The task, as the ancestor calls it.
    pub story_id: String,
    /// The plan.
    pub plan: String,
    /// The task.
    pub task: String,
    /// The attempt that failed: its id.
    pub attempt: u32,
    /// As which attempt people know it; `None` in lines of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// As what.
    pub failure_type: FailureType,
    /// More, where the evidence had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<FailureDetail>,
    /// Its message.
    pub error_message: String,
    /// Retries used up, this one included.
    pub retry: u32,
    /// The wait before it; 0 where there is none.
    pub backoff_seconds: f64,
    /// Not before then.
    pub until: Option<String>,
    /// Whether it is tried again.
    pub will_retry: bool,
    /// In which way: `retry` (after a wait), `repair` (at once, by the same agent), `quota` (when its account may be used again),
    /// `fallback` (by another agent), `given_up`. Only `retry` uses up a retry.
    #[serde(default)]
    pub how: String,
    /// Why it was given up: what the policy, its budget or its account said; `None` where it was not, and in lines of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_up_because: Option<String>,
}

impl Subscriber for Retries {
    fn name(&self) -> &'static str {
        "retries"
    }

    fn take(&mut self, entry: &Entry, state: &State, lines: &mut Lines) -> Result<(), serde_json::Error> {
        let Fact::Event { run, event, .. } = &entry.fact else { return Ok(()) };
        match event.as_ref() {
            Event::RetryScheduled { key, until, .. } => decided(run, entry.at, key, How::Retry(*until), state, lines),
            Event::RepairScheduled { key, .. } => decided(run, entry.at, key, How::Repair, state, lines),
            Event::QuotaAwaited { key, account } => decided(run, entry.at, key, How::Quota(account), state, lines),
            Event::FallbackScheduled { key } => decided(run, entry.at, key, How::Fallback, state, lines),
            Event::TaskFailed { key, reason } => decided(run, entry.at, key, How::GivenUp(reason), state, lines),
            _ => Ok(()),
        }
    }
}

/// What was decided.
#[derive(Clone, Copy)]
enum How<'a> {
    Retry(Time),
    Repair,
    Quota(&'a str),
    Fallback,
    GivenUp(&'a str),
}

impl How<'_> {
    fn word(self) -> &'static str {
        match self {
            How::Retry(_) => "retry",
            How::Repair => "repair",
            How::Quota(_) => "quota",
            How::Fallback => "fallback",
            How::GivenUp(_) => "given_up",
        }
    }

    fn until(self, state: &State) -> Option<Time> {
        match self {
            How::Retry(until) => Some(until),
            How::Quota(account) => state.accounts.get(account)?.paused_until,
            _ => None,
        }
    }
}

fn decided(run: &RunId, at: Time, key: &TaskKey, how: How<'_>, state: &State, lines: &mut Lines) -> Result<(), serde_json::Error> {
    let Some(task) = state.task(key) else { return Ok(()) };
    // A task may fail without an attempt of its own; then there was nothing to decide on.
    let Some((attempt, failure)) = task.current().and_then(|a| Some((a, a.failure.as_ref()?))) else { return Ok(()) };
    let until = how.until(state);
    let (plan, id) = (key.plan.to_string(), key.task.to_string());
    lines.push(&RetryRecord {
        timestamp: at.rfc3339(),
        run: run.to_string(),
        prd_id: plan.clone(),
        story_id: id.clone(),
        plan,
        task: id,
        attempt: attempt.n,
        number: task.number_of(attempt.n),
        failure_type: failure.kind,
        detail: failure.detail,
        error_message: failure.message.clone(),
        retry: task.retries,
        backoff_seconds: until.map_or(0.0, |until| until.since(at).as_secs_f64()),
        until: until.map(Time::rfc3339),
        will_retry: !matches!(how, How::GivenUp(_)),
        how: how.word().to_owned(),
        given_up_because: match how {
            How::GivenUp(reason) => given_up(state, task, reason),
            _ => None,
        },
    })
}
