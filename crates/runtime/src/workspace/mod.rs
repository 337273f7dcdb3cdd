//! Worktrees for attempts and for verification: pooled, marked, recycled, kept, cleaned up.

mod claim;
mod clean;
mod error;
mod include;
mod made;
mod mark;
mod place;
mod pool;
pub mod ports;
mod prepare;
mod request;
mod shell;
mod snapshot;
mod submodule;

pub use clean::{Cleaned, Known};
pub use error::WorkspaceError;
pub(crate) use made::{ignore_in, ignoring};
pub use mark::{Class, Filling, Holding, Mark};
pub use place::{pool_dir, worktrees_dir};
pub use pool::Pool;
pub use request::{From, PoolSettings, Prepare, Release, Workspace};
pub use shell::{Shell, ShellLine, ShellOutcome};
pub use submodule::beyond_a_commit;

pub use snapshot::{kept_words, prefix as kept_prefix};
