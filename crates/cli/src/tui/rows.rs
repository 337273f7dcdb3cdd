//! Which rows the lists of tasks have: what is filtered and searched for, in the order in which they stand. Makes no text.

use super::model::{Model, View};
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
}

/// Tasks that are listed in this view, by their places on the board, in order.
pub(super) fn listed(model: &Model) -> Vec<usize> {
    let Some(run) = model.run() else { return Vec::new() };
    let mut found: Vec<usize> =
        (0..run.tasks.len()).filter(|i| model.filter.keeps(&run.tasks[*i]) && matches(&run.tasks[*i], &model.search)).collect();
    if model.view == View::Timeline {
        let begun = |i: &usize| run.tasks[*i].attempts.first().map(|a| a.started_at);
        found.retain(|i| begun(i).is_some());
        found.sort_by_key(begun);
    }
    found
}

/// Whether what is searched for stands in a row.
fn matches(task: &TaskRow, search: &str) -> bool {
    let search = search.to_lowercase();
    let texts = [Some(&task.name), Some(&task.title), Some(&task.agent), Some(&task.words), task.reason.as_ref(), task.group.as_ref()];
    search.is_empty() || texts.into_iter().flatten().any(|text| text.to_lowercase().contains(&search))
}

/// The same with the plans before their tasks. A plan without a listed task is left out only where somebody searches or filters.
pub(super) fn with_plans(model: &Model, run: &RunBoard) -> Vec<Row> {
    let tasks = listed(model);
    let all = model.search.is_empty() && model.filter == super::model::Filter::All;
    let mut rows = Vec::with_capacity(tasks.len() + 2 * run.plans.len());
    let mut rest = tasks.as_slice();
    for plan in 0..run.plans.len() {
        let own = rest.iter().take_while(|i| run.tasks[**i].plan == plan).count();
        if own > 0 || all {
            rows.extend([Row::Plan(plan), Row::Branch(plan)]);
            rows.extend(rest[..own].iter().map(|i| Row::Task(*i)));
        }
        rest = &rest[own..];
    }
    rows
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
