//! `clean`: remove worktrees and branches whose work has landed. Its flags.

/// Flags of `clean`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane clean --dry-run    what would go
  greenlane clean              remove it
  greenlane clean --run RUN    of one run only

Nothing that is dirty or not landed is ever removed.")]
pub struct CleanArgs {
    /// Say what would go, and remove nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Only what this run made
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}
