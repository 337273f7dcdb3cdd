//! `context write`: the files in which agents look for a project's instructions, from one source. Commits nothing.

use std::process::ExitCode;

use clap::Subcommand;
use greenlane_runtime::context_files::{Change, Obstacle, Theirs, Wanted, wanted, write};
use serde::Serialize;

use crate::context::Context;
use crate::error::{Error, Kind, Outcome, Problem};

/// Flags of `context`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane context write              AGENTS.md, CLAUDE.md and the others, from .greenlane/context.md
  greenlane context write --dry-run    say what would be written
  greenlane context write --check      for CI: exit code 1 if a file is not up to date")]
pub struct ContextArgs {
    /// What to do
    #[command(subcommand)]
    pub verb: ContextVerb,
}

/// What to do with the files.
#[derive(Clone, Debug, Subcommand)]
pub enum ContextVerb {
    /// Bring the files of instructions up to date with their source
    Write(WriteArgs),
}

/// Flags of `context write`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane context write
  greenlane context write --append     where you have files of your own: add the block at their ends

The source is .greenlane/context.md, or what `source` under [context] in greenlane.toml names. From it come AGENTS.md, CLAUDE.md (which
imports AGENTS.md), .cursorrules, .github/copilot-instructions.md, .gemini/settings.json (which names AGENTS.md), .clinerules and
.windsurfrules; `files` under [context] chooses among them. Only a marked block of each is Greenlane's: what stands around it stays. A
file without the block, or with an edited one, is somebody's own: then nothing is written, and the exit code is 2.")]
pub struct WriteArgs {
    /// Write nothing; exit code 1 if any file is not up to date
    #[arg(long, conflicts_with = "dry_run")]
    pub check: bool,
    /// Write nothing; say what would be written
    #[arg(long)]
    pub dry_run: bool,
    /// Add the block at the end of files that have none
    #[arg(long)]
    pub append: bool,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    /// Nothing had to change.
    up_to_date: bool,
    files: Vec<FileDocument<'a>>,
}

#[derive(Serialize)]
struct FileDocument<'a> {
    path: &'a str,
    change: &'static str,
}

/// Writes the files, or says what would be written.
///
/// # Errors
/// Exit code 3 outside of a checkout, 2 where a file is somebody's own or the source cannot be used.
pub fn run(args: &ContextArgs, context: &Context) -> Outcome {
    let ContextVerb::Write(args) = &args.verb;
    let Some(top) = context.top() else {
        return Err(Error::environment("there is no checkout of a repository here").hint("go into one, or name it with -C DIR"));
    };
    let config = context.load_config(Some(&top), &[])?.config.context;
    let theirs = if args.append { Theirs::Append } else { Theirs::Refuse };
    let all = wanted(&top, &config.source, &config.files, theirs).map_err(error)?;
    let reads = args.check || args.dry_run;
    if !reads {
        write(&top, &all).map_err(|o| error(vec![o]))?;
    }
    let up_to_date = all.iter().all(|w| w.change == Change::Same);
    if args.json {
        let files = all.iter().map(|w| FileDocument { path: &w.path, change: word(w.change) }).collect();
        context.output.json(&Document { up_to_date, files })?;
    } else {
        let lines: String = all.iter().map(|w| line(w, reads)).collect();
        context.output.data(&lines)?;
    }
    if args.check && !up_to_date {
        context.output.say("`greenlane context write` brings them up to date");
        return Err(Error::silent(Kind::NotDone));
    }
    Ok(ExitCode::SUCCESS)
}

fn word(change: Change) -> &'static str {
    match change {
        Change::Created => "created",
        Change::Updated => "updated",
        Change::Same => "same",
    }
}

fn line(one: &Wanted, reads: bool) -> String {
    let what = match (one.change, reads) {
        (Change::Same, _) => "is up to date",
        (Change::Created, false) => "was made",
        (Change::Created, true) => "would be made",
        (Change::Updated, false) => "was brought up to date",
        (Change::Updated, true) => "would be brought up to date",
    };
    format!("{} {what}\n", one.path)
}

fn error(obstacles: Vec<Obstacle>) -> Error {
    let kind = if obstacles.iter().any(|o| o.system) { Kind::Environment } else { Kind::Usage };
    let problem = |o: Obstacle| Problem { message: o.message, location: Some(o.location), hints: vec![o.hint] };
    Error { kind, problems: obstacles.into_iter().map(problem).collect() }
}
