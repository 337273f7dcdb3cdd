//! `prompt`: what an agent would be told, or all agents of a plan. Starts nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use greenlane_core::deficiency::{Lesson, Query};
use greenlane_core::ids::{RunId, TaskId, TaskKey};
use greenlane_core::plan::{Plan, Task, closest};
use greenlane_core::prompt::{DEFAULT_FAMILY, PromptInput, Said, Skill, SkillGave, Templates, neighbours};
use greenlane_core::slug::key_slug;
use greenlane_runtime::agent::{COMMAND, Registry, instruction_files};
use greenlane_runtime::clock;
use greenlane_runtime::config::Config;
use greenlane_runtime::lessons::Teacher;
use greenlane_runtime::prompts::family_of;
use serde::Serialize;

use crate::assign::{self, Assigned, History};
use crate::context::Context;
use crate::error::{Error, Kind, Outcome};
use crate::plans::{self, NamedPlans};
use crate::session::Session;

/// Flags of `prompt`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  greenlane prompt bucket                 of the latest run's plan
  greenlane prompt bucket plan.toml       what the agent of that task would be told
  greenlane prompt PRD-001/US-3           a story of a PRD under prds/active/
  greenlane logs bucket --prompt          what it was told in a run
  greenlane prompt --all plan.toml        of every task, one after another
  greenlane prompt --all --out prompts    of every PRD under prds/active/, a file for each task
  greenlane prompt --all plan.toml --json | jq -r '.prompts[].family'

The words come from a template for each family of agents; .greenlane/prompts/NAME.md in the repository replaces or extends one. A
prompt in a run has, besides, what the task's skills print and what an earlier attempt left. Tasks that are ticked off or are a
command have none.")]
pub struct PromptArgs {
    /// The task: `ID` or `PLAN/ID`; with --all, a PLAN
    #[arg(value_name = "TASK", required_unless_present = "all")]
    pub task: Option<String>,
    /// The prompts of all tasks that get one
    #[arg(long)]
    pub all: bool,
    /// With --all: write them to DIR, a file for each task
    #[arg(long, value_name = "DIR", requires = "all", conflicts_with = "json")]
    pub out: Option<PathBuf>,
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
    /// Whose template it was made of.
    family: &'a str,
    prompt: &'a str,
}

#[derive(Serialize)]
struct Documents<'a> {
    prompts: Vec<Document<'a>>,
}

/// What prompts are made of, whatever the task.
struct Maker<'a> {
    plans: &'a [Plan],
    /// Who does the tasks for which nobody is named, plan by plan.
    assigned: &'a [BTreeMap<TaskId, Assigned>],
    config: &'a Config,
    registry: &'a Registry,
    templates: &'a Templates,
    instructions: Vec<String>,
    /// Below it lies what attempts are given.
    state_dir: PathBuf,
    /// `None`: nothing ever ran here, or lessons are not to be told.
    teacher: Option<Teacher>,
}

struct Made<'a> {
    plan: &'a Plan,
    task: &'a Task,
    agent: Option<&'a str>,
    family: &'a str,
    prompt: String,
}

