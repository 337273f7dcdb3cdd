//! `rollback`: the plan's branch back to before a landing. Its flags.

/// Flags of `rollback`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane rollback bucket    the branch as it was before this task landed
  greenlane rollback core      or before this group

What is taken off stays in a ref, which is named.")]
pub struct RollbackArgs {
    /// A group, or a task (`ID` or `PLAN/ID`)
    #[arg(value_name = "GROUP|TASK")]
    pub name: String,
    /// Another run than the latest
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
}
