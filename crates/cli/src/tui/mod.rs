//! The dashboard in a terminal: draws boards, turns keys into commands. Reads what it shows from [`crate::board`] alone.
//!
//! Approach: a model (what is selected, searched, asked) that keys change in one place and that is drawn in another, a file a view; only
//! rows that can be seen are made. One thread waits for keys, boards and signals at once, and draws at most 30 times a second. The
//! terminal is given back on every way out: [`terminal`].

mod draw;
mod job;
mod keys;
mod model;
mod open;
mod rows;
mod run;
mod search;
mod terminal;
mod theme;
mod update;
mod wake;

#[cfg(test)]
mod tests;

pub use run::{Left, Over, Place, Warnings, show};
pub use terminal::is_possible;
