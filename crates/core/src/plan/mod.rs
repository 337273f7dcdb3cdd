//! Plans: their model, their formats (text in, [`Plan`] out), their validation. Reads no files.

mod model;

pub use model::{Group, Plan, Task};
