//! `[retry]`: which failures are tried again, how often and after how long. Computes no delay: that is the core's business.

use std::time::Duration;

use greenlane_core::time::duration_text;
use serde::{Deserialize, Serialize};

/// The retry policy. The wait before retry `n` (from 1) is `min(base · factor^(n-1), delay_max)`, give or take `jitter`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetryConfig {
    /// Most further attempts after the first; 0 to 100.
    pub max: u32,
    /// The wait before the first retry.
    #[serde(with = "duration_text")]
    pub base: Duration,
    /// How much longer each wait is than the one before; 1 to 100.
    pub factor: f64,
    /// No wait is longer.
    #[serde(with = "duration_text")]
    pub delay_max: Duration,
    /// The part of a wait by which it may differ, 0 to 1.
    pub jitter: f64,
    /// Names of failure kinds that are tried again, out of [`FAILURE_TYPES`].
    pub retry_types: Vec<String>,
}

/// Every kind of failure that a policy may name.
pub const FAILURE_TYPES: &[&str] =
    &["api_error", "timeout", "resource_exhaustion", "coordinator_error", "unknown", "bug", "logic_error", "quality_gate_failure"];
