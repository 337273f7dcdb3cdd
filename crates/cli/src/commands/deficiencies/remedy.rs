//! `deficiencies fixed` and `deficiencies export`: what helped, and where others find it.

use std::process::ExitCode;

use greenlane_core::deficiency::Fact;
use greenlane_core::ids::Oid;
use greenlane_runtime::clock;
use greenlane_runtime::lessons::{Exported, export as write_experience};
use serde::Serialize;

use super::{View, find, open, write_log};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::report::short;
use crate::session::Session;

/// Flags of `deficiencies fixed`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane deficiencies fixed 3fa9 --commit HEAD
  greenlane deficiencies fixed 3fa9 --commit 1a2b3c4 --solution \"call frob() before the first read\"

If it shows again in an attempt that began later, it is open again, and the report says so.")]
pub struct FixedArgs {
    /// The deficiency, or the beginning of its id
    #[arg(value_name = "ID")]
    pub id: String,
    /// The commit that remedies it
    #[arg(long, value_name = "REV")]
    pub commit: String,
    /// What helped [default: the commit's subject]
    #[arg(long, value_name = "TEXT")]
    pub solution: Option<String>,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

/// Flags of `deficiencies export`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane deficiencies export 3fa9

Writes .greenlane/experience/ID.json with its problem, solution and context. Prompts draw on that folder; files in it may come
from other repositories.")]
pub struct ExportArgs {
    /// The deficiency, or the beginning of its id
    #[arg(value_name = "ID")]
    pub id: String,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(Serialize)]
struct ExportDocument<'a> {
    id: &'a str,
    path: String,
    /// `false`: the file said the same already.
    written: bool,
}

pub(super) fn fixed(args: &FixedArgs, context: &Context) -> Outcome {
    let session = Session::open(context)?;
    let mut reading = open(&session)?;
    let known = find(&reading, &args.id)?;
    let id = known.id.clone();
    let commit = session.repo.require_revision(&args.commit)?;
    // What somebody wrote down says more than a commit's subject.
    let subject = match args.solution.as_ref().or(known.solution.as_ref()) {
        Some(_) => None,
        None => subject(&session, &commit)?,
    };
    let fact = Fact::fixed(&id, commit.as_str(), args.solution.as_deref().or(subject.as_deref()));
    reading.say(clock::now(), &fact)?.map_err(Error::usage)?;
    write_log(&session, context);
    let known = find(&reading, &id)?;
    if args.json {
        context.output.json(&View::of(known, clock::now()))?;
    } else {
        context.output.data(&format!("{id} is fixed by {}\n", short(commit.as_str())))?;
        context.output.say(&format!("`greenlane deficiencies export {id}` keeps what helped where other repositories can have it"));
    }
    Ok(ExitCode::SUCCESS)
}

fn subject(session: &Session, commit: &Oid) -> Result<Option<String>, Error> {
    let text = session.repo.git().run(&["log", "-1", "--format=%s", commit.as_str()])?.text();
    Ok(Some(text.trim().to_owned()).filter(|t| !t.is_empty()))
}

pub(super) fn export(args: &ExportArgs, context: &Context) -> Outcome {
    let session = Session::open(context)?;
    let reading = open(&session)?;
    let of = find(&reading, &args.id)?;
    let written = write_experience(&session.state_dir, of)
        .map_err(|e| Error::environment(format!("the experience store in {} cannot be written: {e}", session.state_dir.display())))?;
    let Some(written) = written else {
        return Err(Error::usage(format!("nobody has said what helps against {}", of.id))
            .hint(format!("`greenlane deficiencies fixed {} --commit REV` says it; `record` with --solution does too", of.id)));
    };
    let (path, new) = match written {
        Exported::Written(path) => (path, true),
        Exported::Unchanged(path) => (path, false),
    };
    if args.json {
        context.output.json(&ExportDocument { id: &of.id, path: path.display().to_string(), written: new })?;
    } else {
        context.output.data(&format!("{}\n", path.display()))?;
        if !new {
            context.output.say("it says the same already");
        }
    }
    Ok(ExitCode::SUCCESS)
}
