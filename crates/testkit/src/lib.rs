//! What Greenlane's tests share: temporary repositories, a scripted model server, and what points real agents at it.
//!
//! Used by tests only. Knows nothing of Greenlane's own crates, so that each of them can use it.

pub mod fake_bd;
pub mod fuzz;
pub mod github;
pub mod model_server;
mod more_agents;
pub mod program;
pub mod real_agent;
pub mod repo;
