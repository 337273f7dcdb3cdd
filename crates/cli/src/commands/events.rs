//! `events`: the journal as JSON Lines. Its flags.

/// Flags of `events`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane events                  everything so far
  greenlane events --since 120 -f   from there on, as it happens
  greenlane events | jq -r .event | sort | uniq -c")]
pub struct EventsArgs {
    /// Go on as events happen, until the run ends
    #[arg(short, long)]
    pub follow: bool,
    /// Only events after this number
    #[arg(long, value_name = "SEQ")]
    pub since: Option<u64>,
    /// Only of this run
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// JSON Lines, which it is anyway
    #[arg(long)]
    pub json: bool,
}
