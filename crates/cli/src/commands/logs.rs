//! `logs`: an attempt's output. Its flags.

/// Flags of `logs`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane logs bucket                 what its latest attempt printed
  greenlane logs bucket -f              and what it goes on to print
  greenlane logs bucket --attempt 1 --stderr
  greenlane logs bucket --prompt        what the agent was told")]
pub struct LogsArgs {
    /// The task: `ID` or `PLAN/ID`
    #[arg(value_name = "TASK")]
    pub task: String,
    /// Go on until the attempt ends
    #[arg(short, long)]
    pub follow: bool,
    /// Which attempt, from 1 [default: the latest]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub attempt: Option<u32>,
    /// Standard error instead of standard output
    #[arg(long)]
    pub stderr: bool,
    /// The prompt instead of the output
    #[arg(long, conflicts_with_all = ["stderr", "follow"])]
    pub prompt: bool,
    /// Another run than the latest
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
}
