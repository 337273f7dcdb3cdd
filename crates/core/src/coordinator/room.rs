//! What follows when the machine runs out of disk or memory: nothing more starts, and of what runs the youngest goes back to the queue.
//! Knows floors and readings; measures nothing.

use super::Turn;
use crate::event::Event;
use crate::ids::AttemptId;
use crate::room::Room;
use crate::state::{Phase, TaskState};

impl Turn<'_> {
    /// How much room there is was read.
    pub(super) fn room_read(&mut self, room: &Room) {
        let was_short = self.state.short_of.is_some();
        let short = self.state.options().room.short_of(room, was_short);
        if short.is_some() != was_short {
            self.emit(Event::RoomChanged { short_of: short.clone() });
        }
        if let Some(short) = short {
            self.requeue_youngest(short);
        }
    }

    /// There was no room for an attempt that was to start: it waits like the others.
    pub(super) fn attempt_held_back(&mut self, attempt: &AttemptId, short: String) {
        if !self.is_current(attempt, Phase::Running) || self.state.attempt(attempt).is_some_and(|a| a.spawned.is_some()) {
            return;
        }
        if self.state.short_of.is_none() {
            self.emit(Event::RoomChanged { short_of: Some(short.clone()) });
        }
        self.give_place(attempt);
        self.void(attempt, Some(short));
    }

    /// Nothing starts for want of room, though something could: somebody has to look again.
    pub(super) fn waits_for_room(&self) -> bool {
        self.state.short_of.is_some() && self.state.stopping.is_none() && !self.state.paused && self.state.ready_in_order().next().is_some()
    }

    /// The one that has the least to lose ends, one at a time: what it leaves free is seen by the next reading. The oldest goes on, as
    /// somebody has to come to an end.
    fn requeue_youngest(&mut self, reason: String) {
        if self.state.stopping.is_some() {
            return;
        }
        let running = |t: &&TaskState| t.phase == Phase::Running && t.current().is_some_and(|a| a.spawned.is_some() && a.outcome.is_none());
        let all: Vec<&TaskState> = self.state.tasks.iter().filter(running).collect();
        if all.iter().any(|t| t.current().is_some_and(|a| a.ending.is_some())) || all.len() < 2 {
            return;
        }
        let began = |t: &&&TaskState| t.current().and_then(|a| a.spawned.as_ref()).map(|s| s.at);
        if let Some(attempt) = all.iter().max_by_key(began).map(|t| t.attempt_id()) {
            self.emit(Event::EndRequested { attempt: attempt.clone(), now: false, with_run: false, requeue: Some(reason) });
            self.act(crate::action::Action::EndAttempt { attempt, now: false });
        }
    }
}
