//! What must hold of a plan as a whole, and of several together: ids, dependencies, cycles, work to do. Knows no format.

use std::collections::BTreeMap;

use super::context::Context;
use super::diagnostic::{Diagnostic, Severity};
use super::draft::Draft;
use super::fields::VALUE_BYTES_MAX;
use super::model::Plan;
use super::suggest::{HINTS_MAX, closest};
use crate::graph::{Cycle, Graph};
use crate::ids::TaskId;

/// Most tasks of a plan.
const TASKS_MAX: usize = 100_000;

/// Finds everything that is wrong with the plan as a whole.
pub(super) fn check(ctx: &mut Context<'_>, draft: &Draft) {
    let tasks = &draft.plan.tasks;
    if tasks.is_empty() && !ctx.has_errors() {
        ctx.whole_file(Severity::Error, "the plan has no tasks", Some(no_tasks_hint(draft)));
        return;
    }
    if tasks.len() > TASKS_MAX {
        ctx.whole_file(Severity::Error, format!("the plan has {} tasks, more than {TASKS_MAX}", tasks.len()), None);
        return;
    }
    let first = unique_ids(ctx, draft);
    dependencies(ctx, draft, &first);
    if draft.plan.name.contains('\0') {
        ctx.whole_file(Severity::Error, "the plan's name holds a NUL character", None);
    }
    for (task, places) in tasks.iter().zip(&draft.places) {
        // Keys were looked at as they were read; Markdown's prompts are text between them.
        if task.prompt.contains('\0') || task.prompt.len() > VALUE_BYTES_MAX {
            let why = if task.prompt.contains('\0') { "holds a NUL character" } else { "is longer than 1 MB" };
            ctx.error(&places.id, format!("the prompt of task `{}` {why}", task.id));
        }
        if !places.has_work {
            let hint = "give it a `run` (a command), or a `title` or `prompt` (for an agent)";
            ctx.error_hint(&places.id, format!("task `{}` has nothing to do: missing command", task.id), hint);
        }
    }
    cycles(ctx, draft);
}

fn no_tasks_hint(draft: &Draft) -> String {
    String::from(match draft.grouping {
        super::draft::Grouping::Named => "write a `[[task]]` (TOML) or an entry of `tasks` or `userStories` (JSON) for each",
        super::draft::Grouping::Sequential | super::draft::Grouping::InOrder => {
            "a task is a list item such as `- [ ] 1.1 [P:Group-A] Add the parser`"
        }
    })
}

/// The first task of each id.
fn unique_ids<'d>(ctx: &mut Context<'_>, draft: &'d Draft) -> BTreeMap<&'d TaskId, usize> {
    let mut first: BTreeMap<&TaskId, usize> = BTreeMap::new();
    for (i, task) in draft.plan.tasks.iter().enumerate() {
        if let Some(earlier) = first.get(&task.id) {
            let line = ctx.line(draft.places[*earlier].id.start);
            let hint = format!("it is defined on line {line} already");
            ctx.error_hint(&draft.places[i].id, format!("two tasks have the id `{}`", task.id), hint);
        } else {
            first.insert(&task.id, i);
        }
    }
    first
}

fn dependencies(ctx: &mut Context<'_>, draft: &Draft, first: &BTreeMap<&TaskId, usize>) {
    let plan = &draft.plan;
    let mut hints = 0;
    for (task, places) in plan.tasks.iter().zip(&draft.places) {
        for (other, span) in task.depends.iter().zip(&places.depends) {
            if *other == task.id {
                ctx.error(span, format!("task `{}` depends on itself", task.id));
            } else if let Some(found) = first.get(other) {
                later_stage(ctx, plan, task, &plan.tasks[*found], span);
            } else {
                hints += 1;
                let near = (hints <= HINTS_MAX)
                    .then(|| closest(other.as_str(), first.keys().map(|id| id.as_str()).filter(|id| *id != task.id.as_str())));
                let hint = near.flatten().map(|id| format!("did you mean `{id}`?"));
                let message = format!("task `{}` depends on `{other}`, which the plan does not define", task.id);
                ctx.push(Severity::Error, span, message, hint);
            }
        }
    }
}

/// A task cannot wait for one whose turn comes only after its own.
fn later_stage(ctx: &mut Context<'_>, plan: &Plan, task: &super::Task, other: &super::Task, span: &super::context::Span) {
    let (Some(mine), Some(theirs)) = (task.stage, other.stage) else { return };
    if theirs > mine {
        let message = format!(
            "task `{}` depends on `{}`, which is in a later stage (`{}`): that is a cycle, as `{}` waits for `{}`",
            task.id,
            other.id,
            stage_name(plan, theirs),
            stage_name(plan, theirs),
            stage_name(plan, mine)
        );
        ctx.error_hint(span, message, format!("move `{}` to an earlier group, or `{}` to a later one", other.id, task.id));
    }
}

