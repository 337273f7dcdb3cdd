//! What dashboards draw, as data: a [`Board`] is one repository at one moment. The terminal's and the browser's draw the same one.
//!
//! Approach: a [`Feed`] follows the repository's run on a thread of its own and hands out a new board whenever something changed;
//! [`Command`] is what a person does about it. Of one task there is more to see than a board holds: [`detail`] reads it when it is
//! looked at.
//!
//! Every text of a board is one line that no terminal obeys (`report::clean` has been over it); what has several lines is a list of such
//! lines. Ids for requests ([`TaskKey`](greenlane_core::ids::TaskKey)) and paths are as they are: they are not for showing. Nothing here
//! writes, but for what a command asks for; nothing here draws.

mod activity;
mod command;
pub mod detail;
pub mod diff;
mod feed;
mod lessons;
mod log;
mod machine;
mod make;
mod model;
mod rows;
mod tasks;
mod use_of;
pub mod work;

pub use activity::Seen;
pub use command::{Command, Target};
pub use feed::{Feed, Which};
pub use log::{LogTail, Stream};
pub use machine::{Gauge, Machine};
#[cfg(test)]
pub(crate) use make::tests::of_sample;
pub use make::{Sources, board};
pub use model::{AccountRow, AgentRow, Board, PlanRow, Repository, RunBoard};
pub use rows::{AttemptRow, Checked, FailureRow, HealthRow, LessonRow, QuestionRow, Span, TaskRow, WorkerRow};
