//! One client for every agent that speaks the Agent Client Protocol (ACP, version 1): JSON-RPC over the standard streams of its process.
//!
//! *Approach*: the keeper starts this same program as `greenlane __acp DIR`, and that starts the agent as its child. What the agent
//! tells is written to standard output as lines of our own (`lines.rs`), which `agent/readers/acp.rs` reads like any other agent's
//! events. What it asks for is answered here: files inside the worktree (`files.rs`), commands (`terminals.rs`), permission by the
//! policy of its entry (`permission.rs`). Threads and channels, no library: the types of the protocol's own crate take half a minute
//! to build and switch on features of `serde_json` that change the order of keys in all of Greenlane.
//!
//! Knows nothing of tasks, plans or attempts.

mod body;
mod client;
#[cfg(test)]
mod client_tests;
mod files;
mod lines;
mod order;
mod permission;
mod place;
mod terminals;
mod wire;

pub use body::{HIDDEN_VERB, dispatch};
pub use order::{Order, Permissions};
