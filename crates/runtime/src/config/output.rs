//! `[output]`: how much of an attempt's output is kept.

use serde::{Deserialize, Serialize};

/// The settings of output files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputConfig {
    /// Most bytes kept of each stream of an attempt; at least 4 KiB.
    pub bytes_max: u64,
}
