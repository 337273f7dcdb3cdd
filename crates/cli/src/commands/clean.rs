//! `clean`: removes worktrees and branches whose work has landed. What a run may still need (it goes on, or can be resumed) is left.

use std::collections::BTreeSet;
use std::process::ExitCode;

use greenlane_core::branch;
use greenlane_core::ids::RunId;
use greenlane_core::state::State;
use greenlane_runtime::git::DryRun;
use greenlane_runtime::lock::Lock;
use greenlane_runtime::workspace::{Cleaned, Known, WorkspaceError};
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
    let Scope { which, known, left } = Scope::of(args, &session, lock.is_some())?;
    let mut cleaned = pool.clean_up(&known, &|run| which.wants(run), dry_run).map_err(failed)?;
    cleaned.left.extend(left);
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
struct Scope {
    which: Which,
    /// What these runs made.
    known: Known,
    /// Other runs, and why theirs stay.
    left: Vec<(String, String)>,
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
            Err(e) if e.kind == Kind::Usage && args.run.is_none() => {
                return Ok(Self { which: Which::AllBut(BTreeSet::new()), known: Known::default(), left: Vec::new() });
            }
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
            let mut known = Known::default();
            made_by(&run, &session.load(&journal, run.clone())?.state, &mut known);
            return Ok(Self { which: Which::This(run), known, left: Vec::new() });
        }
        if !locked && live.is_none() {
            return Err(Error::new(Kind::Held, "another Greenlane is at work in this repository").hint("try again when it has ended"));
        }
        let (mut spared, mut left, mut known) = (BTreeSet::new(), Vec::new(), Known::default());
        for entry in journal.runs(RUNS_MAX)? {
            // A run that cannot be read may be one of a newer version's that goes on: it is left as well.
            let why = match session.load(&journal, entry.run.clone()) {
                Ok(_) if live.as_ref() == Some(&entry.run) => "it goes on",
                Ok(opened) if opened.state.finished => {
                    made_by(&entry.run, &opened.state, &mut known);
                    continue;
                }
                Ok(_) => "it can be resumed (`--run` cleans up all the same)",
                Err(_) => "its journal cannot be read",
            };
            left.push((format!("run {}", entry.run), why.to_owned()));
            spared.insert(entry.run);
        }
        Ok(Self { which: Which::AllBut(spared), known, left })
    }
}

/// The branches that a run made, by its journal: nothing else is ever taken for its, whatever it is called.
fn made_by(run: &RunId, state: &State, known: &mut Known) {
    for task in &state.tasks {
        known.tasks.insert(branch::of_task(state.branch_prefix(), run, &task.key), run.clone());
        known.tasks.extend(task.attempts.iter().filter_map(|a| Some((a.spawned.as_ref()?.branch.clone(), run.clone()))));
    }
    if state.finished {
        known.over.insert(run.clone());
    }
    // A branch that the plan names is the user's to remove.
    let unnamed = state.plans.iter().filter(|p| p.submission.plan.branch.is_none());
    known.plans.extend(unnamed.filter_map(|p| Some((p.branch.clone()?, run.clone()))));
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
