//! Follows one run's events and says what each of them shows of deficiencies. Keeps what later events refer to: whose agent,
//! which worktree, what the gate said. Counts nothing.

use std::collections::BTreeMap;

use super::context::Context;
use super::observe::{self, Finding, Observation, Subject, classify};
use crate::attempt::{ExitRecord, Merge, Suite, Verdict};
use crate::event::{BatchId, Event, Outcome};
use crate::failure::Failure;
use crate::ids::{AttemptId, RunId, TaskKey};
use crate::time::Time;

/// Most red suites that are remembered until they are explained; a bound, not a tuning knob.
const RED_MAX: usize = 256;

/// Follows one run.
#[derive(Clone, Debug)]
pub struct Watcher {
    run: RunId,
    tasks: BTreeMap<TaskKey, Definition>,
    attempts: BTreeMap<AttemptId, Known>,
    batches: BTreeMap<BatchId, Vec<AttemptId>>,
    red: BTreeMap<BatchId, (Vec<AttemptId>, Suite)>,
    /// The folder of all worktrees: the suite's is one of them.
    pool: Option<String>,
}

#[derive(Clone, Debug, Default)]
struct Definition {
    owns: Vec<String>,
    run: Option<String>,
}

#[derive(Clone, Debug)]
struct Known {
    agent: String,
    began: Time,
    worktree: Option<String>,
    record: Option<Box<ExitRecord>>,
    verdict: Option<Verdict>,
}

impl Watcher {
    /// Of this run, from its beginning.
    #[must_use]
    pub fn new(run: RunId) -> Self {
        Self { run, tasks: BTreeMap::new(), attempts: BTreeMap::new(), batches: BTreeMap::new(), red: BTreeMap::new(), pool: None }
    }

    /// Takes the run's next event in; gives what it shows, which is nothing for nearly all of them.
    pub fn take(&mut self, at: Time, event: &Event) -> Vec<Observation> {
        match event {
            Event::PlanQueued(submission) => {
                for task in &submission.plan.tasks {
                    let key = TaskKey { plan: submission.plan.id.clone(), task: task.id.clone() };
                    self.tasks.insert(key, Definition { owns: task.owns.clone(), run: task.run.clone() });
                }
            }
            Event::AttemptStarted { attempt, agent, .. } => {
                let known = Known { agent: agent.clone(), began: at, worktree: None, record: None, verdict: None };
                self.attempts.insert(attempt.clone(), known);
            }
            Event::AttemptSpawned { attempt, worktree, .. } => {
                self.pool = worktree.rsplit_once('/').map(|(pool, _)| pool.to_owned());
                if let Some(known) = self.attempts.get_mut(attempt) {
                    known.worktree = Some(worktree.clone());
                }
            }
            Event::AttemptExited { attempt, record } => {
                if let Some(known) = self.attempts.get_mut(attempt) {
                    known.record = Some(record.clone());
                }
            }
            Event::WorkJudged { attempt, verdict } => return self.judged(at, attempt, verdict),
            Event::AttemptFailed { attempt, outcome, failure, spent: _ } => {
                let seen = self.failed(at, attempt, outcome, failure.as_ref());
                self.attempts.remove(attempt);
                return seen.into_iter().collect();
            }
            Event::AttemptVoided { attempt, .. } => {
                self.attempts.remove(attempt);
            }
            Event::BatchMerged { batch, results } => {
                let merged = results.iter().filter(|r| matches!(r.merge, Merge::Merged { .. })).map(|r| r.attempt.clone());
                self.batches.insert(*batch, merged.collect());
                let conflicts = results.iter().filter_map(|r| match &r.merge {
                    Merge::Conflict { files, definite: true, .. } => Some((&r.attempt, observe::of_conflict(files))),
                    _ => None,
                });
                return conflicts.map(|(attempt, finding)| self.seen(at, Some(attempt), finding)).collect();
            }
            Event::BatchVerified { batch, suite, .. } => return self.verified(at, *batch, suite),
            Event::SuiteFlaky { batch, .. } => {
                let red = self.red.remove(batch);
                let finding = observe::of_flaky(red.as_ref().map(|(_, suite)| suite), &self.roots(None));
                return vec![self.seen(at, None, finding)];
            }
            Event::BatchLanded { batch, landed, .. } => {
                self.batches.remove(batch);
                for one in landed {
                    self.attempts.remove(&one.attempt);
                }
            }
            Event::BatchDropped { batch, .. } => {
                self.batches.remove(batch);
            }
            Event::RunEnded { .. } => self.red.clear(),
            _ => {}
        }
        Vec::new()
    }

