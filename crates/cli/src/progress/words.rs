//! An event as a line for people. The same words in every display.

use std::time::Duration;

use greenlane_core::attempt::{Merge, Suite};
use greenlane_core::event::{Event, Outcome, Stopping};
use greenlane_core::ids::TaskKey;
use greenlane_core::state::State;
use greenlane_runtime::journal::Record;

use crate::output::{Paint, paint};

/// One line: a sign, whom it concerns, what happened.
pub struct Line {
    /// One character that says good, bad or neither; never only a colour.
    pub sign: char,
    /// For the sign.
    pub paint: Paint,
    /// The task, or the plan, or nothing.
    pub subject: String,
    /// What happened.
    pub text: String,
}

impl Line {
    fn new(sign: char, paint: Paint, subject: impl ToString, text: impl Into<String>) -> Self {
        Self { sign, paint, subject: subject.to_string(), text: text.into() }
    }

    /// As printed.
    pub fn render(&self, color: bool) -> String {
        let sign = paint(&self.sign.to_string(), self.paint, color);
        let subject = paint(&self.subject, Paint::Bold, color);
        if self.subject.is_empty() { format!("{sign} {}", self.text) } else { format!("{sign} {subject}  {}", self.text) }
    }
}

/// A task's name as people see it: without its plan where the run has only one.
pub fn name(state: &State, key: &TaskKey) -> String {
    if state.plans.len() > 1 { key.to_string() } else { key.task.to_string() }
}

/// The lines that an event is worth. `state` is the state after it and what came with it.
pub fn lines(state: &State, record: &Record) -> Vec<Line> {
    let of = |key: &TaskKey| name(state, key);
    // By the clock, waiting for its turn to be verified included: what somebody who watches has seen pass.
    let took = |key: &TaskKey| {
        let first = state.task(key).and_then(|t| t.attempts.first());
        first.map_or(Duration::ZERO, |a| record.at.since(a.started_at))
    };
    match &record.event {
        Event::PlanStarted { plan } if state.plans.len() > 1 => vec![Line::new('·', Paint::Dim, plan, "its turn has come")],
        Event::PlanPrepared { plan, branch, verify } => {
            let mut all = vec![Line::new('·', Paint::Dim, plan, format!("lands on {branch}"))];
            all.push(match verify.as_slice() {
                [] => Line::new(
                    '!',
                    Paint::Yellow,
                    plan,
                    "no test suite was found: work lands on its own checks alone (set `verify` in the plan)",
                ),
                commands => Line::new(
                    '·',
                    Paint::Dim,
                    plan,
                    format!("verified by `{}`; first on the base, before any task", commands.join("` and `")),
                ),
            });
            all
        }
        Event::BaseJudged { plan, suite } => match suite {
            Suite::Green { cached: true } => vec![Line::new('·', Paint::Dim, plan, "the base is known to be green")],
            Suite::Green { cached: false } => vec![Line::new('✓', Paint::Green, plan, "the base is green")],
            red => vec![Line::new('✗', Paint::Red, plan, suite_words(red))],
        },
        Event::AttemptStarted { attempt, agent, fresh, .. } => {
            let how = match (attempt.n, fresh) {
                (1, _) => format!("started ({agent})"),
                (n, true) => format!("attempt {n} ({agent}), from the base again"),
                (n, false) => format!("attempt {n} ({agent}), goes on from the work that is there"),
            };
            vec![Line::new('▸', Paint::Cyan, of(&attempt.key), how)]
        }
        // Where the task has ended with it, the next line says the same.
        Event::AttemptFailed { attempt, outcome, failure: Some(failure) }
            if *outcome != Outcome::Cancelled && state.task(&attempt.key).is_some_and(|t| !t.phase.ended()) =>
        {
            vec![Line::new('✗', Paint::Yellow, of(&attempt.key), format!("attempt {}: {}", attempt.n, failure.message))]
        }
        Event::AttemptVoided { attempt, reason } => {
            let why = reason.clone().unwrap_or_else(|| String::from("had not begun; starts anew"));
            vec![Line::new('·', Paint::Dim, of(&attempt.key), why)]
        }
        Event::AccountLimited { account, until, reason, .. } => {
            let wait = elapsed(until.since(record.at));
            vec![Line::new('…', Paint::Yellow, String::new(), format!("{account} is limited for {wait}: {reason}"))]
        }
        Event::AgentUnavailable { agent, reason } => {
            vec![Line::new('✗', Paint::Yellow, String::new(), format!("{agent} cannot be used: {reason}"))]
        }
        Event::RetryScheduled { key, retry, until } => {
            vec![Line::new('↻', Paint::Yellow, of(key), format!("retry {retry} in {}", elapsed(until.since(record.at))))]
        }
        Event::RepairScheduled { key, repair } => {
            vec![Line::new('↻', Paint::Yellow, of(key), format!("repair {repair}: what was said goes back to its agent"))]
        }
        Event::BatchMerged { results, .. } => results
            .iter()
            .filter(|r| matches!(r.merge, Merge::Conflict { definite: false, .. }))
            .map(|r| Line::new('·', Paint::Dim, of(&r.attempt.key), "conflicts with work that is landing now; waits for that"))
            .collect(),
        // A red batch of one needs no line of its own: the task's says it.
        Event::BatchVerified { suite: red @ (Suite::Red { .. } | Suite::Broken { .. }), .. } => {
            let parts =
                state.plans.iter().flat_map(|p| p.lane.splits.iter().map(Vec::len).chain(p.lane.active.as_ref().map(|b| b.attempts.len())));
            match parts.sum::<usize>() {
                0 | 1 => Vec::new(),
                among => vec![Line::new('✗', Paint::Yellow, "", format!("{}; looking for the guilty among {among}", suite_words(red)))],
            }
        }
        Event::SuiteFlaky { plan, .. } => {
            vec![Line::new('!', Paint::Yellow, plan, "the suite was red and then green on the same work: it is flaky")]
        }
        Event::BatchRaced { .. } => vec![Line::new('·', Paint::Dim, "", "the branch was moved by somebody else; merging anew")],
        Event::BatchLanded { landed, verified, .. } => landed
            .iter()
            .map(|l| {
                let unverified = if *verified { "" } else { ", not verified by a suite" };
                Line::new('✓', Paint::Green, of(&l.attempt.key), format!("landed after {}{unverified}", elapsed(took(&l.attempt.key))))
            })
            .collect(),
        Event::TaskFailed { key, reason } => vec![Line::new('✗', Paint::Red, of(key), format!("failed: {reason}"))],
        Event::TaskNeedsHuman { key, reason } => vec![Line::new('?', Paint::Red, of(key), format!("needs you: {reason}"))],
        Event::TaskSkipped { key, reason } => vec![Line::new('-', Paint::Yellow, of(key), format!("skipped: {reason}"))],
        Event::TaskCancelled { key, reason, .. } => vec![Line::new('-', Paint::Yellow, of(key), format!("cancelled: {reason}"))],
        Event::TaskReopened { key, .. } => vec![Line::new('↻', Paint::Cyan, of(key), "will be tried again")],
        Event::PlanEnded { plan, done, reason } if state.plans.len() > 1 || reason.is_some() => match (done, reason) {
            (true, _) => vec![Line::new('✓', Paint::Green, plan, "all of its tasks are done")],
            (false, Some(reason)) => vec![Line::new('✗', Paint::Red, plan, format!("ended: {reason}"))],
            (false, None) => vec![Line::new('✗', Paint::Red, plan, "ended; not all of its tasks are done")],
        },
        Event::RunPaused => vec![Line::new('‖', Paint::Yellow, "", "paused: no further attempts start (`greenlane unpause` goes on)")],
        Event::RunUnpaused => vec![Line::new('▸', Paint::Cyan, "", "goes on")],
        Event::StopRequested { how } => vec![Line::new(
            '■',
            Paint::Yellow,
            "",
            match how {
                Stopping::Drain => "no further attempts start; running ones finish (Ctrl-C again ends them)",
                Stopping::Terminate => "ending the running attempts; their work is kept (Ctrl-C again kills them)",
                Stopping::Kill => "killing the running attempts; their work is kept",
            },
        )],
        Event::RunResumed => vec![Line::new('▸', Paint::Cyan, "", "resumed")],
        _ => Vec::new(),
    }
}

