//! `mcp`: the tools of an agent at work, served on standard input and output. Finds its attempt by its environment, and asks the
//! coordinator; keeps nothing itself, so that it may be started and ended as its agent likes.

#[cfg(feature = "mcp")]
mod calls;
#[cfg(feature = "mcp")]
mod door;
#[cfg(feature = "mcp")]
mod input;
#[cfg(feature = "mcp")]
mod lines;
#[cfg(feature = "mcp")]
mod server;
#[cfg(feature = "mcp")]
mod tools;

use std::time::Duration;

use crate::args::duration;
use crate::context::Context;
use crate::error::Outcome;

/// Flags of `mcp`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane mcp               as an agent starts it; `greenlane run` tells its agents to
  greenlane mcp --task api    as the attempt at task api that is under way, to try it out

It speaks the Model Context Protocol, in JSON lines. See docs/mcp.md.")]
pub struct McpArgs {
    /// Speak for the attempt at this task that is under way (`ID` or `PLAN/ID`), instead of the one that the environment names
    #[arg(long, value_name = "TASK")]
    pub task: Option<String>,
    /// How long a call waits for an answer or a lock
    #[arg(long, value_name = "DUR", default_value = "50s", value_parser = duration)]
    pub wait: Duration,
}

/// Serves until standard input ends.
///
/// # Errors
/// Exit code 2 for a task that is not under way, 3 where this program was built without it.
#[cfg(feature = "mcp")]
pub fn run(args: &McpArgs, context: &Context) -> Outcome {
    let door = door::Door::find(args.task.as_deref(), args.wait, context)?;
    if let Err(why) = &door {
        context.output.say(&format!("{why}. Every tool will say so."));
    }
    server::serve(calls::Calls::new(door, args.wait))
}

/// Says that this program cannot.
///
/// # Errors
/// Always: exit code 3.
#[cfg(not(feature = "mcp"))]
pub fn run(_: &McpArgs, _: &Context) -> Outcome {
    let error = crate::error::Error::environment("this program was built without the tools for agents");
    Err(error.hint("build it with the cargo feature `mcp`, which is among the default ones"))
}
