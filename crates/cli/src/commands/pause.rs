//! `pause`: start no further attempts. Its flags.

/// Flags of `pause`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane pause      running attempts finish, no other starts
  greenlane unpause    go on")]
pub struct PauseArgs {}
