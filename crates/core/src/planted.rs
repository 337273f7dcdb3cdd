//! Bugs for the simulation to find: proof that its invariants can fail. Compiled for tests only.

use serde::{Deserialize, Serialize};

/// A deliberate fault in the coordinator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlantedBug {
    /// Tasks whose owned files overlap may run at once.
    IgnoreOwnership,
    /// A dependent starts when its dependency is accepted, not when it has landed.
    StartBeforeLanding,
    /// A result of a superseded attempt is taken for the current one's.
    BelieveStaleResults,
    /// A red batch is landed as if it were green.
    LandRed,
}
