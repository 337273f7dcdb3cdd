//! `status`: how far the run is. Its flags.

/// Flags of `status`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane status                 the run and all its tasks
  greenlane status bucket          one task with its attempts
  greenlane status --watch         again at every change, until the run ends
  greenlane status --json | jq .summary

Exit code 1 if anything failed.")]
pub struct StatusArgs {
    /// A task (`ID` or `PLAN/ID`) or a plan; without it, everything
    #[arg(value_name = "TASK")]
    pub task: Option<String>,
    /// Another run than the latest; `greenlane runs` lists them
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// Show it again at every change, until the run ends
    #[arg(short, long)]
    pub watch: bool,
    /// One JSON document; with --watch one line for each change
    #[arg(long)]
    pub json: bool,
}
