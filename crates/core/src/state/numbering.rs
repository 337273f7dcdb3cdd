//! How attempts are counted for people. An [`crate::ids::AttemptId`] is never used twice, also not by one that was taken back before
//! anything ran; what people see as attempt 2 is the second that began.

use super::{AttemptState, TaskState};
use crate::event::Outcome;

impl AttemptState {
    /// It was decided on and taken back before any keeper ran: no place was free after all, or its coordinator died first.
    #[must_use]
    pub fn never_began(&self) -> bool {
        self.spawned.is_none() && self.record.is_none() && self.outcome == Some(Outcome::Cancelled)
    }
}

impl TaskState {
    /// Its attempts without those that never began, from the first to the newest.
    pub fn begun(&self) -> impl DoubleEndedIterator<Item = &AttemptState> {
        self.attempts.iter().filter(|a| !a.never_began())
    }

    /// As which attempt people know the one with this id, from 1; `None` where it never began, or there is no such attempt.
    #[must_use]
    pub fn number_of(&self, n: u32) -> Option<u32> {
        self.begun().zip(1..).find(|(a, _)| a.n == n).map(|(_, number)| number)
    }

    /// The attempt that people know under this number. A number that is no attempt's may still be an id: programs have them from
    /// `attempt` in JSON.
    #[must_use]
    pub fn numbered(&self, number: u32) -> Option<&AttemptState> {
        let shown = self.begun().zip(1..).find(|(_, shown)| *shown == number).map(|(a, _)| a);
        shown.or_else(|| self.attempts.iter().find(|a| a.n == number))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Spawned, State};
    use crate::event::{Event, Outcome, Submission};
    use crate::ids::{AttemptId, Oid, TaskKey};
    use crate::options::RunOptions;
    use crate::plan::{Plan, Task};
    use crate::time::Time;

    /// A task whose attempts 1, 2 and 4 were taken back, and 3 and 5 began.
    fn state() -> State {
        let (mut state, key) = (State::default(), TaskKey::new("p", "t"));
        let mut apply = |event: Event| state.apply(Time(1), &event).unwrap();
        apply(Event::RunStarted { options: Box::new(RunOptions::default()) });
        let plan = Plan { tasks: vec![Task::new("t")], ..Plan::new("p") };
        let (landed, digests) = (Default::default(), Default::default());
        apply(Event::PlanQueued(Box::new(Submission { plan, base: "b".into(), landed, file: None, digests })));
        apply(Event::PlanStarted { plan: "p".into() });
        apply(Event::PlanPrepared { plan: "p".into(), branch: "b".into(), verify: Vec::new() });
        for n in 1..=5 {
            let attempt = AttemptId { key: key.clone(), n };
            let base = Oid::from("b");
            apply(Event::AttemptStarted { attempt: attempt.clone(), agent: "a".into(), fresh: true, base: base.clone(), fallback: None });
            match n {
                3 => {
                    apply(Event::AttemptSpawned { attempt: attempt.clone(), worktree: "w".into(), branch: "t".into(), base, pid: 1 });
                    apply(Event::AttemptFailed { attempt, outcome: Outcome::Lost, failure: None, spent: None });
                    apply(Event::RepairScheduled { key: key.clone(), repair: 1 });
                }
                5 => {}
                _ => apply(Event::AttemptVoided { attempt, reason: None }),
            }
        }
        state
    }

    #[test]
    fn people_count_what_began() {
        let state = state();
        let task = state.task(&TaskKey::new("p", "t")).unwrap();
        assert_eq!((1..=6).map(|n| task.number_of(n)).collect::<Vec<_>>(), [None, None, Some(1), None, Some(2), None]);
        assert_eq!(task.begun().map(|a| a.n).collect::<Vec<_>>(), [3, 5]);
        // What is shown comes before what programs know.
        assert_eq!((1..=6).map(|n| task.numbered(n).map(|a| a.n)).collect::<Vec<_>>(), [Some(3), Some(5), Some(3), Some(4), Some(5), None]);
    }

    #[test]
    fn a_call_off_before_the_start_is_no_attempt_and_one_during_it_is() {
        let mut state = state();
        let mut a = state.tasks[0].attempts[4].clone();
        a.outcome = Some(Outcome::Cancelled);
        assert!(a.never_began());
        a.spawned = Some(Spawned { at: Time(2), worktree: "w".into(), branch: "t".into(), base: "b".into(), pid: 1 });
        assert!(!a.never_began());
        a.outcome = Some(Outcome::FailedToStart);
        a.spawned = None;
        assert!(!a.never_began(), "a failure that is told, and retried");
        state.tasks[0].attempts.clear();
        assert_eq!(state.tasks[0].number_of(1), None);
    }
}
