//! What follows when caps are used up: of a task, that nothing of it starts any more; of the run, that it comes to its end, resumable.
//! Ending one attempt at its task's cap is its keeper's.

use std::time::Duration;

use super::Turn;
use crate::budget::{Budget, Measure, Spent, WARN_PERCENT};
use crate::event::{Event, HaltCause, Stopping};
use crate::ids::TaskKey;
use crate::state::{Phase, TaskState};
use crate::time::Time;

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
        if self.state.halted.is_none() {
            self.wake_to_warn(&budget, &spent);
        }
        if let Some(measure) = budget.used_up_by(&spent) {
            // Nothing is left to do: the run has done with its budget what it was for.
            let over = self.state.tasks.iter().all(|t| t.phase.ended() || matches!(t.phase, Phase::Gating | Phase::Landing));
            if !over {
                self.halt(HaltCause::Budget, format!("the run's budget is used up: {}", budget.compare(measure, &spent)));
            }
        } else if let Some(cap) = budget.wall {
            self.wake_for_wall(self.now + cap.saturating_sub(spent.wall));
        }
    }

    /// An attempt has ended, and what it used in all is known now: its task is warned of it, also where it may end for that very cause.
    pub(super) fn warn_of_task(&mut self, key: &TaskKey) {
        let Some(task) = self.state.task(key) else { return };
        let (budget, spent) = (self.state.budget_of(task), self.state.spent_by(task, self.now));
        self.warn(Some(key.clone()), &budget, &spent);
    }

    /// Time needs no reading: when most of it will be used up is known before.
    fn wake_to_warn(&mut self, budget: &Budget, spent: &Spent) {
        let Some(most) = budget.wall.map(|cap| cap.mul_f64(f64::from(WARN_PERCENT) / 100.0)) else { return };
        if most > spent.wall {
            // What was rounded off would otherwise wake it before the time.
            self.wake_for_wall(self.now + (most - spent.wall) + Duration::from_millis(1));
        }
    }

    fn wake_for_wall(&mut self, at: Time) {
        self.state.wall_due = Some(self.state.wall_due.map_or(at, |due| due.min(at)));
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
        let spent = self.state.spent_by_all(self.now);
        if let Some(measure) = budget.used_up_anew(&options.budget, &spent) {
            return Err(format!("the run has spent {} already; name a cap above that", budget.compare(measure, &spent)));
        }
        // Of a task that goes on: a cap that it has used up already would only end it.
        let goes_on = |t: &&TaskState| !t.phase.ended() || t.cancelled_with_run;
        for task in self.state.tasks.iter().filter(goes_on) {
            let (had, spent) = (self.state.budget_of(task), self.state.spent_by(task, self.now));
            let will = self.state.definition(task).budget.as_ref().map_or_else(|| task_budget.clone(), |own| own.or(&task_budget));
            if let Some(measure) = will.used_up_anew(&had, &spent) {
                return Err(format!("task `{}` has spent {} already; name a cap above that", task.key, will.compare(measure, &spent)));
            }
        }
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
            let runs = self.state.task(&key).and_then(TaskState::current).is_some_and(|a| a.spawned.is_some() && a.exited_at.is_none());
            if runs {
                self.wake_to_warn(&budget, &spent);
            }
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
