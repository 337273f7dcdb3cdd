//! Trackers end to end: beads through a `bd` that keeps its rules, GitHub through the real `gh` (`GREENLANE_REQUIRE_GH`: it must be there).
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

#[path = "trackers/beads.rs"]
mod beads;
#[path = "trackers/github.rs"]
mod github;
