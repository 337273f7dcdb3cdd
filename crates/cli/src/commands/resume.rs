//! `resume`: pick up a run whose coordinator is gone. Its flags.

/// Flags of `resume`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane resume             the interrupted run
  greenlane resume RUN         that one; `greenlane runs` lists them
  greenlane resume --detach    in the background

Attempts that still run are adopted, finished ones are collected. With nothing to resume it says so, exit code 2.")]
pub struct ResumeArgs {
    /// The run [default: the latest that is not finished]
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// Return at once; the run goes on in the background
    #[arg(long, conflicts_with = "json")]
    pub detach: bool,
    /// Every event as one line of JSON
    #[arg(long)]
    pub json: bool,
}
