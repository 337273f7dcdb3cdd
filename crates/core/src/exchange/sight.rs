//! What an attempt gets to see of the run: its task, its neighbours, what was said to it. Derived; changes nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Holder, Question, QuestionEnd};
use crate::ids::{AttemptId, TaskKey};
use crate::state::{State, TaskState};
use crate::time::Time;
use crate::view::task_state;

/// Most tasks that are listed of each kind.
const LISTED_MAX: usize = 50;

/// What an attempt asks to see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "look", rename_all = "snake_case")]
pub enum Look {
    /// Its task, and those around it.
    Task,
    /// The notes to its task.
    Notes,
    /// A question of its task's, by its number or its token.
    Question {
        /// By number.
        number: Option<u64>,
        /// By the token that it was asked with.
        token: Option<String>,
    },
    /// A lock.
    Lock {
        /// Its name.
        name: String,
    },
    /// All values, or one.
    Values {
        /// Its name.
        name: Option<String>,
    },
}

/// What it sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sight {
    /// Its task.
    Task(Box<TaskSight>),
    /// The notes to it, the oldest first.
    Notes(Vec<NoteSight>),
    /// A question; `None`: there is none of that number.
    Question(Option<QuestionSight>),
    /// A lock.
    Lock(LockSight),
    /// Values by name.
    Values(BTreeMap<String, ValueSight>),
}

/// A task and those around it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskSight {
    /// Its id.
    pub id: String,
    /// Its plan.
    pub plan: String,
    /// One line.
    pub title: String,
    /// The whole of what is to be done; empty for a command.
    pub prompt: String,
    /// The command line, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// As which attempt people know this one.
    pub attempt: u32,
    /// What it may change; empty: anything.
    pub owns: Vec<String>,
    /// What it may change besides.
    pub claims: Vec<String>,
    /// What is run on its work.
    pub checks: Vec<String>,
    /// How far it said it is.
    pub progress: Option<u8>,
    /// Tasks before it.
    pub depends: Vec<NeighbourSight>,
    /// Tasks after it.
    pub dependents: Vec<NeighbourSight>,
    /// Other tasks at work, or on their way to the branch.
    pub at_work: Vec<NeighbourSight>,
    /// Notes to it.
    pub notes: usize,
}

/// Another task, in brief.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeighbourSight {
    /// As notes name it: `ID`, or `PLAN/ID` for another plan's.
    pub id: String,
    /// One line.
    pub title: String,
    /// As `status` calls it.
    pub state: String,
    /// What it may change, claims included.
    pub owns: Vec<String>,
    /// How far it said it is.
    pub progress: Option<u8>,
}

/// A note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteSight {
    /// The task that wrote it.
    pub from: String,
    /// RFC 3339, UTC.
    pub at: String,
    /// What it says.
    pub text: String,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuestionSight {
    /// Its number.
    pub number: u64,
    /// What was asked.
    pub text: String,
    /// The answer, once there is one.
    pub answer: Option<String>,
    /// Why there will be none.
    pub withdrawn: Option<String>,
}

/// A lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockSight {
    /// It is this attempt's.
    pub held: bool,
    /// Who has it.
    pub holder: Option<String>,
    /// RFC 3339, UTC: when it comes free by itself.
    pub until: Option<String>,
    /// This attempt's place in the queue, from 1.
    pub place: Option<usize>,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueSight {
    /// What.
    pub value: String,
    /// For changing it only if nobody else has meanwhile.
    pub version: u64,
    /// The task that set it.
    pub by: String,
}

