//! `wait`: until the run ends. Its flags.

use std::time::Duration;

use crate::args::duration;

/// Flags of `wait`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane wait                  exit code as that of `run`
  greenlane wait --timeout 10m    exit code 124 if it has not ended by then")]
pub struct WaitArgs {
    /// Give up after this time
    #[arg(long, value_name = "DUR", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// At the end the status as one JSON document
    #[arg(long)]
    pub json: bool,
}
