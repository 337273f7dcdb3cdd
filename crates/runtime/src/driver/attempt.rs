//! Performs what concerns one attempt: start it, take it up again, end it.
//! Everything that it learns goes back to the driver as an input.

use std::io;
use std::sync::Arc;

use greenlane_core::failure::FailureDetail;
use greenlane_core::ids::{AttemptId, Oid};
use greenlane_core::input::Input;
use greenlane_core::slug::key_slug;
use greenlane_core::state::State;
use greenlane_core::tracker::Issue;

use super::context::Context;
use super::job::Job;
use super::layout::{PreparedWorkspace, label};
use super::order::order;
use super::prompt::write_prompt;
use super::shared;
use super::skills::{self, Hindered};
use crate::accounts::Lease;
use crate::hand_off;
use crate::keeper::{self, Cancel, Probe};
use crate::tracker::Claim;
use crate::workspace::{From, Prepare, Workspace};

/// How an attempt begins.
pub(super) struct Beginning {
    /// From the plan's branch, or from the work that is there.
    pub fresh: bool,
    pub base: Oid,
    /// Go on from this merge commit.
    pub onto: Option<Oid>,
    /// Claim this first.
    pub claim: Option<Issue>,
}

pub(super) fn start(context: &Arc<Context>, state: &State, attempt: AttemptId, agent: &str, beginning: Beginning) {
    let (Some(task), Some(plan)) = (state.task(&attempt.key), state.plan(&attempt.key.plan)) else { return };
    let job = Job::of(context, state, (task, plan), attempt, agent, &beginning);
    let claim = beginning.claim;
    let key = job.attempt.key.clone();
    context.perform_for(&key, move |context| {
        let attempt = job.attempt.clone();
        if let Some(short) = job.room.short_of(&context.room(), false) {
            drop(keeper::void(&context.layout.attempt_dir(&attempt)));
            context.observed(Input::AttemptHeldBack { attempt, short });
            return;
        }
        let lease = match job.account.as_ref().map(|account| context.quotas.take(account)) {
            None => None,
            Some(Ok(lease)) => lease,
            Some(Err(e)) if e.kind() == io::ErrorKind::WouldBlock => {
                defer(context, attempt, &job.account.unwrap_or_default());
                return;
            }
            Some(Err(e)) => {
                context.warn(format!("{attempt} starts without a place that others see: {e}"));
                None
            }
        };
        if claim.is_some_and(|issue| !claimed(context, &attempt, &issue)) {
            return;
        }
        match spawn(context, &job, lease) {
            Ok(mut child) => {
                let context = Arc::clone(context);
                Context::perform("watch", move || {
                    drop(child.wait());
                    finish(&context, &attempt);
                });
            }
            Err(NotSpawned::CalledOff) => {
                drop(keeper::void(&context.layout.attempt_dir(&attempt)));
                context.observed(Input::AttemptVoided { attempt });
            }
            Err(NotSpawned::Failed(message, detail)) => {
                // Whatever was begun, its keeper never runs.
                drop(keeper::void(&context.layout.attempt_dir(&attempt)));
                context.observed(Input::AttemptNotSpawned { attempt, message, detail });
            }
        }
    });
}

/// Claims the issue of an attempt's task; `false`: somebody else has it, and the attempt never begins.
fn claimed(context: &Context, attempt: &AttemptId, issue: &Issue) -> bool {
    let attempt = attempt.clone();
    match context.trackers.claim(&context.run, issue) {
        Claim::Claimed { from } => context.observed(Input::IssueClaimed { attempt, from }),
        Claim::Unavailable { why, .. } => context.observed(Input::ClaimUnanswered { attempt, reason: why }),
        Claim::Taken { why } => {
            drop(keeper::void(&context.layout.attempt_dir(&attempt)));
            context.observed(Input::IssueTaken { attempt, reason: why });
            return false;
        }
    }
    true
}

