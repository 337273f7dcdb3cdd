//! `groups`: the groups of a plan or of a run, their phases, and how they ended. Changes nothing.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use greenlane_core::ids::{GroupId, PlanId, TaskId};
use greenlane_core::plan::OnFailure;
use greenlane_core::time::format_duration;
use greenlane_core::view::{GroupView, groups};
use greenlane_runtime::clock;
use serde::Serialize;

use crate::args::duration;
use crate::context::Context;
use crate::error::{Error, Kind, Outcome};
use crate::follow::{Following, News};
use crate::output::{Paint, paint};
use crate::plans::{self, NamedPlans};
use crate::report::{clean, columns, fit};
use crate::session::{Opened, Session};

/// Flags of `groups`.
#[derive(Clone, Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:
  greenlane groups                         of the latest run: phase, status, tasks
  greenlane groups list --status failed
  greenlane groups status core --json      what .greenlane/runs/RUN/groups/core/metadata.json has
  greenlane groups wait core --timeout 1h && ./deploy-preview.sh
  greenlane groups detect plan.md          of a plan, without a run")]
pub struct GroupsArgs {
    /// What to do instead of listing
    #[command(subcommand)]
    pub verb: Option<GroupsVerb>,
    /// Which ones
    #[command(flatten)]
    pub list: ListArgs,
}

/// What to do with groups.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum GroupsVerb {
    /// The groups of a plan, in their order; nothing is started
    Detect(DetectArgs),
    /// The groups of a run
    List(ListArgs),
    /// One group in full
    Status(StatusArgs),
    /// Wait until a group has ended; exit code 0 if it is completed
    Wait(WaitArgs),
}

/// Flags of `groups detect`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane groups detect plan.md
  greenlane groups detect specs/001/tasks.md --json")]
