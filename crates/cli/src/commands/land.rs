//! `land`: brings a run's verified work into a branch of the user's. The only verb that touches one, because the user asks for it.

use std::process::ExitCode;

use greenlane_core::state::{Phase, PlanState, State};
use greenlane_runtime::git::{DryRun, LandError, LandMode, Landed, Repo};
use serde::Serialize;

use crate::context::Context;
use crate::error::{Error, Kind, Outcome, Problem};
use crate::report::{clean, short};
use crate::session::{Opened, Session};

/// Flags of `land`.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(after_help = "Examples:
  greenlane land --into main              merge the plan's branch into main
  greenlane land --into main --dry-run    would it merge, and where would it conflict?
  greenlane land rate-limit --into main --squash

A branch that is checked out is updated with its files if that checkout is clean, else refused.")]
pub struct LandArgs {
    /// The plan [default: all plans of the run]
    #[arg(value_name = "PLAN")]
    pub plan: Option<String>,
    /// Where to [default: the branch that the user stands on]
    #[arg(long, value_name = "BRANCH")]
    pub into: Option<String>,
    /// One commit instead of a merge
    #[arg(long)]
    pub squash: bool,
    /// Say what would happen, conflicts included, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Another run than the latest
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

/// What became of one plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlanLanded {
    /// The plan.
    pub id: String,
    /// Its branch.
    pub branch: Option<String>,
    /// `landed`, `would_land`, `already_in`, `nothing` (none of its tasks has landed), `conflict` or `refused`.
    pub result: &'static str,
    /// Where the user's branch is now; `None` where that did not change, or the commit is not made in a forecast.
    pub commit: Option<String>,
    /// It needed no commit of its own.
    pub fast_forward: bool,
    /// Checkouts that were (or would be) updated with the branch.
    pub checkouts: Vec<String>,
    /// Files in conflict.
    pub conflicts: Vec<String>,
    /// What is in the way, for people.
    pub message: Option<String>,
    /// What to do about it.
    #[serde(skip)]
    hint: Option<String>,
    /// Some task is not done.
    pub partly: bool,
    /// A suite was green on all of it.
    pub verified: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    run: String,
    into: &'a str,
    dry_run: bool,
    plans: &'a [PlanLanded],
}

impl PlanLanded {
    /// What to do about what is in the way.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// How and where to land.
#[derive(Clone, Copy, Debug)]
pub struct Landing<'a> {
    /// The user's branch, without `refs/heads/`.
    pub into: &'a str,
    /// A merge, or one commit.
    pub mode: LandMode,
    /// Only a forecast.
    pub dry_run: DryRun,
}

/// Lands.
///
/// # Errors
/// Exit code 1 if something is in the way, 2 for unknown names.
pub fn run(args: &LandArgs, context: &Context) -> Outcome {
    let session = Session::open(context)?;
    let opened = session.open_run(args.run.as_deref())?;
    let (into, landed) = land(&session.repo, &opened, args)?;
    if args.json {
        context.output.json(&Document { run: opened.run.to_string(), into: &into, dry_run: args.dry_run, plans: &landed })?;
    }
    let mut problems = Vec::new();
    for one in &landed {
        warn(one, context);
        match &one.message {
            Some(message) => problems.push(Problem { message: message.clone(), location: None, hints: one.hint.iter().cloned().collect() }),
            None if !args.json => context.output.data(&told(one, &into))?,
            None => {}
        }
    }
    if args.dry_run && landed.iter().filter(|l| l.result == "would_land").count() > 1 {
        context.output.say("each plan was tried by itself; together they may still conflict");
    }
    if problems.is_empty() { Ok(ExitCode::SUCCESS) } else { Err(Error { kind: Kind::NotDone, problems }) }
}

