//! Traces and metrics, sent to a collector of the test's own: with the feature `telemetry` (`scripts/test` runs it with and without).
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(feature = "telemetry")]
#[path = "telemetry/collector.rs"]
mod collector;
mod common;
#[cfg(feature = "telemetry")]
#[path = "telemetry/sent.rs"]
mod sent;

#[cfg(not(feature = "telemetry"))]
use common::{Ran, Sandbox};

#[cfg(not(feature = "telemetry"))]
#[test]
fn a_program_without_it_says_so_to_whoever_configured_it() {
    let sandbox = Sandbox::new(&[]);
    let mut run = sandbox.run_command("[[task]]\nid = 'a'\nrun = 'echo a > a.txt'\n", &[]);
    run.env("GREENLANE_TELEMETRY_ENDPOINT", "http://127.0.0.1:9");
    let ran = Ran::of(run.output().unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.stderr.matches("built without the feature `telemetry`").count(), 1, "{ran:?}");
    // The variables are also other programs'.
    let mut run = sandbox.run_command("[[task]]\nid = 'b'\nrun = 'echo b > b.txt'\n", &[]);
    run.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9").env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    let ran = Ran::of(run.output().unwrap());
    assert_eq!((ran.code, ran.stderr.contains("telemetry")), (0, false), "{ran:?}");
}
