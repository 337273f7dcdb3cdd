//! The pure part of Greenlane: what a plan is, what to do next, what to show.
//!
//! Knows nothing of files, processes, clocks, threads or terminals: text comes in, decisions go out.

pub mod attempt;
pub mod ids;
pub mod plan;
pub mod prompt;
pub mod time;
