//! `unpause`: go on after `pause`. Asks the coordinator.

use std::process::ExitCode;

use greenlane_core::input::Request;
use greenlane_runtime::control::Say;

use crate::context::Context;
use crate::error::Outcome;
use crate::session::Session;

/// Flags of `unpause`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane unpause    attempts start again")]
pub struct UnpauseArgs {}

/// Asks.
///
/// # Errors
/// Exit code 2 where nobody is at work.
pub fn run(_: &UnpauseArgs, context: &Context) -> Outcome {
    let session = Session::open(context)?;
    session.require_coordinator()?.say(&Say::Ask(Request::Unpause))?;
    context.output.say("attempts start again");
    Ok(ExitCode::SUCCESS)
}
