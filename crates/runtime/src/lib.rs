//! The part of Greenlane that touches the world: git, worktrees, processes, the journal, the control socket.
//!
//! Decides nothing about a run: that is the core's business. Knows nothing of terminals or argument parsing.

pub mod gate;
pub mod git;
pub mod workspace;
