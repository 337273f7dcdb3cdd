//! `doctor` on telemetry: is it asked for, and can this program send it. Sends nothing.

use greenlane_runtime::config::Config;
use greenlane_runtime::telemetry::{IS_BUILT_IN, Settings};

use super::check::Check;
use crate::context::Context;

/// Nothing where nobody wants it.
pub fn telemetry(config: &Config, context: &Context) -> Option<Check> {
    let settings = match Settings::of(&config.telemetry, &context.env) {
        Ok(settings) => settings?,
        Err(why) if IS_BUILT_IN => return Some(Check::warning("telemetry", why, "without that nothing is sent")),
        Err(_) => return None,
    };
    let what = match (settings.traces, settings.metrics) {
        (true, true) => "traces and metrics",
        (true, false) => "traces",
        _ => "metrics",
    };
    let place = config.telemetry.endpoint.as_deref().unwrap_or("where OTEL_EXPORTER_OTLP_* say");
    if IS_BUILT_IN {
        return Some(Check::ok("telemetry", format!("{what} go to {place}")));
    }
    // The variables are also other programs'.
    config.telemetry.endpoint.as_ref()?;
    let built = "build it with `--features telemetry` (docs/telemetry.md)";
    Some(Check::warning("telemetry", format!("{what} are to go to {place}, and this program was built without it"), built))
}
