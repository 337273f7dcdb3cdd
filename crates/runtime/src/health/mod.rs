//! Looks at attempts under way: what their keepers told last, and whether these are there. Judges nothing; the rule is
//! `greenlane_core::health`.

mod look;

pub use look::look;
pub(crate) use look::{iteration, retrying};
