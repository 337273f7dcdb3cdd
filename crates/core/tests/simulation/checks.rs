//! What must hold of a coordinator in its world, each rule by its name; rules of a state alone are in `greenlane_core::invariants`.

use std::collections::BTreeSet;

use greenlane_core::action::Action;
use greenlane_core::attempt::{Suite, Verdict};
use greenlane_core::coordinator::Step;
use greenlane_core::event::{Event, Outcome};
use greenlane_core::failure::FailureDetail;
use greenlane_core::health::{HealthStatus, Keeper};
use greenlane_core::ids::{AttemptId, RunId, TaskKey};
use greenlane_core::invariants;
use greenlane_core::state::{COMMAND_AGENT, GroupPhase, Phase, PlanPhase, State, TaskState};
use greenlane_core::time::Time;
use greenlane_core::view::{Coordinator, status};

use crate::world::{Broken, World};

type Checked = Result<(), Broken>;

/// Everything that is asked after every step.
pub fn after_step(state: &State, before: &[Phase], out: &Step, world: &World, called_off: &BTreeSet<TaskKey>, steps: u64) -> Checked {
    invariants::check(state).map_err(|broken| (broken.rule, broken.what))?;
    ends_are_final(state, before, out)?;
    called_off_stays_off(state, out, called_off)?;
    for event in &out.events {
        match event {
            Event::AttemptStarted { attempt, .. } => {
                groups_are_barriers(state, &attempt.key)?;
                accounts_are_respected(state, attempt, out, world.now)?;
                starts_within_the_slots(state, attempt)?;
                if let Some(short) = &state.short_of {
                    return Err(("floors_are_respected", format!("{attempt} starts though there is too little room: {short}")));
                }
            }
            Event::QuotaAwaited { key, .. } | Event::FallbackScheduled { key } => only_providers_refuse(state, key)?,
            Event::RetryScheduled { key, retry, until } => retries_follow_the_policy(state, key, *retry, *until, world.now)?,
            Event::RepairScheduled { key, repair } => repairs_follow_a_refusal(state, key, *repair)?,
            Event::AttemptFailed { attempt, .. } => blamed_when_red_twice(state, attempt, world)?,
            Event::TaskFailed { key, .. } => retries_are_not_withheld(state, key, world.now)?,
            Event::TaskSkipped { key, .. } => skipped_for_a_reason(state, key, out)?,
            Event::PlanStarted { .. } => max_plans_is_respected(state)?,
            Event::EndRequested { attempt, requeue: Some(_), .. } => the_youngest_makes_room(state, attempt)?,
            Event::HealthChanged { attempt, from, to, .. } => changes_are_told(state, attempt, *from, *to, out)?,
            Event::BatchLanded { .. } | Event::RolledBack { .. } | Event::BatchRaced { .. } => done_is_on_the_branch(state, world)?,
            _ => {}
        }
    }
    claims_come_first(state, out)?;
    if steps.is_multiple_of(16) {
        counts_add_up(state, world)?;
    }
    Ok(())
}

/// Everything that is asked once a run has finished and the driver is idle.
pub fn at_the_end(state: &State, world: &World) -> Checked {
    done_is_on_the_branch(state, world)?;
    counts_add_up(state, world)?;
    if let Some((attempt, _)) = world.running().next() {
        return Err(("nothing_left_running", format!("the run has finished and the agent of {attempt} runs")));
    }
    for plan in &state.plans {
        // The user may have committed on top; what was there stays.
        let id = &plan.submission.plan.id;
        let Some(head) = world.git.head(id) else { continue };
        let (branch, known) = (world.git.content(head), world.git.content(&plan.head));
        let of_attempts = |w: &&usize| world.git.works[**w].attempt.is_some();
        if branch.iter().filter(of_attempts).ne(known.iter().filter(of_attempts)) {
            return Err(("done_is_on_the_branch", format!("{id} is thought to be at {}, and is at {head}", plan.head)));
        }
    }
    no_work_lost(state, world)
}

/// Whoever starts has claimed its issue, or claims it now; and nobody claims twice, or what no tracker in force keeps.
fn claims_come_first(state: &State, out: &Step) -> Checked {
    for action in &out.actions {
        let Action::StartAttempt { attempt, claim, .. } = action else { continue };
        let Some(task) = state.task(&attempt.key) else { continue };
        let issue = state.definition(task).issue.as_ref();
        let tracked = issue.filter(|i| state.options().trackers.contains(&i.tracker));
        if claim.as_ref() != tracked.filter(|_| !task.claimed) {
            return Err(("claims_come_first", format!("{attempt} starts with the claim {claim:?}, and has the issue {tracked:?}")));
        }
    }
    Ok(())
}

