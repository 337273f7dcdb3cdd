//! A task's state in the contract's words, with the reason why it is there. Says, never decides.

use std::collections::BTreeMap;

use crate::coordinator::{Choice, backlog_is_full, choose, full, owner_at_work};
use crate::exchange::Question;
use crate::health::HealthStatus;
use crate::state::{AttemptState, BatchPhase, COMMAND_AGENT, GroupPhase, Phase, PlanPhase, State, TaskState, account_label};
use crate::time::Time;

/// How far accepted work is on its way to the branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lands {
    /// Other work is being landed, or was red: it waits for its turn.
    Waits,
    /// It is being merged in memory.
    Merges,
    /// The suite runs on it, together with this many others.
    Verifies {
        /// Others in the same batch.
        others: usize,
    },
    /// The suite was green; the branch is being moved.
    Moves,
}

/// How far a task in [`Phase::Landing`] is.
#[must_use]
pub fn landing(state: &State, task: &TaskState) -> Lands {
    let id = task.attempt_id();
    let Some(batch) = &state.plans[task.plan].lane.active else { return Lands::Waits };
    let merged = batch.merged.iter().any(|(a, _)| a.attempt == id);
    match batch.phase {
        BatchPhase::Merging if batch.attempts.iter().any(|a| a.attempt == id) => Lands::Merges,
        BatchPhase::Verifying if merged => Lands::Verifies { others: batch.merged.len() - 1 },
        BatchPhase::Moving { .. } if merged => Lands::Moves,
        _ => Lands::Waits,
    }
}

/// The same in words.
#[must_use]
pub fn landing_words(state: &State, task: &TaskState) -> String {
    let plan = &state.plans[task.plan];
    let retested = || plan.lane.was_red_alone(&task.attempt_id());
    let red = || plan.lane.is_suspect(&task.attempt_id());
    match landing(state, task) {
        Lands::Waits if plan.verify.is_empty() => String::from("waits for its turn to land"),
        Lands::Waits if red() => String::from("was in a red batch; waits to be verified apart"),
        Lands::Waits => String::from("waits for verification"),
        Lands::Merges => String::from("is being merged"),
        Lands::Verifies { others: 0 } if retested() => String::from("the suite was red with it, and runs once more"),
        Lands::Verifies { others: 0 } => String::from("is being verified"),
        Lands::Verifies { others } => format!("is being verified, together with {others} more"),
        Lands::Moves => String::from("is green; the branch is being moved"),
    }
}

/// The first clause of an ended task's reason, for where there is room for a line: reasons say first what is so, and after a `; ` what
/// else there is to know. What stands in backticks is one word.
#[must_use]
pub fn brief(reason: &str) -> &str {
    let mut quoted = false;
    for (at, c) in reason.char_indices() {
        match c {
            '`' => quoted = !quoted,
            ';' if !quoted && at > 0 && reason[at + 1..].starts_with(' ') => return &reason[..at],
            _ => {}
        }
    }
    reason
}

/// The state's name and why it is so.
#[must_use]
pub fn task_state(state: &State, task: &TaskState, now: Time) -> (&'static str, Option<String>) {
    let own = || task.reason.clone();
    match task.phase {
        Phase::Blocked | Phase::Ready if state.awaited_answer(task).is_some() && state.stopping.is_none() => {
            ("awaiting_answer", asks(state, task))
        }
        Phase::Blocked => ("blocked", Some(blocked_by(state, task))),
        Phase::Ready => match (queued_by(state, task), quota_awaited(state, task, now)) {
            (None, Some(why)) => ("awaiting_quota", Some(why)),
            (Some(why), _) => ("queued", Some(why)),
            (None, None) => ("ready", own()),
        },
        Phase::Running => match task.current() {
            Some(a) if a.spawned.is_none() => ("running", Some(String::from("its workspace is being prepared"))),
            Some(a) if state.is_with_a_person(task) => ("running", own().or_else(|| with_a_person(task, a)).or_else(|| health(a))),
            Some(a) => {
                let said = || own().or_else(|| health(a)).or_else(|| nearly_used_up(state, task, now)).or_else(|| progress(a));
                ("running", asks(state, task).or_else(said))
            }
            None => ("running", own()),
        },
        Phase::Gating => ("gating", own()),
        Phase::Landing => ("landing", own().or_else(|| Some(landing_words(state, task)))),
        Phase::AwaitingRetry { until } => {
            let last = task.current().and_then(|a| a.failure.as_ref()).map_or("it failed", |f| f.message.as_str());
            ("awaiting_retry", Some(format!("{last}; tried again at {}", until.rfc3339())))
        }
        Phase::Done => ("done", own()),
        Phase::NeedsHuman => ("needs_human", own()),
        Phase::Failed => ("failed", own()),
        Phase::Skipped => ("skipped", own()),
        Phase::Cancelled => ("cancelled", own()),
    }
}

