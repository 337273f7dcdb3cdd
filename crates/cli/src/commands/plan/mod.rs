//! `plan`: read, check, and show what would happen. Starts nothing.

use std::collections::BTreeMap;
use std::process::ExitCode;

use greenlane_core::plan::{Diagnostic, Ownership, Paths, Plan, Severity, Summary, Task, ownership, summary};
use greenlane_core::time::format_duration;
use greenlane_runtime::config::Loaded;
use greenlane_runtime::git::Repo;
use serde::Serialize;
use std::time::Duration;

use crate::assign;
use crate::caps::{self, Caps};
use crate::context::Context;
use crate::error::{Error, Kind, Outcome, Problem};
use crate::output::Paint;
use crate::plans::{self, Kept, NamedPlans};

mod convert;
mod looked;
mod owners;
mod text;

use looked::{AllLooked, Looked, ShownDocument};

/// Flags of `plan`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane plan plan.toml             waves, owners, overlaps, critical path, estimate
  greenlane plan plan.toml -j 2        the same on two slots
  greenlane plan plan.toml --agent auto --why   who does what, and what that follows from
  greenlane plan PRD-001               a PRD under prds/active/ by its id
  greenlane plan a.toml b.md --json
  greenlane plan tasks.md --convert toml > plan.toml

Nothing is started. Exit code 2 if anything in any of the plans is wrong.")]
pub struct PlanArgs {
    /// Which plans.
    #[command(flatten)]
    pub named: NamedPlans,
    /// Slots for the estimate [default: 5, or the configuration's]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub jobs: Option<u32>,
    /// The agent of tasks that name none; `auto` assigns one to each
    #[arg(long, value_name = "NAME")]
    pub agent: Option<String>,
    /// Show what each task was taken for, who does it, and what that follows from
    #[arg(long)]
    pub why: bool,
    /// Assign by the rules alone, whatever agents have shown here
    #[arg(long)]
    pub no_history: bool,
    /// Caps on tokens, cost, calls of the model and time.
    #[command(flatten)]
    pub caps: Caps,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
    /// Write the plan in a native form to standard output instead
    #[arg(long, value_name = "FORM", conflicts_with_all = ["json", "jobs"])]
    pub convert: Option<convert::Form>,
}

#[derive(Serialize)]
struct Document<'a> {
    /// Nothing in any of the plans is wrong.
    ok: bool,
    plans: Vec<PlanDocument<'a>>,
    diagnostics: &'a [Diagnostic],
}

#[derive(Serialize)]
struct PlanDocument<'a> {
    #[serde(flatten)]
    summary: &'a Summary,
    base: Option<&'a str>,
    branch: Option<&'a str>,
    verify: Option<&'a [String]>,
    tasks: Vec<TaskDocument<'a>>,
    ownership: &'a Ownership,
    /// What agents have shown here at each type of task; only where that was looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shown: Vec<ShownDocument>,
}

#[derive(Serialize)]
struct TaskDocument<'a> {
    id: &'a str,
    title: &'a str,
    agent: Option<&'a str>,
    group: Option<&'a str>,
    depends: Vec<&'a str>,
    owns: &'a [String],
    check: &'a [String],
    priority: u8,
    estimate_seconds: Option<f64>,
    ticked: bool,
    extra: &'a BTreeMap<String, String>,
    #[serde(flatten)]
    looked: &'a Looked,
}

/// Shows what would happen.
///
/// # Errors
/// If anything in the plans or the configuration is wrong; of plans that was said already.
pub fn run(args: &PlanArgs, context: &Context) -> Outcome {
    show(args, &Kept::default(), context)
}

