//! `retry`: another attempt at a failed task. Its flags.

/// Flags of `retry`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane retry bucket                  go on from the work that is there
  greenlane retry bucket --fresh          start from the base again
  greenlane retry bucket --agent codex    with another agent")]
pub struct RetryArgs {
    /// Tasks (`ID` or `PLAN/ID`) or plans
    #[arg(value_name = "TASK", required = true)]
    pub tasks: Vec<String>,
    /// Start from the base again; the work so far stays in a ref
    #[arg(long)]
    pub fresh: bool,
    /// Another agent than before
    #[arg(long, value_name = "NAME")]
    pub agent: Option<String>,
}
