//! A plan's way from the queue to its first task: its turn, its branch, the suite on its base.

use std::collections::BTreeSet;

use super::Turn;
use crate::action::Action;
use crate::attempt::Suite;
use crate::event::{Event, Stopping, Submission};
use crate::ids::PlanId;
use crate::plan::Task;
use crate::state::PlanPhase;

impl Turn<'_> {
    /// All of them or none: whoever reads the answer must know what was taken.
    pub(super) fn submit(&mut self, submissions: Vec<Submission>) {
        let mut ids = BTreeSet::new();
        let refused = submissions.iter().find_map(|s| {
            let twice = !ids.insert(&s.plan.id);
            self.why_not(s).or_else(|| twice.then(|| format!("two of the plans are called `{}`", s.plan.id)))
        });
        if refused.is_none() {
            for submission in submissions {
                self.emit(Event::PlanQueued(Box::new(submission)));
            }
        }
        self.out.reply = Some(refused.map_or(Ok(()), Err));
    }

    /// Why this plan is not taken in.
    fn why_not(&self, submission: &Submission) -> Option<String> {
        let id = &submission.plan.id;
        if !self.state.is_live() {
            return Some(String::from("the run has ended"));
        }
        if self.state.stopping.is_some() {
            return Some(String::from("the run is being stopped and takes no further plans"));
        }
        if self.state.plan(id).is_some() {
            return Some(format!("the run has a plan `{id}` already"));
        }
        let task = submission.plan.tasks.iter().find(|t| !t.ticked && self.nobody_does(t))?;
        Some(format!("task `{}` names no agent, and the run has no default one", task.id))
    }

    fn nobody_does(&self, task: &Task) -> bool {
        let names_nobody = task.run.is_none() && task.agent.is_none() && task.candidates.is_empty();
        names_nobody && self.state.options.as_ref().is_none_or(|o| o.agent.is_none())
    }

    /// Starts queued plans while fewer than `max_plans` are under way.
    pub(super) fn start_plans(&mut self) {
        if self.state.stopping.is_some() || self.state.paused {
            return;
        }
        let max = self.state.options().max_plans.max(1) as usize;
        loop {
            let under_way = |p: &&crate::state::PlanState| !matches!(p.phase, PlanPhase::Queued | PlanPhase::Ended { .. });
            if self.state.plans.iter().filter(under_way).count() >= max {
                return;
            }
            let Some(next) = self.state.plans.iter().find(|p| p.phase == PlanPhase::Queued) else { return };
            let plan = next.submission.plan.id.clone();
            self.emit(Event::PlanStarted { plan: plan.clone() });
            self.act(Action::PreparePlan { plan });
            if self.out.fault.is_some() {
                return;
            }
        }
    }

    pub(super) fn plan_prepared(&mut self, plan: &PlanId, branch: String, verify: Vec<String>) {
        if self.phase_of(plan) != Some(PlanPhase::Preparing) {
            return;
        }
        self.emit(Event::PlanPrepared { plan: plan.clone(), branch, verify });
        self.verify_base(plan);
    }

    /// Before money is spent: the suite must be green on the base, or every result would be blamed on a task.
    pub(super) fn verify_base(&mut self, plan: &PlanId) {
        if self.state.stopping <= Some(Stopping::Drain)
            && self.phase_of(plan) == Some(PlanPhase::VerifyingBase)
            && let Some(p) = self.state.plan(plan)
        {
            let commit = p.submission.base.clone();
            self.act(Action::VerifyBase { plan: plan.clone(), commit });
        }
    }

    pub(super) fn plan_not_prepared(&mut self, plan: &PlanId, message: &str) {
        if self.phase_of(plan) == Some(PlanPhase::Preparing) {
            self.end_plan_early(plan, format!("its branch could not be made: {message}"));
        }
    }

    pub(super) fn base_judged(&mut self, plan: &PlanId, suite: Suite) {
        if self.phase_of(plan) != Some(PlanPhase::VerifyingBase) {
            return;
        }
        if self.state.stopping > Some(Stopping::Drain) && !matches!(suite, Suite::Green { .. }) {
            return; // The suite was ended with the run; a resumed one asks again.
        }
        let why = match &suite {
            Suite::Red { command, exit_code, set_up_log: Some(_), .. } => {
                let how = exit_code.map_or_else(|| String::from("did not end by itself"), |code| format!("fails with exit code {code}"));
                format!("the set-up command `{command}` {how} on the base, so nothing could be tested")
            }
            Suite::Red { command, timed_out: true, .. } => format!("`{command}` ran into its time limit on the base, before any task"),
            Suite::Red { command, .. } => format!("`{command}` is red on the base, before any task"),
            Suite::Broken { message } => format!("the suite could not be run on the base: {message}"),
            Suite::Green { .. } => String::new(),
        };
        self.emit(Event::BaseJudged { plan: plan.clone(), suite });
        if self.phase_of(plan) == Some(PlanPhase::VerifyingBase) {
            self.end_plan_early(plan, why);
        }
    }

    fn end_plan_early(&mut self, plan: &PlanId, reason: String) {
        self.skip_rest(plan, &reason);
        self.emit(Event::PlanEnded { plan: plan.clone(), done: false, reason: Some(reason) });
    }

    fn skip_rest(&mut self, plan: &PlanId, reason: &str) {
        let Some(tasks) = self.state.plan(plan).map(|p| p.tasks.clone()) else { return };
        for task in tasks {
            if !self.state.tasks[task].phase.ended() {
                let key = self.state.tasks[task].key.clone();
                self.emit(Event::TaskSkipped { key, reason: reason.to_owned() });
            }
        }
    }

    fn phase_of(&self, plan: &PlanId) -> Option<PlanPhase> {
        self.state.plan(plan).map(|p| p.phase)
    }
}