/// Lands what the flags say, and gives the branch with what became of each plan.
///
/// # Errors
/// Exit code 2 for unknown names and where it is not clear where to land; or if git itself fails.
pub fn land(repo: &Repo, opened: &Opened, args: &LandArgs) -> Result<(String, Vec<PlanLanded>), Error> {
    let plans = plans(&opened.state, args.plan.as_deref())?;
    let into = match &args.into {
        Some(branch) => named_branch(repo, branch)?,
        None => branch_here(repo)?,
    };
    if let Some(own) = opened.state.plans.iter().find(|p| p.branch.as_deref() == Some(into.as_str())) {
        let id = &own.submission.plan.id;
        return Err(Error::usage(format!("{into} is the branch of plan `{id}` itself")).hint("name one of yours with --into BRANCH"));
    }
    let mode = if args.squash { LandMode::Squash } else { LandMode::Merge };
    let how = Landing { into: &into, mode, dry_run: if args.dry_run { DryRun::Yes } else { DryRun::No } };
    let landed = bring(repo, opened, &plans, how)?;
    Ok((into, landed))
}

fn plans<'a>(state: &'a State, name: Option<&str>) -> Result<Vec<&'a PlanState>, Error> {
    let Some(name) = name else { return Ok(state.plans.iter().collect()) };
    let found = state.plans.iter().find(|p| p.submission.plan.id.as_str() == name.trim_end_matches('/'));
    found.map(|p| vec![p]).ok_or_else(|| {
        let all: Vec<String> = state.plans.iter().map(|p| format!("`{}`", p.submission.plan.id)).collect();
        Error::usage(format!("there is no plan `{name}` in this run")).hint(format!("its plans: {}", all.join(", ")))
    })
}

/// A branch as the user named it. What stands for a commit, or for several, is none: nothing could be moved there.
fn named_branch(repo: &Repo, given: &str) -> Result<String, Error> {
    let name = given.strip_prefix("refs/heads/").unwrap_or(given);
    let is_symbol = matches!(name, "HEAD" | "@" | "FETCH_HEAD" | "ORIG_HEAD" | "MERGE_HEAD");
    let is_name =
        !name.starts_with('-') && repo.git().run_allowing(&["check-ref-format", &format!("refs/heads/{name}")], &[0, 1])?.code == 0;
    if is_name && !is_symbol {
        return Ok(name.to_owned());
    }
    let hint = match branch_here(repo) {
        Ok(here) => format!("you stand on `{here}`: `--into {here}`, or no `--into` at all"),
        Err(_) => String::from("name a branch with --into BRANCH; `git branch` lists them"),
    };
    Err(Error::usage(format!("`{}` is not a branch's name", clean(given))).hint(hint))
}

/// The branch that the user stands on.
///
/// # Errors
/// Exit code 2 where that is none.
pub fn branch_here(repo: &Repo) -> Result<String, Error> {
    let say = |what: &str| Error::usage(format!("{what}, so it is not clear where to land")).hint("name a branch with --into BRANCH");
    let Some(top) = repo.top() else { return Err(say("this repository has no checkout")) };
    let head = repo.git_in(repo.git_dir(), top).run_allowing(&["symbolic-ref", "--quiet", "--short", "HEAD"], &[0, 1])?;
    if head.code == 0 { Ok(head.text()) } else { Err(say("HEAD is detached")) }
}

/// Lands one plan after another; what is in the way of one is no reason to leave out the next.
///
/// # Errors
/// If git itself fails. What landed until then stays.
pub fn bring(repo: &Repo, opened: &Opened, plans: &[&PlanState], how: Landing<'_>) -> Result<Vec<PlanLanded>, Error> {
    plans.iter().map(|plan| bring_one(repo, opened, plan, how)).collect()
}

