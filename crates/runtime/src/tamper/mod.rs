//! What all worktrees of a repository share (refs, the stash, configuration, hooks), compared before and after each attempt.
//! What an attempt is known to have changed is put back; what merely changed meanwhile is told. The reasons stand in
//! `docs/design/tampering.md`. Knows nothing of tasks, and judges nobody's work.
//!
//! Approach: a snapshot is plain reads of files, so an attempt that touches nothing costs no process. The evidence for who did
//! it is what the attempt's own git wrote about itself (trace2) into a folder of the attempt.

mod compare;
mod config;
mod evidence;
mod files;
mod head_moves;
mod heads;
mod put_back;
mod reflog;
mod refs;
mod snapshot;
mod stash;
mod store;
mod targets;
mod watch;

pub use reflog::who_moved;
pub use watch::{Settled, Subject, Watch};
