//! Which files a task owns, and whose files overlap. Knows nothing of files on a disk: paths are text.

mod glob;
mod index;

pub use glob::{Glob, Ownership, globs_overlap, owns_overlap};
pub use index::{Claims, Overlap, Overlaps, Pairs};