fn bring_one(repo: &Repo, opened: &Opened, plan: &PlanState, how: Landing<'_>) -> Result<PlanLanded, Error> {
    let tasks = &opened.state.tasks[plan.tasks.clone()];
    let mut one = PlanLanded {
        id: plan.submission.plan.id.to_string(),
        branch: plan.branch.clone(),
        result: "nothing",
        commit: None,
        fast_forward: false,
        checkouts: Vec::new(),
        conflicts: Vec::new(),
        message: None,
        hint: None,
        partly: tasks.iter().any(|t| t.phase != Phase::Done),
        verified: opened.state.is_verified(plan),
    };
    // Work of earlier runs may be all that the branch has: then it is where it began, and still has something to land.
    let has_work = plan.head != plan.submission.base || tasks.iter().any(|t| t.landed.is_some());
    let Some(branch) = plan.branch.as_ref().filter(|_| has_work) else { return Ok(one) };
    // The branch where it is, else what it held: it may have been removed since.
    let there = repo.resolve(&format!("refs/heads/{branch}"))?.is_some();
    let from = if there { branch.as_str() } else { plan.head.as_str() };
    match repo.land_into(how.into, from, how.mode, &message(opened, plan, how.mode), how.dry_run) {
        Ok(Landed::AlreadyIn) => one.result = "already_in",
        Ok(Landed::Moved { commit, fast_forward, checkouts }) => {
            one.result = if how.dry_run == DryRun::Yes { "would_land" } else { "landed" };
            one.commit = commit.map(|c| c.to_string());
            one.fast_forward = fast_forward;
            one.checkouts = checkouts.iter().map(|c| c.display().to_string()).collect();
        }
        Err(LandError::Git(e)) => return Err(e.into()),
        Err(e @ LandError::UnknownBranch(_)) => {
            let hint = e.hint().unwrap_or_default();
            return Err(Error::usage(e.to_string()).hint(hint));
        }
        Err(e) => {
            one.result = "refused";
            one.hint = e.hint();
            one.message = Some(e.to_string());
            if let LandError::Conflict { files, .. } = e {
                one.result = "conflict";
                one.conflicts = files;
            }
        }
    }
    Ok(one)
}

/// A merge names the plan; one commit for all names the tasks as well, since nothing else does then.
fn message(opened: &Opened, plan: &PlanState, mode: LandMode) -> String {
    let of = &plan.submission.plan;
    let mut text = format!("Land {}\n\n", clean(&of.name));
    if mode == LandMode::Squash {
        for task in opened.state.tasks[plan.tasks.clone()].iter().filter(|t| t.phase == Phase::Done) {
            text.push_str(&format!("- {}\n", clean(&opened.state.definition(task).title)));
        }
        text.push('\n');
    }
    text.push_str(&format!("Greenlane-Run: {}\nGreenlane-Plan: {}\n", opened.run, clean(of.id.as_str())));
    text
}

fn warn(one: &PlanLanded, context: &Context) {
    let warn = |message: String, hint: &str| {
        context.output.warn(&Problem { message, location: None, hints: vec![hint.to_owned()] });
    };
    if matches!(one.result, "nothing" | "already_in") {
        return;
    }
    if one.partly {
        warn(
            format!("not every task of `{}` is done", clean(&one.id)),
            "what is on its branch is green without them; `greenlane status` shows what is missing",
        );
    }
    if !one.verified {
        warn(
            format!("not all of `{}` was verified by a test suite", clean(&one.id)),
            "name one with `verify` in the plan or under [run] in greenlane.toml, or run your tests on its branch",
        );
    }
}

/// What became of a plan, in a sentence; every line ended.
#[must_use]
pub fn told(one: &PlanLanded, into: &str) -> String {
    let id = clean(&one.id);
    let also = if one.checkouts.is_empty() { String::new() } else { format!("; {} goes along", one.checkouts.join(", ")) };
    let how = if one.fast_forward { "fast-forward" } else { "a commit of its own" };
    match one.result {
        "landed" => {
            let at = one.commit.as_deref().map(short).unwrap_or_default();
            format!("`{id}` landed on {into}, which is at {at} now ({how}){also}\n")
        }
        "would_land" => format!("`{id}` would land on {into} without conflict ({how}){also}\n"),
        "already_in" => format!("`{id}` is in {into} already\n"),
        _ => format!("`{id}` has nothing to land: none of its tasks is on its branch\n"),
    }
}
