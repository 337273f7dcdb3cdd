//! The pure part of Greenlane: what a plan is, what to do next, what to show.
//!
//! Knows nothing of files, processes, clocks, threads or terminals: text comes in, decisions go out.

pub mod action;
pub mod attempt;
pub mod branch;
pub mod budget;
pub mod classify;
pub mod coordinator;
pub mod deficiency;
pub mod event;
pub mod exchange;
pub mod failure;
pub mod graph;
pub mod health;
pub mod ids;
pub mod input;
pub mod invariants;
pub mod notice;
pub mod options;
pub mod overlap;
pub mod plan;
#[cfg(feature = "planted-bugs")]
pub mod planted;
pub mod prompt;
pub mod room;
pub mod shared;
pub mod slug;
pub mod state;
pub mod time;
pub mod tracker;
pub mod view;
