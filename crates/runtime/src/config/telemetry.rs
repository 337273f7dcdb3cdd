//! `[telemetry]`: where traces and metrics are sent.

use serde::{Deserialize, Serialize};

/// The settings of telemetry. Everything else of it is in the variables that every program with OpenTelemetry has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TelemetryConfig {
    /// The collector's address, without `/v1/traces`; `None`: what `OTEL_EXPORTER_OTLP_ENDPOINT` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
}
