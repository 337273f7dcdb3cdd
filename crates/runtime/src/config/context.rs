//! `[context]`: which files of instructions `greenlane context write` keeps up to date, and from what.

use serde::{Deserialize, Serialize};

/// The settings of the context files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextConfig {
    /// The one source, from the repository's top.
    pub source: String,
    /// Which files are written; words of [`crate::context_files::KINDS`].
    pub files: Vec<String>,
}
