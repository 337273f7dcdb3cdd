//! `report`: what happened in a run. Its flags.

/// Flags of `report`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane report              the latest run
  greenlane report RUN
  greenlane report --json")]
pub struct ReportArgs {
    /// The run [default: the latest]
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}
