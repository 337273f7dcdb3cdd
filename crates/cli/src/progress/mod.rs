//! What a run shows while it goes on: live lines on a terminal, plain lines elsewhere, events as JSON Lines.
//! All three are fed the same records; they draw, they do not decide.

mod aside;
mod json;
mod live;
mod plain;
mod scope;
mod words;

use greenlane_runtime::driver::{Layout, Observer};

pub use aside::Aside;
pub use json::EventLine;
pub use scope::Scope;
pub use words::{clock, lines, name, number};

use crate::output::Output;

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
