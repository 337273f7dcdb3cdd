//! What `run`, `plan` and `prompt` share: the plans that the user named, what was found in them, which agent does a task.

use std::path::{Path, PathBuf};

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use greenlane_core::ids::TaskId;
use greenlane_core::plan::{Diagnostic, Format, Plan, Task, select};
use greenlane_core::prompt::{TemplateProblem, Templates};
use greenlane_runtime::agent::{COMMAND, Registry, RegistryError};
use greenlane_runtime::config::Loaded as Configured;
use greenlane_runtime::plan_files::{Loaded, LoadedPlan, load_plans};
use greenlane_runtime::prompts::load_templates;

use crate::context::Context;
use crate::error::{Error, Kind, Problem};

/// Formats of plans for `--format`, as the core has them.
fn formats() -> impl TypedValueParser<Value = Format> {
    let values = Format::ALL.map(|format| PossibleValue::new(format.name()).help(format.about()));
    PossibleValuesParser::new(values).try_map(|name| {
        let format = Format::ALL.into_iter().find(|format| format.name() == name);
        format.ok_or_else(|| std::io::Error::other("there is no such format"))
    })
}

/// The flags by which `run`, `plan` and `prompt` are told their plans.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub struct NamedPlans {
    /// Plan files, PRD folders or PRD ids; without any, every PRD under prds/active/
    #[arg(value_name = "PLAN")]
    pub plans: Vec<PathBuf>,
    /// The plans' format [default: by their content]
    #[arg(long, value_name = "FORMAT", value_parser = formats())]
    pub format: Option<Format>,
}

/// Reads the plans that are named, or every PRD under `prds/active/`; says nothing.
#[must_use]
pub fn read(context: &Context, top: Option<&Path>, named: &NamedPlans) -> Loaded {
    load_plans(top, &context.directory, &named.plans, named.format)
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

/// Which tasks of plans are meant: these with all that they depend on, and a group's. Nothing named: all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kept<'a> {
    /// Ids, also with their plan's before them.
    pub only: &'a [String],
    /// A group's id.
    pub group: Option<&'a str>,
}

impl Kept<'_> {
    /// The plans without everything else; those without anything that is meant are left out.
    ///
    /// # Errors
    /// Exit code 2 where nothing of what was named is in any of the plans.
    pub fn of(&self, plans: Vec<LoadedPlan>) -> Result<Vec<LoadedPlan>, Error> {
        if self.only.is_empty() && self.group.is_none() {
            return Ok(plans);
        }
        let several = plans.len() > 1;
        let mut missing = Vec::new();
        let mut kept = Vec::new();
        for mut one in plans {
            let prefix = format!("{}/", one.plan.id);
            let names = self.only.iter().map(|n| TaskId::from(n.strip_prefix(&prefix).unwrap_or(n)));
            // With several plans a name need not be in each; with one it must be.
            let only: Vec<TaskId> = names.filter(|id| !several || one.plan.task(id).is_some()).collect();
            if several && only.is_empty() && self.group.is_none() {
                continue;
            }
            match select(one.plan, &only, self.group) {
                Ok(plan) => {
                    one.plan = plan;
                    kept.push(one);
                }
                Err(e) => missing.push(e),
            }
        }
        if !kept.is_empty() {
            return Ok(kept);
        }
        Err(match missing.into_iter().next() {
            Some(e) => {
                let error = Error::usage(format!("the plan has no {}", e.what));
                e.suggestion.map_or(error.clone(), |s| error.hint(format!("did you mean `{s}`?")))
            }
            None => Error::usage(format!("no plan has a task {}", self.only.join(", "))),
        })
    }
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

/// What is wrong with the agents of a plan: tasks without one, and names that nobody has. Empty: nothing. Some tasks may be passed over:
/// what is wrong with them was said already.
#[must_use]
pub fn agent_problems(plan: &Plan, default: Option<&str>, registry: &Registry, passed_over: impl Fn(&Task) -> bool) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut told = std::collections::BTreeSet::new();
    let location = |task: &Task| Some(if task.line > 0 { format!("{}:{}", plan.source, task.line) } else { plan.source.clone() });
    for task in plan.tasks.iter().filter(|t| !t.ticked && !passed_over(t)) {
        let own = match agent_of(task, default) {
            Some(COMMAND) => continue,
            None if task.candidates.is_empty() => {
                if told.insert("") {
                    problems.push(Problem {
                        message: format!("task `{}` names no agent, and there is no default one", task.id),
                        location: location(task),
                        hints: vec![String::from(
                            "use --agent NAME, `agent` in the plan, or [run] agent in greenlane.toml; --agent auto assigns one",
                        )],
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

/// The agents that the configuration knows. What makes none is an error for those alone who use it.
///
/// # Errors
/// If the built-in ones cannot be read.
pub fn registry(loaded: &Configured) -> Result<Registry, Error> {
    let registry = Registry::load(&loaded.config.agents).map_err(|e| Error { kind: Kind::Usage, problems: vec![problem(&e)] })?;
    Ok(registry.placed(|name, keys| {
        let prefix = format!("agents.{name}.");
        let likely = keys.iter().find_map(|key| loaded.origins.get(&format!("{prefix}{key}")));
        let any = || loaded.origins.iter().find(|(path, _)| path.starts_with(&prefix)).map(|(_, origin)| origin);
        likely.or_else(any).map(ToString::to_string)
    }))
}

/// Says which entries of the configuration make no agent, but for those of which somebody has heard.
pub fn warn_of_faulty_agents(context: &Context, registry: &Registry, heard: impl Fn(&str) -> bool) {
    for (_, fault) in registry.faults().filter(|(name, _)| !heard(name)) {
        let unused = |p: Problem| Problem { message: format!("{}; it is not used here", p.message), ..p };
        context.output.warn(&unused(problem(fault)));
    }
}

/// The templates of prompts in this checkout.
///
/// # Errors
/// Everything that is wrong with any of them.
pub fn templates(top: Option<&Path>, registry: &Registry) -> Result<Templates, Error> {
    load_templates(top, registry)
        .map_err(|problems| Error { kind: Kind::Usage, problems: problems.into_iter().map(template_problem).collect() })
}

/// What is wrong with a template, with its place.
#[must_use]
pub fn template_problem(p: TemplateProblem) -> Problem {
    let location = if p.line > 0 { format!("{}:{}", p.path, p.line) } else { p.path };
    Problem { message: p.message, location: Some(location), hints: p.hint.into_iter().collect() }
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
            agent_problems(&plan, None, &registry, |_| false).iter().map(|p| p.render("error", crate::output::Paint::Red, false)).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert_eq!(told[0], "error: p.toml:2: there is no agent `cluade`\nhint: did you mean `claude`?\n");
        assert!(told[1].starts_with("error: p.toml:9: task `c` names no agent"), "{told:?}");
        assert_eq!(agent_problems(&plan, Some("codex"), &registry, |_| false).len(), 1);
        plan.tasks[2].run = Some(String::from("true"));
        assert_eq!(agent_of(&plan.tasks[2], Some("codex")), Some(COMMAND));
    }
}
