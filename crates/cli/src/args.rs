//! The command line: global options and the list of verbs. Each verb's own flags live in its file under `commands/`.
//! Does nothing itself.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::Styles;
use clap::builder::styling::{AnsiColor, Effects};
use clap::error::{ContextKind, ContextValue};
use clap::{ArgAction, ColorChoice, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use greenlane_core::time::parse_duration;

use crate::commands::{
    agents, answer, clean, completions, config, context, deficiencies, demo, doctor, done, events, fail, failures, groups, health, land,
    logs, man, mcp, notify, pause, plan, prompt, questions, report, resume, retries, retry, rollback, run, runs, serve, status, stop,
    tracker, unpause, wait, watch,
};
use crate::help;
use crate::report::Look;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "greenlane",
    version,
    about = "Runs a plan of coding tasks on one git repository with many coding agents at once, and lands only work that it verified itself.",
    after_help = "Examples:
  greenlane demo                    see it work on a sample repository
  greenlane plan plan.toml          show what would happen
  greenlane run plan.toml -j 4      do it
  greenlane status                  how far it is

Exit codes: 0 all tasks done, 1 some task is not done, 2 the command line or the plan is wrong, 3 something is missing
here (no repository, git too old, an agent), 4 another coordinator holds the repository, 124 `wait` timed out,
128+N ended by signal N.

Environment: GREENLANE_* variables set what `greenlane config` shows. GREENLANE_TRACE=git tells every call of git on
standard error, with its time and its exit code; GREENLANE_TRACE=git:FILE adds it to a file.",
    arg_required_else_help = true,
    propagate_version = false,
    disable_help_subcommand = false,
    max_term_width = HELP_COLUMNS_MAX,
    styles = STYLES
)]
pub struct Cli {
    /// Options of every verb.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// The widest that help is printed.
const HELP_COLUMNS_MAX: usize = 110;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().effects(Effects::BOLD))
    .usage(AnsiColor::Green.on_default().effects(Effects::BOLD))
    .literal(AnsiColor::Cyan.on_default().effects(Effects::BOLD))
    .placeholder(AnsiColor::Cyan.on_default());

/// Options of every verb.
#[derive(Clone, Debug, clap::Args)]
pub struct Globals {
    /// Work in the repository at DIR; paths on the command line count from there
    #[arg(short = 'C', value_name = "DIR", global = true, help_heading = "Global options")]
    pub directory: Option<PathBuf>,
    /// Say more; twice for everything
    #[arg(short, long, action = ArgAction::Count, global = true, help_heading = "Global options")]
    pub verbose: u8,
    /// Say nothing but results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Global options")]
    pub quiet: bool,
    /// Colours: on terminals, always or never; NO_COLOR is honoured
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true, hide_possible_values = false, help_heading = "Global options")]
    pub color: Color,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On terminals, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Even into files and pipes.
    Always,
    /// Nowhere.
    Never,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run plans to the end, or hand them to the coordinator that is at work here
    Run(run::RunArgs),
    /// Pick up a run whose coordinator is gone
    Resume(resume::ResumeArgs),
    /// Make another attempt at tasks that failed
    Retry(retry::RetryArgs),
    /// Read and check plans, and show what would happen; nothing is started
    Plan(plan::PlanArgs),
    /// Show how far the run and its tasks are
    Status(status::StatusArgs),
    /// Look at the run in a dashboard that fills the terminal, and act on it by keys
    Watch(watch::WatchArgs),
    /// Print an attempt's output
    Logs(logs::LogsArgs),
    /// The groups of a run, or of a plan: their phase, their tasks, how they ended
    Groups(groups::GroupsArgs),
    /// Wait until the run ends; the exit code is as that of `run`
    Wait(wait::WaitArgs),
    /// End tasks, or the whole run; their work is kept
    Stop(stop::StopArgs),
    /// Give a task back that was put into your hands: its work is there
    Done(done::DoneArgs),
    /// Give a task back that was put into your hands, undone
    Fail(fail::FailArgs),
    /// Start no further attempts
    Pause(pause::PauseArgs),
    /// Go on after `pause`
    Unpause(unpause::UnpauseArgs),
    /// List the questions of agents that wait for an answer of yours
    Questions(questions::QuestionsArgs),
    /// Answer an agent's question
    Answer(answer::AnswerArgs),
    /// Merge what a run has landed into a branch of yours
    Land(land::LandArgs),
    /// Take a landing off the run's branch again
    Rollback(rollback::RollbackArgs),
    /// Tell what happened in a run
    Report(report::ReportArgs),
    /// Show what goes wrong again and again, and say what helped
    Deficiencies(deficiencies::DeficienciesArgs),
    /// Serve the dashboard to browsers: the run as it goes on, and what can be done about it
    Serve(serve::ServeArgs),
    /// List the runs of this repository
    Runs(runs::RunsArgs),
    /// Print the journal as JSON Lines
    Events(events::EventsArgs),
    /// List failed attempts and why they failed, or record one
    Failures(failures::FailuresArgs),
    /// Show how attempts under way and external workers are; exit code 1 if any is unhealthy
    Health(health::HealthArgs),
    /// List what was tried again and what not, or ask whether something should be
    Retries(retries::RetriesArgs),
    /// Remove worktrees and branches whose work has landed
    Clean(clean::CleanArgs),
    /// Show what the agent of a task would be told
    Prompt(prompt::PromptArgs),
    /// Write the files in which agents look for a project's instructions
    Context(context::ContextArgs),
    /// Show what beads, GitHub or plan files could not be told yet, or tell it now
    Tracker(tracker::TrackerArgs),
    /// Show which agents are known, installed and signed in, or try one
    Agents(agents::AgentsArgs),
    /// Serve an agent the tools by which it works with others: its task, progress, notes, questions, claims, locks, values
    Mcp(mcp::McpArgs),
    /// Try the ways by which people are told of a run when they do not look
    Notify(notify::NotifyArgs),
    /// Show the configuration in force and where each value came from
    Config(config::ConfigArgs),
    /// Find out what is missing on this machine or in this repository
    Doctor(doctor::DoctorArgs),
    /// See it work: a real run on a small sample repository
    Demo(demo::DemoArgs),
    /// Print the completions of a shell
    Completions(completions::CompletionsArgs),
    /// Print the manual page, or write all of them
    Man(man::ManArgs),
}

