//! `metrics.jsonl`: what tasks and runs took and used, as `{timestamp, event, prd_id, metadata}`. The ancestor's schema.
//! Durations in milliseconds.

use std::time::Duration;

use greenlane_core::attempt::{ExitRecord, Usage};
use greenlane_core::event::Event;
use greenlane_core::ids::{AttemptId, PlanId, RunId, TaskKey};
use greenlane_core::state::{AttemptState, PlanPhase, PlanState, State, TaskState};
use greenlane_core::time::Time;
use greenlane_core::view::{Figures, Until, task_time};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Entry, Fact, Lines, Subscriber};

pub(super) struct Metrics;

#[derive(Serialize)]
struct Line<'a> {
    timestamp: String,
    event: &'static str,
    run: &'a RunId,
    prd_id: Option<&'a PlanId>,
    metadata: Value,
}

impl Subscriber for Metrics {
    fn name(&self) -> &'static str {
        "metrics"
    }

    fn take(&mut self, entry: &Entry, state: &State, lines: &mut Lines) -> Result<(), serde_json::Error> {
        let Fact::Event { run, event, .. } = &entry.fact else { return Ok(()) };
        let at = entry.at;
        let mut put = |event, plan, metadata| lines.push(&Line { timestamp: at.rfc3339(), event, run, prd_id: plan, metadata });
        match event.as_ref() {
            Event::RunStarted { options } => put("run_started", None, json!({"jobs": options.jobs, "max_plans": options.max_plans})),
            Event::AttemptStarted { attempt, agent, .. } => {
                put("attempt_started", Some(&attempt.key.plan), attempt_started(attempt, agent, state, at))
            }
            Event::AttemptExited { attempt, record } => put("attempt_exited", Some(&attempt.key.plan), attempt_exited(attempt, record)),
            Event::WorkJudged { attempt, .. } => {
                let gate = state.attempt(attempt).and_then(|a| Some(ms(a.judged_at?.since(a.exited_at?))));
                put("work_judged", Some(&attempt.key.plan), json!({"task": attempt.key.task, "attempt": attempt.n, "gate_ms": gate}))
            }
            Event::BatchLanded { landed, .. } => {
                let keys = landed.iter().map(|l| &l.attempt.key);
                keys.filter_map(|key| state.task(key))
                    .try_for_each(|t| put("task_ended", Some(&t.key.plan), task_ended(state, t, "done", at)))
            }
            Event::TaskFailed { key, .. } => ended(key, "failed", state, at, &mut put),
            Event::TaskNeedsHuman { key, .. } => ended(key, "needs_human", state, at, &mut put),
            Event::TaskSkipped { key, .. } => ended(key, "skipped", state, at, &mut put),
            Event::TaskCancelled { key, .. } => ended(key, "cancelled", state, at, &mut put),
            Event::PlanEnded { plan, done, .. } => match state.plan(plan) {
                Some(p) => put("plan_ended", Some(plan), plan_ended(p, *done, state, at)),
                None => Ok(()),
            },
            Event::AccountLimited { account, until, limit, reason } => {
                put("account_limited", None, json!({"account": account, "pause_ms": ms(until.since(at)), "limit": limit, "reason": reason}))
            }
            Event::RunEnded { finished } => put("run_ended", None, run_ended(*finished, state, at)),
            _ => Ok(()),
        }
    }
}

fn ended<'a>(
    key: &'a TaskKey,
    how: &str,
    state: &State,
    at: Time,
    put: &mut impl FnMut(&'static str, Option<&'a PlanId>, Value) -> Result<(), serde_json::Error>,
) -> Result<(), serde_json::Error> {
    state.task(key).map_or(Ok(()), |task| put("task_ended", Some(&key.plan), task_ended(state, task, how, at)))
}

fn attempt_started(attempt: &AttemptId, agent: &str, state: &State, at: Time) -> Value {
    let waited = state.task(&attempt.key).and_then(|t| t.ready_at).map(|since| ms(at.since(since)));
    let running = state.tasks.iter().filter(|t| t.phase == greenlane_core::state::Phase::Running).count();
    json!({
        "task": attempt.key.task, "attempt": attempt.n, "agent": agent, "queue_wait_ms": waited,
        "slots_used": running, "slots": state.options.as_ref().map(|o| o.jobs),
    })
}

