//! `runs`: the history. Its flags.

/// Flags of `runs`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane runs               the latest 20 runs on this repository
  greenlane runs --limit 100
  greenlane runs --json")]
pub struct RunsArgs {
    /// Most runs to show, the latest first
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub limit: u32,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}
