//! `--agent auto`: what each task is, who does it and why. Looks at the repository, the machine and the journal; the rules are the core's.

use std::collections::{BTreeMap, BTreeSet};

use greenlane_core::classify::{Assigner, Assignment, Classification, Classifier, Overrides, Record, RepositoryFiles};
use greenlane_core::ids::TaskId;
use greenlane_core::plan::{Plan, Task};
use greenlane_runtime::accounts::unusable;
use greenlane_runtime::agent::{AUTO, AgentDef, Registry};
use greenlane_runtime::assignment::{repository_paths, track_record};
use greenlane_runtime::config::Config;

use crate::context::Context;
use crate::error::{Error, Kind, Problem};
use crate::session::Session;

/// Whether what agents have shown in this repository counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    /// As the configuration says.
    Configured,
    /// `--no-history`: the rules alone.
    Ignored,
}

/// All that is needed to say who does what here.
pub struct Assigning {
    classifier: Classifier,
    assigner: Assigner,
    repository: RepositoryFiles,
    overrides: Overrides,
    /// Agents that are installed and, as far as that can be told, signed in.
    pub here: Vec<String>,
    /// Those whose tasks are put into somebody's hands.
    by_hand: BTreeSet<String>,
    /// What agents have shown.
    pub record: Record,
}

/// Who does a task of a plan that names nobody for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// The agent.
    pub agent: String,
    /// Those after it, where the plan names no fallbacks.
    pub fallbacks: Vec<String>,
    /// Why, for its prompt.
    pub why: String,
}

/// The default agent, where it is a real one.
#[must_use]
pub fn default_agent(config: &Config) -> Option<&str> {
    config.run.agent.as_deref().filter(|name| *name != AUTO)
}

/// Nobody is named for this task, neither in the plan nor by the configuration, but one is to be assigned.
#[must_use]
pub fn is_open(task: &Task, config: &Config) -> bool {
    let named = task.agent.as_deref().or(config.run.agent.as_deref());
    task.run.is_none() && task.candidates.is_empty() && named == Some(AUTO)
}

impl Assigning {
    /// Looks at everything once.
    ///
    /// # Errors
    /// If the journal cannot be read, or the configuration gives a type to an agent that nobody knows.
    pub fn open(context: &Context, config: &Config, registry: &Registry, history: History) -> Result<Self, Error> {
        for (kind, agent) in &config.assign.types {
            registry.get(agent).map_err(|e| {
                let problem =
                    Problem { message: format!("`assign.types` gives {kind} to `{agent}`: {e}"), location: None, hints: vec![e.hint()] };
                Error { kind: Kind::Usage, problems: vec![problem] }
            })?;
        }
        let classifier = Classifier::built_in();
        let paths = context.top().map(|top| repository_paths(&top)).unwrap_or_default();
        let repository = classifier.repository(paths.iter().map(String::as_str));
        let record = match Session::open(context) {
            Ok(session) if history == History::Configured && config.assign.history => {
                track_record(&session.state_dir, &classifier, &repository)?
            }
            // Outside a repository nothing ever ran.
            _ => Record::default(),
        };
        // Who is to do a task by hand is for people to say, and the same agent talked to in another way is nobody else.
        let is_here = |agent: &&AgentDef| {
            !agent.hand_off && agent.variant_of.is_none() && unusable(agent, &context.env, &context.directory).is_none()
        };
        Ok(Self {
            repository,
            assigner: Assigner::built_in(),
            overrides: Overrides { types: config.assign.types.clone() },
            here: registry.iter().filter(is_here).map(|a| a.name.clone()).collect(),
            by_hand: registry.hand_off(),
            classifier,
            record,
        })
    }

    /// What a task is.
    #[must_use]
    pub fn classify(&self, task: &Task) -> Classification {
        self.classifier.classify(task, &self.repository)
    }

    /// Who does a task that was found to be this; `None`: nobody is here.
    #[must_use]
    pub fn assign(&self, found: &Classification) -> Option<Assignment> {
        // By hand only what the configuration gives to a hand.
        let given = found.kind.and_then(|kind| self.overrides.types.get(&kind)).filter(|name| self.by_hand.contains(*name));
        let here: Vec<&str> = self.here.iter().chain(given).map(String::as_str).collect();
        self.assigner.assign(found, &here, &self.overrides, &self.record)
    }

    /// Who does the tasks of a plan for which nobody is named.
    #[must_use]
    pub fn of_plan(&self, plan: &Plan, config: &Config) -> BTreeMap<TaskId, Assigned> {
        let open = plan.tasks.iter().filter(|t| !t.ticked && is_open(t, config));
        let assigned = |task: &Task| {
            let Assignment { agent, secondaries, why, .. } = self.assign(&self.classify(task))?;
            Some((task.id.clone(), Assigned { agent, fallbacks: secondaries, why: format!("You were assigned to it: {why}.") }))
        };
        open.filter_map(assigned).collect()
    }
}

/// Assigns the open tasks of some plans, each by its id; looks at nothing where there are none.
///
/// # Errors
/// As [`Assigning::open`].
pub fn of_plans(
    context: &Context,
    config: &Config,
    registry: &Registry,
    history: History,
    plans: &[&Plan],
) -> Result<Vec<BTreeMap<TaskId, Assigned>>, Error> {
    if !plans.iter().any(|p| p.tasks.iter().any(|t| !t.ticked && is_open(t, config))) {
        return Ok(vec![BTreeMap::new(); plans.len()]);
    }
    let assigning = Assigning::open(context, config, registry, history)?;
    if assigning.here.is_empty() {
        return Err(Error { kind: Kind::Environment, problems: vec![nobody_here()] });
    }
    Ok(plans.iter().map(|plan| assigning.of_plan(plan, config)).collect())
}

/// There is no agent to assign.
#[must_use]
pub fn nobody_here() -> Problem {
    Problem {
        message: String::from("no agent is installed and signed in: there is nobody to assign"),
        location: None,
        hints: vec![String::from("`greenlane agents` says how to get one; or name one with --agent")],
    }
}

/// Writes into a plan who does what; what the plan says itself stays.
pub fn fill_in(plan: &mut Plan, assigned: &BTreeMap<TaskId, Assigned>) {
    for task in &mut plan.tasks {
        if let Some(Assigned { agent, fallbacks, why }) = assigned.get(&task.id) {
            task.agent = Some(agent.clone());
            task.why = Some(why.clone());
            if task.fallbacks.is_empty() {
                task.fallbacks.clone_from(fallbacks);
            }
        }
    }
}
