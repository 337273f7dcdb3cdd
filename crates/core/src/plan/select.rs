//! A part of a plan: some tasks, or a group, with what they depend on.

use std::collections::BTreeSet;

use super::model::Plan;
use super::suggest::closest;
use crate::ids::TaskId;

/// What was asked for is not in the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotInPlan {
    /// What was asked for, such as ``task `a` ``.
    pub what: String,
    /// The most similar name that the plan has.
    pub suggestion: Option<String>,
}

/// Keeps the named tasks, the group's members, and all that they depend on; barriers keep their order. Nothing named keeps everything.
///
/// # Errors
/// The first name that the plan does not have.
pub fn select(mut plan: Plan, tasks: &[TaskId], group: Option<&str>) -> Result<Plan, NotInPlan> {
    if tasks.is_empty() && group.is_none() {
        return Ok(plan);
    }
    let mut wanted: Vec<TaskId> = Vec::new();
    for id in tasks {
        if plan.task(id).is_none() {
            let suggestion = closest(id.as_str(), plan.tasks.iter().map(|t| t.id.as_str())).map(str::to_owned);
            return Err(NotInPlan { what: format!("task `{id}`"), suggestion });
        }
        wanted.push(id.clone());
    }
    if let Some(group) = group {
        let name = group.strip_prefix("Group-").unwrap_or(group);
        let members = plan.tasks.iter().filter(|t| t.group.as_ref().is_some_and(|g| g.as_str().eq_ignore_ascii_case(name)));
        let before = wanted.len();
        wanted.extend(members.map(|t| t.id.clone()));
        if wanted.len() == before {
            let suggestion = closest(name, plan.groups.iter().map(|g| g.id.as_str())).map(str::to_owned);
            return Err(NotInPlan { what: format!("group `{group}`"), suggestion });
        }
    }
    let mut kept: BTreeSet<TaskId> = BTreeSet::new();
    while let Some(id) = wanted.pop() {
        if let Some(task) = plan.task(&id)
            && kept.insert(id)
        {
            wanted.extend(task.depends.iter().cloned());
        }
    }
    plan.tasks.retain(|t| kept.contains(&t.id));
    let stages: BTreeSet<u32> = plan.tasks.iter().filter_map(|t| t.stage).collect();
    plan.groups.retain(|g| stages.contains(&g.stage));
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Task;

    fn plan() -> Plan {
        let mut plan = Plan::new("p");
        let mut task = |id: &str, depends: &[&str], group: Option<(&str, u32)>| {
            let mut t = Task::new(id);
            t.depends = depends.iter().map(TaskId::from).collect();
            t.group = group.map(|g| g.0.into());
            t.stage = group.map(|g| g.1);
            plan.tasks.push(t);
        };
        task("a", &[], None);
        task("b", &["a"], Some(("one", 0)));
        task("c", &["b"], Some(("two", 1)));
        task("d", &[], None);
        plan
    }

    fn ids(plan: &Plan) -> Vec<&str> {
        plan.tasks.iter().map(|t| t.id.as_str()).collect()
    }

    #[test]
    fn a_task_brings_what_it_depends_on() {
        assert_eq!(select(plan(), &["b".into()], None).map(|p| ids(&p).join(" ")), Ok("a b".into()));
        assert_eq!(select(plan(), &[], Some("Group-TWO")).map(|p| ids(&p).join(" ")), Ok("a b c".into()));
        assert_eq!(select(plan(), &[], None).map(|p| p.tasks.len()), Ok(4));
    }

    #[test]
    fn what_is_not_there_is_said() {
        assert!(matches!(select(plan(), &["x".into()], None), Err(NotInPlan { what, .. }) if what == "task `x`"));
        assert!(matches!(select(plan(), &[], Some("three")), Err(NotInPlan { what, .. }) if what == "group `three`"));
    }
}