/// Work that did not land is kept.
fn no_work_lost(state: &State, world: &World) -> Checked {
    for task in state.tasks.iter().filter(|t| t.phase != Phase::Done) {
        let Some(worktree) = world.keepers.worktrees.get(&task.key) else { continue };
        if worktree.files != 0 && !worktree.kept && !worktree.free {
            return Err(("no_work_lost", format!("{} is {:?} and its work is not kept", task.key, task.phase)));
        }
    }
    Ok(())
}

/// The journal gives the state that is in memory. Who was asked for a gate is not journalled.
pub fn replay_is_identical(live: &State, journal: &[(Time, Event)]) -> Checked {
    let mut state = State::default();
    for (at, event) in journal {
        state.apply(*at, event).map_err(|illegal| ("replay_is_identical", illegal.to_string()))?;
    }
    let live = live.journalled();
    if state == live {
        return Ok(());
    }
    let differs = live.tasks.iter().zip(&state.tasks).find(|(a, b)| a != b).map(|(a, _)| a.key.to_string());
    Err(("replay_is_identical", format!("the journal gives another state than the one in memory; first task: {differs:?}")))
}

/// A task that has ended is moved only by a retry, a resume, or a rollback.
fn ends_are_final(state: &State, before: &[Phase], out: &Step) -> Checked {
    for (task, before) in state.tasks.iter().zip(before) {
        if before.ended() && task.phase != *before {
            let allowed = out.events.iter().any(|e| match e {
                Event::TaskReopened { key, .. } => *key == task.key,
                Event::RunResumed => *before == Phase::Cancelled,
                Event::RolledBack { tasks, .. } => tasks.contains(&task.key.task),
                _ => false,
            });
            if !allowed {
                return Err(("ends_are_final", format!("{} was {before:?} and is {:?}", task.key, task.phase)));
            }
        }
    }
    Ok(())
}

/// What a person called off neither starts nor lands until somebody asks for it.
fn called_off_stays_off(state: &State, out: &Step, called_off: &BTreeSet<TaskKey>) -> Checked {
    if called_off.is_empty() {
        return Ok(());
    }
    for event in &out.events {
        let key = match event {
            Event::AttemptStarted { attempt, .. } => &attempt.key,
            Event::RetryScheduled { key, .. } => key,
            _ => continue,
        };
        let asked = out.events.iter().any(|e| matches!(e, Event::TaskReopened { key: k, .. } if k == key)) && out.reply == Some(Ok(()));
        if called_off.contains(key) && !asked {
            return Err(("called_off_stays_off", format!("{key} was called off and goes on")));
        }
    }
    match state.tasks.iter().find(|t| t.phase == Phase::Done && called_off.contains(&t.key)) {
        Some(task) => Err(("called_off_stays_off", format!("{} was called off and has landed", task.key))),
        None => Ok(()),
    }
}

fn is_broken(task: &TaskState) -> bool {
    match task.phase {
        Phase::Failed | Phase::NeedsHuman | Phase::Skipped => true,
        Phase::Cancelled => !task.cancelled_with_run,
        _ => false,
    }
}

fn earlier_groups<'a>(state: &'a State, task: &'a TaskState) -> impl Iterator<Item = &'a TaskState> {
    let stage = state.definition(task).stage;
    let tasks = &state.tasks[state.plans[task.plan].tasks.clone()];
    tasks.iter().filter(move |t| stage.is_some_and(|stage| state.definition(t).stage.is_some_and(|s| s < stage)))
}

/// For want of room the attempt is ended that began last, and never the only one.
fn the_youngest_makes_room(state: &State, ended: &AttemptId) -> Checked {
    let began = |a: &AttemptId| state.attempt(a).and_then(|a| a.spawned.as_ref()).map(|s| s.at);
    let others: Vec<AttemptId> = state
        .tasks
        .iter()
        .filter(|t| t.phase == Phase::Running && t.current().is_some_and(|a| a.spawned.is_some()))
        .map(TaskState::attempt_id)
        .filter(|a| a != ended)
        .collect();
    if others.is_empty() || others.iter().any(|other| began(other) > began(ended)) {
        return Err(("the_youngest_makes_room", format!("{ended} is ended, and it is not the youngest of several")));
    }
    Ok(())
}

