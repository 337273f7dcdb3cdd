//! Questions to a person: asked, answered, withdrawn. While one is open its attempt's time limits rest; one whose attempt ended its turn
//! with it keeps the task waiting instead.

use crate::action::Action;
use crate::coordinator::Turn;
use crate::event::{Event, Outcome, Stopping};
use crate::exchange::{QUESTIONS_MAX, QUESTIONS_OPEN_MAX, TEXT_BYTES_MAX, answer, name, text};
use crate::ids::AttemptId;
use crate::state::Phase;
use crate::time::format_duration;

impl Turn<'_> {
    pub(super) fn ask(&mut self, attempt: &AttemptId, token: String, words: &str) -> Result<(), String> {
        let token = name("question", &token)?;
        let words = text("the question", words, TEXT_BYTES_MAX)?;
        let exchange = &self.state.exchange;
        if exchange.of_task(&attempt.key).any(|(_, q)| q.attempt == *attempt && q.token == token) {
            return Ok(()); // Asked again because the answer was lost.
        }
        if exchange.open_of(attempt).count() >= QUESTIONS_OPEN_MAX {
            return Err(format!("{QUESTIONS_OPEN_MAX} questions of yours are open: wait for an answer first"));
        }
        if exchange.of_task(&attempt.key).count() >= QUESTIONS_MAX {
            return Err(format!("this task has asked {QUESTIONS_MAX} questions: decide for yourself"));
        }
        let question = exchange.questions.last_key_value().map_or(1, |(n, _)| n + 1);
        self.emit(Event::QuestionAsked { attempt: attempt.clone(), question, token, text: words });
        self.tell_rest(attempt);
        Ok(())
    }

    /// The verb `answer`.
    pub(in crate::coordinator) fn answered(&mut self, question: u64, words: &str) -> Result<(), String> {
        if !self.state.is_live() {
            return Err(String::from("the run has ended"));
        }
        let words = answer(words)?;
        let asked = self.state.exchange.questions.get(&question).ok_or_else(|| format!("there is no question {question}"))?;
        match &asked.ended {
            None => {}
            Some((_, crate::exchange::QuestionEnd::Answered(_))) => return Err(format!("question {question} was answered already")),
            Some((_, crate::exchange::QuestionEnd::Withdrawn(why))) => {
                return Err(format!("nobody waits for an answer to question {question} any more: {why}"));
            }
        }
        let attempt = asked.attempt.clone();
        self.emit(Event::QuestionAnswered { attempt: attempt.clone(), question, text: words });
        self.tell_rest(&attempt);
        Ok(())
    }

    /// An agent that ended its turn well and waits for an answer: its work is not judged yet. `true`: that is so.
    pub(in crate::coordinator) fn waits_for_answer(&mut self, attempt: &AttemptId) -> bool {
        let asks = self.state.exchange.open_of(attempt).next().is_some();
        if !asks || self.state.stopping > Some(Stopping::Drain) {
            return false;
        }
        self.emit(Event::AttemptFailed { attempt: attempt.clone(), outcome: Outcome::Asked, failure: None, spent: None });
        self.emit(Event::AnswerAwaited { key: attempt.key.clone() });
        true
    }

    /// Questions that nobody waits for any more, and those that were open for too long.
    pub(super) fn withdraw_questions(&mut self) {
        let max = self.state.question_max();
        let mut over = Vec::new();
        for (number, question) in self.state.exchange.questions.iter().filter(|(_, q)| q.ended.is_none()) {
            let attempt = &question.attempt;
            let at_work = self.is_current(attempt, Phase::Running);
            let awaited = || {
                let task = self.state.task(&attempt.key)?;
                self.state.awaited_answer(task).filter(|_| task.current().is_some_and(|a| a.n == attempt.n))
            };
            if !at_work && awaited().is_none() {
                over.push((*number, attempt.clone(), String::from("its attempt has ended")));
            } else if question.asked_at + max <= self.now {
                over.push((*number, attempt.clone(), format!("nobody answered within {}", format_duration(max))));
            }
        }
        for (question, attempt, reason) in over {
            self.emit(Event::QuestionWithdrawn { attempt: attempt.clone(), question, reason });
            self.tell_rest(&attempt);
        }
    }

    /// Its keeper, if it still has one, learns how long it has waited for people.
    pub(in crate::coordinator) fn tell_rest(&mut self, attempt: &AttemptId) {
        if self.is_current(attempt, Phase::Running) {
            let rest = self.state.exchange.rest_of(attempt, self.state.question_max());
            self.act(Action::TellRest { attempt: attempt.clone(), rest });
        }
    }
}
