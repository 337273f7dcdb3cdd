//! Named locks with leases: one holder, a queue in the order of asking. What is not renewed is given back by itself, so that an agent
//! that forgets it, or dies, keeps nobody waiting for ever; two that wait for each other are parted by their leases.

use std::time::Duration;

use crate::coordinator::Turn;
use crate::event::Event;
use crate::exchange::{LEASE_MAX, LOCKS_MAX, LockEnd, PLACE_MAX, WAITERS_MAX, name};
use crate::ids::AttemptId;
use crate::state::Phase;

/// A lease of less would be over before its holder knew of it.
const LEASE_MIN: Duration = Duration::from_secs(1);

impl Turn<'_> {
    pub(super) fn lock(&mut self, attempt: &AttemptId, wanted: &str, lease: Duration, place: Duration) -> Result<(), String> {
        let lock = name("lock", wanted)?;
        if !(LEASE_MIN..=LEASE_MAX).contains(&lease) {
            return Err(format!("a lease is 1 to {} seconds long", LEASE_MAX.as_secs()));
        }
        // What has come to its end by now is nobody's.
        self.settle_locks();
        let until = self.now + lease;
        let Some(known) = self.state.exchange.locks.get(&lock) else {
            if self.state.exchange.locks.len() >= LOCKS_MAX {
                return Err(format!("the run has {LOCKS_MAX} locks, and takes no more"));
            }
            self.emit(Event::LockTaken { attempt: attempt.clone(), lock, until });
            return Ok(());
        };
        if known.holder.as_ref().is_some_and(|h| h.attempt == *attempt) {
            self.emit(Event::LockTaken { attempt: attempt.clone(), lock, until });
        } else if !place.is_zero() {
            if known.queue.len() >= WAITERS_MAX && !known.queue.iter().any(|w| w.attempt == *attempt) {
                return Err(format!("{WAITERS_MAX} attempts wait for `{lock}` already"));
            }
            let until = self.now + place.min(PLACE_MAX);
            self.emit(Event::LockAwaited { attempt: attempt.clone(), lock, lease, until });
        }
        Ok(())
    }

    /// Giving back what one has not is well: its lease may have ended, or the answer was lost the first time.
    pub(super) fn unlock(&mut self, attempt: &AttemptId, wanted: &str) -> Result<(), String> {
        let lock = name("lock", wanted)?;
        let known = self.state.exchange.locks.get(&lock);
        let concerned = known
            .is_some_and(|l| l.holder.as_ref().is_some_and(|h| h.attempt == *attempt) || l.queue.iter().any(|w| w.attempt == *attempt));
        if !concerned {
            // Given back before, perhaps, and the answer was lost: no harm, but a slip of the name is to be heard of.
            return Err(format!("you neither have the lock `{lock}` nor wait for it"));
        }
        self.emit(Event::LockLeft { attempt: attempt.clone(), lock, how: LockEnd::Released });
        self.settle_locks();
        Ok(())
    }

    /// Leases and places whose time is over, and those of attempts that are not at work any more, end; then the first in the queue has it.
    pub(super) fn settle_locks(&mut self) {
        let mut left = Vec::new();
        for (name, lock) in &self.state.exchange.locks {
            let holder = lock.holder.iter().map(|h| (&h.attempt, h.until));
            for (attempt, until) in holder.chain(lock.queue.iter().map(|w| (&w.attempt, w.until))) {
                if !self.is_current(attempt, Phase::Running) {
                    left.push((attempt.clone(), name.clone(), LockEnd::AttemptEnded));
                } else if until <= self.now {
                    left.push((attempt.clone(), name.clone(), LockEnd::Expired));
                }
            }
        }
        for (attempt, lock, how) in left {
            self.emit(Event::LockLeft { attempt, lock, how });
        }
        let free = self.state.exchange.locks.iter().filter(|(_, l)| l.holder.is_none());
        let next: Vec<_> = free.filter_map(|(name, l)| l.queue.front().map(|w| (name.clone(), w.attempt.clone(), w.lease))).collect();
        for (lock, attempt, lease) in next {
            self.emit(Event::LockTaken { attempt, lock, until: self.now + lease });
        }
    }
}