/// What is told of an attempt's health is news, of one that is under way, and changes nothing else. A keeper that runs is called dead
/// only when it was looked at before.
fn changes_are_told(state: &State, attempt: &AttemptId, from: HealthStatus, to: HealthStatus, out: &Step) -> Checked {
    let wrong = |what: &str| Err(("changes_are_told", format!("{attempt} from {from:?} to {to:?}: {what}")));
    if from == to {
        return wrong("no change");
    }
    let is_lost = |e: &Event| matches!(e, Event::AttemptFailed { attempt: of, outcome: Outcome::Lost, .. } if of == attempt);
    if to == HealthStatus::Dead && out.events.iter().any(is_lost) {
        // The end of a keeper that left no record, told together with it: nobody has to look at what is gone.
        return Ok(());
    }
    if !state.is_current(attempt, Phase::Running) || out.events.iter().any(|e| !matches!(e, Event::HealthChanged { .. })) {
        return wrong("it is not under way, or something else came of it");
    }
    let look = state.attempt(attempt).and_then(|a| a.health.look.as_ref());
    let runs = look.is_some_and(|l| l.reading.keeper == Keeper::Running);
    if to == HealthStatus::Dead && runs && look.is_none_or(|l| l.stale_since.is_none_or(|since| since >= l.at)) {
        return wrong("nobody looked a second time");
    }
    Ok(())
}

/// A task starts when every task of the groups before its own has ended, and ended well unless the run keeps going.
fn groups_are_barriers(state: &State, key: &TaskKey) -> Checked {
    let Some(task) = state.task(key) else { return Ok(()) };
    if state.group_of(task).is_some_and(|g| g.phase != GroupPhase::Open) {
        return Err(("groups_are_barriers", format!("{key} starts before its group does")));
    }
    if state.plans[task.plan].groups.iter().any(|g| g.rolling_back) {
        return Err(("groups_are_barriers", format!("{key} starts on work that is being taken off")));
    }
    for earlier in earlier_groups(state, task) {
        if !earlier.phase.ended() {
            return Err(("groups_are_barriers", format!("{key} starts while {} of an earlier group is {:?}", earlier.key, earlier.phase)));
        }
        if is_broken(earlier) && !state.options().keep_going {
            return Err(("groups_are_barriers", format!("{key} starts although {} of an earlier group failed", earlier.key)));
        }
    }
    Ok(())
}

/// Who asked a person left its slot, and may be at work again, answered or not: then nobody new starts beyond the slots.
fn starts_within_the_slots(state: &State, attempt: &AttemptId) -> Checked {
    if state.attempt(attempt).is_none_or(|a| state.is_hand_off(&a.agent)) {
        return Ok(());
    }
    let (count, jobs) =
        (state.tasks.iter().filter(|t| t.phase == Phase::Running && state.takes_a_slot(t)).count(), state.options().jobs.max(1));
    if count > jobs as usize {
        return Err(("starts_within_the_slots", format!("{attempt} starts as one of {count} on {jobs} slots")));
    }
    Ok(())
}

/// Nobody starts on an account that is limited, or beyond its limit.
fn accounts_are_respected(state: &State, attempt: &AttemptId, out: &Step, now: u64) -> Checked {
    let Some(account) = state.attempt(attempt).and_then(|a| state.account_of(&a.agent)) else { return Ok(()) };
    let limited_since = out.events.iter().any(|e| matches!(e, Event::AccountLimited { account: a, .. } if a == account));
    if state.accounts.get(account).is_some_and(|a| a.is_paused(Time(now))) && !limited_since {
        return Err(("accounts_are_respected", format!("{attempt} starts while {account} is limited")));
    }
    let of_it = |t: &&TaskState| {
        t.phase == Phase::Running && t.current().is_some_and(|a| a.outcome.is_none() && state.account_of(&a.agent) == Some(account))
    };
    let (count, limit) = (state.tasks.iter().filter(of_it).count(), state.account_limit(account));
    if count > limit as usize {
        return Err(("accounts_are_respected", format!("{count} attempts of {account} at once, {limit} are allowed")));
    }
    Ok(())
}

