//! `prompt`: what an agent would be told. Starts nothing.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use greenlane_core::deficiency::{Lesson, Query};
use greenlane_core::ids::{RunId, TaskKey};
use greenlane_core::plan::{Plan, Task, closest};
use greenlane_core::prompt::{PromptInput, build};
use greenlane_runtime::agent::{COMMAND, instruction_files};
use greenlane_runtime::clock;
use greenlane_runtime::lessons::Teacher;
use serde::Serialize;

use crate::assign::{self, History};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::plans::{self, NamedPlans};
use crate::session::Session;

/// Flags of `prompt`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane prompt bucket                 of the latest run's plan
  greenlane prompt bucket plan.toml       what the agent of that task would be told
  greenlane prompt PRD-001/US-3           a story of a PRD under prds/active/
  greenlane logs bucket --prompt          what it was told in a run")]
pub struct PromptArgs {
    /// The task: `ID` or `PLAN/ID`
    #[arg(value_name = "TASK")]
    pub task: String,
    /// Where to look for it.
    #[command(flatten)]
    pub named: NamedPlans,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    plan: &'a str,
    task: &'a str,
    /// `null`: neither the task nor the configuration names one.
    agent: Option<&'a str>,
    prompt: &'a str,
}

/// Prints the prompt of a first attempt.
///
/// # Errors
/// If there is no such task, it has no prompt, or a plan is wrong.
pub fn run(args: &PromptArgs, context: &Context) -> Outcome {
    let top = context.top();
    let config = context.load_config(top.as_deref(), &[])?.config;
    let loaded = plans_meant(args, top.as_deref(), context)?;
    let (plan, task) = find(&loaded, &args.task)?;
    let registry = plans::registry(&config)?;
    // A prompt can be looked at where nobody is there to read it.
    let assigned = assign::of_plans(context, &config, &registry, History::Configured, &[plan]).unwrap_or_default();
    let assigned = assigned.first().and_then(|all| all.get(&task.id)).map(|a| a.agent.as_str());
    let agent = assigned.or_else(|| plans::agent_of(task, assign::default_agent(&config)));
    if agent == Some(COMMAND) {
        let line = task.run.as_deref().unwrap_or_default();
        return Err(Error::usage(format!("task `{}` is a command and gets no prompt", task.id)).hint(format!("it runs: {}", line.trim())));
    }
    let name = PathBuf::from(&plan.source).file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let copy = format!("<folder of the attempt>/plan/{name}");
    let generated: Vec<String> = plan.generated.keys().cloned().collect();
    let lessons = if config.learning.lessons { lessons(plan, task, agent, context) } else { Vec::new() };
    let prompt = build(&PromptInput {
        plan_name: &plan.name,
        plan_copy: Some(&copy),
        task,
        skills: &[],
        generated: &generated,
        instructions: &instruction_files(top.as_deref().unwrap_or(&context.directory)),
        others: plan.tasks.iter().filter(|t| !t.ticked && t.id != task.id).count(),
        previous: None,
        lessons: &lessons,
    });
    if args.json {
        context.output.json(&Document { plan: plan.id.as_str(), task: task.id.as_str(), agent, prompt: &prompt })?;
    } else {
        context.output.data(&prompt)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The plans that are named, else those under `prds/active/`, else those of the latest run.
fn plans_meant(args: &PromptArgs, top: Option<&Path>, context: &Context) -> Result<Vec<Plan>, Error> {
    if args.named.plans.is_empty()
        && plans::read(context, top, &args.named).plans.is_empty()
        && let Ok(opened) = Session::open(context).and_then(|session| session.open_run(None))
    {
        return Ok(opened.state.plans.into_iter().map(|p| p.submission.plan).collect());
    }
    Ok(plans::load(context, top, &args.named)?.into_iter().map(|l| l.plan).collect())
}

/// What a first attempt would be told now; nothing where nothing ever ran.
fn lessons(plan: &Plan, task: &Task, agent: Option<&str>, context: &Context) -> Vec<Lesson> {
    let Ok(session) = Session::open(context) else { return Vec::new() };
    let suite = plan.verify.clone().unwrap_or_default();
    let query =
        Query { owns: &task.owns, checks: &task.check, suite: &suite, agent: agent.unwrap_or_default(), own: None, now: clock::now() };
    let key = TaskKey { plan: plan.id.clone(), task: task.id.clone() };
    // A run that is not: what its attempts showed is not known yet.
    Teacher::new(session.state_dir).lessons(&RunId::from(""), &key, &[], &query).unwrap_or_default()
}

/// The task of that name: `ID`, or `PLAN/ID` where several plans have it.
fn find<'a>(plans: &'a [Plan], name: &str) -> Result<(&'a Plan, &'a Task), Error> {
    let all = || plans.iter().flat_map(|p| p.tasks.iter().map(move |t| (p, t)));
    let full = |plan: &Plan, task: &Task| format!("{}/{}", plan.id, task.id);
    let named: Vec<_> = all().filter(|(plan, task)| task.id.as_str() == name || full(plan, task) == name).collect();
    match named.as_slice() {
        [one] => Ok(*one),
        [] => {
            let error = Error::usage(format!("no task `{name}` in {}", if plans.len() == 1 { "the plan" } else { "the plans" }));
            let ids: Vec<String> = all().flat_map(|(plan, task)| [task.id.to_string(), full(plan, task)]).collect();
            Err(match closest(name, ids.iter().map(String::as_str)) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint("`greenlane plan PLAN` lists the tasks"),
            })
        }
        several => {
            let names: Vec<_> = several.iter().map(|(plan, task)| format!("`{}`", full(plan, task))).collect();
            Err(Error::usage(format!("several plans have a task `{name}`")).hint(format!("say which: {}", names.join(", "))))
        }
    }
}
