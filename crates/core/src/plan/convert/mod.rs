//! A plan in the native form, as TOML, JSON or Markdown. What is written is read again at once: a text that would be another plan is
//! refused. Reads and writes no files.

mod comments;
mod markdown;
mod syntax;

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Group, PRIORITY_DEFAULT, Plan, SkillFailure, Task};
use super::read::{Format, PlanSource, read};
use crate::ids::GroupId;
use crate::time::format_duration;

pub use comments::comments;

/// A native form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Native {
    /// With `[[task]]`.
    Toml,
    /// With `"tasks"`.
    Json,
    /// With front matter and a list of tasks.
    Markdown,
}

/// A value of a key.
#[derive(Clone, Debug, PartialEq)]
enum Val {
    Text(String),
    Int(i64),
    Bool(bool),
    List(Vec<String>),
    Map(BTreeMap<String, String>),
    Tables(Vec<(String, Keys)>),
}

type Keys = Vec<(&'static str, Val)>;

/// The plan as text.
///
/// # Errors
/// What the form cannot carry, each in a line: only Markdown has such cases, as a prompt that holds a comment.
pub fn convert(plan: &Plan, form: Native) -> Result<String, Vec<String>> {
    let plan = named_groups(plan);
    let text = match form {
        Native::Toml => syntax::toml(&plan_keys(&plan, order_needed(&plan)), &plan.tasks.iter().map(task_keys).collect::<Vec<_>>()),
        Native::Json => syntax::json(&plan_keys(&plan, order_needed(&plan)), &plan.tasks.iter().map(task_keys).collect::<Vec<_>>()),
        Native::Markdown => {
            let outside = plan.tasks.iter().any(|t| t.stage.is_none()) && plan.tasks.iter().any(|t| t.stage.is_some());
            // There a task of an earlier group below one of a later is warned of, unless their order is given.
            let mixed = !plan.tasks.iter().filter_map(|t| t.stage).is_sorted();
            markdown::write(&plan_keys(&plan, outside || mixed), &plan)
        }
    };
    let differences = differences(&plan, form, &text);
    if differences.is_empty() { Ok(text) } else { Err(differences) }
}

/// The same plan for everybody who only asks what it means: groups have names, stages are counted without gaps, and nothing tells
/// from which file and line it came. What was converted is equal in this form.
#[must_use]
pub fn meaning(plan: &Plan) -> Plan {
    let mut plan = named_groups(plan);
    plan.source.clear();
    plan.tasks.iter_mut().for_each(|t| t.line = 0);
    plan
}

/// Every stage has a group with a name of its own: a sequential task's is its id.
fn named_groups(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let mut by_stage: BTreeMap<u32, Group> = BTreeMap::new();
    // Names that the plan gives go first, so that only those are changed that it did not give.
    let given: BTreeSet<&GroupId> = plan.tasks.iter().filter_map(|t| t.group.as_ref()).collect();
    taken.extend(given.iter().map(|g| g.as_str().to_lowercase()));
    let mut seen: BTreeSet<&GroupId> = BTreeSet::new();
    for group in &plan.groups {
        let mut name = group.id.to_string();
        if !seen.insert(&group.id) || !given.contains(&group.id) {
            let mut count = 2;
            while !taken.insert(name.to_lowercase()) {
                name = format!("{}-{count}", group.id);
                count += 1;
            }
        }
        let stage = u32::try_from(by_stage.len()).unwrap_or(u32::MAX);
        by_stage.entry(group.stage).or_insert(Group { id: GroupId::from(name), stage, ..group.clone() });
    }
    for task in &mut plan.tasks {
        if let Some(group) = task.stage.and_then(|s| by_stage.get(&s)) {
            (task.group, task.stage) = (Some(group.id.clone()), Some(group.stage));
        }
    }
    plan.groups = by_stage.into_values().collect();
    plan
}

/// Whether the order of the groups does not show in the order of the tasks.
fn order_needed(plan: &Plan) -> bool {
    let mut seen = BTreeSet::new();
    let first: Vec<u32> = plan.tasks.iter().filter_map(|t| t.stage).filter(|s| seen.insert(*s)).collect();
    !first.is_sorted()
}

fn plan_keys(plan: &Plan, with_groups: bool) -> Keys {
    let mut keys = Keys::new();
    keys.push(("name", Val::Text(plan.name.clone())));
    keys.push(("id", Val::Text(plan.id.to_string())));
    text(&mut keys, "base", plan.base.as_ref());
    text(&mut keys, "branch", plan.branch.as_ref());
    keys.extend(plan.verify.clone().map(|list| ("verify", Val::List(list))));
    keys.extend(plan.verify_timeout.map(|d| ("verify_timeout", Val::Text(format_duration(d)))));
    keys.extend(plan.jobs.map(|n| ("jobs", Val::Int(i64::from(n)))));
    map(&mut keys, "generated", &plan.generated);
    if with_groups {
        keys.push(("group_order", Val::List(plan.groups.iter().map(|g| g.id.to_string()).collect())));
    }
    let groups: Vec<(String, Keys)> =
        plan.groups.iter().map(|g| (g.id.to_string(), group_keys(g))).filter(|(_, keys)| !keys.is_empty()).collect();
    if !groups.is_empty() {
        keys.push(("groups", Val::Tables(groups)));
    }
    map(&mut keys, "extra", &plan.extra);
    keys
}

fn group_keys(group: &Group) -> Keys {
    let mut keys = Keys::new();
    text(&mut keys, "refresh", group.refresh.as_ref());
    keys.extend(group.on_failure.map(|what| ("on_failure", Val::Text(String::from(what.as_str())))));
    keys
}

/// In the order in which people write them.
fn task_keys(task: &Task) -> Keys {
    let mut keys = Keys::new();
    keys.push(("id", Val::Text(task.id.to_string())));
    keys.push(("title", Val::Text(task.title.clone())));
    text(&mut keys, "objective", task.objective.as_ref());
    text(&mut keys, "prompt", Some(&task.prompt).filter(|p| !p.is_empty()));
    list(&mut keys, "activities", &task.activities);
    list(&mut keys, "deliverables", &task.deliverables);
    list(&mut keys, "contracts", &task.contracts);
    list(&mut keys, "depends", &task.depends.iter().map(ToString::to_string).collect::<Vec<_>>());
    keys.extend(task.group.as_ref().map(|g| ("group", Val::Text(g.to_string()))));
    list(&mut keys, "owns", &task.owns);
    text(&mut keys, "agent", task.agent.as_ref());
    list(&mut keys, "candidates", &task.candidates);
    list(&mut keys, "fallbacks", &task.fallbacks);
    text(&mut keys, "model", task.model.as_ref());
    text(&mut keys, "role", task.role.as_ref());
    list(&mut keys, "skills", &task.skills);
    list(&mut keys, "criteria", &task.criteria);
    list(&mut keys, "check", &task.check);
    text(&mut keys, "run", task.run.as_ref());
    if task.priority != PRIORITY_DEFAULT {
        keys.push(("priority", Val::Int(i64::from(task.priority))));
    }
    for (name, number) in [("retries", task.retries), ("repairs", task.repairs)] {
        keys.extend(number.map(|n| (name, Val::Int(i64::from(n)))));
    }
    for (name, time) in [
        ("timeout", task.timeout),
        ("stall_timeout", task.stall_timeout),
        ("check_timeout", task.check_timeout),
        ("skill_timeout", task.skill_timeout),
        ("estimate", task.estimate),
    ] {
        keys.extend(time.map(|d| (name, Val::Text(format_duration(d)))));
    }
    if let Some(budget) = &task.budget {
        let caps = [
            budget.tokens.map(|n| format!("tokens={n}")),
            budget.cost_usd.map(|n| format!("cost_usd={n}")),
            budget.model_calls.map(|n| format!("model_calls={n}")),
            budget.wall.map(|d| format!("wall={}", format_duration(d))),
        ];
        keys.push(("budget", Val::Text(caps.into_iter().flatten().collect::<Vec<_>>().join(", "))));
    }
    if task.skill_failure == SkillFailure::Stop {
        keys.push(("skill_failure", Val::Text(String::from("stop"))));
    }
    text(&mut keys, "issue", task.issue.as_ref().map(ToString::to_string).as_ref());
    map(&mut keys, "env", &task.env);
    if task.ticked {
        keys.push(("ticked", Val::Bool(true)));
    }
    map(&mut keys, "extra", &task.extra);
    keys
}

fn text(keys: &mut Keys, name: &'static str, value: Option<&String>) {
    keys.extend(value.map(|v| (name, Val::Text(v.clone()))));
}

fn list(keys: &mut Keys, name: &'static str, value: &[String]) {
    if !value.is_empty() {
        keys.push((name, Val::List(value.to_vec())));
    }
}

fn map(keys: &mut Keys, name: &'static str, value: &BTreeMap<String, String>) {
    if !value.is_empty() {
        keys.push((name, Val::Map(value.clone())));
    }
}

/// Most differences that are told.
const TOLD_MAX: usize = 50;

/// What would be another if the text were read.
fn differences(plan: &Plan, form: Native, text: &str) -> Vec<String> {
    let (path, format) = match form {
        Native::Toml => ("plan.toml", Format::Toml),
        Native::Json => ("plan.json", Format::Json),
        Native::Markdown => ("plan.md", Format::Markdown),
    };
    let none = |_: &str| Err(String::from("there is no such file"));
    let reading = read(&PlanSource { format: Some(format), ..PlanSource::new(path, text, &none) });
    let Some(again) = reading.plan else {
        let first = reading.diagnostics.iter().find(|d| d.is_error());
        return vec![first.map_or_else(
            || String::from("it cannot be read again"),
            |d| {
                let near = d.source_line.as_deref().map(|l| format!(" (`{}`)", l.trim())).unwrap_or_default();
                format!("it could not be read again: {}{near}", d.message)
            },
        )];
    };
    let (wanted, found) = (meaning(plan), meaning(&again));
    if wanted == found {
        return Vec::new();
    }
    let mut out: Vec<String> = wanted
        .tasks
        .iter()
        .zip(&found.tasks)
        .filter(|(a, b)| a != b)
        .map(|(a, b)| {
            let (mine, theirs) = (task_keys(a), task_keys(b));
            let other = mine.iter().find(|k| !theirs.contains(k)).or_else(|| theirs.iter().find(|k| !mine.contains(k)));
            format!("task `{}`: its `{}` cannot be written there as it is", a.id, other.map_or("stage", |(key, _)| key))
        })
        .take(TOLD_MAX)
        .collect();
    if wanted.tasks.len() != found.tasks.len() {
        out.push(format!("it would be a plan of {} tasks, not of {}", found.tasks.len(), wanted.tasks.len()));
    }
    if out.is_empty() {
        out.push(String::from("the plan's own keys cannot be written there as they are"));
    }
    out
}
