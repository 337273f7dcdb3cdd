//! A task whose issue is kept in a tracker is claimed there before it is worked on. What somebody else has is left to them; a tracker
//! that does not answer delays nothing. Knows no tracker.

use super::Turn;
use crate::event::Event;
use crate::ids::AttemptId;
use crate::state::Phase;
use crate::tracker::Issue;

impl Turn<'_> {
    /// What its next attempt has to claim first.
    pub(super) fn claim_of(&self, task: usize) -> Option<Issue> {
        let t = &self.state.tasks[task];
        let issue = self.state.definition(t).issue.as_ref().filter(|_| !t.claimed)?;
        let options = self.state.options.as_ref()?;
        options.trackers.contains(&issue.tracker).then(|| issue.clone())
    }

    pub(super) fn issue_claimed(&mut self, attempt: AttemptId, from: Option<String>) {
        if let Some(issue) = self.issue_of(&attempt)
            && self.state.task(&attempt.key).is_some_and(|t| !t.claimed)
        {
            self.emit(Event::IssueClaimed { attempt, issue, from });
        }
    }

    pub(super) fn claim_unanswered(&mut self, attempt: AttemptId, reason: String) {
        if let Some(issue) = self.issue_of(&attempt) {
            self.emit(Event::ClaimUnanswered { attempt, issue, reason });
        }
    }

    /// It is somebody else's, who may be at work on it: a person decides.
    pub(super) fn issue_taken(&mut self, attempt: &AttemptId, reason: String) {
        let began = self.state.attempt(attempt).is_some_and(|a| a.spawned.is_some());
        if began || self.issue_of(attempt).is_none() {
            return;
        }
        self.give_place(attempt);
        self.void(attempt, Some(reason.clone()));
        if self.state.task(&attempt.key).is_some_and(|t| !t.phase.ended()) {
            self.emit(Event::TaskNeedsHuman { key: attempt.key.clone(), reason });
        }
    }

    /// The issue of an attempt that is being prepared or runs.
    fn issue_of(&self, attempt: &AttemptId) -> Option<Issue> {
        let task = self.state.task(&attempt.key).filter(|_| self.is_current(attempt, Phase::Running))?;
        self.state.definition(task).issue.clone()
    }
}
