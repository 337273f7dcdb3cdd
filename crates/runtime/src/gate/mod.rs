//! Between work and landing: what an attempt did becomes a commit, the commit is judged, judged commits are merged and verified.

mod commit;
mod detect;
mod generated;
mod hint;
mod judge;
pub mod land;
mod message;
mod ownership;
mod suite;
mod suite_files;

pub use detect::{Detected, detect_suite};
pub use generated::{Generated, Remake};
pub use hint::hint;
pub use judge::{JudgeSpec, judge};
pub use message::{commit_message, landing_message};
pub use ownership::{Ownership, OwnershipError};
pub use suite::{SuiteSpec, verify};
