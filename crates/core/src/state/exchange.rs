//! Takes in what attempts said. Decides nothing; the limits are kept by `coordinator/exchange/`.

use std::time::Duration;

use super::apply::{Applied, require};
use super::{AttemptState, Phase, State, TaskState};
use crate::event::{Event, Outcome};
use crate::exchange::{Holder, LockEnd, Note, Progress, Question, QuestionEnd, Value, Waiter};
use crate::ids::{AttemptId, TaskKey};
use crate::overlap::{Glob, globs_overlap};
use crate::time::Time;

impl State {
    /// An event of the exchange; anything else is none of this file's.
    pub(super) fn apply_said(&mut self, at: Time, event: &Event) -> Applied {
        match event {
            Event::AttemptProgress { attempt, percent, text } => {
                require(*percent <= 100, "progress ends at 100")?;
                self.speaker(at, attempt)?.progress = Some(Progress { percent: *percent, text: text.clone(), at });
                Ok(())
            }
            Event::NoteSent { attempt, to, token, text } => {
                self.speaker(at, attempt)?;
                let task = self.require_task(to)?;
                let note = Note { from: attempt.clone(), token: token.clone(), text: text.clone(), at };
                self.tasks[task].notes.push(note);
                Ok(())
            }
            Event::QuestionAsked { attempt, question, token, text } => {
                self.speaker(at, attempt)?;
                let last = self.exchange.questions.last_key_value().map_or(0, |(n, _)| *n);
                require(*question == last + 1, "not the next question")?;
                let (attempt, token, text) = (attempt.clone(), token.clone(), text.clone());
                self.exchange.questions.insert(*question, Question { attempt, token, text, asked_at: at, ended: None });
                Ok(())
            }
            Event::QuestionAnswered { question, text, .. } => self.end_question(*question, at, QuestionEnd::Answered(text.clone())),
            Event::QuestionWithdrawn { question, reason, .. } => self.end_question(*question, at, QuestionEnd::Withdrawn(reason.clone())),
            Event::AnswerAwaited { key } => self.answer_awaited(at, key),
            Event::FileClaimed { attempt, path } => {
                self.speaker(at, attempt)?;
                let task = self.require_task(&attempt.key)?;
                require(!self.tasks[task].claims.contains(path), "it was claimed already")?;
                self.tasks[task].claims.push(path.clone());
                self.claimants.insert(task);
                Ok(())
            }
            Event::LockTaken { attempt, lock, until } => {
                self.speaker(at, attempt)?;
                let lock = self.exchange.locks.entry(lock.clone()).or_default();
                let since = match &lock.holder {
                    Some(holder) if holder.attempt == *attempt => holder.since,
                    Some(_) => return Err(String::from("somebody else has the lock")),
                    None => at,
                };
                lock.queue.retain(|w| w.attempt != *attempt);
                lock.holder = Some(Holder { attempt: attempt.clone(), since, until: *until });
                Ok(())
            }
            Event::LockAwaited { attempt, lock, lease, until } => {
                self.speaker(at, attempt)?;
                let lock = self.exchange.locks.get_mut(lock).ok_or("nobody has the lock")?;
                let waiter = Waiter { attempt: attempt.clone(), lease: *lease, until: *until };
                match lock.queue.iter_mut().find(|w| w.attempt == *attempt) {
                    Some(known) => *known = waiter,
                    None => lock.queue.push_back(waiter),
                }
                Ok(())
            }
            Event::LockLeft { attempt, lock, how: LockEnd::Released | LockEnd::Expired | LockEnd::AttemptEnded } => {
                let known = self.exchange.locks.get_mut(lock).ok_or("there is no such lock")?;
                if known.holder.as_ref().is_some_and(|h| h.attempt == *attempt) {
                    known.holder = None;
                } else {
                    let before = known.queue.len();
                    known.queue.retain(|w| w.attempt != *attempt);
                    require(known.queue.len() < before, "it neither has the lock nor waits for it")?;
                }
                if known.holder.is_none() && known.queue.is_empty() {
                    self.exchange.locks.remove(lock);
                }
                Ok(())
            }
            Event::ValueSet { attempt, name, value, version } => {
                self.speaker(at, attempt)?;
                require(*version == self.exchange.last_version + 1, "not the next version")?;
                self.exchange.last_version = *version;
                match value {
                    Some(text) => {
                        let value = Value { text: text.clone(), version: *version, by: attempt.clone(), at };
                        self.exchange.values.insert(name.clone(), value);
                    }
                    None => drop(self.exchange.values.remove(name)),
                }
                Ok(())
            }
            _ => Err(String::from("nothing that an attempt says")),
        }
    }

    /// The attempt that says something; it is counted.
    fn speaker(&mut self, at: Time, attempt: &AttemptId) -> Result<&mut AttemptState, String> {
        let speaker = self.require_attempt(attempt, Phase::Running)?;
        speaker.said += 1;
        speaker.said_at = Some(at);
        Ok(speaker)
    }

