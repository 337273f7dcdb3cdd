//! Keeps `groups/<id>/metadata.json` of a run as its groups are. A copy of what the journal says, for scripts: nothing reads it back, and
//! what cannot be written is only told.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use greenlane_core::event::Event;
use greenlane_core::ids::GroupId;
use greenlane_core::state::State;
use greenlane_core::time::Time;
use greenlane_core::view;

use super::layout::Layout;

/// What was written last, by file.
#[derive(Default)]
pub(super) struct Metadata {
    written: BTreeMap<PathBuf, String>,
}

impl Metadata {
    /// Writes what these events have changed; gives what could not be written.
    pub(super) fn keep(&mut self, events: &[Event], state: &State, layout: &Layout, now: Time) -> Vec<String> {
        // Every event that moves a task moves its group; the rest is not looked at.
        if state.plans.iter().all(|p| p.groups.is_empty()) || !events.iter().any(moves) {
            return Vec::new();
        }
        let (mut seen, mut problems) = (BTreeSet::<GroupId>::new(), Vec::new());
        for group in view::groups(state, now) {
            let path = layout.group_file(&group.plan, &group.group_id, seen.insert(group.group_id.clone()));
            let Ok(text) = serde_json::to_string_pretty(&group) else { continue };
            if self.written.get(&path) == Some(&text) {
                continue;
            }
            match write(&path, &text) {
                Ok(()) => drop(self.written.insert(path, text)),
                Err(e) => problems.push(format!("{} is not up to date: {e}", path.display())),
            }
        }
        problems
    }
}

fn moves(event: &Event) -> bool {
    matches!(
        event,
        Event::PlanQueued(_)
            | Event::GroupStarted { .. }
            | Event::GroupRefreshed { .. }
            | Event::GroupEnded { .. }
            | Event::GroupNotRolledBack { .. }
            | Event::AttemptExited { .. }
            | Event::BatchLanded { .. }
            | Event::TaskFailed { .. }
            | Event::TaskNeedsHuman { .. }
            | Event::TaskSkipped { .. }
            | Event::TaskCancelled { .. }
            | Event::TaskReopened { .. }
            | Event::RolledBack { .. }
            | Event::RunResumed
            | Event::RunEnded { .. }
    )
}

/// Whole or not at all: a script may read at any moment.
fn write(path: &Path, text: &str) -> io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    let new = path.with_extension("json.new");
    fs::write(&new, format!("{text}\n"))?;
    fs::rename(new, path)
}