pub struct DetectArgs {
    /// The plans
    #[command(flatten)]
    pub named: NamedPlans,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

/// Flags of `groups list`.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(after_help = "Examples:
  greenlane groups list --status in_progress
  greenlane groups list --run 2611 --json")]
pub struct ListArgs {
    /// Only those that stand like this
    #[arg(long, value_name = "STATUS", value_parser = ["pending", "in_progress", "completed", "failed", "blocked"])]
    pub status: Option<String>,
    /// Another run than the latest
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

/// Flags of `groups status`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane groups status core
  greenlane groups status PLAN/core        where several plans have such a group")]
pub struct StatusArgs {
    /// The group: its name, or `PLAN/NAME`
    #[arg(value_name = "GROUP")]
    pub group: String,
    /// Another run than the latest
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

/// Flags of `groups wait`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane groups wait core                  exit code 0 if all of it is on the branch, else 1
  greenlane groups wait core --timeout 30m    exit code 124 if it has not ended by then")]
pub struct WaitArgs {
    /// The group: its name, or `PLAN/NAME`
    #[arg(value_name = "GROUP")]
    pub group: String,
    /// Give up after this time
    #[arg(long, value_name = "DUR", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// At the end the group as one JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(Serialize)]
struct Document {
    run: String,
    groups: Vec<GroupView>,
}

#[derive(Serialize)]
struct One<'a> {
    run: String,
    #[serde(flatten)]
    group: &'a GroupView,
}

#[derive(Serialize)]
struct Detected {
    groups: Vec<DetectedGroup>,
}

#[derive(Serialize)]
struct DetectedGroup {
    plan: PlanId,
    group_id: GroupId,
    stage: u32,
    tasks: Vec<TaskId>,
    /// The command that its plan has before it.
    refresh: Option<String>,
    /// What its plan says of its failure.
    on_failure: Option<OnFailure>,
}

/// Lists, shows, or waits.
///
/// # Errors
/// Exit code 2 for unknown names and where nothing ever ran; of `wait` 1 if the group is not completed, 124 if the time is over.
pub fn run(args: &GroupsArgs, context: &Context) -> Outcome {
    match &args.verb {
        None => list(&args.list, context),
        Some(GroupsVerb::List(args)) => list(args, context),
        Some(GroupsVerb::Detect(args)) => detect(args, context),
        Some(GroupsVerb::Status(args)) => status(args, context),
        Some(GroupsVerb::Wait(args)) => wait(args, context),
    }
}

fn list(args: &ListArgs, context: &Context) -> Outcome {
    let opened = Session::open(context)?.open_run(args.run.as_deref())?;
    let mut all = groups(&opened.state, clock::now());
    let (any, several) = (!all.is_empty(), opened.state.plans.len() > 1);
    all.retain(|g| args.status.as_ref().is_none_or(|wanted| g.status == *wanted));
    if args.json {
        context.output.json(&Document { run: opened.run.to_string(), groups: all })?;
        return Ok(ExitCode::SUCCESS);
    }
    match (all.is_empty(), any) {
        (false, _) => context.output.data(&table(&all, several, context.output.color))?,
        (true, true) => context.output.say("no group stands like this"),
        (true, false) => context.output.say(&format!("run {} has no groups: its tasks depend on each other, or on nothing", opened.run)),
    }
    Ok(ExitCode::SUCCESS)
}

fn detect(args: &DetectArgs, context: &Context) -> Outcome {
    let plans = plans::load(context, context.top().as_deref(), &args.named)?;
    let of_group = |plan: &greenlane_core::plan::Plan, stage: u32| {
        plan.tasks.iter().filter(|t| t.stage == Some(stage)).map(|t| t.id.clone()).collect::<Vec<_>>()
    };
    let detected: Vec<DetectedGroup> = plans
        .iter()
        .flat_map(|p| {
            p.plan.groups.iter().map(move |g| DetectedGroup {
                plan: p.plan.id.clone(),
                group_id: g.id.clone(),
                stage: g.stage,
                tasks: of_group(&p.plan, g.stage),
                refresh: g.refresh.clone(),
                on_failure: g.on_failure,
            })
        })
        .collect();
    if args.json {
        context.output.json(&Detected { groups: detected })?;
    } else if detected.is_empty() {
        context.output.say("no groups: mark tasks with [P:Group-NAME], or give them a `group`");
    } else {
        let mut out = String::new();
        for group in &detected {
            let name = if plans.len() > 1 { format!("{}/{}", group.plan, group.group_id) } else { group.group_id.to_string() };
            let tasks: Vec<String> = group.tasks.iter().map(|t| clean(t.as_str())).collect();
            let before = group.refresh.as_ref().map(|command| format!("; before it `{}`", clean(command))).unwrap_or_default();
            let after = group.on_failure.map(|what| format!("; on failure: {}", what.as_str())).unwrap_or_default();
            let _ = writeln!(out, "{}. {}: {}{before}{after}", group.stage + 1, clean(&name), tasks.join(", "));
        }
        context.output.data(&out)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn status(args: &StatusArgs, context: &Context) -> Outcome {
    let opened = Session::open(context)?.open_run(args.run.as_deref())?;
    let group = find(&opened, &args.group)?;
    show(&opened, &group, args.json, context)?;
    Ok(ExitCode::SUCCESS)
}

fn wait(args: &WaitArgs, context: &Context) -> Outcome {
    let session = Session::open(context)?;
    let mut following = Following::begin(&session, session.open_run(None)?)?;
    let began = Instant::now();
    loop {
        let group = find(&following.opened, &args.group)?;
        if matches!(group.status.as_str(), "completed" | "failed" | "blocked") {
            show(&following.opened, &group, args.json, context)?;
            return Ok(ExitCode::from(u8::from(group.status != "completed")));
        }
        let left = args.timeout.map(|t| t.saturating_sub(began.elapsed()));
        if left.is_some_and(|l| l.is_zero()) {
            let after = args.timeout.map(format_duration).unwrap_or_default();
            return Err(Error::new(Kind::WaitTimedOut, format!("group `{}` has not ended after {after}", clean(&args.group)))
                .hint("`greenlane groups` shows how far it is"));
        }
        if matches!(following.next(left)?, News::Over) {
            let group = find(&following.opened, &args.group)?;
            if matches!(group.status.as_str(), "pending" | "in_progress") {
                return Err(Error::new(
                    Kind::NotDone,
                    format!("nobody is at work on run {}, and the group has not ended", following.opened.run),
                )
                .hint("`greenlane resume` goes on with it"));
            }
        }
    }
}

/// The group of this name: `NAME`, or `PLAN/NAME` where several plans have one.
fn find(opened: &Opened, name: &str) -> Result<GroupView, Error> {
    let all = groups(&opened.state, clock::now());
    let full = |g: &GroupView| format!("{}/{}", g.plan, g.group_id);
    let lower = name.to_lowercase();
    let found: Vec<&GroupView> = all.iter().filter(|g| g.group_id.as_str().to_lowercase() == lower || full(g) == name).collect();
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        [] => {
            let error = Error::usage(format!("run {} has no group `{}`", opened.run, clean(name)));
            let names: Vec<String> = all.iter().take(10).map(|g| format!("`{}`", clean(g.group_id.as_str()))).collect();
            Err(if names.is_empty() { error.hint("it has no groups at all") } else { error.hint(format!("it has {}", names.join(", "))) })
        }
        several => {
            let names: Vec<String> = several.iter().map(|g| format!("`{}`", clean(&full(g)))).collect();
            Err(Error::usage(format!("several plans have a group `{}`", clean(name))).hint(format!("name one: {}", names.join(", "))))
        }
    }
}

fn show(opened: &Opened, group: &GroupView, json: bool, context: &Context) -> Result<(), Error> {
    if json {
        return context.output.json(&One { run: opened.run.to_string(), group });
    }
    let mut out = format!("{}  {}  {}\n", clean(group.group_id.as_str()), words(&group.status), words(&group.phase));
    let list = |ids: &[TaskId]| ids.iter().map(|t| clean(t.as_str())).collect::<Vec<_>>().join(", ");
    for (label, ids) in [("tasks", &group.tasks), ("ready", &group.ready), ("blocked", &group.blocked)] {
        if !ids.is_empty() {
            let _ = writeln!(out, "  {label}: {}", list(ids));
        }
    }
    for result in &group.results {
        let _ = writeln!(out, "  {}: {} ({})", clean(result.task_id.as_str()), words(&result.status), clean(&result.subagent));
    }
    for error in &group.errors {
        let _ = writeln!(out, "  ! {}", clean(error));
    }
    context.output.data(&out)
}

fn words(word: &str) -> String {
    word.replace('_', " ")
}

fn table(all: &[GroupView], several: bool, color: bool) -> String {
    let name = |g: &GroupView| clean(&if several { format!("{}/{}", g.plan, g.group_id) } else { g.group_id.to_string() });
    let width = all.iter().map(|g| columns(&name(g))).max().unwrap_or(0).min(30);
    let mut out = String::new();
    for group in all {
        let done = group.results.iter().filter(|r| r.status == "done").count();
        let style = match group.status.as_str() {
            "completed" => Paint::Green,
            "failed" | "blocked" => Paint::Red,
            "in_progress" => Paint::Cyan,
            _ => Paint::Dim,
        };
        let status = paint(&fit(&words(&group.status), 11), style, color);
        let mut line =
            format!("{}  {status}  {}  {done}/{} done", fit(&name(group), width), fit(&words(&group.phase), 20), group.tasks.len());
        for (label, ids) in [("ready", &group.ready), ("blocked", &group.blocked)] {
            if !ids.is_empty() {
                let _ = write!(line, ", {} {label}", ids.len());
            }
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}