fn stage_name(plan: &Plan, stage: u32) -> String {
    let found = plan.groups.binary_search_by_key(&stage, |g| g.stage).ok();
    found.map_or_else(|| stage.to_string(), |place| plan.groups[place].id.to_string())
}

/// Cycles; those of one step, and by one dependency on a later stage, were told more plainly already.
fn cycles(ctx: &mut Context<'_>, draft: &Draft) {
    let stages: BTreeMap<&TaskId, Option<u32>> = draft.plan.tasks.iter().rev().map(|t| (&t.id, t.stage)).collect();
    let mut plan = Plan::new(draft.plan.id.clone());
    for task in &draft.plan.tasks {
        let later = |d: &TaskId| matches!((task.stage, stages.get(d).copied().flatten()), (Some(mine), Some(theirs)) if theirs > mine);
        let mut bare = super::Task::new(task.id.clone());
        bare.stage = task.stage;
        bare.depends = task.depends.iter().filter(|d| **d != task.id && !later(d)).cloned().collect();
        plan.tasks.push(bare);
    }
    let Err(cycles) = Graph::new(&plan) else { return };
    for cycle in cycles {
        let start = cycle.steps.first().map_or(0, |s| s.task);
        let places = &draft.places[start];
        // The dependency that begins the cycle is shown, where one does.
        let next = cycle.steps.get(1).map(|s| &draft.plan.tasks[s.task].id);
        let span =
            draft.plan.tasks[start].depends.iter().position(|d| Some(d) == next).and_then(|i| places.depends.get(i)).unwrap_or(&places.id);
        ctx.error(span, format!("the tasks wait for each other: {}", path(&draft.plan, &cycle)));
    }
}

/// `a → b → a`, with the barriers named that lie on the way.
fn path(plan: &Plan, cycle: &Cycle) -> String {
    /// More steps are not read; the plan may be one cycle of 100,000.
    const STEPS_MAX: usize = 12;
    let id = |task: usize| plan.tasks[task].id.as_str();
    let mut out = String::new();
    let mut barriers = Vec::new();
    for (i, step) in cycle.steps.iter().enumerate() {
        if i == STEPS_MAX {
            out.push_str(&format!("… {} more → ", cycle.steps.len() - STEPS_MAX));
            break;
        }
        out.push_str(&format!("{} → ", id(step.task)));
        if step.barrier.is_some() {
            let next = cycle.steps[(i + 1) % cycle.steps.len()].task;
            barriers.push(format!("`{}` waits for `{}` by its group's turn", id(step.task), id(next)));
        }
    }
    out.push_str(cycle.steps.first().map_or("", |s| id(s.task)));
    if !barriers.is_empty() {
        out.push_str(&format!(" ({})", barriers.join(", ")));
    }
    out
}

/// What several plans of one run must not share: ids, and branches to land on.
#[must_use]
pub fn check_together(plans: &[Plan]) -> Vec<Diagnostic> {
    let mut out = Vec::new();
    let (mut ids, mut branches): (BTreeMap<_, &Plan>, BTreeMap<_, &Plan>) = (BTreeMap::new(), BTreeMap::new());
    for plan in plans {
        if let Some(other) = ids.insert(&plan.id, plan) {
            let message = format!("the plan's id `{}` is that of {} too", plan.id, other.source);
            let hint = String::from("give one of them another `id`");
            out.push(Diagnostic::file_wide(Severity::Error, &plan.source, message, Some(hint)));
        }
        let Some(branch) = &plan.branch else { continue };
        if let Some(other) = branches.insert(branch, plan) {
            let message = format!("the plan lands on `{branch}`, on which {} lands too", other.source);
            let hint = String::from("give one of them another `branch`");
            out.push(Diagnostic::file_wide(Severity::Error, &plan.source, message, Some(hint)));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_share_neither_ids_nor_branches() {
        let plan = |id: &str, source: &str, branch: Option<&str>| {
            let mut plan = Plan::new(id);
            plan.source = String::from(source);
            plan.branch = branch.map(String::from);
            plan
        };
        let plans =
            [plan("a", "a.toml", Some("x")), plan("b", "b.toml", Some("x")), plan("a", "c/a.toml", None), plan("d", "d.toml", None)];
        let messages: Vec<String> = check_together(&plans).iter().map(|d| d.render(false)).collect();
        assert_eq!(
            messages,
            [
                "error: the plan lands on `x`, on which a.toml lands too\n --> b.toml\n  hint: give one of them another `branch`\n",
                "error: the plan's id `a` is that of a.toml too\n --> c/a.toml\n  hint: give one of them another `id`\n"
            ]
        );
        assert!(check_together(&plans[2..]).is_empty());
    }
}
