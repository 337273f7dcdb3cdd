//! `pause`: start no further attempts. Asks the coordinator.

use std::process::ExitCode;

use greenlane_core::input::Request;
use greenlane_runtime::control::Say;

use crate::context::Context;
use crate::error::Outcome;
use crate::session::Session;

/// Flags of `pause`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane pause      running attempts finish, no other starts
  greenlane unpause    go on")]
pub struct PauseArgs {}

/// Asks.
///
/// # Errors
/// Exit code 2 where nobody is at work.
pub fn run(_: &PauseArgs, context: &Context) -> Outcome {
    let session = Session::open(context)?;
    session.require_coordinator()?.say(&Say::Ask(Request::Pause))?;
    context.output.say("paused: running attempts finish, no other starts");
    Ok(ExitCode::SUCCESS)
}
