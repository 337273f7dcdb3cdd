//! Git as it really is, through the whole program: where the user stands, what is configured, what files are called, which git is
//! there, and a disk that is full. The user's checkout, index and refs are the same before and after.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

#[path = "git_reality/configured.rs"]
mod configured;
#[path = "git_reality/full_disk.rs"]
mod full_disk;
#[path = "git_reality/large_files.rs"]
mod large_files;
#[path = "git_reality/names.rs"]
mod names;
#[path = "git_reality/places.rs"]
mod places;
#[path = "git_reality/support.rs"]
mod support;
#[path = "git_reality/traced.rs"]
mod traced;