/// A task waits for its account, or goes to another agent, without a retry only where that is not its own failure.
fn only_providers_refuse(state: &State, key: &TaskKey) -> Checked {
    let failure = state.task(key).and_then(|t| t.attempts.iter().rev().find_map(|a| a.failure.as_ref()));
    match failure.and_then(|f| f.detail) {
        Some(FailureDetail::RateLimit | FailureDetail::Authentication | FailureDetail::MissingProgram) => Ok(()),
        other => Err(("only_providers_refuse", format!("{key} goes on without a retry after {other:?}"))),
    }
}

/// A retry follows a failure of a type that is tried again, while there are retries left, and not before its time.
fn retries_follow_the_policy(state: &State, key: &TaskKey, retry: u32, until: Time, now: u64) -> Checked {
    let policy = state.options().retry;
    let failure = state.task(key).and_then(|t| t.attempts.iter().rev().find_map(|a| a.failure.clone()));
    let Some(failure) = failure.filter(|f| policy.types.contains(&f.kind) && !f.hopeless()) else {
        return Err(("retries_follow_the_policy", format!("{key} is tried again after a failure that is not")));
    };
    let by_command =
        state.task(key).is_some_and(|t| t.attempts.iter().rev().find(|a| a.failure.is_some()).is_some_and(|a| a.agent == COMMAND_AGENT));
    let wait = u64::try_from(policy.wait_after(by_command, failure.kind, failure.detail, retry).as_millis()).unwrap();
    if until.0 < now + wait * 89 / 100 || failure.reset_at.is_some_and(|reset| until < reset) {
        return Err(("retries_follow_the_policy", format!("{key} is tried again at {until:?}, too early")));
    }
    Ok(())
}

/// Work goes back to its agent only after it was judged, and as often as the plan or the run has it.
fn repairs_follow_a_refusal(state: &State, key: &TaskKey, repair: u32) -> Checked {
    let Some(task) = state.task(key) else { return Ok(()) };
    if !was_refused(task) || repair > repairs_max(state, task) {
        return Err(("repairs_follow_a_refusal", format!("{key} goes back to its agent a {repair}. time")));
    }
    Ok(())
}

fn repairs_max(state: &State, task: &TaskState) -> u32 {
    state.definition(task).repairs.unwrap_or(state.options().retry.repairs)
}

fn was_refused(task: &TaskState) -> bool {
    let refused = |v: &Verdict| matches!(v, Verdict::CheckFailed { .. } | Verdict::OutsideOwnership { .. } | Verdict::NoChange);
    // The next attempt may have started in the same step.
    let failed = task.attempts.iter().rev().find(|a| a.failure.is_some());
    failed.is_some_and(|a| a.refused.is_some() || a.verdict.as_ref().is_some_and(refused))
}

/// A task fails for good only when nothing speaks for another try.
fn retries_are_not_withheld(state: &State, key: &TaskKey, now: u64) -> Checked {
    let (Some(task), policy) = (state.task(key), state.options().retry) else { return Ok(()) };
    let max = state.definition(task).retries.unwrap_or(policy.max);
    let failure = task.current().and_then(|a| a.failure.as_ref());
    let waits = state.options().quota.wait_max;
    let refused_for_long = task.current().is_some_and(|a| {
        let account = state.account_of(&a.agent).and_then(|account| state.accounts.get(account));
        failure.is_some_and(|f| f.detail == Some(FailureDetail::RateLimit))
            && account.is_some_and(|k| {
                let since = k.limited_since.unwrap_or_default();
                k.paused_until.is_some_and(|until| until.since(Time(now)) > waits || until.since(since) > waits)
                    || Time(now).since(since) > waits
            })
    });
    let agents = std::iter::once(state.agent_of(task)).chain(state.definition(task).fallbacks.iter().cloned());
    let mut known = agents.filter_map(|agent| state.accounts.get(state.account_of(&agent)?));
    if refused_for_long || known.any(|a| a.paused_until.is_some_and(|until| until.since(Time(now)) > waits)) {
        return Ok(());
    }
    if was_refused(task) && task.repairs < repairs_max(state, task) {
        return Err(("repairs_follow_a_refusal", format!("{key} failed with {} repairs used", task.repairs)));
    }
    match failure {
        Some(f) if policy.types.contains(&f.kind) && !f.hopeless() && task.retries < max => {
            Err(("retries_follow_the_policy", format!("{key} failed with {} of {max} retries used, by {:?}", task.retries, f.kind)))
        }
        _ => Ok(()),
    }
}

