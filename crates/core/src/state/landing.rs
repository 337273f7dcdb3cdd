//! How a batch on its way to the plan's branch changes the state: formed, merged, verified, raced, landed. A part of
//! [`State::apply`], which alone calls it. Decides nothing.

use super::apply::{Applied, require};
use super::lane::{Batch, BatchPhase, share};
use super::{Phase, Refused, State};
use crate::attempt::{Merge, Suite};
use crate::event::{AttemptRef, BatchId, LandedAttempt, MergeResult, Outcome};
use crate::ids::{AttemptId, Oid, PlanId};
use crate::time::Time;

impl State {
    pub(super) fn batch_formed(&mut self, at: Time, id: BatchId, plan: &PlanId, onto: &Oid, attempts: &[AttemptRef]) -> Applied {
        let plan = self.require_plan(plan)?;
        let p = &mut self.plans[plan];
        require(p.lane.active.is_none(), "another batch is under way")?;
        require(p.head == *onto, "the branch's head is another")?;
        require(!attempts.is_empty() && p.lane.take(attempts), "these are not the next to land")?;
        let (attempts, onto) = (attempts.to_vec(), onto.clone());
        p.lane.active = Some(Batch { id, attempts, onto, phase: BatchPhase::Merging, since: at, merged: Vec::new() });
        self.next_batch = self.next_batch.max(id.saturating_add(1));
        Ok(())
    }

    pub(super) fn batch_merged(&mut self, at: Time, id: BatchId, results: &[MergeResult]) -> Applied {
        let plan = self.require_batch(id)?;
        let suite = !self.plans[plan].verify.is_empty();
        let lane = &mut self.plans[plan].lane;
        let Some(batch) = lane.active.as_mut().filter(|b| b.phase == BatchPhase::Merging) else {
            return Err(String::from("the batch is not being merged"));
        };
        require(results.len() == batch.attempts.len(), "not one result for each attempt")?;
        let merging = share(at.since(batch.since), results.len());
        batch.since = at;
        let mut deferred = Vec::new();
        for (entry, result) in batch.attempts.iter().zip(results) {
            require(entry.attempt == result.attempt, "results of other attempts")?;
            match &result.merge {
                Merge::Merged { commit } => batch.merged.push((entry.clone(), commit.clone())),
                Merge::Conflict { definite: false, .. } => deferred.push(entry.clone()),
                Merge::Conflict { definite: true, .. } => {}
            }
        }
        if batch.merged.is_empty() {
            lane.active = None;
        } else {
            batch.phase = if suite { BatchPhase::Verifying } else { BatchPhase::Moving { verified: false } };
        }
        for entry in deferred.into_iter().rev() {
            // Whatever it was suspected of, it will be judged in another company.
            lane.settle(&entry.attempt, true);
            lane.queue.push_front(entry);
        }
        for result in results {
            if let Some(a) = self.attempt_mut(&result.attempt) {
                a.landing = merging;
            }
        }
        Ok(())
    }

    pub(super) fn batch_verified(&mut self, at: Time, id: BatchId, suite: &Suite, again: bool) -> Applied {
        let plan = self.require_batch(id)?;
        let lane = &mut self.plans[plan].lane;
        let Some(mut batch) = lane.active.take().filter(|b| b.phase == BatchPhase::Verifying) else {
            return Err(String::from("the batch is not being verified"));
        };
        let verifying = at.since(batch.since);
        batch.since = at;
        let members: Vec<AttemptId> = batch.merged.iter().map(|(a, _)| a.attempt.clone()).collect();
        match suite {
            Suite::Red { .. } if again => {
                require(matches!(members.as_slice(), [one] if !lane.was_red_alone(one)), "it is not to be verified once more")?;
                lane.retest(&batch);
            }
            Suite::Green { .. } => {
                batch.phase = BatchPhase::Moving { verified: true };
                lane.active = Some(batch);
            }
            Suite::Red { .. } if batch.merged.len() > 1 => lane.split(&batch),
            // The step that emits this ends or re-queues the members.
            Suite::Red { output, .. } => {
                if let [(only, merged)] = batch.merged.as_slice() {
                    let refused = Refused { onto: batch.onto.clone(), merged: merged.clone(), output: output.clone() };
                    if let Some(attempt) = self.attempt_mut(&only.attempt) {
                        attempt.refused = Some(refused);
                    }
                }
            }
            Suite::Broken { .. } => {}
        }
        for member in members {
            if let Some(a) = self.attempt_mut(&member) {
                a.landing += verifying;
            }
        }
        Ok(())
    }

    pub(super) fn batch_raced(&mut self, id: BatchId, head: &Oid) -> Applied {
        let plan = self.require_batch(id)?;
        let p = &mut self.plans[plan];
        if let Some(batch) = p.lane.active.take() {
            for (entry, _) in batch.merged.into_iter().rev() {
                p.lane.settle(&entry.attempt, true);
                p.lane.queue.push_front(entry);
            }
        }
        p.head = head.clone();
        Ok(())
    }

    pub(super) fn batch_landed(&mut self, at: Time, id: BatchId, head: &Oid, verified: bool, landed: &[LandedAttempt]) -> Applied {
        let plan = self.require_batch(id)?;
        let p = &mut self.plans[plan];
        let Some(batch) = p.lane.active.as_ref().filter(|b| matches!(b.phase, BatchPhase::Moving { .. })) else {
            return Err(String::from("the batch is not landing"));
        };
        require(batch.merged.len() == landed.len(), "not everything that was merged has landed")?;
        require(batch.merged.iter().zip(landed).all(|(a, b)| a.0.attempt == b.attempt), "other attempts have landed")?;
        let moving = share(at.since(batch.since), landed.len());
        p.lane.active = None;
        p.head = head.clone();
        for one in landed {
            p.lane.settle(&one.attempt, false);
        }
        for one in landed {
            let task = self.require_task(&one.attempt.key)?;
            self.plans[plan].landings += 1;
            self.tasks[task].landing_number = Some(self.plans[plan].landings);
            self.tasks[task].landed = Some(one.commit.clone());
            self.tasks[task].landed_unverified = !verified;
            self.tasks[task].reason = None;
            if let Some(a) = self.tasks[task].attempts.last_mut() {
                a.outcome = Some(Outcome::Succeeded);
                a.landed = true;
                a.ended_at = Some(at);
                a.landing += moving;
                self.plans[plan].last_landing_took = a.exited_at.map(|exited| at.since(exited));
            }
            self.set_phase(task, Phase::Done, at);
        }
        Ok(())
    }

    /// The plan whose lane has this batch under way.
    pub(super) fn require_batch(&self, id: BatchId) -> Result<usize, String> {
        self.plans
            .iter()
            .position(|p| p.lane.active.as_ref().is_some_and(|b| b.id == id))
            .ok_or_else(|| format!("batch {id} is not under way"))
    }
}