/// Prints the prompt of a first attempt, or those of all tasks.
///
/// # Errors
/// If there is no such task, it has no prompt, or a plan or a template is wrong.
pub fn run(args: &PromptArgs, context: &Context) -> Outcome {
    let top = context.top();
    let configured = context.load_config(top.as_deref(), &[])?;
    let registry = plans::registry(&configured)?;
    let config = configured.config;
    let templates = plans::templates(top.as_deref(), &registry)?;
    let mut named = args.named.clone();
    if args.all {
        named.plans.splice(0..0, args.task.iter().map(PathBuf::from));
    }
    let loaded = plans_meant(&named, top.as_deref(), context)?;
    let lessons = config.learning.lessons.then(|| Session::open(context).ok()).flatten();
    // A prompt can be looked at where nobody is there to read it.
    let assigned =
        assign::of_plans(context, &config, &registry, History::Configured, &loaded.iter().collect::<Vec<_>>()).unwrap_or_default();
    let maker = Maker {
        assigned: &assigned,
        plans: &loaded,
        config: &config,
        registry: &registry,
        templates: &templates,
        instructions: instruction_files(top.as_deref().unwrap_or(&context.directory)),
        state_dir: Session::open(context).map_or_else(|_| context.directory.clone(), |session| session.state_dir),
        teacher: lessons.map(|session| Teacher::new(session.state_dir)),
    };
    if args.all {
        return all(args, context, &maker);
    }
    let (plan, task) = find(&loaded, args.task.as_deref().unwrap_or_default())?;
    if plans::agent_of(task, assign::default_agent(&config)) == Some(COMMAND) {
        let line = task.run.as_deref().unwrap_or_default();
        return Err(Error::usage(format!("task `{}` is a command and gets no prompt", task.id)).hint(format!("it runs: {}", line.trim())));
    }
    let made = maker.make(plan, task)?;
    if args.json {
        context.output.json(&document(&made))?;
    } else {
        context.output.data(&made.prompt)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn all(args: &PromptArgs, context: &Context, maker: &Maker<'_>) -> Outcome {
    let tasks = maker.plans.iter().flat_map(|plan| plan.tasks.iter().map(move |task| (plan, task)));
    let tasks = tasks.filter(|(_, task)| !task.ticked && task.run.is_none());
    let made = tasks.map(|(plan, task)| maker.make(plan, task)).collect::<Result<Vec<_>, _>>()?;
    if args.json {
        context.output.json(&Documents { prompts: made.iter().map(document).collect() })?;
    } else if let Some(dir) = &args.out {
        let cannot = |path: &Path, e: &std::io::Error| Error::file(format!("cannot write {}: {e}", path.display()), e);
        std::fs::create_dir_all(dir).map_err(|e| cannot(dir, &e))?;
        for one in &made {
            let key = TaskKey { plan: one.plan.id.clone(), task: one.task.id.clone() };
            let path = dir.join(format!("{}.md", key_slug(&key)));
            std::fs::write(&path, &one.prompt).map_err(|e| cannot(&path, &e))?;
        }
        context.output.say(&format!("{} prompts are in {}", made.len(), dir.display()));
    } else {
        // A comment in Markdown: it says where one ends, and is no part of either.
        let text: Vec<_> = made.iter().map(|m| format!("<!-- prompt of {}/{} -->\n\n{}", m.plan.id, m.task.id, m.prompt)).collect();
        context.output.data(&text.join("\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn document<'a>(made: &'a Made<'_>) -> Document<'a> {
    Document { plan: made.plan.id.as_str(), task: made.task.id.as_str(), agent: made.agent, family: made.family, prompt: &made.prompt }
}

impl<'a> Maker<'a> {
    fn make(&self, plan: &'a Plan, task: &'a Task) -> Result<Made<'a>, Error> {
        let number = self.plans.iter().position(|p| p.id == plan.id);
        let assigned = number.and_then(|n| self.assigned.get(n)?.get(&task.id));
        let agent = assigned.map(|a| a.agent.as_str()).or_else(|| plans::agent_of(task, assign::default_agent(self.config)));
        let name = PathBuf::from(&plan.source).file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let copy = format!("<folder of the attempt>/plan/{name}");
        let generated: Vec<String> = plan.generated.keys().cloned().collect();
        let later = |name: &String| Skill { name: name.clone(), gave: SkillGave::Later };
        let skills: Vec<_> = task.skills.iter().map(later).collect();
        let family = agent.and_then(|name| self.registry.get(name).ok()).map_or(DEFAULT_FAMILY, |a| family_of(self.templates, a));
        let tools = cfg!(feature = "mcp")
            && self.config.mcp.enabled
            && agent.is_some_and(|a| self.registry.get(a).is_ok_and(|a| a.takes_tools_of(&self.state_dir)));
        let prompt = self.templates.render(
            family,
            &PromptInput {
                plan_name: &plan.name,
                plan_copy: Some(&copy),
                task,
                agent: agent.unwrap_or_default(),
                ports: self.config.workspace.port_base.is_some(),
                by_hand: agent.and_then(|name| self.registry.get(name).ok()).is_some_and(|a| a.hand_off),
                why: assigned.map(|a| a.why.as_str()),
                skills: &skills,
                neighbours: &neighbours(self.plans.iter(), plan, task),
                generated: &generated,
                instructions: &self.instructions,
                others: self.plans.iter().flat_map(|p| &p.tasks).filter(|t| !t.ticked).count().saturating_sub(1),
                previous: None,
                lessons: &self.lessons(plan, task, agent),
                said: &Said { tools, ..Said::default() },
            },
        );
        let prompt = prompt.map_err(|p| Error { kind: Kind::Usage, problems: vec![plans::template_problem(p)] })?;
        Ok(Made { plan, task, agent, family, prompt })
    }

    /// What a first attempt would be told now; nothing where nothing ever ran.
    fn lessons(&self, plan: &Plan, task: &Task, agent: Option<&str>) -> Vec<Lesson> {
        let Some(teacher) = &self.teacher else { return Vec::new() };
        let suite = plan.verify.clone().or_else(|| self.config.run.verify.clone()).unwrap_or_default();
        let query =
            Query { owns: &task.owns, checks: &task.check, suite: &suite, agent: agent.unwrap_or_default(), own: None, now: clock::now() };
        let key = TaskKey { plan: plan.id.clone(), task: task.id.clone() };
        // A run that is not: what its attempts showed is not known yet.
        teacher.lessons(&RunId::from(""), &key, &[], &query).unwrap_or_default()
    }
}

/// The plans that are named, else those under `prds/active/`, else those of the latest run.
fn plans_meant(named: &NamedPlans, top: Option<&Path>, context: &Context) -> Result<Vec<Plan>, Error> {
    if named.plans.is_empty()
        && plans::read(context, top, named).plans.is_empty()
        && let Ok(opened) = Session::open(context).and_then(|session| session.open_run(None))
    {
        return Ok(opened.state.plans.into_iter().map(|p| p.submission.plan).collect());
    }
    Ok(plans::load(context, top, named)?.into_iter().map(|l| l.plan).collect())
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
