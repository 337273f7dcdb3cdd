//! Performs what concerns a whole group: the ref before it, the refresh of the context, the way back.

use std::sync::Arc;

use greenlane_core::attempt::Suite;
use greenlane_core::ids::{GroupId, Oid, PlanId};
use greenlane_core::input::Input;
use greenlane_core::slug::slug;

use super::context::Context;
use crate::gate::{self, SuiteSpec};
use crate::git::GitError;

/// Keeps the branch's head in a ref. The command, where there is one, runs in a worktree of that head in which no agent works; it may
/// take as long as the configuration says, and that it fails only warns.
pub(super) fn begin(context: Arc<Context>, plan: PlanId, group: GroupId, head: Oid, refresh: Option<String>) {
    Context::perform("group", move || {
        let name = format!("refs/greenlane/{}/groups/{}/{}", context.run, slug(plan.as_str()), slug(group.as_str()));
        if let Err(e) = context.repo.set_ref(&name, &head) {
            context.warn(format!("the branch's head before group `{group}` is not in a ref: {e}"));
        }
        let Some(command) = refresh else { return };
        let mut env = context.command_environment(&std::collections::BTreeMap::new());
        env.insert("GREENLANE_RUN".into(), context.run.as_str().into());
        env.insert("GREENLANE_PLAN".into(), plan.as_str().into());
        env.insert("GREENLANE_GROUP".into(), group.as_str().into());
        env.insert("GREENLANE_REPOSITORY".into(), context.repo.top().unwrap_or_else(|| context.repo.common_dir()).into());
        let spec = SuiteSpec {
            run: &context.run,
            slug: &slug(plan.as_str()),
            commands: &[command],
            timeout: context.config.groups.refresh_timeout,
            env: &env,
            log_dir: &context.layout.suite_dir(&plan, &format!("group-{}", slug(group.as_str()))),
        };
        let problem = match gate::verify(&context.pool, &head, &spec) {
            Suite::Green { .. } => None,
            Suite::Broken { message } => Some(message),
            Suite::Red { command, timed_out: true, .. } => Some(format!("`{command}` ran into its time limit")),
            Suite::Red { command, exit_code: Some(code), .. } => Some(format!("`{command}` failed with exit code {code}")),
            Suite::Red { command, .. } => Some(format!("`{command}` was ended by a signal")),
        };
        context.observed(Input::GroupRefreshed { plan, group, problem });
    });
}

/// What is to be taken off a plan's branch.
pub(super) struct TakeOff {
    pub plan: PlanId,
    pub group: GroupId,
    /// Its name, without `refs/heads/`.
    pub branch: String,
    /// Where it is.
    pub head: Oid,
    /// The first landing that goes.
    pub landing: Oid,
    /// How many go.
    pub landings: usize,
}

pub(super) fn roll_back(context: Arc<Context>, off: TakeOff) {
    Context::perform("rollback", move || {
        let (plan, group) = (off.plan.clone(), off.group.clone());
        context.observed(match take_off(&context, &off) {
            Ok((head, kept)) => Input::GroupRolledBack { plan, group, head, kept },
            Err(message) => Input::GroupNotRolledBack { plan, group, message },
        });
    });
}

/// Gives the branch's head then, and the ref that keeps what was there.
fn take_off(context: &Context, off: &TakeOff) -> Result<(Oid, String), String> {
    let (repo, words) = (&context.repo, |e: GitError| e.to_string());
    let actual = repo.resolve(&format!("refs/heads/{}", off.branch)).map_err(words)?;
    let actual = actual.ok_or_else(|| format!("{} is gone", off.branch))?;
    if !repo.descends(&actual, &off.landing).map_err(words)? {
        // By a coordinator that died before it said so; somebody may have committed on top since.
        let kept = repo.keep_in_ref(&format!("refs/greenlane/{}/rolled-back", context.run), &off.head).map_err(words)?;
        return Ok((actual, kept));
    }
    let range = format!("{}^..{actual}", off.landing);
    let count = repo.git().run(&["rev-list", "--count", "--first-parent", &range]).map_err(words)?;
    if actual != off.head || count.text().parse() != Ok(off.landings) {
        return Err(format!("somebody has committed to {} since", off.branch));
    }
    let done = repo.rollback(&context.run, &off.branch, &off.landing).map_err(|e| e.to_string())?;
    Ok((done.to, done.kept))
}
