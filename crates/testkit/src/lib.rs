//! What Greenlane's tests share: a scripted model server, and what points real agents at it.
//!
//! Knows nothing of the crates that use it.

pub mod model_server;
pub mod real_agent;