/// Reads the command line. On `--help`, `--version` and mistakes it prints and ends the process, as clap does: exit code 0 or 2.
pub fn parse(argv: Vec<OsString>) -> Cli {
    let color = color_asked(&argv);
    // Nobody else needs the words at its end.
    let helps = |word: &OsString| word.to_str().is_some_and(|w| matches!(w, "-h" | "--help" | "help"));
    let command = if argv.len() < 2 || argv.iter().any(helps) { help::command(help_width()) } else { Cli::command() };
    let matches = command.color(color).try_get_matches_from(argv).unwrap_or_else(|e| shortened(e).exit());
    Cli::from_arg_matches(&matches).unwrap_or_else(|e| e.exit())
}

/// As wide as standard output, which help goes to; lines of more columns are hard to read.
fn help_width() -> usize {
    Look::of_stdout(false).width.min(HELP_COLUMNS_MAX)
}

/// What somebody typed may be a whole file: an error quotes the beginning of it.
fn shortened(mut error: clap::Error) -> clap::Error {
    const QUOTED_CHARS_MAX: usize = 200;
    for kind in [ContextKind::InvalidValue, ContextKind::InvalidArg, ContextKind::InvalidSubcommand, ContextKind::TrailingArg] {
        if let Some(ContextValue::String(text)) = error.get(kind)
            && let Some((cut, _)) = text.char_indices().nth(QUOTED_CHARS_MAX)
        {
            let short = format!("{}… ({} bytes)", &text[..cut], text.len());
            error.insert(kind, ContextValue::String(short));
        }
    }
    error
}

/// Looks for `--color` before clap does, so that clap's own messages follow it.
fn color_asked(argv: &[OsString]) -> ColorChoice {
    let mut words = argv.iter().skip(1).map(|word| word.to_string_lossy()).take_while(|word| word != "--");
    while let Some(word) = words.next() {
        let value = match word.strip_prefix("--color") {
            Some("") => words.next().map(|v| v.into_owned()),
            Some(rest) => rest.strip_prefix('=').map(str::to_owned),
            None => None,
        };
        match value.as_deref() {
            Some("always") => return ColorChoice::Always,
            Some("never") => return ColorChoice::Never,
            _ => {}
        }
    }
    ColorChoice::Auto
}

/// Reads a duration of the command line: `600ms`, `90s`, `30m`, `1h30m`; a bare number is seconds.
///
/// # Errors
/// Says what is wrong with the text.
pub fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_verb_shows_examples() {
        for verb in Cli::command().get_subcommands() {
            let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.starts_with("Examples:\n  greenlane "), "{}", verb.get_name());
        }
    }

    #[test]
    fn colour_is_known_before_the_command_line_is_read() {
        let asked = |words: &[&str]| color_asked(&words.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(asked(&["greenlane", "run", "--color=never"]), ColorChoice::Never);
        assert_eq!(asked(&["greenlane", "--color", "always", "run"]), ColorChoice::Always);
        assert_eq!(asked(&["greenlane", "run", "--", "--color=never"]), ColorChoice::Auto);
    }
}
