//! `done`: whoever has a task in hand says that the work is there.

use greenlane_runtime::hand_off::Word;

use super::hand_back::{HandBackArgs, give};
use crate::context::Context;
use crate::error::Outcome;

/// Flags of `done`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane done bucket               the work in its worktree is checked and landed
  greenlane done                      the same, said in that worktree
  greenlane done bucket -m 'see #12'  with a word for the report

For tasks of hand-off agents (person, windsurf, cursor-editor, or one with `hand_off = true`). A commit on the task's branch says
the same. Committed or not, all that is in the worktree counts.")]
pub struct DoneArgs {
    /// Which one.
    #[command(flatten)]
    pub which: HandBackArgs,
    /// A word for the report
    #[arg(short, long, value_name = "TEXT", default_value = "")]
    pub message: String,
}

/// Says it.
///
/// # Errors
/// As [`give`].
pub fn run(args: &DoneArgs, context: &Context) -> Outcome {
    give(&args.which, Word::Done, &args.message, context)
}
