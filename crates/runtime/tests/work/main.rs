//! Workspaces, the gate and landing, with real git and real processes. One program, so that what they share is compiled once.

mod common;
mod gate;
mod landing;
mod pool;
mod repositories;
mod tamper;
