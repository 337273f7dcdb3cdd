//! What a run shows while it goes on: live lines on a terminal, plain lines elsewhere, events as JSON Lines.
//! All three are fed the same records; they draw, they do not decide.

mod aside;
#[cfg(feature = "tui")]
mod dashboard;
mod json;
mod live;
mod plain;
mod scope;
mod words;

use greenlane_core::ids::RunId;
use greenlane_runtime::driver::{Layout, Observer};

pub use aside::Aside;
pub use json::EventLine;
pub use scope::Scope;
pub use words::{clock, lines, name, number, suite_words};

use crate::output::Output;
use crate::session::Session;

/// Picks the display that fits the streams.
#[must_use]
pub fn display(output: Output, json: bool, layout: Layout, scope: Scope) -> Box<dyn Observer> {
    if json {
        Box::new(json::JsonLines::new(output, scope))
    } else if output.live && !output.quiet {
        Box::new(live::Live::new(output, layout, scope))
    } else {
        Box::new(plain::Plain::new(output, scope))
    }
}

/// The dashboard before this display, which goes on when the dashboard is left.
#[cfg(feature = "tui")]
#[must_use]
pub fn in_dashboard(session: Session, run: RunId, output: Output, then: Box<dyn Observer>) -> Box<dyn Observer> {
    Box::new(dashboard::Dashboard::new(session, run, output, then))
}

/// This program has no dashboard: whoever asks for one was told so before.
#[cfg(not(feature = "tui"))]
#[must_use]
pub fn in_dashboard(_: Session, _: RunId, _: Output, then: Box<dyn Observer>) -> Box<dyn Observer> {
    then
}
