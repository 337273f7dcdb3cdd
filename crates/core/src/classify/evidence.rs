//! What counted for a type, and how much. Knows no rules.

use serde::{Deserialize, Serialize};

use super::types::TaskType;

/// One thing that counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// For which type.
    #[serde(rename = "type")]
    pub kind: TaskType,
    /// The word, phrase or file.
    pub what: String,
    /// Where it stands: `title`, `text`, `files`, `repository`, or `both sides` for front and back together.
    pub place: String,
    /// How much it counted.
    pub points: f64,
}
