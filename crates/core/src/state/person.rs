//! Who waits for a person. Looks at states; decides nothing.

use super::{AttemptState, Phase, State, TaskState};

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
    /// person uses nothing, and may do so for days.
    #[must_use]
    pub fn takes_a_slot(&self, task: &TaskState) -> bool {
        !self.is_with_a_person(task) && !self.asks_a_person(task)
    }

    /// An attempt's time is an agent's at work, which is what budgets and figures count.
    pub(crate) fn is_agents_time(&self, attempt: &AttemptState) -> bool {
        !self.is_hand_off(&attempt.agent)
    }
}
