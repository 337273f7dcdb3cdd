//! What keeps going wrong: the same fault of many attempts as one record, what could be done about it, and what of it an
//! agent should be told. Everything here follows from the journal and from what people recorded; it reads no files, and
//! knows no clock.

mod context;
mod fact;
mod kind;
mod lesson;
mod model;
mod normal;
mod observe;
mod remediation;
mod signature;
mod suggest;
mod watch;

mod book;
#[cfg(test)]
mod story_tests;

pub use book::{Book, DEFICIENCIES_MAX, Shown};
pub use context::Context;
pub use fact::Fact;
pub use kind::DeficiencyType;
pub use lesson::{CHARS_MAX as LESSONS_CHARS_MAX, Experience, LESSONS_MAX, Lesson, Query, lessons};
pub use model::{Deficiency, ISSUE_FREQUENCY, PATTERN_FREQUENCY, deficiency_id};
pub use normal::normalise;
pub use observe::{Observation, Way, classify};
pub use remediation::{Remediation, Step};
pub use signature::telling_line;
pub use suggest::suggestions;
pub use watch::Watcher;
