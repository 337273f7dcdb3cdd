//! What follows when caps are used up: of a task, that nothing of it starts any more; of the run, that it comes to its end, resumable.
//! Ending one attempt at its task's cap is its keeper's.

use super::Turn;
use crate::budget::{Budget, Measure, Spent};
use crate::event::{Event, HaltCause, Stopping};
use crate::ids::TaskKey;
use crate::state::Phase;

impl Turn<'_> {
    /// Of this task's caps nothing is left: in words, which one.
    pub(super) fn used_up(&self, key: &TaskKey) -> Option<String> {
        let task = self.state.task(key)?;
        if task.spent == Spent::default() {
            return None;
        }
        let budget = self.state.budget_of(task);
        budget.used_up_by(&task.spent).map(|measure| format!("budget: {}", budget.compare(measure, &task.spent)))
    }

    /// Tasks that wait for a next attempt and may use nothing more.
    pub(super) fn fail_used_up(&mut self) {
        if self.state.stopping.is_some() {
            return;
        }
        let waiting: Vec<TaskKey> = self.state.ready_in_order().map(|t| self.state.tasks[t].key.clone()).collect();
        for key in waiting {
            if let Some(reason) = self.used_up(&key) {
                self.emit(Event::TaskFailed { key, reason });
            }
        }
    }

    /// Warns once of each cap of which most is used up, and ends the run at one of its own.
    pub(super) fn heed_budgets(&mut self) {
        self.warn_of_tasks();
        let budget = self.state.options().budget;
        if budget.is_empty() {
            return;
        }
        let spent = self.state.spent_by_all(self.now);
        self.warn(None, &budget, &spent);
        if let Some(measure) = budget.used_up_by(&spent) {
            // Nothing is left to do: the run has done with its budget what it was for.
            let over = self.state.tasks.iter().all(|t| t.phase.ended() || matches!(t.phase, Phase::Gating | Phase::Landing));
            if !over {
                self.halt(HaltCause::Budget, format!("the run's budget is used up: {}", budget.compare(measure, &spent)));
            }
        } else if let Some(cap) = budget.wall {
            let at = self.now + cap.saturating_sub(spent.wall);
            self.state.wall_due = Some(at);
        }
    }

    /// No further attempts; running ones are ended politely and their work is kept. What is finished is judged and lands.
    pub(super) fn halt(&mut self, cause: HaltCause, message: String) {
        if self.state.halted.is_some() || self.state.stopping > Some(Stopping::Drain) || !self.state.is_live() {
            return;
        }
        self.emit(Event::RunHalted { cause, message });
        for attempt in self.running() {
            if !self.called_off(&attempt) {
                self.end_attempt(&attempt, false, true);
            }
        }
    }

    pub(super) fn set_budget(&mut self, budget: Budget, task_budget: Budget) -> Result<(), String> {
        let options = self.state.options.as_ref().ok_or("there is no run")?;
        if options.budget != budget || options.task_budget != task_budget {
            self.emit(Event::BudgetChanged { budget, task_budget });
        }
        Ok(())
    }

    fn warn_of_tasks(&mut self) {
        let limited: Vec<(TaskKey, Budget, Spent)> = self
            .state
            .tasks
            .iter()
            .filter(|t| t.phase == Phase::Running || (t.spent != Spent::default() && !t.phase.ended()))
            .map(|t| (t, self.state.budget_of(t)))
            .filter(|(_, budget)| !budget.is_empty())
            .map(|(t, budget)| (t.key.clone(), budget, self.state.spent_by(t, self.now)))
            .collect();
        for (key, budget, spent) in limited {
            self.warn(Some(key), &budget, &spent);
        }
    }

    fn warn(&mut self, key: Option<TaskKey>, budget: &Budget, spent: &Spent) {
        let known = match &key {
            Some(key) => self.state.task(key).map(|t| &t.warned),
            None => Some(&self.state.warned),
        };
        let news: Vec<Measure> =
            budget.nearly_used_up_by(spent).into_iter().filter(|m| known.is_some_and(|known| !known.contains(m))).collect();
        for measure in news {
            let message = budget.compare(measure, spent);
            self.emit(Event::BudgetWarned { key: key.clone(), measure, message });
        }
    }
}