    fn end_question(&mut self, number: u64, at: Time, how: QuestionEnd) -> Applied {
        let question = self.exchange.questions.get_mut(&number).ok_or("there is no such question")?;
        require(question.ended.is_none(), "the question is not open")?;
        question.ended = Some((at, how));
        Ok(())
    }

    fn answer_awaited(&mut self, at: Time, key: &TaskKey) -> Applied {
        let task = self.require_failed_attempt(key)?;
        let asked = self.tasks[task].current().is_some_and(|a| a.outcome == Some(Outcome::Asked));
        require(asked, "its attempt did not end with a question")?;
        self.tasks[task].fresh_next = false;
        self.set_phase(task, Phase::Blocked, at);
        self.unblock(task, at);
        Ok(())
    }

    /// An ended task is tried again: of what it had claimed it keeps what nobody else has by now.
    pub(super) fn regain_claims(&mut self, task: usize) {
        let claims = std::mem::take(&mut self.tasks[task].claims);
        let kept: Vec<String> = claims.into_iter().filter(|path| self.claim_hindered(task, path).is_none()).collect();
        if kept.is_empty() {
            self.claimants.remove(&task);
        }
        self.tasks[task].claims = kept;
    }

    /// Another unfinished task of the plan that owns this path or has claimed it.
    #[must_use]
    pub(crate) fn claim_hindered(&self, task: usize, path: &str) -> Option<usize> {
        self.claim_hindrances(task, path).first().map(|(other, _)| *other)
    }

    /// All such tasks, each with the first of its globs that is in the way.
    #[must_use]
    pub(crate) fn claim_hindrances(&self, task: usize, path: &str) -> Vec<(usize, String)> {
        let plan = &self.plans[self.tasks[task].plan];
        let others = plan.tasks.clone().filter(|other| *other != task && !self.tasks[*other].phase.ended());
        let first = |other: usize| {
            let t = &self.tasks[other];
            self.definition(t).owns.iter().chain(&t.claims).find(|glob| globs_overlap(glob, path)).cloned()
        };
        others.filter_map(|other| Some((other, first(other)?))).collect()
    }

    /// A task of the plan at work, or on its way to the branch, that has claimed what this one owns, or owns what this one has claimed.
    #[must_use]
    pub(crate) fn claim_at_work(&self, task: &TaskState) -> Option<usize> {
        let active = |other: &usize| {
            let t = &self.tasks[*other];
            t.plan == task.plan && t.key != task.key && t.phase.active()
        };
        let owns = &self.definition(task).owns;
        let claims_ours = |other: &usize| self.tasks[*other].claims.iter().any(|path| owns.iter().any(|glob| globs_overlap(glob, path)));
        let found = self.claimants.iter().copied().find(|other| active(other) && claims_ours(other));
        if found.is_some() || task.claims.is_empty() {
            return found;
        }
        let owns_ours = |other: &usize| {
            let t = &self.tasks[*other];
            let owns = self.definition(t).owns.iter().chain(&t.claims);
            owns.into_iter().any(|glob| task.claims.iter().any(|path| globs_overlap(glob, path)))
        };
        self.plans[task.plan].tasks.clone().find(|other| active(other) && owns_ours(other))
    }

    /// What a task may change: what it owns and has claimed; nothing where it owns nothing, and may change anything.
    #[must_use]
    pub fn owned_by(&self, task: &TaskState) -> Vec<String> {
        let owns = &self.definition(task).owns;
        if owns.is_empty() { Vec::new() } else { owns.iter().chain(&task.claims).cloned().collect() }
    }

    /// Whether a task may change this path without a claim.
    #[must_use]
    pub(crate) fn owns_path(&self, task: &TaskState, path: &str) -> bool {
        let owns = self.owned_by(task);
        owns.is_empty() || owns.iter().any(|glob| Glob::new(glob).is_ok_and(|g| g.matches(path)))
    }

    /// The open question for whose answer the task's next attempt waits.
    #[must_use]
    pub fn awaited_answer(&self, task: &TaskState) -> Option<(u64, &Question)> {
        let waits = matches!(task.phase, Phase::Blocked | Phase::Ready);
        let last = task.current().filter(|a| waits && a.outcome == Some(Outcome::Asked))?;
        let open = |(_, q): &(&u64, &Question)| q.ended.is_none() && q.attempt.key == task.key && q.attempt.n == last.n;
        self.exchange.questions.iter().find(open).map(|(n, q)| (*n, q))
    }

    /// How long a question stays open.
    #[must_use]
    pub fn question_max(&self) -> Duration {
        self.options.as_ref().map_or(crate::options::QUESTION_MAX, |o| o.question_max)
    }
}
