//! What a coordinator that is gone left behind, as the keepers' records tell it: whoever reads them hands it in.

use std::collections::BTreeMap;

use super::clock::RunClock;
use crate::ids::TaskKey;
use crate::state::{Phase, State, TaskState};
use crate::time::Time;

/// What became of an attempt that was under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Its agent still runs.
    Running {
        /// Its keeper.
        pid: u32,
    },
    /// Its agent has ended since; nobody has looked at the work yet.
    Ended {
        /// When.
        at: Time,
    },
    /// Its keeper died with the agent's end unrecorded.
    Lost,
    /// No keeper ran yet, and none will but by a resume.
    NeverBegan,
}

/// The newest attempts of the tasks that were running.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftBehind(pub BTreeMap<TaskKey, Left>);

/// Until when what is under way is counted.
#[derive(Clone, Debug)]
pub struct Until<'a> {
    clock: RunClock,
    run: Time,
    machinery: Time,
    left: Option<&'a LeftBehind>,
}

impl<'a> Until<'a> {
    /// A coordinator is at work on the run, or it has ended.
    #[must_use]
    pub fn now(state: &State, now: Time) -> Self {
        let end = state.ended_at.unwrap_or(now);
        Self { clock: RunClock::of(state), run: end, machinery: end, left: None }
    }

    /// Nobody is: what the coordinator had begun ended with its last event; agents go on without it.
    #[must_use]
    pub fn left(state: &State, left: &'a LeftBehind, now: Time) -> Self {
        let told = left.0.values().filter_map(|left| match left {
            Left::Running { .. } => Some(now),
            Left::Ended { at } => Some(*at),
            Left::Lost | Left::NeverBegan => None,
        });
        let machinery = state.ended_at.unwrap_or(state.last_event_at);
        let run = state.ended_at.or_else(|| told.chain([machinery]).max()).unwrap_or(now);
        Self { clock: RunClock::of(state), run, machinery, left: Some(left) }
    }

    /// The run's clock.
    #[must_use]
    pub fn clock(&self) -> &RunClock {
        &self.clock
    }

    /// The run's end, or the last that is known of it.
    #[must_use]
    pub fn run(&self) -> Time {
        self.run
    }

    /// Gates, merges and suites.
    #[must_use]
    pub fn machinery(&self) -> Time {
        self.machinery
    }

    /// The newest attempt of a task.
    #[must_use]
    pub fn attempt(&self, task: &TaskState) -> Time {
        match (self.left, self.of(task)) {
            (None, _) | (_, Some(Left::Running { .. })) => self.run,
            (_, Some(Left::Ended { at })) => at,
            _ => self.machinery,
        }
    }

    /// A coordinator is at work on the run.
    pub(super) fn is_live(&self) -> bool {
        self.left.is_none()
    }

    /// What became of the task's newest attempt, where nobody coordinates.
    pub(super) fn of(&self, task: &TaskState) -> Option<Left> {
        self.left?.0.get(&task.key).copied().filter(|_| task.phase == Phase::Running)
    }

    /// The state of a task that was under way, and why it is there.
    pub(super) fn state_of(&self, state: &State, task: &TaskState) -> (&'static str, Option<String>) {
        let worktree = || task.current()?.spawned.as_ref().map(|s| s.worktree.as_str());
        let by_hand = if state.is_with_a_person(task) { worktree() } else { None };
        let (name, reason) = match (task.phase, self.of(task)) {
            (Phase::Running, Some(Left::Running { .. })) if by_hand.is_some() => {
                let (worktree, id) = (by_hand.unwrap_or_default(), &task.key.task);
                let (waits, then) = ("interrupted, but still in somebody's hands", "`greenlane resume` takes it up");
                ("running", format!("{waits}, in {worktree}; a commit there or `greenlane done {id}` ends it, {then}"))
            }
            (Phase::Running, Some(Left::Running { pid })) => {
                ("running", format!("interrupted, but its agent still runs (keeper {pid}); `greenlane resume` adopts it"))
            }
            (Phase::Running, Some(Left::Ended { .. })) => {
                ("gating", String::from("its agent has finished; `greenlane resume` collects its work"))
            }
            (Phase::Running, Some(Left::Lost)) => {
                ("queued", String::from("interrupted, and its keeper died; `greenlane resume` says what becomes of it"))
            }
            (Phase::Running, Some(Left::NeverBegan)) => {
                ("queued", String::from("interrupted before it began; `greenlane resume` starts it"))
            }
            (Phase::Running, None) => ("queued", String::from("interrupted; `greenlane resume` goes on with it")),
            (Phase::Gating, _) => ("gating", String::from("interrupted at its checks; `greenlane resume` goes on with it")),
            _ => ("landing", String::from("interrupted on its way to the branch; `greenlane resume` goes on with it")),
        };
        (name, Some(reason))
    }
}
