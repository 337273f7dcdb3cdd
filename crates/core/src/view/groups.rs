//! Groups as people and scripts see them: the four phases, with the fields that the ancestors' `metadata.json` has.

use serde::{Deserialize, Serialize};

use super::task_state;
use crate::event::GroupOutcome;
use crate::ids::{GroupId, PlanId, TaskId};
use crate::state::{AttemptState, GroupPhase, GroupState, Phase, PlanState, State, TaskState};
use crate::time::Time;

/// One group of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupView {
    /// Its name in the plan.
    pub group_id: GroupId,
    /// The same, for people.
    pub group_name: String,
    /// Its plan.
    pub plan: PlanId,
    /// `pre_execution`, `concurrent_execution`, `coordination` or `post_execution`.
    pub phase: String,
    /// `pending`, `in_progress`, `completed`, `failed` or `blocked`.
    pub status: String,
    /// Its tasks, in the plan's order.
    pub tasks: Vec<TaskId>,
    /// Tasks that may start.
    pub ready: Vec<TaskId>,
    /// Tasks that wait for another.
    pub blocked: Vec<TaskId>,
    /// When its plan was handed in; RFC 3339, UTC.
    pub created_at: String,
    /// When its turn came.
    pub started_at: Option<String>,
    /// When its last task ended.
    pub completed_at: Option<String>,
    /// What became of each task that was tried.
    pub results: Vec<GroupResult>,
    /// What went wrong.
    pub errors: Vec<String>,
    /// Whether the context was refreshed before it; `None`: not asked for, or not yet done.
    pub pre_group_refresh_completed: Option<bool>,
    /// A suite was green on all that landed of it.
    pub verified: bool,
}

/// What became of one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupResult {
    /// Which.
    pub task_id: TaskId,
    /// The agent of its newest attempt.
    pub subagent: String,
    /// The skills that its plan names for it.
    pub skills_applied: Vec<String>,
    /// As in `status --json`.
    pub status: String,
    /// When its first attempt began.
    pub started_at: Option<String>,
    /// When it reached its end.
    pub completed_at: Option<String>,
}

/// All groups of a run, in the order of their plans and their turns.
#[must_use]
pub fn groups(state: &State, now: Time) -> Vec<GroupView> {
    state.plans.iter().flat_map(|plan| plan.groups.iter().map(move |group| view(state, plan, group, now))).collect()
}

fn view(state: &State, plan: &PlanState, group: &GroupState, now: Time) -> GroupView {
    let members: Vec<&TaskState> =
        state.tasks[plan.tasks.clone()].iter().filter(|t| state.definition(t).stage == Some(group.stage)).collect();
    let ids = |wanted: &dyn Fn(&TaskState) -> bool| members.iter().filter(|t| wanted(t)).map(|t| t.key.task.clone()).collect();
    let at = |time: Option<Time>| time.map(Time::rfc3339);
    let refresh = group.refreshed.as_ref();
    let broken = |t: &&&TaskState| matches!(t.phase, Phase::Failed | Phase::NeedsHuman | Phase::Skipped | Phase::Cancelled);
    let mut errors: Vec<String> = refresh.and_then(|r| r.as_ref().err().cloned()).into_iter().collect();
    errors.extend(group.not_rolled_back.clone());
    errors.extend(members.iter().filter(broken).filter_map(|t| Some(format!("{}: {}", t.key.task, t.reason.as_ref()?))));
    GroupView {
        group_id: group.id.clone(),
        group_name: group.id.to_string(),
        plan: plan.submission.plan.id.clone(),
        phase: phase(group, &members).to_owned(),
        status: status(group, &members).to_owned(),
        tasks: ids(&|_| true),
        ready: ids(&|t| t.phase == Phase::Ready),
        blocked: ids(&|t| t.phase == Phase::Blocked),
        created_at: plan.queued_at.rfc3339(),
        started_at: at(group.started_at),
        completed_at: at(group.ended_at),
        results: members.iter().filter_map(|t| result(state, t, now)).collect(),
        errors,
        pre_group_refresh_completed: refresh.map(Result::is_ok),
        verified: group.verified,
    }
}

fn result(state: &State, task: &TaskState, now: Time) -> Option<GroupResult> {
    let newest: &AttemptState = task.current()?;
    Some(GroupResult {
        task_id: task.key.task.clone(),
        subagent: newest.agent.clone(),
        skills_applied: state.definition(task).skills.clone(),
        status: task_state(state, task, now).0.to_owned(),
        started_at: task.attempts.first().map(|a| a.started_at.rfc3339()),
        completed_at: task.ended_at.map(Time::rfc3339),
    })
}

fn phase(group: &GroupState, members: &[&TaskState]) -> &'static str {
    match group.phase {
        GroupPhase::Waiting | GroupPhase::Refreshing => "pre_execution",
        // It never had its turn.
        GroupPhase::Ended(GroupOutcome::Blocked) if group.started_at.is_none() => "pre_execution",
        GroupPhase::Ended(_) => "post_execution",
        // All agents have done their part: what is left is judged and landed.
        GroupPhase::Open if members.iter().all(|t| t.phase.ended() || matches!(t.phase, Phase::Gating | Phase::Landing)) => "coordination",
        GroupPhase::Open => "concurrent_execution",
    }
}

fn status(group: &GroupState, members: &[&TaskState]) -> &'static str {
    match group.phase {
        // Done in an earlier run, or ticked in the plan: it never has a turn.
        GroupPhase::Waiting if members.iter().all(|t| t.phase == Phase::Done) => "completed",
        GroupPhase::Waiting => "pending",
        GroupPhase::Refreshing | GroupPhase::Open => "in_progress",
        GroupPhase::Ended(GroupOutcome::Completed) => "completed",
        GroupPhase::Ended(GroupOutcome::Failed) => "failed",
        GroupPhase::Ended(GroupOutcome::Blocked) => "blocked",
    }
}
