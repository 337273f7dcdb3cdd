//! Trackers end to end: beads through a `bd` that keeps its rules.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

#[path = "trackers/beads.rs"]
mod beads;
