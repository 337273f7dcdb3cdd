//! What is to be sent where: the configuration and the variables that every program with OpenTelemetry has. Sends nothing.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use crate::config::TelemetryConfig;

/// What somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The configured address of the collector; `None`: the variables say it.
    pub endpoint: Option<String>,
    /// Spans are wanted.
    pub traces: bool,
    /// Measures are wanted.
    pub metrics: bool,
}

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
pub(super) const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";

impl Settings {
    /// `None`: nothing is wanted.
    ///
    /// # Errors
    /// For people: a protocol that is not spoken.
    pub fn of(config: &TelemetryConfig, env: &BTreeMap<OsString, OsString>) -> Result<Option<Self>, String> {
        let text = |name: &str| env.get(OsStr::new(name)).map(|v| v.to_string_lossy().trim().to_owned()).filter(|v| !v.is_empty());
        if text("OTEL_SDK_DISABLED").is_some_and(|v| v.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let everywhere = config.endpoint.is_some() || text(ENDPOINT).is_some();
        let wanted = |signal: &str| {
            let exporter = text(&format!("OTEL_{signal}_EXPORTER"));
            let is_otlp = exporter.is_none_or(|list| list.split(',').any(|e| e.trim() == "otlp"));
            is_otlp && (everywhere || text(&format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")).is_some())
        };
        let (traces, metrics) = (wanted("TRACES"), wanted("METRICS"));
        for (is_wanted, name) in [(traces, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"), (metrics, "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL")] {
            let named = text(name).map(|v| (name, v)).or_else(|| text(PROTOCOL).map(|v| (PROTOCOL, v)));
            if let Some((name, protocol)) = named.filter(|(_, v)| is_wanted && !matches!(v.as_str(), "http/protobuf" | "http/json")) {
                return Err(format!(
                    "{name} is `{protocol}`, and telemetry is sent by `http/protobuf` (the default) or `http/json`: collectors listen for it on port 4318"
                ));
            }
        }
        Ok((traces || metrics).then(|| Self { endpoint: config.endpoint.clone(), traces, metrics }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(endpoint: Option<&str>, env: &[(&str, &str)]) -> Result<Option<(bool, bool)>, String> {
        let env = env.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect();
        let settings = Settings::of(&TelemetryConfig { endpoint: endpoint.map(str::to_owned) }, &env)?;
        Ok(settings.map(|s| (s.traces, s.metrics)))
    }

    #[test]
    fn it_is_off_until_somebody_names_a_collector() {
        assert_eq!(of(None, &[]), Ok(None));
        assert_eq!(of(None, &[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]), Ok(None));
        assert_eq!(of(None, &[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]), Ok(None));
        assert_eq!(of(Some("http://c:4318"), &[]), Ok(Some((true, true))));
        assert_eq!(of(None, &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318")]), Ok(Some((true, true))));
        assert_eq!(of(None, &[("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://c:4318/v1/metrics")]), Ok(Some((false, true))));
    }

    #[test]
    fn each_of_the_two_and_both_can_be_switched_off() {
        let c = Some("http://c:4318");
        assert_eq!(of(c, &[("OTEL_TRACES_EXPORTER", "none")]), Ok(Some((false, true))));
        assert_eq!(of(c, &[("OTEL_METRICS_EXPORTER", "prometheus"), ("OTEL_TRACES_EXPORTER", "console,otlp")]), Ok(Some((true, false))));
        assert_eq!(of(c, &[("OTEL_METRICS_EXPORTER", "none"), ("OTEL_TRACES_EXPORTER", "none")]), Ok(None));
        assert_eq!(of(c, &[("OTEL_SDK_DISABLED", "TRUE"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]), Ok(None));
    }

    #[test]
    fn a_protocol_that_is_not_spoken_is_named() {
        let c = Some("http://c:4318");
        let told = of(c, &[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]).unwrap_err();
        assert!(told.contains("OTEL_EXPORTER_OTLP_PROTOCOL is `grpc`") && told.contains("4318"), "{told}");
        let traces = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json");
        let told = of(c, &[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), traces, ("OTEL_METRICS_EXPORTER", "none")]);
        assert_eq!(told, Ok(Some((true, false))));
    }
}
