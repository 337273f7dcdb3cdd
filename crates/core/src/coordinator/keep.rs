//! No work is lost: whatever ends without landing has its worktree kept, in whichever of the many ways it ended. What has landed
//! needs none.

use std::collections::BTreeSet;

use super::Turn;
use crate::action::Action;
use crate::event::{Event, Outcome};
use crate::ids::{AttemptId, TaskKey};
use crate::state::{Phase, TaskState};

impl Turn<'_> {
    /// Asks for the work of every task that ended in this step. One that was reopened in the same step goes on with its work instead.
    pub(super) fn keep_what_ended(&mut self) {
        let ended: BTreeSet<TaskKey> = self
            .out
            .events
            .iter()
            .filter_map(|event| match event {
                Event::TaskFailed { key, .. }
                | Event::TaskNeedsHuman { key, .. }
                | Event::TaskSkipped { key, .. }
                | Event::TaskCancelled { key, .. } => Some(key.clone()),
                _ => None,
            })
            .collect();
        for attempt in ended.iter().filter_map(|k| self.state.task(k)).filter_map(to_be_kept).collect::<Vec<_>>() {
            self.act(Action::KeepWorkspace { attempt });
        }
    }

    /// The same for every task that ever ended: the coordinator that asked may have died before it was done.
    pub(super) fn keep_all(&mut self) {
        for attempt in self.state.tasks.iter().filter_map(to_be_kept).collect::<Vec<_>>() {
            self.act(Action::KeepWorkspace { attempt });
        }
    }

    /// Asks for the worktree of every task that has landed in this run: the coordinator that asked may have died before it was free.
    pub(super) fn free_all(&mut self) {
        let landed = self.state.tasks.iter().filter(|t| t.phase == Phase::Done);
        let worked = landed.filter(|t| t.current().is_some_and(|a| a.outcome == Some(Outcome::Succeeded)));
        for attempt in worked.map(TaskState::attempt_id).collect::<Vec<_>>() {
            self.act(Action::FreeWorkspace { attempt });
        }
    }
}

/// The attempt in whose worktree the work of a task lies that ended without landing.
fn to_be_kept(task: &TaskState) -> Option<AttemptId> {
    if !task.phase.ended() || task.phase == Phase::Done {
        return None;
    }
    let newest = task.current()?;
    if task.phase == Phase::Cancelled && newest.landed {
        return None; // Rolled back: the work is in a ref, the worktree was free from the landing on.
    }
    // One that never had a keeper left nothing; what is there is an earlier one's.
    let with_work = task.attempts.iter().rev().find(|a| a.spawned.is_some()).unwrap_or(newest);
    Some(AttemptId { key: task.key.clone(), n: with_work.n })
}
