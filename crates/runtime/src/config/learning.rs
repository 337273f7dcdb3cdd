//! `[learning]`: what agents are told of earlier failures.

use serde::{Deserialize, Serialize};

/// The settings of learning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LearningConfig {
    /// Prompts carry the lessons that match their task. Deficiencies are recorded either way.
    pub lessons: bool,
}