fn suite_words(suite: &Suite) -> String {
    match suite {
        Suite::Green { .. } => String::from("green"),
        Suite::Red { command, timed_out: true, .. } => format!("`{command}` ran into its time limit"),
        Suite::Red { command, exit_code: Some(code), .. } => format!("`{command}` is red (exit code {code})"),
        Suite::Red { command, .. } => format!("`{command}` was killed"),
        Suite::Broken { message } => format!("the suite could not be run: {message}"),
    }
}

/// A duration for people: `0.4s`, `12s`, `3m05s`, `2h07m`.
#[must_use]
pub fn elapsed(d: Duration) -> String {
    let s = d.as_secs();
    match s {
        0..10 => format!("{:.1}s", d.as_secs_f64()),
        10..60 => format!("{s}s"),
        60..3600 => format!("{}m{:02}s", s / 60, s % 60),
        _ => format!("{}h{:02}m", s / 3600, s / 60 % 60),
    }
}

/// Time since the start as a clock: `03:07`, `1:02:03`.
#[must_use]
pub fn clock(d: Duration) -> String {
    let s = d.as_secs();
    if s < 3600 { format!("{:02}:{:02}", s / 60, s % 60) } else { format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short_and_plain() {
        let shown: Vec<String> = [0, 400, 9_999, 12_000, 185_000, 7_620_000].map(|ms| elapsed(Duration::from_millis(ms))).into();
        assert_eq!(shown, ["0.0s", "0.4s", "10.0s", "12s", "3m05s", "2h07m"]);
        assert_eq!(clock(Duration::from_secs(187)), "03:07");
        assert_eq!(clock(Duration::from_secs(3723)), "1:02:03");
    }
}
