//! What `run`, `plan` and `prompt` share: the plans that the user named, what was found in them, which agent does a task.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use greenlane_core::plan::{Diagnostic, Format, Plan, Task};
use greenlane_runtime::agent::{COMMAND, Registry, RegistryError};
use greenlane_runtime::plan_files::{Loaded, LoadedPlan, load_plans};

use crate::context::Context;
use crate::error::{Error, Kind, Problem};

/// Formats of plans, for `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    /// The native plan in TOML
    Toml,
    /// The native plan in JSON
    Json,
    /// A list of tasks with [P:Group-X] markers
    Markdown,
    /// A JSON array of {id, description}
    Array,
    /// A prd.json
    Prd,
    /// Spec Kit's tasks.md, also cc-sdd's
    SpecKit,
    /// Markdown with phases and stages
    Phases,
    /// Work packages in JSON
    WorkPackages,
    /// Issues of beads: issues.jsonl, or what bd prints
    Beads,
    /// task-master's tasks.json
    TaskMaster,
    /// Spec Kitty's work packages
    SpecKitty,
}

impl From<FormatArg> for Format {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Toml => Format::Toml,
            FormatArg::Json => Format::Json,
            FormatArg::Markdown => Format::Markdown,
            FormatArg::Array => Format::Array,
            FormatArg::Prd => Format::Prd,
            FormatArg::SpecKit => Format::SpecKit,
            FormatArg::Phases => Format::Phases,
            FormatArg::WorkPackages => Format::WorkPackages,
            FormatArg::Beads => Format::Beads,
            FormatArg::TaskMaster => Format::TaskMaster,
            FormatArg::SpecKitty => Format::SpecKitty,
        }
    }
}

/// The flags by which `run`, `plan` and `prompt` are told their plans.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub struct NamedPlans {
    /// Plan files, PRD folders or PRD ids; without any, every PRD under prds/active/
    #[arg(value_name = "PLAN")]
    pub plans: Vec<PathBuf>,
    /// The plans' format [default: by their content]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<FormatArg>,
}

/// Reads the plans that are named, or every PRD under `prds/active/`; says nothing.
#[must_use]
pub fn read(context: &Context, top: Option<&Path>, named: &NamedPlans) -> Loaded {
    load_plans(top, &context.directory, &named.plans, named.format.map(Format::from))
}

/// The same; says what was found on standard error.
///
/// # Errors
/// If anything in any of the plans is wrong; that was said already.
pub fn load(context: &Context, top: Option<&Path>, named: &NamedPlans) -> Result<Vec<LoadedPlan>, Error> {
    let loaded = read(context, top, named);
    tell(context, &loaded.diagnostics);
    if loaded.has_errors() { Err(Error::silent(Kind::Usage)) } else { Ok(loaded.plans) }
}

/// Says findings on standard error: errors always, the rest unless `-q`.
pub fn tell(context: &Context, diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics.iter().filter(|d| d.is_error() || !context.output.quiet) {
        context.output.tell(&diagnostic.render(context.output.color_talk));
    }
}

/// Who does a task where nobody but the plan and this default says: `command` for its own `run` line, else an agent's name.
#[must_use]
pub fn agent_of<'a>(task: &'a Task, default: Option<&'a str>) -> Option<&'a str> {
    if task.run.is_some() { Some(COMMAND) } else { task.agent.as_deref().or(default) }
}

/// What is wrong with the agents of a plan: tasks without one, and names that nobody has. Empty: nothing.
#[must_use]
pub fn agent_problems(plan: &Plan, default: Option<&str>, registry: &Registry) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut told = std::collections::BTreeSet::new();
    let location = |task: &Task| Some(if task.line > 0 { format!("{}:{}", plan.source, task.line) } else { plan.source.clone() });
    for task in plan.tasks.iter().filter(|t| !t.ticked) {
        let own = match agent_of(task, default) {
            Some(COMMAND) => continue,
            None if task.candidates.is_empty() => {
                if told.insert("") {
                    problems.push(Problem {
                        message: format!("task `{}` names no agent, and there is no default one", task.id),
                        location: location(task),
                        hints: vec![String::from("use --agent NAME, `agent` in the plan, or [run] agent in greenlane.toml")],
                    });
                }
                continue;
            }
            own => own,
        };
        for name in own.into_iter().chain(task.candidates.iter().chain(&task.fallbacks).map(String::as_str)) {
            if let Err(e) = registry.get(name)
                && told.insert(name)
            {
                problems.push(Problem { location: location(task), ..problem(&e) });
            }
        }
    }
    problems
}

/// An agent that is not there, as a problem.
#[must_use]
pub fn problem(e: &RegistryError) -> Problem {
    Problem { message: e.to_string(), location: None, hints: vec![e.hint()] }
}

/// The agents that the configuration knows.
///
/// # Errors
/// If an `[agents.NAME]` table makes no agent.
pub fn registry(config: &greenlane_runtime::config::Config) -> Result<Registry, Error> {
    Registry::load(&config.agents).map_err(|e| Error { kind: Kind::Usage, problems: vec![problem(&e)] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unknown_agent_is_told_once_and_ticked_tasks_need_none() {
        let mut plan = Plan::new("p");
        plan.source = String::from("p.toml");
        let task = |id: &str, agent: Option<&str>, line: u32| {
            let mut task = Task::new(id);
            (task.agent, task.line) = (agent.map(String::from), line);
            task
        };
        plan.tasks = vec![task("a", Some("cluade"), 2), task("b", Some("cluade"), 5), task("c", None, 9), task("d", None, 12)];
        plan.tasks[3].ticked = true;
        let registry = Registry::load(&Default::default()).unwrap();
        let told: Vec<_> =
            agent_problems(&plan, None, &registry).iter().map(|p| p.render("error", crate::output::Paint::Red, false)).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert_eq!(told[0], "error: p.toml:2: there is no agent `cluade`\nhint: did you mean `claude`?\n");
        assert!(told[1].starts_with("error: p.toml:9: task `c` names no agent"), "{told:?}");
        assert_eq!(agent_problems(&plan, Some("codex"), &registry).len(), 1);
        plan.tasks[2].run = Some(String::from("true"));
        assert_eq!(agent_of(&plan.tasks[2], Some("codex")), Some(COMMAND));
    }
}
