//! The pure part of Greenlane: what a plan is, what to do next, what to show.
//!
//! Knows nothing of files, processes, clocks, threads or terminals: text comes in, decisions go out.

pub mod attempt;
pub mod graph;
pub mod ids;
pub mod overlap;
pub mod plan;
pub mod slug;
pub mod time;
