//! How tasks of each type went: how many landed, in how many attempts, in what time, for how much. The types are those by which agents
//! are assigned. Reads no files.

use std::collections::BTreeMap;

use greenlane_core::classify::{Classifier, RepositoryFiles};
use greenlane_core::state::State;
use greenlane_core::view::{Status, UsageView, attempt_working};
use serde::Serialize;

/// Tasks of one type.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TypeUse {
    /// The type's name; `other` for tasks that are of none.
    #[serde(rename = "type")]
    pub kind: String,
    /// Tasks that were tried.
    pub tasks: usize,
    /// Of these, landed.
    pub landed: usize,
    /// Attempts, without those that never began.
    pub attempts: usize,
    /// What their processes took, one after another, in seconds.
    pub seconds: f64,
    /// Tokens and cost, where agents tell.
    pub usage: UsageView,
}

/// The types of a run's tasks, those with the most work first.
#[must_use]
pub fn types(status: &Status, state: &State) -> Vec<TypeUse> {
    let (classifier, repository) = (Classifier::built_in(), RepositoryFiles::default());
    let mut all: BTreeMap<String, TypeUse> = BTreeMap::new();
    let views: BTreeMap<(&str, &str), _> = status.tasks.iter().map(|t| ((t.plan.as_str(), t.id.as_str()), t)).collect();
    for task in &state.tasks {
        let Some(view) = views.get(&(task.key.plan.as_str(), task.key.task.as_str())) else { continue };
        let begun = view.begun().count();
        if begun == 0 {
            continue;
        }
        let kind = classifier.classify(state.definition(task), &repository).kind;
        let name = kind.map_or_else(|| String::from("other"), |k| k.as_str().to_owned());
        let of = all.entry(name.clone()).or_insert_with(|| TypeUse { kind: name, ..TypeUse::default() });
        of.tasks += 1;
        of.landed += usize::from(task.landed.is_some());
        of.attempts += begun;
        for attempt in view.begun() {
            of.usage.add(&attempt.usage);
        }
        for attempt in &task.attempts {
            if let Some(ended) = attempt.exited_at {
                of.seconds += attempt_working(state, attempt, ended).as_secs_f64();
            }
        }
    }
    let mut all: Vec<TypeUse> = all.into_values().collect();
    all.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;
    use greenlane_core::view::Coordinator;

    #[test]
    fn tasks_are_counted_under_what_they_are() {
        let run = samples::ended();
        let types = types(&run.status(Coordinator::Gone), &run.state);
        let tried: usize = types.iter().map(|t| t.tasks).sum();
        assert_eq!((tried, types.iter().map(|t| t.landed).sum::<usize>(), types.iter().map(|t| t.attempts).sum::<usize>()), (3, 2, 4));
        assert!(types.iter().any(|t| t.kind == "documentation" && t.landed == 0), "{types:?}");
    }
}
