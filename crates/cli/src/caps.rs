//! Caps on the command line, and what is to be said of them before a run: which of them an agent's silence makes useless.

use std::collections::BTreeMap;

use greenlane_core::budget::{Budget, Measure};
use greenlane_core::plan::Plan;
use greenlane_runtime::agent::{COMMAND, Registry, Told};
use greenlane_runtime::config::Config;

use crate::assign;
use crate::plans::agent_of;

/// Flags for caps, of `run`, `plan` and `resume`.
#[derive(Clone, Debug, Default, PartialEq, clap::Args)]
pub struct Caps {
    /// Caps of the whole run, such as tokens=20M,cost_usd=50,model_calls=4000,wall=8h
    #[arg(long, value_name = "CAPS", value_parser = Budget::parse)]
    pub budget: Option<Budget>,
    /// Caps of each task over all of its attempts, where the plan has none
    #[arg(long, value_name = "CAPS", value_parser = Budget::parse)]
    pub task_budget: Option<Budget>,
    /// Refuse to start where a cap cannot be kept, as an agent does not tell what it uses
    #[arg(long)]
    pub strict_budget: bool,
}

impl Caps {
    /// As `Config::load` takes them.
    #[must_use]
    pub fn settings(&self) -> [(&'static str, Option<String>); 3] {
        [
            ("budget.run", self.budget.as_ref().map(ToString::to_string)),
            ("budget.task", self.task_budget.as_ref().map(ToString::to_string)),
            ("budget.strict", self.strict_budget.then(|| String::from("true"))),
        ]
    }
}

/// So many tasks are named.
const NAMED_MAX: usize = 3;

/// A cap that cannot be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unkept {
    /// In a sentence.
    pub message: String,
    /// What its agent does tell in time and can be capped instead.
    pub instead: Vec<Measure>,
}

/// What of the caps cannot be kept for whom, each for itself. Time always can; a task's own command uses no model that is known of.
#[must_use]
pub fn unkept(config: &Config, registry: &Registry, plans: &[&Plan]) -> Vec<Unkept> {
    let default = assign::default_agent(config);
    let mut found: BTreeMap<(&str, Measure), Vec<String>> = BTreeMap::new();
    for task in plans.iter().flat_map(|p| &p.tasks).filter(|t| !t.ticked) {
        let own = task.budget.clone().unwrap_or_default();
        let all = own.or(&config.budget.task).or(&config.budget.run);
        let agents = agent_of(task, default).into_iter().chain(task.candidates.iter().chain(&task.fallbacks).map(String::as_str));
        for agent in agents {
            let budget = if agent == COMMAND { &own } else { &all };
            for measure in Measure::ALL.into_iter().filter(|m| budget.limits(*m)) {
                if told(registry, agent, measure) != Told::Running {
                    found.entry((agent, measure)).or_default().push(format!("`{}`", task.id));
                }
            }
        }
    }
    let sentence = |((agent, measure), tasks): ((&str, Measure), Vec<String>)| {
        let what = words(measure);
        let whom = if agent == COMMAND { String::from("a command") } else { format!("agent `{agent}`") };
        let mut text = match told(registry, agent, measure) {
            Told::AtEnd => format!(
                "{whom} tells its {what} only with an attempt's end: the cap keeps a further attempt from starting, but ends none that runs"
            ),
            _ => format!("{whom} does not tell its {what}: the cap cannot be kept for it"),
        };
        if measure == Measure::CostUsd && told(registry, agent, Measure::Tokens) != Told::Never {
            text.push_str("; its tokens are told and can be capped");
        }
        let more = tasks.len().saturating_sub(NAMED_MAX);
        let named = tasks.into_iter().take(NAMED_MAX).collect::<Vec<_>>().join(", ");
        let message = if more > 0 { format!("{text} ({named} and {more} more)") } else { format!("{text} ({named})") };
        let instead = [Measure::Tokens, Measure::ModelCalls].into_iter().filter(|m| told(registry, agent, *m) == Told::Running);
        Unkept { message, instead: instead.collect() }
    };
    found.into_iter().map(sentence).collect()
}

fn told(registry: &Registry, agent: &str, measure: Measure) -> Told {
    // Who is not known was told of before.
    registry.get(agent).map_or(Told::Never, |a| a.output.tells(measure))
}

fn words(measure: Measure) -> &'static str {
    match measure {
        Measure::Tokens => "tokens",
        Measure::CostUsd => "cost",
        Measure::ModelCalls => "calls of its model",
        Measure::Wall => "time",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use greenlane_core::plan::Task;

    #[test]
    fn what_an_agent_does_not_tell_in_time_is_said_once_for_all_of_its_tasks() {
        let mut config = Config::defaults().unwrap();
        let registry = Registry::load(&config.agents).unwrap();
        let mut plan = Plan::new("p");
        let of = |id: &str, agent: &str| Task { agent: Some(agent.into()), ..Task::new(id) };
        plan.tasks = vec![of("a", "claude"), of("b", "codex"), of("c", "codex"), of("d", "copilot"), of("e", "opencode")];
        let mut command = Task::new("f");
        command.run = Some(String::from("true"));
        plan.tasks.push(command);
        assert!(unkept(&config, &registry, &[&plan]).is_empty(), "no caps, nothing to say");
        config.budget.run = Budget::parse("wall=1h,model_calls=5").unwrap();
        assert!(unkept(&config, &registry, &[&plan]).is_empty(), "these are always told");
        config.budget.task = Budget::parse("tokens=5").unwrap();
        let end = "the cap keeps a further attempt from starting, but ends none that runs";
        let said = |config: &Config, plan: &Plan| unkept(config, &registry, &[plan]).into_iter().map(|u| u.message).collect::<Vec<_>>();
        assert_eq!(
            said(&config, &plan),
            [
                format!("agent `codex` tells its tokens only with an attempt's end: {end} (`b`, `c`)"),
                String::from("agent `copilot` does not tell its tokens: the cap cannot be kept for it (`d`)"),
            ]
        );
        plan.tasks.truncate(2);
        (config.budget.task, plan.tasks[1].budget) = (Budget::default(), Budget::parse("cost_usd=1").ok());
        assert_eq!(
            said(&config, &plan),
            ["agent `codex` does not tell its cost: the cap cannot be kept for it; its tokens are told and can be capped (`b`)"]
        );
        assert_eq!(unkept(&config, &registry, &[&plan])[0].instead, [Measure::ModelCalls]);
    }
}
