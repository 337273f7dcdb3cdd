//! The `greenlane` command as a library, so that its parts can be tested and documented: the command line, the verbs, the words.
//! Decides nothing about a run.

pub mod args;
pub mod assign;
pub mod beside;
pub mod board;
pub mod caps;
pub mod commands;
pub mod context;
pub mod coordinate;
pub mod error;
pub mod follow;
pub mod help;
pub mod leftovers;
pub mod live;
pub mod logbook;
pub mod names;
mod notifying;
pub mod output;
pub mod plans;
pub mod progress;
pub mod report;
pub mod session;
pub mod start;
pub mod transcript;
#[cfg(feature = "tui")]
pub mod tui;
#[cfg(feature = "web")]
pub mod web;

use std::ffi::OsString;
use std::process::ExitCode;

/// Reads the command line, calls the verb, turns its outcome into words and an exit code.
#[must_use]
pub fn main(argv: Vec<OsString>) -> ExitCode {
    let cli = args::parse(argv);
    let output = output::Output::new(&cli.globals);
    let outcome = context::Context::new(&cli.globals, output).and_then(|context| commands::dispatch(cli.verb, &context));
    outcome.unwrap_or_else(|error| {
        output.error(&error);
        error.exit_code()
    })
}
