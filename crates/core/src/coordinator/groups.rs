//! A group's way: its turn, the refresh of the context before it, its end, and the way back where the plan asks for that.
//! Who may start in it is decided where tasks are scheduled.

use super::Turn;
use crate::action::Action;
use crate::event::{Event, GroupOutcome, Stopping};
use crate::ids::{GroupId, Oid, PlanId, TaskId};
use crate::plan::OnFailure;
use crate::state::{GroupPhase, GroupState, Phase, PlanPhase, TaskState};

impl Turn<'_> {
    /// Ends groups whose tasks have all ended.
    pub(super) fn end_groups(&mut self) {
        for plan in 0..self.state.plans.len() {
            if self.state.plans[plan].phase != PlanPhase::Running {
                continue;
            }
            for group in 0..self.state.plans[plan].groups.len() {
                self.end_group(plan, group);
            }
        }
    }

    fn end_group(&mut self, plan: usize, group: usize) {
        let p = &self.state.plans[plan];
        let g = &p.groups[group];
        if matches!(g.phase, GroupPhase::Ended(_)) || self.members(plan, g).any(|t| !t.phase.ended()) {
            return;
        }
        // Called off with the run: a resumed one takes them up again.
        if self.members(plan, g).any(|t| t.phase == Phase::Cancelled && t.cancelled_with_run) {
            return;
        }
        let outcome = outcome(self.members(plan, g));
        let own = p.submission.plan.groups.iter().find(|def| def.stage == g.stage).and_then(|def| def.on_failure);
        let wants_rollback = own.map_or(self.state.options().group_rollback, |own| own == OnFailure::Rollback);
        let landed = g.started_at.is_some() && !self.state.landed_since(plan, g).is_empty();
        let rollback = wants_rollback && outcome == GroupOutcome::Failed && landed;
        let verified = !p.verify.is_empty() && self.members(plan, g).all(|t| !t.landed_unverified);
        let (plan, group) = (p.submission.plan.id.clone(), g.id.clone());
        self.emit(Event::GroupEnded { plan, group, outcome, verified, rollback });
    }

    /// Takes what landed of failed groups off the branch, once nobody works on top of it.
    pub(super) fn roll_back_groups(&mut self) {
        for plan in 0..self.state.plans.len() {
            let p = &self.state.plans[plan];
            let wanted = p.groups.iter().position(|g| g.rolling_back && !g.rollback_asked);
            let (Some(group), true) = (wanted, p.lane.is_idle()) else { continue };
            if self.state.tasks[p.tasks.clone()].iter().any(|t| t.phase.active()) {
                continue;
            }
            let g = &p.groups[group];
            let landed = self.state.landed_since(plan, g);
            let (Some(landing), landings) = (landed.first().and_then(|t| t.landed.clone()), landed.len()) else { continue };
            let (id, name, head) = (p.submission.plan.id.clone(), g.id.clone(), p.head.clone());
            self.state.plans[plan].groups[group].rollback_asked = true;
            self.act(Action::RollBackGroup { plan: id, group: name, head, landing, landings });
        }
    }

    /// Begins the group whose turn it is.
    pub(super) fn begin_groups(&mut self) {
        if self.state.stopping.is_some() || self.state.paused {
            return;
        }
        for plan in 0..self.state.plans.len() {
            let p = &self.state.plans[plan];
            if p.phase != PlanPhase::Running || p.groups.iter().any(|g| g.rolling_back) {
                continue;
            }
            let Some(stage) = self.state.current_stage(plan) else { continue };
            let Some(group) = p.groups.iter().find(|g| g.stage == stage && g.phase == GroupPhase::Waiting) else { continue };
            let (id, group, head) = (p.submission.plan.id.clone(), group.id.clone(), p.head.clone());
            let refresh = self.refresh_of(plan, stage);
            self.emit(Event::GroupStarted { plan: id.clone(), group: group.clone(), head: head.clone(), refresh: refresh.is_some() });
            self.act(Action::BeginGroup { plan: id, group, head, refresh });
        }
    }

    pub(super) fn group_refreshed(&mut self, plan: PlanId, group: GroupId, problem: Option<String>) {
        if self.state.stopping > Some(Stopping::Drain) && problem.is_some() {
            return; // It was ended with the run; a resumed one asks again.
        }
        if self.group(&plan, &group).is_some_and(|g| g.phase == GroupPhase::Refreshing) {
            self.emit(Event::GroupRefreshed { plan, group, problem });
        }
    }

    pub(super) fn group_rolled_back(&mut self, plan: PlanId, group: &GroupId, head: Oid, kept: String) {
        let Some(index) = self.state.plans.iter().position(|p| p.submission.plan.id == plan) else { return };
        let Some(g) = self.group(&plan, group).filter(|g| g.rolling_back) else { return };
        let tasks: Vec<TaskId> = self.state.landed_since(index, g).into_iter().map(|t| t.key.task.clone()).collect();
        self.emit(Event::RolledBack { plan, head, tasks, kept });
    }

    pub(super) fn group_not_rolled_back(&mut self, plan: PlanId, group: GroupId, message: String) {
        if self.group(&plan, &group).is_some_and(|g| g.rolling_back) {
            self.emit(Event::GroupNotRolledBack { plan, group, message });
        }
    }

    /// After a resume: what was asked for and not answered.
    pub(super) fn take_up_groups(&mut self, plan: usize) {
        let p = &self.state.plans[plan];
        let refreshing = p.groups.iter().filter(|g| g.phase == GroupPhase::Refreshing);
        let asked: Vec<Action> = refreshing
            .filter_map(|g| {
                let (group, head, refresh) = (g.id.clone(), g.head.clone()?, self.refresh_of(plan, g.stage));
                Some(Action::BeginGroup { plan: p.submission.plan.id.clone(), group, head, refresh })
            })
            .collect();
        asked.into_iter().for_each(|action| self.act(action));
    }

    fn refresh_of(&self, plan: usize, stage: u32) -> Option<String> {
        let def = self.state.plans[plan].submission.plan.groups.iter().find(|g| g.stage == stage);
        def.and_then(|g| g.refresh.clone()).or_else(|| self.state.options().group_refresh.clone()).filter(|command| !command.is_empty())
    }

    fn group(&self, plan: &PlanId, group: &GroupId) -> Option<&GroupState> {
        self.state.plan(plan)?.groups.iter().find(|g| g.id == *group)
    }

    fn members(&self, plan: usize, group: &GroupState) -> impl Iterator<Item = &TaskState> {
        let stage = group.stage;
        self.state.tasks[self.state.plans[plan].tasks.clone()].iter().filter(move |t| self.state.definition(t).stage == Some(stage))
    }
}

fn outcome<'a>(members: impl Iterator<Item = &'a TaskState>) -> GroupOutcome {
    let (mut all_done, mut all_skipped) = (true, true);
    for task in members {
        all_done &= task.phase == Phase::Done;
        all_skipped &= task.phase == Phase::Skipped && task.attempts.is_empty();
    }
    match (all_done, all_skipped) {
        (true, _) => GroupOutcome::Completed,
        (_, true) => GroupOutcome::Blocked,
        _ => GroupOutcome::Failed,
    }
}
