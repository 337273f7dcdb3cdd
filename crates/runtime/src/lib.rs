//! The part of Greenlane that touches the world: git, worktrees, processes, the journal, the control socket.
//!
//! Decides nothing about a run: that is the core's business. Knows nothing of terminals or argument parsing.

pub mod accounts;
pub mod acp;
pub mod agent;
pub mod assignment;
mod background;
pub mod beads;
pub mod clock;
pub mod config;
pub mod context_files;
pub mod control;
pub mod driver;
pub mod gate;
pub mod git;
pub mod hand_off;
pub mod health;
pub mod journal;
pub mod keeper;
pub mod lessons;
pub mod lock;
pub mod machine;
pub mod notify;
pub mod plan_files;
pub mod plan_marks;
mod program;
pub mod prompts;
pub mod reserve;
pub mod room;
pub mod submission;
pub mod subscriber;
pub mod tamper;
pub mod telemetry;
pub mod tracker;
pub mod workspace;
