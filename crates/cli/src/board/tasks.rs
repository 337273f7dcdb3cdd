//! The rows of tasks and of their attempts, in the order in which people want them.

use std::path::PathBuf;

use greenlane_core::attempt::Verdict;
use greenlane_core::health::HealthStatus;
use greenlane_core::ids::{AttemptId, TaskKey};
use greenlane_core::slug::key_slug;
use greenlane_core::state::{AttemptState, Phase, State, TaskState};
use greenlane_core::view::{AttemptView, Status, TaskView, UsageView};
use greenlane_runtime::workspace::kept_prefix;

use super::activity::said;
use super::make::Sources;
use super::rows::{AttemptRow, Checked, TaskRow};
use super::use_of::add;
use crate::report::{clean, evidence, name_of, shown_state, sign, state_words};

/// What an attempt under way has used by its last heartbeat; nothing before it tells.
pub(super) fn used_so_far(sources: &Sources<'_>, key: &TaskKey) -> Option<UsageView> {
    let usage = sources.seen.of(key)?.usage()?;
    Some(UsageView { input_tokens: usage.input_tokens, output_tokens: usage.output_tokens, cost_usd: usage.cost_usd })
}

/// A task as a row.
pub(super) fn row(sources: &Sources<'_>, doc: &Status, view: &TaskView, of: &TaskState) -> TaskRow {
    let state = &sources.opened.state;
    let shown = shown_state(doc, view).to_owned();
    let definition = state.definition(of);
    let glimpse = sources.seen.of(&of.key);
    let newest = view.attempts.last();
    let live = of.phase.active() && doc.run.state == "running";
    let mut usage = UsageView::default();
    view.attempts.iter().for_each(|a| add(&mut usage, &a.usage));
    if of.phase == Phase::Running {
        used_so_far(sources, &of.key).iter().for_each(|so_far| add(&mut usage, so_far));
    }
    TaskRow {
        key: of.key.clone(),
        plan: of.plan,
        name: clean(&name_of(doc, view)),
        title: clean(&view.title),
        words: state_words(&shown),
        sign: sign(&shown),
        reason: ill(sources, of).or_else(|| said(view.reason.as_deref())),
        until: match of.phase {
            Phase::AwaitingRetry { until } => Some(until),
            Phase::Ready if shown == "awaiting_quota" => {
                state.account_of(&view.agent).and_then(|account| state.accounts.get(account)?.paused_until)
            }
            _ => None,
        },
        activity: glimpse.and_then(|g| g.activity.clone()),
        progress: view.progress.as_ref().map(|p| p.percent),
        attempt: view.begun().next_back().and_then(|a| a.number),
        iteration: glimpse.and_then(super::activity::Glimpse::iteration),
        agent: clean(&view.agent),
        // A sum of nothing is minus zero.
        seconds: view.attempts.iter().fold(0.0, |sum, a| sum + a.seconds),
        ticks: live,
        usage,
        health: newest.and_then(|a| a.health.as_ref()).map(|h| h.status),
        by_hand: view.by_hand,
        question: view.question.as_ref().map(|q| q.id),
        group: said(view.group.as_deref()),
        depends: view.depends.iter().map(|d| clean(d)).collect(),
        owns: definition.owns.iter().map(|o| clean(o)).collect(),
        checks: definition.check.iter().map(|c| clean(c)).collect(),
        branch: said(view.branch.as_deref()),
        worktree: view.worktree.as_ref().filter(|_| view.landed.is_none()).map(PathBuf::from),
        landed: view.landed.clone(),
        kept_in: format!("{}/", kept_prefix(&sources.opened.run, &key_slug(&of.key))),
        attempts: view
            .attempts
            .iter()
            .zip(&of.attempts)
            .filter_map(|(a, attempt)| attempt_row(sources, view, of, a, attempt, (&shown, doc.run.state == "running")))
            .collect(),
        state: shown,
    }
}

/// What is wrong with an attempt under way as its last heartbeat tells: what the journal has is as old as the change.
fn ill(sources: &Sources<'_>, of: &TaskState) -> Option<String> {
    let health = sources.seen.of(&of.key).filter(|_| of.phase == Phase::Running)?.health.as_ref()?;
    let reason = health.reason.as_ref().filter(|_| health.status != HealthStatus::Healthy)?;
    Some(format!("{}: {reason}", health.status.as_str()))
}

