//! `run`: the main job. Its flags, and what of them is configuration.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use greenlane_core::time::format_duration;

use crate::args::duration;
use crate::plans::FormatArg;

/// Flags of `run`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane run plan.toml                         run one plan to its end
  greenlane run                                   every PRD under prds/active/
  greenlane run a.toml b.toml --max-plans 2       two plans, each on its own branch
  greenlane run plan.toml -j 8 --agent claude     eight attempts at once
  greenlane run plan.toml --only bucket           one task and what it depends on
  greenlane run plan.toml --land main             bring it into main when it is green
  greenlane run plan.toml --dry-run               show it, start nothing

The first Ctrl-C starts no further attempts, the second ends the running ones, the third kills them.
After SIGTERM or a crash `greenlane resume` goes on.")]
pub struct RunArgs {
    /// Plan files or PRD folders; without any, every PRD under prds/active/
    #[arg(value_name = "PLAN")]
    pub plans: Vec<PathBuf>,
    /// Attempts at once [default: 5]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub jobs: Option<u32>,
    /// Plans at once; more wait in a queue [default: 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub max_plans: Option<u32>,
    /// The agent of tasks that name none
    #[arg(long, value_name = "NAME")]
    pub agent: Option<String>,
    /// Time limit of an attempt, such as 90s or 1h30m [default: 1h]
    #[arg(long, value_name = "DUR", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// Most further attempts at a task [default: 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=100))]
    pub retries: Option<u32>,
    /// The revision that plans start from which name none [default: HEAD]
    #[arg(long, value_name = "REV")]
    pub base: Option<String>,
    /// Only these tasks and what they depend on; put PLAN before it
    #[arg(long, value_name = "TASK", num_args = 1..)]
    pub only: Vec<String>,
    /// Only the tasks of this group and what they depend on
    #[arg(long, value_name = "ID")]
    pub group: Option<String>,
    /// Go on with later groups when a member of a group failed
    #[arg(long)]
    pub keep_going: bool,
    /// Merge into BRANCH when everything is green
    #[arg(long, value_name = "BRANCH")]
    pub land: Option<String>,
    /// Work for which no test suite is found needs a human
    #[arg(long)]
    pub require_verify: bool,
    /// What a red test suite on the base does [default: stop]
    #[arg(long, value_name = "WHAT")]
    pub base_red: Option<BaseRedArg>,
    /// Do again what has landed already
    #[arg(long)]
    pub fresh: bool,
    /// Return at once; the run goes on in the background
    #[arg(long, conflicts_with = "json")]
    pub detach: bool,
    /// Show what would happen and start nothing
    #[arg(long, conflicts_with = "detach")]
    pub dry_run: bool,
    /// The plans' format [default: by their content]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<FormatArg>,
    /// Every event as one line of JSON
    #[arg(long)]
    pub json: bool,
}

/// What a red suite on the base does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BaseRedArg {
    /// End before money is spent
    Stop,
    /// Go on: the plan may be there to make it green
    Allow,
}

impl RunArgs {
    /// The flags that are configuration, as `Config::load` takes them.
    #[must_use]
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let on = |flag: bool| flag.then(|| String::from("true"));
        let base_red = self.base_red.map(|b| match b {
            BaseRedArg::Stop => String::from("stop"),
            BaseRedArg::Allow => String::from("allow"),
        });
        let all = [
            ("run.jobs", self.jobs.map(|n| n.to_string())),
            ("run.max_plans", self.max_plans.map(|n| n.to_string())),
            ("run.agent", self.agent.clone()),
            ("run.timeout", self.timeout.map(format_duration)),
            ("retry.max", self.retries.map(|n| n.to_string())),
            ("run.keep_going", on(self.keep_going)),
            ("run.require_verify", on(self.require_verify)),
            ("run.base_red", base_red),
        ];
        all.into_iter().filter_map(|(key, value)| value.map(|v| (key, v))).collect()
    }
}
