//! The names of things: runs, plans, tasks, attempts, commits. Knows nothing of what they stand for.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<T: AsRef<str>> From<T> for $name {
            fn from(text: T) -> Self {
                Self(Arc::from(text.as_ref()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    };
}

text_id!(
    /// One execution of one or more plans on a repository: `yymmdd-hhmmss-xxxx`, so that ids sort by time.
    RunId
);
text_id!(
    /// A plan within a run; from the plan's `id`, else its file's name, else its PRD's folder.
    PlanId
);
text_id!(
    /// A task within a plan, exactly as the plan spells it: it may hold `/`, spaces, anything printable.
    TaskId
);
text_id!(
    /// A group of tasks that start together (`[P:Group-NAME]`): the NAME.
    GroupId
);
text_id!(
    /// A git object name (commit or tree) in full hexadecimal.
    Oid
);

/// A task's full name within a run; shown as `plan/task`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskKey {
    /// The plan that defines it.
    pub plan: PlanId,
    /// Its id in that plan.
    pub task: TaskId,
}

impl TaskKey {
    /// Joins a plan's and a task's id.
    pub fn new(plan: impl Into<PlanId>, task: impl Into<TaskId>) -> Self {
        Self { plan: plan.into(), task: task.into() }
    }
}

impl fmt::Display for TaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.plan, self.task)
    }
}

impl fmt::Debug for TaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// One try at a task: the `n`-th, counted from 1 and never reused, even for an attempt that never began.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttemptId {
    /// The task that is tried.
    #[serde(flatten)]
    pub key: TaskKey,
    /// The number of the try, from 1.
    #[serde(rename = "attempt")]
    pub n: u32,
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.key, self.n)
    }
}

impl fmt::Debug for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