fn attempt_exited(attempt: &AttemptId, record: &ExitRecord) -> Value {
    json!({
        "task": attempt.key.task, "attempt": attempt.n, "duration_ms": ms(record.ended_at.since(record.started_at)),
        "cpu_ms": record.cpu_ms, "memory_peak_bytes": record.memory_peak_bytes, "model_calls": record.report.model_calls,
        "tool_calls": record.report.tool_calls, "tokens": tokens(record.report.usage.as_ref()),
        "cost_usd": record.report.usage.as_ref().and_then(|u| u.cost_usd),
    })
}

fn task_ended(state: &State, task: &TaskState, how: &str, at: Time) -> Value {
    let used = Used::of(task.attempts.iter());
    json!({
        "task": task.key.task, "state": how, "attempts": task.begun().count(), "retries": task.retries,
        "agent": task.current().map(|a| &a.agent), "duration_ms": ms(task_time(state, task, at)),
        "elapsed_ms": task.attempts.first().map(|a| ms(at.since(a.started_at))), "tokens": used.tokens, "cost_usd": used.cost_usd,
    })
}

fn plan_ended(plan: &PlanState, done: bool, state: &State, at: Time) -> Value {
    let tasks = &state.tasks[plan.tasks.clone()];
    let used = Used::of(tasks.iter().flat_map(|t| &t.attempts));
    let landed = tasks.iter().filter(|t| t.phase == greenlane_core::state::Phase::Done).count();
    let began = tasks.iter().filter_map(|t| t.attempts.first()).map(|a| a.started_at).min();
    json!({
        "done": done, "tasks": tasks.len(), "tasks_done": landed, "elapsed_ms": began.map(|began| ms(at.since(began))),
        "tokens": used.tokens, "cost_usd": used.cost_usd,
    })
}

fn run_ended(finished: bool, state: &State, at: Time) -> Value {
    let figures = Figures::of(state, &Until::now(state, at));
    let used = Used::of(state.tasks.iter().flat_map(|t| &t.attempts));
    // What landed in an earlier run took no time in this one.
    let done = state.tasks.iter().filter(|t| t.phase == greenlane_core::state::Phase::Done && t.landed_before.is_none()).count();
    let plans_done = state.plans.iter().filter(|p| p.phase == PlanPhase::Ended { done: true }).count();
    let hours = figures.elapsed.as_secs_f64() / 3_600.0;
    let per_hour = |n: usize| if hours > 0.0 { n as f64 / hours } else { 0.0 };
    // Agents at work, each from the start of its process to its end.
    let records = state.tasks.iter().flat_map(|t| &t.attempts).filter_map(|a| a.record.as_deref());
    let agents: Duration = records.map(|r| r.ended_at.since(r.started_at)).sum();
    let slots_used = if figures.elapsed.is_zero() { 0.0 } else { agents.as_secs_f64() / figures.elapsed.as_secs_f64() };
    json!({
        "finished": finished, "plans": state.plans.len(), "tasks": state.tasks.len(), "tasks_done": done,
        "attempts": state.tasks.iter().map(|t| t.begun().count()).sum::<usize>(),
        "failed_attempts": state.tasks.iter().flat_map(|t| &t.attempts).filter(|a| a.failure.is_some()).count(),
        "elapsed_ms": ms(figures.elapsed), "sequential_ms": ms(figures.sequential), "critical_path_ms": ms(figures.critical_path),
        "speedup": figures.speedup(), "tasks_per_hour": per_hour(done),
        "plans_done": plans_done, "plans_per_hour": per_hour(plans_done), "slots": state.options.as_ref().map(|o| o.jobs),
        "slots_used_mean": (slots_used * 100.0).round() / 100.0, "agents_ms": ms(agents),
        "tokens": used.tokens, "cost_usd": used.cost_usd,
    })
}

/// What some attempts used together; `None` where no agent says.
#[derive(Default)]
struct Used {
    tokens: Option<u64>,
    cost_usd: Option<f64>,
}

impl Used {
    fn of<'a>(attempts: impl Iterator<Item = &'a AttemptState>) -> Self {
        let mut sum = Self::default();
        for usage in attempts.filter_map(|a| a.record.as_ref()?.report.usage.as_ref()) {
            sum.tokens = Some(sum.tokens.unwrap_or(0) + usage.input_tokens + usage.output_tokens);
            sum.cost_usd = match (sum.cost_usd, usage.cost_usd) {
                (Some(a), Some(b)) => Some(a + b),
                (a, b) => a.or(b),
            };
        }
        sum
    }
}

fn tokens(usage: Option<&Usage>) -> Option<u64> {
    usage.map(|u| u.input_tokens + u.output_tokens)
}

fn ms(d: Duration) -> u64 {
    u64::try_from(d.as_millis()).unwrap_or(u64::MAX)
}
