//! What of a run is shown: all of it, or the plans that were handed to somebody else's.

use std::collections::BTreeSet;
use std::time::Duration;

use greenlane_core::event::{BatchId, Event};
use greenlane_core::ids::{PlanId, TaskKey};
use greenlane_core::state::{PlanState, State, TaskState};
use greenlane_core::time::Time;
use greenlane_core::view::RunClock;
use greenlane_runtime::journal::Record;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    plans: Vec<PlanId>,
    /// Their batches, of which some events tell the number only.
    batches: BTreeSet<BatchId>,
}

impl Scope {
    /// These plans, from when they were handed in; none: all of the run.
    #[must_use]
    pub fn of(plans: &[PlanId]) -> Self {
        Self { plans: plans.to_vec(), batches: BTreeSet::new() }
    }

    fn wants(&self, plan: &PlanId) -> bool {
        self.plans.is_empty() || self.plans.contains(plan)
    }

    /// Does this event concern it? What concerns the run as a whole does. Events must come in their order.
    pub fn keeps(&mut self, record: &Record) -> bool {
        let of_task = |key: &TaskKey| self.wants(&key.plan);
        match &record.event {
            Event::PlanQueued(submission) => self.wants(&submission.plan.id),
            Event::BatchFormed { batch, plan, .. } => {
                let wanted = self.wants(plan);
                if wanted && !self.plans.is_empty() {
                    self.batches.insert(*batch);
                }
                wanted
            }
            Event::BatchMerged { batch, .. } | Event::BatchVerified { batch, .. } | Event::BatchRaced { batch, .. } => {
                self.plans.is_empty() || self.batches.contains(batch)
            }
            Event::BatchDropped { batch, .. } | Event::BatchLanded { batch, .. } => self.plans.is_empty() || self.batches.remove(batch),
            Event::PlanStarted { plan }
            | Event::PlanPrepared { plan, .. }
            | Event::BaseJudged { plan, .. }
            | Event::PlanEnded { plan, .. }
            | Event::SuiteFlaky { plan, .. }
            | Event::GroupStarted { plan, .. }
            | Event::GroupRefreshed { plan, .. }
            | Event::GroupEnded { plan, .. }
            | Event::GroupNotRolledBack { plan, .. }
            | Event::RolledBack { plan, .. } => self.wants(plan),
            Event::AttemptStarted { attempt, .. }
            | Event::AttemptSpawned { attempt, .. }
            | Event::EndRequested { attempt, .. }
            | Event::HealthChanged { attempt, .. }
            | Event::AttemptExited { attempt, .. }
            | Event::WorkJudged { attempt, .. }
            | Event::SharedStateChanged { attempt, .. }
            | Event::IssueClaimed { attempt, .. }
            | Event::ClaimUnanswered { attempt, .. }
            | Event::AttemptFailed { attempt, .. }
            | Event::AttemptVoided { attempt, .. }
            | Event::AttemptProgress { attempt, .. }
            | Event::NoteSent { attempt, .. }
            | Event::QuestionAsked { attempt, .. }
            | Event::QuestionAnswered { attempt, .. }
            | Event::QuestionWithdrawn { attempt, .. }
            | Event::FileClaimed { attempt, .. }
            | Event::LockTaken { attempt, .. }
            | Event::LockAwaited { attempt, .. }
            | Event::LockLeft { attempt, .. }
            | Event::ValueSet { attempt, .. } => of_task(&attempt.key),
            Event::RetryScheduled { key, .. }
            | Event::RepairScheduled { key, .. }
            | Event::QuotaAwaited { key, .. }
            | Event::FallbackScheduled { key }
            | Event::AttemptRequeued { key }
            | Event::AnswerAwaited { key }
            | Event::BudgetWarned { key: Some(key), .. }
            | Event::RetryDue { key }
            | Event::TaskFailed { key, .. }
            | Event::TaskNeedsHuman { key, .. }
            | Event::TaskSkipped { key, .. }
            | Event::TaskCancelled { key, .. }
            | Event::TaskReopened { key, .. } => of_task(key),
            Event::RunStarted { .. }
            | Event::AccountLimited { .. }
            | Event::AgentsChecked { .. }
            | Event::AccountChanged { .. }
            | Event::AgentUnavailable { .. }
            | Event::BudgetWarned { key: None, .. }
            | Event::BudgetChanged { .. }
            | Event::RoomChanged { .. }
            | Event::FloorsChanged { .. }
            | Event::RunHalted { .. }
            | Event::RunPaused
            | Event::RunUnpaused
            | Event::StopRequested { .. }
            | Event::RunResumed
            | Event::RunEnded { .. } => true,
        }
    }

    /// The plans.
    pub fn plans<'a>(&'a self, state: &'a State) -> impl Iterator<Item = &'a PlanState> {
        state.plans.iter().filter(|p| self.wants(&p.submission.plan.id))
    }

    /// Their tasks.
    pub fn tasks<'a>(&'a self, state: &'a State) -> impl Iterator<Item = &'a TaskState> {
        state.tasks.iter().filter(|t| self.wants(&t.key.plan))
    }

    /// The time since its start, by the run's clock.
    #[must_use]
    pub fn clock(&self, state: &State, at: Time) -> Duration {
        let queued = if self.plans.is_empty() { None } else { self.plans(state).map(|p| p.queued_at).min() };
        RunClock::of(state).between(queued.unwrap_or(state.started_at), at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn of_a_plan_that_was_handed_over_nothing_of_the_others_is_shown() {
        let task = |id: &str| samples::task(id, &[]);
        let mut run = samples::Sample::new(vec![samples::plan("p", vec![task("a")])], &[]);
        run.wait_secs(60);
        run.add(samples::plan("q", vec![task("b")]));
        run.spawn("p", "a");
        run.spawn("q", "b");
        run.wait_secs(1).accept("p", "a");
        run.land("p");
        run.accept("q", "b");
        run.land("q");
        let shown = |scope: &mut Scope| run.records.iter().filter(|r| scope.keeps(r)).map(|r| format!("{:?}", r.event)).collect::<Vec<_>>();
        assert_eq!(shown(&mut Scope::default()).len(), run.records.len());
        let mut scope = Scope::of(&[PlanId::from("q")]);
        let of_q = shown(&mut scope);
        assert!(of_q.iter().any(|e| e.starts_with("BatchLanded")) && of_q.iter().any(|e| e.starts_with("BatchMerged")), "{of_q:?}");
        let of_p: Vec<&String> = of_q.iter().filter(|e| e.contains("\"p\"") || e.contains("\"a\"")).collect();
        assert!(of_p.is_empty(), "{of_p:?}");
        let names = |scope: &Scope| scope.tasks(&run.state).map(|t| t.key.to_string()).collect::<Vec<_>>();
        assert_eq!((names(&scope), names(&Scope::default()).len()), (vec![String::from("q/b")], 2));
        assert_eq!((scope.clock(&run.state, run.now).as_secs(), Scope::default().clock(&run.state, run.now).as_secs()), (1, 61));
    }
}