/// Others have every place of its account. It never begins; the core waits until a place is free.
fn defer(context: &Context, attempt: AttemptId, account: &str) {
    // A resume would find no claim, and take it.
    context.observed(Input::AttemptDeferred { attempt });
    // A place that came free meanwhile was told to a core that did not wait for it yet.
    context.quotas.tell(context, account);
}

/// Why no keeper was started.
enum NotSpawned {
    /// What went wrong.
    Failed(String, Option<FailureDetail>),
    /// Nobody wants it any more.
    CalledOff,
}

impl std::convert::From<String> for NotSpawned {
    fn from(message: String) -> Self {
        Self::Failed(message, None)
    }
}

impl std::convert::From<Hindered> for NotSpawned {
    fn from(hindered: Hindered) -> Self {
        match hindered {
            Hindered::Failed(message) => Self::Failed(message, Some(FailureDetail::SetUpFailed)),
            Hindered::CalledOff => Self::CalledOff,
        }
    }
}

fn spawn(context: &Context, job: &Job, lease: Option<Lease>) -> Result<std::process::Child, NotSpawned> {
    let workspace = prepare(context, job).map_err(|(message, detail)| NotSpawned::Failed(message, detail))?;
    spawn_in(context, job, &workspace, lease)
}

fn prepare(context: &Context, job: &Job) -> Result<Workspace, (String, Option<FailureDetail>)> {
    let attempt = &job.attempt;
    let dir = context.layout.attempt_dir(attempt);
    std::fs::create_dir_all(&dir).map_err(|e| (format!("cannot make {}: {e}", dir.display()), None))?;
    let slug = key_slug(&attempt.key);
    let prepare = Prepare {
        run: context.run.clone(),
        key: attempt.key.clone(),
        branch: job.branch.clone(),
        slug,
        base: job.base.clone(),
        from: match &job.onto {
            Some(merged) => From::Commit(merged.clone()),
            None if job.fresh => From::Fresh,
            None => From::Continue,
        },
        log_dir: dir,
    };
    let workspace = context.pool.prepare(&prepare).map_err(|e| (format!("no workspace: {e}"), e.detail()))?;
    context.hold(&attempt.key, &workspace);
    Ok(workspace)
}

fn spawn_in(context: &Context, job: &Job, workspace: &Workspace, lease: Option<Lease>) -> Result<std::process::Child, NotSpawned> {
    let attempt = &job.attempt;
    let dir = context.layout.attempt_dir(attempt);
    let prepared = PreparedWorkspace {
        path: workspace.path.clone(),
        git_dir: workspace.git_dir.clone(),
        branch: workspace.branch.clone(),
        base: workspace.base.clone(),
    };
    context.layout.write_workspace(attempt, &prepared).map_err(|e| format!("cannot write to {}: {e}", dir.display()))?;
    let skills = skills::run(context, attempt, &job.task, workspace)?;
    let prompt = write_prompt(context, job, workspace, &dir, &skills).map_err(|e| format!("the prompt could not be written: {e}"))?;
    // Of whoever had the worktree before.
    hand_off::take_prompt_away(&workspace.path);
    let (spec, mut environment) = order(context, job, workspace, &dir, &prompt)?;
    shared::begin(context, &context.layout.shared_dir(attempt), &job.refs_of_others, &mut environment)?;
    let child =
        keeper::spawn_with(&context.exe, &dir, &spec, &environment, lease.map(Lease::into_file)).map_err(|e| format!("no keeper: {e}"))?;
    context.observed(Input::AttemptSpawned {
        attempt: attempt.clone(),
        worktree: workspace.path.display().to_string(),
        branch: workspace.branch.clone(),
        base: workspace.base.clone(),
        pid: child.id(),
    });
    Ok(child)
}

