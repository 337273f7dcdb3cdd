//! `unpause`: go on after `pause`. Its flags.

/// Flags of `unpause`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane unpause    attempts start again")]
pub struct UnpauseArgs {}
