//! A plan while it is read: the model and the places that its checks will need. Knows nothing of formats.

use super::context::Span;
use super::group_rules::GroupRules;
use super::model::{Plan, Task};
use super::tick::{Tick, Whole};

/// What a format made of its text, not yet checked as a whole.
pub(super) struct Draft {
    pub plan: Plan,
    /// By task.
    pub places: Vec<Places>,
    pub grouping: Grouping,
    /// What is ticked when all of its parts are.
    pub wholes: Vec<Whole>,
    /// What the plan says of its groups.
    pub group_rules: Vec<GroupRules>,
}

/// Where a task and its parts stand.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    pub id: Span,
    pub group: Option<Span>,
    /// As long as the task's `depends`.
    pub depends: Vec<Span>,
    /// The task has text to work from, or a command; without one there is nothing to do.
    pub has_work: bool,
    /// How its being done is written; `None` where the text has no way to say so.
    pub tick: Option<Tick>,
    /// Its id is made of its title, and of the titles before it.
    pub derived: bool,
}

/// How groups become stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grouping {
    /// Groups are barriers in the order of their first appearance, other tasks are outside of them.
    Named,
    /// The same, and in a plan with groups each task without one is a barrier of its own.
    Sequential,
    /// The same where nothing names a group, too.
    InOrder,
}

impl Draft {
    pub fn new(plan: Plan, grouping: Grouping) -> Self {
        Self { plan, places: Vec::new(), grouping, wholes: Vec::new(), group_rules: Vec::new() }
    }

    pub fn push(&mut self, task: Task, places: Places) {
        self.plan.tasks.push(task);
        self.places.push(places);
    }
}
