//! `stop`: ends attempts, or the whole run. Its flags.

/// Flags of `stop`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane stop bucket        one task: polite signal, grace, kill; its work is kept
  greenlane stop --all         the whole run
  greenlane stop --all --now   without grace

Without a coordinator it ends the attempts that a dead one left.")]
pub struct StopArgs {
    /// Tasks (`ID` or `PLAN/ID`) or plans
    #[arg(value_name = "TASK", required_unless_present = "all")]
    pub tasks: Vec<String>,
    /// Kill at once, without grace
    #[arg(long)]
    pub now: bool,
    /// Everything that runs, and the run
    #[arg(long, conflicts_with = "tasks")]
    pub all: bool,
}
