//! What `run`, `plan` and `prompt` share: the plans that the user named, what was found in them, which agent does a task.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use greenlane_core::plan::{Diagnostic, Format, Plan, Task};
use greenlane_core::state::AGENT_DEFAULT;
use greenlane_runtime::agent::{COMMAND, Registry, RegistryError};
use greenlane_runtime::config::Config;
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
}

impl From<FormatArg> for Format {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Toml => Format::Toml,
            FormatArg::Json => Format::Json,
            FormatArg::Markdown => Format::Markdown,
            FormatArg::Array => Format::Array,
            FormatArg::Prd => Format::Prd,
        }
    }
}

/// Reads the plans that are named, or every PRD under `prds/active/`; says nothing.
#[must_use]
pub fn read(context: &Context, top: Option<&Path>, named: &[PathBuf], format: Option<FormatArg>) -> Loaded {
    load_plans(top, &context.directory, named, format.map(Format::from))
}

/// The same; says what was found on standard error.
///
/// # Errors
/// If anything in any of the plans is wrong; that was said already.
pub fn load(context: &Context, top: Option<&Path>, named: &[PathBuf], format: Option<FormatArg>) -> Result<Vec<LoadedPlan>, Error> {
    let loaded = read(context, top, named, format);
    tell(context, &loaded.diagnostics);
    if loaded.has_errors() { Err(Error::silent(Kind::Usage)) } else { Ok(loaded.plans) }
}

/// Says findings on standard error: errors always, the rest unless `-q`.
pub fn tell(context: &Context, diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics.iter().filter(|d| d.is_error() || !context.output.quiet) {
        context.output.tell(&diagnostic.render(context.output.color_talk));
    }
}

/// The agent of tasks that name none.
#[must_use]
pub fn default_agent(config: &Config) -> &str {
    config.run.agent.as_deref().unwrap_or(AGENT_DEFAULT)
}

/// Who does a task: `command` for its own `run` line, else the agent that it or the default names.
#[must_use]
pub fn agent_of<'a>(task: &'a Task, default: &'a str) -> &'a str {
    if task.run.is_some() { COMMAND } else { task.agent.as_deref().unwrap_or(default) }
}

/// Names of agents in a plan that nobody has, each once. Empty: nothing is wrong.
#[must_use]
pub fn agent_problems(plan: &Plan, default: &str, registry: &Registry) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut told = BTreeSet::new();
    for task in plan.tasks.iter().filter(|t| !t.ticked && t.run.is_none()) {
        let others = task.candidates.iter().chain(&task.fallbacks).map(String::as_str);
        for name in std::iter::once(agent_of(task, default)).chain(others) {
            if let Err(e) = registry.get(name)
                && told.insert(name)
            {
                let location = if task.line > 0 { format!("{}:{}", plan.source, task.line) } else { plan.source.clone() };
                problems.push(Problem { location: Some(location), ..problem(&e) });
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
pub fn registry(config: &Config) -> Result<Registry, Error> {
    Registry::load(&config.agents).map_err(|e| Error { kind: Kind::Usage, problems: vec![problem(&e)] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Paint;

    #[test]
    fn each_unknown_agent_is_told_once_and_ticked_tasks_need_none() {
        let mut plan = Plan::new("p");
        plan.source = String::from("p.toml");
        let task = |id: &str, agent: Option<&str>, line: u32| {
            let mut task = Task::new(id);
            (task.agent, task.line) = (agent.map(String::from), line);
            task
        };
        plan.tasks = vec![task("a", Some("cluade"), 2), task("b", Some("cluade"), 5), task("c", None, 9), task("d", Some("gone"), 12)];
        plan.tasks[3].ticked = true;
        let registry = Registry::load(&Default::default()).unwrap();
        let told = |default: &str| {
            agent_problems(&plan, default, &registry).iter().map(|p| p.render("error", Paint::Red, false)).collect::<Vec<_>>()
        };
        assert_eq!(told("claude"), ["error: p.toml:2: there is no agent `cluade`\nhint: did you mean `claude`?\n"]);
        assert_eq!(told("codxe")[1], "error: p.toml:9: there is no agent `codxe`\nhint: did you mean `codex`?\n");
        plan.tasks[2].run = Some(String::from("true"));
        assert_eq!((agent_of(&plan.tasks[2], "codex"), agent_of(&plan.tasks[0], "codex")), (COMMAND, "cluade"));
    }
}
