//! `demo`: a real run on a sample repository. Its flags, and the sample.

pub mod sample;

use std::path::PathBuf;

/// Flags of `demo`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane demo                      in a temporary folder, which it names at the end
  greenlane demo --dir /tmp/sample    in a folder of your own, new or empty

It needs no agent and no network and takes a few seconds.")]
pub struct DemoArgs {
    /// Where to make the sample repository; new or empty [default: a temporary folder]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}