/// A task is skipped because a dependency or an earlier group ended without success, or its plan could not go on.
fn skipped_for_a_reason(state: &State, key: &TaskKey, out: &Step) -> Checked {
    let Some(task) = state.task(key) else { return Ok(()) };
    let by_dependency = state.definition(task).depends.iter().any(|d| {
        let key = TaskKey { plan: key.plan.clone(), task: d.clone() };
        state.task(&key).is_some_and(is_broken)
    });
    let by_group = !state.options().keep_going && earlier_groups(state, task).any(is_broken);
    let by_plan = out.events.iter().any(|e| matches!(e, Event::PlanEnded { plan, reason: Some(_), .. } if *plan == key.plan));
    // A retry reopens what was skipped, and it may be skipped again in the same step, by the same cause.
    if by_dependency || by_group || by_plan || task.phase != Phase::Skipped {
        return Ok(());
    }
    Err(("skipped_for_a_reason", format!("{key} is skipped: {:?}", task.reason)))
}

/// A plan's turn comes while fewer than `max_plans` are under way.
fn max_plans_is_respected(state: &State) -> Checked {
    let under_way = state.plans.iter().filter(|p| !matches!(p.phase, PlanPhase::Queued | PlanPhase::Ended { .. })).count();
    let max = state.options().max_plans as usize;
    if under_way > max { Err(("max_plans_is_respected", format!("{under_way} plans of {max} are under way"))) } else { Ok(()) }
}

/// What is done is on the branch, by its newest attempt, and whatever is on the branch is done.
fn done_is_on_the_branch(state: &State, world: &World) -> Checked {
    for plan in &state.plans {
        let content = world.git.content(&plan.head);
        let landed: BTreeSet<_> = content.iter().filter_map(|w| world.git.works[*w].attempt.as_ref()).collect();
        let done = state.tasks[plan.tasks.clone()].iter().filter(|t| t.phase == Phase::Done && t.landed_before.is_none());
        let done: BTreeSet<_> = done.filter(|t| !state.definition(t).ticked).map(TaskState::attempt_id).collect();
        if !landed.iter().copied().eq(done.iter()) {
            return Err(("done_is_on_the_branch", format!("done: {done:?}; on the branch of {}: {landed:?}", plan.submission.plan.id)));
        }
    }
    Ok(())
}

/// A suite may be flaky: whoever is alone on a red tree is blamed only when it was red there a second time.
fn blamed_when_red_twice(state: &State, attempt: &AttemptId, world: &World) -> Checked {
    let Some(refused) = state.attempt(attempt).and_then(|a| a.refused.as_ref()) else { return Ok(()) };
    match world.git.reds.get(&world.git.content(&refused.merged)) {
        Some(2..) => Ok(()),
        times => Err(("blamed_when_red_twice", format!("{attempt} is blamed for {}, which was red {times:?} times", refused.merged))),
    }
}

/// The counts of the summary add up to the total, and exit code 0 means that every task is done.
fn counts_add_up(state: &State, world: &World) -> Checked {
    for coordinator in [Coordinator::Alive, Coordinator::Gone] {
        let shown = status(&RunId::from("run"), state, coordinator, Time(world.now));
        let s = &shown.summary;
        let sum = s.done + s.failed + s.needs_human + s.skipped + s.cancelled + s.running + s.waiting;
        if sum != s.total || s.total != state.tasks.len() || shown.all_done() != state.tasks.iter().all(|t| t.phase == Phase::Done) {
            return Err(("counts_add_up", format!("{s:?}")));
        }
        let red_or_untested = shown.plans.iter().any(|p| p.verified && p.verify.is_empty());
        if red_or_untested {
            return Err(("counts_add_up", String::from("a plan without a suite is said to be verified")));
        }
    }
    Ok(())
}

/// A check or suite that was ended with the run is not taken for a verdict.
pub fn ended_gates_prove_nothing(out: &Step) -> Checked {
    let believed = out.events.iter().find(|e| match e {
        Event::WorkJudged { verdict, .. } => !matches!(verdict, Verdict::Accepted { .. }),
        Event::BatchVerified { suite, .. } | Event::BaseJudged { suite, .. } => !matches!(suite, Suite::Green { .. }),
        _ => false,
    });
    match believed {
        Some(event) => Err(("ended_gates_prove_nothing", format!("{event:?}"))),
        None => Ok(()),
    }
}
