//! Who waits for a person. Looks at states; decides nothing.

use std::time::Duration;

use super::{AttemptState, Phase, State, TaskState};

/// For so long after a question what is seen is still the asking itself: its call, and the last words of a turn.
const SETTLES: Duration = Duration::from_secs(5);

impl State {
    /// This agent is nobody's process: its tasks are put into the hands of a person, or of an editor.
    #[must_use]
    pub fn is_hand_off(&self, agent: &str) -> bool {
        self.options.as_ref().is_some_and(|o| o.hand_off.contains(agent))
    }

    /// The task is in a person's hands just now.
    #[must_use]
    pub fn is_with_a_person(&self, task: &TaskState) -> bool {
        task.phase == Phase::Running && task.current().is_some_and(|a| self.is_hand_off(&a.agent))
    }

    /// Its attempt under way has asked a person, and nobody has answered yet.
    #[must_use]
    pub fn asks_a_person(&self, task: &TaskState) -> bool {
        task.phase == Phase::Running && self.exchange.open_of(&task.attempt_id()).next().is_some()
    }

    /// Its attempt under way is in a person's hands, or has ever asked one. One that was answered works on though its slot is another's
    /// by then; nothing more starts until it has one.
    #[must_use]
    pub fn may_be_beside_the_slots(&self, task: &TaskState) -> bool {
        let attempt = task.attempt_id();
        self.is_with_a_person(task) || self.exchange.of_task(&task.key).any(|(_, q)| q.attempt == attempt)
    }

    /// Its attempt, if one is under way, counts towards what may run at once: `jobs`, of the run and of its plan. One that waits for a
    /// person uses nothing, and may do so for days; one that has asked and is seen to work on does not wait.
    #[must_use]
    pub fn takes_a_slot(&self, task: &TaskState) -> bool {
        !self.is_with_a_person(task) && (!self.asks_a_person(task) || self.works_on(task))
    }

    /// Its attempt has an open question, and goes on without the answer: it has said something since, or its keeper saw it at work.
    fn works_on(&self, task: &TaskState) -> bool {
        let Some(attempt) = task.current() else { return false };
        let asked = self.exchange.open_of(&task.attempt_id()).map(|(_, q)| q.asked_at).max();
        let Some(asked) = asked else { return false };
        let seen = attempt.health.look.as_ref().and_then(|look| look.worked_at);
        attempt.said_at > Some(asked) || seen.is_some_and(|at| at > asked + SETTLES)
    }

    /// An attempt's time is an agent's at work, which is what budgets and figures count.
    pub(crate) fn is_agents_time(&self, attempt: &AttemptState) -> bool {
        !self.is_hand_off(&attempt.agent)
    }
}
