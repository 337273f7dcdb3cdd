//! Traces and metrics for whoever collects them with OpenTelemetry: a run, its tasks, attempts, gates, suites and landings as spans, and
//! counts and durations of them, by OTLP over HTTP.
//!
//! Approach: a thread beside the coordinator reads the journal from a cursor of its own and sends what has ended. A span's ids follow
//! from what it tells of, so that whoever reads the same entries again sends the same spans; the cursor moves when the collector has
//! them. What cannot be sent stays in the journal, and nowhere else, until it can be. Decides nothing, and holds nothing up.
//!
//! Only with the feature `telemetry`. Without it there is [`Settings`] alone, to say that something was asked for.

#[cfg(feature = "telemetry")]
mod client;
#[cfg(feature = "telemetry")]
mod cursor;
#[cfg(feature = "telemetry")]
mod export;
#[cfg(feature = "telemetry")]
mod fold;
#[cfg(feature = "telemetry")]
mod measures;
#[cfg(feature = "telemetry")]
mod piece;
mod settings;
#[cfg(feature = "telemetry")]
mod span;
#[cfg(feature = "telemetry")]
mod work;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use greenlane_core::ids::{AttemptId, RunId};

use crate::config::TelemetryConfig;

pub use settings::Settings;

/// This program can send telemetry.
pub const IS_BUILT_IN: bool = cfg!(feature = "telemetry");

/// The thread that sends it.
pub struct Telemetry {
    #[cfg(feature = "telemetry")]
    thread: crate::background::Background,
    #[cfg(not(feature = "telemetry"))]
    never: std::convert::Infallible,
}

impl Telemetry {
    /// Starts it where somebody wants it. `complain` is told once of each kind of trouble; the run goes on without telemetry then.
    ///
    /// # Errors
    /// For people: what is asked for and cannot be had.
    #[cfg(feature = "telemetry")]
    pub fn start(
        state_dir: &Path,
        run: &RunId,
        config: &TelemetryConfig,
        env: &BTreeMap<OsString, OsString>,
        complain: impl FnMut(String) + Send + 'static,
    ) -> Result<Option<Self>, String> {
        let Some(settings) = Settings::of(config, env)? else { return Ok(None) };
        let exporters = export::Exporters::new(&settings, state_dir)?;
        let (state_dir, run) = (state_dir.to_owned(), run.clone());
        let thread =
            crate::background::Background::start("telemetry", move |woken| work::work(&state_dir, &run, exporters, woken, complain));
        Ok(Some(Self { thread: thread.map_err(|e| format!("cannot start a thread for it: {e}"))? }))
    }

    /// Without the feature: says so, where somebody wants it.
    ///
    /// # Errors
    /// For people: it is asked for and cannot be had.
    #[cfg(not(feature = "telemetry"))]
    pub fn start(
        _state_dir: &Path,
        _run: &RunId,
        config: &TelemetryConfig,
        env: &BTreeMap<OsString, OsString>,
        _complain: impl FnMut(String) + Send + 'static,
    ) -> Result<Option<Self>, String> {
        // The variables are also other programs', whatever they say; the file is this one's.
        if config.endpoint.is_some() && Settings::of(config, env) != Ok(None) {
            return Err(String::from("this program was built without the feature `telemetry` (see docs/telemetry.md)"));
        }
        Ok(None)
    }

    /// Something was journalled.
    pub fn wake(&self) {
        #[cfg(feature = "telemetry")]
        self.thread.wake();
        #[cfg(not(feature = "telemetry"))]
        match self.never {}
    }

    /// Sends what is left, as far as that takes no longer than [`work::LAST_WORDS`]; the next run sends the rest.
    #[cfg(feature = "telemetry")]
    pub fn finish(mut self) {
        self.thread.end_within(work::LAST_WORDS);
    }

    /// There is none.
    #[cfg(not(feature = "telemetry"))]
    pub fn finish(self) {
        match self.never {}
    }
}

/// `TRACEPARENT` of an attempt, where traces are sent: agents that trace themselves add to the attempt's.
#[cfg(feature = "telemetry")]
pub(crate) fn traceparent(
    state_dir: &Path,
    run: &RunId,
    attempt: &AttemptId,
    config: &TelemetryConfig,
    env: &BTreeMap<OsString, OsString>,
) -> Option<String> {
    let settings = Settings::of(config, env).ok().flatten()?;
    settings.traces.then(|| fold::traceparent(&state_dir.to_string_lossy(), run, attempt))
}

/// Nothing is traced.
#[cfg(not(feature = "telemetry"))]
pub(crate) fn traceparent(
    _state_dir: &Path,
    _run: &RunId,
    _attempt: &AttemptId,
    _config: &TelemetryConfig,
    _env: &BTreeMap<OsString, OsString>,
) -> Option<String> {
    None
}
