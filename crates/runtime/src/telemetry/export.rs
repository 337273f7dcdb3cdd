//! The exporters of OpenTelemetry's own SDK, as the settings and the usual variables have them. Knows neither runs nor the journal.

use std::path::Path;
use std::time::Duration;

use futures_executor::block_on;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry_otlp::{MetricExporter, Protocol, RetryPolicy, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};

use super::client::Client;
use super::piece::digest;
use super::settings::{PROTOCOL, Settings};
use super::span::scope;

/// How long one request may take, unless `OTEL_EXPORTER_OTLP_TIMEOUT` (milliseconds) says otherwise: the conventions' default.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Measures are sent when this program says so, not by the reader's own clock.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3_600);

/// What sends.
pub(super) struct Exporters {
    spans: Option<SpanExporter>,
    meters: Option<SdkMeterProvider>,
}

impl Exporters {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// For people: an address or a variable that makes no sense.
    pub(super) fn new(settings: &Settings, state_dir: &Path) -> Result<Self, String> {
        let milliseconds = std::env::var("OTEL_EXPORTER_OTLP_TIMEOUT").ok().and_then(|text| text.trim().parse().ok());
        let timeout = milliseconds.map_or(TIMEOUT, Duration::from_millis);
        let base = settings.endpoint.as_deref().map(|e| e.trim_end_matches('/'));
        let resource = resource(state_dir);
        let mut exporters = Self { spans: None, meters: None };
        if settings.traces {
            let builder = set_up(SpanExporter::builder().with_http(), timeout, "TRACES");
            let builder = base.iter().fold(builder, |builder, base| builder.with_endpoint(format!("{base}/v1/traces")));
            let mut spans = builder.build().map_err(|e| e.to_string())?;
            spans.set_resource(&resource);
            exporters.spans = Some(spans);
        }
        if settings.metrics {
            let builder = set_up(MetricExporter::builder().with_http(), timeout, "METRICS");
            let builder = base.iter().fold(builder, |builder, base| builder.with_endpoint(format!("{base}/v1/metrics")));
            let reader = PeriodicReader::builder(builder.build().map_err(|e| e.to_string())?).with_interval(NEVER).build();
            exporters.meters = Some(SdkMeterProvider::builder().with_resource(resource).with_reader(reader).build());
        }
        Ok(exporters)
    }

    /// Spans are wanted.
    pub(super) fn sends_spans(&self) -> bool {
        self.spans.is_some()
    }

    /// What measures are made with, where they are wanted.
    pub(super) fn meter(&self) -> Option<Meter> {
        Some(self.meters.as_ref()?.meter_with_scope(scope()))
    }

    /// Waits until the collector has them.
    ///
    /// # Errors
    /// For people: it does not have them.
    pub(super) fn send_spans(&self, spans: Vec<SpanData>) -> Result<(), String> {
        match &self.spans {
            Some(exporter) => block_on(exporter.export(spans)).map_err(|e| e.to_string()),
            None => Ok(()),
        }
    }

    /// Waits until the collector has all measures as they are now.
    ///
    /// # Errors
    /// For people: it does not have them.
    pub(super) fn send_measures(&self) -> Result<(), String> {
        self.meters.as_ref().map_or(Ok(()), |meters| meters.force_flush().map_err(|e| e.to_string()))
    }
}

/// What is the same for both signals. Trying again is this program's business: it keeps what is to be sent.
fn set_up<B: WithExportConfig + WithHttpConfig>(builder: B, timeout: Duration, signal: &str) -> B {
    builder.with_http_client(Client::new(timeout)).with_retry_policy(RetryPolicy::disabled()).with_protocol(protocol(signal))
}

/// As the settings allow it. The SDK's own default is not the conventions'.
fn protocol(signal: &str) -> Protocol {
    let of_signal = format!("OTEL_EXPORTER_OTLP_{signal}_PROTOCOL");
    let named = [of_signal.as_str(), PROTOCOL].into_iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.trim().is_empty()));
    match named.as_deref().map(str::trim) {
        Some("http/json") => Protocol::HttpJson,
        _ => Protocol::HttpBinary,
    }
}

/// Who sends: `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` have the last word.
fn resource(state_dir: &Path) -> Resource {
    let top = state_dir.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    // One coordinator at a time works on a repository: its place tells two of them apart that go on at once.
    let instance: [u8; 8] = digest(&[&state_dir.to_string_lossy()]);
    let instance: String = instance.iter().map(|byte| format!("{byte:02x}")).collect();
    let own = [
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("service.instance.id", instance),
        KeyValue::new("vcs.repository.name", top.unwrap_or_default()),
    ];
    let builder = Resource::builder_empty().with_attribute(KeyValue::new("service.name", "greenlane")).with_attributes(own);
    let sdk = opentelemetry_sdk::resource::TelemetryResourceDetector;
    let variables = opentelemetry_sdk::resource::EnvResourceDetector::new();
    let name = std::env::var("OTEL_SERVICE_NAME").ok().filter(|name| !name.is_empty());
    let builder = builder.with_detectors(&[Box::new(sdk), Box::new(variables)]);
    match name {
        Some(name) => builder.with_service_name(name).build(),
        None => builder.build(),
    }
}
