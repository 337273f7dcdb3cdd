//! What a coordinator that is gone left behind, as the keepers' records tell it: whoever reads them hands it in.

use std::collections::BTreeMap;

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

impl LeftBehind {
    /// The last moment of which anything is known: now while an agent runs, else the last event or the last agent's end.
    pub(super) fn last_seen(&self, state: &State, now: Time) -> Time {
        let told = self.0.values().filter_map(|left| match left {
            Left::Running { .. } => Some(now),
            Left::Ended { at } => Some(*at),
            Left::Lost | Left::NeverBegan => None,
        });
        told.chain([state.last_event_at]).max().unwrap_or(now).min(now)
    }

    /// The state of a task that was under way, and why it is there.
    pub(super) fn state_of(&self, task: &TaskState) -> (&'static str, Option<String>) {
        let (name, reason) = match (task.phase, self.0.get(&task.key)) {
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
