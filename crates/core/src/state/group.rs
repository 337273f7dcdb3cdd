//! How far each group of a plan is. Its tasks' own states are elsewhere; here is what a group has beyond them: its turn, the refresh before
//! it, its end, and what is to be taken off the branch after that.

use super::apply::{Applied, require};
use super::{State, TaskState};
use crate::event::GroupOutcome;
use crate::ids::{GroupId, Oid, PlanId};
use crate::time::Time;

/// A group of a plan that runs.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupState {
    /// Its name.
    pub id: GroupId,
    /// Its place in the order of barriers.
    pub stage: u32,
    /// How far it is.
    pub phase: GroupPhase,
    /// The branch's head before it, once its turn has come.
    pub head: Option<Oid>,
    /// When its turn came.
    pub started_at: Option<Time>,
    /// When the last of its tasks ended.
    pub ended_at: Option<Time>,
    /// Whether the context was refreshed before it: `None`, it was not asked for or has not ended; else why it could not be.
    pub refreshed: Option<Result<(), String>>,
    /// A suite was green on all that landed of it.
    pub verified: bool,
    /// What landed of it is being taken off the branch.
    pub rolling_back: bool,
    /// Somebody was asked for that. Not journalled.
    pub rollback_asked: bool,
    /// Why what landed of it could not be taken off.
    pub not_rolled_back: Option<String>,
    /// How many tasks of the plan had landed in this run before it, or before it was reopened.
    landings_before: u64,
}

/// How far a group is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupPhase {
    /// An earlier group has not ended.
    Waiting,
    /// The context is being refreshed for it.
    Refreshing,
    /// Its tasks may start.
    Open,
    /// All of its tasks have ended.
    Ended(GroupOutcome),
}

impl GroupState {
    pub(super) fn of(group: &crate::plan::Group) -> Self {
        Self {
            id: group.id.clone(),
            stage: group.stage,
            phase: GroupPhase::Waiting,
            head: None,
            started_at: None,
            ended_at: None,
            refreshed: None,
            verified: false,
            rolling_back: false,
            rollback_asked: false,
            not_rolled_back: None,
            landings_before: 0,
        }
    }
}

impl State {
    /// The group that this task belongs to, where its plan has groups.
    #[must_use]
    pub fn group_of(&self, task: &TaskState) -> Option<&GroupState> {
        let stage = self.definition(task).stage?;
        self.plans[task.plan].groups.iter().find(|g| g.stage == stage)
    }

    /// Tasks of the plan that landed since the group's turn came, the earliest first.
    #[must_use]
    pub fn landed_since(&self, plan: usize, group: &GroupState) -> Vec<&TaskState> {
        let landed = |t: &&TaskState| t.landing_number.is_some_and(|n| n > group.landings_before);
        let mut tasks: Vec<&TaskState> = self.tasks[self.plans[plan].tasks.clone()].iter().filter(landed).collect();
        tasks.sort_by_key(|t| t.landing_number);
        tasks
    }

    pub(super) fn group_started(&mut self, at: Time, plan: &PlanId, group: &GroupId, head: &Oid, refresh: bool) -> Applied {
        let landings = self.plans[self.require_plan(plan)?].landings;
        let group = self.require_group(plan, group)?;
        require(group.phase == GroupPhase::Waiting, "the group's turn has come already")?;
        group.phase = if refresh { GroupPhase::Refreshing } else { GroupPhase::Open };
        group.head = Some(head.clone());
        group.started_at = Some(at);
        group.landings_before = landings;
        Ok(())
    }

    pub(super) fn group_refreshed(&mut self, plan: &PlanId, group: &GroupId, problem: Option<&String>) -> Applied {
        let group = self.require_group(plan, group)?;
        require(group.phase == GroupPhase::Refreshing, "nothing is refreshed for the group")?;
        group.phase = GroupPhase::Open;
        group.refreshed = Some(problem.map_or(Ok(()), |p| Err(p.clone())));
        Ok(())
    }

    pub(super) fn group_ended(
        &mut self,
        at: Time,
        plan: &PlanId,
        group: &GroupId,
        outcome: GroupOutcome,
        (verified, rollback): (bool, bool),
    ) -> Applied {
        let group = self.require_group(plan, group)?;
        require(!matches!(group.phase, GroupPhase::Ended(_)), "the group has ended already")?;
        group.phase = GroupPhase::Ended(outcome);
        group.ended_at = Some(at);
        group.verified = verified;
        (group.rolling_back, group.rollback_asked) = (rollback, false);
        group.not_rolled_back = None;
        Ok(())
    }

    pub(super) fn group_not_rolled_back(&mut self, plan: &PlanId, group: &GroupId, message: &str) -> Applied {
        let group = self.require_group(plan, group)?;
        require(group.rolling_back, "nothing of the group is being taken off")?;
        (group.rolling_back, group.rollback_asked) = (false, false);
        group.not_rolled_back = Some(message.to_owned());
        Ok(())
    }

    /// What had landed of an ended group is on the branch no more.
    pub(super) fn group_taken_off(&mut self, task: usize) {
        let Some(stage) = self.definition(&self.tasks[task]).stage else { return };
        let plan = &mut self.plans[self.tasks[task].plan];
        for group in plan.groups.iter_mut().filter(|g| g.stage == stage && g.phase == GroupPhase::Ended(GroupOutcome::Completed)) {
            group.phase = GroupPhase::Ended(GroupOutcome::Failed);
            group.verified = false;
        }
    }

    /// A task of an ended group is tried again: the group is under way again, without another refresh.
    pub(super) fn reopen_group(&mut self, task: usize) {
        let Some(stage) = self.definition(&self.tasks[task]).stage else { return };
        let plan = &mut self.plans[self.tasks[task].plan];
        let landings = plan.landings;
        for group in plan.groups.iter_mut().filter(|g| g.stage == stage && matches!(g.phase, GroupPhase::Ended(_))) {
            // One that was skipped as a whole has not had its turn yet.
            group.phase = if group.started_at.is_some() { GroupPhase::Open } else { GroupPhase::Waiting };
            group.ended_at = None;
            // Should it fail again, what landed meanwhile is no part of that. What is being taken off still is.
            if !group.rolling_back {
                group.landings_before = landings;
            }
        }
    }

    fn require_group(&mut self, plan: &PlanId, group: &GroupId) -> Result<&mut GroupState, String> {
        let plan = self.require_plan(plan)?;
        let found = self.plans[plan].groups.iter_mut().find(|g| g.id == *group);
        found.ok_or_else(|| format!("the plan has no group `{group}`"))
    }
}
