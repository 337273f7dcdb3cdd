//! `fail`: whoever has a task in hand says that it is not to be expected.

use greenlane_runtime::hand_off::Word;

use super::hand_back::{HandBackArgs, give};
use crate::context::Context;
use crate::error::Outcome;

/// Flags of `fail`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane fail bucket --reason 'needs the schema of #12 first'
  greenlane retry bucket --agent claude    somebody else tries, from the work that is there

The task fails and is not tried again by itself; its worktree stays.")]
pub struct FailArgs {
    /// Which one.
    #[command(flatten)]
    pub which: HandBackArgs,
    /// Why, for the report
    #[arg(short, long, value_name = "TEXT", default_value = "")]
    pub reason: String,
}

/// Says it.
///
/// # Errors
/// As [`give`].
pub fn run(args: &FailArgs, context: &Context) -> Outcome {
    give(&args.which, Word::Failed, &args.reason, context)
}