/// Says what became of an attempt whose keeper is gone.
fn finish(context: &Context, attempt: &AttemptId) {
    let dir = context.layout.attempt_dir(attempt);
    let attempt = attempt.clone();
    match keeper::probe(&dir) {
        Ok(Probe::Exited(record)) => {
            shared::settle(context, &attempt, &context.layout.shared_dir(&attempt), None);
            context.observed(Input::AttemptExited { attempt, record });
        }
        Ok(Probe::Lost(_)) => {
            if let Err(e) = keeper::end_strays(&label(&context.run, &attempt)) {
                context.warn(format!("processes of {attempt} may be left: {e}"));
            }
            shared::settle(context, &attempt, &context.layout.shared_dir(&attempt), None);
            context.observed(Input::AttemptLost { attempt });
        }
        Ok(Probe::Voided) => context.observed(Input::AttemptVoided { attempt }),
        Ok(Probe::NeverBegan) => {
            drop(keeper::void(&dir));
            let message = std::fs::read_to_string(dir.join("keeper.log")).unwrap_or_default();
            context.observed(Input::AttemptNotSpawned {
                attempt,
                message: format!("its keeper did not begin: {}", message.trim()),
                detail: None,
            });
        }
        // Somebody else's keeper has it; it is watched like one of an earlier coordinator's.
        Ok(Probe::Running(_)) => watch(context, &attempt),
        Err(e) => {
            context.warn(format!("the record of {attempt} cannot be read: {e}"));
            context.observed(Input::AttemptLost { attempt });
        }
    }
}

fn watch(context: &Context, attempt: &AttemptId) {
    match keeper::wait(&context.layout.attempt_dir(attempt)) {
        Ok(_) => finish(context, attempt),
        Err(e) => {
            context.warn(format!("the keeper of {attempt} cannot be watched: {e}"));
            context.observed(Input::AttemptLost { attempt: attempt.clone() });
        }
    }
}

/// After a resume: adopts a keeper that runs, collects one that finished, voids one that never began.
pub(super) fn take_up(context: Arc<Context>, state: &State, attempt: AttemptId) {
    let known = state.attempt(&attempt).is_some_and(|a| a.spawned.is_some());
    Context::perform("adopt", move || {
        let dir = context.layout.attempt_dir(&attempt);
        let begun = match keeper::probe(&dir) {
            Ok(Probe::NeverBegan) => match std::fs::create_dir_all(&dir).and_then(|()| keeper::void(&dir)) {
                Ok(voided) => !voided,
                Err(e) => {
                    context.warn(format!("{attempt} cannot be voided: {e}"));
                    false
                }
            },
            Ok(Probe::Voided) => false,
            _ => true,
        };
        if !begun {
            context.observed(Input::AttemptVoided { attempt });
            return;
        }
        if !known && let Some(workspace) = context.layout.workspace_of(&attempt) {
            let pid = match keeper::probe(&dir) {
                Ok(Probe::Running(identity)) => identity.pid,
                _ => 0,
            };
            context.observed(Input::AttemptSpawned {
                attempt: attempt.clone(),
                worktree: workspace.path.display().to_string(),
                branch: workspace.branch,
                base: workspace.base,
                pid,
            });
        }
        watch(&context, &attempt);
    });
}

/// Asks the keeper to end an attempt; one that has not begun never will.
pub(super) fn end(context: Arc<Context>, attempt: AttemptId, now: bool) {
    Context::perform("end", move || {
        let dir = context.layout.attempt_dir(&attempt);
        let how = if now { Cancel::Kill } else { Cancel::Terminate };
        match keeper::cancel(&dir, how) {
            Ok(true) => {}
            Ok(false) => {
                // No keeper yet: take its claim. If it was quicker, it can be asked now.
                let asked = keeper::void(&dir).and_then(|voided| if voided { Ok(true) } else { keeper::cancel(&dir, how) });
                // What prepares it is of no use any more.
                context.end_lines(&skills::label_of(&context, &attempt));
                if let Err(e) = asked {
                    context.warn(format!("{attempt} cannot be kept from beginning: {e}"));
                }
            }
            Err(e) => context.warn(format!("{attempt} cannot be asked to end: {e}")),
        }
    });
}
