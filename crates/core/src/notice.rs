//! What a person who does not look is told of a run: that it ended, that it needs them, that a cap is near. Derived from an event and the
//! state after it; knows no channel and no clock.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::ids::{RunId, TaskKey};
use crate::state::{Phase, State};
use crate::time::Time;

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// The run ended.
    Ended,
    /// A task needs a person: a decision, an answer, their hands.
    Person,
    /// Most of a cap is used up.
    Budget,
}

impl NoticeKind {
    /// As in the configuration.
    pub const WORDS: &'static [&'static str] = &["ended", "person", "budget"];

    /// The word in the configuration and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            NoticeKind::Ended => "ended",
            NoticeKind::Person => "person",
            NoticeKind::Budget => "budget",
        }
    }
}

/// Something to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// About what.
    pub kind: NoticeKind,
    /// In a line.
    pub title: String,
    /// More of it; may have several lines, or none.
    pub text: String,
    /// The task, where it is about one.
    pub task: Option<String>,
    /// Its plan.
    pub plan: Option<String>,
}

/// So many tasks that are not done are named.
const NAMED_MAX: usize = 5;

/// Whether an event can be worth a notice: what is asked of each, before anything is looked up.
#[must_use]
pub fn is_notable(event: &Event) -> bool {
    matches!(
        event,
        Event::RunEnded { .. }
            | Event::TaskNeedsHuman { .. }
            | Event::QuestionAsked { .. }
            | Event::AttemptSpawned { .. }
            | Event::BudgetWarned { .. }
    )
}

/// The notice of an event; `state`: of its run after it. A run that took less than `after` has ended while its starter still looked.
#[must_use]
pub fn notice(run: &RunId, at: Time, event: &Event, state: &State, after: Duration) -> Option<Notice> {
    let of_task = |key: &TaskKey, title: String, text: &str| Notice {
        kind: NoticeKind::Person,
        title,
        text: text.to_owned(),
        task: Some(key.task.to_string()),
        plan: Some(key.plan.to_string()),
    };
    match event {
        Event::RunEnded { finished } if at.since(state.started_at) >= after => Some(ended(run, *finished, state)),
        Event::TaskNeedsHuman { key, reason } => Some(of_task(key, format!("`{}` needs a decision", key.task), reason)),
        Event::QuestionAsked { attempt, question, text, .. } => {
            Some(of_task(&attempt.key, format!("`{}` asks (question {question})", attempt.key.task), text))
        }
        Event::AttemptSpawned { attempt, worktree, .. } => {
            let task = state.task(&attempt.key)?;
            state.is_with_a_person(task).then(|| of_task(&attempt.key, format!("`{}` is in your hands", attempt.key.task), worktree))
        }
        Event::BudgetWarned { key, message, .. } => Some(Notice {
            kind: NoticeKind::Budget,
            title: match key {
                Some(key) => format!("The budget of `{}` is nearly used up", key.task),
                None => String::from("The run's budget is nearly used up"),
            },
            text: message.clone(),
            task: key.as_ref().map(|k| k.task.to_string()),
            plan: key.as_ref().map(|k| k.plan.to_string()),
        }),
        _ => None,
    }
}

fn ended(run: &RunId, finished: bool, state: &State) -> Notice {
    let count = |phase: Phase| state.tasks.iter().filter(|t| t.phase == phase).count();
    let (done, total) = (count(Phase::Done), state.tasks.len());
    let how = match (&state.halted, finished) {
        (Some(_), _) => "was ended",
        (None, true) if done == total => "is done",
        (None, true) => "ended",
        (None, false) => "was stopped",
    };
    let mut lines: Vec<String> = state.halted.iter().map(|(_, why)| why.clone()).collect();
    let open: Vec<_> = state.tasks.iter().filter(|t| matches!(t.phase, Phase::Failed | Phase::NeedsHuman)).collect();
    lines.extend(open.iter().take(NAMED_MAX).map(|t| match &t.reason {
        Some(reason) => format!("{}: {}", t.key.task, crate::view::brief(reason)),
        None => t.key.task.to_string(),
    }));
    if open.len() > NAMED_MAX {
        lines.push(format!("and {} more", open.len() - NAMED_MAX));
    }
    Notice {
        kind: NoticeKind::Ended,
        title: format!("Run {run} {how}: {done} of {total} tasks landed"),
        text: lines.join("\n"),
        task: None,
        plan: None,
    }
}

/// Several notices as one: what ended the run gives the title, all of them the text.
#[must_use]
pub fn together(notices: &[Notice]) -> Option<(String, String)> {
    let first = notices.iter().find(|n| n.kind == NoticeKind::Ended).or(notices.first())?;
    if notices.len() == 1 {
        return Some((first.title.clone(), first.text.clone()));
    }
    let lines = |n: &Notice| match (n == first, n.text.is_empty()) {
        (true, true) => None,
        (true, false) => Some(n.text.clone()),
        (false, true) => Some(n.title.clone()),
        (false, false) => Some(format!("{}: {}", n.title, n.text)),
    };
    Some((first.title.clone(), notices.iter().filter_map(lines).collect::<Vec<_>>().join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: NoticeKind, title: &str, text: &str) -> Notice {
        Notice { kind, title: title.into(), text: text.into(), task: None, plan: None }
    }

    #[test]
    fn several_are_told_as_one_and_the_end_goes_first() {
        let all = [
            of(NoticeKind::Person, "`a` asks", "which?"),
            of(NoticeKind::Ended, "Run r ended", "b: no"),
            of(NoticeKind::Budget, "near", ""),
        ];
        let told = together(&all).unwrap();
        assert_eq!(told, (String::from("Run r ended"), String::from("`a` asks: which?\nb: no\nnear")));
        assert_eq!(together(&all[..1]).unwrap().0, "`a` asks");
        assert_eq!(together(&[]), None);
    }

    #[test]
    fn a_run_that_ended_at_once_is_told_to_nobody() {
        let (run, mut state) = (RunId::from("r"), State::default());
        state.apply(Time(1_000), &Event::RunStarted { options: Box::default() }).unwrap();
        let ended = |at| notice(&run, Time(at), &Event::RunEnded { finished: true }, &state, Duration::from_secs(60));
        assert_eq!(ended(31_000), None);
        assert_eq!(ended(61_000).unwrap().title, "Run r is done: 0 of 0 tasks landed");
    }
}
