//! `clean`: removes worktrees and branches whose work has landed. What a run may still need (it goes on, or can be resumed) is left.

use std::collections::BTreeSet;
use std::process::ExitCode;

use greenlane_core::ids::RunId;
use greenlane_runtime::git::DryRun;
use greenlane_runtime::lock::Lock;
use greenlane_runtime::workspace::{Cleaned, Pool, WorkspaceError};
use serde::Serialize;

use crate::context::Context;
use crate::error::{Error, Kind, Outcome};
use crate::session::{RUNS_MAX, Session, idle_pool};

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

#[derive(Serialize)]
struct Document {
    dry_run: bool,
    worktrees: Vec<String>,
    branches: Vec<String>,
    left: Vec<Left>,
}

#[derive(Serialize)]
struct Left {
    name: String,
    reason: String,
}

/// Cleans up.
///
/// # Errors
/// Exit code 2 for an unknown run, 4 for the one that is at work.
pub fn run(args: &CleanArgs, context: &Context) -> Outcome {
    let session = Session::open(context)?;
    // Held meanwhile, so that no run begins or is resumed on what is being removed.
    let lock = Lock::take(&session.state_dir).ok();
    let config = context.load_config(session.repo.top(), &[])?.config;
    let pool = idle_pool(&session.repo, &config, context)?;
    let dry_run = if args.dry_run { DryRun::Yes } else { DryRun::No };
    let mut cleaned = match Scope::of(args, &session, lock.is_some())? {
        Scope::Everything => pool.clean_up(None, dry_run).map_err(failed)?,
        Scope::Runs { clean, left } => {
            let mut all = Cleaned { left, ..Cleaned::default() };
            for run in known_runs(&session, &pool)?.into_iter().filter(|r| clean.wants(r)) {
                add(&mut all, pool.clean_up(Some(&run), dry_run).map_err(failed)?);
            }
            all
        }
    };
    cleaned.left.sort();
    drop(lock);
    if args.json {
        let worktrees = cleaned.worktrees.iter().map(|p| p.display().to_string()).collect();
        let left = cleaned.left.into_iter().map(|(name, reason)| Left { name, reason }).collect();
        context.output.json(&Document { dry_run: args.dry_run, worktrees, branches: cleaned.branches, left })?;
    } else {
        context.output.data(&text(&cleaned, args.dry_run))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Whose things may go.
enum Scope {
    /// No run needs anything any more.
    Everything,
    /// Some runs' only; with the others and why.
    Runs { clean: Which, left: Vec<(String, String)> },
}

enum Which {
    This(RunId),
    AllBut(BTreeSet<RunId>),
}

impl Which {
    fn wants(&self, run: &RunId) -> bool {
        match self {
            Self::This(only) => run == only,
            Self::AllBut(spared) => !spared.contains(run),
        }
    }
}

impl Scope {
    fn of(args: &CleanArgs, session: &Session, locked: bool) -> Result<Self, Error> {
        let journal = match session.journal() {
            // Nothing is known of any run: its journal is gone, and nothing can be resumed.
            Err(e) if e.kind == Kind::Usage && args.run.is_none() => return Ok(Self::Everything),
            journal => journal?,
        };
        let live = if locked { None } else { session.live_run() };
        if let Some(name) = &args.run {
            let run = session.find_run(&journal, Some(name))?;
            if live.as_ref() == Some(&run) || (!locked && live.is_none()) {
                return Err(
                    Error::new(Kind::Held, format!("a coordinator is at work on run {run}")).hint("`greenlane wait` waits for its end")
                );
            }
            return Ok(Self::Runs { clean: Which::This(run), left: Vec::new() });
        }
        if !locked && live.is_none() {
            return Err(Error::new(Kind::Held, "another Greenlane is at work in this repository").hint("try again when it has ended"));
        }
        let (mut spared, mut left) = (BTreeSet::new(), Vec::new());
        for entry in journal.runs(RUNS_MAX)? {
            // A run that cannot be read may be one of a newer version's that goes on: it is left as well.
            let why = match session.load(&journal, entry.run.clone()) {
                Ok(_) if live.as_ref() == Some(&entry.run) => "it goes on",
                Ok(opened) if opened.state.finished => continue,
                Ok(_) => "it can be resumed (`--run` cleans up all the same)",
                Err(_) => "its journal cannot be read",
            };
            left.push((format!("run {}", entry.run), why.to_owned()));
            spared.insert(entry.run);
        }
        Ok(if spared.is_empty() { Self::Everything } else { Self::Runs { clean: Which::AllBut(spared), left } })
    }
}

/// Every run that has left a worktree or a branch, whether the journal knows it or not.
fn known_runs(session: &Session, pool: &Pool) -> Result<BTreeSet<RunId>, Error> {
    let mut runs: BTreeSet<RunId> = pool.marks().map_err(failed)?.into_iter().map(|m| m.run).collect();
    let refs = session.repo.git().run(&["for-each-ref", "--format=%(refname:lstrip=3)", "refs/heads/greenlane/"])?;
    runs.extend(refs.text().lines().filter_map(|l| l.split_once('/')).map(|(run, _)| RunId::from(run)));
    Ok(runs)
}

fn add(all: &mut Cleaned, more: Cleaned) {
    all.worktrees.extend(more.worktrees);
    all.branches.extend(more.branches);
    all.left.extend(more.left);
}

fn text(cleaned: &Cleaned, dry_run: bool) -> String {
    let verb = if dry_run { "would remove" } else { "removed" };
    let mut out: String = cleaned.worktrees.iter().map(|w| format!("{verb} worktree {}\n", w.display())).collect();
    out.extend(cleaned.branches.iter().map(|b| format!("{verb} branch {b}\n")));
    out.extend(cleaned.left.iter().map(|(name, why)| format!("left {name}: {why}\n")));
    if out.is_empty() { String::from("nothing to clean up\n") } else { out }
}

fn failed(e: WorkspaceError) -> Error {
    Error::environment(e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_what_went_and_what_was_left() {
        let cleaned = Cleaned {
            worktrees: vec!["/w/1".into()],
            branches: vec!["greenlane/r1/task/a".into()],
            left: vec![("/w/2".into(), "it has uncommitted changes".into())],
        };
        let expected = "would remove worktree /w/1\nwould remove branch greenlane/r1/task/a\nleft /w/2: it has uncommitted changes\n";
        assert_eq!(text(&cleaned, true), expected);
        assert_eq!(text(&Cleaned::default(), false), "nothing to clean up\n");
    }
}
