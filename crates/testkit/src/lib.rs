//! What Greenlane's tests share: temporary repositories, builders, a scripted model server.
//!
//! Used by tests only. Knows nothing of Greenlane's own crates, so that each of them can use it.

pub mod repo;