/// What this attempt sees. `None`: there is no such task.
#[must_use]
pub fn look(state: &State, attempt: &AttemptId, look: &Look, now: Time) -> Option<Sight> {
    let task = state.task(&attempt.key)?;
    let name = |key: &TaskKey| if key.plan == attempt.key.plan { key.task.to_string() } else { key.to_string() };
    Some(match look {
        Look::Task => Sight::Task(Box::new(task_sight(state, task, attempt, now))),
        Look::Notes => Sight::Notes(
            task.notes.iter().map(|n| NoteSight { from: name(&n.from.key), at: n.at.rfc3339(), text: n.text.clone() }).collect(),
        ),
        Look::Question { number, token } => {
            let wanted = |n: u64, q: &Question| match (number, token) {
                (Some(number), _) => *number == n,
                (None, Some(token)) => q.attempt == *attempt && q.token == *token,
                (None, None) => false,
            };
            Sight::Question(state.exchange.of_task(&attempt.key).find(|(n, q)| wanted(*n, q)).map(|(n, q)| question_sight(n, q)))
        }
        Look::Lock { name: lock } => {
            let lock = state.exchange.locks.get(lock.trim());
            let holder: Option<&Holder> = lock.and_then(|l| l.holder.as_ref());
            Sight::Lock(LockSight {
                held: holder.is_some_and(|h| h.attempt == *attempt),
                holder: holder.map(|h| name(&h.attempt.key)),
                until: holder.map(|h| h.until.rfc3339()),
                place: lock.and_then(|l| l.queue.iter().position(|w| w.attempt == *attempt)).map(|at| at + 1),
            })
        }
        Look::Values { name: wanted } => {
            let wanted = |name: &str| wanted.as_deref().is_none_or(|w| w.trim() == name);
            let values = state.exchange.values.iter().filter(|(name, _)| wanted(name));
            let sight = |v: &super::Value| ValueSight { value: v.text.clone(), version: v.version, by: name(&v.by.key) };
            Sight::Values(values.map(|(name, v)| (name.clone(), sight(v))).collect())
        }
    })
}

fn question_sight(number: u64, q: &Question) -> QuestionSight {
    let (answer, withdrawn) = match &q.ended {
        Some((_, QuestionEnd::Answered(text))) => (Some(text.clone()), None),
        Some((_, QuestionEnd::Withdrawn(why))) => (None, Some(why.clone())),
        None => (None, None),
    };
    QuestionSight { number, text: q.text.clone(), answer, withdrawn }
}

fn task_sight(state: &State, task: &TaskState, attempt: &AttemptId, now: Time) -> TaskSight {
    let definition = state.definition(task);
    let neighbour = |t: &TaskState| {
        let of = state.definition(t);
        NeighbourSight {
            id: if t.plan == task.plan { t.key.task.to_string() } else { t.key.to_string() },
            title: of.title.clone(),
            state: task_state(state, t, now).0.to_owned(),
            owns: of.owns.iter().chain(&t.claims).take(LISTED_MAX).cloned().collect(),
            progress: progress(t),
        }
    };
    let depends = definition.depends.iter().filter_map(|d| state.task(&TaskKey { plan: task.key.plan.clone(), task: d.clone() }));
    let others = state.tasks.iter().filter(|t| t.phase.active() && t.key != task.key);
    TaskSight {
        id: task.key.task.to_string(),
        plan: task.key.plan.to_string(),
        title: definition.title.clone(),
        prompt: definition.prompt.clone(),
        run: definition.run.as_deref().map(|line| line.trim().to_owned()),
        attempt: task.number_of(attempt.n).unwrap_or(attempt.n),
        owns: definition.owns.clone(),
        claims: task.claims.clone(),
        checks: definition.check.clone(),
        progress: progress(task),
        depends: depends.take(LISTED_MAX).map(neighbour).collect(),
        dependents: task.dependents.iter().take(LISTED_MAX).map(|d| neighbour(&state.tasks[*d])).collect(),
        at_work: others.take(LISTED_MAX).map(neighbour).collect(),
        notes: task.notes.len(),
    }
}

fn progress(task: &TaskState) -> Option<u8> {
    Some(task.current()?.progress.as_ref()?.percent)
}
