//! Asks the gate about an attempt's work, and sees what its checks did to what all worktrees share.

use std::sync::Arc;

use greenlane_core::attempt::Verdict;
use greenlane_core::ids::AttemptId;
use greenlane_core::input::Input;
use greenlane_core::plan::Task;
use greenlane_core::slug::key_slug;
use greenlane_core::state::State;

use super::context::Context;
use super::job::PlanFacts;
use super::shared;
use crate::gate::{self, Generated, JudgeSpec};

pub(super) fn judge(context: &Arc<Context>, state: &State, attempt: AttemptId) {
    let (Some(task), Some(plan)) = (state.task(&attempt.key), state.plan(&attempt.key.plan)) else { return };
    let definition = Task { owns: state.owned_by(task), ..state.definition(task).clone() };
    let facts = PlanFacts::of(&plan.submission.plan, &plan.verify);
    let key = attempt.key.clone();
    let others = shared::refs_of_others(context, state, &attempt);
    let (plan_branch, verify) = (plan.branch.clone(), plan.verify.clone());
    let plan_head = plan.branch.is_some().then(|| plan.head.clone());
    let verify_timeout = plan.submission.plan.verify_timeout;
    let agent = state.attempt(&attempt).map(|a| a.agent.clone()).unwrap_or_default();
    context.perform_for(&key, move |context| {
        let litter = context.registry.get(&agent).map(|def| def.litter.as_slice()).unwrap_or_default();
        let mut settled = shared::settled_before(context, &attempt);
        let mut verdict = match (context.workspace(&attempt), Generated::new(&facts.generated)) {
            (Ok(workspace), Ok(generated)) => {
                if let Err(e) = context.pool.sweep(&workspace, litter) {
                    context.warn(format!("what {agent} left for itself cannot be taken away: {e}"));
                }
                let mut env = context.command_environment(&definition.env);
                env.extend(context.attempt_variables(&attempt));
                env.extend(context.port_of(&workspace.path));
                // Checks run what the agent wrote.
                let checks_dir = context.layout.gate_dir(&attempt).join("shared");
                // A gate that died with its coordinator is finished first.
                settled.changes.extend(shared::settle(context, &attempt, &checks_dir, Some("checks")).changes);
                let watched = !definition.check.is_empty() && shared::begin(context, &checks_dir, &others, &mut env).is_ok();
                let spec = JudgeSpec {
                    run: &context.run,
                    key: &attempt.key,
                    slug: &key_slug(&attempt.key),
                    title: &definition.title,
                    plan_head: plan_head.as_ref(),
                    owns: &definition.owns,
                    generated: &generated,
                    checks: &definition.check,
                    verify: &verify,
                    verify_timeout: verify_timeout.unwrap_or(context.config.run.verify_timeout),
                    check_timeout: definition.check_timeout.unwrap_or(context.config.run.check_timeout),
                    env: &env,
                    log_dir: &context.layout.gate_dir(&attempt),
                };
                let verdict = gate::judge(&context.pool, &workspace, &spec);
                if watched {
                    settled.changes.extend(shared::settle(context, &attempt, &checks_dir, Some("checks")).changes);
                }
                verdict
            }
            (Err(message), _) => Verdict::Broken { message },
            (_, Err(e)) => Verdict::Broken { message: e.to_string() },
        };
        if let (Verdict::Accepted { commit, .. }, Some(change)) = (&verdict, settled.lost_branch(plan_branch.as_deref())) {
            let why = format!("it changed what is not its own: {}", change.line());
            verdict = Verdict::NeedsHuman { why, kept: Some(commit.to_string()) };
        }
        context.observed(Input::WorkJudged { attempt, verdict });
    });
}