fn attempt_row(
    sources: &Sources<'_>,
    view: &TaskView,
    task: &TaskState,
    a: &AttemptView,
    of: &AttemptState,
    (shown, run_goes_on): (&str, bool),
) -> Option<AttemptRow> {
    let number = a.number?;
    let live = task.phase.active() && run_goes_on;
    let newest = view.attempts.last().is_some_and(|last| last.n == a.n);
    let under_way = newest && live;
    let key = TaskKey::new(view.plan.as_str(), view.id.as_str());
    let id = AttemptId { key, n: a.n };
    let layout = &sources.opened.layout;
    let own = evidence(of);
    let failure = a.failure.as_ref();
    Some(AttemptRow {
        n: a.n,
        number,
        agent: clean(&a.agent),
        fallback: said(a.fallback.as_deref()),
        outcome: match (&a.outcome, a.exit_code, a.signal) {
            (Some(o), Some(code), _) if o == "exit_code" => format!("exit code {code}"),
            (Some(o), _, Some(signal)) if o == "signal" => format!("signal {signal}"),
            (Some(o), ..) => o.replace('_', " "),
            (None, ..) if newest => state_words(shown),
            (None, ..) => String::from("no outcome"),
        },
        under_way,
        started_at: of.started_at,
        seconds: a.seconds,
        failure: failure.and_then(|f| said(Some(&f.message))),
        failure_kind: failure.map(|f| kind_words(f.kind.as_str(), f.detail.map(|d| d.as_str()))),
        evidence: if own.is_empty() { sources.suites.of(&id).to_vec() } else { own },
        usage: match used_so_far(sources, &id.key) {
            Some(so_far) if under_way && of.record.is_none() => so_far,
            _ => a.usage.clone(),
        },
        gate_dir: layout.gate_dir(&id),
        suite_dir: sources.suites.files(layout, &id),
        dir: layout.attempt_dir(&id),
        base: of.spawned.as_ref().map(|s| s.base.clone()),
        commit: match &of.verdict {
            Some(Verdict::Accepted { commit, .. } | Verdict::CheckFailed { commit, .. } | Verdict::OutsideOwnership { commit, .. }) => {
                Some(commit.clone())
            }
            _ => None,
        },
        kept: match &of.verdict {
            Some(Verdict::NeedsHuman { kept, .. }) => kept.clone(),
            _ => None,
        },
        unchanged: of.verdict == Some(Verdict::NoChange),
        fresh: of.fresh,
        spawned_at: of.spawned.as_ref().map(|s| s.at),
        checked: checked(&sources.opened.state, task, of),
        model: of.record.as_ref().and_then(|r| said(r.report.model.as_deref())),
    })
}

/// What checks and the suite said of it, as far as they were asked.
fn checked(state: &State, task: &TaskState, of: &AttemptState) -> Option<Checked> {
    let checks = &state.definition(task).check;
    let suite = if of.refused.is_some() { Some(false) } else { (of.landed && !state.plans[task.plan].verify.is_empty()).then_some(true) };
    match of.verdict.as_ref()? {
        Verdict::Accepted { .. } => Some(Checked { passed: checks.len(), failed: None, suite }),
        Verdict::CheckFailed { command, exit_code, timed_out, .. } => {
            let how = match exit_code {
                _ if *timed_out => String::from("timed out"),
                Some(code) => format!("exit code {code}"),
                None => String::from("killed"),
            };
            // One of the plan's suite, run with the base's copies, comes after all of the task's own.
            let passed = checks.iter().position(|c| c == command).unwrap_or(checks.len());
            Some(Checked { passed, failed: Some(format!("{}, {how}", clean(command))), suite })
        }
        _ => None,
    }
}

/// `api error, rate limit`.
pub(super) fn kind_words(kind: &str, detail: Option<&str>) -> String {
    let kind = kind.replace('_', " ");
    detail.map_or(kind.clone(), |d| format!("{kind}, {}", d.replace('_', " ")))
}

/// In a plan: what needs somebody, what failed, what is at work, what waits, what is done; then as the plan has it.
pub(super) fn rank(state: &State, row: &TaskRow) -> (usize, u8, usize) {
    let of = state.task(&row.key).map_or(0, |t| t.position);
    let rank = match row.state.as_str() {
        _ if row.question.is_some() || row.by_hand => 0,
        "needs_human" | "awaiting_answer" => 0,
        "failed" => 1,
        "running" | "gating" | "landing" | "interrupted" => 2,
        "awaiting_retry" | "awaiting_quota" => 3,
        "ready" | "queued" => 4,
        "blocked" => 5,
        "skipped" | "cancelled" => 6,
        "done" => 7,
        _ => 5,
    };
    (row.plan, rank, of)
}
