//! Damaged inputs for what reads text that others wrote: plans, globs, ids, output of agents. See `greenlane_testkit::fuzz`.

mod journal;
mod judging;
mod names;
mod plan_seeds;
mod plans;
#[path = "../samples/files.rs"]
mod samples;
