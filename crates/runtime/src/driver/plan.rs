//! Performs what concerns a whole plan: its branch, its suite, the suite on its base.

use std::sync::Arc;

use greenlane_core::branch;
use greenlane_core::ids::{Oid, PlanId};
use greenlane_core::input::Input;
use greenlane_core::state::State;

use super::context::Context;
use super::landing::{self, SuiteJob};
use crate::gate::{self, land};

pub(super) fn prepare(context: Arc<Context>, state: &State, plan: &PlanId) {
    let Some(p) = state.plan(plan) else { return };
    let submission = p.submission.clone();
    let own = branch::of_plan(state.branch_prefix(), &context.run, plan);
    Context::perform("plan", move || {
        let plan = submission.plan.id.clone();
        let wanted = submission.plan.branch.clone().unwrap_or(own);
        let result = land::create_branch(&context.repo, &wanted, &submission.base).map_err(|e| e.to_string()).and_then(|branch| {
            let verify = match submission.plan.verify.as_ref().or(context.config.run.verify.as_ref()) {
                Some(commands) => commands.clone(),
                None => {
                    let found = gate::detect_suite(&context.repo, &submission.base).map_err(|e| e.to_string())?;
                    found.into_iter().map(|d| d.command).collect()
                }
            };
            Ok((branch, verify))
        });
        context.observed(match result {
            Ok((branch, verify)) => Input::PlanPrepared { plan, branch, verify },
            Err(message) => Input::PlanNotPrepared { plan, message },
        });
    });
}

pub(super) fn verify_base(context: Arc<Context>, state: &State, plan: &PlanId, commit: Oid) {
    let Some(job) = SuiteJob::of(&context, state, plan, commit, context.layout.suite_dir(plan, "base")) else { return };
    Context::perform("verify base", move || {
        let suite = landing::run_suite(&context, &job, false);
        context.observed(Input::BaseJudged { plan: job.plan, suite });
    });
}
