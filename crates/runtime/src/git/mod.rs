//! Git, through one door. Everything that Greenlane does with git goes through [`Git`]; nothing else starts the program.

mod door;
mod error;

pub use door::{Git, Output};
pub use error::GitError;
