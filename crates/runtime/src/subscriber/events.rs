//! `events.jsonl`: the journal, line by line, as `greenlane events` prints it.

use greenlane_core::event::Event;
use greenlane_core::ids::RunId;
use greenlane_core::state::State;
use serde::Serialize;

use super::{Entry, Fact, Lines, Subscriber};

pub(super) struct Events;

#[derive(Serialize)]
struct Line<'a> {
    at: String,
    run: &'a RunId,
    #[serde(flatten)]
    event: &'a Event,
}

impl Subscriber for Events {
    fn name(&self) -> &'static str {
        "events"
    }

    fn take(&mut self, entry: &Entry, _: &State, lines: &mut Lines) -> Result<(), serde_json::Error> {
        match &entry.fact {
            Fact::Event { run, event, .. } => lines.push(&Line { at: entry.at.rfc3339(), run, event }),
            Fact::Report(_) => Ok(()),
        }
    }
}
