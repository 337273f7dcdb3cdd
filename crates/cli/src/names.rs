//! Which tasks are meant by a name on the command line: `ID`, `PLAN/ID`, or a plan's id for all of its tasks.
//! Knows the run's tasks; decides nothing about them.

use greenlane_core::ids::TaskKey;
use greenlane_core::plan::closest;
use greenlane_core::state::State;

use crate::error::{Error, Kind};
use crate::report::quoted;
use crate::session::{Opened, Session};

/// So many of the latest runs are asked for a name that this one does not know.
const RUNS_MAX: u32 = 20;

/// The tasks of these names, each once, in the order in which they were named.
///
/// # Errors
/// Exit code 2 with everything that is wrong: unknown names with the nearest known one, and names that several plans share.
pub fn tasks(state: &State, names: &[String]) -> Result<Vec<TaskKey>, Error> {
    let mut found: Vec<TaskKey> = Vec::new();
    let mut problems = Vec::new();
    for name in names {
        match named(state, name) {
            Ok(keys) => {
                for key in keys {
                    if !found.contains(&key) {
                        found.push(key);
                    }
                }
            }
            Err(error) => problems.extend(error.problems),
        }
    }
    if problems.is_empty() { Ok(found) } else { Err(Error { kind: Kind::Usage, problems }) }
}

/// The one task of this name.
///
/// # Errors
/// As [`tasks`]; a plan's id stands for a task only where the plan has just one.
pub fn task(state: &State, name: &str) -> Result<TaskKey, Error> {
    match named(state, name)?.as_slice() {
        [only] => Ok(only.clone()),
        several => {
            let some = several.first().map(|k| format!("; name one, such as `{}`", k.task)).unwrap_or_default();
            Err(Error::usage(format!("`{name}` is a plan with {} tasks, and one task is needed{some}", several.len()))
                .hint("`greenlane status` lists them"))
        }
    }
}

/// A task goes before a plan of the same name; `PLAN/` is the plan without doubt.
fn named(state: &State, name: &str) -> Result<Vec<TaskKey>, Error> {
    let by_id: Vec<TaskKey> = state.tasks.iter().filter(|t| t.key.task.as_str() == name).map(|t| t.key.clone()).collect();
    let by_key = state.tasks.iter().find(|t| is_key(&t.key, name)).map(|t| t.key.clone());
    match (by_id.as_slice(), by_key) {
        ([only], None) => return Ok(vec![only.clone()]),
        ([], Some(key)) => return Ok(vec![key]),
        ([], None) => {}
        (ids, key) => {
            let all: Vec<String> = ids.iter().chain(key.iter()).map(|k| format!("`{k}`")).collect();
            return Err(Error::usage(format!("`{name}` may be {}", all.join(" or "))).hint("name it as PLAN/ID"));
        }
    }
    let plan = name.strip_suffix('/').unwrap_or(name);
    if let Some(p) = state.plans.iter().find(|p| p.submission.plan.id.as_str() == plan) {
        return Ok(state.tasks[p.tasks.clone()].iter().map(|t| t.key.clone()).collect());
    }
    Err(unknown(state, name, &[]))
}

/// Somebody may have meant a task, or a plan, by it.
#[must_use]
pub fn is_known(state: &State, name: &str) -> bool {
    let plan = name.strip_suffix('/').unwrap_or(name);
    state.tasks.iter().any(|t| t.key.task.as_str() == name || is_key(&t.key, name))
        || state.plans.iter().any(|p| p.submission.plan.id.as_str() == plan)
}

/// Adds to the error about these names where else they are: the newest other run that knows them all, as this verb asks for it.
#[must_use]
pub fn elsewhere(error: Error, session: &Session, opened: &Opened, names: &[String], verb: &str) -> Error {
    let Ok(journal) = session.journal() else { return error };
    let others = journal.runs(RUNS_MAX).unwrap_or_default().into_iter().map(|r| r.run).filter(|r| *r != opened.run);
    for run in others {
        if journal.load(&run).is_ok_and(|(state, _)| tasks(&state, names).is_ok()) {
            let what = if names.len() == 1 { "it" } else { "them" };
            return error.hint(format!(
                "run {run} knows {what}: `greenlane {verb} {} --run {run}`",
                names.iter().map(|n| quoted(n)).collect::<Vec<_>>().join(" ")
            ));
        }
    }
    error
}

fn is_key(key: &TaskKey, name: &str) -> bool {
    name.strip_prefix(key.plan.as_str()).and_then(|rest| rest.strip_prefix('/')) == Some(key.task.as_str())
}

/// What is said to a name that nothing has. `groups`: those that could be meant as well, where groups can.
#[must_use]
pub fn unknown(state: &State, name: &str, groups: &[String]) -> Error {
    let plans = state.plans.iter().map(|p| p.submission.plan.id.to_string());
    let keys = state.tasks.iter().map(|t| t.key.to_string());
    // Full names only where a full name was given: `a/buckte` is not near to `bucket`.
    let known: Vec<String> =
        state.tasks.iter().map(|t| t.key.task.to_string()).chain(plans).chain(keys.filter(|_| name.contains('/'))).collect();
    let what = if groups.is_empty() { "task" } else { "task or group" };
    let error = Error::usage(format!("there is no {what} `{name}` in this run"));
    match closest(name, known.iter().chain(groups).map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None if groups.is_empty() => error.hint("`greenlane status` lists the tasks"),
        None => error.hint("`greenlane status` lists the tasks, `greenlane groups list` the groups"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    fn found(names: &[&str]) -> Result<Vec<String>, String> {
        let state = samples::two_plans().state;
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        tasks(&state, &names).map(|keys| keys.iter().map(ToString::to_string).collect()).map_err(|e| {
            assert_eq!(e.kind, Kind::Usage);
            e.render(false)
        })
    }

    #[test]
    fn a_task_is_named_by_its_id_or_with_its_plan_and_a_plan_by_its_id() {
        assert_eq!(found(&["bucket"]), Ok(vec!["limits/bucket".into()]));
        assert_eq!(found(&["limits/docs", "bucket", "limits/bucket"]), Ok(vec!["limits/docs".into(), "limits/bucket".into()]));
        assert_eq!(found(&["search"]), Ok(vec!["search/docs".into(), "search/a/b".into()]));
        assert_eq!(found(&["search/"]), found(&["search"]));
        assert_eq!(found(&["a/b"]), Ok(vec!["search/a/b".into()]), "an id may hold a slash");
    }

    #[test]
    fn a_name_that_is_unknown_or_shared_is_told_all_at_once() {
        let said = found(&["docs", "buckte", "limits/dosc", "zzz"]).unwrap_err();
        assert!(said.contains("`docs` may be `limits/docs` or `search/docs`\nhint: name it as PLAN/ID"), "{said}");
        assert!(said.contains("no task `buckte` in this run\nhint: did you mean `bucket`?"), "{said}");
        assert!(said.contains("did you mean `limits/docs`?"), "{said}");
        assert!(said.contains("`zzz` in this run\nhint: `greenlane status` lists"), "{said}");
    }

    #[test]
    fn where_one_task_is_needed_a_plan_is_too_much() {
        let state = samples::two_plans().state;
        assert_eq!(task(&state, "bucket").map(|k| k.to_string()), Ok("limits/bucket".into()));
        let said = task(&state, "search").unwrap_err().render(false);
        assert!(said.contains("`search` is a plan with 2 tasks") && said.contains("such as `docs`"), "{said}");
    }
}
