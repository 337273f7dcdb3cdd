//! The order of a plan's tasks: what waits for what, waves, the longest path. Knows nothing of agents, slots or time of day.

mod cycle;
mod frontier;
mod index;

pub use cycle::{Cycle, Step};
pub use frontier::Frontier;
pub use index::{ESTIMATE_DEFAULT, Graph};
