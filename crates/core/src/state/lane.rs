//! Finished work of one plan on its way to the branch. One batch at a time; what is finished meanwhile queues.
//! Knows nothing of git or of suites.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::event::{AttemptRef, BatchId};
use crate::ids::{AttemptId, Oid};
use crate::time::Time;

/// The way to one plan's branch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lane {
    /// Accepted, in the order in which they are to be merged.
    pub queue: VecDeque<AttemptRef>,
    /// Parts of red batches, the next one last.
    pub splits: Vec<Vec<AttemptRef>>,
    /// What is being merged, verified or landed.
    pub active: Option<Batch>,
    /// Red batches whose members have not all been judged alone.
    pub(super) suspects: BTreeMap<BatchId, Suspect>,
}

/// A red batch that was split, or is verified once more.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Suspect {
    pub open: BTreeSet<AttemptId>,
    /// Somebody did not land: the redness is explained.
    pub guilty: bool,
    /// It was a batch of one: the suite runs once more before that is blamed.
    pub alone: bool,
}

/// Attempts that are merged and verified together.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Its number.
    pub id: BatchId,
    /// In the order of merging.
    pub attempts: Vec<AttemptRef>,
    /// The branch's head when it was formed.
    pub onto: Oid,
    /// How far it is.
    pub phase: BatchPhase,
    /// Since when it is there; anew after a resume, as what was done of it before is lost.
    pub since: Time,
    /// Who was merged, with the merge commit of each, in order.
    pub merged: Vec<(AttemptRef, Oid)>,
}

/// How far a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchPhase {
    /// Being merged in memory.
    Merging,
    /// The suite runs on the combined tree.
    Verifying,
    /// The branch is being moved.
    Moving {
        /// A suite was green on it.
        verified: bool,
    },
}

/// Most attempts in one batch; a bound, not a tuning knob.
pub const BATCH_MAX: usize = 64;

impl Lane {
    /// Nothing is under way and nothing waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.splits.is_empty() && self.active.is_none()
    }

    /// Who would be in the next batch: the next part of a red one, else all that wait.
    #[must_use]
    pub fn next(&self) -> Vec<AttemptRef> {
        match self.splits.last() {
            Some(part) => part.clone(),
            None => self.queue.iter().take(BATCH_MAX).cloned().collect(),
        }
    }

    /// Takes exactly these out of the waiting ones. `false`: they are not the next ones.
    pub(super) fn take(&mut self, attempts: &[AttemptRef]) -> bool {
        if self.splits.last().is_some_and(|part| part == attempts) {
            self.splits.pop();
            return true;
        }
        let found = self.splits.is_empty() && attempts.len() <= self.queue.len() && self.queue.iter().zip(attempts).all(|(a, b)| a == b);
        if found {
            self.queue.drain(..attempts.len());
        }
        found
    }

    /// Forgets an attempt that was called off. `false`: it is in the active batch, or not here.
    pub(super) fn withdraw(&mut self, id: &AttemptId) -> bool {
        let before = self.queue.len() + self.splits.iter().map(Vec::len).sum::<usize>();
        self.queue.retain(|a| a.attempt != *id);
        for part in &mut self.splits {
            part.retain(|a| a.attempt != *id);
        }
        self.splits.retain(|part| !part.is_empty());
        self.settle(id, true);
        before != self.queue.len() + self.splits.iter().map(Vec::len).sum::<usize>()
    }

    /// A member of a red batch has been judged: it landed, or it explains the redness.
    pub(super) fn settle(&mut self, id: &AttemptId, guilty: bool) {
        for suspect in self.suspects.values_mut() {
            if suspect.open.remove(id) && guilty {
                suspect.guilty = true;
            }
        }
        self.suspects.retain(|_, s| !(s.guilty && s.open.is_empty()));
    }

    /// It was in a red batch, and has not been judged since.
    #[must_use]
    pub fn is_suspect(&self, id: &AttemptId) -> bool {
        self.suspects.values().any(|s| s.open.contains(id))
    }

    /// The suite was red on its work alone; it is being verified once more, or will be.
    #[must_use]
    pub fn was_red_alone(&self, id: &AttemptId) -> bool {
        self.suspects.values().any(|s| s.alone && s.open.contains(id))
    }

    /// How many members of this red batch are still to be judged apart; 0 of any other batch.
    #[must_use]
    pub fn in_doubt(&self, batch: BatchId) -> usize {
        self.suspects.get(&batch).map_or(0, |s| s.open.len())
    }

    /// Red batches of which every member has landed: the suite was red for no reason of theirs.
    #[must_use]
    pub fn flaky(&self) -> Vec<BatchId> {
        self.suspects.iter().filter(|(_, s)| s.open.is_empty() && !s.guilty).map(|(id, _)| *id).collect()
    }

    /// Sees to it that a red batch of one is the next again. A batch of its own: what is told late of this one is not taken for that.
    pub(super) fn retest(&mut self, batch: &Batch) {
        let members: Vec<AttemptRef> = batch.merged.iter().map(|(a, _)| a.clone()).collect();
        let open = members.iter().map(|a| a.attempt.clone()).collect();
        self.suspects.insert(batch.id, Suspect { open, guilty: false, alone: true });
        self.splits.push(members);
    }

    /// Splits a red batch in two halves, each of which is judged by itself.
    pub(super) fn split(&mut self, batch: &Batch) {
        let members: Vec<AttemptRef> = batch.merged.iter().map(|(a, _)| a.clone()).collect();
        let open = members.iter().map(|a| a.attempt.clone()).collect();
        self.suspects.insert(batch.id, Suspect { open, guilty: false, alone: false });
        let (first, second) = members.split_at(members.len().div_ceil(2));
        self.splits.push(second.to_vec());
        self.splits.push(first.to_vec());
    }
}

/// A batch's time, as one of so many members pays for it.
pub(super) fn share(of: Duration, among: usize) -> Duration {
    of / u32::try_from(among.max(1)).unwrap_or(u32::MAX)
}