/// The same of a part of the plans: what `run --dry-run` was asked for.
///
/// # Errors
/// As [`run`], and for names that no plan has.
pub fn show(args: &PlanArgs, kept: &Kept<'_>, context: &Context) -> Outcome {
    let top = context.top();
    if let Some(form) = args.convert {
        return convert::run(form, &args.named, context, top.as_deref());
    }
    let mut flags: Vec<(&str, String)> = Vec::new();
    flags.extend(args.jobs.map(|jobs| ("run.jobs", jobs.to_string())));
    flags.extend(args.agent.clone().map(|agent| ("run.agent", agent)));
    flags.extend(args.caps.settings().into_iter().filter_map(|(key, value)| value.map(|v| (key, v))));
    let configured = context.load_config(top.as_deref(), &flags)?;
    let registry = plans::registry(&configured)?;
    let Loaded { config, origins, .. } = configured;
    let suite_from = origins.get("run.verify").map(ToString::to_string).unwrap_or_default();
    let default_suite = config.run.verify.as_deref().map(|commands| (commands, suite_from.as_str()));
    plans::templates(top.as_deref(), &registry)?;
    let default_agent = assign::default_agent(&config);
    let mut loaded = plans::read(context, top.as_deref(), &args.named);
    if !loaded.has_errors() {
        loaded.plans = kept.of(loaded.plans)?;
    }
    let assigned = looked::look(args, context, &config, &registry, &mut loaded)?;
    let files = files(context);
    let paths = Paths::new(files.iter().map(String::as_str));
    let mut shown = Vec::new();
    for (plan, looked) in loaded.plans.iter().map(|p| &p.plan).zip(&assigned.tasks) {
        // That there is nobody to assign was found when it was looked for.
        let unassigned = |task: &Task| assign::is_open(task, &config);
        let problems = plans::agent_problems(plan, default_agent, &registry, unassigned).into_iter();
        loaded.diagnostics.extend(problems.map(|p| diagnostic(plan, p)));
        let severity = if config.budget.strict { Severity::Error } else { Severity::Warning };
        let unkept = caps::unkept(&config, &registry, &[plan]).into_iter();
        loaded.diagnostics.extend(unkept.map(|why| Diagnostic::file_wide(severity, plan.source.clone(), why.message, None)));
        match summary(plan, config.run.jobs) {
            Ok(summary) => {
                let owners = ownership(plan, &summary, &paths);
                shown.push((plan, summary, looked, owners));
            }
            Err(cycles) => {
                return Err(Error::usage(format!("plan `{}` has {} cycles that its check did not find", plan.id, cycles.len()))
                    .hint("this is a fault in Greenlane: please report it"));
            }
        }
    }
    let ok = !loaded.has_errors();
    let told = |name: &str| loaded.diagnostics.iter().any(|d| d.is_error() && d.message.contains(&format!("agent `{name}` ")));
    plans::warn_of_faulty_agents(context, &registry, told);
    if args.json {
        let plans = shown
            .iter()
            .map(|(plan, summary, looked, owners)| {
                document(plan, summary, (default_agent, config.run.verify.as_deref()), looked, owners, &assigned)
            })
            .collect();
        context.output.json(&Document { ok, plans, diagnostics: &loaded.diagnostics })?;
    } else {
        plans::tell(context, &loaded.diagnostics);
        if ok {
            let views: Vec<_> = shown
                .iter()
                .map(|(plan, summary, looked, owners)| {
                    let section = looked::section(args, plan, looked, &assigned, context.output.color);
                    text::view(plan, summary, owners, (default_agent, default_suite), &section, context.output.color)
                })
                .collect();
            context.output.data(&views.join("\n"))?;
        }
    }
    if ok {
        return Ok(ExitCode::SUCCESS);
    }
    // That nobody is here to be assigned is no fault of the plan: as `run` has it.
    let nobody = assign::nobody_here().message;
    let mut errors = loaded.diagnostics.iter().filter(|d| d.is_error());
    Err(Error::silent(if errors.all(|d| d.message == nobody) { Kind::Environment } else { Kind::Usage }))
}

/// The files of the checkout's commit; none where there is no repository, no commit, or no git.
fn files(context: &Context) -> Vec<String> {
    let Ok(repo) = Repo::discover(&context.directory) else { return Vec::new() };
    repo.require_head().ok().and_then(|head| repo.files_of(&head).ok()).unwrap_or_default()
}

fn document<'a>(
    plan: &'a Plan,
    summary: &'a Summary,
    (default_agent, default_suite): (Option<&'a str>, Option<&'a [String]>),
    looked: &'a [Looked],
    ownership: &'a Ownership,
    assigned: &AllLooked,
) -> PlanDocument<'a> {
    let tasks = plan.tasks.iter().zip(looked).map(|(task, looked)| TaskDocument {
        looked,
        id: task.id.as_str(),
        title: &task.title,
        agent: plans::agent_of(task, default_agent),
        group: task.group.as_ref().map(|g| g.as_str()),
        depends: task.depends.iter().map(|d| d.as_str()).collect(),
        owns: &task.owns,
        check: &task.check,
        priority: task.priority,
        estimate_seconds: task.estimate.map(|e| e.as_secs_f64()),
        ticked: task.ticked,
        extra: &task.extra,
    });
    PlanDocument {
        summary,
        base: plan.base.as_deref(),
        branch: plan.branch.as_deref(),
        verify: plan.verify.as_deref().or(default_suite),
        tasks: tasks.collect(),
        ownership,
        shown: assigned.shown(),
    }
}

/// A problem with an agent among the plan's other findings.
fn diagnostic(plan: &Plan, problem: Problem) -> Diagnostic {
    let line = problem.location.as_deref().and_then(|l| l.rsplit_once(':')).and_then(|(_, line)| line.parse().ok());
    let hint = problem.hints.into_iter().next();
    Diagnostic { line: line.unwrap_or(0), ..Diagnostic::file_wide(Severity::Error, plan.source.clone(), problem.message, hint) }
}

/// Seconds as people write them; whole seconds are enough for a forecast.
fn span(seconds: f64) -> String {
    format_duration(Duration::from_secs_f64(seconds.clamp(0.0, 1e12).round()))
}

fn heading(text: &str, color: bool) -> String {
    crate::output::paint(text, Paint::Bold, color)
}