/// The open question of its newest attempt, the oldest where there are several.
#[must_use]
pub fn open_question<'a>(state: &'a State, task: &TaskState) -> Option<(u64, &'a Question)> {
    let newest = task.current()?.n;
    let of_it = |(_, q): &(&u64, &Question)| q.ended.is_none() && q.attempt.n == newest && q.attempt.key == task.key;
    state.exchange.questions.iter().find(of_it).map(|(n, q)| (*n, q))
}

/// What it waits to be told by a person: the first line of its question.
#[must_use]
pub fn asks(state: &State, task: &TaskState) -> Option<String> {
    let (number, question) = open_question(state, task)?;
    let mut lines = question.text.lines();
    let first: String = lines.next().unwrap_or_default().chars().take(ASKS_CHARS_MAX).collect();
    let more = if first.len() < question.text.len() { " …" } else { "" };
    Some(format!("asks (question {number}): {first}{more}"))
}

/// Most of a question that stands in a line about its task.
const ASKS_CHARS_MAX: usize = 200;

/// How far it says it is.
fn progress(attempt: &AttemptState) -> Option<String> {
    let said = attempt.progress.as_ref()?;
    Some(said.text.as_ref().map_or_else(|| format!("{} %", said.percent), |text| format!("{} %: {text}", said.percent)))
}

/// Where it is to be done, and how it is given back. Nothing while its health says something worse.
fn with_a_person(task: &TaskState, attempt: &AttemptState) -> Option<String> {
    let worktree = &attempt.spawned.as_ref()?.worktree;
    let id = &task.key.task;
    let well = attempt.health.status == HealthStatus::Healthy;
    let hands = &attempt.agent;
    let why = came_back(task);
    let (again, why) = (if why.is_some() { " again" } else { "" }, why.map_or(String::new(), |why| format!(": {why}")));
    well.then(|| format!("is in the hands of {hands}{again}, in {worktree}{why}; a commit there or `greenlane done {id}` ends it"))
}

/// Why the work of the attempt before this one was not taken: it is there again, to be put right. `None`: nothing of it is there.
#[must_use]
pub fn came_back(task: &TaskState) -> Option<&str> {
    let newest = task.current().filter(|a| !a.fresh)?;
    let before = task.attempts.iter().rev().find(|a| a.n < newest.n && !a.never_began())?;
    before.failure.as_ref().map(|f| f.message.as_str())
}

/// How much of its caps it has used, once that is most of one.
fn nearly_used_up(state: &State, task: &TaskState, now: Time) -> Option<String> {
    let (budget, spent) = (state.budget_of(task), state.spent_by(task, now));
    let told: Vec<String> = task.warned.iter().map(|m| budget.compare(*m, &spent)).collect();
    (!told.is_empty()).then(|| format!("budget: {}", told.join(", ")))
}

/// What is wrong with an attempt under way, or what else is to be said of it.
fn health(attempt: &AttemptState) -> Option<String> {
    let reason = attempt.health.reason_now();
    match attempt.health.status {
        HealthStatus::Healthy => reason.map(str::to_owned),
        status => Some(format!("{}: {}", status.as_str(), reason.unwrap_or("no reason is known"))),
    }
}

/// Its account is limited: until when, and in whose words.
fn quota_awaited(state: &State, task: &TaskState, now: Time) -> Option<String> {
    let (account, until) = match choose(state, task, now) {
        Choice::Wait(account, until) => (account, until),
        Choice::Agent(agent, _) => {
            let account = state.account_of(&agent)?;
            if let Some(full) = full(state, account) {
                return Some(format!("waits for {}", place_words(account, full)));
            }
            let short = state.accounts.get(account).is_some_and(|a| a.free == Some(0));
            return short.then(|| format!("other runs on this machine have every place of {}", account_label(account)));
        }
    };
    let said = state.accounts.get(&account).map(|a| a.reason.as_str()).filter(|r| !r.is_empty());
    let said = said.map(|r| format!(" ({r})")).unwrap_or_default();
    Some(format!("waits for the quota of {} until {}{said}", account_label(&account), until.rfc3339()))
}

/// `a place on the account claude: 5 of 5 at work`, and when there is one more.
fn place_words(account: &str, (at_work, limit, rises_at): (u32, u32, Option<Time>)) -> String {
    let more = rises_at.map(|at| format!("; one more from {}", at.rfc3339())).unwrap_or_default();
    format!("a place on the account {}: {at_work} of {limit} at work{more}", account_label(account))
}

