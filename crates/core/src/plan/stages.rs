//! Groups become stages. Knows nothing of formats beyond their way of grouping.

use std::collections::{BTreeMap, BTreeSet};

use super::context::Context;
use super::diagnostic::Severity;
use super::draft::{Draft, Grouping};
use super::model::Group;
use crate::ids::GroupId;

/// Gives each task its stage. `plan.groups` may hold groups in a given order already; the others follow as they appear. Groups that
/// differ only in case are one, under the name that comes first.
pub(super) fn assign(ctx: &mut Context<'_>, draft: &mut Draft) {
    let (plan, places) = (&mut draft.plan, &draft.places);
    let sequential = match draft.grouping {
        Grouping::Named => false,
        Grouping::Sequential => plan.tasks.iter().any(|t| t.group.is_some()),
        Grouping::InOrder => true,
    };
    let mut known: BTreeMap<String, (GroupId, u32)> = BTreeMap::new();
    let mut next = 0;
    for group in &plan.groups {
        known.entry(group.id.as_str().to_lowercase()).or_insert((group.id.clone(), group.stage));
        next = next.max(group.stage + 1);
    }
    let mut groups = std::mem::take(&mut plan.groups);
    let mut last = None;
    for (task, places) in plan.tasks.iter_mut().zip(places) {
        if let Some(group) = &task.group {
            let (id, stage) = known.entry(group.as_str().to_lowercase()).or_insert_with(|| {
                groups.push(Group::new(group.clone(), next));
                next += 1;
                (group.clone(), next - 1)
            });
            if last.is_some_and(|l| l > *stage) && sequential {
                let message = format!("task `{}` joins group `{id}`, whose turn is before the tasks just above it", task.id);
                let hint = format!("move it up to the others of `{id}`, or give it a group of its own");
                ctx.push(Severity::Warning, places.group.as_ref().unwrap_or(&places.id), message, Some(hint));
            }
            task.group = Some(id.clone());
            task.stage = Some(*stage);
            last = Some(*stage);
        } else if sequential {
            groups.push(Group::new(task.id.as_str(), next));
            task.stage = Some(next);
            last = Some(next);
            next += 1;
        }
    }
    let used: BTreeSet<u32> = plan.tasks.iter().filter_map(|t| t.stage).collect();
    groups.retain(|g| used.contains(&g.stage));
    plan.groups = groups;
}
