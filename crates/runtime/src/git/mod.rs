//! Git, through one door. Everything that Greenlane does with git goes through [`Git`]; nothing else starts the program.

mod ancestry;
mod attributes;
mod branches;
mod diff_stat;
mod discover;
mod door;
mod error;
mod files;
pub mod index_file;
mod land_into;
mod left_over;
mod lock;
mod merge;
mod objects;
mod refs;
mod repo;
pub mod residue;
mod session;
mod trace;
mod tree_diff;
mod writer;

pub use branches::{Moved, RollbackError, RolledBack};
pub use diff_stat::{CommitStat, FileStat};
pub use discover::{GIT_VERSION_MIN, RepoError};
pub use door::{Caller, Git, Output};
pub use error::GitError;
pub use land_into::{DryRun, LandError, LandMode, Landed};
pub use left_over::wait_for_left_over;
pub use lock::lock;
pub use merge::Merged;
pub use objects::{CommitInfo, Objects, TreeEntry};
pub use refs::{Applied, Expect, RefChange, Refs};
pub use repo::Repo;
pub use tree_diff::{Change, changes, with_paths};
pub use writer::{Idents, Writer};
