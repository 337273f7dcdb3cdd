//! Which rows the lists of tasks have: what is filtered and searched for, in the order in which they stand. Makes no text.

use super::model::{Filter, Model, View};
use crate::board::{RunBoard, TaskRow};

/// A row of the list of tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Row {
    /// A plan's name and progress.
    Plan(usize),
    /// Its branch and the rest.
    Branch(usize),
    /// A task, by its place on the board.
    Task(usize),
    /// What of a plan found no room.
    Rest(usize),
}

/// Tasks that are listed in this view, by their places on the board, in order.
pub(super) fn listed(model: &Model) -> Vec<usize> {
    let Some(run) = model.run() else { return Vec::new() };
    if model.view != View::Timeline {
        return with_plans(model, run).into_iter().filter_map(|row| if let Row::Task(i) = row { Some(i) } else { None }).collect();
    }
    let mut found = kept(model, run);
    let begun = |i: &usize| run.tasks[*i].attempts.first().map(|a| a.started_at);
    found.retain(|i| begun(i).is_some());
    found.sort_by_key(begun);
    found
}

/// What is left by the filter and the search.
fn kept(model: &Model, run: &RunBoard) -> Vec<usize> {
    (0..run.tasks.len()).filter(|i| model.filter.keeps(&run.tasks[*i]) && matches(&run.tasks[*i], &model.search)).collect()
}

/// Whether what is searched for stands in a row.
fn matches(task: &TaskRow, search: &str) -> bool {
    let search = search.to_lowercase();
    let texts = [Some(&task.name), Some(&task.title), Some(&task.agent), Some(&task.words), task.reason.as_ref(), task.group.as_ref()];
    search.is_empty() || texts.into_iter().flatten().any(|text| text.to_lowercase().contains(&search))
}

/// The same with the plans before their tasks. A plan without a listed task is left out only where somebody searches or filters; where
/// nobody does, and not everything fits, one look still tells what goes on: [`fitted`].
pub(super) fn with_plans(model: &Model, run: &RunBoard) -> Vec<Row> {
    let tasks = kept(model, run);
    let all = model.search.is_empty() && matches!(model.filter, Filter::Fitting | Filter::All);
    let mut parts: Vec<(usize, Vec<usize>, usize)> = Vec::with_capacity(run.plans.len());
    let mut rest = tasks.as_slice();
    for plan in 0..run.plans.len() {
        let own = rest.iter().take_while(|i| run.tasks[**i].plan == plan).count();
        if own > 0 || all {
            parts.push((plan, rest[..own].to_vec(), 0));
        }
        rest = &rest[own..];
    }
    if model.search.is_empty() && model.filter == Filter::Fitting {
        fitted(model, run, &mut parts);
    }
    let mut rows = Vec::with_capacity(tasks.len() + 3 * run.plans.len());
    for (plan, own, left_out) in parts {
        rows.extend([Row::Plan(plan), Row::Branch(plan)]);
        rows.extend(own.into_iter().map(Row::Task));
        rows.extend((left_out > 0).then_some(Row::Rest(plan)));
    }
    rows
}

/// Leaves out what waits or is over, as much of it as finds no room; what wants somebody, went wrong or is at work is always listed, and
/// so is what somebody has selected. Each plan gets as many rows as the others, as far as it has a use for them.
fn fitted(model: &Model, run: &RunBoard, parts: &mut [(usize, Vec<usize>, usize)]) {
    let rows: usize = parts.iter().map(|(_, own, _)| 2 + own.len()).sum();
    if model.list_rows == 0 || rows <= model.list_rows {
        return;
    }
    let chosen = model.selected.as_ref().filter(|_| model.chosen);
    let may_go = |i: &usize| {
        let task = &run.tasks[*i];
        let idle = matches!(task.state.as_str(), "ready" | "queued" | "blocked" | "skipped" | "cancelled" | "done");
        idle && !task.by_hand && task.question.is_none() && Some(&task.key) != chosen
    };
    let foldable: Vec<usize> = parts.iter().map(|(_, own, _)| own.iter().filter(|i| may_go(i)).count()).collect();
    let needed = rows - foldable.iter().sum::<usize>() + foldable.iter().filter(|n| **n > 0).count();
    let mut room = model.list_rows.saturating_sub(needed);
    let mut stay = vec![0; parts.len()];
    while room > 0 {
        let before = room;
        for (stay, foldable) in stay.iter_mut().zip(&foldable) {
            if room > 0 && *stay < *foldable {
                *stay += 1;
                room -= 1;
            }
        }
        if room == before {
            break;
        }
    }
    for ((_, own, left_out), (mut stay, foldable)) in parts.iter_mut().zip(stay.into_iter().zip(foldable)) {
        // The row that counts one could as well show it.
        if foldable - stay == 1 {
            stay += 1;
        }
        *left_out = foldable - stay;
        own.retain(|i| {
            let stays = !may_go(i) || stay > 0;
            if may_go(i) && stay > 0 {
                stay -= 1;
            }
            stays
        });
    }
}

/// Where a list of so many rows begins so that this row can be seen among so many; `lead`: rows before it that are wanted in sight, too.
pub(super) fn begin(offset: usize, at: usize, lead: usize, height: usize, len: usize) -> usize {
    let height = height.max(1);
    let latest = at.saturating_sub(lead);
    let earliest = (at + 1).saturating_sub(height);
    offset.min(latest).max(earliest).min(len.saturating_sub(height).max(earliest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_moves_no_more_than_it_must() {
        assert_eq!(begin(0, 3, 0, 10, 100), 0);
        assert_eq!(begin(0, 12, 0, 10, 100), 3, "down");
        assert_eq!(begin(20, 12, 0, 10, 100), 12, "up");
        assert_eq!(begin(20, 12, 2, 10, 100), 10, "up, with what leads it");
        assert_eq!(begin(95, 99, 0, 10, 100), 90, "nothing is behind the end");
        assert_eq!(begin(50, 0, 2, 10, 3), 0, "fewer than fit");
        assert_eq!(begin(5, 2, 0, 0, 3), 2, "no room at all");
    }
}