    fn judged(&mut self, at: Time, attempt: &AttemptId, verdict: &Verdict) -> Vec<Observation> {
        if let Some(known) = self.attempts.get_mut(attempt) {
            known.verdict = Some(verdict.clone());
        }
        match verdict {
            // No failure follows: the task waits for a person.
            Verdict::NeedsHuman { why, .. } => {
                let finding = observe::of_needs_human(why, &self.roots(self.attempts.get(attempt)));
                vec![self.seen(at, Some(attempt), finding)]
            }
            _ => Vec::new(),
        }
    }

    fn failed(&self, at: Time, attempt: &AttemptId, outcome: &Outcome, failure: Option<&Failure>) -> Option<Observation> {
        let known = self.attempts.get(attempt)?;
        let none = Definition::default();
        let definition = self.tasks.get(&attempt.key).unwrap_or(&none);
        let alone = self.red.values().rev().find(|(members, _)| matches!(members.as_slice(), [only] if only == attempt));
        let subject = Subject {
            agent: &known.agent,
            run: definition.run.as_deref(),
            owns: &definition.owns,
            record: known.record.as_deref(),
            verdict: known.verdict.as_ref(),
            suite: alone.map(|(_, suite)| suite),
            roots: &self.roots(Some(known)),
        };
        let finding = observe::of_failure(&subject, outcome, failure)?;
        Some(self.seen(at, Some(attempt), finding))
    }

    fn verified(&mut self, at: Time, batch: BatchId, suite: &Suite) -> Vec<Observation> {
        let members = self.batches.remove(&batch).unwrap_or_default();
        match suite {
            Suite::Green { .. } => Vec::new(),
            // Nobody's failure yet: it is split until somebody is alone on a red tree, or everybody has landed.
            Suite::Red { .. } => {
                self.red.insert(batch, (members, suite.clone()));
                while self.red.len() > RED_MAX {
                    self.red.pop_first();
                }
                Vec::new()
            }
            Suite::Broken { .. } => {
                let Some(finding) = observe::of_suite(suite, &self.roots(None)) else { return Vec::new() };
                vec![self.seen(at, members.first(), finding)]
            }
        }
    }

    /// What is cut off the front of paths, the longest first.
    fn roots<'a>(&'a self, known: Option<&'a Known>) -> Vec<&'a str> {
        known.and_then(|k| k.worktree.as_deref()).into_iter().chain(self.pool.as_deref()).collect()
    }

    fn seen(&self, at: Time, attempt: Option<&AttemptId>, finding: Finding) -> Observation {
        let Finding { way, description, mut context } = finding;
        context.runs.push(self.run.to_string());
        context.tasks.extend(attempt.map(|a| a.key.to_string()));
        let known = attempt.and_then(|a| self.attempts.get(a));
        if context.agents.is_empty() {
            context.agents.extend(known.map(|k| k.agent.clone()));
        }
        let kind = classify(way, context.failure_type, context.failure_detail);
        let mut bounded = Context::default();
        bounded.merge(&context);
        Observation { kind, description, context: bounded, attempt: attempt.cloned(), began: known.map_or(at, |k| k.began), at }
    }
}
