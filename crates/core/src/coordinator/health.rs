//! Looks at attempts under way now and then. Shows and logs what is found; ends nothing, since only the keeper knows its limits.

use super::Turn;
use crate::action::Action;
use crate::budget::{Budget, Measure};
use crate::event::Event;
use crate::health::{Look, Reading, judge};
use crate::ids::AttemptId;
use crate::state::Phase;

impl Turn<'_> {
    /// Asks for a look where one is due, and says when the next one is. The timer stands while nothing runs, unless
    /// something waits for room.
    pub(super) fn look_after_attempts(&mut self) {
        let attempts: Vec<AttemptId> = self
            .state
            .tasks
            .iter()
            .filter(|t| t.phase == Phase::Running && t.current().is_some_and(|a| a.spawned.is_some() && a.outcome.is_none()))
            .map(crate::state::TaskState::attempt_id)
            .collect();
        if (attempts.is_empty() && !self.waits_for_room()) || self.state.ended_at.is_some() {
            self.state.health_due = None;
            return;
        }
        let interval = self.state.options().health.interval.max(INTERVAL_MIN);
        let next = self.now + if self.counts_towards_a_cap() || self.somebody_asks() { interval.min(COUNTED_MAX) } else { interval };
        match self.state.health_due {
            None => self.state.health_due = Some(next),
            Some(due) if due <= self.now => {
                self.state.health_due = Some(next);
                self.act(Action::CheckHealth { attempts });
            }
            // The clock may have been put back.
            Some(due) => self.state.health_due = Some(due.min(next)),
        }
    }

    /// Something else than time is capped, of the run or of a task that runs.
    fn counts_towards_a_cap(&self) -> bool {
        let counted = |budget: &Budget| [Measure::Tokens, Measure::CostUsd, Measure::ModelCalls].into_iter().any(|m| budget.limits(m));
        let running = self.state.tasks.iter().filter(|t| t.phase == Phase::Running);
        self.state.options.as_ref().is_some_and(|o| counted(&o.budget)) || running.map(|t| self.state.budget_of(t)).any(|b| counted(&b))
    }

    /// Whether it waits or works on decides over a slot.
    fn somebody_asks(&self) -> bool {
        self.state.tasks.iter().any(|t| self.state.asks_a_person(t))
    }

    pub(super) fn health_read(&mut self, readings: Vec<(AttemptId, Reading)>) {
        let policy = self.state.options().health;
        for (attempt, reading) in readings {
            if !self.is_current(&attempt, Phase::Running) {
                continue;
            }
            let Some(known) = self.state.attempt(&attempt) else { continue };
            let Some(spawned) = &known.spawned else { continue };
            let before = known.health.clone();
            let worked_at = reading.worked_at();
            let reading = reading.heard(self.state.silence_of(&attempt, self.now));
            let judged = judge(&reading, &before, self.now.since(spawned.at), self.now, &policy);
            let (reason, stale_since) = match &judged {
                Some(judged) => (judged.reason.clone(), judged.stale_since),
                None => (None, None),
            };
            if let Some(judged) = judged.filter(|j| j.status != before.status) {
                let (from, to) = (before.status, judged.status);
                self.emit(Event::HealthChanged {
                    attempt: attempt.clone(),
                    from,
                    to,
                    reason: judged.reason,
                    seen: Box::new(reading.seen()),
                });
            }
            self.state.note_look(&attempt, Look { at: self.now, reading, worked_at, reason, stale_since });
        }
    }
}

/// Where something is capped that only readings tell, or an attempt has asked a person, they are taken this often at least: a warning
/// that comes a minute late is none.
const COUNTED_MAX: std::time::Duration = std::time::Duration::from_secs(10);

/// More often than this nobody needs it; a configured 0 would never let the coordinator sleep.
const INTERVAL_MIN: std::time::Duration = std::time::Duration::from_millis(10);
