//! The readers of agents' output: what they make of it for the report, and for people.

mod acp;
mod readers;
mod recorded;
mod shown;
