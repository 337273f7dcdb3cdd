//! `land`: bring a run's verified work where the user says. Its flags.

/// Flags of `land`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane land --into main              merge the plan's branch into main
  greenlane land --into main --dry-run    would it merge, and where would it conflict?
  greenlane land rate-limit --into main --squash

A branch that is checked out is updated with its files if that checkout is clean, else refused.")]
pub struct LandArgs {
    /// The plan [default: all plans of the run]
    #[arg(value_name = "PLAN")]
    pub plan: Option<String>,
    /// Where to [default: the branch that the user stands on]
    #[arg(long, value_name = "BRANCH")]
    pub into: Option<String>,
    /// One commit instead of a merge
    #[arg(long)]
    pub squash: bool,
    /// Say what would happen, conflicts included, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Another run than the latest
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}