/// The places that ready tasks wait for, in words; one for each account of which all are taken.
#[must_use]
pub fn places_awaited(state: &State, now: Time) -> Vec<String> {
    let mut places: BTreeMap<String, Option<String>> = BTreeMap::new();
    for task in state.tasks.iter().filter(|t| t.phase == Phase::Ready && state.agent_of(t) != COMMAND_AGENT) {
        if let Choice::Agent(agent, _) = choose(state, task, now)
            && let Some(account) = state.account_of(&agent).filter(|a| !places.contains_key(*a))
        {
            let words = full(state, account).map(|full| place_words(account, full));
            // What the first task of an account waits for beside it, its others may not; of an account with a free place none waits.
            if words.is_none() || queued_by(state, task).is_none() {
                places.insert(account.to_owned(), words);
            }
        }
    }
    places.into_values().flatten().collect()
}

/// The accounts that ready tasks wait for, and when this run may use each again; the soonest first.
#[must_use]
pub fn quotas_awaited(state: &State, now: Time) -> Vec<(String, Time)> {
    if state.stopping.is_some() || state.paused {
        return Vec::new();
    }
    let ready = state.tasks.iter().filter(|t| t.phase == Phase::Ready && state.agent_of(t) != COMMAND_AGENT);
    let mut waits: BTreeMap<String, Time> = BTreeMap::new();
    for task in ready {
        if let Choice::Wait(account, until) = choose(state, task, now) {
            waits.insert(account_label(&account).to_owned(), until);
        }
    }
    let mut waits: Vec<_> = waits.into_iter().collect();
    waits.sort_by_key(|(_, until)| *until);
    waits
}

fn blocked_by(state: &State, task: &TaskState) -> String {
    match state.plans[task.plan].phase {
        PlanPhase::Queued => return String::from("its plan waits for its turn"),
        PlanPhase::Preparing => return String::from("its plan's branch is being made"),
        PlanPhase::VerifyingBase => return String::from("the suite runs on the base first"),
        PlanPhase::Running | PlanPhase::Ended { .. } => {}
    }
    let definition = state.definition(task);
    let open: Vec<String> = definition
        .depends
        .iter()
        .filter(|d| {
            let key = crate::ids::TaskKey { plan: task.key.plan.clone(), task: (*d).clone() };
            state.task(&key).is_some_and(|t| t.phase != Phase::Done)
        })
        .map(|d| format!("`{d}`"))
        .collect();
    if open.is_empty() { String::from("waits for an earlier group") } else { format!("waits for {}", open.join(", ")) }
}

fn queued_by(state: &State, task: &TaskState) -> Option<String> {
    if state.stopping.is_some() {
        return Some(match (&state.halted, state.ended_at) {
            (Some((_, why)), _) => format!("not tried: {why}"),
            (None, Some(_)) => String::from("not tried: the run was stopped"),
            (None, None) => String::from("the run is being stopped"),
        });
    }
    if state.paused {
        return Some(String::from("the run is paused"));
    }
    if let Some(short) = &state.short_of {
        return Some(format!("waits for room: {short}"));
    }
    if let Some(group) = state.plans[task.plan].groups.iter().find(|g| g.rolling_back) {
        return Some(format!("waits until what landed of group `{}` is taken off the branch", group.id));
    }
    if state.group_of(task).is_some_and(|g| g.phase == GroupPhase::Refreshing) {
        return Some(String::from("waits until the context is refreshed for its group"));
    }
    if let Some(other) = owner_at_work(state, task) {
        return Some(format!("`{}` owns some of the same files and is at work", state.tasks[other].key.task));
    }
    let running = state.tasks.iter().filter(|t| t.phase == Phase::Running && state.takes_a_slot(t)).count();
    if running >= state.options().jobs as usize {
        return Some(String::from("waits for a free slot"));
    }
    if let Some(waiting) = backlog_is_full(state, task.plan) {
        return Some(format!("waits until some of the {waiting} tasks before it are verified (`run.backlog`)"));
    }
    let agent = state.agent_of(task);
    let of_agent = state.tasks.iter().filter(|t| t.phase == Phase::Running && t.current().is_some_and(|a| a.agent == agent)).count();
    let full = state.options().agent_slots.get(&agent).is_some_and(|max| of_agent >= *max as usize);
    full.then(|| format!("waits for a free slot of {agent}"))
}

#[cfg(test)]
mod tests {
    use super::brief;

    #[test]
    fn the_first_clause_is_what_is_so() {
        let long = "conflicts with what has landed, in a.rs; look: `git diff x...y`, then merge by hand";
        assert_eq!(brief(long), "conflicts with what has landed, in a.rs");
        let quoted = "check `make; make test` failed with exit code 2";
        assert_eq!(brief(quoted), quoted);
        assert_eq!(brief("`a; b` is red; the rest"), "`a; b` is red");
        for whole in ["", ";", "a;b", "; nothing before it", "an `open; quote", "ü; é"].map(|t| (t, brief(t))) {
            assert!(whole.0 == whole.1 || whole.1 == "ü", "{whole:?}");
        }
    }
}
