//! Looks at attempts under way: what their keepers told last, and whether these are there; and at external workers, which tell of
//! themselves. The rules are in `greenlane_core::health`.

mod look;
pub mod workers;

pub use look::look;
pub(crate) use look::{iteration, retrying};
