//! `[retry]`: which failures are tried again, how often and after how long. Computes no delay: that is the core's business.

use std::time::Duration;

use greenlane_core::failure::FailureType;
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
    /// The types of failure that are tried again.
    pub retry_types: Vec<FailureType>,
    /// How often refused work goes back to its agent, 0 to 100.
    pub repairs: u32,
}

/// Every type of failure that a policy may name.
pub(super) const FAILURE_TYPES: &[&str] =
    &["api_error", "timeout", "resource_exhaustion", "coordinator_error", "unknown", "bug", "logic_error", "quality_gate_failure"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_type_and_none_is_missing() {
        for name in FAILURE_TYPES {
            let read: Result<FailureType, _> = serde_json::from_value(serde_json::Value::from(*name));
            assert_eq!(read.ok().map(FailureType::as_str), Some(*name));
        }
        assert!(FailureType::RETRIED.iter().all(|t| FAILURE_TYPES.contains(&t.as_str())));
    }
}
