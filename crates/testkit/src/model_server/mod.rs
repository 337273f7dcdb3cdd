//! A model provider on loopback that answers by a script instead of thinking: what real agents talk to in the tests.
//!
//! It speaks four protocols (one file each) and takes its orders from lines in the prompt, as `script.rs` lists them:
//! `SCRIPT: write path=a.txt text=one`, `SCRIPT: run make`, `SCRIPT: text …`, `SCRIPT: error 429`, `SCRIPT: hang`. It knows
//! nothing of Greenlane: the same server answers whoever asks.

mod anthropic;
mod chat;
mod gemini;
mod recorder;
mod responses;
mod script;
mod server;
mod tools;
mod wire;

pub use recorder::{Answered, Seen};
pub use server::ModelServer;
