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

    /// Its attempt, if one is under way, counts towards what may run at once: `jobs`, of the run and of its plan. One that waits for a
    /// person uses nothing, and may do so for days.
    #[must_use]
    pub fn takes_a_slot(&self, task: &TaskState) -> bool {
        !self.is_with_a_person(task)
    }

    /// An attempt's time is an agent's at work, which is what budgets and figures count.
    pub(crate) fn is_agents_time(&self, attempt: &AttemptState) -> bool {
        !self.is_hand_off(&attempt.agent)
    }
}
