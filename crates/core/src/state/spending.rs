//! What a run and its tasks have used of what they may, ended attempts and running ones. Adds up; decides nothing.

use std::time::Duration;

use super::{AttemptState, State, TaskState};
use crate::budget::{Allowance, Budget, Spent};
use crate::time::Time;

impl State {
    /// A task's own caps, and the run's for each task where it has none.
    #[must_use]
    pub fn budget_of(&self, task: &TaskState) -> Budget {
        let own = self.definition(task).budget.as_ref();
        let common = self.options.as_ref().map(|o| &o.task_budget);
        match (own, common) {
            (Some(own), Some(common)) => own.or(common),
            (Some(one), None) | (None, Some(one)) => one.clone(),
            (None, None) => Budget::default(),
        }
    }

    /// What a next attempt at a task may use.
    #[must_use]
    pub fn allowance_of(&self, task: &TaskState) -> Allowance {
        Allowance { budget: self.budget_of(task), spent: task.spent }
    }

    /// What a task's attempts have used, the running one as of the last look at it.
    #[must_use]
    pub fn spent_by(&self, task: &TaskState, now: Time) -> Spent {
        task.spent.and(task.current().map(|a| self.spent_so_far(a, now)).unwrap_or_default())
    }

    /// What the run has used, running attempts as of the last look at them. Its time is that in which it was coordinated.
    #[must_use]
    pub fn spent_by_all(&self, now: Time) -> Spent {
        let all = self.tasks.iter().filter_map(TaskState::current).fold(self.spent, |sum, a| sum.and(self.spent_so_far(a, now)));
        Spent { wall: self.wall(now), ..all }
    }

    /// The time in which the run was coordinated.
    #[must_use]
    pub fn wall(&self, now: Time) -> Duration {
        let absent: Duration = self.absences.iter().map(|a| a.to.since(a.from)).sum();
        self.ended_at.unwrap_or(now).since(self.started_at).saturating_sub(absent)
    }

    pub(super) fn spend(&mut self, task: usize, spent: Spent) {
        self.spent = self.spent.and(spent);
        self.tasks[task].spent = self.tasks[task].spent.and(spent);
    }

    /// What an attempt has used that is under way; nothing of one that has ended, which is counted already.
    pub(crate) fn spent_so_far(&self, attempt: &AttemptState, now: Time) -> Spent {
        let Some(spawned) = attempt.spawned.as_ref().filter(|_| attempt.exited_at.is_none()) else { return Spent::default() };
        let beat = attempt.health.beat();
        let usage = beat.and_then(|b| b.usage.as_ref());
        Spent {
            tokens: usage.map_or(0, |u| u.input_tokens.saturating_add(u.output_tokens)),
            cost_usd: usage.and_then(|u| u.cost_usd).unwrap_or_default(),
            model_calls: beat.map_or(0, |b| b.model_calls),
            wall: if self.is_agents_time(attempt) { now.since(spawned.at) } else { Duration::ZERO },
        }
    }
}
